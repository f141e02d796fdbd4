//! What `--usb` has found.
use std::fmt::{self, Display, Formatter};
use std::ops::Deref;
use std::time::Duration;

use serde::Serialize;
use usb_dac::Explained;

use super::dry;
use super::proved::Proved;
use crate::dropouts::Dropouts;

/// So many of all that is tried may be tried again: a machine that is too slow for more of it has shown nothing.
const AGAIN: usize = 6;

/// What came of trying something once.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tried {
    /// Frames that came in order.
    pub frames: usize,
    /// What the streams took on the bus, ms.
    pub bus_ms: u64,
    /// Microframes of the bus that passed without a packet in the middle of streams, which that doesn't count, by the times of the
    /// packets around them.
    pub unfilled: u64,
    /// What is worth saying of it.
    pub note: String,
    /// What is wrong, however busy the machine was.
    pub faults: Vec<String>,
    /// What is wrong unless the machine proves to have been too busy for it: then it is tried again, and in the end it is wrong.
    #[serde(skip)]
    pub(crate) doubts: Vec<Doubt>,
    /// How often card or ring ran dry, as the streams show it: each needs a count of its own.
    #[serde(skip)]
    pub(crate) gaps: u64,
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

/// What has to be proved for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Card or ring ran dry so often at least.
    Dry(u64),
    /// The machine waited so long for a core, in all.
    Waited(Duration),
    /// It is measured already, just where something came late.
    Measured,
    /// It waited so long at once ([`HELD_WITHIN`](super::proved::HELD_WITHIN)).
    Held(Duration),
}

impl Tried {
    /// Something is wrong unless there is this excuse for it.
    pub(super) fn doubt(&mut self, excuse: Excuse, text: impl Into<String>) {
        self.doubts.push(Doubt { excuse, text: text.into() });
    }

    /// What a comparison has found at so many frames a second: wrong, but for what has the place and the size of having run dry.
    pub(super) fn differs(&mut self, found: &Explained, rate: u32) {
        let dry = dry::explain(found, rate);
        self.faults.extend(dry.others.iter().map(ToString::to_string));
        if dry.gaps > 0 {
            self.gaps += dry.gaps;
            let places = dry.places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.doubt(Excuse::Dry(dry.gaps), format!("it ran dry on the bus: {places}"));
        }
    }

    /// Something is wrong that only running dry explains, which shows so often in what came.
    pub(super) fn torn(&mut self, gaps: u64, text: String) {
        if gaps == 0 {
            self.faults.push(text);
        } else {
            self.gaps = self.gaps.max(gaps);
            self.doubt(Excuse::Dry(gaps), text);
        }
    }

    /// What is wrong with another part of it is wrong with the whole.
    pub(super) fn absorb(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.doubts.extend(other.doubts);
        self.gaps += other.gaps;
    }

    /// Whether it is tried again: it failed, and the machine has proved too slow for it.
    pub(super) fn is_excused(&self, proved: &Proved) -> bool {
        let dry = proved.dry(self.provoked);
        let holds = |excuse: Excuse| match excuse {
            Excuse::Dry(times) => times <= dry,
            Excuse::Waited(least) => proved.waited >= least,
            Excuse::Measured => true,
            Excuse::Held(least) => proved.held >= least,
        };
        let doubts = self.doubts.iter().all(|doubt| holds(doubt.excuse));
        self.faults.is_empty() && !self.doubts.is_empty() && doubts && self.gaps <= dry
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
    /// How long it waited for a core of the host, ms,
    pub waited_ms: u64,
    /// and at most at once.
    pub held_ms: u64,
    /// What the machine was at when silence began, each time.
    pub moments: Vec<String>,
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
    /// How long the machine waited for a core of the host meanwhile, ms.
    pub waited_ms: u64,
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
    /// How many of them were tried again,
    pub tried_again: usize,
    /// and how many may be, at most.
    pub may_be_tried_again: usize,
    /// The kernel's source package.
    pub kernel_source: String,
}

impl Found {
    /// Whether one more may be tried again.
    pub(super) fn has_patience(&self) -> bool {
        self.tried_again < AGAIN
    }

