//! NEON.

use core::arch::aarch64::*;

use super::{Dsd, LANE, Lanes, Recipe, pass};
use crate::{Cpu, Feature};

/// Intrinsics are safe in a function that enables their instruction set. Methods of a trait can't do that: they are inlined
/// into one that does.
macro_rules! instructions {
    ($intrinsics:expr) => {
        // SAFETY: whoever holds the vector has shown that the CPU has its instructions, and whoever hands a pointer in promises
        // what lies there.
        unsafe { $intrinsics }
    };
}

/// As far as whole vectors reach; returns the lanes handled.
pub(super) fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    if cpu.has(Feature::Neon) {
        // SAFETY: the CPU has it.
        unsafe { run_neon(recipe, src, dst) }
    } else {
        0
    }
}

#[target_feature(enable = "neon")]
fn run_neon(recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    pass(Neon(vdupq_n_u8(0)), recipe, src, dst)
}

#[derive(Clone, Copy)]
struct Neon(uint8x16_t);

impl Lanes for Neon {
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(self, lane: [u8; LANE]) -> Self {
        Self(instructions!(vld1q_u8(lane.as_ptr())))
    }

    #[inline(always)]
    unsafe fn load(self, src: *const u8) -> Self {
        Self(instructions!(vld1q_u8(src)))
    }

    #[inline(always)]
    fn shuffle(self, numbers: Self) -> Self {
        Self(instructions!(vqtbl1q_u8(self.0, numbers.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(instructions!(vorrq_u8(self.0, other.0)))
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        Self(instructions!(vrbitq_u8(self.0)))
    }

    #[inline(always)]
    fn interleave(self, right: Self) -> [Self; 2] {
        instructions!([Self(vzip1q_u8(self.0, right.0)), Self(vzip2q_u8(self.0, right.0))])
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(vst1q_u8(dst, self.0));
    }

    #[inline(always)]
    unsafe fn store_lanes(self, second: Self, dst: *mut u8) {
        instructions!({
            vst1q_u8(dst, self.0);
            vst1q_u8(dst.add(LANE), second.0);
        });
    }

    #[inline(always)]
    unsafe fn store_lane_and_half(self, second: Self, dst: *mut u8) {
        instructions!({
            vst1q_u8(dst, self.0);
            vst1_u8(dst.add(LANE), vget_low_u8(second.0));
        });
    }
}
