//! What is recorded.

use kernels::{KERNELS, Set};

use super::Counted;

/// Lines of text: a kernel, a set and its instructions a sample on each, comments in front.
#[derive(Debug, Clone)]
pub struct Record {
    comments: Vec<String>,
    counts: Vec<(String, String, f64)>,
}

/// Which counts go into a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that are greater than what is there: of another compiler.
    Greater,
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
        let counts = text.lines().filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["#", ..] => None,
            [kernel, set, count] => Some((kernel.to_owned(), set.to_owned(), count.parse().ok()?)),
            _ => None,
        });
        let comments = text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
        Self { counts: counts.collect(), comments }
    }

    /// What `kernel` takes with `set`.
    #[must_use]
    pub fn of(&self, kernel: &str, set: Set) -> Option<f64> {
        self.counts.iter().find(|(name, known, _)| name == kernel && known == set.name()).map(|&(_, _, count)| count)
    }

    /// Takes in what was counted.
    pub fn put(&mut self, counted: &Counted, which: Which) {
        let Counted { kernel, set, instructions, .. } = *counted;
        match self.counts.iter_mut().find(|(name, known, _)| name == kernel && known == set.name()) {
            Some((_, _, count)) if which == Which::Greater => *count = count.max(instructions),
            Some((_, _, count)) => *count = instructions,
            None => self.counts.push((kernel.to_owned(), set.name().to_owned(), instructions)),
        }
    }
}

/// As the file's text, in the order of sets and kernels; kernels that there are no more are left out.
impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for comment in &self.comments {
            writeln!(f, "{comment}")?;
        }
        for set in Set::ALL {
            for kernel in &KERNELS {
                if let Some(count) = self.of(kernel.name, set) {
                    writeln!(f, "{} {} {count:.3}", kernel.name, set.name())?;
                }
            }
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
        let text = "# why\ncrc32c avx2 1.000\ncrc32c neon 2.000\n";
        let counted = |set, instructions| Counted { kernel: "crc32c", set, instructions, recorded: None };
        let mut record = Record::read(&format!("{text}gone avx2 1.000\n"));
        assert_eq!(record.to_string(), text);
        record.put(&counted(Set::Avx2, 0.5), Which::Greater);
        record.put(&counted(Set::Sse41, 3.0), Which::Greater);
        record.put(&counted(Set::Neon, 1.5), Which::All);
        assert_eq!(record.to_string(), "# why\ncrc32c avx2 1.000\ncrc32c sse4.1 3.000\ncrc32c neon 1.500\n");
    }
}
