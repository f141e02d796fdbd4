//! Which instructions the filters use.
#![allow(unsafe_code, reason = "the instructions may be used because a value proves that they are there")]

use super::isa::{Isa, Scalar};
use crate::{Cpu, Feature};

/// The instruction set to use. Holding a value proves that the CPU has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Simd(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Sse41(super::isa::Sse41),
    #[cfg(target_arch = "x86_64")]
    Avx2(super::isa::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(super::isa::Neon),
}

impl Simd {
    /// The best that `cpu` has.
    pub(super) const fn of(cpu: Cpu) -> Self {
        #[cfg(target_arch = "x86_64")]
        if cpu.has(Feature::Avx2) {
            // SAFETY: the CPU has it, says the value.
            return Self(Set::Avx2(unsafe { super::isa::Avx2::new() }));
        } else if cpu.has(Feature::Sse41) {
            // SAFETY: the CPU has it, says the value.
            return Self(Set::Sse41(unsafe { super::isa::Sse41::new() }));
        }
        #[cfg(target_arch = "aarch64")]
        if cpu.has(Feature::Neon) {
            // SAFETY: the CPU has it, says the value.
            return Self(Set::Neon(unsafe { super::isa::Neon::new() }));
        }
        Self(Set::Scalar(Scalar))
    }

    /// Runs a kernel with these instructions.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Set::Scalar(scalar) => kernel.run(scalar),
            // SAFETY: the CPU has SSE4.1, says the value, and so SSSE3.
            #[cfg(target_arch = "x86_64")]
            Set::Sse41(sse41) => unsafe { run_sse41(kernel, sse41) },
            // SAFETY: the CPU has AVX2, says the value.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(avx2) => unsafe { run_avx2(kernel, avx2) },
            #[cfg(target_arch = "aarch64")]
            Set::Neon(neon) => kernel.run(neon),
        }
    }
}

/// A loop over an instruction set's operations. `run` has to be `inline(always)`, as these are: so it becomes a part of
/// the function that is compiled for the instructions.
pub(super) trait Kernel {
    /// What it returns.
    type Output;
    /// Runs it.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "ssse3,sse4.1")]
fn run_sse41<K: Kernel>(kernel: K, sse41: super::isa::Sse41) -> K::Output {
    kernel.run(sse41)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<K: Kernel>(kernel: K, avx2: super::isa::Avx2) -> K::Output {
    kernel.run(avx2)
}
