//! What is proved of a machine that was too slow: by the engine's own counts, and by the host's kernel.
use std::time::Duration;

use serde_json::Value;

use super::waits::Waits;
use crate::dropouts::Dropouts;

/// What the card's buffer holds ([`crate::session`]'s arguments), ms, but for what goes between two wake-ups.
const HELD_MS: u64 = 500 - 40;
/// The longest that the ring lasts (its setting's default): the player has to have been held up for as long before it is dry.
pub(super) const RING: Duration = Duration::from_secs(1);
/// What the host has to have taken where the engine was late by what the card holds: half of it. The other half may be the work that
/// was left undone meanwhile.
const OF_LATE: Duration = Duration::from_millis(HELD_MS / 2);
/// Within so long it has to have been taken: by and by it holds nothing up.
pub(super) const HELD_WITHIN: Duration = Duration::from_secs(2);
/// A thread that is busy: it has no more than a fifth of the time to wait in, for a lock of the emulator or for the network. A ring was
/// seen dry at 0.87, on a host that took two of ten seconds.
const BUSY: f64 = 0.8;

/// What is known to have happened while something was tried.
#[derive(Debug, Clone, Default)]
pub(super) struct Proved {
    /// What the engine counted.
    pub(super) dropouts: Dropouts,
    /// Its wake-ups by how late they were; bucket n begins at 2^(n - 1) µs.
    pub(super) lateness: Vec<u64>,
    /// The latest one, if none was as late before.
    pub(super) latest: Option<Duration>,
    /// What the host took ([`super::waits`]), in all,
    pub(super) waited: Duration,
    /// and at most within [`HELD_WITHIN`].
    pub(super) held: Duration,
    /// The greatest part of [`RING`] that the machine's busiest thread had work to do in.
    pub(super) busy: f64,
}

impl Proved {
    /// How often card or ring ran dry for which the machine's pace is to blame, which isn't demanded. The engine's own counts say how
    /// often, and nothing of why: that has to be seen from outside.
    ///
    /// - The card: the engine was late by as much as it holds, by its histogram, and the host took time from the machine at once. An
    ///   engine that is late on a host that takes nothing is so by its own fault.
    /// - The ring: for as long as it lasts the thread that emulates the processors had work to do all the time, or the host took it.
    ///   Music of 384 kHz is decoded more slowly there than it plays. A ring that is empty because somebody sleeps, or waits for what
    ///   doesn't come, leaves it idle. (That it is busy for a second says nothing of the ring by itself, and tracks begin so: what is
    ///   wrong by the product's fault is so each of the three times.)
    pub(super) fn dry(&self, provoked: Dropouts) -> u64 {
        let Dropouts { xruns, starved, .. } = self.dropouts.since(provoked);
        let first = (HELD_MS * 1000).next_power_of_two().ilog2() as usize + 1;
        let surely: u64 = self.lateness.iter().skip(first).sum();
        let latest = self.latest.is_some_and(|late| late >= Duration::from_millis(HELD_MS));
        let late = surely.saturating_sub(provoked.stalls).max(latest.into());
        let xruns = if self.held >= OF_LATE { xruns.min(late) } else { 0 };
        xruns + if self.busy >= BUSY { starved } else { 0 }
    }
}

/// What machine and engine had counted at some moment.
#[derive(Debug)]
pub(super) struct Counted {
    status: Value,
    waits: Waits,
}

fn lateness(status: &Value) -> impl Iterator<Item = u64> {
    status["engine"]["lateness"].as_array().into_iter().flatten().map(|count| count.as_u64().unwrap_or_default())
}

impl Counted {
    /// By this `/status.json`, and these waits.
    pub(super) fn new(status: Value, waits: Waits) -> Self {
        Self { status, waits }
    }

    /// What is proved by that much more now, but for what two counts don't show: what the host took at once, and how busy the machine
    /// was.
    pub(super) fn since(&self, before: &Self) -> Proved {
        let dropouts = |counted: &Self| Dropouts::counted(&counted.status);
        let worst = |counted: &Self| counted.status["engine"]["worst_lateness_ns"].as_u64().unwrap_or_default();
        let lateness = lateness(&self.status).zip(lateness(&before.status));
        Proved {
            dropouts: dropouts(self).since(dropouts(before)),
            lateness: lateness.map(|(after, before)| after.saturating_sub(before)).collect(),
            latest: (worst(self) > worst(before)).then(|| Duration::from_nanos(worst(self))),
            waited: self.waits.since(&before.waits),
            held: Duration::ZERO,
            busy: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_added_is_proved() {
        let counted = |xruns: u64, late: u64, worst: u64| {
            let mut lateness = vec![5; 32];
            lateness[20] = late;
            let engine = json!({ "xruns": xruns, "lateness": lateness, "worst_lateness_ns": worst });
            Counted::new(json!({ "engine": engine }), Waits::default())
        };
        let before = counted(3, 1, 900_000_000);
        let since = |after: &Counted, held_ms| Proved { held: Duration::from_millis(held_ms), ..after.since(&before) };
        let nothing = since(&before, 2000);
        assert_eq!((nothing.dry(Dropouts::default()), nothing.latest), (0, None));
        let once = since(&counted(4, 2, 900_000_000), 230);
        assert_eq!((once.dropouts.xruns, once.lateness[20], once.latest), (1, 1, None));
        let hold = Dropouts { xruns: 1, stalls: 1, ..Dropouts::default() };
        assert_eq!([once.dry(Dropouts::default()), once.dry(hold)], [1, 0]);
        let latest = since(&counted(4, 1, 950_000_000), 230);
        assert_eq!((latest.latest, latest.dry(Dropouts::default())), (Some(Duration::from_millis(950)), 1));
    }

    #[test]
    fn it_ran_dry_for_the_machine_s_pace_only_where_that_is_seen_from_outside() {
        let mut lateness = vec![0; 32];
        lateness[20] = 3;
        let dry = |xruns, starved, held_ms, busy| {
            let dropouts = Dropouts { xruns, starved, ..Dropouts::default() };
            // In all it is plenty.
            let (waited, held) = (Duration::from_secs(60), Duration::from_millis(held_ms));
            Proved { dropouts, lateness: lateness.clone(), latest: None, waited, held, busy }.dry(Dropouts::default())
        };
        let xruns = [dry(2, 0, 0, 1.0), dry(2, 0, 229, 1.0), dry(2, 0, 230, 0.0), dry(4, 0, 2000, 0.0)];
        assert_eq!(xruns, [0, 0, 2, 3], "a processor that works doesn't hold the engine up");
        assert_eq!([dry(0, 2, 2000, 0.0), dry(0, 2, 0, 0.79), dry(0, 2, 0, 0.8)], [0, 0, 2], "a ring that sleeps");
    }
}
