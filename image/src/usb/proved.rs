//! What is proved of a machine that was too slow: by the engine's own counts, and by the host's kernel.
use std::time::Duration;

use serde_json::Value;

use super::waits::Waits;
use crate::dropouts::Dropouts;

/// What the card's buffer holds ([`crate::session`]'s arguments), ms, but for what goes between two wake-ups.
const HELD_MS: u64 = 500 - 40;
/// What is known to have happened while something was tried.
#[derive(Debug, Clone, Default)]
pub(super) struct Proved {
    /// What the engine counted.
    pub(super) dropouts: Dropouts,
    /// Its wake-ups by how late they were; bucket n begins at 2^(n - 1) µs.
    pub(super) lateness: Vec<u64>,
    /// The latest one, if none was as late before.
    pub(super) latest: Option<Duration>,
    /// What the host took ([`super::waits`]).
    pub(super) waited: Duration,
}

impl Proved {
    /// How often card or ring ran dry for which the machine's pace is to blame, which isn't demanded: the engine was late by as much as
    /// the card holds, by its own histogram; or it counted that the ring was dry, as it is where emulated processors decode more slowly
    /// than the music goes. The host can't tell that: their thread runs all the time. What the product does by its own fault it does
    /// each time that it is tried.
    pub(super) fn dry(&self, provoked: Dropouts) -> u64 {
        let Dropouts { xruns, starved, .. } = self.dropouts.since(provoked);
        let first = (HELD_MS * 1000).next_power_of_two().ilog2() as usize + 1;
        let surely: u64 = self.lateness.iter().skip(first).sum();
        let latest = self.latest.is_some_and(|late| late >= Duration::from_millis(HELD_MS));
        let late = surely.saturating_sub(provoked.stalls).max(latest.into());
        xruns.min(late) + starved
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

    /// What is proved by that much more now.
    pub(super) fn since(&self, before: &Self) -> Proved {
        let dropouts = |counted: &Self| Dropouts::counted(&counted.status);
        let worst = |counted: &Self| counted.status["engine"]["worst_lateness_ns"].as_u64().unwrap_or_default();
        let lateness = lateness(&self.status).zip(lateness(&before.status));
        Proved {
            dropouts: dropouts(self).since(dropouts(before)),
            lateness: lateness.map(|(after, before)| after.saturating_sub(before)).collect(),
            latest: (worst(self) > worst(before)).then(|| Duration::from_nanos(worst(self))),
            waited: self.waits.since(&before.waits),
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
        let nothing = before.since(&before);
        assert_eq!((nothing.dry(Dropouts::default()), nothing.latest), (0, None));
        let once = counted(4, 2, 900_000_000).since(&before);
        assert_eq!((once.dropouts.xruns, once.lateness[20], once.latest), (1, 1, None));
        let hold = Dropouts { xruns: 1, stalls: 1, ..Dropouts::default() };
        assert_eq!([once.dry(Dropouts::default()), once.dry(hold)], [1, 0]);
        let latest = counted(4, 1, 950_000_000).since(&before);
        assert_eq!((latest.latest, latest.dry(Dropouts::default())), (Some(Duration::from_millis(950)), 1));
    }
}
