//! The plan for one-bit sources: native, DoP or PCM, and what is said where there is no way. F1 is a row of the control points'
//! catalogue.

use pcm::decimate::Conversion;
use pcm::{
    Caps, ChannelMap, ChannelSet, Content, DSD_SILENCE, Encoding, FormatSet, RateSet, Refusal, Rules, Setting, Source,
    Wire, WireFormat, plan,
};

const DSD64: u32 = 2_822_400;

fn dsd(rate: u32, channels: u16) -> Source {
    Source { rate, bits: 1, channels, encoding: Encoding::Dsd }
}

fn dac(formats: &[WireFormat], rates: RateSet) -> Caps {
    Caps::uniform(formats.iter().copied().collect(), rates, ChannelSet::STEREO)
}

fn planned(source: &Source, caps: &Caps, dop: bool) -> Result<Wire, Refusal> {
    let plan = plan(source, caps, &Rules { dop, ..Rules::default() })?;
    assert!(plan.lossless && !plan.dither);
    Ok(plan.wire)
}

#[test]
fn f1_native_dsd_comes_first_in_the_longest_words_at_the_rate_that_alsa_counts() {
    let any = RateSet::any(1, 10_000_000);
    for (format, rate) in [
        (WireFormat::DsdU8, 352_800),
        (WireFormat::DsdU16Le, 176_400),
        (WireFormat::DsdU16Be, 176_400),
        (WireFormat::DsdU32Le, 88_200),
        (WireFormat::DsdU32Be, 88_200),
    ] {
        let wire = planned(&dsd(DSD64, 2), &dac(&[format, WireFormat::S32Le, WireFormat::S24_3Le], any), true);
        assert_eq!(wire, Ok(Wire { format, rate, channels: 2 }));
    }
    let all = dac(&WireFormat::ALL, any);
    assert_eq!(planned(&dsd(DSD64 * 8, 1), &all, true).unwrap().format, WireFormat::DsdU32Be);
    // 32-bit words of DSD64 aren't among its rates, 8-bit ones are.
    let odd = dac(&[WireFormat::DsdU32Be, WireFormat::DsdU8], RateSet::EMPTY.with(352_800));
    assert_eq!(planned(&dsd(DSD64, 2), &odd, false).unwrap().format, WireFormat::DsdU8);
}

#[test]
fn dop_is_for_dacs_that_are_known_or_said_to_understand_it() {
    let rates = RateSet::EMPTY.with(176_400).with(352_800);
    let pcm = [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S24Le, WireFormat::S32Le];
    let unknown = dac(&pcm, rates);
    assert!(plan(&dsd(DSD64, 2), &unknown, &Rules::default()).is_ok_and(|plan| plan.decimation.is_some()));
    let wire = planned(&dsd(DSD64, 2), &unknown, true).unwrap();
    assert_eq!(wire, Wire { format: WireFormat::DopS24_3Le, rate: 176_400, channels: 2 });
    let known = dac(&[WireFormat::S32Le, WireFormat::DopS32Le], rates);
    let wire = planned(&dsd(DSD64 * 2, 1), &known, false).unwrap();
    assert_eq!(wire, Wire { format: WireFormat::DopS32Le, rate: 352_800, channels: 2 });
    let converted = |source, caps| plan(&source, caps, &Rules { dop: true, ..Rules::default() }).unwrap().decimation;
    assert!(converted(dsd(DSD64 * 4, 2), &known).is_some(), "705 600 Hz is too fast for it");
    assert!(converted(dsd(DSD64, 2), &dac(&[WireFormat::S16Le], rates)).is_some(), "16 bits carry no DoP");
    // PCM is never planned as DoP, or as DSD.
    let everything = dac(&WireFormat::ALL, RateSet::any(1, 10_000_000));
    for bits in 1..=32 {
        let source = Source { rate: 176_400, bits, channels: 2, encoding: Encoding::Integer };
        for software_volume in [false, true] {
            let rules = Rules { software_volume, dop: true, resample: false };
            assert_eq!(plan(&source, &everything, &rules).unwrap().wire.format.content(), Content::Pcm);
        }
    }
}

