//! DSD to PCM: for DACs that take neither DSD nor DoP.
//!
//! Two filters of linear phase. The first goes from bits to a middle rate of 352.8 kHz, in one step from any bit rate;
//! the last one shapes the band and goes on to 352.8, 176.4 or 88.2 kHz. (All frequencies here are those of the 44.1 kHz
//! family; in that of 48 kHz all are 48/44.1 as high.)
//!
//! | | to 352.8 and 176.4 kHz | to 88.2 kHz |
//! |---|---|---|
//! | flat from 0 Hz to | 30 kHz, within 0.013 dB | 20 kHz, within 0.004 dB |
//! | -3 dB at | 50 kHz | 30 kHz |
//! | stops from | 78 kHz on | 44.1 kHz on: half the rate |
//! | what is folded onto 0 to 20 kHz, and the stop band | below -150 dB | below -147 dB |
//! | anything that is folded | below -141 dB | below -145 dB |
//! | delay: bits that a frame waits for behind its own time | 43/352.8 kHz = 0.12 ms | 79/352.8 kHz = 0.22 ms |
//!
//! `tests/decimate` measures this on the code that runs. `docs/dsd-to-pcm.md` shows the responses, and argues the design.
//!
//! **Noise.** Taps and samples are integers of 32 bits, sums are exact, and there is one rounding, to 32 bits, in the end:
//! an error of half a step of 2^-31. All that a modulated tone has beside it from 20 Hz to 20 kHz is below -170 dB of
//! full scale. Dither belongs where the frames are narrowed, to [`Packer`](crate::Packer).
//!
//! **Level.** [`Level::Modulation`] never limits what a modulator makes; see there.
//!
//! **Time.** The first frame stands for the moment at which the first bit begins, frame *n* for that at which bit *n*
//! times [`Conversion::bits_per_frame`] does. Before the first bit and behind the last there is silence. A track has
//! [`Conversion::frames`] frames, the last of which [`Decimator::finish`] gets. Where a track follows another one without
//! a gap, nothing is finished, and the conversion goes on. A seek is a [`Decimator::reset`].
//!
//! A [`Decimator`] is of one channel. It has all its state in itself (about 4 KiB) and allocates nothing.

mod bits;
mod coefficients;
mod conversion;
mod isa;
mod line;
mod simd;
mod table;

use bits::Bits;
use line::Line;
use simd::Simd;

use crate::{BitOrder, Cpu};

pub use conversion::Conversion;

/// What full scale is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// A modulation of 100 %, all bits alike. What the Scarlet Book calls 0 dB, a sine that modulates by 50 %, comes out at
    /// -6.02 dB of full scale, and the highest peaks that it allows (+3.1 dB) at -2.9 dB. That is room for what the
    /// modulator's own noise adds, so that nothing of a valid album is limited; and it is how loud the same album is
    /// when the DAC takes DSD, which most DACs play 6 dB below their full scale.
    #[default]
    Modulation,
    /// 0 dB of the Scarlet Book: 6.02 dB louder, as loud as PCM albums are. What is above it is limited, and with DSD64
    /// the modulator's noise between 20 and 50 kHz can be above it already when the music reaches 0 dB.
    ScarletBook,
}

impl Level {
    /// By how many bits sums of products (Q31 times Q31) are shifted.
    const fn shift(self) -> u32 {
        match self {
            Self::Modulation => 31,
            Self::ScarletBook => 30,
        }
    }
}

/// How far a call of [`Decimator::convert`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the input.
    pub bytes: usize,
    /// Samples written to the output.
    pub frames: usize,
}

/// Converts one channel.
#[derive(Clone, Debug)]
pub struct Decimator {
    conversion: Conversion,
    order: BitOrder,
    level: Level,
    simd: Simd,
    bits: Bits,
    line: Line,
    /// Bytes taken since the start.
    taken: u64,
    /// Frames made since the start.
    made: u64,
}

impl Decimator {
    /// At the start of a track, with the best kernels that `cpu` has.
    #[must_use]
    pub const fn new(conversion: Conversion, order: BitOrder, level: Level, cpu: Cpu) -> Self {
        let (simd, line) = (Simd::of(cpu), Line::new(conversion.step));
        Self { conversion, order, level, simd, bits: Bits::NEW, line, taken: 0, made: 0 }
    }

    /// Forgets what came before: after a seek, or [`finish`](Self::finish).
    pub const fn reset(&mut self) {
        (self.bits, self.line) = (Bits::NEW, Line::new(self.conversion.step));
        (self.taken, self.made) = (0, 0);
    }

    /// Converts until the bytes are used up, or `out` is full and no more bytes can be held; to be called again with the
    /// bytes that are left. The frames are the same however a track is cut into calls.
    pub fn convert(&mut self, dsd: &[u8], out: &mut [i32]) -> Progress {
        let Conversion { block, step } = self.conversion;
        let mut progress = Progress::default();
        loop {
            let rest = out.get_mut(progress.frames..).unwrap_or_default();
            progress.frames += self.line.frames(step, self.level.shift(), self.simd, rest);
            let rest = dsd.get(progress.bytes..).unwrap_or_default();
            let done = self.bits.run(block, self.order, self.simd, rest, self.line.room());
            if done.bytes == 0 {
                break;
            }
            self.line.put(done.samples);
            progress.bytes += done.bytes;
        }
        self.taken = self.taken.saturating_add(progress.bytes as u64);
        self.made = self.made.saturating_add(progress.frames as u64);
        progress
    }

    /// Makes the frames that still wait for bits: silence follows. Returns how many fit into `out`; 0 when there are no more,
    /// and the only thing left to do is [`reset`](Self::reset).
    pub fn finish(&mut self, out: &mut [i32]) -> usize {
        let left = self.conversion.frames(self.taken).saturating_sub(self.made);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let out = out.get_mut(..wanted).unwrap_or_default();
        let mut made = 0;
        while made < wanted {
            let room = self.line.room();
            self.bits.drain(self.order, room);
            let filled = room.len();
            self.line.put(filled);
            let rest = out.get_mut(made..).unwrap_or_default();
            made += self.line.frames(self.conversion.step, self.level.shift(), self.simd, rest);
        }
        self.made = self.made.saturating_add(made as u64);
        made
    }
}
