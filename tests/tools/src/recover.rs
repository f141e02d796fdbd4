//! The source's samples, out of the bytes that the sink received.
//!
//! Nothing here comes from the product: what it converts on the way in is undone by an independent reading of ALSA's formats.
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use sha2::{Digest as _, Sha256};
use support::digest::{SampleMd5, hex};

use crate::capture::Stream;

mod one_bit;

pub use one_bit::{Layout as OneBitLayout, OneBitSource, Shared, recover as recover_one_bit};

/// Frames that are handled at a time.
const CHUNK: usize = 16 * 1024;

/// A sample format of ALSA's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 16 bits.
    S16,
    /// 24 bits in 3 bytes.
    S24Packed,
    /// 24 bits, right-justified and sign-extended in 4 bytes.
    S24,
    /// 32 bits.
    S32,
}

impl Format {
    /// By ALSA's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "S16_LE" => Self::S16,
            "S24_3LE" => Self::S24Packed,
            "S24_LE" => Self::S24,
            "S32_LE" => Self::S32,
            _ => return None,
        })
    }

    /// Bytes a sample.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S24Packed => 3,
            Self::S24 | Self::S32 => 4,
        }
    }

    /// Significant bits.
    #[must_use]
    pub fn bits(self) -> u16 {
        match self {
            Self::S16 => 16,
            Self::S24Packed | Self::S24 => 24,
            Self::S32 => 32,
        }
    }

    /// One sample, right-justified; `None` if S24's upper byte isn't its sign.
    fn sample(self, bytes: &[u8]) -> Option<i32> {
        let mut left = [0; 4];
        let used = self.bytes().min(bytes.len());
        left[4 - used..].copy_from_slice(&bytes[..used]);
        let value = i32::from_le_bytes(left);
        match self {
            Self::S16 => Some(value >> 16),
            Self::S24Packed => Some(value >> 8),
            Self::S24 => (value << 8 >> 8 == value).then_some(value),
            Self::S32 => Some(value),
        }
    }
}

/// An integer source whose samples can be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Significant bits.
    pub bits: u16,
    /// Channels.
    pub channels: u16,
}

/// What a stretch of captured frames holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// SHA-256 of the bytes as they are.
    pub wire_sha256: String,
    /// MD5 of the source's samples; `None` if no source was given, it doesn't fit, or `fault` is set.
    pub md5: Option<String>,
    /// A bit or a channel that the source can't have caused.
    pub fault: Option<String>,
}

fn bad(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Frames of a captured stream.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// The first frame in its raw file.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// These parts, one after the other.
///
/// `source` is given if the wire holds all of it: then the samples are recovered, and bits below the source's and channels
/// beyond it are checked (a mono source may have been duplicated).
///
/// # Errors
/// When a raw file is shorter than that, can't be read, or has a format that isn't known.
pub fn recover(parts: &[Part<'_>], source: Option<Source>) -> io::Result<Recovered> {
    let mut sha = Sha256::new();
    let mut samples = source.map(|source| SampleMd5::new(source.bits));
    let (mut before, mut fault) = (0, None);
    for &Part { stream, start, end } in parts {
        let format = format_of(stream)?;
        let channels = usize::from(stream.channels);
        let mut check = source
            .filter(|source| source.bits <= format.bits() && (1..=32).contains(&source.bits))
            .filter(|source| source.channels == stream.channels || source.channels == 1)
            .zip(samples.take())
            .map(|(source, md5)| Check::new(format, channels, source, md5));
        frames(stream, format.bytes() * channels, start, end, |bytes, first| {
            sha.update(bytes);
            if let Some(check) = &mut check {
                check.feed(bytes, before + first - start);
            }
        })?;
        before += end.saturating_sub(start);
        if let Some(Check { md5, fault: own, .. }) = check {
            samples = Some(md5).filter(|_| own.is_none());
            fault = fault.or(own);
        }
    }
    Ok(Recovered { wire_sha256: hex(&sha.finalize()), md5: samples.map(SampleMd5::finish), fault })
}

/// Gives the frames `start..end` to `take`, in pieces, each with the number of its first.
fn frames(
    stream: &Stream,
    frame_bytes: usize,
    start: u64,
    end: u64,
    mut take: impl FnMut(&[u8], u64),
) -> io::Result<()> {
    let mut file = BufReader::new(File::open(&stream.file)?);
    file.seek(SeekFrom::Start(start * frame_bytes as u64))?;
    let mut buffer = vec![0; CHUNK * frame_bytes];
    let mut frame = start;
    while frame < end {
        let frames = usize::try_from(end - frame).unwrap_or(CHUNK).min(CHUNK);
        let bytes = &mut buffer[..frames * frame_bytes];
        file.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => bad(format!("{} ends before frame {end}", stream.file.display())),
            _ => error,
        })?;
        take(bytes, frame);
        frame += frames as u64;
    }
    Ok(())
}

