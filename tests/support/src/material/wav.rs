//! RIFF/WAVE, with the variants that are met: extensible, fewer valid bits than the container holds, float, streamed sizes
//! (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0" and WAVEFORMATEXTENSIBLE).
use std::path::Path;

use super::{DsdShape, DsdWire, Error, Shape, wav_format, write};

/// The `fmt ` chunk's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Extensible where the plain one can't say it: more than 2 channels, or bits that don't fill their bytes.
    Natural,
    /// Always WAVE_FORMAT_EXTENSIBLE.
    Extensible,
}

/// What the header says about sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// The truth.
    True,
    /// 0, as a server that streams may send.
    Zero,
    /// 0xFFFFFFFF, as ffmpeg writes into a pipe.
    Unknown,
}

/// Writes a well-formed file.
///
/// # Errors
/// When it can't be written.
pub fn wav(path: &Path, shape: &Shape) -> Result<(), Error> {
    wav_with(path, shape, Style::Natural, Sizes::True)
}

/// Writes a file of a certain kind.
///
/// # Errors
/// When it can't be written.
pub fn wav_with(path: &Path, shape: &Shape, style: Style, sizes: Sizes) -> Result<(), Error> {
    let bytes = crate::digest::bytes_per_sample(shape.bits);
    let shift = bytes * 8 - usize::from(shape.bits);
    let mut data = Vec::new();
    for sample in shape.samples() {
        // Valid bits are the container's upper ones; one byte is unsigned.
        let sample = sample << shift;
        if bytes == 1 {
            data.push((sample + 128) as u8);
        } else {
            data.extend_from_slice(&sample.to_le_bytes()[..bytes]);
        }
    }
    let extensible = style == Style::Extensible || shape.channels > 2 || shift != 0;
    write(path, &file(shape, bytes, 1, extensible, &data, sizes))
}

/// Writes IEEE float samples in ±1: `double` takes 64 bits each, else 32. `shape.bits` says how fine the values are.
///
/// # Errors
/// When it can't be written.
pub fn wav_float(path: &Path, shape: &Shape, double: bool) -> Result<(), Error> {
    let scale = 2_f64.powi(i32::from(shape.bits) - 1);
    let mut data = Vec::new();
    for sample in shape.samples() {
        let value = f64::from(sample) / scale;
        if double {
            data.extend_from_slice(&value.to_le_bytes());
        } else {
            data.extend_from_slice(&(value as f32).to_le_bytes());
        }
    }
    let bytes = if double { 8 } else { 4 };
    let shape = Shape { bits: bytes as u16 * 8, ..*shape };
    write(path, &file(&shape, bytes, 3, shape.channels > 2, &data, Sizes::True))
}

/// DSD over PCM, as a 24-bit file at a sixteenth of its rate.
///
/// # Errors
/// When it can't be written.
pub fn wav_dop(path: &Path, dsd: &DsdShape) -> Result<(), Error> {
    let frames = dsd.frames(DsdWire::DopPacked) as u32;
    let shape = Shape { rate: dsd.rate / 16, bits: 24, channels: dsd.channels, frames, seed: dsd.seed };
    write(path, &file(&shape, 3, 1, shape.channels > 2, &dsd.wire(DsdWire::DopPacked), Sizes::True))
}

/// PCM in which the two channels begin to differ at these frames as MQA's do, by the word that its packets begin with, in the
/// sixteenth bit from the top. Returns the samples, interleaved, right-justified.
///
/// # Errors
/// When it can't be written.
pub fn wav_mqa(path: &Path, shape: &Shape, at: &[u32]) -> Result<Vec<i32>, Error> {
    const SYNC: u64 = 0xb_e049_8c88;
    let (place, mut samples) = (shape.bits - 16, shape.samples());
    for (n, frame) in (0_u32..).zip(samples.as_chunks_mut::<2>().0) {
        let [left, right] = frame;
        // Before and behind it the channels are equal there.
        let inside = at.iter().find_map(|at| n.checked_sub(*at).filter(|n| *n < 36));
        let bit = inside.map_or(0, |n| SYNC >> (35 - n) & 1) as i32;
        *right = *right & !(1 << place) | (*left ^ bit << place) & 1 << place;
    }
    let bytes = crate::digest::bytes_per_sample(shape.bits);
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes().into_iter().take(bytes)).collect();
    write(path, &file(shape, bytes, 1, false, &data, Sizes::True))?;
    Ok(samples)
}

/// A whole file; `tag` is 1 for PCM, 3 for float.
fn file(shape: &Shape, bytes: usize, tag: u16, extensible: bool, data: &[u8], sizes: Sizes) -> Vec<u8> {
    let Shape { rate, channels, bits, .. } = *shape;
    let format = wav_format(rate, channels, bits, bytes as u16, tag, extensible);
    let padding = data.len() % 2;
    let riff = 4 + 8 + format.len() + 8 + data.len() + padding;
    let size = |truth: usize| match sizes {
        Sizes::True => truth as u32,
        Sizes::Zero => 0,
        Sizes::Unknown => u32::MAX,
    };
    let mut file = Vec::with_capacity(riff + 8);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&size(riff).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&(format.len() as u32).to_le_bytes());
    file.extend_from_slice(&format);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&size(data.len()).to_le_bytes());
    file.extend_from_slice(data);
    if sizes == Sizes::True {
        file.resize(file.len() + padding, 0);
    }
    file
}
