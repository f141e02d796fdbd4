//! Which instruction sets the kernels may use.

use core::fmt;

/// A group of instructions that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Feature {
    /// x86: SSSE3 and SSE4.1. Every x86-64 CPU since 2008, the fanless Atoms and Celerons included.
    Sse41 = 1,
    /// x86: the CRC-32C instruction of SSE4.2.
    Sse42 = 1 << 1,
    /// x86: AVX2.
    Avx2 = 1 << 2,
    /// x86: AVX-512 F, BW, VL and VBMI. AVX-512 without VBMI has nothing that wins over AVX2 here.
    Avx512 = 1 << 3,
    /// ARMv8: NEON.
    Neon = 1 << 4,
    /// ARMv8: the CRC-32C instructions.
    Crc = 1 << 5,
    /// x86: GFNI, which turns the bits of 16 bytes at once. Small CPUs have it since 2021, without AVX2 at first.
    Gfni = 1 << 6,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Sse41, Self::Sse42, Self::Avx2, Self::Avx512, Self::Neon, Self::Crc, Self::Gfni];
}

/// The instruction sets that this machine has: found once at the start, then handed to what chooses a kernel.
///
/// Holding a value proves that the CPU has what it names, so that a kernel can be chosen by it without further proof.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cpu(u8);

impl Cpu {
    /// No more than what the compiler takes for granted: the scalar kernels.
    pub const BASELINE: Self = Self(0);

    /// As this one, and with `feature`.
    ///
    /// # Safety
    /// The CPU must have the instructions, and the operating system must save their registers.
    #[must_use]
    #[expect(unsafe_code, reason = "it is a promise that only the caller can keep")]
    pub const unsafe fn with(self, feature: Feature) -> Self {
        Self(self.0 | feature as u8)
    }

    /// As this one, but without `feature`.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Self {
        Self(self.0 & !(feature as u8))
    }

    /// Whether `feature` may be used.
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & feature as u8 != 0
    }

    /// What this machine has. `std` asks it once and remembers, so this may be called as often as something is chosen by it.
    #[cfg(feature = "std")]
    #[must_use]
    #[expect(unsafe_code, reason = "each feature is added because std has found it")]
    pub fn detect() -> Self {
        let mut cpu = Self::BASELINE;
        for feature in Feature::ALL {
            if is_there(feature) {
                // SAFETY: std has just found it.
                cpu = unsafe { cpu.with(feature) };
            }
        }
        cpu
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Feature::ALL.into_iter().filter(|&feature| self.has(feature))).finish()
    }
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn is_there(feature: Feature) -> bool {
    use std::arch::is_x86_feature_detected as has;
    match feature {
        Feature::Sse41 => has!("ssse3") && has!("sse4.1"),
        Feature::Sse42 => has!("sse4.2"),
        Feature::Avx2 => has!("avx2"),
        Feature::Avx512 => has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512vbmi"),
        Feature::Gfni => has!("gfni"),
        Feature::Neon | Feature::Crc => false,
    }
}

#[cfg(all(feature = "std", target_arch = "aarch64"))]
fn is_there(feature: Feature) -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    match feature {
        Feature::Neon => has!("neon"),
        Feature::Crc => has!("crc"),
        Feature::Sse41 | Feature::Sse42 | Feature::Avx2 | Feature::Avx512 | Feature::Gfni => false,
    }
}

#[cfg(all(feature = "std", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
const fn is_there(_: Feature) -> bool {
    false
}
