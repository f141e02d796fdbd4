//! How soon the appliance follows a DAC that is pulled out and put back in.
use std::time::Duration;

use super::found::{Excuse, Tried};

/// State and event follow within this time, each time: when it is pulled out, and when the page shows it again.
const FOLLOWED: Duration = Duration::from_secs(2);
/// So soon after the page shows it again the music is on the bus, each time; and so soon after it is plugged in, once of several
/// times: most of that is what the guest's kernel takes to ask what the DAC is, and a busy host takes several times as long for it.
const BACK: Duration = Duration::from_secs(1);
/// A machine that takes longer than half of that from Play to the first frame on the bus, with a DAC that has been there all the
/// time, is slow: to open the DAC, fetch the track and decode it may take it twice as long as then.
const SLOWER: u32 = 2;

/// What one time took: pulled out, until the state says so and the event; put back, until the page shows it, until music is on
/// the bus, and until state and event say that it plays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) state: Duration,
    pub(super) event: Duration,
    pub(super) shown: Duration,
    pub(super) sound: Duration,
    pub(super) playing: Duration,
}

impl Tried {
    /// Looks at all times, on a machine on which Play took so long.
    pub(super) fn in_time(&mut self, times: &[Times], play: Duration) {
        let back = BACK.max(SLOWER * play);
        let after = |what: Duration, shown: Duration| what.saturating_sub(shown);
        for Times { state, event, shown, sound, playing } in times {
            for (what, time, limit) in [
                ("its state", *state, FOLLOWED),
                ("its event", *event, FOLLOWED),
                ("sound, from being shown", after(*sound, *shown), back),
                ("PLAYING, from being shown", after(*playing, *shown), FOLLOWED.max(back)),
            ] {
                if time > limit {
                    self.doubt(Excuse::Slow, format!("{:.2} s to {what}", time.as_secs_f64()));
                }
            }
        }
        let best = times.iter().map(|times| times.sound).min().filter(|best| times.len() > 1 && *best >= back);
        if let Some(best) = best {
            self.doubt(Excuse::Slow, format!("put back, {:.2} s until it sounds, at best", best.as_secs_f64()));
        }
        let figures = ["state", "event", "being shown", "sound", "PLAYING"].into_iter().enumerate().map(|(n, what)| {
            let of = |times: &Times| [times.state, times.event, times.shown, times.sound, times.playing][n];
            let mut all: Vec<_> = times.iter().map(of).collect();
            all.sort();
            let [median, worst] =
                [all.get(all.len() / 2), all.last()].map(|time| time.map_or(0.0, Duration::as_secs_f64));
            format!("{what} {median:.2} ({worst:.2})")
        });
        let worst = times.iter().map(|times| after(times.sound, times.shown)).max().unwrap_or_default();
        self.note += &format!(
            "; s to its {}, median (and worst); from being shown to sound {:.2} at worst; Play took {:.2}",
            figures.collect::<Vec<_>>().join(", "),
            worst.as_secs_f64(),
            play.as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three times, each in ms: state, event, shown, sound, playing.
    fn tried(times: [[u64; 5]; 3], play: u64) -> Tried {
        let times = times.map(|ms| {
            let [state, event, shown, sound, playing] = ms.map(Duration::from_millis);
            Times { state, event, shown, sound, playing }
        });
        let mut tried = Tried::default();
        tried.in_time(&times, Duration::from_millis(play));
        tried
    }

    const WELL: [u64; 5] = [300, 400, 600, 900, 1000];

    #[test]
    fn what_is_late_is_a_fault_in_the_end() {
        let well = tried([WELL, [1900, 1950, 4100, 5000, 5100], [200, 300, 700, 1400, 1400]], 200);
        assert!(well.note.contains("state 0.30 (1.90), event 0.40 (1.95)"), "{}", well.note);
        assert!(well.note.contains("sound 1.40 (5.00)"), "{}", well.note);
        assert_eq!(well.judged().faults, [""; 0]);
        let slow = [300, 400, 600, 1400, 1500];
        for (times, play, what) in [
            ([WELL, [2100, 400, 600, 900, 1000], WELL], 200, "2.10 s to its state"),
            ([WELL, [300, 2100, 600, 900, 1000], WELL], 200, "2.10 s to its event"),
            ([WELL, [300, 400, 600, 1700, 1700], WELL], 200, "1.10 s to sound, from being shown"),
            ([WELL, WELL, [300, 400, 600, 900, 2700]], 200, "2.10 s to PLAYING"),
            ([[300, 400, 600, 1000, 1000]; 3], 200, "1.00 s until it sounds"),
            ([WELL, slow.map(|ms| 2 * ms), WELL], 700, "1.60 s to sound, from being shown"),
        ] {
            let late = tried(times, play);
            assert!(late.is_excused(crate::dropouts::Dropouts::default()), "{late:?}");
            let faults = late.judged().faults;
            assert!(matches!(faults.as_slice(), [fault] if fault.contains(what)), "{what}: {faults:?}");
        }
        assert_eq!(tried([slow.map(|ms| ms * 3 / 2), WELL, WELL], 700).judged().faults, [""; 0], "a slow machine");
    }

    #[test]
    fn one_time_alone_has_no_best() {
        let mut tried = Tried::default();
        let [state, event, shown, sound, playing] = [300, 400, 1600, 2000, 2100].map(Duration::from_millis);
        tried.in_time(&[Times { state, event, shown, sound, playing }], Duration::from_millis(200));
        assert_eq!(tried.judged().faults, [""; 0]);
    }
}
