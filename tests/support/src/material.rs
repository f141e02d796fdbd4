//! Deterministic test files: samples from a counter, WAV by ourselves (its odd variants are the point), everything else by
//! real encoders, so that no decoder of ours is tested against an encoder of ours.
use std::path::Path;

use crate::digest::SampleMd5;

pub mod damage;
mod dsd;
mod encode;
mod header;
mod wav;

pub use crate::tool::Error;
pub use dsd::{DsdShape, DsdWire, dff, dff_bytes, dsf, dsf_bytes};
pub use encode::{aac, aiff, alac, flac, flac_dop, flac_of, flac_with, mp3, mp3_without_tag, vorbis};
pub use header::{DSF_BLOCK, DsfLayout, wav_format};
pub use wav::{Sizes, Style, wav, wav_dop, wav_float, wav_mqa, wav_with};

/// What a track holds. The same shape always gives the same samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Frames a second, Hz.
    pub rate: u32,
    /// Significant bits of a sample, 4 to 32.
    pub bits: u16,
    /// Channels, 1 to 8.
    pub channels: u16,
    /// Length in frames.
    pub frames: u32,
    /// Tells tracks of one shape apart.
    pub seed: u32,
}

impl Shape {
    /// A stereo track.
    #[must_use]
    pub fn stereo(rate: u32, bits: u16, frames: u32) -> Self {
        Self { rate, bits, channels: 2, frames, seed: 1 }
    }

    /// This shape with other channels.
    #[must_use]
    pub fn channels(self, channels: u16) -> Self {
        Self { channels, ..self }
    }

    /// This shape with another seed.
    #[must_use]
    pub fn seed(self, seed: u32) -> Self {
        Self { seed, ..self }
    }

    /// The samples, interleaved, right-justified: corner values at both ends, in between triangles of a different pitch in
    /// each channel with a little noise (what a predictor likes), every fourth 1024 frames full-scale noise (what it doesn't).
    /// No frame at either end is silent, so a lost one shows.
    #[must_use]
    pub fn samples(&self) -> Vec<i32> {
        let high = i32::MAX >> (32 - u32::from(self.bits));
        let low = -high - 1;
        let corners = [low, high, -1, 1, low + 1, high - 1, high / 2, low / 2];
        let mut noise = Noise(0x9e37_79b9 ^ u64::from(self.seed) << 32 | 1);
        let mut samples = Vec::with_capacity(self.frames as usize * usize::from(self.channels));
        for frame in 0..self.frames {
            let from_end = self.frames - 1 - frame;
            for channel in 0..u32::from(self.channels) {
                let random = noise.next() >> (32 - u32::from(self.bits));
                let near = frame.min(from_end);
                samples.push(if near < 8 {
                    corners[((near + channel + self.seed) % 8) as usize]
                } else if frame / 1024 % 4 == 3 {
                    random
                } else {
                    let period = 64 + 37 * channel + self.seed % 13;
                    let phase = f64::from(frame % period) / f64::from(period);
                    let triangle = 1.0 - 4.0 * (phase - 0.5).abs();
                    // Within ±0.75 of full scale, plus 1/64 of it in noise.
                    (triangle * 0.75 * f64::from(high)) as i32 + random / 64
                });
            }
        }
        samples
    }

    /// The MD5 that a FLAC file of these samples holds.
    #[must_use]
    pub fn md5(&self) -> String {
        let mut digest = SampleMd5::new(self.bits);
        digest.extend(self.samples());
        digest.finish()
    }
}

/// xorshift64*: short, the same everywhere, good enough to be incompressible.
struct Noise(u64);

impl Noise {
    /// 32 random bits.
    fn next(&mut self) -> i32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as i32
    }
}

/// Writes a file, naming it when that fails.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|error| Error::Io(path.display().to_string(), error))
}

#[cfg(test)]
mod tests;
