//! Files made by other people's encoders, from a WAV of the shape.
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{DsdShape, Error, Shape, wav};
use crate::tool::run;

/// A WAV beside `path` that is removed again.
struct Input(PathBuf);

impl Input {
    fn new(path: &Path, shape: &Shape) -> Result<Self, Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".source.wav");
        let input = Self(name.into());
        wav(&input.0, shape)?;
        Ok(input)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // It lies in a directory that goes away anyway.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `options input output` as one argument list.
fn arguments(parts: &[&[&str]], input: &Path, between: &[&str], output: &Path) -> Vec<OsString> {
    let mut list: Vec<OsString> = parts.concat().iter().map(OsString::from).collect();
    list.push(input.into());
    list.extend(between.iter().map(OsString::from));
    list.push(output.into());
    list
}

/// FLAC, by `flac`: 4 to 32 bits, 1 to 8 channels.
///
/// # Errors
/// When `flac` isn't there or fails.
pub fn flac(path: &Path, shape: &Shape) -> Result<(), Error> {
    flac_with(path, shape, &[])
}

/// FLAC with further options of the `flac` program.
///
/// # Errors
/// When `flac` isn't there or fails.
pub fn flac_with(path: &Path, shape: &Shape, options: &[&str]) -> Result<(), Error> {
    let input = Input::new(path, shape)?;
    let fixed: &[&str] = &["--totally-silent", "--force", "--lax"];
    run("flac", &arguments(&[fixed, options, &["-o"]], path, &[], &input.0)).map(drop)
}

/// DSD over PCM in FLAC.
///
/// # Errors
/// When `flac` isn't there or fails.
pub fn flac_dop(path: &Path, dsd: &DsdShape) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".source.wav");
    let input = Input(name.into());
    super::wav_dop(&input.0, dsd)?;
    flac_of(path, &input.0)
}

/// The same from a WAV file.
///
/// # Errors
/// When `flac` isn't there or fails.
pub fn flac_of(path: &Path, wav: &Path) -> Result<(), Error> {
    let options: &[&str] = &["--totally-silent", "--force", "--lax", "-o"];
    run("flac", &arguments(&[options], path, &[], wav)).map(drop)
}

/// ffmpeg, from the shape's WAV.
fn ffmpeg(path: &Path, shape: &Shape, options: &[&str]) -> Result<(), Error> {
    let input = Input::new(path, shape)?;
    let fixed: &[&str] = &["-v", "error", "-nostdin", "-y", "-i"];
    run("ffmpeg", &arguments(&[fixed], &input.0, options, path)).map(drop)
}

/// AIFF, by ffmpeg: 8, 16, 24 or 32 bits.
///
/// # Errors
/// When ffmpeg isn't there or fails.
pub fn aiff(path: &Path, shape: &Shape) -> Result<(), Error> {
    let codec = match shape.bits {
        8 => "pcm_s8",
        16 => "pcm_s16be",
        24 => "pcm_s24be",
        _ => "pcm_s32be",
    };
    ffmpeg(path, shape, &["-f", "aiff", "-c:a", codec])
}

/// ALAC in MP4, by ffmpeg: 16 or 24 bits.
///
/// # Errors
/// When ffmpeg isn't there or fails.
pub fn alac(path: &Path, shape: &Shape) -> Result<(), Error> {
    ffmpeg(path, shape, &["-f", "ipod", "-c:a", "alac"])
}

/// AAC-LC in MP4, by ffmpeg.
///
/// # Errors
/// When ffmpeg isn't there or fails.
pub fn aac(path: &Path, shape: &Shape) -> Result<(), Error> {
    ffmpeg(path, shape, &["-f", "ipod", "-c:a", "aac", "-b:a", "192k"])
}

/// MP3 with a LAME tag, by lame: 16-bit mono or stereo.
///
/// # Errors
/// When lame isn't there or fails.
pub fn mp3(path: &Path, shape: &Shape) -> Result<(), Error> {
    let input = Input::new(path, shape)?;
    let fixed: &[&str] = &["--silent", "-b", "192"];
    run("lame", &arguments(&[fixed], &input.0, &[], path)).map(drop)
}

/// MP3 of one bit rate without any tag, by lame: 16-bit mono or stereo.
///
/// # Errors
/// When lame isn't there or fails.
pub fn mp3_without_tag(path: &Path, shape: &Shape) -> Result<(), Error> {
    let input = Input::new(path, shape)?;
    let fixed: &[&str] = &["--silent", "-t", "-b", "192"];
    run("lame", &arguments(&[fixed], &input.0, &[], path)).map(drop)
}

/// Ogg Vorbis, by oggenc.
///
/// # Errors
/// When oggenc isn't there or fails.
pub fn vorbis(path: &Path, shape: &Shape) -> Result<(), Error> {
    let input = Input::new(path, shape)?;
    let fixed: &[&str] = &["--quiet", "--serial", "1", "-o"];
    run("oggenc", &arguments(&[fixed], path, &[], &input.0)).map(drop)
}
