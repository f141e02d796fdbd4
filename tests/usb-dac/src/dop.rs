//! DSD over PCM, taken apart: the bits, and whether the markers take turns.
//!
//! Source: DoP open Standard 1.1: in each sample of 24 bits the top byte is 0x05 or 0xfa, by turns, the same in all channels of
//! a frame, and the lower two are DSD, the older byte above.

use crate::explain::{Fault, Kind};

/// The markers.
const MARKERS: [u8; 2] = [0x05, 0xfa];

/// What the markers were like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Markers {
    /// Frames whose marker isn't the other one than before, or not the same in both channels; at most the first hundred.
    pub wrong: Vec<usize>,
    /// Frames that have no marker: PCM.
    pub missing: usize,
    /// Frames of words of four bytes whose lowest byte isn't 0, as a DAC needs that it knows them by the upper three.
    pub filled: usize,
}

impl Markers {
    /// The frames whose marker is wrong, as differences: those that follow each other are one.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let runs = self.wrong.chunk_by(|a, b| a + 1 == *b);
        runs.map(|run| Fault { kind: Kind::WrongPhase, at: run[0], frames: run.len() }).collect()
    }
}

/// Takes frames of two words of so many bytes (3, or 4 with the lowest byte unused) apart, into frames of two DSD bytes a
/// channel.
#[must_use]
pub fn take_apart(bytes: &[u8], word: usize) -> (Vec<u8>, Markers) {
    let mut markers = Markers::default();
    let mut bits = Vec::with_capacity(bytes.len() / word * 2);
    let mut before = None;
    for (number, frame) in bytes.chunks_exact(2 * word).enumerate() {
        let words =
            frame.chunks_exact(word).map(|word| [word[word.len() - 1], word[word.len() - 2], word[word.len() - 3]]);
        markers.filled += usize::from(frame.chunks_exact(word).any(|word| word.len() > 3 && word[0] != 0));
        let tops: Vec<u8> = words.clone().map(|[top, ..]| top).collect();
        bits.extend(words.flat_map(|[_, older, newer]| [older, newer]));
        let marker = tops.first().copied().filter(|top| MARKERS.contains(top));
        let agree = tops.iter().all(|top| Some(*top) == marker);
        markers.missing += usize::from(marker.is_none());
        let is_wrong = !agree || (before.is_some() && before == marker);
        if is_wrong && markers.wrong.len() < 100 {
            markers.wrong.push(number);
        }
        before = marker;
    }
    (bits, markers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_out_and_markers_are_looked_at() {
        let frame = |marker: u8, n: u8| [n, n + 1, marker, n + 2, n + 3, marker];
        let right: Vec<u8> = [frame(0xfa, 0), frame(0x05, 4), frame(0xfa, 8)].concat();
        let (bits, markers) = take_apart(&right, 3);
        assert_eq!(bits, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]);
        assert_eq!(markers, Markers::default());
        let twice: Vec<u8> = [frame(0xfa, 0), frame(0xfa, 4), frame(0x05, 8), frame(0x00, 8)].concat();
        let (_, markers) = take_apart(&twice, 3);
        assert_eq!(markers, Markers { wrong: vec![1, 3], missing: 1, filled: 0 });
        let wide: Vec<u8> =
            [frame(0xfa, 0), frame(0x05, 4)].concat().chunks(3).flat_map(|word| [&[0], word].concat()).collect();
        assert_eq!(take_apart(&wide, 4), (vec![1, 0, 3, 2, 5, 4, 7, 6], Markers::default()));
        let mut filled = wide;
        filled[12] = 1;
        assert_eq!(take_apart(&filled, 4).1, Markers { filled: 1, ..Markers::default() });
        let fault = |at| Fault { kind: Kind::WrongPhase, at, frames: 1 };
        assert_eq!(markers.faults(), [fault(1), fault(3)]);
    }
}
