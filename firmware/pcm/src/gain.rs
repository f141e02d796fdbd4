//! Gain, as the engine's real-time thread applies it while it copies from the ring to the DAC.
//!
//! Unity is a plain copy and silence is exact zeros, so that a volume of 100 % costs and changes nothing. Nothing here
//! allocates or panics, whatever the lengths of the slices.
//!
//! In between, samples of 16 and 24 bits are multiplied, dithered with TPDF noise and rounded once. 24 bits are multiplied in 64, of
//! which 7 behind the point are kept for the noise: what is cut off is 42 dB below the last bit. 16 bits need no product of 64:
//! the gain's upper 15 bits and its next 14 are multiplied by themselves, in 32, and 13 bits behind the point are kept. What that
//! lacks of the exact product is below 2^-12 of the last bit, 72 dB down: nothing, beside noise of that bit's size.
//!
//! 32 bits are multiplied in 64 and rounded without noise. The last bit is at -193 dB, some 60 dB below the thermal noise of the
//! best converters, which dithers it. A DAC that uses fewer bits than the format has (of 32 most use 24) cuts the others off by
//! itself; where that is known, see [`Scaler::with_bits`], what is scaled is rounded to the bits that it uses, with noise of their
//! size: of 32 bits to 24 at once, to other numbers in a second pass over the same bytes while they are in the first-level cache.

mod significant;

use crate::kernels::{Scaling, Slope, scaling, scaling_24_in_32};
use crate::silence::copy_muted;
use crate::{Cpu, MAX_CHANNELS, Tpdf, WireFormat};

/// A linear gain from silence to unity: Q31, so that the product with a 32-bit sample fits 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gain(u32);

impl Gain {
    /// Samples pass untouched.
    pub const UNITY: Self = Self(1 << Self::FRACTION);
    /// Samples become zero.
    pub const SILENCE: Self = Self(0);

    const FRACTION: u32 = 31;

    /// A volume setting: 100 % is unity, each percent below is 0.6 dB quieter (1 % is -59.4 dB), 0 % is silence.
    /// Values above 100 count as 100.
    #[must_use]
    pub const fn from_percent(percent: u8) -> Self {
        /// 10^(-0.6/20)
        const STEP: f64 = 0.933_254_300_796_991_1;
        if percent == 0 {
            return Self::SILENCE;
        }
        let mut gain = 1.0;
        let mut below = percent;
        while below < 100 {
            gain *= STEP;
            below += 1;
        }
        Self((gain * Self::UNITY.0 as f64) as u32)
    }

    /// As a factor from 0.0 to 1.0.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.0) / f64::from(Self::UNITY.0)
    }
}

/// A gain that changes without a click: linearly over a number of frames, then constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// The gain of the next frame, with [`Ramp::EXTRA`] more fractional bits than [`Gain`].
    now: i64,
    /// What a frame adds to it.
    step: i64,
    /// Frames until the target is reached.
    left: u32,
    target: Gain,
}

impl Ramp {
    /// So many that a step's rounding stays below 2^-31 of full scale over the longest ramp of 2^32 frames. The gain
    /// then takes 62 bits.
    const EXTRA: u32 = Slope::FRACTION - Gain::FRACTION;

    /// A constant gain.
    #[must_use]
    pub const fn constant(gain: Gain) -> Self {
        Self { now: (gain.0 as i64) << Self::EXTRA, step: 0, left: 0, target: gain }
    }

    /// Moves from the present gain to `target` over `frames` frames; at once if that is 0. Where the gain is there already
    /// nothing moves: a ramp is dithered, and what plays at unity must not be touched by being told to.
    pub const fn fade_to(&mut self, target: Gain, frames: u32) {
        if frames == 0 || self.now == (target.0 as i64) << Self::EXTRA {
            *self = Self::constant(target);
            return;
        }
        self.step = (((target.0 as i64) << Self::EXTRA) - self.now) / frames as i64;
        self.left = frames;
        self.target = target;
    }

    /// The gain that the ramp ends at.
    #[must_use]
    pub const fn target(&self) -> Gain {
        self.target
    }

    /// The gain that the next frame gets.
    #[must_use]
    pub const fn current(&self) -> Gain {
        Gain((self.now >> Self::EXTRA) as u32)
    }

    /// Frames until the target is reached; 0 when the gain is constant.
    #[must_use]
    pub const fn frames_left(&self) -> u32 {
        self.left
    }

    /// Whether samples pass untouched from here on.
    #[must_use]
    pub const fn is_unity(&self) -> bool {
        self.left == 0 && self.target.0 == Gain::UNITY.0
    }

