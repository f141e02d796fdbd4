//! TPDF dither: the sum of two uniform random values, which makes the rounding error of a narrower sample independent
//! of the signal (Lipshitz, Wannamaker, Vanderkooy: "Quantization and Dither", JAES 40(5), 1992).

use crate::MAX_CHANNELS;

/// A source of triangular noise, 2 LSB wide.
///
/// The noise is a function of a position (a counter), not of the values drawn before: SIMD kernels take many
/// positions at once and equal the scalar kernel bit for bit. It repeats after 2^32 samples.
///
/// Rows of 1024 samples come out of two small tables: from one the levels, from the other whether their sign changes, each from a
/// place on that is hashed from the row's number. That costs one instruction a vector; a hash of every position, six. Each row has
/// every level once, and is as white as the product of two tables is that are in random order themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpdf {
    position: u32,
}

impl Tpdf {
    /// Starts at `position`; every value is a good one.
    #[must_use]
    pub const fn new(position: u32) -> Self {
        Self { position }
    }

    /// Where the next sample's noise is.
    #[must_use]
    pub const fn position(self) -> u32 {
        self.position
    }

    /// Moves on by `samples`.
    #[inline]
    pub const fn advance(&mut self, samples: u32) {
        self.position = self.position.wrapping_add(samples);
    }
}

