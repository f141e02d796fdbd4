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
    /// What ended where the first of them begins.
    before: Option<Span>,
    /// Where playing goes on once there are frames: after a load, a seek, or when there is an output again.
    ahead: Option<Ahead>,
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
    /// The track goes on behind it, in another stream.
    goes_on: bool,
    /// Its beginning was reported.
    heard: bool,
}

/// Where the music goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead {
    pub(crate) track: TrackId,
    /// The moment that is next to be heard.
    pub(crate) next: Duration,
    /// The moment to be written first: after a loss so much earlier that it has faded in when `next` comes, but never in front of
    /// the track's own beginning or of where a seek went.
    pub(crate) from: Duration,
}

/// A boundary that the DAC has passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Heard(TrackId),
    Ended(TrackId, Option<PlayError>),
}

impl Span {
    /// The moment of the track at `frame` of a stream with this rate in Hz; that of its beginning, or end, in front of, or behind, it.
    fn moment(&self, frame: u64, rate: u32) -> Duration {
        let frames = frame.min(self.end.unwrap_or(u64::MAX)).saturating_sub(self.begin);
        self.offset + frames_to_time(frames, rate)
    }
}

impl Timeline {
    /// A new stream begins at frame 0. What the old one still held has been played out: returns its boundaries.
    pub(crate) fn open(&mut self, rate: u32) -> Vec<Passed> {
        let passed = self.advance(u64::MAX);
        self.drop_frames();
        self.rate = rate;
        passed
    }

    /// Everything that was written is dropped; `track` will go on at `offset`.
    pub(crate) fn jump(&mut self, track: TrackId, offset: Duration) {
        self.drop_frames();
        self.ahead = Some(Ahead { track, next: offset, from: offset });
    }

    /// The output is gone, and frame `heard` was next, or one of the `doubt` frames before that: what was written is dropped, and
    /// has to be written again to be heard. It goes on so early that those that are in doubt come behind `fade` frames; with the
    /// end of the track before only if some of its frames are among them. `None` if nothing is under way.
    pub(crate) fn lose(&mut self, heard: u64, doubt: u64, fade: u64) -> Option<Ahead> {
        if let Some(first) = self.spans.front() {
            let surely = heard.saturating_sub(doubt);
            let before = self.before.as_ref().filter(|before| surely < first.begin && before.end == Some(first.begin));
            let (span, next) = before.map_or((first, heard), |before| (before, surely.max(before.begin)));
            let moment = |frame| span.moment(frame, self.rate);
            self.ahead =
                Some(Ahead { track: span.track, next: moment(next), from: moment(surely.saturating_sub(fade)) });
            self.drop_frames();
        }
        self.ahead
    }

    /// Everything that was written is dropped, and nothing follows.
    pub(crate) fn clear(&mut self) {
        self.drop_frames();
        self.ahead = None;
    }

    fn drop_frames(&mut self) {
        self.spans.clear();
        self.before = None;
    }

    /// The frames from `begin` on are those of `track` from `offset` on.
    pub(crate) fn begin(&mut self, track: TrackId, begin: u64, offset: Duration) {
        self.ahead = None;
        self.spans.push_back(Span { track, begin, end: None, offset, error: None, goes_on: false, heard: false });
    }

    /// The newest track ends before frame `end`.
    pub(crate) fn end(&mut self, end: u64, error: Option<PlayError>) {
        if let Some(span) = self.spans.back_mut() {
            span.end = Some(end);
            span.error = error;
        }
    }

    /// The newest track goes on behind frame `end` in another stream: there it doesn't end.
    pub(crate) fn cut(&mut self, end: u64) {
        self.end(end, None);
        if let Some(span) = self.spans.back_mut() {
            span.goes_on = true;
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
            if span.goes_on {
                let next = span.moment(u64::MAX, self.rate);
                self.ahead = Some(Ahead { track: span.track, next, from: next });
            } else {
                passed.push(Passed::Ended(span.track, span.error.take()));
            }
            self.before = self.spans.pop_front();
        }
        passed
    }