    /// Whether samples are zero from here on.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.left == 0 && self.target.0 == 0
    }

    /// Moves on by `frames` without applying the gain to anything, as when silence is sent.
    pub const fn skip(&mut self, frames: u32) {
        if frames >= self.left {
            *self = Self::constant(self.target);
        } else {
            self.left -= frames;
            self.now += self.step * frames as i64;
        }
    }
}

/// Copies samples of the wire, scaled: the kernel for a format, chosen once.
///
/// DSD and DoP are never scaled: they are copied, or muted (DoP's markers stay) where the ramp ends in silence.
#[derive(Clone, Copy, Debug)]
pub struct Scaler {
    format: WireFormat,
    channels: u16,
    /// None for what isn't PCM.
    kernel: Option<Scaling>,
    /// The one for a DAC that uses 24 bits of 32.
    kernel_24: Option<Scaling>,
    /// Upper bits of a sample that the DAC uses, if those are fewer than the kernel leaves.
    fewer_bits: Option<u16>,
}

impl Scaler {
    /// For frames of so many channels, with the best kernel that `cpu` has.
    #[must_use]
    pub fn new(format: WireFormat, channels: u16, cpu: Cpu) -> Self {
        let (kernel, kernel_24) = (scaling(cpu, format), scaling_24_in_32(cpu, format));
        Self { format, channels, kernel, kernel_24, fewer_bits: None }
    }

    /// The same for a DAC that uses only so many of a sample's bits, the upper ones: what is scaled is dithered at that width. What
    /// isn't keeps all its bits. No more than the format has, and at least one.
    #[must_use]
    pub fn with_bits(self, bits: u16) -> Self {
        match (bits.max(1), self.kernel_24) {
            (24, Some(kernel)) => Self { kernel: Some(kernel), fewer_bits: None, ..self },
            (bits, _) => Self { fewer_bits: Some(bits).filter(|bits| *bits < self.format.bits()), ..self },
        }
    }

    /// Copies whole frames from `src` to `dst`, scaled by `ramp`; returns how many bytes were written: as many whole frames
    /// as fit both slices, and none if there are no channels, or more than [`MAX_CHANNELS`].
    pub fn copy(&self, src: &[u8], dst: &mut [u8], ramp: &mut Ramp, dither: &mut Tpdf) -> usize {
        let channels = usize::from(self.channels);
        if channels > MAX_CHANNELS {
            return 0;
        }
        let frame_bytes = self.format.bytes() * channels;
        let Some(frames) = src.len().min(dst.len()).checked_div(frame_bytes) else { return 0 };
        let total = frames * frame_bytes;
        let Some(kernel) = self.kernel else {
            if let (Some(src), Some(dst)) = (src.get(..total), dst.get_mut(..total)) {
                self.copy_bits(src, dst, ramp.target);
            }
            ramp.skip(u32::try_from(frames).unwrap_or(u32::MAX));
            return total;
        };
        let split = frames.min(ramp.left as usize) * frame_bytes;
        if let (Some(src), Some(dst)) = (src.get(..split), dst.get_mut(..split)) {
            self.scale(kernel, src, dst, ramp, dither);
        }
        if let (Some(src), Some(dst)) = (src.get(split..total), dst.get_mut(split..total)) {
            match ramp.target {
                Gain::UNITY => dst.copy_from_slice(src),
                Gain::SILENCE => dst.fill(0),
                _ => self.scale(kernel, src, dst, ramp, dither),
            }
        }
        total
    }

    /// One-bit streams as they are, or silence in their place; `src` and `dst` are of one length.
    fn copy_bits(&self, src: &[u8], dst: &mut [u8], target: Gain) {
        match target {
            Gain::SILENCE => copy_muted(self.format, src, dst),
            _ => dst.copy_from_slice(src),
        }
    }

    /// `src` and `dst` are whole frames of one length.
    fn scale(&self, kernel: Scaling, src: &[u8], dst: &mut [u8], ramp: &mut Ramp, dither: &mut Tpdf) {
        let channels = usize::from(self.channels).max(1);
        kernel.run(src, dst, Slope { now: ramp.now, step: ramp.step, channels }, *dither);
        if let Some(bits) = self.fewer_bits {
            significant::round(self.format, bits, dst, *dither);
        }
        // So many samples are there that the dither's position may wrap, and a format has few bytes.
        let samples = (src.len() / self.format.bytes()) as u32;
        dither.advance(samples);
        ramp.skip(samples / channels as u32);
    }
}
