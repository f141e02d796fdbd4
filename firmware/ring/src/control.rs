//! The words at the head of the ring's memory.
//!
//! Each side writes its own lines only and treats the other's as untrusted. A line is 128 bytes: x86 prefetches cache
//! lines in pairs, and some ARM cores have 128-byte lines, so words of different writers never share one.
//!
//! What that buys: a core that writes a word has to own its line. Were both sides' words in one line, each publication of
//! the one would take the line away from the other, which then waits for it to *write*, in the middle of its own work;
//! apart, a side waits only when it *looks* at the other's word, and both put that off until what they know doesn't suffice
//! ([`Producer::write_area`](crate::Producer::write_area), [`Consumer::refresh`](crate::Consumer::refresh)). The head is
//! read-only while a stream plays, and shares with nobody. Marks are written by one side and read by the other, a few in a
//! track, and lie packed. `tests/bench rings` measures it (`ring_padding`): between two virtual cores of an EPYC the indices
//! of a frame take 8 ns either way, since both sides mostly look at what they know; with bytes behind each frame there is
//! nothing left to see. The padding stays for what that mean hides: a real-time thread that never waits to write.

use crate::word::Word;

/// Identifies the ring's memory ("TenutoRg").
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"TenutoRg");
/// Version of the ring's layout and protocol. Both sides must have the same.
pub const VERSION: u32 = 8;
/// Marks that may be under way at once. A power of two.
pub const MARKS: usize = 256;

/// The control words; lies at offset 0 of the ring's memory. All zeros is a valid, closed ring.
#[derive(Debug)]
#[repr(C)]
pub struct Control<W, const N: usize = MARKS> {
    pub(crate) head: Head<W>,
    pub(crate) producer: ProducerLine<W>,
    pub(crate) consumer: ConsumerLine<W>,
    pub(crate) marks: [MarkWords<W>; N],
}

/// What the engine writes once, and the epoch that it writes at each open.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Head<W> {
    pub(crate) magic: W,
    pub(crate) version: W,
    /// Bytes of the data area.
    pub(crate) data_bytes: W,
    /// The open stream; 0 while none is.
    pub(crate) epoch: W,
}

/// Written by the producer.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct ProducerLine<W> {
    /// Frames written since the stream was opened.
    pub(crate) written: W,
    /// Marks written since the stream was opened.
    pub(crate) marks: W,
    /// Frame number of the newest end mark.
    pub(crate) ended: W,
    /// Everything before this frame is to be dropped …
    pub(crate) flush_frame: W,
    /// … and every mark before this one …
    pub(crate) flush_marks: W,
    /// … whenever this differs from the consumer's `flushed`.
    pub(crate) flush: W,
    /// Not 0 while paused.
    pub(crate) paused: W,
}

/// Written by the consumer.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct ConsumerLine<W> {
    /// Frames taken, or dropped by a flush, since the stream was opened.
    pub(crate) read: W,
    /// Marks taken since the stream was opened.
    pub(crate) marks: W,
    /// The newest `flush` that is done.
    pub(crate) flushed: W,
}

/// One mark in shared memory.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct MarkWords<W> {
    pub(crate) frame: W,
    pub(crate) track: W,
    pub(crate) kind: W,
}

impl<W: Word, const N: usize> Control<W, N> {
    /// Control words outside shared memory, for the model checkers.
    #[must_use]
    pub fn new() -> Self {
        let word = || W::new(0);
        Self {
            head: Head { magic: word(), version: word(), data_bytes: word(), epoch: word() },
            producer: ProducerLine {
                written: word(),
                marks: word(),
                ended: word(),
                flush_frame: word(),
                flush_marks: word(),
                flush: word(),
                paused: word(),
            },
            consumer: ConsumerLine { read: word(), marks: word(), flushed: word() },
            marks: std::array::from_fn(|_| MarkWords { frame: word(), track: word(), kind: word() }),
        }
    }

    /// Starts a new stream: every index at 0. For the engine, while neither side uses the old stream.
    pub fn reset(&self, epoch: u32) {
        self.head.epoch.set(0);
        let Self { producer: p, consumer: c, .. } = self;
        for word in [&p.written, &p.marks, &p.ended, &p.flush_frame, &p.flush_marks, &p.flush, &p.paused] {
            word.set(0);
        }
        for word in [&c.read, &c.marks, &c.flushed] {
            word.set(0);
        }
        self.head.epoch.release(u64::from(epoch));
    }
}

impl<W: Word, const N: usize> Default for Control<W, N> {
    fn default() -> Self {
        Self::new()
    }
}
