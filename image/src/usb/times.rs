//! How soon the appliance follows a DAC that is pulled out and put back in.
use std::time::Duration;

use super::found::Tried;

/// State and event follow within this time, each time: when it is pulled out, and when it is back.
const FOLLOWED: Duration = Duration::from_secs(2);
/// So soon after it is back the music is on the bus, nine times of ten,
const BACK: Duration = Duration::from_secs(1);
/// and half of all times so soon,
const MEDIAN: Duration = Duration::from_millis(900);
/// and each time so soon: most of it is what the guest's kernel takes to ask what the DAC is.
const OUTER: Duration = Duration::from_millis(1500);

/// From one moment to another, by the host's clock, and how long the machine waited for a core meanwhile: it has had no more than the rest
/// to do it in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Took {
    pub(super) time: Duration,
    pub(super) waited: Duration,
}

impl Took {
    /// What it would have taken on a host that isn't busy, at least.
    fn own(self) -> Duration {
        self.time.saturating_sub(self.waited)
    }
}

/// What one time took: pulled out, until the state says so and the event; put back, until music is on the bus, by the time of its
/// microframe, and until state and event say that it plays.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) state: Took,
    pub(super) event: Took,
    pub(super) sound: Took,
    pub(super) playing: Took,
    pub(super) said: Took,
}

impl Times {
    fn all(&self) -> [(&'static str, Took); 5] {
        let Self { state, event, sound, playing, said } = *self;
        [
            ("its state", state),
            ("its event", event),
            ("sound", sound),
            ("the state PLAYING", playing),
            ("the event of it", said),
        ]
    }
}

impl Tried {
    /// Looks at all times.
    pub(super) fn in_time(&mut self, times: &[Times]) {
        let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
        for (what, took) in times.iter().flat_map(Times::all) {
            let limit = if what == "sound" { OUTER } else { FOLLOWED };
            if took.own() > limit {
                let (time, waited) = (seconds(took.time), seconds(took.waited));
                self.faults.push(format!("{time} s to {what}, of which the machine waited {waited}"));
            }
        }
        let mut sounds: Vec<_> = times.iter().map(|times| times.sound.own()).collect();
        sounds.sort();
        let all = || sounds.iter().map(|time| seconds(*time)).collect::<Vec<_>>().join(", ");
        // Of fewer than ten it is each.
        let surely = sounds.len() - sounds.len() / 10;
        if sounds.get(surely.saturating_sub(1)).is_none_or(|time| *time > BACK) {
            self.faults
                .push(format!("put back, it sounds within a second in fewer than {surely} times: after {} s", all()));
        }
        if sounds.get(sounds.len() / 2).is_none_or(|time| *time > MEDIAN) {
            self.faults.push(format!("put back, it sounds later than 0.9 s half of the times: after {} s", all()));
        }
        let figures = (0..Times::default().all().len()).map(|n| {
            let what = Times::default().all()[n].0;
            let mut all: Vec<_> = times.iter().map(|times| times.all()[n].1).collect();
            all.sort_by_key(|took| took.own());
            let [median, worst] = [all.get(all.len() / 2), all.last()].map(|took| took.copied().unwrap_or_default());
            let by_the_host = all.iter().map(|took| took.time).max().unwrap_or_default();
            format!(
                "{what} {} ({}, by the host's clock {})",
                seconds(median.own()),
                seconds(worst.own()),
                seconds(by_the_host)
            )
        });
        self.note += &format!("; s to {}: median (and worst)", figures.collect::<Vec<_>>().join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each in ms: state, event, sound, PLAYING, its event; nothing waited.
    fn times([state, event, sound, playing, said]: [u64; 5]) -> Times {
        let took = |ms| Took { time: Duration::from_millis(ms), waited: Duration::ZERO };
        Times { state: took(state), event: took(event), sound: took(sound), playing: took(playing), said: took(said) }
    }

    fn faults(all: &[Times]) -> Vec<String> {
        let mut tried = Tried::default();
        tried.in_time(all);
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
            ([300, 400, 1600, 900, 1000], "1.60 s to sound"),
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
    fn nine_of_ten_sound_within_a_second_and_half_sooner() {
        let late = |count: usize, ms: u64| {
            let mut all = [times(WELL); 10];
            all[..count].fill(times([300, 400, ms, 1600, 1600]));
            faults(&all).len()
        };
        assert_eq!([late(1, 1500), late(2, 1001), late(6, 901)], [0, 1, 1]);
        assert_eq!([late(10, 900), late(10, 1001)], [0, 2]);
        let few = |ms| faults(&[times(WELL), times([300, 400, ms, 1000, 1000]), times(WELL)]).len();
        assert_eq!([few(1000), few(1001)], [0, 1], "of three it is each");
        assert_eq!(faults(&[]).len(), 2, "and never is no time");
    }

    #[test]
    fn only_what_the_host_is_known_to_have_taken_is_left_out() {
        let took = |waited| {
            let sound = Took { time: Duration::from_millis(2400), waited: Duration::from_millis(waited) };
            faults(&[Times { sound, ..times(WELL) }; 10]).len()
        };
        assert_eq!([took(0), took(1300), took(1600)], [12, 2, 0]);
    }
}
