//! Gain: exact at its ends, close in between, and without a step anywhere.

mod common;

use common::unpack;
use pcm::gain::{Gain, Ramp, Scaler};
use pcm::{Cpu, Tpdf, WireFormat};
use proptest::prelude::*;

fn scale(format: WireFormat, channels: u16, src: &[u8], ramp: &mut Ramp) -> Vec<u8> {
    let mut dst = vec![0x5a; src.len()];
    let written = Scaler::new(format, channels, Cpu::detect()).copy(src, &mut dst, ramp, &mut Tpdf::new(0));
    dst.truncate(written);
    dst
}

fn format() -> impl Strategy<Value = WireFormat> {
    prop::sample::select(&WireFormat::PCM)
}

proptest! {
    #[test]
    fn unity_is_a_copy_and_silence_is_zeros(
        format in format(), channels in 0..=8u16, src in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let copied = scale(format, channels, &src, &mut Ramp::constant(Gain::UNITY));
        prop_assert_eq!(&copied[..], &src[..copied.len()]);
        let whole_frames = src.len().checked_div(format.bytes() * usize::from(channels)).unwrap_or(0);
        prop_assert_eq!(copied.len(), whole_frames * format.bytes() * usize::from(channels));
        let silent = scale(format, channels, &src, &mut Ramp::constant(Gain::SILENCE));
        prop_assert!(silent.len() == copied.len() && silent.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn samples_are_scaled_to_within_one_and_a_half_steps(
        format in format(), percent in 1..100u8, src in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let gain = Gain::from_percent(percent);
        let scaled = scale(format, 1, &src, &mut Ramp::constant(gain));
        // The top byte of S24_LE is anything on the way in.
        let unused = 64 - u32::from(format.bits());
        for (before, after) in unpack(format, &src).into_iter().zip(unpack(format, &scaled)) {
            let exact = (before << unused >> unused) as f64 * gain.factor();
            // Noise of one step and rounding of half a step, and what the product lacks; 32 bits have no noise.
            let most = if format.bits() == 32 { 0.5 } else { 1.5 } + 1.0 / 64.0;
            prop_assert!((after as f64 - exact).abs() <= most, "{} for {}", after, exact);
        }
    }

    #[test]
    fn a_fade_does_not_depend_on_how_it_is_cut(
        format in format(),
        channels in 1..=8u16,
        from in 0..=100u8,
        to in 0..=100u8,
        length in 0..80u32,
        frames in 0..100usize,
        cut in 1..20usize,
    ) {
        let frame = format.bytes() * usize::from(channels);
        let src: Vec<u8> = (0..frames * frame).map(|n| (n * 89) as u8).collect();
        let mut whole_ramp = Ramp::constant(Gain::from_percent(from));
        whole_ramp.fade_to(Gain::from_percent(to), length);
        let mut ramp = whole_ramp;
        let whole = scale(format, channels, &src, &mut whole_ramp);
        let mut dither = Tpdf::new(0);
        let mut pieces: Vec<u8> = Vec::new();
        let scaler = Scaler::new(format, channels, Cpu::detect());
        for src in src.chunks(cut * frame) {
            let mut dst = vec![0; src.len()];
            prop_assert_eq!(scaler.copy(src, &mut dst, &mut ramp, &mut dither), src.len());
            pieces.extend(dst);
        }
        prop_assert_eq!(pieces, whole);
        prop_assert_eq!(ramp, whole_ramp);
    }

    #[test]
    fn lengths_that_do_not_fit_are_cut_to_whole_frames(
        format in format(), channels in 0..=u16::MAX, src in 0..200usize, dst in 0..200usize,
    ) {
        let src = vec![1; src];
        let mut dst = vec![0x5a; dst];
        let mut ramp = Ramp::constant(Gain::UNITY);
        ramp.fade_to(Gain::SILENCE, 7);
        let scaler = Scaler::new(format, channels, Cpu::detect());
        let written = scaler.copy(&src, &mut dst, &mut ramp, &mut Tpdf::new(0));
        prop_assert!(written <= src.len().min(dst.len()));
        prop_assert!(dst[written..].iter().all(|&byte| byte == 0x5a));
    }
}

/// The mean over many samples is the exact product, to far below a bit of those that the DAC uses: what was cut off instead of
/// dithered would be off by up to one.
#[test]
fn what_is_scaled_is_dithered_at_the_bits_that_the_dac_uses() {
    const SAMPLES: usize = 1 << 16;
    let gain = Gain::from_percent(70);
    for (format, bits) in [
        (WireFormat::S32Le, 24),
        (WireFormat::S32Be, 24),
        (WireFormat::S32Le, 20),
        (WireFormat::S24_3Le, 20),
        (WireFormat::S24Be, 16),
    ] {
        let step = f64::from(1 << (format.bits() - bits));
        let scaler = Scaler::new(format, 2, Cpu::detect()).with_bits(bits);
        for part in [0.1, 0.4, 0.75, 0.9, -0.3] {
            let level = ((1000.0 + part) * step / gain.factor()).round();
            let exact = level * gain.factor() / step;
            let src = packed(format, level as i32).repeat(SAMPLES);
            let mut dst = vec![0; src.len()];
            // In pieces, as the engine does.
            let (mut ramp, mut dither) = (Ramp::constant(gain), Tpdf::new(7));
            for (src, dst) in src.chunks(480 * format.bytes()).zip(dst.chunks_mut(480 * format.bytes())) {
                assert_eq!(scaler.copy(src, dst, &mut ramp, &mut dither), src.len());
            }
            let scaled = unpack(format, &dst);
            assert!(scaled.iter().all(|sample| (*sample as f64) % step == 0.0), "{format}: bits that aren't used");
            let errors = scaled.iter().map(|sample| *sample as f64 / step - exact);
            let mean = errors.clone().sum::<f64>() / SAMPLES as f64;
            assert!(mean.abs() < 0.02, "{format} of {bits} bits: {part} became {}", part + mean);
            // Of triangular noise and rounding; it doesn't depend on the level either.
            let power = errors.map(|error| error * error).sum::<f64>() / SAMPLES as f64;
            assert!((0.23..0.27).contains(&power), "{format} of {bits} bits: {power}");
            let untouched = scaler.copy(&src, &mut dst, &mut Ramp::constant(Gain::UNITY), &mut dither);
            assert!(untouched == src.len() && dst == src, "unscaled it keeps all its bits");
        }
        // Full scale doesn't turn round.
        for level in [i32::MAX >> (32 - format.bits()), i32::MIN >> (32 - format.bits())] {
            let src = packed(format, level).repeat(64);
            let mut dst = vec![0; src.len()];
            scaler.copy(&src, &mut dst, &mut Ramp::constant(Gain::from_percent(99)), &mut Tpdf::new(0));
            let least = f64::from(level).abs() * 0.9;
            for sample in unpack(format, &dst) {
                assert!(
                    sample.signum() == i64::from(level.signum()) && sample.abs() as f64 > least,
                    "{format}: {sample}"
                );
            }
        }
    }
}

/// A sample's bytes.
fn packed(format: WireFormat, sample: i32) -> Vec<u8> {
    let mut bytes = sample.to_le_bytes()[..format.bytes()].to_vec();
    if format.little_endian() != format {
        bytes.reverse();
    }
    bytes
}

/// A fade of a constant signal moves by its slope and the dither, never by more: that is what "click-free" means.
#[test]
fn a_fade_is_straight_and_ends_where_it_should() {
    const FRAMES: u32 = 882; // 20 ms
    let level = 30_000i16;
    let src: Vec<u8> = std::iter::repeat_n(level.to_le_bytes(), FRAMES as usize + 100).flatten().collect();
    let mut ramp = Ramp::constant(Gain::UNITY);
    ramp.fade_to(Gain::SILENCE, FRAMES);
    assert!(!ramp.is_unity() && !ramp.is_silent());
    let faded = unpack(WireFormat::S16Le, &scale(WireFormat::S16Le, 1, &src, &mut ramp));
    assert!(ramp.is_silent() && ramp.frames_left() == 0);
    assert!((faded[0] - i64::from(level)).abs() <= 1, "it starts with the gain that was");
    let slope = f64::from(level) / f64::from(FRAMES);
    for (n, pair) in faded.windows(2).enumerate() {
        let step = (pair[0] - pair[1]) as f64;
        let wanted = if n < FRAMES as usize { slope } else { 0.0 };
        assert!((step - wanted).abs() <= 3.0, "a step of {step} at {n}");
    }
    assert!(faded[FRAMES as usize..].iter().all(|&sample| sample == 0), "silence is digital");
}

/// The player may set the volume that is set already while a track plays.
#[test]
fn a_fade_to_where_the_gain_is_touches_nothing() {
    let src: Vec<u8> = (0..=255).cycle().take(4000).collect();
    for (format, gain) in
        WireFormat::PCM.into_iter().flat_map(|format| [(format, Gain::UNITY), (format, Gain::SILENCE)])
    {
        let mut ramp = Ramp::constant(gain);
        ramp.fade_to(gain, 400);
        assert_eq!(ramp, Ramp::constant(gain));
        let scaled = scale(format, 2, &src, &mut ramp);
        assert_eq!(scaled, scale(format, 2, &src, &mut Ramp::constant(gain)));
        let mut ramp = Ramp::constant(Gain::SILENCE);
        ramp.fade_to(Gain::UNITY, 10);
        ramp.skip(10);
        ramp.fade_to(Gain::UNITY, 10);
        assert!(ramp.is_unity());
    }
}

#[test]
fn a_fade_can_turn_round_on_its_way() {
    let mut ramp = Ramp::constant(Gain::UNITY);
    ramp.fade_to(Gain::SILENCE, 100);
    ramp.skip(60);
    let half_way = ramp.current();
    assert!((half_way.factor() - 0.4).abs() < 1e-6);
    ramp.fade_to(Gain::UNITY, 50);
    assert_eq!(ramp.current(), half_way, "it goes on from where it is");
    ramp.skip(u32::MAX);
    assert!(ramp.is_unity());
}

#[test]
fn volume_is_a_ladder_of_decibels() {
    assert_eq!(Gain::from_percent(0), Gain::SILENCE);
    assert_eq!(Gain::from_percent(100), Gain::UNITY);
    assert_eq!(Gain::from_percent(255), Gain::UNITY);
    for percent in 1..=100u8 {
        let decibels = 20.0 * Gain::from_percent(percent).factor().log10();
        assert!((decibels + 0.6 * f64::from(100 - percent)).abs() < 1e-3, "{percent} %: {decibels} dB");
    }
}
