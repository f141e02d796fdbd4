//! Several words that are read as one value, without a lock and without ever holding up the writer.

use crate::word::Word;

/// How often a reader tries before it gives up. The writer is never in the middle of a write for longer than a few
/// instructions, unless it was killed there or is hostile: then the reader must not hang.
const ATTEMPTS: usize = 1000;

/// `N` words with one writer and any number of readers.
///
/// The sequence is odd while a write is under way. The data words themselves are written with release and read with
/// acquire, so that a reader who sees a word of a newer write also sees that write's odd sequence; no fences are needed.
#[derive(Debug)]
#[repr(C)]
pub struct Seqlock<W, const N: usize> {
    sequence: W,
    words: [W; N],
}

impl<W: Word, const N: usize> Seqlock<W, N> {
    /// A lock that holds zeros.
    #[must_use]
    pub fn new() -> Self {
        Self { sequence: W::new(0), words: std::array::from_fn(|_| W::new(0)) }
    }

    /// Publishes `values`. There must be one writer only.
    pub fn write(&self, values: [u64; N]) {
        let sequence = self.sequence.get() | 1;
        self.sequence.set(sequence);
        for (word, value) in self.words.iter().zip(values) {
            word.release(value);
        }
        self.sequence.release(sequence.wrapping_add(1));
    }

    /// The values of one write, or `None` if the writer never finished one while this was looking.
    pub fn read(&self) -> Option<[u64; N]> {
        (0..ATTEMPTS).find_map(|_| self.try_read())
    }

    /// How many writes there have been; changes whenever the values may have.
    pub fn generation(&self) -> u64 {
        self.sequence.acquire() / 2
    }

    /// One attempt at [`read`](Self::read).
    pub fn try_read(&self) -> Option<[u64; N]> {
        let before = self.sequence.acquire();
        if before & 1 != 0 {
            return None;
        }
        let values = std::array::from_fn(|n| self.words[n].acquire());
        (self.sequence.get() == before).then_some(values)
    }
}

impl<W: Word, const N: usize> Default for Seqlock<W, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn what_is_read_was_written_together() {
        const WRITES: u64 = if cfg!(miri) { 50 } else { 100_000 };
        let lock = Arc::new(Seqlock::<AtomicU64, 3>::new());
        let theirs = Arc::clone(&lock);
        let writer = std::thread::spawn(move || (1..=WRITES).for_each(|n| theirs.write([n, n * 2, !n])));
        let mut last = 0;
        while last < WRITES {
            match lock.try_read() {
                Some([0, 0, 0]) => {}
                Some([a, b, c]) => {
                    assert_eq!((b, c), (a * 2, !a), "of one write");
                    assert!(a >= last, "never backwards");
                    last = a;
                }
                None => std::thread::yield_now(),
            }
        }
        writer.join().expect("it ends");
    }

    #[test]
    fn a_writer_that_died_half_way_is_noticed_and_its_successor_mends_it() {
        let lock = Seqlock::<AtomicU64, 2>::new();
        lock.write([1, 2]);
        lock.sequence.set(lock.sequence.get() + 1);
        assert_eq!(lock.read(), None);
        lock.write([3, 4]);
        assert_eq!(lock.read(), Some([3, 4]));
        assert_eq!(lock.generation(), 2);
    }
}
