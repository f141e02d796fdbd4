//! TPDF dither: the sum of two uniform random values, which makes the rounding error of a narrower sample independent
//! of the signal (Lipshitz, Wannamaker, Vanderkooy: "Quantization and Dither", JAES 40(5), 1992).

/// A source of triangular noise, 2 LSB wide.
///
/// The noise is a function of a position (a counter), not of the values drawn before: SIMD kernels take many
/// positions at once and equal the scalar kernel bit for bit. It repeats after 2^32 samples.
///
/// Packing hashes every position, in registers ([`at`](Self::at)). Gain, which moves fewer bytes and has its noise beside other
/// loads, takes rows of 1024 samples out of two tables: from one the levels, from the other whether their sign changes, each from a
/// place on that is hashed from the row's number. That costs one instruction a vector instead of six. Each row has every level
/// once, and is as white as the product of two tables is that are in random order themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpdf {
    position: u32,
}

impl Tpdf {
    /// One LSB, in the unit that [`at`](Self::at) uses.
    pub const LSB: i32 = 1 << 16;

    /// Starts at `position`; every value is a good one.
    #[must_use]
    pub const fn new(position: u32) -> Self {
        Self { position }
    }

    /// The multipliers of the hash.
    pub(crate) const FIRST: u32 = 0x7feb_352d;
    pub(crate) const SECOND: u32 = 0x846c_a68b;

    /// Where the next sample's noise is.
    #[must_use]
    pub const fn position(self) -> u32 {
        self.position
    }

    /// The noise `offset` samples ahead, in 1/65536 LSB: triangular, from -65535 to 65535, with a mean of 0. It is the
    /// difference of the hash's halves, both with their sign: one instruction on x86.
    #[inline]
    #[must_use]
    pub const fn at(self, offset: u32) -> i32 {
        let bits = draw(self.position.wrapping_add(offset));
        bits as i16 as i32 - (bits >> 16) as i16 as i32
    }

    /// Moves on by `samples`.
    #[inline]
    pub const fn advance(&mut self, samples: u32) {
        self.position = self.position.wrapping_add(samples);
    }
}

/// A bijection of 32 bits in which every input bit changes every output bit with a probability near one half. The
/// multipliers are Chris Wellons' "lowbias32" (nullprogram.com, "Prospecting for Hash Functions").
#[inline]
const fn hash(x: u32) -> u32 {
    let x = (x ^ x >> 16).wrapping_mul(Tpdf::FIRST);
    let x = (x ^ x >> 15).wrapping_mul(Tpdf::SECOND);
    x ^ x >> 16
}

/// As much of [`hash`] as noise takes: what its first and last steps better isn't seen in the spectrum, nor in the
/// distribution of two samples at whatever distance.
#[inline]
const fn draw(x: u32) -> u32 {
    let x = x.wrapping_mul(Tpdf::FIRST);
    (x ^ x >> 15).wrapping_mul(Tpdf::SECOND)
}

/// Samples that a row of noise is for.
pub(crate) const ROW: usize = 1024;

/// A row of levels begins at a multiple of this: a vector of 16-bit integers, so that it is aligned as vectors are. A row of signs
/// begins anywhere, so that each sign meets each level.
const APART: usize = 32;

/// Bits behind the point of 16-bit noise, and of 32-bit noise.
const NARROW: u32 = 13;
const WIDE: u32 = 7;

/// The noise's levels, and whether they change their sign (-1) or not (0): each twice over, so that a row may begin anywhere.
#[repr(align(64))]
struct Tables<T> {
    levels: [T; 2 * ROW],
    signs: [T; 2 * ROW],
}

static IN_16_BITS: Tables<i16> = {
    let (of_levels, of_signs) = (shuffled(0), shuffled(ROW as u32));
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

/// The numbers below [`ROW`] in random order (Fisher and Yates).
const fn shuffled(seed: u32) -> [u32; ROW] {
    let mut numbers = [0; ROW];
    let mut n = 0;
    while n < ROW {
        let other = hash(seed + n as u32) as usize % (n + 1);
        numbers[n] = numbers[other];
        numbers[other] = n as u32;
        n += 1;
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

    #[test]
    fn noise_is_triangular_and_white() {
        let tpdf = Tpdf::new(12_345);
        let noise: Vec<f64> = (0..N as u32).map(|n| f64::from(tpdf.at(n)) / f64::from(Tpdf::LSB)).collect();
        is_triangular_and_white(&noise);
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

    #[test]
    fn noise_depends_on_the_position_alone() {
        let mut tpdf = Tpdf::new(u32::MAX - 2);
        let ahead = tpdf.at(5);
        tpdf.advance(5);
        assert_eq!(tpdf.at(0), ahead);
    }
}
