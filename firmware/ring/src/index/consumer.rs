//! The consumer's half. No call allocates, waits or panics, whatever the producer writes.

use super::producer::slot;
use super::{Corrupt, ahead};
use crate::control::Control;
use crate::mark::{Mark, MarkKind};
use crate::word::Word;

/// A flush that the producer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// Where to go on: frames before this one are to be dropped.
    pub frame: u64,
    marks: u64,
    generation: u64,
}

/// The consumer's own indices of one stream.
#[derive(Clone, Debug, Default)]
pub struct ConsumerIndex {
    capacity: u64,
    read: u64,
    /// The producer's index as last seen: it must never go backwards.
    written: u64,
    ended: u64,
    marks: u64,
    flushed: u64,
}

impl ConsumerIndex {
    /// A stream's beginning; `capacity` in frames.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Frames taken or dropped since the stream was opened.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Frames that the ring holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Frames that were there at the last [`refresh`](Self::refresh) and aren't taken yet.
    #[must_use]
    pub fn readable(&self) -> u64 {
        self.written - self.read
    }

    /// Of the [`readable`](Self::readable) frames, how many belong to tracks whose end is known: the stream may run dry
    /// behind them without anything being missing.
    #[must_use]
    pub fn readable_to_end(&self) -> u64 {
        self.ended.min(self.written).saturating_sub(self.read)
    }

    /// Whether the newest end mark lies exactly behind what is readable: nothing more is expected.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended == self.written
    }

    /// Looks at what the producer has published.
    pub fn refresh<W: Word, const N: usize>(&mut self, control: &Control<W, N>) -> Result<(), Corrupt> {
        let peer = control.producer.written.acquire();
        let limit = self.capacity - (self.written - self.read);
        if ahead(peer, self.written, limit).is_none() {
            return Err(Corrupt::Frames { peer, ours: self.read, capacity: self.capacity });
        }
        self.written = peer;
        self.ended = control.producer.ended.acquire();
        Ok(())
    }

    /// Gives `frames` back to the producer.
    pub fn advance<W: Word, const N: usize>(&mut self, control: &Control<W, N>, frames: u64) -> Result<(), Corrupt> {
        if frames > self.readable() {
            return Err(Corrupt::Range { asked: frames, there: self.readable() });
        }
        self.read += frames;
        control.consumer.read.release(self.read);
        Ok(())
    }

    /// The oldest mark that wasn't taken yet.
    pub fn peek_mark<W: Word, const N: usize>(&self, control: &Control<W, N>) -> Result<Option<Mark>, Corrupt> {
        let peer = control.producer.marks.acquire();
        match ahead(peer, self.marks, N as u64) {
            None => Err(Corrupt::Marks { peer, ours: self.marks }),
            Some(0) => Ok(None),
            Some(_) => {
                let words = &control.marks[slot::<N>(self.marks)];
                let id = words.kind.get();
                let kind = MarkKind::from_id(id).ok_or(Corrupt::MarkKind(id))?;
                Ok(Some(Mark { frame: words.frame.get(), track: words.track.get(), kind }))
            }
        }
    }

    /// Takes the mark that [`peek_mark`](Self::peek_mark) showed.
    pub fn pop_mark<W: Word, const N: usize>(&mut self, control: &Control<W, N>) {
        self.marks = self.marks.wrapping_add(1);
        control.consumer.marks.release(self.marks);
    }

    /// The flush that the producer asked for and that isn't done yet.
    pub fn pending_flush<W: Word, const N: usize>(
        &mut self,
        control: &Control<W, N>,
    ) -> Result<Option<Flush>, Corrupt> {
        let generation = control.producer.flush.acquire();
        if generation == self.flushed {
            return Ok(None);
        }
        let marks = control.producer.flush_marks.acquire();
        let frame = control.producer.flush_frame.acquire();
        // What the flush speaks of was published before it.
        self.refresh(control)?;
        let marked = control.producer.marks.acquire();
        if frame > self.written || marks > marked || ahead(marked, self.marks, N as u64).is_none() {
            return Err(Corrupt::Flush { frame, mark: marks });
        }
        Ok(Some(Flush { frame, marks, generation }))
    }

    /// Carries out a flush: drops its frames and marks and tells the producer.
    pub fn finish_flush<W: Word, const N: usize>(&mut self, control: &Control<W, N>, flush: Flush) {
        self.read = self.read.max(flush.frame.min(self.written));
        self.marks = self.marks.max(flush.marks);
        self.flushed = flush.generation;
        control.consumer.read.release(self.read);
        control.consumer.marks.release(self.marks);
        control.consumer.flushed.release(self.flushed);
    }

    /// Whether the producer wants a pause.
    #[must_use]
    pub fn paused<W: Word, const N: usize>(&self, control: &Control<W, N>) -> bool {
        control.producer.paused.acquire() != 0
    }
}
