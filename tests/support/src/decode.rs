//! Reference decoding by programs that share no code with ours: `flac` for FLAC, ffmpeg for everything else.
use std::path::Path;

use crate::digest::SampleMd5;
use crate::tool::{Error, run};

/// A decoded track.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Frames a second, Hz.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Significant bits of an integer source; `None` for lossy and float ones.
    pub bits: Option<u16>,
    /// Interleaved and right-justified; for lossy and float sources 32 bits wide.
    pub samples: Vec<i32>,
}

/// How a sound card wants its samples; little-endian all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// S16_LE: 16 bits.
    S16,
    /// S24_3LE: 24 bits in 3 bytes.
    S24Packed,
    /// S24_LE: 24 bits, right-justified and sign-extended in 4 bytes.
    S24,
    /// S32_LE: 32 bits.
    S32,
}

impl Reference {
    /// Length in frames.
    #[must_use]
    pub fn frames(&self) -> u64 {
        (self.samples.len() / usize::from(self.channels).max(1)) as u64
    }

    /// The MD5 that a FLAC file of this holds; `None` for lossy and float sources.
    #[must_use]
    pub fn md5(&self) -> Option<String> {
        let mut digest = SampleMd5::new(self.bits?);
        digest.extend(self.samples.iter().copied());
        Some(digest.finish())
    }

    /// The bytes of a sound card that takes this layout and all bits of the source; `None` if it is narrower.
    #[must_use]
    pub fn packed(&self, layout: Layout) -> Option<Vec<u8>> {
        let (width, bytes) = match layout {
            Layout::S16 => (16, 2),
            Layout::S24Packed => (24, 3),
            Layout::S24 => (24, 4),
            Layout::S32 => (32, 4),
        };
        let shift = u16::checked_sub(width, self.bits?)?;
        let mut packed = Vec::with_capacity(self.samples.len() * bytes);
        for sample in &self.samples {
            packed.extend_from_slice(&(sample << shift).to_le_bytes()[..bytes]);
        }
        Some(packed)
    }
}

/// Decodes a file.
///
/// # Errors
/// When it isn't audio, is damaged, or a program is missing.
pub fn reference(path: &Path) -> Result<Reference, Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::Io(path.display().to_string(), error))?;
    if bytes.starts_with(b"fLaC") {
        return by_flac(path);
    }
    by_ffmpeg(path)
}

/// `flac -d`, which also checks STREAMINFO's MD5, into a WAV on its standard output.
fn by_flac(path: &Path) -> Result<Reference, Error> {
    let options = ["--decode", "--totally-silent", "--stdout"];
    let mut arguments: Vec<_> = options.iter().map(std::ffi::OsStr::new).collect();
    arguments.push(path.as_os_str());
    let wav = run("flac", &arguments)?;
    parse_wav(&wav).ok_or_else(|| Error::Unexpected(format!("{}: flac wrote no WAV", path.display())))
}

/// The WAV that `flac` writes: valid bits are the container's upper ones.
fn parse_wav(wav: &[u8]) -> Option<Reference> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(wav.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(wav.get(at..at + 4)?.try_into().ok()?));
    let mut at = 12;
    let mut found = None;
    loop {
        let size = u32_at(at + 4)? as usize;
        match wav.get(at..at + 4)? {
            b"fmt " => {
                let container = u16_at(at + 22)?;
                let bits = if u16_at(at + 8)? == 0xfffe { u16_at(at + 26)? } else { container };
                found = Some((u16_at(at + 10)?, u32_at(at + 12)?, container, bits));
            }
            b"data" => {
                let (channels, rate, container, bits) = found?;
                let bytes = usize::from(container / 8);
                // Size 0: `flac` didn't know the length, and its output can't be gone back in.
                let end = if size == 0 { wav.len() } else { at + 8 + size };
                let data = wav.get(at + 8..end.min(wav.len()))?;
                let samples = data.chunks_exact(bytes).map(|chunk| {
                    let mut left = [0; 4];
                    left[4 - bytes..].copy_from_slice(chunk);
                    if bytes == 1 {
                        left[3] ^= 0x80;
                    }
                    i32::from_le_bytes(left) >> (32 - bits)
                });
                return Some(Reference { rate, channels, bits: Some(bits), samples: samples.collect() });
            }
            _ => {}
        }
        at += 8 + size + size % 2;
    }
}

/// ffprobe for the shape, ffmpeg for the samples.
fn by_ffmpeg(path: &Path) -> Result<Reference, Error> {
    let odd = |what: &str| Error::Unexpected(format!("{}: ffprobe tells no {what}", path.display()));
    let options = "-v error -select_streams a:0 -show_streams -of json";
    let mut arguments: Vec<_> = options.split(' ').map(std::ffi::OsStr::new).collect();
    arguments.push(path.as_os_str());
    let told = run("ffprobe", &arguments)?;
    let told: serde_json::Value = serde_json::from_slice(&told).map_err(|_| odd("JSON"))?;
    let stream = &told["streams"][0];
    let number = |key: &str| match &stream[key] {
        serde_json::Value::String(text) => text.parse::<u32>().ok(),
        value => value.as_u64().and_then(|value| value.try_into().ok()),
    };
    let rate = number("sample_rate").ok_or_else(|| odd("rate"))?;
    let channels = number("channels").ok_or_else(|| odd("channels"))? as u16;
    let codec = stream["codec_name"].as_str().ok_or_else(|| odd("codec"))?;
    let integer = codec == "alac" || (codec.starts_with("pcm_") && !codec.starts_with("pcm_f"));
    let bits = ["bits_per_raw_sample", "bits_per_sample"]
        .iter()
        .find_map(|key| number(key).filter(|bits| (1..=32).contains(bits)));
    let bits = bits.filter(|_| integer).map(|bits| bits as u16);
    let mut arguments: Vec<&std::ffi::OsStr> =
        ["-v", "error", "-nostdin", "-i"].iter().map(std::ffi::OsStr::new).collect();
    arguments.push(path.as_os_str());
    arguments.extend("-map a:0 -f s32le -c:a pcm_s32le -".split(' ').map(std::ffi::OsStr::new));
    let raw = run("ffmpeg", &arguments)?;
    let shift = 32 - bits.unwrap_or(32);
    let samples =
        raw.chunks_exact(4).map(|chunk| i32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) >> shift);
    Ok(Reference { rate, channels, bits, samples: samples.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_left_justifies_and_refuses_to_narrow() {
        let track = Reference { rate: 44_100, channels: 1, bits: Some(12), samples: vec![-1, 0x123] };
        let bytes = |layout| track.packed(layout).expect("wide enough");
        assert_eq!(bytes(Layout::S16), [0xf0, 0xff, 0x30, 0x12]);
        assert_eq!(bytes(Layout::S24Packed), [0, 0xf0, 0xff, 0, 0x30, 0x12]);
        assert_eq!(bytes(Layout::S24), [0, 0xf0, 0xff, 0xff, 0, 0x30, 0x12, 0]);
        assert_eq!(bytes(Layout::S32), [0, 0, 0xf0, 0xff, 0, 0, 0x30, 0x12]);
        let wide = Reference { bits: Some(24), ..track };
        assert_eq!(wide.packed(Layout::S16), None);
    }
}
