//! Which frame of the ring is heard when a certain frame of the output is.
//!
//! The output gets the ring's frames in order, with silence between some of them and jumps where it was flushed. Only as
//! much of that history is kept as is still on its way to the DAC.

use heapless::Deque;

/// A stretch of the output's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// Number of the first frame, counted at the output.
    output: u64,
    /// Its number in the ring; for silence, the ring's next frame.
    ring: u64,
    /// How many frames.
    frames: u64,
    silence: bool,
}

/// Stretches that are remembered. More can be on their way only if tracks of a few milliseconds alternate with silence;
/// then the oldest is forgotten and the position is a few milliseconds off.
const STRETCHES: usize = 64;

/// The history.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    stretches: Deque<Stretch, STRETCHES>,
    written: u64,
}

impl Timeline {
    /// Frames written to the output.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// `frames` frames were written, from the ring's frame `ring` on.
    pub(super) fn audio(&mut self, ring: u64, frames: u32) {
        self.push(ring, frames, false);
    }

    /// `frames` frames of silence were written; `ring` is the ring's next frame.
    pub(super) fn silence(&mut self, ring: u64, frames: u32) {
        self.push(ring, frames, true);
    }

    fn push(&mut self, ring: u64, frames: u32, silence: bool) {
        let frames = u64::from(frames);
        let output = self.written;
        self.written = self.written.saturating_add(frames);
        if let Some(last) = self.stretches.back_mut()
            && last.silence == silence
            && ring == if silence { last.ring } else { last.ring.saturating_add(last.frames) }
        {
            last.frames = last.frames.saturating_add(frames);
            return;
        }
        if self.stretches.is_full() {
            self.stretches.pop_front();
        }
        // There is room: one was just dropped if there was none.
        let _ = self.stretches.push_back(Stretch { output, ring, frames, silence });
    }

    /// How many of the last `frames` frames written are of the ring.
    pub(super) fn audio_in_last(&self, frames: u64) -> u64 {
        let from = self.written.saturating_sub(frames);
        let audio = self.stretches.iter().filter(|stretch| !stretch.silence);
        audio
            .map(|stretch| stretch.output.saturating_add(stretch.frames).saturating_sub(stretch.output.max(from)))
            .sum()
    }

    /// The ring's frame that is heard when `queued` of the frames written are still on their way.
    pub(super) fn heard(&mut self, queued: u64) -> u64 {
        let output = self.written.saturating_sub(queued);
        for _ in 0..STRETCHES {
            let over = self.stretches.front().is_some_and(|first| first.output.saturating_add(first.frames) <= output);
            if !over || self.stretches.len() == 1 {
                break;
            }
            self.stretches.pop_front();
        }
        let Some(first) = self.stretches.front() else { return 0 };
        if first.silence {
            return first.ring;
        }
        first.ring.saturating_add(output.saturating_sub(first.output).min(first.frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn silence_holds_the_position_and_a_flush_moves_it() {
        let mut timeline = Timeline::default();
        timeline.silence(0, 100);
        timeline.audio(0, 1000);
        timeline.silence(1000, 50);
        timeline.audio(5000, 500);
        assert_eq!(timeline.written(), 1650);
        for (queued, heard) in
            [(1650, 0), (1551, 0), (1550, 0), (1549, 1), (551, 999), (520, 1000), (500, 5000), (1, 5499), (0, 5500)]
        {
            assert_eq!(timeline.heard(queued), heard, "{queued} frames on their way");
        }
    }

    proptest! {
        /// Against a list with one entry for each frame.
        #[test]
        fn every_frame_is_found(stretches in prop::collection::vec((any::<bool>(), 1u32..20, 0u64..3), 1..30)) {
            let mut timeline = Timeline::default();
            let (mut model, mut audio, mut ring) = (Vec::new(), Vec::new(), 0);
            for (silence, frames, jump) in stretches {
                audio.extend((0..frames).map(|_| !silence));
                if silence {
                    timeline.silence(ring, frames);
                    model.extend((0..frames).map(|_| ring));
                } else {
                    ring += jump;
                    timeline.audio(ring, frames);
                    model.extend((0..u64::from(frames)).map(|n| ring + n));
                    ring += u64::from(frames);
                }
            }
            prop_assert_eq!(timeline.audio_in_last(u64::MAX), audio.iter().filter(|&&audio| audio).count() as u64);
            for last in 0..audio.len() {
                let expected = audio[audio.len() - last..].iter().filter(|&&audio| audio).count() as u64;
                prop_assert_eq!(timeline.audio_in_last(last as u64), expected);
            }
            for (n, expected) in model.iter().enumerate() {
                prop_assert_eq!(timeline.heard((model.len() - n) as u64), *expected);
            }
        }
    }
}
