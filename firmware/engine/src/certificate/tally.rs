//! The real-time thread's half. Nothing here allocates, waits or panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pcm::{Cpu, Crc32c};
use ring::Troubles;

use super::{Entry, Taken, Why};

/// Counts and sums what is taken from the ring.
#[derive(Debug)]
pub(crate) struct Tally {
    entries: rtrb::Producer<Entry>,
    /// Frames taken of the stream, and the one that is heard.
    taken: Arc<AtomicU64>,
    heard: Arc<AtomicU64>,
    /// As far as the follower has come, and how far it may be behind.
    hashed: Arc<AtomicU64>,
    kept: u64,
    /// Of nothing yet.
    empty: Crc32c,
    open: Option<Open>,
}

/// The track under way.
#[derive(Clone, Copy, Debug)]
struct Open {
    track: u64,
    frames: u64,
    crc32c: Crc32c,
    scaled: bool,
    whole: bool,
    /// What had gone wrong before it.
    before: Troubles,
}

impl Tally {
    pub(super) fn new(entries: rtrb::Producer<Entry>, [taken, heard, hashed]: [Arc<AtomicU64>; 3], kept: u64) -> Self {
        Self { entries, taken, heard, hashed, kept, empty: Crc32c::new(Cpu::detect()), open: None }
    }

    /// Frames that may be taken after the first `taken` ones before the follower has to give up.
    pub(crate) fn headroom(&self, taken: u64) -> u64 {
        self.hashed.load(Ordering::Acquire).saturating_add(self.kept).saturating_sub(taken)
    }

    /// A track's first frame comes next, the ring's number `frame`. `troubles`: what went wrong so far.
    pub(crate) fn start(&mut self, track: u64, frame: u64, troubles: Troubles) {
        self.cut(frame, troubles);
        self.begin(track, frame, true, troubles);
    }

    /// The same, but it isn't the track's first frame: it begins inside, or goes on elsewhere, or comes from another stream. Perhaps in place of another one, which
    /// had begun when the player sought back into this.
    pub(crate) fn resume(&mut self, track: u64, frame: u64, troubles: Troubles) {
        match &mut self.open {
            Some(open) if open.track == track => open.whole = false,
            _ => {
                self.cut(frame, troubles);
                self.begin(track, frame, false, troubles);
            }
        }
    }

    fn begin(&mut self, track: u64, frame: u64, whole: bool, troubles: Troubles) {
        // A full queue: this track isn't followed.
        if self.entries.push(Entry::Start { track, frame }).is_ok() {
            let crc32c = self.empty;
            self.open = Some(Open { track, frames: 0, crc32c, scaled: false, whole, before: troubles });
        }
    }

    /// These bytes go to the output; `scaled` if not as they are.
    pub(crate) fn take(&mut self, bytes: &[u8], frames: u32, scaled: bool) {
        if let Some(open) = &mut self.open {
            open.frames = open.frames.saturating_add(u64::from(frames));
            open.crc32c.update(bytes);
            open.scaled |= scaled;
        }
    }

    /// A flush: the ring's frames go on with `to` instead of `from`.
    pub(crate) fn jump(&mut self, from: u64, to: u64) {
        if let Some(open) = &mut self.open {
            open.whole = false;
            // If it doesn't fit, the follower's sum will differ.
            let _ = self.entries.push(Entry::Jump { from, to });
        }
    }

    /// The output dropped frames: of the ring's from `from` up to `to`, `most` may not have been heard.
    pub(crate) fn lose(&mut self, from: u64, to: u64, most: u64, why: Why) {
        if self.entries.push(Entry::Lost { from, to, most, why }).is_err()
            && let Some(open) = &mut self.open
        {
            // As good as not hashed: a certificate that doesn't say what was lost isn't worth its hash.
            open.crc32c = self.empty;
        }
    }

    /// The end mark of `track`: `frame` is the next one's. If another one is under way, that is over, too, but has no end.
    pub(crate) fn end(&mut self, track: u64, frame: u64, troubles: Troubles) {
        if self.open.is_some_and(|open| open.track == track) {
            self.close(frame, troubles);
        } else {
            self.cut(frame, troubles);
        }
    }

    fn close(&mut self, frame: u64, troubles: Troubles) {
        let Some(Open { frames, crc32c, scaled, whole, before, .. }) = self.open.take() else { return };
        let (crc32c, troubles) = (crc32c.value(), troubles.since(before));
        let taken = Taken { end: frame, frames, crc32c, scaled, whole, troubles };
        let _ = self.entries.push(Entry::End(taken));
    }

    /// The track is over without an end mark: another one begins, it goes on in another stream, or the stream ends.
    pub(crate) fn cut(&mut self, frame: u64, troubles: Troubles) {
        if let Some(open) = &mut self.open {
            open.whole = false;
        }
        self.close(frame, troubles);
    }

    /// The end of a wake-up: so many frames of the stream are taken, and so many were heard. What was told above comes before this.
    pub(crate) fn publish(&self, taken: u64, heard: u64) {
        self.taken.store(taken, Ordering::Release);
        self.heard.store(heard, Ordering::Release);
    }
}
