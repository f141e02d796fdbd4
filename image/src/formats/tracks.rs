//! The tracks of `--formats`: what they hold, and what has to arrive of them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use support::decode::{self, Layout, Reference};
use support::material::{self, DsdShape, DsdWire, Shape};

use crate::recording::{self, Heard, Wire};

/// Containers of the tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Container {
    Flac,
    Wav,
    Dsf,
    Dff,
}

/// How samples are packed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
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
pub(super) struct Case {
    pub(super) container: Container,
    /// Samples, of DSD bits, a second and channel, Hz.
    pub(super) rate: u32,
    pub(super) bits: u16,
    pub(super) channels: u16,
    /// What the sound card has to be opened with.
    pub(super) packing: Packing,
    /// The card takes nothing else: its other end was opened before the engine looked what it takes.
    pub(super) only: bool,
    /// Its length, ms.
    pub(super) ms: u32,
}

const fn case(container: Container, rate: u32, bits: u16, channels: u16, layout: Layout) -> Case {
    Case { container, rate, bits, channels, packing: Packing::Pcm(layout), only: false, ms: 2500 }
}

/// Stereo of so many times 44 100 bits a second and channel.
const fn dsd(container: Container, multiple: u32) -> Case {
    Case { container, rate: 44_100 * multiple, bits: 1, channels: 2, packing: Packing::Dsd, only: false, ms: 1500 }
}

/// The 192 kHz track is longer: memory is looked at while it plays. The largest are shorter. The last one ends the engine, so it is the last one.
pub(super) const CASES: [Case; 11] = [
    case(Container::Flac, 44_100, 16, 2, Layout::S16),
    case(Container::Flac, 44_100, 16, 1, Layout::S16),
    case(Container::Flac, 96_000, 24, 2, Layout::S24Packed),
    Case { ms: 6000, ..case(Container::Flac, MEASURED.0, MEASURED.1, 2, Layout::S24Packed) },
    case(Container::Flac, 384_000, 32, 2, Layout::S32),
    Case { ms: 1500, ..case(Container::Wav, 768_000, 32, 1, Layout::S32) },
    Case { ms: 1500, ..case(Container::Wav, 768_000, 32, 2, Layout::S32) },
    dsd(Container::Dff, 64),
    dsd(Container::Dsf, 512),
    dsd(Container::Dff, 512),
    Case { only: true, ..case(Container::Flac, 96_000, 24, 2, Layout::S24) },
];

/// Rate and bits of the track during which memory is measured.
pub(super) const MEASURED: (u32, u16) = (192_000, 24);

/// A file to play, and what has to arrive.
pub(super) struct Track {
    pub(super) case: Case,
    pub(super) file: PathBuf,
    pub(super) wire: Wire,
    pub(super) wanted: Heard,
}

impl Track {
    pub(super) fn make(case: Case, directory: &Path) -> Result<Self> {
        let Case { container, rate, bits, channels, packing, .. } = case;
        let extension = format!("{container:?}").to_lowercase();
        let file = directory.join(format!("{rate}-{bits}-{channels}.{extension}"));
        let (format, sample) = packing.format();
        let (packed, rate) = match packing {
            Packing::Pcm(layout) => {
                let packed = case.pcm(&file)?.packed(layout);
                (packed.with_context(|| format!("{format} can't hold {bits} bits"))?, rate)
            }
            Packing::Dsd => (case.dsd(&file)?, rate / 32),
        };
        let frame = sample * usize::from(channels);
        let wanted = Heard::of(&packed, frame, 0);
        let silence = recording::silence(format);
        let mut ends = packed.chunks(frame).next().into_iter().chain(packed.rchunks(frame).next());
        ensure!(
            ends.all(|frame| frame.iter().any(|byte| *byte != silence)),
            "{format} at {rate} Hz: it begins or ends with silence, and can't be told from what is around it"
        );
        Ok(Self { case, file, wire: Wire { format, rate, channels }, wanted })
    }
}

impl Case {
    /// Writes the file; returns what it holds.
    fn pcm(&self, file: &Path) -> Result<Reference> {
        let Self { container, rate, bits, channels, ms, .. } = *self;
        let shape = Shape { rate, bits, channels, frames: rate / 100 * ms / 10, seed: rate % 97 };
        if container == Container::Flac {
            material::flac(file, &shape)?;
            return Ok(decode::reference(file)?);
        }
        // What was written is what it holds: nothing decodes it.
        material::wav(file, &shape)?;
        Ok(Reference { rate, channels, bits: Some(bits), samples: shape.samples() })
    }

    /// Writes the file, whose last word isn't whole; returns what has to arrive.
    fn dsd(&self, file: &Path) -> Result<Vec<u8>> {
        let Self { container, rate, channels, ms, .. } = *self;
        let shape = DsdShape { rate, channels, bytes: rate / 8 / 100 * ms / 10 / 4 * 4 + 1, seed: 1 };
        match container {
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
        let short = |layout| Case { ms: 10, ..case(Container::Wav, 768_000, 24, 2, layout) };
        let track = Track::make(short(Layout::S24), directory.path()).unwrap();
        assert_eq!(track.wire, Wire { format: "S24_LE", rate: 768_000, channels: 2 });
        assert_eq!(track.wanted.frames, 7680);
        let packed = Track::make(short(Layout::S24Packed), directory.path()).unwrap();
        assert!(packed.wanted.frames == 7680 && packed.wanted.sha256 != track.wanted.sha256);
        assert!(Track::make(short(Layout::S16), directory.path()).is_err());
    }

    #[test]
    fn dsd_is_made_as_the_sound_card_gets_it() {
        let directory = tempfile::tempdir().unwrap();
        let [dsf, dff] = [Container::Dsf, Container::Dff]
            .map(|container| Track::make(Case { ms: 10, ..dsd(container, 512) }, directory.path()).unwrap());
        assert_eq!(dsf.wire, Wire { format: "DSD_U32_BE", rate: 705_600, channels: 2 });
        // The last word holds one byte.
        assert!(dsf.wanted.frames == 7057 && dsf.wanted == dff.wanted && dsf.file != dff.file);
    }
}