    /// Takes what came of trying something.
    pub(super) fn push(&mut self, outcome: Outcome) {
        self.tried_again += usize::from(!outcome.excused.is_empty());
        self.may_be_tried_again = AGAIN;
        self.outcomes.push(outcome);
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let Outcome { name, tried, attempts, excused, dropouts, waited_ms } = outcome;
            let verdict = if tried.faults.is_empty() { "well".to_owned() } else { tried.faults.join("; ") };
            let note = if tried.note.is_empty() { String::new() } else { format!(" ({})", tried.note) };
            let lost = if *dropouts == Dropouts::default() { String::new() } else { format!(", {dropouts}") };
            let Tried { frames, bus_ms, unfilled, .. } = tried;
            writeln!(
                f,
                "{name:<44} {frames:>8} frames, {bus_ms} ms of the bus, {unfilled} microframes unfilled, {waited_ms} ms without a core: {verdict}{note}, attempt \
                 {attempts}{lost}"
            )?;
            for (number, Excused { faults, dropouts, waited_ms, held_ms, moments }) in (1..).zip(excused) {
                let (faults, moments) = (faults.join("; "), moments.join(", "));
                writeln!(
                    f,
                    "    attempt {number}, {dropouts}, {waited_ms} ms without a core, {held_ms} at once; where silence began: \
                     {moments}: {faults}"
                )?;
            }
        }
        let (all, again, most) = (self.outcomes.len(), self.tried_again, self.may_be_tried_again);
        writeln!(f, "{again} of {all} were tried again, for the machine's pace; {most} may be")
    }
}

#[cfg(test)]
mod tests {
    use super::super::moments::Moment;
    use super::*;

    const NONE: Dropouts = Dropouts { xruns: 0, starved: 0, stalls: 0, overruns: 0 };
    const DRY: Dropouts = Dropouts { xruns: 1, ..NONE };

    /// The engine counted this, with so many wake-ups of half a second and more, and the host took so much at once, ms.
    fn proved(dropouts: Dropouts, late: u64, waited_ms: u64) -> Proved {
        let mut lateness = vec![0; 32];
        (lateness[5], lateness[18], lateness[19], lateness[20]) = (100, 9, 3, late);
        let waited = Duration::from_millis(waited_ms);
        let moments = vec![Moment { held: waited, busy: waited_ms as f64 / 1000.0 }; 9];
        let buffer = Duration::from_millis(500);
        Proved { dropouts, lateness, latest: None, waited, held: waited, moments, buffer }
    }

    #[test]
    fn only_what_is_proved_is_a_reason_to_try_again_and_only_where_it_explains_what_is_wrong() {
        let (late, waited) = (|n| Excuse::Dry(n), |ms| Excuse::Waited(Duration::from_millis(ms)));
        let starved = Dropouts { starved: 1, ..NONE };
        for (faults, doubts, [dropouts, more], wakeups, ms, again) in [
            (&[][..], &[][..], [NONE, NONE], 0, 0, false),
            (&[], &[], [DRY, NONE], 1, 500, false),
            (&["another rate"], &[(late(1), "dry")], [DRY, NONE], 1, 500, false),
            (&[], &[(late(1), "dry")], [NONE, NONE], 1, 500, false),
            (&[], &[(late(1), "dry")], [DRY, NONE], 1, 500, true),
            // It ran dry though the engine was never that late, or the host took nothing: that is its own fault.
            (&[], &[(late(1), "dry")], [DRY, NONE], 0, 500, false),
            (&[], &[(late(1), "dry")], [DRY, NONE], 1, 0, false),
            (&[], &[(late(2), "dry twice")], [DRY, NONE], 2, 500, false),
            (&[], &[(late(1), "dry")], [starved, NONE], 0, 849, false),
            (&[], &[(late(1), "dry")], [starved, NONE], 0, 850, true),
            (&[], &[(late(2), "dry twice")], [starved, NONE], 0, 850, false),
            (&[], &[(late(1), "dry")], [DRY, DRY], 1, 500, false),
            (&[], &[(waited(300), "3 s")], [NONE, NONE], 0, 299, false),
            (&[], &[(waited(300), "3 s")], [NONE, NONE], 0, 300, true),
            (&[], &[(waited(300), "3 s"), (late(1), "dry")], [NONE, NONE], 0, 400, false),
            (&[], &[(Excuse::Measured, "3 s")], [NONE, NONE], 0, 0, true),
            (&["another rate"], &[(Excuse::Measured, "3 s")], [NONE, NONE], 0, 0, false),
        ] {
            let faults_given: Vec<_> = faults.iter().map(ToString::to_string).collect();
            let mut tried = Tried { faults: faults_given, provoked: more, ..Tried::default() };
            doubts.iter().for_each(|(excuse, text)| tried.doubt(*excuse, *text));
            let proved = proved(dropouts, wakeups, ms);
            assert_eq!(tried.is_excused(&proved), again, "{tried:?} {proved:?}");
            assert_eq!(tried.judged().faults.len(), faults.len() + doubts.len());
        }
    }

