//! A DSF file to measure with (Sony, "DSF File Format Specification 1.01"): chunks `DSD `, `fmt `, `data`.
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// Its bits per second and channel: DSD512.
pub(super) const BIT_RATE: u32 = 22_579_200;
/// Bytes of a channel in a row.
pub(super) const BLOCK: usize = 4096;
/// Where the audio begins.
pub(super) const HEADER: u64 = 28 + 52 + 12;

/// Writes so many seconds of noise in stereo.
pub(super) fn write(path: &Path, seconds: u32) -> std::io::Result<()> {
    let blocks = u64::from(BIT_RATE) * u64::from(seconds) / 8 / BLOCK as u64;
    let audio = blocks * 2 * BLOCK as u64;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"DSD ")?;
    for value in [28, HEADER + audio, 0] {
        file.write_all(&value.to_le_bytes())?;
    }
    file.write_all(b"fmt ")?;
    file.write_all(&52_u64.to_le_bytes())?;
    // Version 1, raw, stereo, 2 channels, the rate, 1: the least significant bit comes first.
    for value in [1, 0, 2, 2, BIT_RATE, 1] {
        file.write_all(&value.to_le_bytes())?;
    }
    file.write_all(&(blocks * BLOCK as u64 * 8).to_le_bytes())?;
    for value in [BLOCK as u32, 0] {
        file.write_all(&value.to_le_bytes())?;
    }
    file.write_all(b"data")?;
    file.write_all(&(12 + audio).to_le_bytes())?;
    let noise = noise(2 * BLOCK);
    for _ in 0..blocks {
        file.write_all(&noise)?;
    }
    file.flush()
}

/// Bytes that look random.
pub(super) fn noise(bytes: usize) -> Vec<u8> {
    let byte = |n: usize| ((n as u32).wrapping_mul(0x9e37_79b9) >> 13) as u8;
    (0..bytes).map(byte).collect()
}
