//! Writing one track into the ring.

use std::time::Duration;

use pcm::Packed;

use super::loaded::{Loaded, media_error};
use super::order::Numbered;
use super::packing::Left;
use super::{Stop, Worker};
use crate::playback::Report;
use crate::playback::convert::Converter;
use crate::playback::error::{INTERNAL, PlayError};
use crate::playback::output::{End, Fill};
use crate::transport::TrackId;

impl Worker {
    /// Writes `loaded` from its place to its end.
    ///
    /// The last block stays uncommitted until the next one is there: the end mark has to be in the ring before the last frames
    /// are, or the engine would take the tail in a short ring for a starving source.
    pub(super) fn feed(&mut self, loaded: &mut Loaded) -> Result<(), Stop> {
        let track = loaded.track();
        let mut writing = Writing::default();
        self.begin(loaded, &mut writing)?;
        let error = loop {
            match loaded.look(&self.output) {
                Ok(true) if !self.output.is_open(loaded.wire(), loaded.unscaled) => {
                    return self.cut(loaded, &mut writing);
                }
                Ok(_) => {}
                Err(error) => break Some(error),
            }
            let samples = match loaded.media.read() {
                Ok(Some(samples)) => samples.ordered(&loaded.order),
                Ok(None) => break None,
                Err(error) => break Some(media_error(&error)),
            };
            loaded.next += samples.frames() as u64;
            if samples.frames() > 0 {
                self.commit_pending(track, &mut writing)?;
            }
            if let Some(hidden) = loaded.search.feed(&samples) {
                loaded.hidden = Some(hidden);
                self.output.report(Report::Recognised { track, hidden });
            }
            let mut done = 0;
            while done < samples.frames() {
                let packing = &mut loaded.packing;
                match self.output.write(self.generation, |room| packing.pack(&samples, done, room))? {
                    Some(Packed { taken: 0, frames: 0 }) => {
                        let shape = "the decoder gave samples of another shape than it said";
                        return Err(PlayError::new(INTERNAL, packing.failure().unwrap_or(shape)).into());
                    }
                    Some(Packed { taken, frames }) => {
                        if loaded.packing.has_rounded() && !std::mem::replace(&mut writing.rounded, true) {
                            self.output.report(Report::Rounded { track });
                        }
                        done += taken;
                        writing.pending = frames as u64;
                        if done < samples.frames() {
                            self.commit_pending(track, &mut writing)?;
                        }
                    }
                    None => self.wait_for_room(&mut writing)?,
                }
            }
        };
        if let Some(error) = error.as_ref().filter(|_| !writing.started && writing.pending == 0) {
            return Err(error.clone().into());
        }
        let left = if error.is_none() { self.leave(loaded, &mut writing)? } else { None };
        while loaded.packing.is_unfinished() {
            self.commit_pending(track, &mut writing)?;
            let packing = &mut loaded.packing;
            match self.output.write(self.generation, |room| packing.finish(room))? {
                Some(frames) => writing.pending = frames as u64,
                None => self.wait_for_room(&mut writing)?,
            }
        }
        let failed = || loaded.packing.failure().map(|why| PlayError::new(INTERNAL, why));
        let error = error.or_else(failed);
        self.marker = loaded.packing.marker();
        self.left = left.or_else(|| loaded.packing.converter().and_then(Converter::end).map(Left::Ending));
        while !self.output.end(self.generation, track, writing.pending, End::Track(error.as_ref()))? {
            self.wait_for_room(&mut writing)?;
        }
        writing.report_start(track, self);
        if error.is_none() {
            self.output.report(Report::Written { track });
        }
        Ok(())
    }

    /// Shows the end of the track what follows it, if it depends on that; returns the beginning of a word that the next track
    /// goes on with. A track that is no frame yet keeps it: every one has at least one.
    ///
    /// The last block of a one-bit stream isn't committed here: with nothing left to finish, the end mark comes next.
    fn leave(&mut self, loaded: &mut Loaded, writing: &mut Writing) -> Result<Option<Left>, Stop> {
        if loaded.packing.converter().is_some() {
            self.commit_pending(loaded.track(), writing)?;
            self.look_at_next(loaded)?;
            return Ok(None);
        }
        let has_frames = writing.started || writing.pending > 0;
        let words = loaded.packing.is_one_bit() && loaded.packing.is_unfinished() && has_frames;
        Ok(if words && self.is_gone_on_with(loaded)? { loaded.packing.leave() } else { None })
    }

