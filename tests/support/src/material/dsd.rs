//! One-bit streams, and the containers around them: DSF (Sony, "DSF File Format Specification 1.01") and DSDIFF (Philips,
//! "DSDIFF File Format 1.5"), written from the specifications.
use std::path::Path;

use super::{DSF_BLOCK as BLOCK, DsfLayout, Error, write};

/// What a track of DSD holds. The same shape always gives the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DsdShape {
    /// Bits per second and channel, Hz: 2 822 400 is DSD64.
    pub rate: u32,
    /// Channels, 1 to 8.
    pub channels: u16,
    /// Length in bytes of each channel.
    pub bytes: u32,
    /// Tells tracks of one shape apart.
    pub seed: u32,
}

/// How samples of DSD lie on the wire, for [`DsdShape::wire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DsdWire {
    /// Words of so many bytes, the oldest byte first.
    Big(usize),
    /// Words of so many bytes, the latest byte first.
    Little(usize),
    /// DoP in S24_3LE.
    DopPacked,
    /// DoP in S32_LE.
    Dop32,
}

impl DsdShape {
    /// A stereo track at so many times 44 100 Hz.
    #[must_use]
    pub fn stereo(multiple: u32, bytes: u32) -> Self {
        Self { rate: 44_100 * multiple, channels: 2, bytes, seed: 1 }
    }

    /// This shape with other channels.
    #[must_use]
    pub fn channels(self, channels: u16) -> Self {
        Self { channels, ..self }
    }

    /// This shape with another seed.
    #[must_use]
    pub fn seed(self, seed: u32) -> Self {
        Self { seed, ..self }
    }

    /// The sine of one channel: its pitch, Hz, and its phase at the first bit, radians.
    #[must_use]
    pub fn tone(&self, channel: u16) -> (f64, f64) {
        let pitch = f64::from(300 + 170 * u32::from(channel) + self.seed % 97);
        (pitch, f64::from(self.seed) + f64::from(channel))
    }

    /// The bytes of one channel, the oldest bit most significant: a sine of a pitch of its own at half scale, through a
    /// sigma-delta modulator of second order.
    #[must_use]
    pub fn channel(&self, channel: u16) -> Vec<u8> {
        let (pitch, start) = self.tone(channel);
        let step = pitch * std::f64::consts::TAU / f64::from(self.rate);
        let (mut first, mut second, mut output) = (0.0, 0.0, 1.0);
        let mut bit = |n: u32| {
            let level = 0.5 * f64::from(n).mul_add(step, start).sin();
            first += level - output;
            second += first - 2.0 * output;
            output = if second >= 0.0 { 1.0 } else { -1.0 };
            u8::from(output > 0.0)
        };
        (0..self.bytes).map(|byte| (0..8).fold(0, |bits, n| bits << 1 | bit(byte * 8 + n))).collect()
    }

    /// All bytes, one of each channel in turn, the oldest bit most significant: what `tests/play` takes the MD5 of.
    #[must_use]
    pub fn interleaved(&self) -> Vec<u8> {
        let channels: Vec<_> = (0..self.channels).map(|channel| self.channel(channel)).collect();
        (0..self.bytes as usize).flat_map(|n| channels.iter().map(move |channel| channel[n])).collect()
    }

    /// Their MD5.
    #[must_use]
    pub fn md5(&self) -> String {
        crate::digest::md5(&self.interleaved())
    }

    /// Frames that the track takes on a wire.
    #[must_use]
    pub fn frames(&self, wire: DsdWire) -> u64 {
        u64::from(self.bytes).div_ceil(wire.word() as u64)
    }

    /// The bytes of a sound card that gets this, the last word filled with silence. DoP begins with 0x05.
    #[must_use]
    pub fn wire(&self, wire: DsdWire) -> Vec<u8> {
        wire.lay((0..self.channels).map(|channel| self.channel(channel)).collect())
    }
}

impl DsdWire {
    /// The bytes of a sound card that gets these channels, all of one length.
    #[must_use]
    pub fn lay(self, mut channels: Vec<Vec<u8>>) -> Vec<u8> {
        let frames = channels.first().map_or(0, Vec::len).div_ceil(self.word());
        let mut bytes = Vec::new();
        for channel in &mut channels {
            channel.resize(frames * self.word(), 0x69);
        }
        for frame in 0..frames {
            let marker = if frame % 2 == 0 { 0x05 } else { 0xfa };
            for channel in &channels {
                let word = &channel[frame * self.word()..][..self.word()];
                match self {
                    Self::Big(_) => bytes.extend_from_slice(word),
                    Self::Little(_) => bytes.extend(word.iter().rev()),
                    Self::DopPacked => bytes.extend([word[1], word[0], marker]),
                    Self::Dop32 => bytes.extend([0, word[1], word[0], marker]),
                }
            }
        }
        bytes
    }

    /// Bytes of each channel in a frame.
    #[must_use]
    pub fn word(self) -> usize {
        match self {
            Self::Big(bytes) | Self::Little(bytes) => bytes,
            Self::DopPacked | Self::Dop32 => 2,
        }
    }
}

/// Writes a DSF file with a tag behind the audio; the blocks' padding isn't silence, so that it shows where it is played.
///
/// # Errors
/// When it can't be written.
pub fn dsf(path: &Path, shape: &DsdShape) -> Result<(), Error> {
    write(path, &dsf_bytes(shape, u64::from(shape.bytes) * 8))
}

