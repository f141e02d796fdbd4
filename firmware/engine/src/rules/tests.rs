use pcm::{Caps, ChannelSet, RateSet, Setting, WireFormat};

use super::*;

fn card(usb: (u16, u16), name: &str) -> Card {
    Card { usb: Some(usb), name: name.to_owned() }
}

fn rules(text: &str) -> DacRules {
    DacRules::read(Some(text)).expect("they are right")
}

/// S16, S24_3 and S32 to 768 kHz, and DSD64 to DSD512.
fn dac() -> Caps {
    let rates: RateSet = [44_100, 192_000, 352_800, 705_600, 768_000].into_iter().collect();
    let dsd: RateSet = [88_200, 176_400, 352_800, 705_600].into_iter().collect();
    let setting = |format, rates| Setting::new(format, rates, ChannelSet::STEREO);
    Caps::default()
        .with(setting(WireFormat::S16Le, rates))
        .with(setting(WireFormat::S24_3Le, rates))
        .with(setting(WireFormat::S32Le, rates))
        .with(setting(WireFormat::DsdU32Be, dsd))
        .with_mixer(true)
}

fn rates_of(caps: &Caps, format: WireFormat) -> Vec<u32> {
    caps.of(format).flat_map(|setting| setting.rates.iter()).collect()
}

#[test]
fn the_built_in_rules_are_right() {
    let rules = DacRules::read(None).expect("they are");
    assert_eq!(rules.of(&card((0x22d9, 0x0416), "HA-1")).dop, Some(true));
    assert_eq!(rules.of(&card((0x1234, 0x5678), "another")), Correction::default());
    assert_eq!(rules.of(&Card::default()), Correction::default());
}

#[test]
fn rules_are_for_ids_and_names() {
    for (whom, usb, name, matches) in [
        ("usb = '20b1:0f00'", (0x20b1, 0x0f00), "x", true),
        ("usb = '20B1:0F00'", (0x20b1, 0x0f00), "x", true),
        ("usb = '20b1:0f00'", (0x20b1, 0x0f01), "x", false),
        ("usb = '20b1:*'", (0x20b1, 0x0f01), "x", true),
        ("usb = '20b1:*'", (0x20b2, 0x0f01), "x", false),
        ("name = 'My DAC'", (1, 2), "My DAC", true),
        ("name = 'My DAC'", (1, 2), "My DAC 2", false),
        ("name = 'My*'", (1, 2), "My DAC 2", true),
        ("usb = '20b1:*'\nname = 'My*'", (0x20b1, 2), "Your DAC", false),
    ] {
        let says = rules(&format!("[[dac]]\n{whom}\nlock-ms = 7")).of(&card(usb, name));
        assert_eq!(says.lock_ms == Some(7), matches, "{whom} {name}");
    }
    let built_in_card = Card { usb: None, name: "My DAC".to_owned() };
    assert_eq!(rules("[[dac]]\nusb = '20b1:*'\nlock-ms = 7").of(&built_in_card), Correction::default());
}

#[test]
fn what_a_dac_does_not_do_is_taken_away() {
    let text = "[[dac]]\nname = 'x'\nwithout-formats = ['S16_LE']\nwithout-rates = [705600, 768000]\n\
                without-dsd-rates = [22579200]\nbits = 24\nhardware-volume = false";
    let caps = rules(text).of(&card((1, 2), "x")).correct(&dac());
    assert_eq!(caps.formats(), [WireFormat::S24_3Le, WireFormat::S32Le, WireFormat::DsdU32Be].into_iter().collect());
    assert_eq!(rates_of(&caps, WireFormat::S32Le), [44_100, 192_000, 352_800]);
    assert_eq!(rates_of(&caps, WireFormat::DsdU32Be), [88_200, 176_400, 352_800], "705 600 Hz is DSD512 in it");
    assert_eq!(caps.of(WireFormat::S32Le).map(|setting| setting.bits).collect::<Vec<_>>(), [24]);
    assert!(!caps.mixer);
    let untouched = rules(text).of(&card((1, 2), "y")).correct(&dac());
    assert_eq!(untouched, dac());
}

#[test]
fn a_dac_that_understands_dop_has_it_in_every_format_of_24_bits() {
    let says = |text: &str| rules(text).of(&card((1, 2), "x")).correct(&dac());
    let dop = |caps: &Caps| caps.formats().iter().filter(|format| format.is_dop()).collect::<Vec<_>>();
    let caps = says("[[dac]]\nname = 'x'\ndop = true");
    assert_eq!(dop(&caps), [WireFormat::DopS24_3Le, WireFormat::DopS32Le]);
    assert_eq!(rates_of(&caps, WireFormat::DopS32Le), rates_of(&caps, WireFormat::S32Le));
    assert_eq!(dop(&says("[[dac]]\nname = 'x'\ndop = true\nbits = 20")), []);
    // The later one counts.
    assert_eq!(dop(&says("[[dac]]\nname = 'x'\ndop = true\n[[dac]]\nname = 'x*'\ndop = false")), []);
}

#[test]
fn a_setting_without_a_rate_left_is_gone() {
    let caps = Caps::uniform(FormatSet::PCM, RateSet::EMPTY.with(44_100), ChannelSet::STEREO);
    let says = rules("[[dac]]\nname = 'x'\nwithout-rates = [44100]").of(&card((1, 2), "x"));
    assert_eq!(says.correct(&caps), Caps::default());
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, expected) in [
        ("[[dac]]\nusb = '20b1'\ndop = true", "line 2: \"20b1\" won't do: usb is vendor and product in hexadecimal"),
        ("[[dac]]\nusb = '20b1:f00'\ndop = true", "line 2: \"20b1:f00\" won't do: usb is"),
        ("[[dac]]\nname = '*'\ndop = true", "line 2: \"*\" won't do: name is ALSA's name"),
        ("[[dac]]\nname = 'x'\nbits = 32", "line 3: 32 won't do: bits is a number from 16 to 31"),
        ("[[dac]]\nname = 'x'\nlock-ms = 5001", "line 3: 5001 won't do: lock-ms is a number from 0 to 5000"),
        ("[[dac]]\nname = 'x'\n\nwithout-rates = [\n 48000,\n 48001]", "line 6: 48001 won't do: a rate is in Hz"),
        ("[[dac]]\nname = 'x'\nwithout-dsd-rates = [352800]", "line 3: 352800 won't do: a rate of DSD is in bits"),
        ("[[dac]]\nname = 'x'\nwithout-formats = ['DoP']", "line 3: \"DoP\" won't do: a format is one of S16_LE"),
        ("[[dac]]\nname = 'x'\nhardware-volume = true", "line 3: true won't do: hardware-volume can only be false"),
        ("\n[[dac]]\ndop = true", "line 2: this rule is for no DAC: say which with usb"),
        ("[[dac]]\nname = 'x'\n[[dac]]\nname = 'y'\ndop = true", "line 1: this rule says nothing of its DAC"),
        ("[[dac]]\nname = 'x'\nlock_ms = 3", "line 3: unknown field `lock_ms`, expected one of"),
        ("[[dac]]\nname = 'x'\nlock-ms = -3", "line 3: "),
        ("[[dac]]\nname = 'x'\nlock-ms = 'long'", "line 3: "),
        ("[[dac]]\nname = 'x\ndop = true", "line 2: "),
        ("\n[[card]]\nname = 'x'", "line 2: unknown field `card`, expected `dac`"),
    ] {
        let error = DacRules::read(Some(text)).expect_err(text);
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
    assert!(DacRules::read(Some("")).is_ok());
}
