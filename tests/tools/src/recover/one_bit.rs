//! One-bit streams out of captured bytes, native or over PCM: the source's bytes, the silence that fills the last word, and
//! whether DoP's markers take turns.
use std::io;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use support::digest::hex;

use super::{Recovered, bad, frames};
use crate::capture::Stream;

/// What silence and the filling of a last word are made of.
const SILENCE: u8 = 0x69;

/// A one-bit source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneBitSource {
    /// Bits per second and channel.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Bytes in each channel; what follows them in the last word must be silence.
    pub bytes: Option<u64>,
    /// The words that it has in common with its neighbours.
    pub shared: Shared,
}

/// Bytes of each channel at a track's ends, where others follow each other directly: a word that one track begins and the next
/// one fills up is the next one's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    /// Of the track before, in the first word.
    pub before: u64,
    /// Of this one, in the word behind its last.
    pub behind: u64,
}

/// Where the parts of a sample lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of a sample.
    bytes: usize,
    /// Where the one-bit stream's bytes are, the oldest first.
    word: &'static [usize],
    /// Where DoP's marker is.
    marker: Option<usize>,
}

impl Layout {
    /// Of a stream; `None` if it is PCM.
    #[must_use]
    pub fn of(stream: &Stream) -> Option<Self> {
        let (bytes, word, marker): (_, &[usize], _) = match (stream.format.as_str(), stream.dop) {
            ("DSD_U8", false) => (1, &[0], None),
            ("DSD_U16_LE", false) => (2, &[1, 0], None),
            ("DSD_U16_BE", false) => (2, &[0, 1], None),
            ("DSD_U32_LE", false) => (4, &[3, 2, 1, 0], None),
            ("DSD_U32_BE", false) => (4, &[0, 1, 2, 3], None),
            ("S24_3LE", true) => (3, &[1, 0], Some(2)),
            ("S24_LE", true) => (4, &[1, 0], Some(2)),
            ("S32_LE", true) => (4, &[2, 1], Some(3)),
            _ => return None,
        };
        Some(Self { bytes, word, marker })
    }

    /// Bytes of each channel in a frame.
    #[must_use]
    pub fn word_bytes(&self) -> u64 {
        self.word.len() as u64
    }

    /// Bytes of a frame of a stream.
    #[must_use]
    pub fn frame_bytes(&self, stream: &Stream) -> u64 {
        (self.bytes * usize::from(stream.channels)) as u64
    }

    fn marker(&self, frame: &[u8]) -> Option<Result<u8, ()>> {
        let at = self.marker?;
        let mut markers = frame.chunks_exact(self.bytes).map(|sample| sample[at]);
        let first = markers.next()?;
        let good = matches!(first, 0x05 | 0xfa) && markers.all(|marker| marker == first);
        Some(if good { Ok(first) } else { Err(()) })
    }
}

/// DoP's markers from frame to frame.
#[derive(Debug, Default)]
struct Turns {
    last: Option<u8>,
}

impl Turns {
    /// Whether this frame is marked as it has to be.
    fn good(&mut self, layout: &Layout, frame: &[u8]) -> bool {
        match layout.marker(frame) {
            None => true,
            Some(Err(())) => false,
            Some(Ok(marker)) => self.last.replace(marker) != Some(marker),
        }
    }
}

/// The frames `start..end` of a captured one-bit stream; the source's bytes, if `source` is what the wire holds.
///
/// # Errors
/// When the raw file is shorter than that or can't be read.
pub fn recover(stream: &Stream, start: u64, end: u64, source: Option<OneBitSource>) -> io::Result<Recovered> {
    let layout = Layout::of(stream).ok_or_else(|| bad(format!("{} is PCM", stream.format)))?;
    let source = source
        .filter(|source| source.channels == stream.channels || source.channels == 1)
        .filter(|source| Some(source.rate) == stream.rate.checked_mul(layout.word_bytes() as u32 * 8));
    let mut check = Check { layout, source, md5: Md5::new(), at: 0, turns: Turns::default(), fault: None };
    let mut sha = Sha256::new();
    let frame_bytes = layout.bytes * usize::from(stream.channels);
    let behind = source.is_some_and(|source| source.shared.behind > 0);
    frames(stream, frame_bytes, start, end + u64::from(behind), |bytes, first| {
        for (n, frame) in (first..).zip(bytes.chunks_exact(frame_bytes)) {
            if n < end {
                sha.update(frame);
            }
            check.feed(frame, n - start, n >= end);
        }
    })?;
    let md5 = check.source.filter(|_| check.fault.is_none()).map(|_| hex(&check.md5.finalize()));
    Ok(Recovered { wire_sha256: hex(&sha.finalize()), md5, fault: check.fault })
}

/// The first frame of `start..end` that isn't silent, or where DoP's markers don't take turns.
///
/// # Errors
/// As for [`recover`].
pub(super) fn first_sound(stream: &Stream, start: u64, end: u64) -> io::Result<Option<u64>> {
    let layout = Layout::of(stream).ok_or_else(|| bad(format!("{} is PCM", stream.format)))?;
    let frame_bytes = layout.bytes * usize::from(stream.channels);
    let mut found = None;
    let mut turns = Turns::default();
    frames(stream, frame_bytes, start, end, |bytes, first| {
        for (n, frame) in (first..).zip(bytes.chunks_exact(frame_bytes)) {
            let mut samples = frame.chunks_exact(layout.bytes);
            let silent = samples.all(|sample| layout.word.iter().all(|at| sample[*at] == SILENCE));
            if !(silent && turns.good(&layout, frame)) {
                found = found.or(Some(n));
            }
        }
    })?;
    Ok(found)
}

/// Follows the bytes.
struct Check {
    layout: Layout,
    source: Option<OneBitSource>,
    md5: Md5,
    /// The byte of each channel that comes next.
    at: u64,
    turns: Turns,
    fault: Option<String>,
}

impl Check {
    /// `shared`: it is the word behind the last, which the track only begins.
    fn feed(&mut self, frame: &[u8], n: u64, shared: bool) {
        if self.fault.is_some() {
            return;
        }
        if !self.turns.good(&self.layout, frame) {
            self.fault = Some(format!("frame {n}: DoP's markers don't take turns"));
        }
        let Some(source) = self.source else { return };
        for place in self.layout.word {
            let mut bytes = frame.chunks_exact(self.layout.bytes).map(|sample| sample[*place]);
            let own: Vec<u8> = bytes.by_ref().take(source.channels.into()).collect();
            if let Some(added) = bytes.find(|byte| Some(byte) != own.first()) {
                self.fault = Some(format!("frame {n}: an added channel has {added:#04x}, its source {own:x?}"));
            }
            let Shared { before, .. } = source.shared;
            if self.at < before {
                // The track before has them in its digest.
            } else if source.bytes.is_none_or(|bytes| self.at - before < bytes) {
                self.md5.update(&own);
            } else if !shared && own.iter().any(|byte| *byte != SILENCE) {
                self.fault = Some(format!("frame {n}: the last word is filled with {own:x?}, not with silence"));
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
