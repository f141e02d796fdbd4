//! A good track, and what looks like one.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use support::decode::{self, Layout};
use support::material::{self, Shape, damage};

use super::{LENGTH, RATE};

/// What is played.
pub(super) struct Files {
    pub(super) good: PathBuf,
    /// What `good` holds: S16 stereo.
    pub(super) samples: Vec<u8>,
    pub(super) truncated: PathBuf,
    pub(super) text: PathBuf,
    pub(super) absent: PathBuf,
}

impl Files {
    pub(super) fn make(directory: &Path) -> Result<Self> {
        let path = |name: &str| directory.join(name);
        let files = Self {
            good: path("good.flac"),
            samples: Vec::new(),
            truncated: path("truncated.flac"),
            text: path("text.flac"),
            absent: path("absent.flac"),
        };
        let shape = Shape::stereo(RATE, 16, RATE * LENGTH.as_secs() as u32);
        material::flac(&files.good, &shape)?;
        material::flac(&files.truncated, &shape)?;
        damage::truncate(&files.truncated, 600)?;
        damage::not_audio(&files.text)?;
        let decoded = decode::reference(&files.good)?;
        let samples = decoded.packed(Layout::S16).context("16 bits hold 16 bits")?;
        Ok(Self { samples, ..files })
    }
}
