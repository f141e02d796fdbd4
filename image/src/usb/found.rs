//! What `--usb` has found.
use std::fmt::{self, Display, Formatter};
use std::ops::Deref;

use serde::Serialize;
use usb_dac::{Fault, Kind};

use crate::dropouts::Dropouts;

/// What came of trying something once.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tried {
    /// Frames that came in order.
    pub frames: usize,
    /// What the streams took on the bus, ms.
    pub bus_ms: u64,
    /// What is worth saying of it.
    pub note: String,
    /// What is wrong, however busy the machine was.
    pub faults: Vec<String>,
    /// What is wrong if the machine wasn't too busy for it: then it is tried again, and in the end it is wrong.
    #[serde(skip)]
    pub(crate) doubts: Vec<Doubt>,
    /// Losses that were brought about on purpose: they excuse nothing.
    #[serde(skip)]
    pub(crate) provoked: Dropouts,
}

/// What a busy machine may have done.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    excuse: Excuse,
    text: String,
}

/// What has to have happened for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Nothing more: it took too long.
    Slow,
    /// The card or the ring ran dry: something is missing, is silence, or is faded in.
    Torn,
    /// The engine slept so long that the card went round: it has played again what it had played before.
    Stale,
}

/// The most that a dropout scales at one place, ms: a fade-out and a fade-in of the engine's, and as much as a comparison steps by.
const FADES_MS: usize = 20 + 20 + 2;

impl Excuse {
    /// Of a difference in what came at so many frames a second; None: nothing that a busy machine does.
    fn of(fault: &Fault, rate: u32) -> Option<Self> {
        match &fault.kind {
            Kind::Gap | Kind::Dropped => Some(Self::Torn),
            Kind::Foreign(_) if fault.frames <= rate as usize * FADES_MS / 1000 => Some(Self::Torn),
            Kind::Foreign(_) | Kind::Repeated | Kind::Swapped | Kind::Stale => Some(Self::Stale),
            Kind::WrongSilence(_) => None,
        }
    }

    fn holds(self, dropouts: Dropouts) -> bool {
        match self {
            Self::Slow => true,
            Self::Torn => dropouts != Dropouts::default(),
            Self::Stale => dropouts.stalls > 0,
        }
    }
}

impl Tried {
    /// Something is wrong unless there is this excuse for it.
    pub(super) fn doubt(&mut self, excuse: Excuse, text: impl Into<String>) {
        self.doubts.push(Doubt { excuse, text: text.into() });
    }

    /// The same of several.
    pub(super) fn doubt_all(&mut self, excuse: Excuse, texts: impl IntoIterator<Item = String>) {
        self.doubts.extend(texts.into_iter().map(|text| Doubt { excuse, text }));
    }

    /// What a comparison has found at so many frames a second, each with what excuses it, if anything does.
    pub(super) fn differs<'a>(&mut self, faults: impl IntoIterator<Item = &'a Fault>, rate: u32) {
        for fault in faults {
            match Excuse::of(fault, rate) {
                Some(excuse) => self.doubt(excuse, fault.to_string()),
                None => self.faults.push(fault.to_string()),
            }
        }
    }

    /// What is wrong with another part of it is wrong with the whole.
    pub(super) fn absorb(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.doubts.extend(other.doubts);
    }

    /// Whether it is tried again: it failed, and the machine may have been too slow for it.
    pub(super) fn is_excused(&self, dropouts: Dropouts) -> bool {
        let unprovoked = dropouts.since(self.provoked);
        self.faults.is_empty()
            && !self.doubts.is_empty()
            && self.doubts.iter().all(|doubt| doubt.excuse.holds(unprovoked))
    }

    /// There is no other time: what was in doubt is wrong.
    pub(super) fn judged(mut self) -> Self {
        self.faults.extend(self.doubts.drain(..).map(|doubt| doubt.text));
        self
    }
}

/// A time that went wrong, and was let pass because the machine was too slow.
#[derive(Debug, Serialize)]
pub struct Excused {
    /// What was wrong.
    pub faults: Vec<String>,
    /// What the machine lost.
    pub dropouts: Dropouts,
}

/// What was tried, and what came of it in the end.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// What it was.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub tried: Tried,
    /// Losses that say only that the machine was too slow.
    pub dropouts: Dropouts,
    /// How often it was tried: again only after those.
    pub attempts: u32,
    /// What was wrong the times before.
    pub excused: Vec<Excused>,
}

impl Deref for Outcome {
    type Target = Tried;

    fn deref(&self) -> &Tried {
        &self.tried
    }
}

