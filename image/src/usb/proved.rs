//! What is proved of a machine that was too slow: by the engine's own counts, and by the host's kernel.
use std::time::Duration;

use serde_json::Value;

use super::moments::Moment;
use super::waits::Waits;
use crate::dropouts::Dropouts;

/// What of the card's buffer goes between two wake-ups: a period, which has gone when the engine is late.
const PERIOD: Duration = Duration::from_millis(40);
/// The longest that the ring lasts (its setting's default): the player has to have been held up for as long before it is dry.
pub(super) const RING: Duration = Duration::from_secs(1);
/// Within so long the host has to have taken what explains that the bus stood still: by and by it holds nothing up.
pub(super) const HELD_WITHIN: Duration = Duration::from_secs(2);
/// A thread that is busy, of the second before the ring ran dry: it has little time left to wait in, for a lock of the emulator or for
/// the network. (Only the second just before counts: anywhere within a part that went well one was seen at 0.94. Before the pauses of a
/// run that went well it was 0.83 at most, and 0.87 where a conversion from 384 kHz ran dry on a host with nothing else to do.)
const BUSY: f64 = 0.85;

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
    /// What the machine was at when silence began.
    pub(super) moments: Vec<Moment>,
    /// What the card's buffer holds.
    pub(super) buffer: Duration,
}

impl Proved {
    /// How often card or ring ran dry for which the machine's pace is to blame, which isn't demanded. The engine's own counts say how
    /// often, and nothing of why: that has to be seen from outside.
    ///
    /// - The card: the engine was late by as much as it holds, by its histogram, and the host took time from the machine just then: half
    ///   of it at least. (The other half may be the work that was left undone meanwhile.) An engine that is late on a host that takes
    ///   nothing is so by its own fault.
    /// - The ring: for as long as it lasts, just before, the thread that emulates the processors had work to do all the time, or the host
    ///   took it. Music of 384 kHz is decoded more slowly there than it plays. A ring that is empty because somebody sleeps, or waits for
    ///   what doesn't come, leaves it idle. (What is busy by the product's fault is wrong each of the three times.)
    ///
    /// Each needs a moment of its own at which silence began.
    pub(super) fn dry(&self, provoked: Dropouts) -> u64 {
        let Dropouts { xruns, starved, .. } = self.dropouts.since(provoked);
        let holds = self.holds();
        let first = holds.as_micros().next_power_of_two().ilog2() as usize + 1;
        let surely: u64 = self.lateness.iter().skip(first).sum();
        let latest = self.latest.is_some_and(|late| late >= holds);
        let late = surely.saturating_sub(provoked.stalls).max(latest.into());
        let [held, busy] = [Self::is_held, Self::is_busy].map(|so: fn(&Self, &Moment) -> bool| self.count(so));
        (xruns.min(late).min(held) + starved.min(busy))
            .min(self.count(|all, moment| all.is_held(moment) || all.is_busy(moment)))
    }

    fn count(&self, so: impl Fn(&Self, &Moment) -> bool) -> u64 {
        self.moments.iter().filter(|moment| so(self, moment)).count() as u64
    }

    /// How late the engine has to be for the card to run dry.
    fn holds(&self) -> Duration {
        self.buffer.saturating_sub(PERIOD)
    }

    fn is_held(&self, moment: &Moment) -> bool {
        moment.held >= self.holds() / 2
    }

    fn is_busy(&self, moment: &Moment) -> bool {
        moment.busy >= BUSY
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

    /// What is proved by that much more now, but for what two counts don't show: what the host took at once, and what the machine
    /// was at at some moment.
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
            moments: Vec::new(),
            buffer: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BUFFER: Duration = Duration::from_millis(500);

    #[test]
    fn only_what_was_added_is_proved() {
        let counted = |xruns: u64, late: u64, worst: u64| {
            let mut lateness = vec![5; 32];
            lateness[20] = late;
            let engine = json!({ "xruns": xruns, "lateness": lateness, "worst_lateness_ns": worst });
            Counted::new(json!({ "engine": engine }), Waits::default())
        };
        let before = counted(3, 1, 900_000_000);
        let since = |after: &Counted, held_ms| {
            let moments = vec![Moment { held: Duration::from_millis(held_ms), busy: 0.0 }; 9];
            Proved { moments, buffer: BUFFER, ..after.since(&before) }
        };
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
        let dry = |buffer, xruns, starved, moments: &[(u64, f64)]| {
            let dropouts = Dropouts { xruns, starved, ..Dropouts::default() };
            let moments = moments.iter().map(|(ms, busy)| Moment { held: Duration::from_millis(*ms), busy: *busy });
            // In all it is plenty.
            let waited = Duration::from_secs(60);
            let (lateness, moments) = (lateness.clone(), moments.collect());
            Proved { dropouts, lateness, latest: None, waited, held: waited, moments, buffer }.dry(Dropouts::default())
        };
        let card = |xruns, moments: &[(u64, f64)]| dry(BUFFER, xruns, 0, moments);
        let all =
            [card(2, &[(0, 1.0); 9]), card(2, &[(229, 1.0); 9]), card(2, &[(230, 0.0); 9]), card(4, &[(999, 0.0); 9])];
        assert_eq!(all, [0, 0, 2, 3], "a processor that works doesn't hold the engine up");
        assert_eq!([card(2, &[]), card(2, &[(230, 0.0), (229, 0.0)])], [0, 1], "at another moment");
        let shipped = Duration::from_millis(100);
        assert_eq!([29, 30].map(|ms| dry(shipped, 1, 0, &[(ms, 0.0)])), [0, 1], "what the card holds counts");
        let ring = |starved, moments: &[(u64, f64)]| dry(BUFFER, 0, starved, moments);
        let all =
            [ring(2, &[(999, 0.0); 9]), ring(2, &[(0, 0.84); 9]), ring(2, &[(0, 0.85); 9]), ring(2, &[(0, 0.85)])];
        assert_eq!(all, [0, 0, 2, 1], "a ring that sleeps");
        assert_eq!(dry(BUFFER, 1, 1, &[(230, 0.9)]), 1, "one moment is one");
    }
}
