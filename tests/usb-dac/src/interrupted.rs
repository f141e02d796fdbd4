//! What came of a track that was paused, sought in and stopped, passage by passage: nothing of it may be lost or played twice,
//! and what is between is silence, once for each time that was asked for.

use crate::explain::Wanted;

mod fade;

pub use fade::Fades;
use fade::Way;

/// What a passage consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Frames of the track as they are.
    Track,
    /// The same, scaled.
    Faded,
    /// Silence.
    Silence,
}

/// A passage of what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// What it is.
    pub piece: Piece,
    /// Where it begins in what came, in frames.
    pub came: usize,
    /// Its first frame of the track; for silence, the track's next one.
    pub at: usize,
    /// How many frames.
    pub frames: usize,
}

/// What was asked while it was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To pause, and to go on with the frame that was next.
    Pause,
    /// To go on with this frame. There needn't be silence in front of it.
    Seek(usize),
    /// To stop: nothing but silence follows.
    Stop,
}

/// A track, and what was done to it.
#[derive(Debug, Clone, Copy)]
pub struct Interrupted<'a> {
    /// The track.
    pub wanted: Wanted<'a>,
    /// How it is faded in and out, if it is.
    pub fades: Option<Fades>,
    /// All that was asked, in order.
    pub asked: &'a [Asked],
}

/// Why what came isn't that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// At this frame of what came something else begins.
    #[error(
        "frame {came} of what came is neither silence nor frame {at} of the track, nor where it was sought: {bytes:02x?}"
    )]
    Foreign {
        /// Where, in frames of what came.
        came: usize,
        /// The track's next frame.
        at: usize,
        /// What came there.
        bytes: Vec<u8>,
    },
    /// Nobody asked for this silence, or for something else first.
    #[error(
        "{frames} frames of silence before frame {at} of the track, from frame {came} of what came on, that nobody asked for"
    )]
    Silence {
        /// Where, in frames of what came.
        came: usize,
        /// The track's next frame.
        at: usize,
        /// How long it lasts.
        frames: usize,
    },
    /// It never did what it was asked.
    #[error("{0:?} was asked, and never came of it")]
    Unanswered(Asked),
}

impl Interrupted<'_> {
    /// Takes what came apart.
    ///
    /// # Errors
    /// At the first frame that isn't what has to be there.
    pub fn follow(&self, came: &[u8]) -> Result<Vec<Passage>, Lost> {
        let frame = self.wanted.frame;
        let total = came.len() / frame;
        let (mut passages, mut asked) = (Vec::<Passage>::new(), self.asked.iter());
        let (mut now, mut at, mut over) = (0, 0, false);
        // The track goes on behind silence, or elsewhere: with a fade in.
        let mut goes_on = false;
        while now < total {
            let silent = self.run(now..total, |n| self.is_silent(part(came, n, frame)));
            let same = self.run(now..total, |n| self.is_same(part(came, n, frame), at + n - now));
            let found = if same > 0 {
                Some((Piece::Track, 0, same))
            } else if silent > 0 {
                Some((Piece::Silence, 0, silent))
            } else {
                self.faded(came, now, at, if goes_on { Way::In } else { Way::Out })
            };
            let next = asked.as_slice().first();
            match (found, next) {
                (Some((Piece::Silence, _, frames)), next) => {
                    // In front of the track and behind its last frame it needs no asking.
                    let around = passages.is_empty() || at == self.wanted.bytes.len() / frame;
                    match next {
                        _ if around => {}
                        Some(Asked::Pause) => {}
                        Some(Asked::Seek(target)) => at = *target,
                        Some(Asked::Stop) => over = true,
                        None => return Err(Lost::Silence { came: now, at, frames }),
                    }
                    if !around {
                        asked.next();
                    }
                    // The track's own beginning isn't faded in.
                    goes_on = !passages.is_empty() || at > 0;
                    passages.push(Passage { piece: Piece::Silence, came: now, at, frames });
                    now += frames;
                }
                (Some((piece, skipped, frames)), _) if !over => {
                    at += skipped;
                    passages.push(Passage { piece, came: now, at, frames });
                    now += frames;
                    at += frames;
                    goes_on = false;
                }
                (None, Some(Asked::Seek(target))) if at != *target => {
                    at = *target;
                    goes_on = true;
                    asked.next();
                }
                _ => return Err(Lost::Foreign { came: now, at, bytes: part(came, now, frame).to_vec() }),
            }
        }
        match asked.next() {
            Some(asked) => Err(Lost::Unanswered(*asked)),
            None => Ok(passages),
        }
    }

    /// How many of these frames are so, from the first one on.
    fn run(&self, frames: std::ops::Range<usize>, so: impl Fn(usize) -> bool) -> usize {
        frames.take_while(|n| so(*n)).count()
    }

    fn is_silent(&self, frame: &[u8]) -> bool {
        frame.iter().all(|byte| *byte == self.wanted.silence)
    }

    fn is_same(&self, frame: &[u8], at: usize) -> bool {
        frame == part(self.wanted.bytes, at, self.wanted.frame)
    }

    /// The fade that begins here: the frames of the track that it skips, as they have become silence, and how many frames come of it.
    fn faded(&self, came: &[u8], now: usize, at: usize, way: Way) -> Option<(Piece, usize, usize)> {
        let (fades, frame) = (self.fades?, self.wanted.frame);
        let is_frame =
            |n, m, gain| fades.is_scaled(part(came, now + n, frame), part(self.wanted.bytes, at + m, frame), gain);
        let missing = fades.missing(way, is_frame)?;
        let skipped = if way == Way::In { missing } else { 0 };
        Some((Piece::Faded, skipped, fades.frames - missing))
    }
}

