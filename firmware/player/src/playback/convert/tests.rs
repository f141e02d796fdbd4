use std::f64::consts::TAU;

use pcm::{
    BitOrder, Caps, ChannelSet, Dsd, Encoding, FormatSet, Planes, RateSet, Rules, Samples, Source, WireFormat, WirePlan,
};

use super::Converter;

fn source(rate: u32, channels: u16, encoding: Encoding) -> Source {
    Source { rate, bits: if encoding == Encoding::Dsd { 1 } else { 32 }, channels, encoding }
}

/// On a DAC that takes S32 at these rates.
fn planned(source: &Source, rates: &[u32]) -> WirePlan {
    let rates: RateSet = rates.iter().copied().collect();
    let caps = Caps::uniform(FormatSet::EMPTY.with(WireFormat::S32Le), rates, ChannelSet::ALL);
    pcm::plan(source, &caps, &Rules { resample: true, ..Rules::default() }).unwrap()
}

fn converter(source: &Source, rates: &[u32]) -> Converter {
    Converter::new(source, &planned(source, rates), None).unwrap()
}

/// Packs blocks of `block` frames into pieces of `room` bytes; S32_LE, one channel.
fn pack(converter: &mut Converter, samples: &Samples<'_>, block: usize, room: usize) -> Vec<i32> {
    let (mut bytes, mut area) = (Vec::new(), vec![0; room]);
    let mut at = 0;
    while at < samples.frames() {
        let part = samples.part(at, block);
        let mut done = 0;
        while done < part.frames() {
            let packed = converter.pack(&part, done, &mut area);
            assert!(packed.taken + packed.frames > 0, "no progress");
            bytes.extend_from_slice(&area[..packed.frames * 4]);
            done += packed.taken;
        }
        at += part.frames();
    }
    integers(&bytes)
}

fn finish(converter: &mut Converter, room: usize) -> Vec<i32> {
    let (mut bytes, mut area) = (Vec::new(), vec![0; room]);
    while converter.is_unfinished() {
        let frames = converter.finish(&mut area);
        bytes.extend_from_slice(&area[..frames * 4]);
    }
    assert_eq!(converter.finish(&mut area), 0);
    integers(&bytes)
}

fn integers(bytes: &[u8]) -> Vec<i32> {
    bytes.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect()
}

/// Behind what comes before it, a stretch is what it is in the whole track.
#[test]
fn a_track_that_goes_on_somewhere_sounds_as_if_it_had_not_been_interrupted() {
    let bits: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let planes = [bits.as_slice()];
    let one_bit = Samples::Dsd(Dsd::planar(Planes::new(planes).unwrap(), BitOrder::MsbFirst));
    let levels: Vec<i32> = (0..90_000).map(|n| ((f64::from(n) * 0.05).sin() * 1e9) as i32).collect();
    let planes = [levels.as_slice()];
    let pcm = Samples::S32(Planes::new(planes).unwrap());
    for (source, rates, samples) in [
        (source(2_822_400, 1, Encoding::Dsd), &[176_400][..], &one_bit),
        (source(2_822_400, 1, Encoding::Dsd), &[48_000], &one_bit),
        (source(44_100, 1, Encoding::Integer), &[48_000], &pcm),
    ] {
        let mut converter = converter(&source, rates);
        let all = whole(&mut converter, samples, 4096, 4000);
        let block = converter.block() as usize;
        let frame = samples.frames() / 2 / block * block;
        let lead = converter.reach() as usize;
        assert!(lead < frame && lead.is_multiple_of(block), "{lead} of {frame}");
        converter.begin_behind(lead as u64);
        let rest = samples.part(frame - lead, usize::MAX);
        let again = whole(&mut converter, &rest, 1000, 900);
        let at = (frame as u64 * u64::from(rates[0]) / u64::from(source.frame_rate())) as usize;
        assert_eq!(again.len(), all.len() - at);
        let furthest = again.iter().zip(&all[at..]).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // Floating point is rounded otherwise where blocks begin elsewhere.
        let near = if converter.resampler.is_some() { 1 } else { 0 };
        assert!(furthest <= near, "{source:?} to {rates:?}: {furthest}");
    }
}

fn whole(converter: &mut Converter, samples: &Samples<'_>, block: usize, room: usize) -> Vec<i32> {
    let mut frames = pack(converter, samples, block, room);
    frames.extend(finish(converter, room));
    frames
}

fn floats(plane: &[f32]) -> Samples<'_> {
    Samples::F32(Planes::new([plane]).unwrap())
}

