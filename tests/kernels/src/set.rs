//! The instruction sets that kernels are counted with: a choice of its own, so that the figures don't depend on what else a CPU has.

use pcm::{Cpu, Feature};

use crate::{Bench, Kernel};

/// What a kernel may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// x86 with AVX2: most PCs.
    Avx2,
    /// x86 without AVX2: what runs on small PCs.
    Sse41,
    /// x86 with AVX-512 and GFNI.
    Avx512,
    /// ARMv8: NEON and the CRC-32C instructions.
    Neon,
}

impl Set {
    /// All.
    pub const ALL: [Self; 4] = [Self::Avx2, Self::Sse41, Self::Avx512, Self::Neon];

    /// As it is recorded.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx2 => "avx2",
            Self::Sse41 => "sse4.1",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// By that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// `cpu` without what the set is without; `None` if it lacks something that the set has.
    #[must_use]
    pub fn of(self, cpu: Cpu) -> Option<Cpu> {
        use Feature::{Avx2, Avx512, Crc, Gfni, Neon, Sse41, Sse42};
        let (has, has_not): (&[Feature], &[Feature]) = match self {
            Self::Avx2 => (&[Avx2, Sse41, Sse42], &[Avx512, Gfni]),
            Self::Sse41 => (&[Sse41, Sse42], &[Avx2, Avx512, Gfni]),
            Self::Avx512 => (&[Avx512, Gfni, Avx2, Sse41, Sse42], &[]),
            Self::Neon => (&[Neon, Crc], &[]),
        };
        let is_whole = has.iter().all(|&feature| cpu.has(feature));
        is_whole.then(|| has_not.iter().fold(cpu, |cpu, &feature| cpu.without(feature)))
    }

    /// The set that is all of what `cpu` has; `None` if there is none, as where it has GFNI without AVX-512.
    #[must_use]
    pub fn all_of(cpu: Cpu) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.of(cpu) == Some(cpu))
    }

    /// `kernel` with what this machine has of the set, ready for calls that write so many bytes.
    #[must_use]
    pub fn bench(self, kernel: &str, bytes: usize) -> Option<Bench> {
        let cpu = self.of(Cpu::detect())?;
        let kernel = Kernel::from_name(kernel)?;
        Some(Bench::new(kernel, kernel.samples_in(bytes), cpu))
    }
}

/// Runs a kernel so many times; `None` if this CPU hasn't the set, or there is no such kernel.
#[must_use]
pub fn run(kernel: &str, set: &str, bytes: usize, calls: u32) -> Option<()> {
    let mut bench = Set::from_name(set)?.bench(kernel, bytes)?;
    for _ in 0..calls {
        bench.run();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KERNELS;

    #[test]
    fn all_of_a_cpu_is_a_set_or_none() {
        assert_eq!(Set::all_of(Cpu::BASELINE), None);
        let cpu = Cpu::detect();
        for set in Set::ALL {
            if let Some(cpu) = set.of(cpu) {
                assert_eq!(Set::all_of(cpu), Some(set));
            }
        }
        if Set::Avx512.of(cpu).is_some() {
            assert_eq!(Set::all_of(cpu.without(Feature::Avx512)), None, "GFNI is in no other set");
        }
    }

    #[test]
    fn a_set_that_the_cpu_has_not_is_none() {
        assert_eq!(Set::ALL.map(|set| set.of(Cpu::BASELINE)), [None; 4]);
        let cpu = Cpu::detect().without(Feature::Avx2);
        assert_eq!((Set::Avx2.of(cpu), Set::Sse41.of(cpu).is_some()), (None, cpu.has(Feature::Sse42)));
        assert!(Set::Sse41.of(Cpu::detect()).is_none_or(|cpu| !cpu.has(Feature::Avx512) && !cpu.has(Feature::Gfni)));
    }

    #[test]
    fn a_kernel_runs_with_what_there_is() {
        for kernel in &KERNELS {
            for set in Set::ALL {
                let is_there = set.of(Cpu::detect()).is_some();
                assert_eq!(run(kernel.name, set.name(), 4096, 2).is_some(), is_there, "{} {}", kernel.name, set.name());
            }
        }
        assert_eq!(run("no such kernel", "avx2", 4096, 1), None);
    }
}
