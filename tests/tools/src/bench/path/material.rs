//! The tracks.
use std::path::{Path, PathBuf};

use support::tool;

use crate::bench::dsf;

/// A kind of track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Material {
    /// A CD's.
    Flac16,
    /// 192 kHz, 24 bits.
    Flac24,
    /// A DSF at 22.6 MHz.
    Dsd512,
}

impl Material {
    pub(super) const ALL: [Self; 3] = [Self::Flac16, Self::Flac24, Self::Dsd512];

    /// In names of lines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flac16 => "flac_44_16",
            Self::Flac24 => "flac_192_24",
            Self::Dsd512 => "dsd512",
        }
    }

    /// In sentences.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Flac16 => "FLAC 44.1/16",
            Self::Flac24 => "FLAC 192/24",
            Self::Dsd512 => "DSD512 in DSF",
        }
    }

    /// Seconds that take some tenths of a second to play as fast as it goes.
    pub(super) fn seconds(self) -> u32 {
        match self {
            Self::Flac16 => 600,
            Self::Flac24 => 120,
            Self::Dsd512 => 30,
        }
    }

    /// Bytes a second on the wire, bit-perfect.
    pub(super) fn wire_bytes(self) -> usize {
        match self {
            Self::Flac16 => 44_100 * 4,
            Self::Flac24 => 192_000 * 6,
            Self::Dsd512 => dsf::BIT_RATE as usize / 8 * 2,
        }
    }

    /// Makes a track of so many seconds; as FLAC, tones above pink noise, as flac codes it if nothing else is asked of it.
    pub(super) fn make(self, directory: &Path, seconds: u32) -> anyhow::Result<PathBuf> {
        let path = |suffix: &str| directory.join(format!("{}-{seconds}.{suffix}", self.name()));
        let (rate, codec) = match self {
            Self::Flac16 => (44_100, "pcm_s16le"),
            Self::Flac24 => (192_000, "pcm_s24le"),
            Self::Dsd512 => {
                let path = path("dsf");
                dsf::write(&path, seconds)?;
                return Ok(path);
            }
        };
        let channel = |seed: u32, tone: u32| {
            format!(
                "anoisesrc=r={rate}:a=0.05:c=pink:seed={seed}:d={seconds}[n];sine=f={tone}:r={rate}:d={seconds},volume=2[a];\
                 sine=f={0}:r={rate}:d={seconds}[b];[n][a][b]amix=inputs=3:normalize=0",
                tone * 7
            )
        };
        let (left, right) = (channel(1, 220), channel(2, 331));
        let (wav, flac) = (path("wav"), path("flac"));
        let name = wav.to_string_lossy();
        let mut arguments: Vec<&str> = "-v error -nostdin -y -f lavfi -i".split(' ').collect();
        arguments.extend([&left, "-f", "lavfi", "-i", &right, "-filter_complex", "amerge=inputs=2"]);
        arguments.extend(["-bitexact", "-c:a", codec, &name]);
        tool::run("ffmpeg", &arguments)?;
        tool::run("flac", &["--silent", "--force", "--delete-input-file", &name])?;
        Ok(flac)
    }

    pub(super) fn is_flac(self) -> bool {
        self != Self::Dsd512
    }
}