/// The first frame of `start..end` that isn't silent.
///
/// # Errors
/// As for [`recover`].
pub fn first_sound(stream: &Stream, start: u64, end: u64) -> io::Result<Option<u64>> {
    if OneBitLayout::of(stream).is_some() {
        return one_bit::first_sound(stream, start, end);
    }
    let format = format_of(stream)?;
    let frame_bytes = (format.bytes() * usize::from(stream.channels)) as u64;
    let mut file = File::open(&stream.file)?;
    file.seek(SeekFrom::Start(start * frame_bytes))?;
    let mut file = BufReader::new(file.take(end.saturating_sub(start) * frame_bytes));
    let mut buffer = [0; 64 * 1024];
    let mut at = 0;
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(None);
        }
        // All PCM formats here are signed: silence is zero bytes.
        if let Some(sound) = buffer[..length].iter().position(|byte| *byte != 0) {
            return Ok(Some(start + (at + sound as u64) / frame_bytes));
        }
        at += length as u64;
    }
}

fn format_of(stream: &Stream) -> io::Result<Format> {
    Format::from_name(&stream.format)
        .filter(|_| stream.channels > 0)
        .ok_or_else(|| bad(format!("unknown sample format {}", stream.format)))
}

/// Follows the samples.
struct Check {
    format: Format,
    channels: usize,
    source: Source,
    /// Bits of the wire below the source's.
    dropped: u32,
    md5: SampleMd5,
    fault: Option<String>,
}

impl Check {
    fn new(format: Format, channels: usize, source: Source, md5: SampleMd5) -> Self {
        Self { format, channels, source, dropped: u32::from(format.bits() - source.bits), md5, fault: None }
    }

    /// Whole frames; `first` is the number of the first one within the track.
    fn feed(&mut self, bytes: &[u8], first: u64) {
        if self.fault.is_some() {
            return;
        }
        let width = self.format.bytes();
        let frames = bytes.chunks_exact(width * self.channels);
        for (frame, samples) in (first..).zip(frames) {
            let mut copied = None;
            for (channel, sample) in samples.chunks_exact(width).enumerate() {
                let Some(value) = self.format.sample(sample) else {
                    self.fault =
                        Some(format!("frame {frame}, channel {channel}: the upper byte of S24_LE isn't the sign"));
                    return;
                };
                if channel >= usize::from(self.source.channels) {
                    if copied != Some(value) {
                        self.fault =
                            Some(format!("frame {frame}: the added channel {channel} isn't its source's copy"));
                        return;
                    }
                    continue;
                }
                copied = copied.or(Some(value));
                let kept = value >> self.dropped;
                if kept << self.dropped != value {
                    self.fault = Some(format!(
                        "frame {frame}, channel {channel}: bits below the source's {} aren't 0",
                        self.source.bits
                    ));
                    return;
                }
                self.md5.push(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests;
