//! NEON.

use core::arch::aarch64::*;

use super::{BitOrder, Dsd, Lanes, Recipe, pass};
use crate::kernels::instructions;
use crate::{Cpu, Feature};

/// As far as whole vectors reach; returns how often 16 bytes of each channel were handled.
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
    let neon = Neon(vdupq_n_u8(0));
    match src.order {
        BitOrder::MsbFirst => pass::<_, false>(neon, recipe, src, dst),
        BitOrder::LsbFirst => pass::<_, true>(neon, recipe, src, dst),
    }
}

#[derive(Clone, Copy)]
struct Neon(uint8x16_t);

impl Lanes for Neon {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(self, first: *const u8, _: *const u8) -> Self {
        Self(instructions!(vld1q_u8(first)))
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
    unsafe fn store(self, dst: *mut u8) {
        instructions!(vst1q_u8(dst, self.0));
    }
}
