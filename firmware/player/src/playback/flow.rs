//! Whether the sound goes on: the frame that is heard moves, or stands still.

use std::time::{Duration, Instant};

use crate::transport::TrackId;

/// How long the frame that is heard may stand still before it counts. A hiccup that is over by then is the page's to count; an
/// event about it would only come late.
const STILL: Duration = Duration::from_millis(500);

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
}

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Flow(Option<Seen>);

#[derive(Debug)]
struct Seen {
    last: Sounding,
    since: Instant,
    dry: Option<bool>,
}

impl Flow {
    /// A look at what is under way and not held.
    pub(super) fn look(&mut self, sounding: Option<Sounding>, now: Instant) -> Option<Turn> {
        let Some(sounding) = sounding else {
            self.0 = None;
            return None;
        };
        let Sounding { track, begin, heard } = sounding;
        let Some(seen) = self.0.as_mut().filter(|seen| (seen.last.track, seen.last.begin) == (track, begin)) else {
            self.0 = Some(Seen { last: sounding, since: now, dry: None });
            return None;
        };
        if seen.last.heard != heard {
            (seen.last, seen.since) = (sounding, now);
            return (seen.dry.replace(false) != Some(false)).then_some(Turn::Flows(track));
        }
        let still = now.saturating_duration_since(seen.since) >= STILL;
        (still && seen.dry.replace(true) != Some(true)).then_some(Turn::RanDry(track))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TrackId = TrackId(1);

    fn at(heard: u64) -> Option<Sounding> {
        Some(Sounding { track: A, begin: 0, heard })
    }

    /// Looks each 100 ms; what turned, and at which look.
    fn turns(looks: &[Option<Sounding>]) -> Vec<(usize, Turn)> {
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
        looks.extend([Some(Sounding { track: A, begin: 7, heard: 7 }); 5]);
        assert_eq!(turns(&looks), []);
    }
}
