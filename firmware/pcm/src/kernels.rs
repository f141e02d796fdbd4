//! The kernels: each once as the scalar reference, and once for all instruction sets, in terms of [`simd::Simd`], which one
//! file per instruction set implements.
//!
//! A kernel is chosen once, by [`packs`] and [`scaling`], from the tables in `entries`. [`checksum`] is a family of its own.

/// Intrinsics without pointers are safe in a function that enables their instruction set. Methods of a trait can't do that:
/// they are inlined into one that does.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! instructions {
    ($intrinsics:expr) => {
        // SAFETY: whoever holds the instruction set's value has shown that the CPU has it, and whoever hands a pointer in
        // promises what lies there.
        unsafe { $intrinsics }
    };
}

/// The same of each of an array's elements. A closure won't do: it isn't inlined early enough to get the caller's
/// instruction set.
macro_rules! each {
    ([$($x:expr),+ $(,)?], |$element:pat_param| $result:expr) => {
        [$({
            let $element = $x;
            $result
        }),+]
    };
}
pub(crate) use each;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) use instructions;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod convert;
mod crc;
mod dithered;
mod entries;
mod gains;
mod many;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pack;
mod pairs;
mod room;
mod scale;
mod simd;
pub(crate) mod split;
#[cfg(target_arch = "x86_64")]
mod sse41;
mod swapped;

pub(crate) use convert::Sample;
pub(crate) use crc::{Checksum, checksum};
pub(crate) use entries::{PackSet, Packs, Scaling, packs, scaling, scaling_24_in_32};
pub(crate) use room::Slope;