/// A bijection of 32 bits in which every input bit changes every output bit with a probability near one half: Chris Wellons'
/// "lowbias32" (nullprogram.com, "Prospecting for Hash Functions").
#[inline]
const fn hash(x: u32) -> u32 {
    let x = (x ^ x >> 16).wrapping_mul(0x7feb_352d);
    let x = (x ^ x >> 15).wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

/// Samples that a row of noise is for.
pub(crate) const ROW: usize = 1024;

/// A row of levels begins at a multiple of this: a vector of 16-bit integers, so that it is aligned as vectors are. A row of signs
/// begins anywhere, so that each sign meets each level.
const APART: usize = 32;

/// Bits behind the point of 16-bit noise, and of 32-bit noise.
pub(crate) const NARROW: u32 = 13;
pub(crate) const WIDE: u32 = 7;

/// The noise's levels, and whether they change their sign (-1) or not (0): each twice over, so that a row may begin anywhere.
#[repr(align(64))]
struct Tables<T> {
    levels: [T; 2 * ROW],
    signs: [T; 2 * ROW],
}

static IN_16_BITS: Tables<i16> = {
    let (of_levels, of_signs) = (fairly_shuffled(), shuffled::<ROW>(0));
    let (mut levels, mut signs) = ([0; 2 * ROW], [0; 2 * ROW]);
    let mut n = 0;
    while n < 2 * ROW {
        levels[n] = level(of_levels[n % ROW]);
        signs[n] = -((of_signs[n % ROW] % 2) as i16);
        n += 1;
    }
    Tables { levels, signs }
};

static IN_32_BITS: Tables<i32> = {
    let (mut levels, mut signs) = ([0; 2 * ROW], [0; 2 * ROW]);
    let mut n = 0;
    while n < 2 * ROW {
        levels[n] = IN_16_BITS.levels[n] as i32 >> (NARROW - WIDE);
        signs[n] = IN_16_BITS.signs[n] as i32;
        n += 1;
    }
    Tables { levels, signs }
};

/// The numbers below `N` in random order (Fisher and Yates).
const fn shuffled<const N: usize>(seed: u32) -> [u32; N] {
    let mut numbers = [0; N];
    let mut n = 0;
    while n < N {
        let other = hash(seed + n as u32) as usize % (n + 1);
        numbers[n] = numbers[other];
        numbers[other] = n as u32;
        n += 1;
    }
    numbers
}

/// The numbers below [`ROW`] in random order, of each eight neighbours one for every eighth place: channels take turns, and each
/// is to have as many small ones as great ones. (Rows begin at a multiple of [`APART`], so a channel keeps its places.)
const fn fairly_shuffled() -> [u32; ROW] {
    let mut numbers = [0; ROW];
    let mut place = 0;
    while place < MAX_CHANNELS {
        let groups = shuffled::<{ ROW / MAX_CHANNELS }>((ROW * (place + 1)) as u32);
        let mut n = 0;
        while n < groups.len() {
            let of_group = (place as u32 + hash(groups[n]) % ROW as u32) % MAX_CHANNELS as u32;
            numbers[n * MAX_CHANNELS + place] = groups[n] * MAX_CHANNELS as u32 + of_group;
            n += 1;
        }
        place += 1;
    }
    numbers
}

/// A level, that is triangular over all `n` below [`ROW`].
const fn level(n: u32) -> i16 {
    const SIDE: u32 = ROW as u32 / 2;
    let lsb = 1 << NARROW;
    // What lies farther out than a level is a smaller triangle.
    let size = (lsb - (lsb * (lsb / (2 * SIDE)) * (2 * SIDE - 1 - 2 * (n % SIDE))).isqrt()) as i16;
    if n < SIDE { size } else { -size }
}

/// A row of levels and one of signs; the exclusive or of them is the noise.
pub(crate) type Rows<T> = [&'static [T]; 2];

impl Tpdf {
    /// The noise of the samples from here on to the end of the row, at least of one: 13 bits behind the point.
    #[inline(always)]
    pub(crate) fn rows_in_16_bits(self) -> Rows<i16> {
        self.rows(&IN_16_BITS)
    }

    /// The same with 7 bits behind the point.
    #[inline(always)]
    pub(crate) fn rows_in_32_bits(self) -> Rows<i32> {
        self.rows(&IN_32_BITS)
    }

    #[inline(always)]
    fn rows<T>(self, Tables { levels, signs }: &'static Tables<T>) -> Rows<T> {
        let n = self.position as usize % ROW;
        let bits = hash(self.position / ROW as u32) as usize;
        let row = |table: &'static [T; 2 * ROW], place: usize| {
            table.get(place % ROW + n..place % ROW + ROW).unwrap_or_default()
        };
        [row(levels, bits / APART * APART), row(signs, bits >> 16)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const N: usize = 1 << 20;

    /// Mean, variance (1/6 LSB² for a triangle 2 LSB wide), its distribution, and the correlation of neighbours, be it in one
    /// channel or between channels. `noise` is in LSB.
    fn is_triangular_and_white(noise: &[f64]) {
        let n = noise.len() as f64;
        let mean = noise.iter().sum::<f64>() / n;
        assert!(mean.abs() < 0.002, "mean {mean}");
        let variance = noise.iter().map(|x| x * x).sum::<f64>() / n;
        assert!((variance - 1.0 / 6.0).abs() < 0.001, "variance {variance}");
        for step in 1..8 {
            let level = f64::from(step) / 8.0;
            let below = noise.iter().filter(|x| x.abs() < level).count() as f64 / n;
            let wanted = 1.0 - (1.0 - level) * (1.0 - level);
            assert!((below - wanted).abs() < 0.004, "{below} instead of {wanted} within {level} LSB");
        }
        for distance in 1..=64 {
            let sum: f64 = noise.iter().zip(&noise[distance..]).map(|(a, b)| a * b).sum();
            let correlation = sum / n / variance;
            assert!(correlation.abs() < 0.006, "correlation {correlation} at a distance of {distance}");
            // Nor is loud more frequent beside loud, but for what is random in a row.
            let sum: f64 =
                noise.iter().zip(&noise[distance..]).map(|(a, b)| (a * a - variance) * (b * b - variance)).sum();
            let correlation = sum / n / (7.0 / 180.0);
            assert!(correlation.abs() < 0.1, "correlation {correlation} of squares at a distance of {distance}");
        }
    }

    /// From here on, so many samples of rows.
    fn rows(mut tpdf: Tpdf, samples: usize) -> Vec<i16> {
        let mut noise = Vec::new();
        while noise.len() < samples {
            let [levels, signs] = tpdf.rows_in_16_bits();
            noise.extend(levels.iter().zip(signs).map(|(level, sign)| level ^ sign));
            tpdf.advance(levels.len() as u32);
        }
        noise.truncate(samples);
        noise
    }

    #[test]
    fn rows_are_triangular_and_white() {
        let noise: Vec<f64> = rows(Tpdf::new(12_345), N).into_iter().map(|x| f64::from(x) / 8192.0).collect();
        is_triangular_and_white(&noise);
    }

    /// Of what takes turns each channel gets noise that is as good.
    #[test]
    fn every_channel_s_noise_is_triangular() {
        let noise: Vec<f64> = rows(Tpdf::new(0), N).into_iter().map(|x| f64::from(x) / 8192.0).collect();
        for (channels, channel) in (1..=8).flat_map(|channels| (0..channels).map(move |channel| (channels, channel))) {
            let of_channel = || noise.iter().skip(channel).step_by(channels);
            let n = of_channel().count() as f64;
            let mean = of_channel().sum::<f64>() / n;
            assert!(mean.abs() < 0.004, "mean {mean} of channel {channel} of {channels}");
            let variance = of_channel().map(|x| x * x).sum::<f64>() / n;
            assert!((variance - 1.0 / 6.0).abs() < 0.002, "variance {variance} of channel {channel} of {channels}");
        }
    }

    #[test]
    fn rows_go_on_wherever_they_are_entered() {
        for first in [0, 1, 1000, 1023, 1024, u32::MAX - 1500] {
            let all = rows(Tpdf::new(first), 3000);
            let mut later = Tpdf::new(first);
            later.advance(700);
            assert_eq!(rows(later, 2300), all[700..]);
            let [levels, signs] = later.rows_in_32_bits();
            let wide = levels.iter().zip(signs).map(|(level, sign)| level ^ sign);
            assert!(wide.eq(all[700..].iter().take(levels.len()).map(|&x| i32::from(x) >> 6)));
            assert!(all.iter().all(|x| (-8192..8192).contains(x)), "a kernel relies on it");
        }
    }
}
