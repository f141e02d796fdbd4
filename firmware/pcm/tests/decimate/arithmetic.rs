//! Arithmetic adds nothing but one rounding, and level is what is said.

use pcm::decimate::{Decimator, Level};
use pcm::{BitOrder, Cpu};

use super::design::{self, LASTS, SPAN};
use super::{all, conversion, noise, track};

/// The filters in floating point, from the generator's taps: frames in steps of the least significant of 32 bits.
fn exact(bit_rate: u32, rate: u32, dsd: &[u8]) -> Vec<f64> {
    let block = bit_rate as usize / 8;
    let (first, last) = (design::first(block), design::last(&LASTS[usize::from(rate == 2)]));
    let bit = |n: i64| {
        let byte = usize::try_from(n.div_euclid(8)).ok().and_then(|at| dsd.get(at));
        byte.map_or(0.0, |byte| if byte >> (7 - n.rem_euclid(8)) & 1 == 1 { 1.0 } else { -1.0 })
    };
    let early = last.len() / 2;
    let samples = dsd.len() * 8 / block + 2 * early + 2;
    let sample = |n: usize| {
        // Both ends of the taps are half a span away from the time of the sample.
        let begin = (n as i64 - early as i64 - SPAN as i64 / 2) * block as i64;
        first.iter().zip(begin..).map(|(&tap, at)| f64::from(tap) * bit(at)).sum::<f64>()
    };
    let middle: Vec<f64> = (0..samples).map(sample).collect();
    let frames = (dsd.len() * 8).div_ceil(block * 8 / rate as usize);
    let window = |n: usize| middle[n * 8 / rate as usize..].iter();
    (0..frames).map(|n| window(n).zip(&last).map(|(x, &tap)| x * f64::from(tap)).sum::<f64>() / 2f64.powi(31)).collect()
}

/// Bits that make the sums of the last filter as large as they can be, 1.8 times full scale: blocks with the signs of
/// its taps.
fn worst(bit_rate: u32, rate: u32) -> Vec<u8> {
    let block = bit_rate as usize / 64;
    let last = design::last(&LASTS[usize::from(rate == 2)]);
    let signs = last.iter().flat_map(|&tap| vec![if tap > 0 { 0xff } else { 0x00 }; block]);
    let silence = vec![0x69; 8 * block];
    let signs: Vec<u8> = signs.collect();
    [&silence[..], &signs, &silence].concat()
}

#[test]
fn a_frame_is_the_filters_exact_sum_rounded_once_and_limited() {
    let (full, lowest) = (2f64.powi(31) - 1.0, -(2f64.powi(31)));
    let mut limited = 0;
    for (bit_rate, rate) in all() {
        let conversion = conversion(bit_rate, rate);
        let worst = worst(bit_rate, rate);
        let opposite = worst.iter().map(|byte| !byte).collect();
        for dsd in [noise(bit_rate as usize * 30 + 5, bit_rate + rate), worst, opposite] {
            let exact = exact(bit_rate, rate, &dsd);
            for (level, gain) in [(Level::Modulation, 1.0), (Level::ScarletBook, 2.0)] {
                let decimator = Decimator::new(conversion, BitOrder::MsbFirst, level, Cpu::detect());
                let frames = track(decimator, conversion, &dsd);
                assert_eq!(frames.len(), exact.len());
                for (n, (&frame, exact)) in frames.iter().zip(&exact).enumerate() {
                    let error = (f64::from(frame) - (gain * exact).clamp(lowest, full)).abs();
                    assert!(error <= 0.5 + 1e-5, "DSD{bit_rate} to {rate}, frame {n}: {frame} for {gain} * {exact}");
                    limited += i32::from(level == Level::Modulation && (frame == i32::MAX || frame == i32::MIN));
                }
            }
        }
    }
    assert!(limited > 15, "no sum was too large");
}

/// Frames in the middle of a track of this byte, as parts of full scale.
fn steady(bit_rate: u32, rate: u32, level: Level, byte: u8) -> Vec<f64> {
    let conversion = conversion(bit_rate, rate);
    let decimator = Decimator::new(conversion, BitOrder::MsbFirst, level, Cpu::BASELINE);
    let frames = track(decimator, conversion, &vec![byte; bit_rate as usize * 60]);
    let middle = frames.len() / 2;
    frames[middle - 8..middle + 8].iter().map(|&frame| f64::from(frame) / 2f64.powi(31)).collect()
}

#[test]
fn full_scale_is_full_modulation_or_half_of_it() {
    for (bit_rate, rate) in all() {
        for (level, byte, wanted) in [
            (Level::Modulation, 0xff, 1.0),
            (Level::Modulation, 0x00, -1.0),
            // Three ones to a zero.
            (Level::Modulation, 0xee, 0.5),
            (Level::ScarletBook, 0xee, 1.0),
            (Level::ScarletBook, 0x11, -1.0),
            (Level::ScarletBook, 0xff, 1.0),
            (Level::ScarletBook, 0x00, -1.0),
            (Level::ScarletBook, 0x69, 0.0),
        ] {
            for frame in steady(bit_rate, rate, level, byte) {
                // What is left of such a pattern's own high frequency is a stop band below.
                assert!((frame - wanted).abs() < 1e-7, "DSD{bit_rate} to {rate}, {level:?}, {byte:#x}: {frame}");
            }
        }
    }
}