fn bits(plane: &[u8]) -> Samples<'_> {
    Samples::Dsd(Dsd::planar(Planes::new([plane]).unwrap(), BitOrder::LsbFirst))
}

/// Amplitude and phase of a tone, by least squares over whole periods, and the root mean square of all else.
fn measure(frames: &[i32], turn: f64) -> (f64, f64, f64) {
    let levels = || frames.iter().map(|&frame| f64::from(frame) / 2_147_483_648.0).enumerate();
    let half = frames.len() as f64 / 2.0;
    let sum = |wave: fn(f64) -> f64| levels().map(|(n, level)| level * wave(n as f64 * turn)).sum::<f64>() / half;
    let (cos, sin) = (sum(f64::cos), sum(f64::sin));
    let rest =
        levels().map(|(n, level)| (level - cos * (n as f64 * turn).cos() - sin * (n as f64 * turn).sin()).powi(2));
    (cos.hypot(sin), cos.atan2(sin), (rest.sum::<f64>() / frames.len() as f64).sqrt())
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-12).log10()
}

/// What comes out for a tone of `hertz`: its level against what went in, and what is beside it, dB; its phase.
fn response(from: u32, to: u32, hertz: f64) -> (f64, f64, f64) {
    let mut converter = converter(&source(from, 1, Encoding::Float), &[to]);
    // A second and its margins; integers, as floats of 32 bits have noise of their own.
    let margin = 0.2;
    let length = ((1.0 + 2.0 * margin) * f64::from(from)) as usize;
    let tone: Vec<i32> = (0..length)
        .map(|n| (1_073_741_824.0 * (TAU * hertz * (n as f64 / f64::from(from) - margin)).sin()).round() as i32)
        .collect();
    let frames = whole(&mut converter, &Samples::S32(Planes::new([&tone[..]]).unwrap()), 4096, 65_536);
    let start = (margin * f64::from(to)) as usize;
    let (amplitude, phase, rest) = measure(&frames[start..start + to as usize], TAU * hertz / f64::from(to));
    (decibels(amplitude / 0.5), phase, decibels(rest / 0.5f64.sqrt() / 0.5))
}

const RATES: [(u32, u32); 7] = [
    (96_000, 48_000),
    (192_000, 48_000),
    (88_200, 44_100),
    (48_000, 44_100),
    (44_100, 48_000),
    (96_000, 44_100),
    (22_050, 44_100),
];

#[test]
fn the_pass_band_is_flat_in_phase_and_nothing_is_beside_a_tone() {
    for (from, to) in RATES {
        let edge = f64::from(from.min(to)) * 20_000.0 / 44_100.0;
        for hertz in [100.0, 1_000.0, (edge / 2.0).round(), edge.floor()] {
            let (level, phase, rest) = response(from, to, hertz);
            println!("{from} to {to}, {hertz} Hz: {level:.5} dB, {phase:.6}, beside it {rest:.1} dB");
            assert!(level.abs() < 0.001, "{from} to {to}, {hertz} Hz: {level} dB");
            assert!(phase.abs() < 0.0001, "{from} to {to}, {hertz} Hz: {phase}");
            assert!(rest < -160.0, "{from} to {to}, {hertz} Hz: {rest} dB");
        }
    }
}

#[test]
fn the_stop_band_begins_at_half_the_lower_rate() {
    for (from, to) in RATES.into_iter().filter(|(from, to)| from > to) {
        let (first, last) = (f64::from(to) / 2.0, f64::from(from) / 2.0);
        for n in 0..12 {
            let hertz = (first + (last - first) * f64::from(n) / 12.0).round() + 3.0;
            // Where it is folded to doesn't matter: all that comes out is too much.
            let (level, _, rest) = response(from, to, hertz);
            println!("{from} to {to}, {hertz} Hz: {level:.1} and {rest:.1} dB");
            assert!(level.max(rest) < -150.0, "{from} to {to}, {hertz} Hz: {level} and {rest} dB");
        }
    }
}

#[test]
fn a_track_lasts_as_long_as_it_did_however_it_is_cut() {
    for (from, to) in RATES {
        for length in [1, 2, 3, 1000, 1023, 1024, 4097, 20_011] {
            let track: Vec<f32> = (0..length).map(|n| ((n * n) as f32 * 0.001).sin() * 0.5).collect();
            let mut converter = converter(&source(from, 1, Encoding::Float), &[to]);
            let frames = whole(&mut converter, &floats(&track), 4096, 65_536);
            assert_eq!(frames.len() as u64, (length as u64 * u64::from(to)).div_ceil(from.into()), "{from} to {to}");
            converter.begin(None);
            assert!(frames == whole(&mut converter, &floats(&track), 777, 44), "{from} to {to}: {length} frames");
        }
    }
}

