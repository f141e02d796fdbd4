//! Tracks of any kind: what they hold, and what has to arrive of them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use support::decode::{self, Layout, Reference};
use support::material::{self, DsdShape, DsdWire, Shape};

use crate::recording::{self, Wire};

/// Containers of the tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Container {
    Flac,
    Wav,
    Dsf,
    Dff,
}

/// How samples are packed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Packing {
    Pcm(Layout),
    /// DSD in words of 32 bits, the oldest bit most significant: `DSD_U32_BE`.
    Dsd,
}

impl Packing {
    /// ALSA's name, and the bytes of a sample.
    fn format(self) -> (&'static str, usize) {
        match self {
            Self::Pcm(Layout::S16) => ("S16_LE", 2),
            Self::Pcm(Layout::S24Packed) => ("S24_3LE", 3),
            Self::Pcm(Layout::S24) => ("S24_LE", 4),
            Self::Pcm(Layout::S32) => ("S32_LE", 4),
            Self::Dsd => ("DSD_U32_BE", 4),
        }
    }
}

/// A track, and how it has to arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) container: Container,
    /// Samples, of DSD bits, a second and channel, Hz.
    pub(crate) rate: u32,
    pub(crate) bits: u16,
    pub(crate) channels: u16,
    /// What the sound card has to be opened with.
    pub(crate) packing: Packing,
    /// The card takes nothing else: its other end was opened before the engine looked what it takes.
    pub(crate) only: bool,
    /// Its length, ms.
    pub(crate) ms: u32,
    /// Tells tracks of one kind apart.
    pub(crate) seed: u32,
    /// Of DSD, how many bytes of each channel there are beyond whole words of four: 0 to 3.
    pub(crate) odd: u32,
}

impl Case {
    /// PCM, so long.
    pub(crate) const fn pcm(container: Container, rate: u32, bits: u16, channels: u16, layout: Layout) -> Self {
        Self {
            container,
            rate,
            bits,
            channels,
            packing: Packing::Pcm(layout),
            only: false,
            ms: 2500,
            seed: rate % 97,
            odd: 0,
        }
    }

    /// Stereo DSD of so many times 44 100 bits a second and channel.
    pub(crate) const fn dsd(container: Container, multiple: u32) -> Self {
        Self {
            container,
            rate: 44_100 * multiple,
            bits: 1,
            channels: 2,
            packing: Packing::Dsd,
            only: false,
            ms: 1500,
            seed: 1,
            odd: 1,
        }
    }

    /// The same, so many bytes longer than whole words.
    pub(crate) const fn odd(self, odd: u32) -> Self {
        Self { odd, ..self }
    }

    /// Another length, ms.
    pub(crate) const fn ms(self, ms: u32) -> Self {
        Self { ms, ..self }
    }

    /// The same kind of track, of other music.
    pub(crate) const fn seed(self, seed: u32) -> Self {
        Self { seed, ..self }
    }
}

/// A file to play, and what has to arrive.
pub(crate) struct Track {
    pub(crate) case: Case,
    pub(crate) file: PathBuf,
    pub(crate) wire: Wire,
    /// What has to arrive.
    pub(crate) packed: Vec<u8>,
}

impl Track {
    /// What it is, for people.
    pub(crate) fn name(&self) -> String {
        let Case { container, rate, bits, .. } = self.case;
        format!("{container:?} {rate} Hz, {bits} bits").to_lowercase()
    }

    /// Bytes of a frame.
    pub(crate) fn frame(&self) -> usize {
        self.case.packing.format().1 * usize::from(self.case.channels)
    }

    /// What it holds if it is DSD.
    pub(crate) fn dsd_shape(&self) -> Option<DsdShape> {
        matches!(self.case.packing, Packing::Dsd).then(|| self.case.dsd_shape())
    }

    pub(crate) fn make(case: Case, directory: &Path) -> Result<Self> {
        let Case { container, rate, bits, channels, packing, .. } = case;
        let extension = format!("{container:?}").to_lowercase();
        let file = directory.join(format!("{rate}-{bits}-{channels}.{extension}"));
        let (format, sample) = packing.format();
        let (packed, rate) = match packing {
            Packing::Pcm(layout) => {
                let packed = case.write_pcm(&file)?.packed(layout);
                (packed.with_context(|| format!("{format} can't hold {bits} bits"))?, rate)
            }
            Packing::Dsd => (case.write_dsd(&file)?, rate / 32),
        };
        let frame = sample * usize::from(channels);
        let silence = recording::silence(format);
        let mut ends = packed.chunks(frame).next().into_iter().chain(packed.rchunks(frame).next());
        ensure!(
            ends.all(|frame| frame.iter().any(|byte| *byte != silence)),
            "{format} at {rate} Hz: it begins or ends with silence, and can't be told from what is around it"
        );
        Ok(Self { case, file, wire: Wire { format, rate, channels }, packed })
    }
}

impl Case {
    /// Writes the file; returns what it holds.
    fn write_pcm(&self, file: &Path) -> Result<Reference> {
        let Self { container, rate, bits, channels, ms, seed, .. } = *self;
        let shape = Shape { rate, bits, channels, frames: rate / 100 * ms / 10, seed };
        if container == Container::Flac {
            material::flac(file, &shape)?;
            return Ok(decode::reference(file)?);
        }
        // What was written is what it holds: nothing decodes it.
        material::wav(file, &shape)?;
        Ok(Reference { rate, channels, bits: Some(bits), samples: shape.samples() })
    }

    /// What DSD of this case holds.
    fn dsd_shape(&self) -> DsdShape {
        let Self { rate, channels, ms, seed, odd, .. } = *self;
        DsdShape { rate, channels, bytes: rate / 8 / 100 * ms / 10 / 4 * 4 + odd, seed }
    }

    /// Writes the file, whose last word isn't whole; returns what has to arrive.
    fn write_dsd(&self, file: &Path) -> Result<Vec<u8>> {
        let shape = self.dsd_shape();
        match self.container {
            Container::Dff => material::dff(file, &shape)?,
            _ => material::dsf(file, &shape)?,
        }
        Ok(shape.wire(DsdWire::Big(4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_made_as_the_sound_card_gets_them() {
        let directory = tempfile::tempdir().unwrap();
        let short = |layout| Case::pcm(Container::Wav, 768_000, 24, 2, layout).ms(10);
        let track = Track::make(short(Layout::S24), directory.path()).unwrap();
        assert_eq!(track.wire, Wire { format: "S24_LE", rate: 768_000, channels: 2 });
        assert_eq!(track.packed.len(), 7680 * track.frame());
        let packed = Track::make(short(Layout::S24Packed), directory.path()).unwrap();
        assert_eq!(packed.packed.len(), 7680 * 6);
        assert!(Track::make(short(Layout::S16), directory.path()).is_err());
    }

    #[test]
    fn dsd_is_made_as_the_sound_card_gets_it() {
        let directory = tempfile::tempdir().unwrap();
        let [dsf, dff] = [Container::Dsf, Container::Dff]
            .map(|container| Track::make(Case::dsd(container, 512).ms(10), directory.path()).unwrap());
        assert_eq!(dsf.wire, Wire { format: "DSD_U32_BE", rate: 705_600, channels: 2 });
        // The last word holds one byte.
        assert!(dsf.packed.len() == 7057 * dsf.frame() && dsf.packed == dff.packed && dsf.file != dff.file);
    }
}