    #[test]
    fn each_time_needs_a_count_of_its_own_and_a_wake_up_that_was_so_late() {
        let mut tried = Tried { gaps: 1, ..Tried::default() };
        tried.doubt(Excuse::Dry(1), "dry");
        let mut proved = proved(DRY, 0, 500);
        for (ms, excused) in [(459, false), (460, true)] {
            proved.latest = Some(Duration::from_millis(ms));
            assert_eq!(tried.is_excused(&proved), excused, "{ms} ms");
        }
        tried.gaps = 2;
        assert!(!tried.is_excused(&proved));
    }

    #[test]
    fn what_was_waited_in_all_is_not_what_was_waited_at_once() {
        let mut tried = Tried::default();
        tried.doubt(Excuse::Held(Duration::from_millis(300)), "no hash");
        let proved = |held_ms| Proved { held: Duration::from_millis(held_ms), ..proved(NONE, 0, 9999) };
        assert_eq!([299, 300].map(|ms| tried.is_excused(&proved(ms))), [false, true]);
    }

    #[test]
    fn each_difference_has_its_excuse_or_none() {
        let (rate, silence) = (48_000, 960);
        let track: Vec<u8> = (1..=5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let part = |from: usize, to: usize| track[4 * from..4 * to].to_vec();
        for (what, between, from, excused) in [
            ("a gap", vec![0; 4 * silence], 2000, true),
            ("a gap, and what was on its way", vec![0; 4 * silence], 2900, true),
            ("a gap, and more", vec![0; 4 * silence], 2970, false),
            ("lost", vec![], 2100, false),
            ("again", vec![], 1900, false),
            ("much older", part(100, 200), 2000, false),
            ("another silence", vec![0x69; 4 * silence], 2000, false),
        ] {
            let came = [part(0, 2000), between, part(from, 5000)].concat();
            let found = usb_dac::explain(&came, usb_dac::Wanted { bytes: &track, frame: 4, silence: 0 }, rate);
            let mut tried = Tried::default();
            tried.differs(&found, rate);
            assert_eq!(tried.is_excused(&proved(DRY, 1, 500)), excused, "{what}: {tried:?}");
            assert!(!tried.is_excused(&proved(NONE, 1, 9999)), "{what}");
            assert!(!tried.judged().faults.is_empty(), "{what}");
        }
    }

    #[test]
    fn patience_is_for_so_many_of_all_and_no_more() {
        let outcome = |times: usize| {
            let excused = || Excused { faults: vec![], dropouts: NONE, waited_ms: 0, held_ms: 0, moments: vec![] };
            let excused = (0..times).map(|_| excused()).collect();
            let (tried, name) = (Tried::default(), String::new());
            Outcome { name, tried, dropouts: NONE, waited_ms: 0, attempts: 1, excused }
        };
        let mut found = Found::default();
        (0..99).for_each(|_| found.push(outcome(0)));
        for _ in 0..AGAIN {
            assert!(found.has_patience());
            found.push(outcome(2));
        }
        assert!(!found.has_patience() && found.tried_again == AGAIN);
    }

    #[test]
    fn a_time_that_was_let_pass_leaves_its_trace() {
        let faults = vec!["900 frames are missing".to_owned()];
        let excused = vec![Excused {
            faults,
            dropouts: DRY,
            waited_ms: 7,
            held_ms: 6,
            moments: vec!["6 ms held, busy 95 %".to_owned()],
        }];
        let (tried, name) = (Tried::default(), "a track".to_owned());
        let outcome = Outcome { name, tried, dropouts: NONE, waited_ms: 8, attempts: 2, excused };
        let mut found = Found { equal: true, ..Found::default() };
        found.push(outcome);
        let text = found.to_string();
        let wanted = "well, attempt 2\n    attempt 1, 1 xruns, 7 ms without a core, 6 at once; where silence \
                      began: 6 ms held, busy 95 %: 900 frames are missing\n1 of 1 were tried again, for the machine's pace; 6 may be\n";
        assert!(text.contains(wanted), "{text}");
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["outcomes"][0]["excused"][0]["faults"][0], "900 frames are missing");
        assert_eq!(json["outcomes"][0]["excused"][0]["dropouts"]["xruns"], 1);
    }
}
