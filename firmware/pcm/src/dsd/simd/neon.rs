//! NEON.

use core::arch::aarch64::*;

use super::blocks::{Block, frames};
use super::{BitOrder, Dsd, Lanes, Recipe, pass};
use crate::kernels::instructions;
use crate::{Cpu, Feature};

/// As far as whole vectors reach; returns how many groups were handled.
pub(super) fn run(cpu: Cpu, recipe: &Recipe, src: &Dsd<'_>, dst: &mut [u8]) -> usize {
    if cpu.has(Feature::Neon) {
        // SAFETY: the CPU has it.
        unsafe { run_neon(recipe, src, dst) }
    } else {
        0
    }
}

/// As [`frames`]; none without NEON.
///
/// # Safety
/// As there.
pub(super) unsafe fn run_frames(
    cpu: Cpu,
    block: &Block,
    turn: bool,
    steps: usize,
    from: *const u8,
    to: *mut u8,
) -> bool {
    if !cpu.has(Feature::Neon) {
        return false;
    }
    // SAFETY: the CPU has it, and the caller's.
    unsafe {
        if turn { frames_neon::<true>(block, steps, from, to) } else { frames_neon::<false>(block, steps, from, to) }
    }
    true
}

/// # Safety
/// As [`frames`].
#[target_feature(enable = "neon")]
unsafe fn frames_neon<const TURN: bool>(block: &Block, steps: usize, from: *const u8, to: *mut u8) {
    // SAFETY: the caller's.
    unsafe { frames::<_, TURN>(Neon(vdupq_n_u8(0)), block, steps, from, to) }
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
    fn zip(self, other: Self) -> [Self; 2] {
        instructions!([Self(vzip1q_u8(self.0, other.0)), Self(vzip2q_u8(self.0, other.0))])
    }

    #[inline(always)]
    fn window([first, second]: [Self; 2], vectors: usize, n: usize) -> Self {
        match (vectors, n) {
            (3, 1) => Self(instructions!(vextq_u8::<8>(first.0, second.0))),
            (2 | 3, 0) | (4, 0 | 1) => first,
            _ => second,
        }
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(vst1q_u8(dst, self.0));
    }
}
