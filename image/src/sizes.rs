//! `--sizes`: what everything in the image takes, against a budget for each item and against what it took when that was recorded.
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::board::lines;
use crate::build::Built;
use crate::cache::Cache;
use crate::command::read;
use crate::release;
use crate::rootfs::PROGRAMS;

/// What changes by less says nothing, in hundredths.
const NOISE: u64 = 2;

/// One thing that takes room.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Item {
    /// What it is: a file of the slot, a program, or the whole.
    pub name: String,
    /// What it takes, bytes.
    pub bytes: u64,
    /// What it took when its budget was written down, bytes.
    pub recorded: u64,
    /// What it may take, bytes.
    pub budget: u64,
}

impl Item {
    fn grew(&self) -> bool {
        self.bytes > self.recorded + self.recorded * NOISE / 100
    }
}

/// All items of a board's image.
#[derive(Debug, Serialize)]
pub struct Sizes {
    /// Nothing is above its budget, and everything has one.
    pub well: bool,
    /// The items, sorted by name.
    pub items: Vec<Item>,
}

impl Sizes {
    /// Looks at what was built, and at the board's budgets (`board/<board>/sizes`).
    ///
    /// # Errors
    /// When a file is missing, or a budget can't be understood.
    pub fn of(cache: &Cache, built: &Built, repository: &Path) -> Result<Self> {
        let bytes = |path: &Path| fs::metadata(path).map(|file| file.len()).with_context(|| path.display().to_string());
        let mut found = BTreeMap::from([
            ("image.xz".to_owned(), bytes(&release::compressed(cache, built)?)?),
            ("slot".to_owned(), built.slot.bytes()?),
            ("root.squashfs".to_owned(), bytes(&built.root)?),
        ]);
        for name in built.slot.files()? {
            found.insert(format!("slot/{name}"), bytes(&built.slot.directory.join(name))?);
        }
        for name in PROGRAMS {
            found.insert(name.to_owned(), bytes(&built.programs.join(name))?);
        }
        let file = built.board.file(repository, "sizes");
        let text = read(&file)?;
        let budgets = budgets(&text).with_context(|| file.display().to_string())?;
        Ok(Self::judged(found, &budgets))
    }

    fn judged(found: BTreeMap<String, u64>, budgets: &BTreeMap<&str, [u64; 2]>) -> Self {
        // What nobody has given a budget may take nothing; small files share one.
        let shared = budgets.get("other").copied().unwrap_or_default();
        let item = |(name, bytes): (String, u64)| {
            let [recorded, budget] = budgets.get(name.as_str()).copied().unwrap_or(shared);
            Item { name, bytes, recorded, budget }
        };
        let items: Vec<Item> = found.into_iter().map(item).collect();
        Self { well: items.iter().all(|item| item.bytes <= item.budget), items }
    }
}

/// Reads lines of a name, what it took when it was recorded, and what it may take, both KiB.
fn budgets(text: &str) -> Result<BTreeMap<&str, [u64; 2]>> {
    let budget = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(recorded)), Some(Ok(budget)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
            return None;
        };
        Some([recorded * 1024, budget * 1024])
    };
    lines(text)
        .map(|line| {
            let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            Ok((name, budget(rest).with_context(|| format!("{line:?} is no name and two sizes in KiB"))?))
        })
        .collect()
}

impl Display for Sizes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kib = |bytes: u64| bytes.div_ceil(1024);
        for item in &self.items {
            let Item { name, bytes, recorded, budget } = item;
            let verdict = if bytes > budget {
                format!("TOO LARGE (was {} KiB)", kib(*recorded))
            } else if item.grew() {
                format!("grew (was {} KiB)", kib(*recorded))
            } else {
                String::new()
            };
            let line = format!("{name:28} {:7} KiB of {:7}  {verdict}", kib(*bytes), kib(*budget));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(sizes: &[(&str, u64)]) -> Sizes {
        let budgets = budgets("# why\nslot 100 200\nother 4 8\n").unwrap();
        Sizes::judged(sizes.iter().map(|(name, kib)| ((*name).to_owned(), kib * 1024)).collect(), &budgets)
    }

    #[test]
    fn what_is_within_its_budget_is_well_and_what_grew_is_named() {
        let sizes = judged(&[("slot", 101), ("slot/local.txt", 1)]);
        assert!(sizes.well && !sizes.to_string().contains("grew"), "{sizes}");
        let sizes = judged(&[("slot", 150)]);
        assert!(sizes.well && sizes.to_string().contains("grew (was 100 KiB)"), "{sizes}");
    }

    #[test]
    fn what_is_above_its_budget_or_has_none_of_its_own_is_too_large() {
        assert!(!judged(&[("slot", 201)]).well);
        let sizes = judged(&[("slot/new", 9)]);
        assert!(!sizes.well && sizes.to_string().contains("TOO LARGE"), "{sizes}");
    }

    #[test]
    fn a_budget_that_is_mistyped_is_refused() {
        for wrong in ["slot 1", "slot", "slot 1 2 3", "slot x 2"] {
            assert!(budgets(wrong).is_err(), "{wrong}");
        }
    }
}
