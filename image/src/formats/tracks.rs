//! The tracks of `--formats`: what they hold, and what has to arrive of them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use support::decode::{self, Layout, Reference};
use support::material::{self, Shape};

use crate::recording::{Heard, Wire};

/// Containers of the tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Container {
    Flac,
    Wav,
}

/// A track, and how it has to arrive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) container: Container,
    pub(super) rate: u32,
    pub(super) bits: u16,
    pub(super) channels: u16,
    /// What the sound card has to be opened with.
    pub(super) layout: Layout,
    /// The card takes nothing else: its other end was opened before the engine looked what it takes.
    pub(super) only: bool,
    /// Its length, ms.
    pub(super) ms: u32,
}

const fn case(container: Container, rate: u32, bits: u16, channels: u16, layout: Layout) -> Case {
    Case { container, rate, bits, channels, layout, only: false, ms: 2500 }
}

/// The 192 kHz track is longer: memory is looked at while it plays. The largest are shorter. The last one ends the engine, so it is the last one.
pub(super) const CASES: [Case; 8] = [
    case(Container::Flac, 44_100, 16, 2, Layout::S16),
    case(Container::Flac, 44_100, 16, 1, Layout::S16),
    case(Container::Flac, 96_000, 24, 2, Layout::S24Packed),
    Case { ms: 6000, ..case(Container::Flac, MEASURED.0, MEASURED.1, 2, Layout::S24Packed) },
    case(Container::Flac, 384_000, 32, 2, Layout::S32),
    Case { ms: 1500, ..case(Container::Wav, 768_000, 32, 1, Layout::S32) },
    Case { ms: 1500, ..case(Container::Wav, 768_000, 32, 2, Layout::S32) },
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
        let Case { container, rate, bits, channels, layout, ms, .. } = case;
        let shape = Shape { rate, bits, channels, frames: rate / 100 * ms / 10, seed: rate % 97 };
        let extension = format!("{container:?}").to_lowercase();
        let file = directory.join(format!("{rate}-{bits}-{channels}.{extension}"));
        let decoded = match container {
            Container::Flac => {
                material::flac(&file, &shape)?;
                decode::reference(&file)?
            }
            // What was written is what it holds: nothing decodes it.
            Container::Wav => {
                material::wav(&file, &shape)?;
                Reference { rate, channels, bits: Some(bits), samples: shape.samples() }
            }
        };
        let (format, bytes) = match layout {
            Layout::S16 => ("S16_LE", 2),
            Layout::S24Packed => ("S24_3LE", 3),
            Layout::S24 => ("S24_LE", 4),
            Layout::S32 => ("S32_LE", 4),
        };
        let packed = decoded.packed(layout).with_context(|| format!("{format} can't hold {bits} bits"))?;
        let wanted = Heard::of(&packed, bytes * usize::from(channels), 0);
        Ok(Self { case, file, wire: Wire { format, rate, channels }, wanted })
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
}