    /// What follows takes another stream: what was written of the track, which was silence, is played to its end first.
    fn cut(&mut self, loaded: &mut Loaded, writing: &mut Writing) -> Result<(), Stop> {
        let track = loaded.track();
        while !self.output.end(self.generation, track, writing.pending, End::Stretch)? {
            self.wait_for_room(writing)?;
        }
        if writing.pending > 0 {
            writing.report_start(track, self);
        }
        loaded.cut();
        Err(Stop::Interrupted)
    }

    fn begin(&mut self, loaded: &mut Loaded, writing: &mut Writing) -> Result<(), Stop> {
        let place = loaded.go_on();
        while !self.output.begin(self.generation, loaded.track(), loaded.moment(place), place.kind)? {
            self.wait_for_room(writing)?;
        }
        loaded.place = None;
        let (before, lead) = (self.left.take().filter(|_| place.is_start()), loaded.take_lead());
        loaded.packing.begin(self.marker, before, lead);
        Ok(())
    }

    fn commit_pending(&self, track: TrackId, writing: &mut Writing) -> Result<(), Stop> {
        if writing.pending > 0 {
            self.output.commit(self.generation, std::mem::take(&mut writing.pending))?;
            writing.report_start(track, self);
        }
        Ok(())
    }

    /// Waits until a good part of the ring is free.
    fn wait_for_room(&mut self, writing: &mut Writing) -> Result<(), Stop> {
        self.wait(None, writing.pace.wait)?;
        let fill = self.output.fill(self.generation)?;
        writing.pace.adapt(fill);
        Ok(())
    }
}

/// How far writing a track has come.
#[derive(Default)]
struct Writing {
    /// Packed and not committed.
    pending: u64,
    started: bool,
    /// It was told that a sample was rounded.
    rounded: bool,
    pace: Pace,
}

impl Writing {
    fn report_start(&mut self, track: TrackId, worker: &Worker) {
        if !std::mem::replace(&mut self.started, true) {
            worker.output.started(worker.generation, track);
        }
    }
}

/// How long to wait for room. The engine can't wake us (it makes no system calls for that), and may be simulated hardware that
/// is faster than its rate; so this finds the wait in which a quarter or so of the ring comes free. It is never longer than what a
/// quarter lasts at the stream's rate: while the music is paused nothing comes free, and when it goes on the ring has to last.
struct Pace {
    wait: Duration,
}

impl Pace {
    const LEAST: Duration = Duration::from_millis(1);
    const MOST: Duration = Duration::from_millis(250);

    /// After a wait that began with a full ring.
    fn adapt(&mut self, fill: Fill) {
        let free = fill.capacity.saturating_sub(fill.frames);
        if free > fill.capacity / 2 {
            self.wait /= 2;
        } else if free < fill.capacity / 8 {
            self.wait *= 2;
        }
        self.wait = self.wait.min(Self::MOST).min(fill.full() / 4).max(Self::LEAST);
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self { wait: Duration::from_millis(4) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_settles_where_a_part_of_the_ring_comes_free() {
        for frames_per_second in [44_100_u64, 768_000, 500_000_000] {
            let capacity = 44_100;
            let mut pace = Pace::default();
            for _ in 0..20 {
                let gone = (pace.wait.as_nanos() * u128::from(frames_per_second) / 1_000_000_000) as u64;
                pace.adapt(Fill { frames: capacity - gone.min(capacity), capacity, rate: 44_100 });
            }
            let gone = pace.wait.as_secs_f64() * frames_per_second as f64;
            assert!(gone >= 44_100.0 / 8.0, "{frames_per_second}: {:?}", pace.wait);
            assert!(gone <= 44_100.0 || pace.wait == Pace::LEAST, "{frames_per_second}: {:?}", pace.wait);
        }
    }

    /// While the music is paused. The last ring is what 8 MiB hold of eight channels of 32 bits at 1536 kHz, less a quarter.
    #[test]
    fn pace_never_sleeps_longer_than_a_quarter_of_the_ring_lasts() {
        for (capacity, rate, most) in [
            (48_000, 48_000, 250),
            (480_000, 48_000, 250),
            (2_400, 48_000, 12),
            (4_800, 48_000, 25),
            (196_608, 1_536_000, 32),
        ] {
            let mut pace = Pace::default();
            for _ in 0..20 {
                pace.adapt(Fill { frames: capacity, capacity, rate });
            }
            assert_eq!(pace.wait.as_millis(), most, "{capacity} frames at {rate} Hz");
        }
    }
}
