//! The plan: what is opened for which source on which DAC. F1 to F3 are rows of the control points' catalogue.

mod common;

use common::{caps, source, unpack};
use pcm::{
    ChannelMap, ChannelSet, Cpu, Encoding, FormatSet, Packer, Planes, RateSet, Refusal, Rules, Samples, WireFormat,
    plan,
};

const BIT_PERFECT: Rules = Rules { software_volume: false, dop: false, resample: false };

fn all_format_sets() -> impl Iterator<Item = FormatSet> {
    (0..1u32 << WireFormat::PCM.len()).map(|set| {
        WireFormat::PCM.into_iter().enumerate().filter(move |(n, _)| set >> n & 1 == 1).map(|(_, f)| f).collect()
    })
}

#[test]
fn f1_the_dac_is_never_opened_wider_than_the_source_needs() {
    for formats in all_format_sets().filter(|&formats| formats != FormatSet::EMPTY) {
        let widest = formats.iter().map(WireFormat::bits).max().unwrap();
        for bits in 1..=32 {
            let plan =
                plan(&source(bits, 2, Encoding::Integer), &caps(formats, ChannelSet::STEREO), &BIT_PERFECT).unwrap();
            let wire = plan.wire.format;
            let narrower = formats
                .iter()
                .any(|other| other.bits() >= bits && (other.bits(), other.bytes()) < (wire.bits(), wire.bytes()));
            assert!(!narrower, "{bits} bits: {wire} although {formats:?}");
            let little = wire.little_endian();
            assert!(wire == little || !formats.contains(little), "{bits} bits: {wire} although {formats:?}");
            assert_eq!(plan.lossless, widest >= bits, "{bits} bits in {wire}");
            assert_eq!(plan.dither, !plan.lossless, "{bits} bits in {wire}");
        }
    }
}

#[test]
fn f1_software_volume_takes_the_widest_format() {
    let rules = Rules { software_volume: true, ..BIT_PERFECT };
    for formats in all_format_sets().filter(|&formats| formats != FormatSet::EMPTY) {
        let plan = plan(&source(16, 2, Encoding::Integer), &caps(formats, ChannelSet::STEREO), &rules).unwrap();
        assert_eq!(Some(plan.wire.format.bits()), formats.iter().map(WireFormat::bits).max());
        assert!(plan.lossless && !plan.dither);
    }
}

/// The format for such a source on a DAC that takes these, and whether it is dithered.
fn of_floats(encoding: Encoding, bits: u16, formats: &[WireFormat]) -> (WireFormat, bool) {
    let caps = caps(formats.iter().copied().collect(), ChannelSet::STEREO);
    let plan = plan(&source(bits, 2, encoding), &caps, &BIT_PERFECT).unwrap();
    assert!(!plan.lossless);
    assert_eq!(plan.exact_bits, (bits == 32).then_some(plan.wire.format.bits()));
    (plan.wire.format, plan.dither)
}

#[test]
fn f1_lossy_sources_take_24_bits_where_there_are() {
    let with = |formats: &[WireFormat]| of_floats(Encoding::Lossy, 0, formats);
    assert_eq!(with(&WireFormat::PCM), (WireFormat::S24_3Le, true));
    assert_eq!(with(&[WireFormat::S24Le, WireFormat::S32Le]), (WireFormat::S24Le, true));
    assert_eq!(with(&[WireFormat::S16Le, WireFormat::S32Le]), (WireFormat::S32Le, false));
    assert_eq!(with(&[WireFormat::S16Le]), (WireFormat::S16Le, true));
}

#[test]
fn f1_stored_floats_take_32_bits_where_there_are() {
    for bits in [32, 64] {
        let with = |formats: &[WireFormat]| of_floats(Encoding::Float, bits, formats);
        assert_eq!(with(&WireFormat::PCM), (WireFormat::S32Le, false));
        assert_eq!(with(&[WireFormat::S24Le, WireFormat::S32Le]), (WireFormat::S32Le, false));
        assert_eq!(with(&[WireFormat::S16Le, WireFormat::S24Le]), (WireFormat::S24Le, true));
        assert_eq!(with(&[WireFormat::S16Le]), (WireFormat::S16Le, true));
    }
}

