//! Packing: what is lossless loses nothing, and what isn't is dithered without bias.

mod common;

use common::{caps, plan_for, source, unpack};
use pcm::{
    ChannelMap, ChannelSet, Cpu, Encoding, FormatSet, Packer, Planes, Rules, Samples, WireFormat, WirePlan, plan,
};
use proptest::prelude::*;

/// Planes of left-justified samples of `bits` bits.
fn planes(bits: u16) -> impl Strategy<Value = Vec<Vec<i32>>> {
    (1..=8usize, 0..70usize).prop_flat_map(move |(channels, frames)| {
        let sample = any::<i32>().prop_map(move |sample| sample & i32::MIN >> (bits - 1));
        prop::collection::vec(prop::collection::vec(sample, frames), channels)
    })
}

fn pack(packer: &mut Packer, samples: &Samples<'_>, bytes: &mut [u8]) -> usize {
    packer.pack(samples, 0, bytes)
}

proptest! {
    #[test]
    fn every_width_comes_back_from_every_wire_that_holds_it(
        (bits, planes) in (1..=32u16).prop_flat_map(|bits| (Just(bits), planes(bits))),
    ) {
        let frames = planes[0].len();
        for format in WireFormat::PCM.into_iter().filter(|format| format.bits() >= bits) {
            let caps = caps(FormatSet::EMPTY.with(format), ChannelSet::ALL);
            let source = source(bits, planes.len() as u16, Encoding::Integer);
            let plan = plan(&source, &caps, &Rules::default()).unwrap();
            prop_assert!(plan.lossless && !plan.dither);
            // Room for a part of a frame more: it stays as it is.
            let mut bytes = vec![0x5a; frames * plan.wire.frame_bytes() + 1];
            let wide = Samples::S32(Planes::new(planes.iter().map(Vec::as_slice)).unwrap());
            prop_assert_eq!(pack(&mut Packer::new(&plan, Cpu::detect()), &wide, &mut bytes), frames);
            prop_assert_eq!(bytes.pop(), Some(0x5a));
            let mut interleaved = (0..frames).flat_map(|frame| planes.iter().map(move |plane| plane[frame]));
            for sample in unpack(format, &bytes) {
                prop_assert_eq!(sample, i64::from(interleaved.next().unwrap()) >> (32 - format.bits()));
            }
            if bits <= 16 {
                let narrow: Vec<Vec<i16>> =
                    planes.iter().map(|plane| plane.iter().map(|&sample| (sample >> 16) as i16).collect()).collect();
                let narrow = Samples::S16(Planes::new(narrow.iter().map(Vec::as_slice)).unwrap());
                let mut same = vec![0; bytes.len()];
                prop_assert_eq!(pack(&mut Packer::new(&plan, Cpu::detect()), &narrow, &mut same), frames);
                prop_assert_eq!(&same, &bytes);
            }
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_how_a_track_is_cut(
        planes in planes(32),
        format in prop::sample::select(&WireFormat::PCM),
        dither: bool,
        cuts in prop::collection::vec(0..9usize, 1..40),
    ) {
        let plan = plan_for(format, planes.len() as u16, dither);
        let frame = plan.wire.frame_bytes();
        let floats: Vec<Vec<f32>> =
            planes.iter().map(|plane| plane.iter().map(|&x| x as f32 / 2_147_483_648.0).collect()).collect();
        for samples in [
            Samples::S32(Planes::new(planes.iter().map(Vec::as_slice)).unwrap()),
            Samples::F32(Planes::new(floats.iter().map(Vec::as_slice)).unwrap()),
        ] {
            let mut whole = vec![0; samples.frames() * frame];
            pack(&mut Packer::new(&plan, Cpu::detect()), &samples, &mut whole);
            let mut packer = Packer::new(&plan, Cpu::detect());
            let mut pieces: Vec<u8> = Vec::new();
            let mut start = 0;
            for &room in cuts.iter().cycle().take(10 * samples.frames()) {
                let mut bytes = vec![0; room * frame + room % frame];
                let written = packer.pack(&samples, start, &mut bytes);
                prop_assert_eq!(written, (samples.frames() - start).min(bytes.len() / frame));
                pieces.extend(&bytes[..written * frame]);
                start += written;
            }
            prop_assert_eq!(&pieces[..], &whole[..pieces.len()]);
        }
    }

    #[test]
    fn dithered_samples_are_at_most_one_and_a_half_steps_away(sample: i32) {
        for format in [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S24Le] {
            let mut bytes = [0; 4];
            let plan = plan_for(format, 1, true);
            let samples = [sample];
            let samples = Samples::S32(Planes::new([&samples[..]]).unwrap());
            prop_assert_eq!(pack(&mut Packer::new(&plan, Cpu::detect()), &samples, &mut bytes[..format.bytes()]), 1);
            let exact = f64::from(sample) / f64::from(1u32 << (32 - format.bits()));
            let limit = f64::from(1u32 << (format.bits() - 1));
            let packed = unpack(format, &bytes[..format.bytes()])[0] as f64;
            prop_assert!((packed - exact.clamp(-limit, limit - 1.0)).abs() <= 1.5, "{} for {}", packed, exact);
        }
    }
}

/// The average of many dithered samples is the sample, however small: that is what dither is for.
#[test]
fn dither_has_no_bias_and_keeps_what_lies_below_a_step() {
    const N: usize = 400_000;
    for (format, fraction) in [(WireFormat::S16Le, 0.3), (WireFormat::S16Le, -0.77), (WireFormat::S24_3Le, 0.5)] {
        let step = 2f64.powi(-i32::from(format.bits() - 1));
        let floats = vec![(fraction * step) as f32; N];
        let integers = vec![(fraction * step * 2_147_483_648.0) as i32; N];
        for samples in
            [Samples::F32(Planes::new([&floats[..]]).unwrap()), Samples::S32(Planes::new([&integers[..]]).unwrap())]
        {
            let mut bytes = vec![0; N * format.bytes()];
            pack(&mut Packer::new(&plan_for(format, 1, true), Cpu::detect()), &samples, &mut bytes);
            let mean = unpack(format, &bytes).iter().sum::<i64>() as f64 / N as f64;
            assert!((mean - fraction).abs() < 0.01, "{format}: {mean} for {fraction}");
        }
    }
}

/// The error has the mean and the variance (1/6 LSB² of noise, 1/12 of rounding) of every other level, and tells nothing of
/// its neighbour's, be that the next sample or another channel's, but for what is random in a row of noise: 0.2 dB of its spectrum.
#[test]
fn the_error_of_dithered_samples_is_white_and_does_not_depend_on_the_level() {
    const N: usize = 1 << 19;
    for (channels, format) in
        [(1, WireFormat::S16Le), (2, WireFormat::S16Le), (6, WireFormat::S16Le), (2, WireFormat::S24Le)]
    {
        for fraction in [0.0, 0.25, 0.5, 0.8125] {
            let level = fraction * 2f64.powi(i32::from(32 - format.bits()));
            let plane = vec![level as i32; N / channels];
            let samples = Samples::S32(Planes::new(std::iter::repeat_n(&plane[..], channels)).unwrap());
            let mut bytes = vec![0; N / channels * channels * format.bytes()];
            pack(&mut Packer::new(&plan_for(format, channels as u16, true), Cpu::detect()), &samples, &mut bytes);
            let errors: Vec<f64> = unpack(format, &bytes).into_iter().map(|sample| sample as f64 - fraction).collect();
            let n = errors.len() as f64;
            let mean = errors.iter().sum::<f64>() / n;
            assert!(mean.abs() < 0.003, "{format}, {fraction}: mean {mean}");
            let variance = errors.iter().map(|x| x * x).sum::<f64>() / n;
            assert!((variance - 0.25).abs() < 0.003, "{format}, {fraction}: variance {variance}");
            for distance in [1, 2, 3, 4, 6, 8, 32, 64] {
                let sum: f64 = errors.iter().zip(&errors[distance..]).map(|(a, b)| a * b).sum();
                let correlation = sum / n / variance;
                assert!(correlation.abs() < 0.025, "{format}, {fraction}: correlation {correlation} at {distance}");
            }
        }
    }
}

/// A mono track stays in the middle.
#[test]
fn twins_get_the_same_noise() {
    let plane: Vec<i32> = (0..3000).map(|n: i32| n.wrapping_mul(0x9e37_79b9_u32 as i32)).collect();
    for format in [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S24Le] {
        let plan = WirePlan { channel_map: ChannelMap::MonoToStereo, ..plan_for(format, 2, true) };
        let (mut stereo, mut mono) = (vec![0; 6000 * format.bytes()], vec![0; 3000 * format.bytes()]);
        let samples = Samples::S32(Planes::new([&plane[..]]).unwrap());
        pack(&mut Packer::new(&plan, Cpu::detect()), &samples, &mut stereo);
        pack(&mut Packer::new(&plan_for(format, 1, true), Cpu::detect()), &samples, &mut mono);
        let doubled: Vec<i64> = unpack(format, &mono).into_iter().flat_map(|sample| [sample; 2]).collect();
        assert_eq!(unpack(format, &stereo), doubled);
    }
}

/// Pieces that end within rows of noise, and at their ends.
#[test]
fn noise_does_not_depend_on_how_a_long_track_is_cut() {
    const FRAMES: usize = 5000;
    let plane: Vec<i32> = (0..FRAMES as i32).map(|n| n.wrapping_mul(0x9e37_79b9_u32 as i32)).collect();
    for (channels, format) in (1..=8).flat_map(|n| [(n, WireFormat::S16Le), (n, WireFormat::S24_3Le)]) {
        let plan = plan_for(format, channels as u16, true);
        let samples = Samples::S32(Planes::new(std::iter::repeat_n(&plane[..], channels)).unwrap());
        let frame = plan.wire.frame_bytes();
        let mut whole = vec![0; FRAMES * frame];
        pack(&mut Packer::new(&plan, Cpu::detect()), &samples, &mut whole);
        for cut in [1, 97, 333, 1023, 1024] {
            let (mut packer, mut pieces) = (Packer::new(&plan, Cpu::detect()), vec![0; FRAMES * frame]);
            for (n, dst) in pieces.chunks_mut(cut * frame).enumerate() {
                packer.pack(&samples, n * cut, dst);
            }
            assert!(pieces == whole, "{channels} channels, {format}, {cut} frames at a time");
        }
    }
}

#[test]
fn floats_beyond_full_scale_are_limited_and_nonsense_is_silent() {
    let floats = [2.0, -2.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, 0.0, -0.0, 1e-45];
    for format in WireFormat::PCM {
        let mut bytes = vec![0; floats.len() * format.bytes()];
        let samples = Samples::F32(Planes::new([&floats[..]]).unwrap());
        pack(&mut Packer::new(&plan_for(format, 1, false), Cpu::detect()), &samples, &mut bytes);
        let (high, low) = ((1i64 << (format.bits() - 1)) - 1, -(1i64 << (format.bits() - 1)));
        assert_eq!(unpack(format, &bytes), [high, low, high, low, high, low, 0, 0, 0, 0, 0], "{format}");
    }
}

#[test]
fn floats_of_24_bits_come_back_exactly() {
    let integers: Vec<i32> = (-8_388_608..8_388_608).step_by(977).collect();
    let floats: Vec<f32> = integers.iter().map(|&x| x as f32 / 8_388_608.0).collect();
    let samples = Samples::F32(Planes::new([&floats[..]]).unwrap());
    let mut bytes = vec![0; floats.len() * 3];
    pack(&mut Packer::new(&plan_for(WireFormat::S24_3Le, 1, false), Cpu::detect()), &samples, &mut bytes);
    assert!(unpack(WireFormat::S24_3Le, &bytes).into_iter().eq(integers.into_iter().map(i64::from)));
}

/// A float file that was made from integers is lossless, whatever the plan expects of floats, and however it is cut.
#[test]
fn floats_that_hold_integers_are_not_dithered_until_one_does_not() {
    const FRAMES: usize = 3000;
    for (format, channels) in
        [(WireFormat::S24_3Le, 2), (WireFormat::S24Be, 1), (WireFormat::S16Le, 2), (WireFormat::S24Le, 3)]
    {
        let steps = f64::from(1u32 << (format.bits() - 1));
        let integer = |n: usize| (n as i64 * 7_919 * 7_919) % (2 * steps as i64) - steps as i64;
        let mut planes: Vec<Vec<f32>> = (0..channels)
            .map(|channel| {
                (0..FRAMES).map(|frame| (integer(frame * channels + channel) as f64 / steps) as f32).collect()
            })
            .collect();
        let plan = plan_for(format, channels as u16, true);
        let cuts = |planes: &[Vec<f32>], cut: usize| {
            let samples = Samples::F32(Planes::new(planes.iter().map(Vec::as_slice)).unwrap());
            let mut packer = Packer::new(&plan, Cpu::detect());
            let mut bytes = vec![0; FRAMES * plan.wire.frame_bytes()];
            for (n, dst) in bytes.chunks_mut(cut * plan.wire.frame_bytes()).enumerate() {
                assert_eq!(packer.pack(&samples, n * cut, dst), (FRAMES - n * cut).min(cut));
            }
            unpack(format, &bytes)
        };
        let exact: Vec<i64> = (0..FRAMES * channels).map(integer).collect();
        assert!([1, 700, FRAMES].into_iter().all(|cut| cuts(&planes, cut) == exact), "{format}: lossless");
        // A quarter of a step, full scale, and what is no number.
        for odd in [0.25 / steps as f32 / 64.0, 1.0, f32::NAN] {
            planes[channels - 1][1000] = odd;
            let whole = cuts(&planes, FRAMES);
            let begin = 1000 * channels;
            assert!(whole[..begin] == exact[..begin], "{format}: up to it");
            let changed = whole[begin..].iter().zip(&exact[begin..]).filter(|(a, b)| a != b).count();
            assert!(changed > FRAMES * channels / 10, "{format}: {changed} dithered from there on");
            assert!([1, 700, 999, 1001].into_iter().all(|cut| cuts(&planes, cut) == whole), "{format}, {odd}");
        }
    }
}

#[test]
fn samples_that_are_not_the_plans_are_not_packed() {
    let silence = [0i16; 4];
    let stereo = Samples::S16(Planes::new([&silence[..], &silence]).unwrap());
    let mut bytes = [0x5a; 64];
    assert_eq!(Packer::new(&plan_for(WireFormat::S16Le, 1, false), Cpu::detect()).pack(&stereo, 0, &mut bytes), 0);
    assert_eq!(Packer::new(&plan_for(WireFormat::S16Le, 0, false), Cpu::detect()).pack(&stereo, 0, &mut bytes), 0);
    assert_eq!(Packer::new(&plan_for(WireFormat::S16Le, 2, false), Cpu::detect()).pack(&stereo, 5, &mut bytes), 0);
    assert_eq!(bytes, [0x5a; 64]);
}
