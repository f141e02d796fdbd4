//! The track that is played: a real FLAC file of deterministic material, and what it decodes to.
use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cache::{Cache, Key};
use crate::command::run;
use crate::environment;

/// Hz. What QEMU's sound card on the board and a CD have in common.
pub const RATE: u32 = 44_100;
/// How long it plays.
pub const LENGTH: Duration = Duration::from_secs(10);

const FRAMES: u32 = RATE * LENGTH.as_secs() as u32;

/// A file to play.
#[derive(Debug)]
pub struct Track {
    /// The FLAC file.
    pub file: PathBuf,
    /// What `flac` decodes from it: interleaved S16 stereo, little-endian.
    pub samples: Vec<u8>,
}

/// Finds or makes the track.
///
/// # Errors
/// When `flac` is missing or fails.
pub fn make(cache: &Cache) -> Result<Track> {
    let samples = material();
    let key = Key::default().with("flac", environment::version("flac", "--version")?).with("samples", &samples).text();
    let entry = cache.entry("track", &key, |target| {
        let log = cache.log("track")?;
        let (raw, file) = (target.join("material.raw"), target.join("track.flac"));
        fs::write(&raw, &samples).with_context(|| raw.display().to_string())?;
        let layout = ["--force-raw-format", "--endian=little", "--sign=signed"];
        let mut encode = Command::new("flac");
        encode.args(["--silent", "--no-padding"]).args(layout);
        encode.args(["--channels=2", "--bps=16", &format!("--sample-rate={RATE}"), "-o"]).arg(&file).arg(&raw);
        run(&mut encode, &log, "encoding the track")?;
        let mut decode = Command::new("flac");
        decode.args(["--silent", "--decode"]).args(layout).arg("-o").arg(target.join("decoded.raw")).arg(&file);
        run(&mut decode, &log, "decoding the track")?;
        fs::remove_file(&raw).with_context(|| raw.display().to_string())
    })?;
    let decoded = entry.directory.join("decoded.raw");
    let samples = fs::read(&decoded).with_context(|| decoded.display().to_string())?;
    Ok(Track { file: entry.directory.join("track.flac"), samples })
}

/// Two tones with noise in every bit, full scale included; other frames follow each other at every place, so that a frame
/// that is lost, doubled or shifted shows.
fn material() -> Vec<u8> {
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut samples = Vec::with_capacity(FRAMES as usize * 4);
    for frame in 0..FRAMES {
        for hertz in [441.0, 997.0] {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            // The low 14 bits of the noise, around zero, over a tone of three quarters of full scale.
            let dither = f64::from((noise & 0x3fff) as u16) - 8191.5;
            let tone = (TAU * hertz * f64::from(frame) / f64::from(RATE)).sin() * 24_575.0;
            #[expect(clippy::cast_possible_truncation, reason = "float to integer saturates: full scale is wanted")]
            samples.extend(((tone + dither) as i16).to_le_bytes());
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_material_is_the_same_each_time_and_never_silent_at_its_ends() {
        let samples = material();
        assert_eq!(samples.len(), FRAMES as usize * 4);
        assert_eq!(samples, material());
        assert!(samples[..4] != [0; 4] && samples[samples.len() - 4..] != [0; 4]);
    }
}