#[test]
fn an_album_that_was_cut_sounds_as_if_it_were_whole() {
    let dsd = |times: u32| source(44_100 * times, 1, Encoding::Dsd);
    let noise: Vec<u8> = (0..400_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (source, rates) in [
        (dsd(64), &[176_400][..]),
        (dsd(64), &[352_800]),
        (dsd(128), &[88_200]),
        (dsd(512), &[176_400]),
        (dsd(64), &[44_100]),
        (dsd(64), &[48_000]),
    ] {
        // A whole number of frames of every wire.
        let cut = 147 * 1024;
        together(&source, rates, &bits(&noise), cut);
    }
    let tone: Vec<f32> = (0..60_000).map(|n| (n as f32 * 0.05).sin() * 0.7).collect();
    for (from, to) in RATES {
        together(&source(from, 1, Encoding::Float), &[to], &floats(&tone), 147 * 320);
    }
}

/// Two parts with knowledge of each other are the whole, to the rounding of the resampler.
fn together(source: &Source, rates: &[u32], samples: &Samples<'_>, cut: usize) {
    let mut one = converter(source, rates);
    let expected = whole(&mut one, samples, 4096, 4096);
    let (first, second) = (samples.part(0, cut), samples.part(cut, usize::MAX));
    let mut one = converter(source, rates);
    let mut other = converter(source, rates);
    assert!(other.continues(&one));
    let mut frames = pack(&mut one, &first, 4096, 4096);
    one.followed_by(&second.part(0, 4096));
    frames.extend(finish(&mut one, 4096));
    assert_eq!(frames.len() as u64, one.frames(cut as u64));
    other.begin(one.end());
    frames.extend(whole(&mut other, &second, 4096, 4096));
    assert_eq!(frames.len(), expected.len(), "{source:?} {rates:?}");
    let most = frames.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let exact = one.resampler.is_none();
    assert!(most <= if exact { 0 } else { 8 }, "{source:?} {rates:?}: {most}");
}

#[test]
fn every_usual_rate_can_be_had_and_an_absurd_one_is_refused() {
    let usual =
        [8_000, 11_025, 22_050, 32_000, 44_056, 44_100, 47_952, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000];
    let usual = usual.into_iter().chain([352_800, 384_000, 705_600, 768_000, 1_411_200, 1_536_000]);
    for from in usual {
        for to in [44_100, 48_000, 96_000, 192_000] {
            let plan = planned(&source(from, 2, Encoding::Float), &[to]);
            assert_eq!(
                Converter::new(&source(from, 2, Encoding::Float), &plan, None).is_some(),
                from != to,
                "{from} to {to}"
            );
        }
    }
    for from in [131_071, 65_537, u32::MAX] {
        let source = source(from, 8, Encoding::Float);
        assert!(Converter::new(&source, &planned(&source, &[48_000]), None).is_none(), "{from}");
    }
}

#[test]
fn other_samples_than_the_source_s_are_not_taken() {
    let mut converter = converter(&source(96_000, 2, Encoding::Float), &[48_000]);
    let mut room = [0; 64];
    assert_eq!(converter.pack(&floats(&[0.0; 8]), 0, &mut room), pcm::Packed::default());
    assert_eq!(converter.pack(&bits(&[0; 8]), 0, &mut room), pcm::Packed::default());
    assert!(!converter.is_unfinished());
    assert!(converter.end().is_none(), "nothing follows it");
}

#[test]
fn a_resampler_that_gives_up_ends_the_track_and_not_the_thread() {
    let source = source(96_000, 1, Encoding::Float);
    let tone = vec![0.25; 10_000];
    let mut converter = converter(&source, &[48_000]);
    let good = pack(&mut converter, &floats(&tone), 4096, 65_536);
    assert!(!good.is_empty() && converter.is_unfinished());
    converter.resampler.as_mut().unwrap().sabotage();
    assert!(finish(&mut converter, 65_536).is_empty());
    assert!(converter.has_failed());
    let packed = converter.pack(&floats(&tone), 0, &mut [0; 4096]);
    assert_eq!((packed.taken, packed.frames), (0, 0));
}

#[test]
fn what_never_comes_out_of_a_filter_is_not_waited_for() {
    let source = source(96_000, 1, Encoding::Float);
    let mut converter = converter(&source, &[48_000]);
    pack(&mut converter, &floats(&[0.25; 10]), 4096, 65_536);
    // As if every frame came before the track.
    converter.early = usize::MAX;
    assert!(finish(&mut converter, 65_536).is_empty() && converter.has_failed());
}
