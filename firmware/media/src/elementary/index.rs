//! Where frames lie, as far as they have been read over.

/// Frames between two entries: MP3's 26 ms make this 1.6 s, and an hour 18 KB.
const STEP: u64 = 64;

/// The positions of every [`STEP`]th frame, from the first to the furthest that was seen.
pub(super) struct Index {
    bytes: Vec<u64>,
}

impl Index {
    /// A stream whose frame 0 is at `first`.
    pub(super) fn new(first: u64) -> Self {
        Self { bytes: vec![first] }
    }

    /// Frame `frame` starts at `byte`.
    pub(super) fn note(&mut self, frame: u64, byte: u64) {
        if frame == self.bytes.len() as u64 * STEP {
            self.bytes.push(byte);
        }
    }

    /// The last known frame up to `frame`, and where it starts.
    pub(super) fn before(&self, frame: u64) -> (u64, u64) {
        let last = self.bytes.len().saturating_sub(1);
        let at = usize::try_from(frame / STEP).unwrap_or(usize::MAX).min(last);
        (at as u64 * STEP, self.bytes.get(at).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_frame_that_was_seen() {
        let mut index = Index::new(100);
        assert_eq!(index.before(1000), (0, 100));
        for frame in 0..=200 {
            index.note(frame, 100 + frame * 10);
        }
        assert_eq!(index.before(63), (0, 100));
        assert_eq!(index.before(64), (64, 740));
        assert_eq!(index.before(u64::MAX), (192, 2020));
    }
}
