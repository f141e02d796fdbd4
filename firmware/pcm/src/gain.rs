//! Gain, as the engine's real-time thread applies it while it copies from the ring to the DAC.
//!
//! Samples are multiplied in 64 bits, dithered with TPDF noise and rounded once. Unity is a plain copy and silence is
//! exact zeros, so that a volume of 100 % costs and changes nothing. Nothing here allocates or panics, whatever the
//! lengths of the slices.

use crate::layout::{Layout, S16, S24, S24Packed, S32};
use crate::{Tpdf, WireFormat, silence_byte};

/// A linear gain from silence to unity: Q31, so that the product with a 32-bit sample fits 63 bits.
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
    const EXTRA: u32 = 30;

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

    /// The next frame's gain; moves on by a frame, and settles exactly at the target.
    #[inline]
    const fn next(&mut self) -> Gain {
        let gain = self.current();
        self.left = self.left.saturating_sub(1);
        self.now = if self.left == 0 { (self.target.0 as i64) << Self::EXTRA } else { self.now + self.step };
        gain
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

/// Copies whole frames of `format` from `src` to `dst`, scaled by `ramp`; returns how many bytes were written: as many
/// whole frames as fit both slices, and none if `channels` is 0.
pub fn copy_scaled(
    format: WireFormat,
    channels: u16,
    src: &[u8],
    dst: &mut [u8],
    ramp: &mut Ramp,
    dither: &mut Tpdf,
) -> usize {
    let frame_bytes = format.bytes() * usize::from(channels);
    let Some(frames) = src.len().min(dst.len()).checked_div(frame_bytes) else { return 0 };
    let total = frames * frame_bytes;
    let split = frames.min(ramp.left as usize) * frame_bytes;

    let scale = match format {
        WireFormat::S16Le => scale::<S16, 2>,
        WireFormat::S24_3Le => scale::<S24Packed, 3>,
        WireFormat::S24Le => scale::<S24, 4>,
        WireFormat::S32Le => scale::<S32, 4>,
    };
    if let (Some(src), Some(dst)) = (src.get(..split), dst.get_mut(..split)) {
        scale(channels, src, dst, ramp, dither);
    }
    if let (Some(src), Some(dst)) = (src.get(split..total), dst.get_mut(split..total)) {
        match ramp.target {
            Gain::UNITY => dst.copy_from_slice(src),
            Gain::SILENCE => dst.fill(silence_byte(format)),
            _ => scale(channels, src, dst, ramp, dither),
        }
    }
    total
}

/// While the ramp moves every frame has a gain of its own; `src` and `dst` are whole frames of one length, and if the
/// ramp moves, no more of them than it has left.
fn scale<L: Layout<BYTES>, const BYTES: usize>(
    channels: u16,
    src: &[u8],
    dst: &mut [u8],
    ramp: &mut Ramp,
    dither: &mut Tpdf,
) {
    let (src, _) = src.as_chunks::<BYTES>();
    let (dst, _) = dst.as_chunks_mut::<BYTES>();
    if ramp.left == 0 {
        return scale_evenly::<L, BYTES>(src, dst, ramp.target, dither);
    }
    let channels = usize::from(channels).max(1);
    for (src, dst) in src.chunks_exact(channels).zip(dst.chunks_exact_mut(channels)) {
        scale_evenly::<L, BYTES>(src, dst, ramp.next(), dither);
    }
}

/// All samples with one gain; `src` and `dst` are of one length.
#[inline]
fn scale_evenly<L: Layout<BYTES>, const BYTES: usize>(
    src: &[[u8; BYTES]],
    dst: &mut [[u8; BYTES]],
    gain: Gain,
    dither: &mut Tpdf,
) {
    let mut position = 0;
    for (src, dst) in src.iter().zip(dst) {
        *dst = L::store(scaled::<L, BYTES>(L::load(*src), gain, dither.at(position)));
        position += 1;
    }
    dither.advance(position);
}

/// `sample * gain`, rounded to nearest after `noise` (in 1/65536 LSB) is added, limited to the layout's range.
#[inline]
fn scaled<L: Layout<BYTES>, const BYTES: usize>(sample: i32, gain: Gain, noise: i32) -> i32 {
    const HALF: i64 = 1 << (Gain::FRACTION - 1);
    let product = i64::from(sample) * i64::from(gain.0);
    let noise = i64::from(noise) << (Gain::FRACTION - 16);
    ((product + noise + HALF) >> Gain::FRACTION).clamp(i64::from(L::MIN), i64::from(L::MAX)) as i32
}