/// A DSF file that says it has so many samples.
#[must_use]
pub fn dsf_bytes(shape: &DsdShape, samples: u64) -> Vec<u8> {
    let mut data = Vec::new();
    let channels: Vec<_> = (0..shape.channels).map(|channel| shape.channel(channel)).collect();
    for group in 0..(shape.bytes as usize).div_ceil(BLOCK) {
        for channel in &channels {
            let mut block: Vec<u8> =
                channel.iter().skip(group * BLOCK).take(BLOCK).map(|byte| byte.reverse_bits()).collect();
            block.resize(BLOCK, 0xff);
            data.extend(block);
        }
    }
    let tag = b"ID3\x03\0\0\0\0\0\x14TIT2\0\0\0\x0a\0\0\0A title   ";
    let DsdShape { rate, channels, .. } = *shape;
    let layout = DsfLayout { rate, channels, samples, audio: data.len() as u64, tag: tag.len() as u64 };
    let mut file = layout.header();
    file.extend(data);
    file.extend(tag);
    file
}

/// Writes a DSDIFF file with a title behind the audio.
///
/// # Errors
/// When it can't be written.
pub fn dff(path: &Path, shape: &DsdShape) -> Result<(), Error> {
    let size = u64::from(shape.bytes) * u64::from(shape.channels);
    write(path, &dff_bytes(shape, *b"DSD ", size))
}

/// A DSDIFF file that names this compression, and says that its audio takes so many bytes.
#[must_use]
pub fn dff_bytes(shape: &DsdShape, compression: [u8; 4], size: u64) -> Vec<u8> {
    let mut names = shape.channels.to_be_bytes().to_vec();
    for channel in 0..shape.channels {
        names.extend(match (shape.channels, channel) {
            (6, 0) => *b"MLFT",
            (6, 1) => *b"MRGT",
            (_, 0) => *b"SLFT",
            (_, 1) => *b"SRGT",
            (_, 2) => *b"C   ",
            (_, 3) => *b"LFE ",
            (_, 4) => *b"LS  ",
            (_, 5) => *b"RS  ",
            (_, n) => [b'C', b'0', b'0', b'0' + n as u8],
        });
    }
    let mut properties = b"SND ".to_vec();
    properties.extend(chunk(*b"FS  ", &shape.rate.to_be_bytes()));
    properties.extend(chunk(*b"CHNL", &names));
    let mut kind = compression.to_vec();
    kind.extend(b"\x0enot compressed\0");
    properties.extend(chunk(*b"CMPR", &kind));
    let mut form = b"DSD ".to_vec();
    form.extend(chunk(*b"FVER", &[1, 5, 0, 0]));
    form.extend(chunk(*b"PROP", &properties));
    let audio = chunk(compression, &shape.interleaved());
    form.extend(&audio[..4]);
    form.extend(size.to_be_bytes());
    form.extend(&audio[12..]);
    form.extend(chunk(*b"DIIN", &chunk(*b"DITI", b"\0\0\0\x07A title")));
    chunk(*b"FRM8", &form)
}

fn chunk(id: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = id.to_vec();
    chunk.extend((content.len() as u64).to_be_bytes());
    chunk.extend(content);
    if content.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::run;

    #[test]
    fn the_modulator_follows_its_sine() {
        let shape = DsdShape::stereo(64, 40_000);
        // The mean of many bits is the level: over a period's quarters it has the sine's sign.
        let bytes = shape.channel(0);
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        let mean = f64::from(ones) / f64::from(shape.bytes * 8);
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        let loudest = bytes.chunks(128).map(|part| part.iter().map(|byte| byte.count_ones()).sum::<u32>()).max();
        assert!(loudest.is_some_and(|ones| ones > 128 * 8 * 7 / 10), "{loudest:?}");
        assert_ne!(bytes, shape.channel(1));
        assert_ne!(bytes, shape.seed(2).channel(0));
    }

    /// ffmpeg reads both containers: it must find what is said to be in them, bit for bit.
    #[test]
    fn others_read_the_containers() {
        let dir = tempfile::tempdir().expect("temporary directory");
        for channels in [1, 2, 6] {
            let shape = DsdShape::stereo(64, 12_288).channels(channels);
            for (name, writer) in [("a.dsf", dsf as fn(&Path, &DsdShape) -> Result<(), Error>), ("a.dff", dff)] {
                let path = dir.path().join(name);
                writer(&path, &shape).expect("written");
                let mut arguments: Vec<&std::ffi::OsStr> =
                    ["-v", "error", "-nostdin", "-i"].iter().map(std::ffi::OsStr::new).collect();
                arguments.push(path.as_os_str());
                arguments.extend("-map a:0 -c:a copy -f data -".split(' ').map(std::ffi::OsStr::new));
                let raw = run("ffmpeg", &arguments).expect("ffmpeg");
                let planar: Vec<u8> = if name == "a.dsf" {
                    // Packets hold a block of each channel, as the file does.
                    let per_channel = |channel: u16| -> Vec<u8> {
                        raw.chunks(BLOCK).skip(channel.into()).step_by(channels.into()).flatten().copied().collect()
                    };
                    let channels: Vec<_> = (0..channels).map(per_channel).collect();
                    (0..shape.bytes as usize)
                        .flat_map(|n| channels.iter().map(move |channel| channel[n].reverse_bits()))
                        .collect()
                } else {
                    raw
                };
                assert_eq!(crate::digest::md5(&planar), shape.md5(), "{name} {channels}");
            }
        }
    }
}