    /// The track and its moment at frame `heard`; `None` if nothing is under way.
    pub(crate) fn position(&self, heard: u64) -> Option<(TrackId, Duration)> {
        let Some(span) = self.spans.front() else { return self.ahead.map(|ahead| (ahead.track, ahead.next)) };
        Some((span.track, span.moment(heard, self.rate)))
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

/// The last frame that begins at `time` or before. A time that was made of frames is rounded down to nanoseconds, and may be the
/// sum of two such.
pub(crate) fn frame_at(time: Duration, rate: u32) -> u64 {
    const ROUNDING: u128 = 2;
    u64::try_from((time.as_nanos() + ROUNDING) * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
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
    fn a_track_that_goes_on_in_another_stream_does_not_end_with_this_one() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        line.cut(500);
        assert_eq!(line.advance(499), [Passed::Heard(A)]);
        assert_eq!(line.advance(500), []);
        assert!(line.is_empty());
        // Until it goes on it stands there.
        assert_eq!(line.position(500), Some((A, seconds(5))));
        assert_eq!(line.open(50), []);
        assert_eq!(line.lose(0, 5, 5), Some(Ahead { track: A, next: seconds(5), from: seconds(5) }));
        line.begin(A, 0, seconds(5));
        assert_eq!(line.position(50), Some((A, seconds(6))));
        line.end(500, None);
        assert_eq!(line.advance(500), [Passed::Heard(A), Passed::Ended(A, None)]);
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
    fn what_is_lost_goes_on_so_early_that_it_is_faded_in_at_the_next_frame() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, seconds(7));
        line.end(1000, None);
        line.begin(B, 1000, Duration::ZERO);
        assert_eq!(line.advance(550), [Passed::Heard(A)]);
        let ms = Duration::from_millis;
        let ahead = Some(Ahead { track: A, next: ms(12_500), from: ms(12_300) });
        assert_eq!(line.lose(550, 10, 10), ahead);
        // Until the frames are there again it stands at the next one, whatever else goes.
        assert_eq!(line.position(0), Some((A, ms(12_500))));
        line.open(50);
        assert_eq!(line.lose(0, 5, 5), ahead);
        // Of what was begun and not heard everything is still to be heard.
        line.begin(A, 0, ms(12_300));
        assert_eq!(line.lose(0, 5, 5), Some(Ahead { track: A, next: ms(12_300), from: ms(12_300) }));
    }

    #[test]
    fn what_is_lost_does_not_go_on_in_front_of_its_own_beginning() {
        let mut line = Timeline::default();
        line.open(100);
        line.begin(A, 0, Duration::ZERO);
        line.end(1000, None);
        line.begin(B, 1000, Duration::ZERO);
        assert_eq!(line.advance(1010).len(), 3);
        let next = Duration::from_millis(100);
        assert_eq!(line.lose(1010, 10, 20), Some(Ahead { track: B, next, from: Duration::ZERO }));
        line.clear();
        assert_eq!(line.lose(1010, 10, 20), None);
    }

    #[test]
    fn what_is_lost_goes_on_with_the_end_of_the_track_before_if_that_is_in_doubt() {
        let ms = Duration::from_millis;
        let line = |a_begins| {
            let mut line = Timeline::default();
            line.open(100);
            line.begin(A, a_begins, seconds(3));
            line.end(1000, None);
            line.begin(B, 1000, Duration::ZERO);
            assert_eq!(line.advance(1009).len(), 3);
            line
        };
        let mut lost = line(0);
        let ahead = Some(Ahead { track: A, next: ms(12_990), from: ms(12_790) });
        assert_eq!(lost.lose(1009, 10, 20), ahead);
        assert_eq!(lost.lose(0, 10, 20), ahead, "until there are frames");
        assert_eq!(line(995).lose(1009, 20, 20), Some(Ahead { track: A, next: seconds(3), from: seconds(3) }));
        // Dropped, by whatever: nothing of it is in doubt any more.
        let mut sought = line(0);
        sought.jump(B, seconds(1));
        sought.begin(B, 1009, seconds(1));
        assert_eq!(sought.lose(1010, 10, 20), Some(Ahead { track: B, next: ms(1010), from: seconds(1) }));
        // Another stream.
        let mut opened = line(0);
        opened.open(100);
        opened.begin(B, 0, Duration::ZERO);
        assert_eq!(opened.lose(1, 10, 20), Some(Ahead { track: B, next: ms(10), from: Duration::ZERO }));
    }

    #[test]
    fn the_frame_of_a_moment_is_never_a_later_one() {
        for rate in [44_100, 48_000, 352_800, 5_644_800] {
            for frames in [1, 7, 44_099, 158_760_001] {
                let time = frames_to_time(frames, rate);
                assert_eq!(frame_at(time, rate), frames, "{rate}");
                // The sum of two.
                let two = frames_to_time(frames, rate) + frames_to_time(12_345, rate);
                assert_eq!(frame_at(two, rate), frames + 12_345, "{rate}");
            }
        }
        assert_eq!(frame_at(Duration::from_micros(22), 44_100), 0);
        assert_eq!(frame_at(Duration::MAX, u32::MAX), u64::MAX);
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