/// A frame; empty behind the last one.
fn part(bytes: &[u8], number: usize, frame: usize) -> &[u8] {
    bytes.get(number * frame..(number + 1) * frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of two samples of 32 bits, of which no two are alike.
    fn track(frames: u32) -> Vec<u8> {
        let noise = (1..=2 * frames).map(|n| (n.wrapping_mul(2_654_435_761) ^ 0x8000_0000) | 0x0010_0000);
        noise.flat_map(u32::to_le_bytes).collect()
    }

    /// Scaled from one gain to another, in 1/64.
    fn scaled(frames: &[u8], from: i64, step: i64) -> Vec<u8> {
        let gain = |n: usize| from + step * (n / 2) as i64;
        let samples = frames.as_chunks().0.iter().map(|sample| i64::from(i32::from_le_bytes(*sample)));
        samples.enumerate().flat_map(|(n, sample)| ((sample * gain(n) / 64) as i32).to_le_bytes()).collect()
    }

    const FADES: Fades = Fades { sample: 4, frames: 64 };

    fn of<'a>(track: &'a [u8], fades: Option<Fades>, asked: &'a [Asked]) -> Interrupted<'a> {
        Interrupted { wanted: Wanted { bytes: track, frame: 8, silence: 0 }, fades, asked }
    }

    #[test]
    fn a_pause_and_a_jump_are_followed_frame_by_frame() {
        let track = track(2000);
        let frames = |range: std::ops::Range<usize>| &track[8 * range.start..8 * range.end];
        let silence = [0; 8 * 100];
        let came = [
            &silence,
            frames(0..500),
            &scaled(frames(500..564), 64, -1),
            &silence,
            // From nothing: the first one is silent.
            &scaled(frames(564..628), 0, 1),
            frames(628..800),
            &scaled(frames(800..864), 64, -1),
            &scaled(frames(1500..1564), 0, 1),
            frames(1564..2000),
            &silence,
        ]
        .concat();
        let asked = [Asked::Pause, Asked::Seek(1500)];
        let passages = of(&track, Some(FADES), &asked).follow(&came).unwrap();
        let whole: Vec<_> = passages.iter().filter(|passage| passage.piece == Piece::Track).collect();
        let ends: Vec<_> = whole.iter().map(|passage| (passage.at, passage.frames)).collect();
        // A fade's first frame is at full level, and the track's.
        assert_eq!(ends, [(0, 501), (628, 173), (1564, 436)]);
        let faded = passages.iter().filter(|passage| passage.piece == Piece::Faded).map(|passage| passage.frames);
        assert_eq!(faded.collect::<Vec<_>>(), [63, 63, 63, 63]);
        assert!(of(&track, None, &asked).follow(&came).is_err(), "what can't be scaled isn't");
    }

    #[test]
    fn a_frame_off_behind_a_pause_or_a_seek_is_found() {
        let track = track(2000);
        let frames = |range: std::ops::Range<usize>| &track[8 * range.start..8 * range.end];
        let asked = [Asked::Pause, Asked::Seek(1500)];
        let follow = |behind_pause: usize, behind_seek: usize, longer: usize| {
            let came = [
                frames(0..500),
                &scaled(frames(500..564), 64, -1),
                &[0; 800],
                &scaled(frames(behind_pause..behind_pause + 64), 0, 1),
                frames(behind_pause + 64..800),
                &scaled(frames(800..864), 64, -1)[..8 * (64 - longer)],
                &scaled(frames(behind_seek..behind_seek + 64), 0, 1),
                frames(behind_seek + 64..2000),
            ]
            .concat();
            of(&track, Some(FADES), &asked).follow(&came)
        };
        assert!(follow(564, 1500, 0).is_ok());
        for (behind_pause, behind_seek, came) in [
            (563, 1500, 665),
            (565, 1500, 665),
            (566, 1500, 665),
            (600, 1500, 665),
            (564, 1499, 965),
            (564, 1501, 965),
            (564, 1502, 965),
        ] {
            let lost = follow(behind_pause, behind_seek, 0);
            // It may be told by the frames in front of it, which then aren't followed by what was asked.
            assert!(
                matches!(lost, Err(Lost::Foreign { came: found, .. }) if found.abs_diff(came) <= 100),
                "{came}: {lost:?}"
            );
        }
        assert!(follow(564, 1500, 1).is_err(), "the fade out is cut short");
    }

    #[test]
    fn what_is_lost_or_comes_twice_is_found() {
        let track = track(1000);
        let frames = |range: std::ops::Range<usize>| &track[8 * range.start..8 * range.end];
        let silence = [0; 80];
        let other = [0x69; 80];
        for (second, gap) in [(301, &silence), (299, &silence), (300, &other)] {
            let came = [frames(0..300), gap, frames(second..1000)].concat();
            let error = of(&track, Some(FADES), &[Asked::Pause]).follow(&came).unwrap_err();
            assert!(matches!(error, Lost::Foreign { at: 300, .. }), "{error}");
        }
        assert_eq!(of(&track, None, &[Asked::Seek(7)]).follow(frames(0..9)), Err(Lost::Unanswered(Asked::Seek(7))));
        let well = [frames(0..300), &silence, frames(300..1000)].concat();
        assert_eq!(of(&track, None, &[Asked::Pause]).follow(&well).unwrap().len(), 3);
    }

    #[test]
    fn silence_comes_where_it_was_asked_for_and_nowhere_else() {
        use Asked::{Pause, Seek, Stop};
        let track = track(1000);
        let frames = |range: std::ops::Range<usize>| &track[8 * range.start..8 * range.end];
        let silence: &[u8] = &[0; 80];
        let paused = [silence, frames(0..300), silence, frames(300..600)].concat();
        let stopped = [&paused, silence, frames(800..900), silence].concat();
        let well = of(&track, None, &[Pause, Seek(800), Stop]).follow(&stopped).unwrap();
        assert_eq!(well.iter().filter(|passage| passage.piece == Piece::Silence).count(), 4);
        // To the end: what is behind it was not asked for.
        let whole = [&paused, frames(600..1000), silence].concat();
        assert!(of(&track, None, &[Pause]).follow(&whole).is_ok());
        for (asked, came, expected) in [
            (&[][..], &whole, Lost::Silence { came: 310, at: 300, frames: 10 }),
            // A hole beside what was asked, whether it is in front of that or behind it.
            (
                &[Pause, Seek(800), Stop],
                &[&stopped[..80 + 800], silence, &stopped[80 + 800..]].concat(),
                Lost::Foreign { came: 330, at: 800, bytes: frames(300..301).to_vec() },
            ),
            (
                &[Pause],
                &[paused.as_slice(), silence, frames(600..1000)].concat(),
                Lost::Silence { came: 620, at: 600, frames: 10 },
            ),
            // In another order, and once less.
            (
                &[Seek(800), Pause, Stop],
                &stopped,
                Lost::Foreign { came: 320, at: 800, bytes: frames(300..301).to_vec() },
            ),
            (&[Pause, Seek(800), Stop, Stop], &stopped, Lost::Unanswered(Stop)),
            // Stopped, and yet something comes.
            (&[Stop], &paused, Lost::Foreign { came: 320, at: 300, bytes: frames(300..301).to_vec() }),
        ] {
            assert_eq!(of(&track, None, asked).follow(came), Err(expected), "{asked:?}");
        }
        let holes = [frames(0..500), silence, frames(500..900), silence, frames(900..1000), silence].concat();
        assert!(matches!(of(&track, None, &[]).follow(&holes), Err(Lost::Silence { at: 500, .. })));
    }
}
