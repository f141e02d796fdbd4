//! A good track, and what looks like one.
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use support::decode::{self, Layout};
use support::material::{self, Shape, damage};
use support::tool::run;

use super::{LONG, RATE, SILENCE, SOUND};
use crate::capture::FRAME;

/// What is played.
pub(super) struct Files {
    /// Sound of [`SOUND`], and [`SILENCE`] behind it.
    pub(super) good: PathBuf,
    /// Begins like `good`, but goes on for [`LONG`].
    pub(super) long: PathBuf,
    /// What `long` holds: S16 stereo.
    pub(super) samples: Vec<u8>,
    pub(super) truncated: PathBuf,
    pub(super) text: PathBuf,
    pub(super) absent: PathBuf,
}

impl Files {
    pub(super) fn make(directory: &Path) -> Result<Self> {
        let path = |name: &str| directory.join(name);
        let long = path("long.flac");
        material::flac(&long, &Shape::stereo(RATE, 16, frames(LONG)))?;
        let samples = decode::reference(&long)?.packed(Layout::S16).context("16 bits hold 16 bits")?;
        let files = Self {
            good: path("good.flac"),
            long,
            samples,
            truncated: path("truncated.flac"),
            text: path("text.flac"),
            absent: path("absent.flac"),
        };
        then_silence(&files.good, &files.samples[..frames(SOUND) as usize * FRAME])?;
        fs::copy(&files.long, &files.truncated).context("copying a track")?;
        damage::truncate(&files.truncated, 100)?;
        damage::not_audio(&files.text)?;
        Ok(files)
    }
}

/// A FLAC file of `sound` and [`SILENCE`].
fn then_silence(path: &Path, sound: &[u8]) -> Result<()> {
    let raw = path.with_extension("raw");
    let silence = vec![0; frames(SILENCE) as usize * FRAME];
    fs::write(&raw, [sound, &silence].concat()).with_context(|| raw.display().to_string())?;
    let rate = format!("--sample-rate={RATE}");
    let layout = ["--force-raw-format", "--endian=little", "--sign=signed", "--channels=2", "--bps=16", &rate];
    let mut arguments: Vec<OsString> = ["--totally-silent", "-o"].map(OsString::from).into();
    arguments.push(path.into());
    arguments.extend(layout.map(OsString::from));
    arguments.push(raw.into());
    run("flac", &arguments)?;
    Ok(())
}

/// So long at the sound card's rate.
pub(super) fn frames(length: Duration) -> u32 {
    RATE * length.as_secs() as u32
}
