//! What `--usb` tries, in order, each part by its name: all of them, or some and what those need.
use anyhow::{Result, bail};

use super::bench::Bench;
use super::found::{Found, Tried};

type Work<'a> = Box<dyn FnMut(&mut Bench) -> Result<Tried> + Send + 'a>;

struct Part<'a> {
    name: String,
    /// The DAC that it is played to; none: the one that the machine was booted with.
    dac: Option<&'static str>,
    /// Those that set up for it.
    needs: Vec<Id>,
    wanted: bool,
    work: Work<'a>,
}

/// A part of the same boot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(usize);

/// The parts of one boot.
#[derive(Default)]
pub(super) struct Parts<'a> {
    parts: Vec<Part<'a>>,
    dac: Option<&'static str>,
}

impl<'a> Parts<'a> {
    /// What is added from now on is played to this DAC.
    pub(super) fn dac(&mut self, name: &'static str) {
        self.dac = Some(name);
    }

    /// One that needs no other.
    pub(super) fn add(
        &mut self,
        name: impl Into<String>,
        work: impl FnMut(&mut Bench) -> Result<Tried> + Send + 'a,
    ) -> Id {
        self.behind(&[], name, work)
    }

    /// One for which others set up: they are tried whenever it is.
    pub(super) fn behind(
        &mut self,
        needs: &[Id],
        name: impl Into<String>,
        work: impl FnMut(&mut Bench) -> Result<Tried> + Send + 'a,
    ) -> Id {
        let (name, needs, work) = (name.into(), needs.to_vec(), Box::new(work));
        self.parts.push(Part { name, dac: self.dac, needs, wanted: true, work });
        Id(self.parts.len() - 1)
    }

    /// Whether nothing is left to try.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| !part.wanted)
    }

    /// Leaves those whose names contain one of the texts, and what they need.
    fn only(&mut self, texts: &[String]) {
        for part in &mut self.parts {
            part.wanted = texts.iter().any(|text| part.name.contains(text));
        }
        // What a part needs was added before it.
        for number in (0..self.parts.len()).rev() {
            let Part { wanted, ref needs, .. } = self.parts[number];
            for Id(needed) in needs.clone() {
                self.parts[needed].wanted |= wanted;
            }
        }
    }

    /// Tries them.
    ///
    /// # Errors
    /// When the machine ends, or a DAC isn't found.
    pub(super) fn try_all(self, bench: &mut Bench, found: &mut Found) -> Result<()> {
        let mut now = None;
        for Part { name, dac, mut work, .. } in self.parts.into_iter().filter(|part| part.wanted) {
            if dac != now {
                dac.map_or(Ok(()), |dac| bench.change(dac))?;
                now = dac;
            }
            found.take(bench, &name, &mut work)?;
        }
        Ok(())
    }
}

/// Leaves of the parts of all boots those whose names contain one of the texts, and what they need; without a text, all.
///
/// # Errors
/// Names them when one of the texts is in none.
pub(super) fn select(boots: &mut [&mut Parts<'_>], texts: &[String]) -> Result<()> {
    let names = || boots.iter().flat_map(|parts| &parts.parts).map(|part| part.name.as_str());
    if let Some(unknown) = texts.iter().find(|text| names().all(|name| !name.contains(*text))) {
        bail!("--only {unknown}: no part of --usb has that in its name: {}", names().collect::<Vec<_>>().join("; "));
    }
    if !texts.is_empty() {
        boots.iter_mut().for_each(|parts| parts.only(texts));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> [Parts<'static>; 2] {
        let [mut first, mut second] = [Parts::default(), Parts::default()];
        let nothing = |_: &mut Bench| Ok(Tried::default());
        let shell = first.add("a shell", nothing);
        let late = first.behind(&[shell], "plugged in late", nothing);
        first.add("an album", nothing);
        first.behind(&[late], "announced", nothing);
        second.dac("dongle");
        second.add("a dongle that is muted", nothing);
        [first, second]
    }

    fn left(texts: &[&str]) -> Result<Vec<String>> {
        let [mut first, mut second] = parts();
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        select(&mut [&mut first, &mut second], &texts)?;
        let parts = first.parts.iter().chain(&second.parts);
        Ok(parts.filter(|part| part.wanted).map(|part| part.name.clone()).collect())
    }

    #[test]
    fn what_is_named_is_left_and_what_it_needs() {
        assert_eq!(left(&[]).unwrap().len(), 5);
        assert_eq!(left(&["announced"]).unwrap(), ["a shell", "plugged in late", "announced"]);
        assert_eq!(left(&["album", "muted"]).unwrap(), ["an album", "a dongle that is muted"]);
        let [mut first, mut second] = parts();
        select(&mut [&mut first, &mut second], &["muted".to_owned()]).unwrap();
        assert_eq!([first.is_empty(), second.is_empty()], [true, false]);
    }

    #[test]
    fn what_no_part_is_called_is_an_error_that_lists_them() {
        let error = left(&["album", "DSD2048"]).unwrap_err().to_string();
        assert!(error.contains("--only DSD2048"), "{error}");
        assert!(error.contains("a shell; plugged in late; an album; announced; a dongle that is muted"), "{error}");
    }
}
