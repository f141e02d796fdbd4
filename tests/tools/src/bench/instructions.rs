//! Instructions a sample. A kernel is called a few times and some times more, each time by a program of its own whose
//! instructions are counted; the difference is the kernel's. Who counts depends on the instruction set.
//!
//! What was counted once is recorded in `instructions.txt`, with which `bench --instructions` compares, and which
//! `bench --record` writes.

pub mod qemu;
mod record;
pub mod steps;
pub mod valgrind;

use std::path::Path;

use kernels::{Bench, KERNELS, Kernel, Set};
use pcm::Cpu;

pub use record::Record;

/// How much more than recorded a kernel may take.
const TOLERANCE: f64 = 1.1;
/// The same for a compiler of which nothing is recorded.
const TOLERANCE_OF_OTHERS: f64 = 1.5;

/// What is counted: so many calls of a kernel, each of which writes so many bytes.
#[derive(Debug, Clone, Copy)]
struct Calls<'a> {
    kernel: &'a str,
    set: Set,
    bytes: usize,
    calls: u32,
}

impl Calls<'_> {
    /// As the program takes them that does it.
    fn arguments(&self) -> [String; 4] {
        [self.kernel.into(), self.set.name().into(), self.bytes.to_string(), self.calls.to_string()]
    }
}

/// Instructions of `kernel` for each sample of the wire; `None` where they can't be counted. `arm` is the program `count`
/// for ARM.
#[must_use]
pub fn per_sample(kernel: &Kernel, set: Set, arm: Option<&Path>) -> Option<f64> {
    let this = std::env::current_exe().ok()?;
    let program = if set == Set::Neon { arm? } else { &this };
    let (bytes, [few, many]) = match set {
        Set::Avx2 | Set::Sse41 => (valgrind::BYTES, valgrind::CALLS),
        Set::Avx512 => (steps::BYTES, steps::CALLS),
        Set::Neon => (qemu::BYTES, qemu::CALLS),
    };
    let count = |calls| {
        let calls = Calls { kernel: kernel.name, set, bytes, calls };
        match set {
            Set::Avx2 | Set::Sse41 => valgrind::count(calls, program),
            Set::Avx512 => steps::count(calls, program),
            Set::Neon => qemu::count(calls, program),
        }
    };
    let difference = count(many)?.checked_sub(count(few)?)?;
    let samples = Bench::new(kernel, kernel.samples_in(bytes), Cpu::BASELINE).samples();
    Some(difference as f64 / f64::from(many - few) / samples as f64)
}

/// Instructions of one call of `kernel` that writes so many bytes, counted by single steps of `program`, which is `bench`;
/// `None` where that isn't possible.
#[must_use]
pub fn of_a_call(program: &Path, kernel: &Kernel, set: Set, bytes: usize) -> Option<u64> {
    let count = |calls| steps::count(Calls { kernel: kernel.name, set, bytes, calls }, program);
    count(2)?.checked_sub(count(1)?)
}

/// The sets that can be counted here, and those that can't.
#[must_use]
pub fn sets(arm: Option<&Path>) -> (Vec<Set>, Vec<Set>) {
    let cpu = Cpu::detect();
    Set::ALL.into_iter().partition(|&set| if set == Set::Neon { arm.is_some() } else { set.of(cpu).is_some() })
}

/// A kernel's count beside what is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    kernel: &'static str,
    set: Set,
    instructions: f64,
    recorded: Option<f64>,
    tolerance: f64,
}

impl Counted {
    /// Whether it takes no more than it may.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.recorded.is_some_and(|recorded| self.instructions <= recorded * self.tolerance)
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

/// Counts all kernels with a set; `None` without what counts them.
#[must_use]
pub fn all(set: Set, arm: Option<&Path>) -> Option<Vec<Counted>> {
    let record = Record::built_in();
    let tolerance = if record.has_this_compiler() { TOLERANCE } else { TOLERANCE_OF_OTHERS };
    let counted = |kernel: &Kernel| {
        let recorded = record.of(kernel.name, set);
        Some(Counted { kernel: kernel.name, set, instructions: per_sample(kernel, set, arm)?, recorded, tolerance })
    };
    KERNELS.iter().map(counted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_percent_more_than_recorded_is_too_many() {
        let (kernel, set, tolerance) = ("k", Set::Sse41, TOLERANCE);
        let counted = |instructions, recorded| Counted { kernel, set, instructions, recorded, tolerance };
        assert!(counted(1.09, Some(1.0)).is_good() && counted(0.2, Some(1.0)).is_good());
        assert!(!counted(1.11, Some(1.0)).is_good() && !counted(1.0, None).is_good());
        assert_eq!(counted(2.0, Some(1.0)).to_string(), "k sse4.1 2.000 # too many: 1 are recorded");
    }

    #[test]
    fn arm_is_counted_where_there_is_a_program_for_it() {
        assert!(!sets(None).0.contains(&Set::Neon) && sets(Some(Path::new("count"))).0.contains(&Set::Neon));
    }
}