#[test]
fn f2_s24_in_a_32_bit_word_is_right_justified_and_sign_extended() {
    let caps = caps(FormatSet::EMPTY.with(WireFormat::S24Le), ChannelSet::ALL);
    let plan = plan(&source(24, 1, Encoding::Integer), &caps, &BIT_PERFECT).unwrap();
    let samples = [0x7fff_ff00, -0x8000_0000, -0x100, 0x100];
    let mut bytes = [0xaa; 16];
    let planes = Planes::new([&samples[..]]).unwrap();
    assert_eq!(Packer::new(&plan, Cpu::detect()).pack(&Samples::S32(planes), 0, &mut bytes), 4);
    let words =
        [[0xff, 0xff, 0x7f, 0x00], [0x00, 0x00, 0x80, 0xff], [0xff, 0xff, 0xff, 0xff], [0x01, 0x00, 0x00, 0x00]];
    assert_eq!(bytes[..], words.concat());
}

#[test]
fn f3_16_bits_on_a_24_bit_dac_and_mono_on_a_stereo_dac_are_lossless() {
    let samples: Vec<i16> = (0..=u16::MAX).map(|n| n as i16).collect();
    for format in [WireFormat::S24_3Le, WireFormat::S24Le, WireFormat::S32Le] {
        let caps = caps(FormatSet::EMPTY.with(format), ChannelSet::STEREO);
        let plan = plan(&source(16, 1, Encoding::Integer), &caps, &BIT_PERFECT).unwrap();
        assert!(plan.lossless && !plan.dither);
        assert_eq!((plan.channel_map, plan.wire.channels), (ChannelMap::MonoToStereo, 2));
        let mut bytes = vec![0; samples.len() * plan.wire.frame_bytes()];
        let planes = Planes::new([&samples[..]]).unwrap();
        assert_eq!(Packer::new(&plan, Cpu::detect()).pack(&Samples::S16(planes), 0, &mut bytes), samples.len());
        let widened = samples.iter().flat_map(|&x| [i64::from(x) << (format.bits() - 16); 2]);
        assert!(unpack(format, &bytes).into_iter().eq(widened), "{format}");
    }
}

#[test]
fn mono_stays_mono_where_it_can() {
    let plan = plan(&source(16, 1, Encoding::Integer), &caps(FormatSet::PCM, ChannelSet::ALL), &BIT_PERFECT).unwrap();
    assert_eq!((plan.channel_map, plan.wire.channels), (ChannelMap::Same, 1));
}

/// The rate and what happens on the way, of a plan for a source of this rate on a DAC that takes S16 and S24_3 at these rates.
fn resampled(rate: u32, rates: &[u32]) -> Option<(u32, Option<u32>)> {
    let formats = [WireFormat::S16Le, WireFormat::S24_3Le].into_iter().collect();
    let dac = pcm::Caps::uniform(formats, rates.iter().copied().collect(), ChannelSet::STEREO);
    let rules = Rules { resample: true, ..BIT_PERFECT };
    let plan = plan(&pcm::Source { rate, ..source(16, 1, Encoding::Integer) }, &dac, &rules).ok()?;
    let touched = plan.resampled_from.is_some();
    assert_eq!((plan.lossless, plan.dither), (!touched, touched), "{rate}");
    // What is computed has more bits than the source.
    assert_eq!(plan.wire.format, if touched { WireFormat::S24_3Le } else { WireFormat::S16Le });
    assert_eq!((plan.channel_map, plan.decimation), (ChannelMap::MonoToStereo, None));
    Some((plan.wire.rate, plan.resampled_from))
}

#[test]
fn a_rate_that_the_dac_has_not_goes_to_its_own_family_or_else_to_the_nearest() {
    for (rate, rates, to) in [
        (96_000, &[44_100, 48_000][..], 48_000),
        (88_200, &[44_100, 48_000], 44_100),
        (192_000, &[44_100, 48_000, 88_200, 96_000], 96_000),
        (705_600, &[44_100, 48_000, 176_400, 192_000], 176_400),
        // A multiple loses nothing at all.
        (44_100, &[48_000, 176_400, 352_800], 176_400),
        (22_050, &[44_100, 48_000], 44_100),
        // A whole part that cuts what can be heard isn't gone to while there is another.
        (96_000, &[32_000, 44_100], 44_100),
        (64_000, &[44_100, 48_000, 96_000, 192_000], 192_000),
        (64_000, &[44_100, 48_000, 96_000], 96_000),
        (64_000, &[44_100, 48_000], 48_000),
        (96_000, &[32_000], 32_000),
        (44_101, &[44_100, 48_000, 96_000], 48_000),
    ] {
        assert_eq!(resampled(rate, rates), Some((to, Some(rate))), "{rate} on {rates:?}");
    }
    assert_eq!(resampled(96_000, &[48_000, 96_000]), Some((96_000, None)), "it has the rate");
    assert_eq!(resampled(96_000, &[]), None);
}

