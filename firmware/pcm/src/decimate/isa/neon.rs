//! NEON.
#![allow(unsafe_code, reason = "the instructions may be used because a value proves that they are there")]

use core::arch::aarch64::*;

use super::super::table::Row;
use super::Isa;

/// NEON: a row is two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Neon(());

impl Neon {
    /// # Safety
    /// The CPU must have NEON.
    pub(in super::super) const unsafe fn new() -> Self {
        Self(())
    }
}

impl Isa for Neon {
    type Sums = [int32x4_t; 2];

    #[inline(always)]
    fn load(self, row: &Row) -> Self::Sums {
        // SAFETY: the CPU has NEON, says `self`.
        unsafe { load_row(row) }
    }

    #[inline(always)]
    fn store(self, sums: Self::Sums) -> Row {
        // SAFETY: both are 32 bytes of plain integers.
        unsafe { core::mem::transmute::<[int32x4_t; 2], Row>(sums) }
    }

    #[inline(always)]
    fn add(self, sums: Self::Sums, row: &Row) -> Self::Sums {
        // SAFETY: the CPU has NEON, says `self`.
        unsafe { add(sums, row) }
    }

    #[inline(always)]
    fn take_first(self, sums: Self::Sums) -> (i32, Self::Sums) {
        // SAFETY: the CPU has NEON, says `self`.
        unsafe { take_first(sums) }
    }

    #[inline(always)]
    fn take_last(self, sums: Self::Sums) -> (i32, Self::Sums) {
        // SAFETY: the CPU has NEON, says `self`.
        unsafe { take_last(sums) }
    }

    #[inline(always)]
    fn dot<const N: usize>(self, a: &[i32; N], b: &[i32; N]) -> i64 {
        const { assert!(N.is_multiple_of(4)) };
        // SAFETY: the CPU has NEON, says `self`.
        unsafe { dot(a.as_chunks().0, b.as_chunks().0) }
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn load(values: &[i32; 4]) -> int32x4_t {
    // SAFETY: they are a vector long, and alignment isn't asked for.
    unsafe { vld1q_s32(values.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn load_row(&[a, b, c, d, e, f, g, h]: &Row) -> [int32x4_t; 2] {
    [load(&[a, b, c, d]), load(&[e, f, g, h])]
}

#[target_feature(enable = "neon")]
#[inline]
fn add([low, high]: [int32x4_t; 2], row: &Row) -> [int32x4_t; 2] {
    let [row_low, row_high] = load_row(row);
    [vaddq_s32(low, row_low), vaddq_s32(high, row_high)]
}

#[target_feature(enable = "neon")]
#[inline]
fn take_first([low, high]: [int32x4_t; 2]) -> (i32, [int32x4_t; 2]) {
    (vgetq_lane_s32::<0>(low), [vextq_s32::<1>(low, high), vextq_s32::<1>(high, vdupq_n_s32(0))])
}

#[target_feature(enable = "neon")]
#[inline]
fn take_last([low, high]: [int32x4_t; 2]) -> (i32, [int32x4_t; 2]) {
    (vgetq_lane_s32::<3>(high), [vextq_s32::<3>(vdupq_n_s32(0), low), vextq_s32::<3>(low, high)])
}

#[target_feature(enable = "neon")]
#[inline]
fn dot(a: &[[i32; 4]], b: &[[i32; 4]]) -> i64 {
    let (mut low, mut high) = (vdupq_n_s64(0), vdupq_n_s64(0));
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (load(a), load(b));
        low = vmlal_s32(low, vget_low_s32(a), vget_low_s32(b));
        high = vmlal_high_s32(high, a, b);
    }
    vaddvq_s64(vaddq_s64(low, high))
}