/// What `image/run --usb` found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// Everything was as it has to be.
    pub equal: bool,
    /// What was tried, in order.
    pub outcomes: Vec<Outcome>,
    /// The kernel's source package.
    pub kernel_source: String,
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let Outcome { name, tried, attempts, excused, dropouts } = outcome;
            let verdict = if tried.faults.is_empty() { "well".to_owned() } else { tried.faults.join("; ") };
            let note = if tried.note.is_empty() { String::new() } else { format!(" ({})", tried.note) };
            let lost = if *dropouts == Dropouts::default() { String::new() } else { format!(", {dropouts}") };
            writeln!(f, "{name:<44} {:>8} frames: {verdict}{note}, attempt {attempts}{lost}", tried.frames)?;
            for (number, Excused { faults, dropouts }) in (1..).zip(excused) {
                writeln!(f, "    attempt {number}, {dropouts}: {}", faults.join("; "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Dropouts = Dropouts { xruns: 0, starved: 0, stalls: 0, overruns: 0 };
    const DRY: Dropouts = Dropouts { xruns: 1, ..NONE };
    const STALLED: Dropouts = Dropouts { stalls: 1, ..NONE };

    #[test]
    fn only_a_slow_machine_is_a_reason_to_try_again_and_only_where_it_explains_what_is_wrong() {
        for (faults, doubts, dropouts, again) in [
            (&[][..], &[][..], NONE, false),
            (&[], &[], DRY, false),
            (&["another rate"], &[], NONE, false),
            (&["another rate"], &[], DRY, false),
            (&["another rate"], &[(Excuse::Slow, "3 s"), (Excuse::Torn, "lost")], DRY, false),
            (&[], &[(Excuse::Torn, "lost")], NONE, false),
            (&[], &[(Excuse::Torn, "lost")], DRY, true),
            (&[], &[(Excuse::Stale, "again")], DRY, false),
            (&[], &[(Excuse::Stale, "again"), (Excuse::Torn, "lost")], STALLED, true),
            (&[], &[(Excuse::Slow, "3 s")], NONE, true),
            (&[], &[(Excuse::Slow, "3 s"), (Excuse::Torn, "lost")], NONE, false),
        ] {
            let mut tried = Tried { faults: faults.iter().map(ToString::to_string).collect(), ..Tried::default() };
            doubts.iter().for_each(|(excuse, text)| tried.doubt(*excuse, *text));
            assert_eq!(tried.is_excused(dropouts), again, "{tried:?} {dropouts:?}");
            assert_eq!(tried.judged().faults.len(), faults.len() + doubts.len());
        }
    }

    #[test]
    fn what_is_brought_about_excuses_nothing() {
        let mut tried = Tried { provoked: DRY, ..Tried::default() };
        tried.doubt(Excuse::Torn, "lost");
        assert!(!tried.is_excused(DRY) && tried.is_excused(Dropouts { xruns: 2, ..NONE }));
    }

    #[test]
    fn each_difference_has_its_excuse() {
        for (kind, frames, dropouts) in [
            (Kind::Gap, 9000, Some(DRY)),
            (Kind::Dropped, 9000, Some(DRY)),
            (Kind::Foreign(vec![1]), 1920, Some(DRY)),
            (Kind::Foreign(vec![1]), 2100, Some(STALLED)),
            (Kind::Repeated, 9, Some(STALLED)),
            (Kind::Swapped, 9, Some(STALLED)),
            (Kind::Stale, 9, Some(STALLED)),
            (Kind::WrongSilence(0x55), 9, None),
        ] {
            let mut tried = Tried::default();
            tried.differs([&Fault { kind: kind.clone(), at: 0, frames }], 48_000);
            let least = [NONE, DRY, STALLED].into_iter().find(|dropouts| tried.is_excused(*dropouts));
            assert_eq!(least, dropouts, "{kind:?}");
        }
    }

    #[test]
    fn a_time_that_was_let_pass_leaves_its_trace() {
        let excused = vec![Excused { faults: vec!["900 frames are missing".to_owned()], dropouts: DRY }];
        let (tried, name) = (Tried::default(), "a track".to_owned());
        let outcome = Outcome { name, tried, dropouts: NONE, attempts: 2, excused };
        let found = Found { equal: true, outcomes: vec![outcome], ..Found::default() };
        let text = found.to_string();
        assert!(text.contains("well, attempt 2\n    attempt 1, 1 xruns: 900 frames are missing\n"), "{text}");
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["outcomes"][0]["excused"][0]["faults"][0], "900 frames are missing");
        assert_eq!(json["outcomes"][0]["excused"][0]["dropouts"]["xruns"], 1);
    }
}
