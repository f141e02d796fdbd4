//! Which frame of the ring belongs to which moment of which track: pure bookkeeping.
//!
//! The worker notes what it writes, the engine says how far the DAC is, and out come positions and passed boundaries.

use std::collections::VecDeque;
use std::time::Duration;

use super::PlayError;
use super::flow::Sounding;
use crate::transport::TrackId;

/// The frames of one stream, from the track that sounds now to the one that is being written.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// Hz of the stream; 0 while none is open.
    rate: u32,
    spans: VecDeque<Span>,
    /// Where playing goes on once there are frames: after a load or a seek.
    ahead: Option<(TrackId, Duration)>,
}

/// Frames of one track without a jump in them.
#[derive(Debug)]
struct Span {
    track: TrackId,
    /// Frame of the stream.
    begin: u64,
    /// The first frame that isn't the track's any more; `None` while it is being written.
    end: Option<u64>,
    /// Moment of the track at `begin`.
    offset: Duration,
    /// Why the track ends here, if the resource doesn't.
    error: Option<PlayError>,
    /// Its beginning was reported.
    heard: bool,
}

/// A boundary that the DAC has passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Heard(TrackId),
    Ended(TrackId, Option<PlayError>),
}

impl Timeline {
    /// A new stream begins at frame 0. What the old one still held has been played out: returns its boundaries.
    pub(crate) fn open(&mut self, rate: u32) -> Vec<Passed> {
        let passed = self.advance(u64::MAX);
        self.spans.clear();
        self.rate = rate;
        passed
    }

    /// Everything that was written is dropped; `track` will go on at `offset`.
    pub(crate) fn jump(&mut self, track: TrackId, offset: Duration) {
        self.spans.clear();
        self.ahead = Some((track, offset));
    }

    /// Everything that was written is dropped, and nothing follows.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.ahead = None;
    }

    /// The frames from `begin` on are those of `track` from `offset` on.
    pub(crate) fn begin(&mut self, track: TrackId, begin: u64, offset: Duration) {
        self.ahead = None;
        self.spans.push_back(Span { track, begin, end: None, offset, error: None, heard: false });
    }

    /// The newest track ends before frame `end`.
    pub(crate) fn end(&mut self, end: u64, error: Option<PlayError>) {
        if let Some(span) = self.spans.back_mut() {
            span.end = Some(end);
            span.error = error;
        }
    }

    /// Whether no written frame is waiting to be heard.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The DAC plays frame `heard`: the boundaries that it has passed since the last call, in order.
    pub(crate) fn advance(&mut self, heard: u64) -> Vec<Passed> {
        let mut passed = Vec::new();
        while let Some(span) = self.spans.front_mut() {
            if heard < span.begin || (heard == span.begin && span.end != Some(heard)) {
                break;
            }
            if !span.heard {
                span.heard = true;
                passed.push(Passed::Heard(span.track));
            }
            if span.end.is_none_or(|end| heard < end) {
                break;
            }
            passed.push(Passed::Ended(span.track, span.error.take()));
            self.spans.pop_front();
        }
        passed
    }

    /// The track and its moment at frame `heard`; `None` if nothing is under way.
    pub(crate) fn position(&self, heard: u64) -> Option<(TrackId, Duration)> {
        let Some(span) = self.spans.front() else { return self.ahead };
        let frames = heard.min(span.end.unwrap_or(u64::MAX)).saturating_sub(span.begin);
        Some((span.track, span.offset + frames_to_time(frames, self.rate)))
    }

    /// What sounds at frame `heard`, or should, as the engine said at `at_ns`.
    pub(crate) fn sounding(&self, heard: u64, at_ns: u64) -> Option<Sounding> {
        let span = self.spans.front()?;
        Some(Sounding { track: span.track, begin: span.begin, heard: heard.max(span.begin), at_ns })
    }

    /// How long until the next boundary that is known, at the stream's own pace.
    pub(crate) fn until_boundary(&self, heard: u64) -> Option<Duration> {
        let frame = self.spans.iter().find_map(|span| if span.heard { span.end } else { Some(span.begin) })?;
        Some(frames_to_time(frame.saturating_sub(heard), self.rate))
    }
}

/// How long `frames` last; nothing at a rate of 0. Exact to the nanosecond for any count.
pub(crate) fn frames_to_time(frames: u64, rate: u32) -> Duration {
    let Some(seconds) = frames.checked_div(u64::from(rate)) else { return Duration::ZERO };
    let rest = frames % u64::from(rate);
    Duration::from_secs(seconds) + Duration::from_nanos(rest * 1_000_000_000 / u64::from(rate))
}

/// The frame that plays at `time`, rounded to the nearest; as far as 64 bits reach.
pub(crate) fn time_to_frames(time: Duration, rate: u32) -> u64 {
    let frames = (time.as_nanos() * u128::from(rate) + 500_000_000) / 1_000_000_000;
    u64::try_from(frames).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TrackId = TrackId(1);
    const B: TrackId = TrackId(2);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn t20_a_gapless_boundary_is_passed_when_it_is_heard() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        assert_eq!(line.advance(0), []);
        assert_eq!(line.advance(50), [Passed::Heard(A)]);
        line.end(1000, None);
        line.begin(B, 1000, Duration::ZERO);
        assert_eq!(line.until_boundary(900), Some(seconds(1)));
        assert_eq!(line.advance(999), []);
        assert_eq!(line.position(999), Some((A, Duration::from_millis(9990))));
        assert_eq!(line.advance(1001), [Passed::Ended(A, None), Passed::Heard(B)]);
        assert_eq!(line.position(1100), Some((B, seconds(1))));
    }

    #[test]
    fn t09_the_end_is_passed_only_with_its_last_frame() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        line.end(1000, None);
        assert_eq!(line.advance(999), [Passed::Heard(A)]);
        assert_eq!(line.advance(1000), [Passed::Ended(A, None)]);
        assert_eq!(line.position(1000), None);
    }

    #[test]
    fn a_jump_forgets_what_was_written_and_says_where_it_goes_on() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        line.end(1000, None);
        line.jump(A, seconds(5));
        assert_eq!(line.position(70), Some((A, seconds(5))));
        line.begin(A, 1000, seconds(5));
        // The engine still plays what is to be dropped.
        assert_eq!(line.position(80), Some((A, seconds(5))));
        assert_eq!(line.advance(80), []);
        assert_eq!(line.position(1100), Some((A, seconds(6))));
    }

    #[test]
    fn a_track_without_frames_ends_where_it_begins() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        line.end(0, None);
        assert_eq!(line.advance(0), [Passed::Heard(A), Passed::Ended(A, None)]);
    }

    #[test]
    fn a_new_stream_means_that_the_old_one_was_played_out() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        line.end(1000, None);
        assert_eq!(line.open(50), [Passed::Heard(A), Passed::Ended(A, None)]);
        assert_eq!(line.position(0), None);
    }

    #[test]
    fn f6_times_and_frames_convert_without_drift() {
        let rate = 44_100;
        for frames in [0, 1, 44_099, 44_100, 158_760_001, 44_100 * 3600 * 24 * 365] {
            assert_eq!(time_to_frames(frames_to_time(frames, rate), rate), frames);
        }
        assert_eq!(frames_to_time(5, 0), Duration::ZERO);
        assert_eq!(time_to_frames(Duration::MAX, u32::MAX), u64::MAX);
    }
}