#[test]
fn what_the_dac_cannot_do_is_refused_by_name() {
    let stereo = caps(FormatSet::PCM, ChannelSet::STEREO);
    let refusal = |source, caps: &_| plan(&source, caps, &BIT_PERFECT).unwrap_err();
    let surround = refusal(source(16, 6, Encoding::Integer), &stereo);
    assert_eq!(surround.to_string(), "the DAC can't play 6 channels (it plays up to 2)");
    let slow = RateSet::EMPTY.with(44_100).with(96_000);
    let slow = pcm::Caps::uniform(FormatSet::PCM, slow, ChannelSet::STEREO);
    let fast = refusal(pcm::Source { rate: 192_000, ..source(24, 2, Encoding::Integer) }, &slow);
    assert_eq!(fast.to_string(), "the DAC can't play 192000 Hz (it plays up to 96000 Hz)");
    assert_eq!(refusal(source(16, 2, Encoding::Integer), &caps(FormatSet::EMPTY, ChannelSet::ALL)), Refusal::NoFormat);
    let everything = caps(FormatSet::PCM, ChannelSet::ALL);
    for nonsense in [
        source(0, 2, Encoding::Integer),
        source(33, 2, Encoding::Integer),
        source(16, 0, Encoding::Integer),
        source(16, 9, Encoding::Integer),
        source(65, 2, Encoding::Float),
        pcm::Source { rate: 0, ..source(16, 2, Encoding::Integer) },
    ] {
        assert_eq!(refusal(nonsense, &everything), Refusal::Source(nonsense));
    }
}

/// A USB DAC whose alternate settings aren't all alike: S16 to 48 kHz, S32 to 192 kHz and S24_3 in eight channels at 48 kHz only.
fn uneven() -> pcm::Caps {
    let base = RateSet::EMPTY.with(44_100).with(48_000);
    let setting = pcm::Setting::new;
    pcm::Caps::default()
        .with(setting(WireFormat::S16Le, base, ChannelSet::STEREO))
        .with(setting(WireFormat::S32Le, base.with(96_000).with(192_000), ChannelSet::STEREO.with(1)))
        .with(setting(WireFormat::S24_3Le, RateSet::EMPTY.with(48_000), ChannelSet::EMPTY.with(8)))
}

#[test]
fn a_format_is_chosen_among_those_that_the_dac_has_at_the_sources_rate_and_channels() {
    for (rate, bits, channels, expected) in [
        (44_100, 16, 2, (WireFormat::S16Le, 2, true)),
        (96_000, 16, 2, (WireFormat::S32Le, 2, true)),
        (48_000, 24, 2, (WireFormat::S32Le, 2, true)),
        (48_000, 16, 8, (WireFormat::S24_3Le, 8, true)),
        (48_000, 32, 8, (WireFormat::S24_3Le, 8, false)),
        // The narrowest comes first, then mono as it is.
        (48_000, 16, 1, (WireFormat::S16Le, 2, true)),
        (192_000, 16, 1, (WireFormat::S32Le, 1, true)),
    ] {
        let source = pcm::Source { rate, ..source(bits, channels, Encoding::Integer) };
        let plan = plan(&source, &uneven(), &BIT_PERFECT).unwrap();
        assert_eq!((plan.wire.format, plan.wire.channels, plan.lossless), expected, "{source:?}");
        assert!(uneven().takes(&plan.wire));
    }
    let loud = Rules { software_volume: true, ..BIT_PERFECT };
    let wide = plan(&source(16, 2, Encoding::Integer), &uneven(), &loud).unwrap();
    assert_eq!(wide.wire.format, WireFormat::S32Le);
}

