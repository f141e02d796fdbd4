//! The plan: what is opened for which source on which DAC. F1 to F3 are rows of the control points' catalogue.

mod common;

use common::{caps, source, unpack};
use pcm::{
    ChannelMap, ChannelSet, Cpu, Encoding, FormatSet, Packer, Planes, RateSet, Refusal, Rules, Samples, WireFormat,
    plan,
};

const BIT_PERFECT: Rules = Rules { software_volume: false, dop: false, resample: false };

fn all_format_sets() -> impl Iterator<Item = FormatSet> {
    (0..16u32).map(|set| {
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

#[test]
fn f1_lossy_sources_take_24_bits_where_there_are() {
    for (encoding, bits) in [(Encoding::Lossy, 0), (Encoding::Float, 32), (Encoding::Float, 64)] {
        let with = |formats: &[WireFormat]| {
            let caps = caps(formats.iter().copied().collect(), ChannelSet::STEREO);
            let plan = plan(&source(bits, 2, encoding), &caps, &BIT_PERFECT).unwrap();
            assert!(!plan.lossless);
            (plan.wire.format, plan.dither)
        };
        assert_eq!(with(&WireFormat::PCM), (WireFormat::S24_3Le, true));
        assert_eq!(with(&[WireFormat::S24Le, WireFormat::S32Le]), (WireFormat::S24Le, true));
        assert_eq!(with(&[WireFormat::S16Le, WireFormat::S32Le]), (WireFormat::S32Le, false));
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
    let dac = pcm::Caps {
        rates: rates.iter().copied().collect(),
        ..caps([WireFormat::S16Le, WireFormat::S24_3Le].into_iter().collect(), ChannelSet::STEREO)
    };
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
    let slow = pcm::Caps { rates: RateSet::EMPTY.with(44_100).with(96_000), ..stereo };
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
