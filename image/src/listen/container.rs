//! What a file looks like around the bytes of the bus.
use support::material::{DSF_BLOCK, DsfLayout, wav_format};
use usb_dac::{Format, Setting};

/// Channels of a USB DAC that is a program.
const CHANNELS: u16 = 2;
/// Bytes of the chunk that a WAV file keeps free for sizes of 64 bits, its header included (EBU Tech 3306, 3.5).
const DS64: usize = 8 + 28;

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container {
    setting: Setting,
    /// Frames a second.
    rate: u32,
}

impl Container {
    pub(super) fn of(setting: Setting, rate: u32) -> Self {
        Self { setting, rate }
    }

    /// Bytes of a frame on the bus.
    pub(super) fn frame(self) -> usize {
        self.setting.frame()
    }

    /// Everything in front of the audio: of so many frames, which take so many bytes in the file. Its length is always the
    /// same.
    pub(super) fn header(self, frames: u64, audio: u64) -> Vec<u8> {
        let Setting { format, bytes, bits } = self.setting;
        if format == Format::Raw {
            let word = 8 * u32::from(bytes);
            let samples = frames * u64::from(word);
            return DsfLayout { rate: self.rate * word, channels: CHANNELS, samples, audio, tag: 0 }.header();
        }
        let format = wav_format(self.rate, CHANNELS, bits.into(), bytes.into(), 1, true);
        let riff = (4 + DS64 + 8 + format.len() + 8) as u64 + audio;
        // A size that says: it is in the other chunk.
        let is_long = riff >= u64::from(u32::MAX);
        let size = |size: u64| if is_long { u32::MAX } else { size as u32 }.to_le_bytes();
        let sizes = if is_long { [riff, audio, frames] } else { [0; 3] };
        [
            if is_long { b"RF64" } else { b"RIFF" },
            &size(riff)[..],
            b"WAVE",
            if is_long { b"ds64" } else { b"JUNK" },
            &(DS64 as u32 - 8).to_le_bytes(),
            sizes.map(u64::to_le_bytes).as_flattened(),
            // No table of other chunks' sizes.
            &[0; 4],
            b"fmt ",
            &(format.len() as u32).to_le_bytes(),
            &format,
            b"data",
            &size(audio),
        ]
        .concat()
    }

    /// Whole frames as they lie in the file; of DSD that is whole blocks, the last ones padded.
    pub(super) fn lay_out(self, frames: &[u8]) -> Vec<u8> {
        if self.setting.format == Format::Pcm {
            return frames.to_vec();
        }
        let word = usize::from(self.setting.bytes);
        // Words come with the oldest byte first, and bytes with the oldest bit most significant.
        let channel = |number: usize| -> Vec<u8> {
            let words = frames.chunks_exact(word).skip(number).step_by(CHANNELS.into());
            words.flatten().map(|byte| byte.reverse_bits()).collect()
        };
        let channels: Vec<_> = (0..CHANNELS.into()).map(channel).collect();
        let length = channels.iter().map(Vec::len).max().unwrap_or(0);
        let mut blocks = Vec::new();
        for start in (0..length).step_by(DSF_BLOCK) {
            for channel in &channels {
                let whole = blocks.len() + DSF_BLOCK;
                blocks.extend(channel.iter().skip(start).take(DSF_BLOCK));
                blocks.resize(whole, 0);
            }
        }
        blocks
    }
}