#[test]
fn a_rate_is_gone_to_in_a_setting_that_has_it_and_the_bits_of_what_is_computed() {
    let rules = Rules { resample: true, ..BIT_PERFECT };
    for (rate, channels, expected) in [
        // S16 has 44.1 kHz too, but not the bits; eight channels have 48 kHz only.
        (88_200, 2, (WireFormat::S32Le, 44_100, 2)),
        (384_000, 1, (WireFormat::S32Le, 192_000, 1)),
        (24_000, 2, (WireFormat::S32Le, 48_000, 2)),
        (96_000, 8, (WireFormat::S24_3Le, 48_000, 8)),
        (44_100, 8, (WireFormat::S24_3Le, 48_000, 8)),
    ] {
        let source = pcm::Source { rate, ..source(16, channels, Encoding::Integer) };
        let plan = plan(&source, &uneven(), &rules).unwrap();
        assert_eq!((plan.wire.format, plan.wire.rate, plan.wire.channels), expected, "{source:?}");
        assert!(plan.resampled_from == Some(rate) && !plan.lossless && uneven().takes(&plan.wire));
    }
    // A full-speed DAC: its 16 bits have the nearer rate, its 24 bits don't.
    let setting =
        |format, rates: &[u32]| pcm::Setting::new(format, rates.iter().copied().collect(), ChannelSet::STEREO);
    let full_speed = pcm::Caps::default()
        .with(setting(WireFormat::S16Le, &[44_100, 48_000, 96_000]))
        .with(setting(WireFormat::S24_3Le, &[44_100, 48_000]));
    let fast = pcm::Source { rate: 192_000, ..source(24, 2, Encoding::Integer) };
    let wire = plan(&fast, &full_speed, &rules).unwrap().wire;
    assert_eq!((wire.format, wire.rate), (WireFormat::S24_3Le, 48_000));
    // More bits than are computed are no reason for another rate.
    let deep = full_speed.with(setting(WireFormat::S32Le, &[44_100]));
    assert_eq!(plan(&fast, &deep, &rules).unwrap().wire, wire);
    // Nor for a wider format, but with software volume.
    let wider = pcm::Caps::uniform(FormatSet::PCM, RateSet::any(1, 1_536_000), ChannelSet::STEREO);
    let deepest = pcm::Source { rate: 3_072_000, ..source(32, 2, Encoding::Integer) };
    for (software_volume, format) in [(false, WireFormat::S24_3Le), (true, WireFormat::S32Le)] {
        let plan = plan(&deepest, &wider, &Rules { software_volume, ..rules }).unwrap();
        assert_eq!((plan.wire.format, plan.wire.rate, plan.dither), (format, 1_536_000, !software_volume));
    }
    // No rate helps if there are no such channels.
    let surround = pcm::Source { rate: 192_000, ..source(16, 6, Encoding::Integer) };
    assert!(matches!(plan(&surround, &uneven(), &rules), Err(Refusal::Channels { channels: 6, .. })));
}

#[test]
fn refusals_of_an_uneven_dac_name_what_it_has_with_these_channels() {
    let refused = |rate, channels| {
        let source = pcm::Source { rate, ..source(16, channels, Encoding::Integer) };
        plan(&source, &uneven(), &BIT_PERFECT).unwrap_err().to_string()
    };
    assert_eq!(refused(96_000, 8), "the DAC can't play 96000 Hz (it plays up to 48000 Hz)");
    assert_eq!(refused(384_000, 2), "the DAC can't play 384000 Hz (it plays up to 192000 Hz)");
    assert_eq!(refused(48_000, 6), "the DAC can't play 6 channels (it plays other numbers of them, up to 8)");
}

#[test]
fn f1_bits_that_a_dac_only_pretends_to_have_are_not_counted() {
    let rates = RateSet::any(1, 1_536_000);
    let pretending = pcm::Setting { bits: 24, ..pcm::Setting::new(WireFormat::S32Le, rates, ChannelSet::STEREO) };
    let alone = pcm::Caps::default().with(pretending);
    let planned = |bits, caps: &pcm::Caps, software_volume| {
        let rules = Rules { software_volume, ..BIT_PERFECT };
        let plan = plan(&source(bits, 2, Encoding::Integer), caps, &rules).unwrap();
        (plan.wire.format, plan.lossless, plan.dither)
    };
    assert_eq!(planned(24, &alone, false), (WireFormat::S32Le, true, false));
    assert_eq!(planned(32, &alone, false), (WireFormat::S32Le, false, false), "the DAC drops the rest");
    let both = alone.with(pcm::Setting::new(WireFormat::S24_3Le, rates, ChannelSet::STEREO));
    assert_eq!(planned(24, &both, false), (WireFormat::S24_3Le, true, false));
    assert_eq!(planned(32, &both, false), (WireFormat::S24_3Le, false, true), "dither, rather than being cut off");
    assert_eq!(planned(16, &both, true), (WireFormat::S24_3Le, true, false), "the widest true format");
    let narrow = pcm::Setting { bits: 20, ..pcm::Setting::new(WireFormat::S24_3Le, rates, ChannelSet::STEREO) };
    assert_eq!(planned(24, &pcm::Caps::default().with(narrow), false), (WireFormat::S24_3Le, false, false));
}

