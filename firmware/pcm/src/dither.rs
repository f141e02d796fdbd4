//! TPDF dither: the sum of two uniform random values, which makes the rounding error of a narrower sample independent
//! of the signal (Lipshitz, Wannamaker, Vanderkooy: "Quantization and Dither", JAES 40(5), 1992).

/// A source of triangular noise, 2 LSB wide.
///
/// The noise is a function of a position (a counter), not of the values drawn before: SIMD kernels compute many
/// positions at once and equal the scalar kernel bit for bit. It repeats after 2^32 samples.
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
        let bits = hash(self.position.wrapping_add(offset));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, variance (1/6 LSB² for a triangle 2 LSB wide) and the correlation of neighbours, over a million samples.
    #[test]
    fn noise_is_triangular_and_white() {
        const N: u32 = 1 << 20;
        let tpdf = Tpdf::new(12_345);
        let (mut sum, mut squares, mut neighbours) = (0.0, 0.0, 0.0);
        for n in 0..N {
            let x = f64::from(tpdf.at(n)) / f64::from(Tpdf::LSB);
            sum += x;
            squares += x * x;
            neighbours += x * f64::from(tpdf.at(n + 1)) / f64::from(Tpdf::LSB);
        }
        let n = f64::from(N);
        assert!((sum / n).abs() < 0.002, "mean {}", sum / n);
        assert!((squares / n - 1.0 / 6.0).abs() < 0.001, "variance {}", squares / n);
        assert!((neighbours / n).abs() < 0.002, "correlation {}", neighbours / n);
    }

    #[test]
    fn noise_depends_on_the_position_alone() {
        let mut tpdf = Tpdf::new(u32::MAX - 2);
        let ahead = tpdf.at(5);
        tpdf.advance(5);
        assert_eq!(tpdf.at(0), ahead);
    }
}
