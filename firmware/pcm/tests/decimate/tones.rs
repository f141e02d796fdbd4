//! From end to end: tones, modulated into DSD and converted, come out as loud as they went in, and with nothing beside them.

use std::f64::consts::PI;

use pcm::decimate::{Decimator, Level};
use pcm::{BitOrder, Cpu};

use super::design::bessel;
use super::fourier::magnitudes;
use super::modulator::Modulator;
use super::{conversion, track};

/// Frames that are looked at.
const LENGTH: usize = 1 << 13;
/// Frames before and behind them.
const MARGIN: usize = 512;
/// The window's shape: its side lobes are at -245 dB and below.
const BETA: f64 = 26.0;
/// Half the width of a tone under the window, in lines of the spectrum.
const LOBE: usize = 10;

/// A tone's level, and the power of all else between 20 Hz and 20 kHz, both in dB of full scale (a sine from -1 to 1).
fn measure(frames: &[i32], rate: f64, line: usize) -> (f64, f64) {
    let middle = (LENGTH - 1) as f64 / 2.0;
    let window: Vec<f64> =
        (0..LENGTH).map(|n| bessel(BETA * (1.0 - ((n as f64 - middle) / middle).powi(2)).max(0.0).sqrt())).collect();
    let power: f64 = window.iter().map(|w| w * w).sum();
    let windowed = frames[MARGIN..].iter().zip(&window).map(|(&frame, w)| f64::from(frame) / 2f64.powi(31) * w);
    let spectrum = magnitudes(windowed, LENGTH);
    let hertz = |n: usize| n as f64 * rate / LENGTH as f64;
    let (mut tone, mut rest) = (0.0, 0.0);
    for (n, magnitude) in spectrum.iter().enumerate() {
        // The power of a full-scale sine is 1.
        let part = 4.0 * magnitude * magnitude / power / LENGTH as f64;
        if n.abs_diff(line) <= LOBE {
            tone += part;
        } else if n > LOBE && (20.0..=20_000.0).contains(&hertz(n)) {
            rest += part;
        }
    }
    (10.0 * tone.log10(), 10.0 * rest.log10())
}

/// Converts a tone of this amplitude near this frequency (Hz).
fn tone(bit_rate: u32, times: u32, amplitude: f64, hertz: f64, level: Level) -> (f64, f64) {
    let conversion = conversion(bit_rate, times);
    let rate = f64::from(times) * 44_100.0;
    let line = (hertz / rate * LENGTH as f64).round() as usize;
    let bits = (LENGTH + 2 * MARGIN) * conversion.bits_per_frame() as usize;
    let turn = 2.0 * PI * line as f64 / LENGTH as f64 / f64::from(conversion.bits_per_frame());
    let dsd = Modulator::new().modulate((0..bits).map(|n| amplitude * (turn * n as f64).sin()));
    let decimator = Decimator::new(conversion, BitOrder::MsbFirst, level, Cpu::detect());
    measure(&track(decimator, conversion, &dsd), rate, line)
}

/// At DSD256 and above the modulator's own noise is far below what 24 bits hold, so that what is seen here is the
/// converter's.
#[test]
fn nothing_is_added_to_a_tone() {
    for (bit_rate, times) in [(256, 2), (256, 8), (512, 4), (1024, 8)] {
        for hertz in [1_000.0, 19_000.0] {
            let (level, rest) = tone(bit_rate, times, 0.5, hertz, Level::Modulation);
            println!("DSD{bit_rate} to {times}, {hertz} Hz: {level:.4} dB, rest {rest:.1} dB");
            assert!((level - -6.0206).abs() < 0.01, "DSD{bit_rate} to {times}, {hertz} Hz: {level} dB");
            assert!(rest < -170.0, "DSD{bit_rate} to {times}, {hertz} Hz: {rest} dB beside it");
        }
    }
}

/// Here the noise is the modulator's, which has no better zeros than 0 Hz; it is no more than that.
#[test]
fn tones_of_low_bit_rates_keep_their_level() {
    for (bit_rate, noise) in [(64, -100.0), (128, -130.0)] {
        for times in [2, 4, 8] {
            for (level, amplitude) in [(Level::Modulation, 0.5), (Level::ScarletBook, 0.25)] {
                let (loudness, rest) = tone(bit_rate, times, amplitude, 997.0, level);
                println!("DSD{bit_rate} to {times}, {level:?}: {loudness:.4} dB, rest {rest:.1} dB");
                assert!((loudness - -6.0206).abs() < 0.001, "DSD{bit_rate} to {times}: {loudness} dB");
                assert!(rest < noise, "DSD{bit_rate} to {times}: {rest} dB beside it");
            }
        }
    }
}
