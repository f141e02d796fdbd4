//! The producer's half.

use super::{Corrupt, Full, ahead};
use crate::control::Control;
use crate::mark::Mark;
use crate::word::Word;

/// The producer's own indices of one stream.
#[derive(Clone, Debug, Default)]
pub struct ProducerIndex {
    capacity: u64,
    written: u64,
    /// The consumer's index as last seen: it must never go backwards.
    read: u64,
    marks: u64,
    marks_read: u64,
    flush: u64,
}

impl ProducerIndex {
    /// A stream's beginning; `capacity` in frames.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Frames that the ring holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Frames written since the stream was opened.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Frames that the consumer has taken or dropped.
    pub fn read<W: Word, const N: usize>(&mut self, control: &Control<W, N>) -> Result<u64, Corrupt> {
        let peer = control.consumer.read.acquire();
        if ahead(peer, self.read, self.written - self.read).is_none() {
            return Err(Corrupt::Frames { peer, ours: self.written, capacity: self.capacity });
        }
        self.read = peer;
        Ok(peer)
    }

    /// Frames that may be written as far as this side knows: what [`writable`](Self::writable) said last, less what was
    /// committed since. Looks at nothing of the consumer's, whose line is on its way to the other core after each of its
    /// reads.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.capacity - (self.written - self.read)
    }

    /// Frames that may be written now.
    pub fn writable<W: Word, const N: usize>(&mut self, control: &Control<W, N>) -> Result<u64, Corrupt> {
        self.read(control)?;
        Ok(self.room())
    }

    /// Publishes `frames` that were written behind the last ones. At most what [`writable`](Self::writable) said.
    pub fn commit<W: Word, const N: usize>(&mut self, control: &Control<W, N>, frames: u64) -> Result<(), Corrupt> {
        let there = self.room();
        if frames > there {
            return Err(Corrupt::Range { asked: frames, there });
        }
        self.written += frames;
        control.producer.written.release(self.written);
        Ok(())
    }

    /// Queues a mark. Its frame may lie ahead of what is written, and should: a mark that comes before its frame is
    /// committed can't be missed.
    pub fn mark<W: Word, const N: usize>(&mut self, control: &Control<W, N>, mark: Mark) -> Result<(), Full> {
        let taken = control.consumer.marks.acquire();
        // An impossible index counts as a full queue: nothing is overwritten, and the frame index tells of the peer.
        let distance = ahead(taken, self.marks_read, self.marks - self.marks_read).ok_or(Full)?;
        self.marks_read += distance;
        if self.marks - self.marks_read >= N as u64 {
            return Err(Full);
        }
        let words = &control.marks[slot::<N>(self.marks)];
        words.frame.set(mark.frame);
        words.track.set(mark.track);
        words.kind.set(mark.kind as u64);
        self.marks += 1;
        control.producer.marks.release(self.marks);
        if mark.kind.ends() {
            control.producer.ended.release(mark.frame);
        }
        Ok(())
    }

    /// Asks the consumer to drop everything that was written and marked so far.
    pub fn flush<W: Word, const N: usize>(&mut self, control: &Control<W, N>) {
        let line = &control.producer;
        // An end that was marked ahead of its frames is void, its frames will not come.
        line.ended.release(self.written);
        line.flush_frame.release(self.written);
        line.flush_marks.release(self.marks);
        self.flush = self.flush.wrapping_add(1);
        line.flush.release(self.flush);
    }

    /// Whether the consumer has carried out every flush.
    #[must_use]
    pub fn flush_done<W: Word, const N: usize>(&self, control: &Control<W, N>) -> bool {
        control.consumer.flushed.acquire() == self.flush
    }

    /// Asks the consumer to hold (with a fade out) or to go on (with a fade in).
    pub fn set_paused<W: Word, const N: usize>(&self, control: &Control<W, N>, paused: bool) {
        control.producer.paused.release(u64::from(paused));
    }
}

/// Where mark number `mark` lies in a queue of `N`.
pub(super) fn slot<const N: usize>(mark: u64) -> usize {
    const { assert!(N.is_power_of_two()) }
    (mark % N as u64) as usize
}