#[test]
fn a_dac_that_takes_neither_dsd_nor_dop_gets_pcm() {
    let rules = Rules { resample: true, ..Rules::default() };
    let all = [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S32Le];
    for (base, multiple) in [(44_100, 64), (48_000, 64), (44_100, 512), (48_000, 1024)] {
        let source = dsd(base * multiple, 1);
        for (times, wanted) in [(&[1, 2, 4, 8][..], 4), (&[1, 2, 8], 8), (&[1, 2], 2), (&[1], 1)] {
            let rates = times.iter().map(|times| times * base).collect();
            let plan = plan(&source, &dac(&all, rates), &rules).unwrap();
            assert_eq!(plan.wire, Wire { format: WireFormat::S32Le, rate: base * wanted, channels: 2 });
            assert_eq!(plan.decimation, Conversion::new(source.rate, base * wanted.max(2)));
            assert_eq!(plan.resampled_from, (wanted == 1).then_some(base * 2));
            assert!(!plan.lossless && !plan.dither && plan.channel_map == ChannelMap::MonoToStereo);
        }
    }
    // Dither is for what is narrower than the filter's 32 bits.
    let rates = RateSet::EMPTY.with(44_100).with(176_400);
    for (formats, format) in [(&all[..2], WireFormat::S24_3Le), (&all[..1], WireFormat::S16Le)] {
        let plan = plan(&dsd(DSD64, 2), &dac(formats, rates), &Rules::default()).unwrap();
        assert_eq!((plan.wire.format, plan.dither), (format, true));
    }
    // Without resampling there is no way to 44.1 kHz, nor to the other family; nor is there a conversion of such a rate.
    let only = |rate| dac(&all, RateSet::EMPTY.with(rate));
    assert!(plan(&dsd(DSD64, 2), &only(44_100), &Rules::default()).is_err());
    assert!(plan(&dsd(DSD64, 2), &only(192_000), &Rules::default()).is_err());
    assert!(plan(&dsd(DSD64 * 32, 2), &only(176_400), &rules).is_err());
    let other = plan(&dsd(DSD64, 2), &only(192_000), &rules).unwrap();
    assert_eq!((other.wire.rate, other.resampled_from), (192_000, Some(88_200)));
}

#[test]
fn refusals_say_what_is_missing() {
    let rates = RateSet::EMPTY.with(44_100).with(705_600);
    let text = |source: &Source, caps: &Caps, dop| planned(source, caps, dop).unwrap_err().to_string();
    assert_eq!(
        text(&dsd(DSD64 * 4, 2), &dac(&[WireFormat::S32Le], rates), false),
        "the DAC can't play DSD256: it has no DSD, and no PCM that this could be converted to; if it understands DSD over PCM \
         (DoP), allow that in the settings"
    );
    assert_eq!(
        text(&dsd(DSD64 * 8, 2), &dac(&[WireFormat::S32Le, WireFormat::DsdU16Be], rates), true),
        "the DAC can't play DSD512: it has DSD, but not at that rate, and no PCM that this could be converted to, and for DSD \
         over PCM it would need 24 bits, the lowest byte first, at 1411200 Hz"
    );
    assert_eq!(
        text(&dsd(3_072_000, 2), &dac(&[WireFormat::S16Le], rates), false),
        "the DAC can't play DSD at 3072000 Hz: it has no DSD, and no PCM that this could be converted to, and for DSD over PCM \
         it would need 24 bits, the lowest byte first, at 192000 Hz"
    );
    for nonsense in [dsd(0, 2), dsd(DSD64, 0), dsd(DSD64, 9), Source { bits: 8, ..dsd(DSD64, 2) }] {
        let everything = dac(&WireFormat::ALL, RateSet::any(1, 10_000_000));
        assert_eq!(planned(&nonsense, &everything, true), Err(Refusal::Source(nonsense)));
    }
    assert!(matches!(
        planned(&dsd(DSD64, 6), &dac(&[WireFormat::DsdU32Be], RateSet::EMPTY.with(88_200)), false),
        Err(Refusal::Channels { channels: 6, .. })
    ));
}

#[test]
fn caps_tell_what_can_be_opened() {
    let dac = dac(&[WireFormat::S24_3Le, WireFormat::DsdU32Be], RateSet::EMPTY.with(88_200).with(176_400));
    let takes = |format, rate, channels| dac.takes(&Wire { format, rate, channels });
    assert!(takes(WireFormat::DsdU32Be, 88_200, 2) && takes(WireFormat::S24_3Le, 176_400, 2));
    assert!(takes(WireFormat::DopS24_3Le, 176_400, 2), "to the DAC it is PCM");
    assert!(!takes(WireFormat::DopS32Le, 176_400, 2) && !takes(WireFormat::DsdU8, 88_200, 2));
    assert!(!takes(WireFormat::DsdU32Be, 88_200, 1) && !takes(WireFormat::DsdU32Be, 44_100, 2));
    assert_eq!(FormatSet::PCM.and(FormatSet::ALL), FormatSet::ALL);
    assert_eq!(DSD_SILENCE.count_ones(), 4);
}

