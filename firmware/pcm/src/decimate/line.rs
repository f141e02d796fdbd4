//! The last filter: from the middle rate to frames.
//!
//! Samples and taps have 32 bits, and their products are summed in 64: exactly, in whatever order. Rounding happens
//! once, to 32 bits, in the end.

use super::coefficients::{NARROW, WIDE};
use super::conversion::Step;
use super::isa::Isa;
use super::simd::{Kernel, Simd};

/// Samples that are held.
const LENGTH: usize = 1024;

/// Taps of the wide filter, the first of them 0.
const WIDE_TAPS: usize = 2 * WIDE.len();
/// Taps of the narrow filter, the first of them 0.
const NARROW_TAPS: usize = 2 * NARROW.len();

static WIDE_FILTER: [i32; WIDE_TAPS] = mirrored(&WIDE);
static NARROW_FILTER: [i32; NARROW_TAPS] = mirrored(&NARROW);

/// All taps from the first half and the middle; with a 0 in front, so that vectors come out even.
const fn mirrored<const HALF: usize, const TAPS: usize>(half: &[i32; HALF]) -> [i32; TAPS] {
    assert!(TAPS == 2 * HALF && TAPS < LENGTH / 2);
    let mut taps = [0; TAPS];
    let mut sum = 0;
    let mut n = 1;
    while n < TAPS {
        taps[n] = half[if n <= HALF { n - 1 } else { TAPS - 1 - n }];
        sum += taps[n].unsigned_abs() as u64;
        n += 1;
    }
    // Samples of 2^31 at most and half a step of rounding: the sum of the products fits an i64.
    assert!(sum < (1 << 32) - 1);
    taps
}

/// The last filter's state: samples that the next frame is made of, and those behind them.
#[derive(Clone, Debug)]
pub(super) struct Line {
    samples: [i32; LENGTH],
    /// Where the next frame's samples begin.
    next: usize,
    /// How many samples there are.
    filled: usize,
}

impl Line {
    /// Samples that the first filter makes before that of the first bit's time.
    const EARLY: usize = super::table::SPAN / 2 - 1;

    /// With silence before the first sample: the middle of the first frame's taps is the time of the first bit.
    pub(super) const fn new(step: Step) -> Self {
        let taps = match step {
            Step::One | Step::Two => WIDE_TAPS,
            Step::Four => NARROW_TAPS,
        };
        Self { samples: [0; LENGTH], next: 0, filled: taps / 2 - Self::EARLY }
    }

    /// Where samples can be put.
    pub(super) fn room(&mut self) -> &mut [i32] {
        if self.filled == LENGTH {
            self.compact();
        }
        self.samples.get_mut(self.filled..).unwrap_or_default()
    }

    /// So many have been put there.
    pub(super) const fn put(&mut self, samples: usize) {
        self.filled = if samples < LENGTH - self.filled { self.filled + samples } else { LENGTH };
    }

    /// Moves what is needed to the beginning, if it is little.
    fn compact(&mut self) {
        let Some((used, kept)) = self.samples.split_at_mut_checked(self.next) else { return };
        if let Some(begin) = used.get_mut(..kept.len()) {
            begin.copy_from_slice(kept);
            self.filled = kept.len();
            self.next = 0;
        }
    }

    /// Makes frames until `out` is full or samples are missing; returns how many. A product is shifted by `shift` bits.
    pub(super) fn frames(&mut self, step: Step, shift: u32, simd: Simd, out: &mut [i32]) -> usize {
        let samples = self.samples.get(self.next..self.filled).unwrap_or_default();
        let made = match step {
            Step::One => simd.run(Frames::<WIDE_TAPS, 1> { taps: &WIDE_FILTER, samples, shift, out }),
            Step::Two => simd.run(Frames::<WIDE_TAPS, 2> { taps: &WIDE_FILTER, samples, shift, out }),
            Step::Four => simd.run(Frames::<NARROW_TAPS, 4> { taps: &NARROW_FILTER, samples, shift, out }),
        };
        self.next += made * step.samples() as usize;
        made
    }
}

/// Makes a frame of every `STEP`th sample.
struct Frames<'a, const TAPS: usize, const STEP: usize> {
    taps: &'static [i32; TAPS],
    samples: &'a [i32],
    shift: u32,
    out: &'a mut [i32],
}

impl<const TAPS: usize, const STEP: usize> Kernel for Frames<'_, TAPS, STEP> {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> usize {
        let half = 1 << self.shift >> 1;
        let windows = self.samples.array_windows::<TAPS>().step_by(STEP);
        let mut made = 0;
        for (window, out) in windows.zip(self.out) {
            *out = ((isa.dot(window, self.taps) + half) >> self.shift).clamp(i64::from(i32::MIN), i64::from(i32::MAX))
                as i32;
            made += 1;
        }
        made
    }
}
