//! Samples of a source, kept: a slice for each channel.

use pcm::{DSD_SILENCE, Encoding, Samples, Source};

/// Some frames of a track.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::playback) enum Piece {
    /// Of a one-bit stream: bytes, the oldest bit most significant.
    Bits(Vec<Vec<u8>>),
    /// Of PCM; full scale is 1.
    Levels(Vec<Vec<f64>>),
}

impl Piece {
    /// No frames.
    pub(super) fn empty(source: &Source) -> Self {
        Self::silence(source, 0)
    }

    /// So many frames of silence.
    pub(super) fn silence(source: &Source, frames: usize) -> Self {
        let channels = source.channels.into();
        match source.encoding {
            Encoding::Dsd => Self::Bits(vec![vec![DSD_SILENCE; frames]; channels]),
            Encoding::Integer | Encoding::Float | Encoding::Lossy => Self::Levels(vec![vec![0.0; frames]; channels]),
        }
    }

    /// At most so many frames from `start` on; `None` if these aren't samples of such a source.
    pub(super) fn of(samples: &Samples<'_>, start: usize, frames: usize, source: &Source) -> Option<Self> {
        if samples.channels() != usize::from(source.channels) {
            return None;
        }
        let one_bit = source.encoding == Encoding::Dsd;
        Some(match samples.part(start, frames) {
            Samples::Dsd(dsd) if one_bit => Self::Bits((0..dsd.channels()).map(|n| dsd.channel(n).collect()).collect()),
            Samples::S16(planes) if !one_bit => {
                Self::Levels(planes.iter().map(|plane| scaled(plane, 1.0 / 32_768.0)).collect())
            }
            Samples::S32(planes) if !one_bit => Self::Levels(planes.iter().map(levels).collect()),
            Samples::F32(planes) if !one_bit => Self::Levels(planes.iter().map(|plane| scaled(plane, 1.0)).collect()),
            _ => return None,
        })
    }

    pub(super) fn frames(&self) -> usize {
        match self {
            Self::Bits(planes) => planes.first().map_or(0, Vec::len),
            Self::Levels(planes) => planes.first().map_or(0, Vec::len),
        }
    }

    /// Makes levels so much quieter.
    pub(super) fn scale(&mut self, factor: f64) {
        if let Self::Levels(planes) = self {
            planes.iter_mut().flatten().for_each(|level| *level *= factor);
        }
    }

    /// Puts `other` behind, and keeps the last `most` frames.
    pub(super) fn append(&mut self, other: Self, most: usize) {
        match (self, other) {
            (Self::Bits(planes), Self::Bits(others)) => join(planes, &others, most),
            (Self::Levels(planes), Self::Levels(others)) => join(planes, &others, most),
            _ => {}
        }
    }

    /// The last `frames` frames; with silence in front if there aren't as many.
    pub(super) fn last(self, frames: usize, source: &Source) -> Self {
        let mut whole = Self::silence(source, frames);
        whole.append(self, frames);
        whole
    }
}

/// Left-justified integers as levels.
pub(super) fn levels(plane: &[i32]) -> Vec<f64> {
    scaled(plane, 1.0 / 2_147_483_648.0)
}

fn scaled<T: Copy + Into<f64>>(plane: &[T], factor: f64) -> Vec<f64> {
    plane.iter().map(|&sample| sample.into() * factor).collect()
}

fn join<T: Copy>(planes: &mut [Vec<T>], others: &[Vec<T>], most: usize) {
    for (plane, other) in planes.iter_mut().zip(others) {
        plane.extend_from_slice(other);
        plane.drain(..plane.len().saturating_sub(most));
    }
}
