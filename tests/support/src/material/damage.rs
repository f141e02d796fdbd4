//! Files that are not what they should be.
use std::path::Path;

use super::{Error, write};

/// Reads a file, naming it when that fails.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Io(path.display().to_string(), error))
}

/// Keeps only the first `thousandths` of a file's bytes.
///
/// # Errors
/// When it can't be read or written.
pub fn truncate(path: &Path, thousandths: usize) -> Result<(), Error> {
    let bytes = read(path)?;
    write(path, &bytes[..bytes.len() * thousandths.min(1000) / 1000])
}

/// Inverts `count` bytes from the given thousandth of the file on.
///
/// # Errors
/// When it can't be read or written.
pub fn corrupt(path: &Path, thousandth: usize, count: usize) -> Result<(), Error> {
    let mut bytes = read(path)?;
    let from = bytes.len() * thousandth.min(1000) / 1000;
    for byte in bytes.iter_mut().skip(from).take(count) {
        *byte = !*byte;
    }
    write(path, &bytes)
}

/// Writes the second file's bytes behind the first's.
///
/// # Errors
/// When one can't be read or written.
pub fn append(path: &Path, more: &Path) -> Result<(), Error> {
    let mut bytes = read(path)?;
    bytes.extend(read(more)?);
    write(path, &bytes)
}

/// Says in a FLAC file's STREAMINFO that its length and MD5 are unknown, as a streaming encoder leaves them (RFC 9639, 8.2).
///
/// # Errors
/// When it can't be read or written, or isn't FLAC.
pub fn flac_without_totals(path: &Path) -> Result<(), Error> {
    let mut bytes = read(path)?;
    // "fLaC", block header (4), then 13 bytes; 36 bits of total samples from the low half of byte 21 on; MD5 from byte 26.
    if bytes.len() < 42 || !bytes.starts_with(b"fLaC") {
        return Err(Error::Unexpected(format!("{}: not FLAC", path.display())));
    }
    bytes[21] &= 0xf0;
    bytes[22..42].fill(0);
    write(path, &bytes)
}

/// Keeps only a FLAC file's metadata, which says nothing of a length: a good beginning and a good end (RFC 9639, 8).
///
/// # Errors
/// When it can't be read or written, or isn't FLAC.
pub fn flac_without_frames(path: &Path) -> Result<(), Error> {
    flac_without_totals(path)?;
    let bytes = read(path)?;
    let mut end = 4;
    while let Some(&[kind, a, b, c]) = bytes.get(end..).and_then(|rest| rest.first_chunk()) {
        end += 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        // The last block says so.
        if kind & 0x80 != 0 {
            break;
        }
    }
    write(path, &bytes[..end.min(bytes.len())])
}

/// Puts a wrong MD5 into a FLAC file's STREAMINFO.
///
/// # Errors
/// When it can't be read or written, or isn't FLAC.
pub fn flac_with_wrong_md5(path: &Path) -> Result<(), Error> {
    let mut bytes = read(path)?;
    if bytes.len() < 42 || !bytes.starts_with(b"fLaC") {
        return Err(Error::Unexpected(format!("{}: not FLAC", path.display())));
    }
    for byte in &mut bytes[26..42] {
        *byte = !*byte;
    }
    write(path, &bytes)
}

/// Text under an audio file's name.
///
/// # Errors
/// When it can't be written.
pub fn not_audio(path: &Path) -> Result<(), Error> {
    let line = b"<!DOCTYPE html><html><body>Your session has ended.</body></html>\n";
    write(path, &line.repeat(200))
}

/// Bytes that are no format at all.
///
/// # Errors
/// When it can't be written.
pub fn noise(path: &Path, length: usize) -> Result<(), Error> {
    let mut noise = super::Noise(7);
    let bytes: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
    write(path, &bytes)
}

/// A file without a byte.
///
/// # Errors
/// When it can't be written.
pub fn empty(path: &Path) -> Result<(), Error> {
    write(path, b"")
}
