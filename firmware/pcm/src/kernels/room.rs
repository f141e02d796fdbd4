//! Gains that change, as the kernels read them beside the samples: one for each of them, a chunk at a time.

use core::mem::MaybeUninit;

use super::gains::split;
use crate::MAX_CHANNELS;

/// Samples that gains are prepared for at most at a time, and those of a frame that has begun.
const ROOM: usize = Room::CHUNK + MAX_CHANNELS;

/// The greatest gain that samples are multiplied with, in Q31: 2^-23 below unity, so that neither noise nor rounding takes
/// 24 bits beyond their range.
pub(super) const MOST: u32 = (1 << 31) - (1 << 8);

/// A gain that changes linearly, frame by frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope {
    /// The gain of the next frame: Q61, from silence to unity.
    pub(crate) now: i64,
    /// What a frame adds to it. In the frames that are scaled it stays within these bounds.
    pub(crate) step: i64,
    /// Samples of a frame, from 1 to [`MAX_CHANNELS`].
    pub(crate) channels: usize,
}

impl Slope {
    /// Bits behind the point.
    pub(crate) const FRACTION: u32 = 61;

    /// The gains of the next frames in Q31.
    #[inline(always)]
    fn fill<const CHANNELS: usize>(self, gains: &mut [MaybeUninit<i32>]) {
        let mut now = self.now;
        let (frames, rest) = gains.as_chunks_mut::<CHANNELS>();
        for frame in frames {
            *frame = [MaybeUninit::new(q31(now)); CHANNELS];
            now += self.step;
        }
        rest.fill(MaybeUninit::new(q31(now)));
    }
}

/// A gain in Q31 of one in Q61.
#[inline(always)]
pub(super) const fn q31(gain: i64) -> i32 {
    let gain = (gain >> (Slope::FRACTION - 31)) as u32;
    (if gain < MOST { gain } else { MOST }) as i32
}

/// Gains of a chunk; what hasn't been prepared isn't there.
#[repr(align(64))]
pub(super) struct Room {
    gains: [MaybeUninit<i32>; ROOM],
    upper: [MaybeUninit<i16>; ROOM],
    lower: [MaybeUninit<i16>; ROOM],
}

impl Room {
    /// Samples that are prepared at most at a time.
    pub(super) const CHUNK: usize = 512;

    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self {
            gains: [MaybeUninit::uninit(); ROOM],
            upper: [MaybeUninit::uninit(); ROOM],
            lower: [MaybeUninit::uninit(); ROOM],
        }
    }

    /// Gains of so many samples in Q31, from the frame's first on.
    #[inline(always)]
    pub(super) fn prepare(&mut self, slope: Slope, samples: usize) {
        let gains = self.gains.get_mut(..samples).unwrap_or_default();
        match slope.channels {
            1 => slope.fill::<1>(gains),
            2 => slope.fill::<2>(gains),
            3 => slope.fill::<3>(gains),
            4 => slope.fill::<4>(gains),
            5 => slope.fill::<5>(gains),
            6 => slope.fill::<6>(gains),
            7 => slope.fill::<7>(gains),
            _ => slope.fill::<8>(gains),
        }
    }

    /// Splits that many of them for 16-bit samples.
    #[inline(always)]
    pub(super) fn split(&mut self, samples: usize) {
        let parts = self.upper.iter_mut().zip(&mut self.lower);
        for (gain, (to_upper, to_lower)) in self.gains.iter().take(samples).zip(parts) {
            // SAFETY: they have been prepared.
            let [upper, lower] = split(unsafe { gain.assume_init() });
            *to_upper = MaybeUninit::new(upper);
            *to_lower = MaybeUninit::new(lower);
        }
    }

    pub(super) const fn gains(&self) -> *const i32 {
        self.gains.as_ptr().cast()
    }

    pub(super) const fn upper(&self) -> *const i16 {
        self.upper.as_ptr().cast()
    }

    pub(super) const fn lower(&self) -> *const i16 {
        self.lower.as_ptr().cast()
    }
}
