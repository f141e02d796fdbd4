//! A DSF file to measure with.
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use support::material::{DSF_BLOCK, DsfLayout};

/// Its bits per second and channel: DSD512.
pub(super) const BIT_RATE: u32 = 22_579_200;
/// Bytes of a channel in a row.
pub(super) const BLOCK: usize = DSF_BLOCK;
/// Where the audio begins.
pub(super) const HEADER: u64 = 28 + 52 + 12;

/// Writes so many seconds of noise in stereo.
pub(super) fn write(path: &Path, seconds: u32) -> std::io::Result<()> {
    let blocks = u64::from(BIT_RATE) * u64::from(seconds) / 8 / BLOCK as u64;
    let audio = blocks * 2 * BLOCK as u64;
    let mut file = BufWriter::new(File::create(path)?);
    let samples = blocks * BLOCK as u64 * 8;
    file.write_all(&DsfLayout { rate: BIT_RATE, channels: 2, samples, audio, tag: 0 }.header())?;
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
