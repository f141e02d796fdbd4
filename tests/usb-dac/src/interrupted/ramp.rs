//! The engine's fade: frame n of N is the track's times n / N, or (N - n) / N where it fades out, rounded. Its gain says which of its
//! frames each is, and so where in the track it lies.

use super::DITHER;

/// Fewer frames say nothing of a gain that changes.
pub(super) const LEAST: usize = 3;
/// Frames at each end of which the loudest is taken: the louder, the more exact its gain.
const END: usize = 4;

/// What came of a fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ramp {
    /// Frames.
    pub(super) frames: usize,
    /// The gain's numerator of the first one.
    pub(super) first: usize,
    /// It fades in.
    pub(super) rises: bool,
}

impl Ramp {
    /// Finds it by the first `base` of these frames, at least [`LEAST`]; of each what came, and the track's. None: no fade begins there.
    pub(super) fn of(pairs: &[(Vec<i64>, Vec<i64>)], base: usize) -> Option<Self> {
        let gain = |n: usize| {
            let (came, track) = pairs.get(n)?;
            let (came, track) = came.iter().zip(track).max_by_key(|(_, track)| track.abs())?;
            (*track != 0).then_some((track.abs(), n, *came as f64 / *track as f64))
        };
        let loudest = |mut within: std::ops::Range<usize>| {
            let first = within.next().and_then(gain);
            within.filter_map(gain).chain(first).max_by_key(|(track, ..)| *track)
        };
        let end = END.min(base / 2).max(1);
        let (_, from, low) = loudest(0..end)?;
        let (_, to, high) = loudest(base.checked_sub(end)?..base)?;
        let steps = (to as f64 - from as f64) / (high - low);
        if !(1.0..1e6).contains(&steps.abs()) {
            return None;
        }
        let (length, rises) = (steps.abs().round() as i64, steps > 0.0);
        let of = |length: i64| {
            let at_from = (low * length as f64).round() as i64;
            let step = if rises { 1 } else { -1 };
            let first = at_from - step * from as i64;
            let fits = |n: usize| {
                let gain = first + step * n as i64;
                let (came, track) = &pairs[n];
                let near = |(came, track): (&i64, &i64)| {
                    (*came as f64 - *track as f64 * gain as f64 / length as f64).abs() <= DITHER as f64
                };
                (0..=length).contains(&gain) && came.iter().zip(track).all(near)
            };
            let frames = (0..pairs.len()).take_while(|n| fits(*n)).count();
            Some(Self { frames, first: usize::try_from(first).ok()?, rises })
        };
        let all = (length - 1..=length + 1).filter(|length| *length > 0).filter_map(of);
        all.max_by_key(|ramp| ramp.frames).filter(|ramp| ramp.frames >= LEAST)
    }

    /// The gain's numerator of the last one.
    pub(super) fn last(self) -> usize {
        let further = self.frames.saturating_sub(1);
        if self.rises { self.first + further } else { self.first.saturating_sub(further) }
    }
}
