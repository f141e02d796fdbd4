//! What is recorded.

use kernels::{KERNELS, RUST, Set};

use super::Counted;

/// Lines of text: a kernel, a set and its instructions a sample on each, for each compiler that it was counted with
/// (`1.95=0.297`); comments in front.
#[derive(Debug, Clone)]
pub struct Record {
    comments: Vec<String>,
    counts: Vec<Count>,
}

#[derive(Debug, Clone)]
struct Count {
    kernel: String,
    set: String,
    rust: String,
    instructions: f64,
}

impl Record {
    /// The one that this program was built with.
    #[must_use]
    pub fn built_in() -> Self {
        Self::read(include_str!("../instructions.txt"))
    }

    /// From a file's text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (mut comments, mut counts) = (Vec::new(), Vec::new());
        for line in text.lines() {
            if line.starts_with('#') {
                comments.push(line.to_owned());
                continue;
            }
            let [kernel, set, ref of_compilers @ ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                continue;
            };
            counts.extend(of_compilers.iter().filter_map(|count| {
                let (rust, count) = count.split_once('=')?;
                let [kernel, set, rust] = [kernel, set, rust].map(str::to_owned);
                Some(Count { kernel, set, rust, instructions: count.parse().ok()? })
            }));
        }
        Self { comments, counts }
    }

    /// What `kernel` takes with `set`: of this compiler, or where that hasn't been recorded the most of any.
    #[must_use]
    pub fn of(&self, kernel: &str, set: Set) -> Option<f64> {
        let of_this = self.all(kernel, set).find(|count| count.rust == RUST).map(|count| count.instructions);
        of_this.or_else(|| self.all(kernel, set).map(|count| count.instructions).reduce(f64::max))
    }

    /// Whether anything is recorded of this compiler.
    #[must_use]
    pub fn has_this_compiler(&self) -> bool {
        self.counts.iter().any(|count| count.rust == RUST)
    }

    fn all(&self, kernel: &str, set: Set) -> impl Iterator<Item = &Count> {
        self.counts.iter().filter(move |count| count.kernel == kernel && count.set == set.name())
    }

    /// Takes in what was counted, for this compiler.
    pub fn put(&mut self, counted: &Counted) {
        let Counted { kernel, set, instructions, .. } = *counted;
        let is_it = |count: &&mut Count| count.kernel == kernel && count.set == set.name() && count.rust == RUST;
        match self.counts.iter_mut().find(is_it) {
            Some(count) => count.instructions = instructions,
            None => {
                let [kernel, set, rust] = [kernel, set.name(), RUST].map(str::to_owned);
                self.counts.push(Count { kernel, set, rust, instructions });
            }
        }
    }
}

/// As the file's text, in the order of sets and kernels; kernels that there are no more are left out.
impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for comment in &self.comments {
            writeln!(f, "{comment}")?;
        }
        for (set, kernel) in Set::ALL.into_iter().flat_map(|set| KERNELS.iter().map(move |kernel| (set, kernel.name))) {
            if self.of(kernel, set).is_none() {
                continue;
            }
            write!(f, "{kernel} {}", set.name())?;
            for Count { rust, instructions, .. } in self.all(kernel, set) {
                write!(f, " {rust}={instructions:.3}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_recorded() {
        let record = Record::built_in();
        for kernel in &KERNELS {
            for set in Set::ALL {
                assert!(record.of(kernel.name, set).is_some(), "{} {}", kernel.name, set.name());
            }
        }
    }

    #[test]
    fn a_record_is_written_as_it_was_read_but_for_what_was_counted() {
        let text = format!("# why\ncrc32c avx2 0.1=1.000 {RUST}=2.000\ncrc32c neon 0.1=2.000\n");
        let counted =
            |set, instructions| Counted { kernel: "crc32c", set, instructions, recorded: None, tolerance: 1.0 };
        let mut record = Record::read(&format!("{text}gone avx2 0.1=1.000\n"));
        assert_eq!(record.to_string(), text);
        record.put(&counted(Set::Avx2, 0.5));
        record.put(&counted(Set::Sse41, 3.0));
        record.put(&counted(Set::Neon, 1.5));
        let wanted = format!(
            "# why\ncrc32c avx2 0.1=1.000 {RUST}=0.500\ncrc32c sse4.1 {RUST}=3.000\ncrc32c neon 0.1=2.000 {RUST}=1.500\n"
        );
        assert_eq!(record.to_string(), wanted);
    }

    #[test]
    fn each_compiler_has_its_own_count_and_one_that_is_not_recorded_the_greatest() {
        let record = Record::read(&format!("a avx2 0.1=3.0 {RUST}=2.0\nb avx2 0.1=1.0 0.2=4.0 0.3=3.0\n"));
        assert_eq!(record.of("a", Set::Avx2), Some(2.0));
        assert_eq!(record.of("b", Set::Avx2), Some(4.0));
        assert_eq!(record.of("b", Set::Neon), None);
    }
}
