//! What went to the output, track by track.

/// Certificates that the page keeps.
pub const CERTIFICATES: usize = 32;

/// Words of one.
pub(super) const WORDS: usize = 13;

/// What the engine took from the ring for one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Counts the certificates since the engine started, from 1 on.
    pub number: u64,
    /// The stream that the track was in.
    pub epoch: u32,
    /// The player's number for the track.
    pub track: u64,
    /// Frames that went to the output.
    pub frames: u64,
    /// CRC-32C of their bytes in the wire format, as the real-time thread took them.
    pub crc32c: u32,
    /// SHA-256 of the same bytes: it was made by another thread, whose CRC came out equal. `None`: not hashed, because
    /// that thread came too late to read them.
    pub sha256: Option<[u8; 32]>,
    /// Whether the gain was ever other than 1: software volume, mute, or the fades of a pause, a seek, a skip or a dry
    /// ring.
    pub scaled: bool,
    /// Whether these are all of the track's frames, first to last: it was neither skipped nor sought in.
    pub whole: bool,
    /// Wake-ups of the real-time thread, 1 ms or more late, while the track was written.
    pub late_wakeups: u64,
    /// Times that the output ran dry while the track was written, or before the last of it was heard.
    pub xruns: u64,
    /// Frames of it that weren't heard, at most: a USB card's driver drops what it has on its way to the DAC when that runs dry, and
    /// one that fails or is unplugged takes along all that was queued. They are among `frames`, and in the sums.
    pub lost: u64,
    /// Times that the ring ran dry inside the track: silence stands there, whatever the format.
    pub starved: u64,
}

/// Bits of the word of flags.
const HASHED: u64 = 1;
const SCALED: u64 = 2;
const WHOLE: u64 = 4;

impl Certificate {
    pub(super) fn to_words(self) -> [u64; WORDS] {
        let flag = |set: bool, bit| if set { bit } else { 0 };
        let flags = flag(self.sha256.is_some(), HASHED) | flag(self.scaled, SCALED) | flag(self.whole, WHOLE);
        let mut words = [0; WORDS];
        let both = u64::from(self.epoch) | u64::from(self.crc32c) << 32;
        let troubles = [self.late_wakeups, self.xruns, self.starved, self.lost];
        words[..5].copy_from_slice(&[self.number, self.track, self.frames, both, flags]);
        words[5..9].copy_from_slice(&troubles);
        let hash = self.sha256.unwrap_or_default();
        for (word, bytes) in words[9..].iter_mut().zip(hash.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }

    /// `None` for a place that was never written.
    pub(super) fn from_words(words: [u64; WORDS]) -> Option<Self> {
        let [number, track, frames, both, flags, late_wakeups, xruns, starved, lost, hash @ ..] = words;
        let mut sha256 = [0; 32];
        for (bytes, word) in sha256.as_chunks_mut().0.iter_mut().zip(hash) {
            *bytes = word.to_le_bytes();
        }
        (number != 0).then_some(Self {
            number,
            epoch: both as u32,
            track,
            frames,
            crc32c: (both >> 32) as u32,
            sha256: (flags & HASHED != 0).then_some(sha256),
            scaled: flags & SCALED != 0,
            whole: flags & WHOLE != 0,
            late_wakeups,
            xruns,
            lost,
            starved,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn certificates_survive(
            number in 1u64.., epoch: u32, track: u64, frames: u64, crc32c: u32, sha256: Option<[u8; 32]>, scaled: bool,
            whole: bool, late_wakeups: u64, xruns: u64, lost: u64, starved: u64,
        ) {
            let one =
                Certificate { number, epoch, track, frames, crc32c, sha256, scaled, whole, late_wakeups, xruns, lost, starved };
            prop_assert_eq!(Certificate::from_words(one.to_words()), Some(one));
        }

        #[test]
        fn any_words_are_a_certificate_or_none(words: [u64; WORDS]) {
            prop_assert_eq!(Certificate::from_words(words).is_some(), words[0] != 0);
        }
    }
}
