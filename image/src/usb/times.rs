//! How soon the appliance follows a DAC that is pulled out and put back in.
use std::time::Duration;

use super::found::{Excuse, Tried};

/// State and event follow within this time, each time: when it is pulled out, and when it is back.
const FOLLOWED: Duration = Duration::from_secs(2);
/// So soon after it is back the music is on the bus, each time.
pub(super) const BACK: Duration = Duration::from_secs(1);
/// The same of the first DAC since the boot: nothing of what opens and feeds one has run before, and an emulated processor's instructions
/// are translated when they run first. Of 1.16 s by the host's clock (0.14 of them waited for a core) 0.53 went by until the kernel
/// announced it, 0.20 until the engine had found it, 0.12 until it was opened, and 0.29 s of silence came in front of the music while the
/// source was opened and decoded; of one that comes back it is 0.76 in all.
pub(super) const FIRST: Duration = Duration::from_millis(1500);
/// The most that a host may take before nothing is said of the machine any more: then it is tried again.
const ALLOWED: Duration = Duration::from_millis(500);

/// From one moment to another, by the host's clock, and how long the machine waited for a core meanwhile: it has had no more than the rest
/// to do it in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Took {
    pub(super) time: Duration,
    pub(super) waited: Duration,
}

impl Took {
    /// What it took beside what the host did, if that is no more than is allowed.
    pub(super) fn own(self) -> Duration {
        self.time.saturating_sub(self.waited.min(ALLOWED))
    }

    /// Whether the host took more than is allowed, and all that was too much.
    fn is_the_host_s(self, limit: Duration) -> bool {
        self.waited > ALLOWED && self.time.saturating_sub(self.waited) <= limit
    }
}

/// What one time took: pulled out, until the state says so and the event; put back, until the engine has opened it and anything is on
/// the bus, and until music is, by the time of its microframe, and until state and event say that it plays.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) state: Took,
    pub(super) event: Took,
    pub(super) packet: Took,
    pub(super) sound: Took,
    pub(super) playing: Took,
    pub(super) said: Took,
}

impl Times {
    /// What was put back took.
    pub(super) fn back([packet, sound, playing, said]: [Took; 4]) -> Self {
        Self { packet, sound, playing, said, ..Self::default() }
    }

    fn all(&self) -> [(&'static str, Took); 6] {
        let Self { state, event, packet, sound, playing, said } = *self;
        [
            ("its state", state),
            ("its event", event),
            ("its first packet", packet),
            ("sound", sound),
            ("the state PLAYING", playing),
            ("the event of it", said),
        ]
    }
}

impl Tried {
    /// Looks at all times; `back` is the limit to sound.
    pub(super) fn in_time(&mut self, times: &[Times], back: Duration) {
        let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
        if times.is_empty() {
            self.faults.push("nothing was timed".to_owned());
        }
        for (what, took) in times.iter().flat_map(Times::all) {
            let limit = if what == "sound" { back } else { FOLLOWED };
            if took.own() > limit {
                let (time, waited) = (seconds(took.time), seconds(took.waited));
                let text = format!("{time} s to {what}, of which the machine waited {waited}");
                if took.is_the_host_s(limit) {
                    self.doubt(Excuse::Measured, text);
                } else {
                    self.faults.push(text);
                }
            }
        }
        let figures = (0..Times::default().all().len()).map(|n| {
            let what = Times::default().all()[n].0;
            let mut all: Vec<_> = times.iter().map(|times| times.all()[n].1).collect();
            all.sort_by_key(|took| took.own());
            let [median, worst] = [all.get(all.len() / 2), all.last()].map(|took| took.copied().unwrap_or_default());
            let [time, waited] = [worst.time, worst.waited.min(ALLOWED)].map(seconds);
            format!("{what} {} (at worst {}: {time} less {waited})", seconds(median.own()), seconds(worst.own()))
        });
        let figures = figures.collect::<Vec<_>>().join(", ");
        self.note += &format!("; s to {figures}: by the host's clock, less what the machine waited for a core");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each in ms: state, event, sound, PLAYING, its event; nothing waited.
    fn times([state, event, sound, playing, said]: [u64; 5]) -> Times {
        let took = |ms| Took { time: Duration::from_millis(ms), waited: Duration::ZERO };
        let [state, event, sound, playing, said] = [state, event, sound, playing, said].map(took);
        Times { state, event, packet: Took::default(), sound, playing, said }
    }

    fn faults(all: &[Times]) -> Vec<String> {
        let mut tried = Tried::default();
        tried.in_time(all, BACK);
        // Nothing of it is in doubt.
        assert!(tried.doubts.is_empty());
        tried.faults
    }

    const WELL: [u64; 5] = [300, 400, 800, 900, 1000];

    #[test]
    fn each_time_has_its_limit() {
        assert_eq!(faults(&[times(WELL); 10]), [""; 0]);
        for (one, what) in [
            ([2100, 400, 800, 900, 1000], "2.10 s to its state"),
            ([300, 2100, 800, 900, 1000], "2.10 s to its event"),
            ([300, 400, 1010, 900, 1000], "1.01 s to sound"),
            ([300, 400, 800, 2100, 1000], "2.10 s to the state PLAYING"),
            ([300, 400, 800, 900, 2100], "2.10 s to the event of it"),
        ] {
            let mut all = [times(WELL); 10];
            all[4] = times(one);
            let found = faults(&all);
            assert!(matches!(found.as_slice(), [fault] if fault.contains(what)), "{what}: {found:?}");
        }
    }

    #[test]
    fn each_time_of_all_sounds_within_a_second() {
        let late = |count: usize, ms: u64| {
            let mut all = [times(WELL); 10];
            all[..count].fill(times([300, 400, ms, 1600, 1600]));
            faults(&all).len()
        };
        assert_eq!([late(10, 1000), late(1, 1001), late(10, 1001)], [0, 1, 10]);
        assert_eq!(faults(&[]), ["nothing was timed"]);
    }

    #[test]
    fn of_what_the_host_took_half_a_second_is_left_out_and_more_of_it_says_nothing() {
        let took = |time, waited| {
            let sound = Took { time: Duration::from_millis(time), waited: Duration::from_millis(waited) };
            let mut tried = Tried::default();
            tried.in_time(&[Times { sound, ..times(WELL) }; 10], BACK);
            [tried.faults.len(), tried.doubts.len()]
        };
        assert_eq!([took(1400, 0), took(1400, 399), took(1400, 400)], [[10, 0], [10, 0], [0, 0]]);
        assert_eq!([took(1500, 500), took(1500, 700), took(1501, 500)], [[0, 0], [0, 0], [10, 0]]);
        // Tried again, as more than is allowed was waited; and wrong if even that doesn't explain it.
        assert_eq!([took(2400, 1400), took(2400, 1399)], [[0, 10], [10, 0]]);
    }

    #[test]
    fn what_was_left_out_is_said() {
        let mut tried = Tried::default();
        let sound = Took { time: Duration::from_millis(900), waited: Duration::from_millis(250) };
        tried.in_time(&[Times { sound, ..times(WELL) }], BACK);
        assert!(tried.note.contains("sound 0.65 (at worst 0.65: 0.90 less 0.25)"), "{}", tried.note);
    }
}