#[test]
fn a_dac_with_native_dsd_at_few_rates_gets_dop_at_the_others() {
    let pcm_rates = RateSet::EMPTY.with(44_100).with(176_400).with(352_800);
    let native = RateSet::EMPTY.with(88_200).with(352_800);
    let uneven = Caps::default()
        .with(Setting::new(WireFormat::S32Le, pcm_rates, ChannelSet::STEREO))
        .with(Setting::new(WireFormat::DsdU32Be, native, ChannelSet::STEREO));
    let of = |multiple: u32, dop| planned(&dsd(DSD64 * multiple, 2), &uneven, dop).map(|wire| (wire.format, wire.rate));
    assert_eq!(of(1, true), Ok((WireFormat::DsdU32Be, 88_200)));
    assert_eq!(of(4, true), Ok((WireFormat::DsdU32Be, 352_800)));
    assert_eq!(
        of(2, true),
        Ok((WireFormat::DopS32Le, 352_800)),
        "DSD128 natively would be 176 400 Hz, which is PCM's only"
    );
    let converted = |multiple: u32, dop| {
        let plan = plan(&dsd(DSD64 * multiple, 2), &uneven, &Rules { dop, ..Rules::default() }).unwrap();
        (plan.decimation.is_some(), plan.wire.rate)
    };
    assert_eq!((converted(2, false), converted(8, true)), ((true, 176_400), (true, 176_400)));
    // With fewer true bits than the marker and its 16 bits there is no DoP.
    let shallow = Setting { bits: 20, ..Setting::new(WireFormat::S32Le, pcm_rates, ChannelSet::STEREO) };
    let rules = Rules { dop: true, ..Rules::default() };
    assert!(plan(&dsd(DSD64, 2), &Caps::default().with(shallow), &rules).unwrap().decimation.is_some());
}

#[test]
fn a_refusal_tells_native_dsd_and_the_carrier_of_dop_apart() {
    // Only what could be converted to is missing: DoP of DSD256 needs 705.6 kHz, which no conversion gives.
    let setting = |format, rate| Setting::new(format, RateSet::EMPTY.with(rate), ChannelSet::STEREO);
    let uneven = Caps::default().with(setting(WireFormat::S32Le, 705_600)).with(setting(WireFormat::DsdU32Be, 88_200));
    let refused = |multiple: u32, dop| planned(&dsd(DSD64 * multiple, 2), &uneven, dop).unwrap_err();
    let rate = DSD64 * 4;
    assert_eq!(refused(4, false), Refusal::Dsd { rate, native: true, carrier: true, dop: false });
    assert_eq!(refused(8, true), Refusal::Dsd { rate: rate * 2, native: true, carrier: false, dop: true });
}

#[test]
fn dsd_becomes_pcm_in_the_setting_with_the_bits_then_at_the_best_rate_that_it_has() {
    let setting = |format, times: &[u32]| {
        let rates = times.iter().map(|times| times * 44_100).collect();
        Setting::new(format, rates, ChannelSet::STEREO)
    };
    let (s16, s32) = (WireFormat::S16Le, WireFormat::S32Le);
    for (of_s16, of_s32, expected) in [
        (&[1, 2, 4][..], &[1, 2][..], (s32, 2, false)),
        (&[1, 2, 4, 8], &[1, 8], (s32, 8, false)),
        // Nothing is resampled while there is a rate that the filters give.
        (&[1, 2], &[1], (s16, 2, false)),
        (&[1], &[1], (s32, 1, true)),
    ] {
        let caps = Caps::default().with(setting(s16, of_s16)).with(setting(s32, of_s32));
        let plan = plan(&dsd(DSD64, 2), &caps, &Rules { resample: true, ..Rules::default() }).unwrap();
        let touched = plan.resampled_from.is_some();
        assert_eq!((plan.wire.format, plan.wire.rate / 44_100, touched), expected, "{of_s16:?} {of_s32:?}");
        assert!(plan.decimation.is_some() && caps.takes(&plan.wire));
    }
}
