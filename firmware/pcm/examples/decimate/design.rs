//! The two filters of `pcm::decimate`, designed from a handful of numbers. Everything else follows from these.
//!
//! Frequencies are in kHz and belong to the 44.1 kHz family; for the 48 kHz family all of them are 48/44.1 as high.

use std::f64::consts::{FRAC_PI_2, PI};

/// The rate between the filters.
pub(crate) const MIDDLE: f64 = 352.8;
/// How many bits of each channel make one sample of the middle rate: DSD64 to DSD1024.
pub(crate) const BLOCKS: [usize; 5] = [8, 16, 32, 64, 128];
/// How many blocks the first filter spans.
pub(crate) const SPAN: usize = 8;
/// The first filter is eight moving averages over a block. As they are, all their zeros would fall on the multiples of
/// the middle rate; these are moved away from there, two averages each, so that what surrounds the multiples is
/// stopped as well: it would be folded onto the audio band.
const ZEROS: [f64; SPAN / 2] = [10.0, 25.0, 50.0, 75.0];

/// A filter at the middle rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    /// Its name in the file of coefficients.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) what: &'static str,
    /// Up to here it is flat, kHz.
    pub(crate) pass: f64,
    /// From here on it stops, kHz.
    pub(crate) stop: f64,
    /// Taps, odd.
    pub(crate) taps: usize,
}

/// All of them.
pub(crate) const LASTS: [Last; 2] = [
    Last { name: "WIDE", what: "For 352.8 and 176.4 kHz", pass: 30.0, stop: 78.0, taps: 79 },
    Last { name: "NARROW", what: "For 88.2 kHz", pass: 20.0, stop: 44.1, taps: 151 },
];
/// The Kaiser window's shape, for a stop band of 150 dB: 0.1102 (150 - 8.7) (Oppenheim and Schafer, 7.5).
const BETA: f64 = 15.571;
/// The sum of the first filter's taps. A little less than 2^31: eight blocks of ones fit an `i32`, whatever the
/// rounding of the taps does.
const FIRST_SUM: f64 = 2_147_483_648.0 - 1024.0;
/// The sum of the last filter's taps. It makes good for the first's.
const LAST_SUM: f64 = 2_147_483_648.0 / FIRST_SUM * 2_147_483_648.0;

/// The taps of the first filter for blocks of so many bits.
pub(crate) fn first(block: usize) -> Vec<i32> {
    // An average of two bits makes the length even.
    let mut taps = vec![0.5, 0.5];
    for zero in ZEROS {
        taps = convolve(&taps, &moved_pair(block, 2.0 * PI * zero / MIDDLE / block as f64));
    }
    let padding = vec![0.0; (SPAN * block - taps.len()) / 2];
    let taps = [&padding[..], &taps, &padding].concat();
    round(&taps, FIRST_SUM)
}

/// Two moving averages, the zeros of one moved up, of the other down by `angle` (radians per bit).
fn moved_pair(block: usize, angle: f64) -> Vec<f64> {
    let middle = (block - 1) as f64;
    let tap = |n: usize| {
        let first = (n + 1).saturating_sub(block);
        // The sum over all m of exp(i angle m) exp(-i angle (n - m)): its imaginary parts cancel.
        (first..=n.min(block - 1)).map(|m| (angle * (2.0 * m as f64 - n as f64)).cos()).sum::<f64>()
    };
    let taps: Vec<f64> = (0..2 * block - 1).map(tap).collect();
    assert!(middle * angle < FRAC_PI_2, "a tap would be negative");
    taps
}

/// The taps of a last filter: the reciprocal of the first one's response, cut off in the middle between pass band and
/// stop band, under a Kaiser window.
pub(crate) fn last(last: &Last) -> Vec<i32> {
    let cut = (last.pass + last.stop) / 2.0;
    let step = cut / STEPS as f64;
    // The responses of all block sizes are alike; this one's is in the middle of them.
    let droop = first(BLOCKS[1]);
    let frequencies = (0..=STEPS).map(|n| n as f64 * step);
    let wanted = frequencies.map(|f| 1.0 / response(&droop, f / MIDDLE / BLOCKS[1] as f64));
    let wanted: Vec<f64> = wanted.zip(simpson()).map(|(value, weight)| value * weight).collect();
    let middle = (last.taps / 2) as f64;
    let tap = |n: usize| {
        let t = n as f64 - middle;
        let angle = 2.0 * PI * step * t / MIDDLE;
        let ideal: f64 = wanted.iter().enumerate().map(|(n, value)| value * (n as f64 * angle).cos()).sum();
        let window = bessel(BETA * (1.0 - (t / middle).powi(2)).max(0.0).sqrt());
        ideal * window
    };
    let taps: Vec<f64> = (0..last.taps).map(tap).collect();
    round(&taps, LAST_SUM)
}

/// The response of symmetric taps at a frequency in cycles per tap, as a part of that at 0. Its phase is 0 when the
/// middle of the taps is the origin.
pub(crate) fn response(taps: &[i32], frequency: f64) -> f64 {
    let middle = (taps.len() - 1) as f64 / 2.0;
    let turn = |(n, &tap): (usize, &i32)| f64::from(tap) * (2.0 * PI * frequency * (n as f64 - middle)).cos();
    let sum: f64 = taps.iter().map(|&tap| f64::from(tap)).sum();
    taps.iter().enumerate().map(turn).sum::<f64>() / sum
}

/// Into how many steps integrals are cut.
const STEPS: usize = 1000;

/// The weights of Simpson's rule.
fn simpson() -> impl Iterator<Item = f64> {
    (0..=STEPS).map(|n| if n == 0 || n == STEPS { 1.0 } else { (2 + n % 2 * 2) as f64 })
}

/// The modified Bessel function of the first kind and order 0.
pub(crate) fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..60 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + b.len() - 1];
    for (n, x) in a.iter().enumerate() {
        for (m, y) in b.iter().enumerate() {
            out[n + m] += x * y;
        }
    }
    out
}

/// To integers of a given sum; the mirror image of a tap becomes the same integer.
fn round(taps: &[f64], sum: f64) -> Vec<i32> {
    let scale = sum / taps.iter().sum::<f64>();
    let half: Vec<i32> = taps[..taps.len() / 2].iter().map(|tap| (tap * scale).round() as i32).collect();
    let middle = (taps.len() % 2 == 1).then(|| (taps[taps.len() / 2] * scale).round() as i32);
    half.iter().copied().chain(middle).chain(half.iter().rev().copied()).collect()
}
