//! Whether the sound goes on: the frame that is heard moves, or stands still.

use std::time::{Duration, Instant};

use crate::transport::TrackId;

/// How long the frame that is heard may stand still before it counts, in the engine's time: from one of its wake-ups to another.
/// (How far the DAC is gets known with each wake-up, and up to a second may lie between two.) A hiccup that is over by then is the
/// page's to count; an event about it would only come late.
const STILL_NS: u64 = 500_000_000;
/// How long the engine may tell nothing before that counts: two of the longest periods and what the sound itself may stand still.
const SILENT: Duration = Duration::from_millis(2 * 1000 + 500);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing more is heard of this track, though it isn't over: its source is late, or dead.
    RanDry(TrackId),
    /// It goes on.
    Flows(TrackId),
}

/// What is to be heard now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sounding {
    pub(crate) track: TrackId,
    /// Its first frame in the stream, since the last jump.
    pub(crate) begin: u64,
    /// The frame that is heard; `begin` as long as none is.
    pub(crate) heard: u64,
    /// When the engine said so, ns of its clock.
    pub(crate) at_ns: u64,
}

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Flow(Option<Seen>);

#[derive(Debug)]
struct Seen {
    /// As it was when the frame that is heard last moved.
    moved: Sounding,
    /// What the engine said last, and when that was heard of.
    at_ns: u64,
    told: Instant,
    dry: Option<bool>,
}

impl Flow {
    /// A look at what is under way and not held.
    pub(super) fn look(&mut self, sounding: Option<Sounding>, now: Instant) -> Option<Turn> {
        let Some(sounding) = sounding else {
            self.0 = None;
            return None;
        };
        let Sounding { track, begin, heard, at_ns } = sounding;
        let Some(seen) = self.0.as_mut().filter(|seen| (seen.moved.track, seen.moved.begin) == (track, begin)) else {
            self.0 = Some(Seen { moved: sounding, at_ns, told: now, dry: None });
            return None;
        };
        if seen.at_ns != at_ns {
            (seen.at_ns, seen.told) = (at_ns, now);
        }
        if seen.moved.heard != heard {
            seen.moved = sounding;
            return (seen.dry.replace(false) != Some(false)).then_some(Turn::Flows(track));
        }
        let still = at_ns.saturating_sub(seen.moved.at_ns) >= STILL_NS;
        let silent = now.saturating_duration_since(seen.told) >= SILENT;
        ((still || silent) && seen.dry.replace(true) != Some(true)).then_some(Turn::RanDry(track))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TrackId = TrackId(1);

    /// The engine says this at each look.
    fn at(heard: u64) -> Option<Sounding> {
        Some(Sounding { track: A, begin: 0, heard, at_ns: 0 })
    }

    /// Looks each 100 ms, as often as the engine wakes; what turned, and at which look.
    fn turns(looks: &[Option<Sounding>]) -> Vec<(usize, Turn)> {
        let told =
            |(n, look): (usize, &Option<Sounding>)| look.map(|look| Sounding { at_ns: n as u64 * 100_000_000, ..look });
        turns_as_told(&looks.iter().enumerate().map(told).collect::<Vec<_>>())
    }

    /// The same where the engine says when it woke.
    fn turns_as_told(looks: &[Option<Sounding>]) -> Vec<(usize, Turn)> {
        let start = Instant::now();
        let mut flow = Flow::default();
        let turn = |(n, look): (usize, &_)| Some((n, flow.look(*look, start + n as u32 * Duration::from_millis(100))?));
        looks.iter().enumerate().filter_map(turn).collect()
    }

    #[test]
    fn t30_a_sound_that_stands_still_ran_dry_and_flows_again_with_its_next_frame() {
        let mut looks = vec![at(1), at(2)];
        looks.extend([at(3); 9]);
        looks.push(at(4));
        assert_eq!(turns(&looks), [(1, Turn::Flows(A)), (7, Turn::RanDry(A)), (11, Turn::Flows(A))]);
    }

    #[test]
    fn a_sound_that_never_begins_ran_dry_as_well() {
        assert_eq!(turns(&[at(0); 9]), [(5, Turn::RanDry(A))]);
    }

    #[test]
    fn a_hiccup_a_pause_and_a_jump_are_no_news() {
        let hiccup: Vec<_> = (0..50).map(|n| at(1 + n / 4)).collect();
        assert_eq!(turns(&hiccup), [(4, Turn::Flows(A))]);
        let mut looks = vec![at(1); 4];
        looks.push(None);
        looks.extend([at(1); 5]);
        looks.extend([Some(Sounding { track: A, begin: 7, heard: 7, at_ns: 0 }); 5]);
        assert_eq!(turns(&looks), []);
    }

    /// What the engine says of a frame that moves, if it wakes once in `period` looks.
    fn wakes(period: u64, looks: u64) -> Vec<Option<Sounding>> {
        let told = |n: u64| Sounding {
            track: A,
            begin: 0,
            heard: n / period * period,
            at_ns: n / period * period * 100_000_000,
        };
        (0..looks).map(|n| Some(told(n))).collect()
    }

    #[test]
    fn music_that_the_engine_tells_of_once_a_second_flows() {
        for period in [1, 4, 6, 10] {
            let looks = wakes(period, 100);
            assert_eq!(turns_as_told(&looks), [(period as usize, Turn::Flows(A))], "{period}00 ms");
        }
    }

    /// The last wake-up that moved is at 2 s; then it looks more often.
    #[test]
    fn that_it_ran_dry_is_told_however_seldom_the_engine_wakes() {
        let mut looks = wakes(10, 30);
        looks.extend((0..10).map(|n| Some(Sounding { track: A, begin: 0, heard: 20, at_ns: (20 + n) * 100_000_000 })));
        assert_eq!(turns_as_told(&looks), [(10, Turn::Flows(A)), (35, Turn::RanDry(A))]);
    }

    #[test]
    fn an_engine_that_tells_nothing_any_more_ran_dry_as_well() {
        let mut looks = wakes(1, 10);
        looks.extend([looks[9]; 40]);
        assert_eq!(turns_as_told(&looks), [(1, Turn::Flows(A)), (9 + 25, Turn::RanDry(A))]);
    }
}
