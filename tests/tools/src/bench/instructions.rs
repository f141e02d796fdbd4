//! Instructions a sample, counted by valgrind: the program calls itself twice with different numbers of calls, and the
//! difference is the kernel's. What was counted once is recorded in `instructions.txt`, with which `bench --instructions`
//! compares; its output is the next record.
use std::process::Command;

use pcm::{Cpu, Feature};

use super::kernels::{Bench, KERNELS, Kernel};

/// Bytes that a counted call writes.
pub const BYTES: usize = 64 << 10;
const FEW: u32 = 2;
const MANY: u32 = 6;

/// Which kernels are counted: a choice of its own, so that the figures don't depend on what else the CPU has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// With AVX2, the best that valgrind can run: it knows neither AVX-512 nor GFNI.
    Best,
    /// Without AVX2: what runs on small PCs.
    Small,
}

impl Set {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Best, Self::Small];

    /// As [`run`] takes it, and as it is recorded.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "avx2",
            Self::Small => "sse4.1",
        }
    }

    /// `cpu` without what the set is without; `None` if it lacks something that the set has.
    fn of(self, cpu: Cpu) -> Option<Cpu> {
        let cpu = cpu.without(Feature::Avx512).without(Feature::Gfni);
        let (needed, cpu) = match self {
            Self::Best => (&[Feature::Avx2, Feature::Sse41, Feature::Sse42][..], cpu),
            Self::Small => (&[Feature::Sse41, Feature::Sse42][..], cpu.without(Feature::Avx2)),
        };
        needed.iter().all(|&feature| cpu.has(feature)).then_some(cpu)
    }
}

/// Runs a kernel so many times: what `bench --count KERNEL SET CALLS` does under valgrind.
pub fn run(kernel: &str, set: &str, calls: u32) {
    let kernel = KERNELS.iter().find(|known| known.name == kernel);
    let set = Set::ALL.into_iter().find(|known| known.name() == set);
    if let (Some(kernel), Some(cpu)) = (kernel, set.and_then(|set| set.of(Cpu::detect()))) {
        let mut bench = Bench::new(kernel, kernel.samples_in(BYTES), cpu);
        for _ in 0..calls {
            bench.run();
        }
    }
}

/// Instructions of `kernel` for each sample of the wire; `None` without valgrind, or where the CPU hasn't the set.
#[must_use]
pub fn per_sample(kernel: &Kernel, set: Set) -> Option<f64> {
    set.of(Cpu::detect())?;
    let few = count(kernel.name, set, FEW)?;
    let many = count(kernel.name, set, MANY)?;
    let samples = Bench::new(kernel, kernel.samples_in(BYTES), Cpu::BASELINE).samples();
    Some((many - few) / f64::from(MANY - FEW) / samples as f64)
}

fn count(kernel: &str, set: Set, calls: u32) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["--count", kernel, set.name(), &calls.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    collected?.trim().parse().ok()
}

/// What was recorded: a kernel, a set and its instructions a sample on each line.
const RECORDED: &str = include_str!("instructions.txt");
/// How much more than recorded a kernel may take: another compiler, not another kernel.
const TOLERANCE: f64 = 1.1;

/// A kernel's count beside what is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    kernel: &'static str,
    set: Set,
    instructions: f64,
    recorded: Option<f64>,
}

impl Counted {
    /// Whether it takes no more than it may.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.recorded.is_some_and(|recorded| self.instructions <= recorded * TOLERANCE)
    }
}

/// As a line of the record; what isn't good says so behind it.
impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:.3}", self.kernel, self.set.name(), self.instructions)?;
        match self.recorded {
            Some(recorded) if !self.is_good() => write!(f, " # too many: {recorded} are recorded"),
            None => f.write_str(" # not recorded"),
            Some(_) => Ok(()),
        }
    }
}

/// The sets that this CPU has, and those that it hasn't.
#[must_use]
pub fn sets() -> (Vec<Set>, Vec<Set>) {
    let cpu = Cpu::detect();
    Set::ALL.into_iter().partition(|set| set.of(cpu).is_some())
}

/// Counts all kernels of a set; `None` without valgrind.
#[must_use]
pub fn all(set: Set) -> Option<Vec<Counted>> {
    let counted = |kernel: &Kernel| {
        let recorded = recorded(RECORDED, kernel.name, set);
        Some(Counted { kernel: kernel.name, set, instructions: per_sample(kernel, set)?, recorded })
    };
    KERNELS.iter().map(counted).collect()
}

fn recorded(record: &str, kernel: &str, set: Set) -> Option<f64> {
    record.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [name, known, count] if name == kernel && known == set.name() => count.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_percent_more_than_recorded_is_too_many() {
        let counted = |instructions, recorded| Counted { kernel: "k", set: Set::Small, instructions, recorded };
        assert!(counted(1.09, Some(1.0)).is_good() && counted(0.2, Some(1.0)).is_good());
        assert!(!counted(1.11, Some(1.0)).is_good() && !counted(1.0, None).is_good());
        assert_eq!(counted(2.0, Some(1.0)).to_string(), "k sse4.1 2.000 # too many: 1 are recorded");
    }

    #[test]
    fn a_set_that_the_cpu_has_not_is_not_counted() {
        assert_eq!(Set::ALL.map(|set| set.of(Cpu::BASELINE)), [None; 2]);
        let cpu = Cpu::detect().without(Feature::Avx2);
        assert_eq!((Set::Best.of(cpu), Set::Small.of(cpu).is_some()), (None, cpu.has(Feature::Sse42)));
    }

    #[test]
    fn every_kernel_is_recorded() {
        for kernel in &KERNELS {
            for set in Set::ALL {
                assert!(recorded(RECORDED, kernel.name, set).is_some(), "{} {}", kernel.name, set.name());
            }
        }
    }
}