#[test]
fn big_endian_samples_are_for_dacs_that_have_no_others_as_narrow() {
    use WireFormat::*;
    for (formats, bits, expected) in [
        (&[S16Be, S24_3Le][..], 16, S16Be),
        (&[S24_3Be, S32Le], 24, S24_3Be),
        (&[S24Le, S24_3Be], 24, S24_3Be),
        (&[S24_3Le, S24_3Be], 20, S24_3Le),
        (&[S16Be, S24_3Be], 16, S16Be),
        (&[S16Le, S32Be], 24, S32Be),
        (&[S24Be, S32Le, S32Be], 32, S32Le),
        (&[S24_3Be, S24Be], 32, S24_3Be),
    ] {
        let caps = caps(formats.iter().copied().collect(), ChannelSet::STEREO);
        let plan = plan(&source(bits, 2, Encoding::Integer), &caps, &BIT_PERFECT).unwrap();
        assert_eq!(plan.wire.format, expected, "{bits} bits, {formats:?}");
    }
    let caps = caps(FormatSet::EMPTY.with(S24Be), ChannelSet::ALL);
    let plan = plan(&source(24, 1, Encoding::Integer), &caps, &BIT_PERFECT).unwrap();
    let samples = [0x1234_5600, -0x8000_0000];
    let mut bytes = [0xaa; 8];
    let planes = Planes::new([&samples[..]]).unwrap();
    assert_eq!(Packer::new(&plan, Cpu::detect()).pack(&Samples::S32(planes), 0, &mut bytes), 2);
    assert_eq!(bytes, [0x00, 0x12, 0x34, 0x56, 0xff, 0x80, 0x00, 0x00]);
}

#[test]
fn f5_dop_in_pcm_goes_where_the_lowest_byte_comes_first() {
    use WireFormat::*;
    let found = |formats: &[WireFormat], software_volume| {
        let caps = caps(formats.iter().copied().collect(), ChannelSet::STEREO);
        let rules = Rules { software_volume, ..BIT_PERFECT };
        let dop = plan(&source(24, 2, Encoding::Integer), &caps, &rules).unwrap().with_dop(&caps)?;
        assert!(dop.lossless && !dop.dither && caps.takes(&dop.wire));
        Some(dop.wire.format)
    };
    assert_eq!(found(&[S24_3Le, S32Le], false), Some(DopS24_3Le));
    assert_eq!(found(&[S24_3Le, S32Le], true), Some(DopS32Le), "what is open anyway");
    assert_eq!(found(&[S24_3Be, S24Le, S32Le], false), Some(DopS24Le), "the plan's own can't");
    assert_eq!(found(&[S16Le, S24_3Be, S24Be, S32Be], false), None);
    assert_eq!(found(&[S16Le], false), None);
    let rates = RateSet::EMPTY.with(48_000);
    let dac =
        |bits| pcm::Caps::default().with(pcm::Setting { bits, ..pcm::Setting::new(S32Le, rates, ChannelSet::ALL) });
    let planned = |caps: &pcm::Caps, rate, rules: &Rules| {
        plan(&pcm::Source { rate, ..source(24, 2, Encoding::Integer) }, caps, rules).unwrap().with_dop(caps)
    };
    assert!(planned(&dac(24), 48_000, &BIT_PERFECT).is_some());
    assert_eq!(planned(&dac(20), 48_000, &BIT_PERFECT), None, "the DAC drops the lowest bits");
    assert_eq!(planned(&dac(24), 96_000, &Rules { resample: true, ..BIT_PERFECT }), None, "nothing is left of it");
}
