//! The stream's times, in frames.

use ring::Stream;

use crate::clock::{MILLISECOND, frames_in_ms};
use crate::output::Output;

/// What the owner set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuning {
    /// Time between two wake-ups, ms.
    pub(crate) period_ms: u32,
    /// Silence in front of a stream, ms.
    pub(crate) preroll_ms: u32,
    /// Silence in front of and behind a stream of DSD or DoP, ms.
    pub(crate) dsd_silence_ms: u32,
}

/// Length of every fade, ms.
const FADE_MS: u32 = 20;
/// When the ring holds less than this without an end mark, it is about to run dry, ms.
pub(crate) const MARGIN_MS: u32 = 10;
/// Fill from which a dry ring goes on, ms.
const RESUME_MS: u32 = 250;
/// Time between two looks at the ring while nothing is playing, ms.
const IDLE_MS: u32 = 10;
/// The same before the output's clock runs, and for an output without one, ms.
const READY_MS: u32 = 2;

/// Times in frames and ns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A fade; a one-bit stream can't be faded.
    pub(super) fade: u32,
    /// What is kept for fading out over.
    pub(super) margin: u64,
    /// With no more than this queued at the output, the ring's next frames can't be waited for: it is what is played
    /// until the next wake-up, and half as much again for a late one.
    pub(super) guard: u64,
    /// Fill at which a stream starts.
    pub(super) start: u64,
    /// Fill at which a dry one goes on.
    pub(super) resume: u64,
    /// Silence in front of a stream, and of what follows an xrun.
    pub(super) preroll: u32,
    /// Silence that has to be heard behind a stream: two periods, and one frame so that nothing stale follows; and what a DAC
    /// needs to leave DSD.
    pub(super) tail: u64,
    /// An output that is played out has to get on by so many frames
    pub(super) progress: u64,
    /// in this time, ns: what its buffer and the tail last twice, and then some.
    pub(super) patience_ns: u64,
    /// Between wake-ups: playing.
    pub(super) period_ns: u64,
    /// … silent or paused.
    pub(super) idle_ns: u64,
    /// … before the clock runs, and for an output without one.
    pub(super) ready_ns: u64,
}

impl Limits {
    pub(super) fn new(tuning: &Tuning, stream: &Stream, capacity: u64, output: &dyn Output) -> Self {
        let frames = |ms| frames_in_ms(ms, stream.wire.rate);
        let buffer = output.buffer_frames();
        let margin = u64::from(frames(MARGIN_MS));
        // At least two wake-ups while a full buffer is played, and while a full ring is: it is no larger than its memory, which
        // at a high rate with many channels is a tenth of a second.
        let from_ring = u32::try_from(capacity.saturating_sub(margin) / 2).unwrap_or(u32::MAX);
        let period = frames(tuning.period_ms).min(buffer / 2).min(from_ring).max(1);
        let period_ns = frames_ns(u64::from(period), stream.wire.rate);
        let guard = u64::from(period) + u64::from(period / 2);
        let one_bit = !stream.wire.format.is_pcm();
        let dsd_silence = if one_bit { frames(tuning.dsd_silence_ms) } else { 0 };
        let least = output.least_silence();
        let tail = (2 * u64::from(output.period_frames()) + 1).max(dsd_silence.into()).max(least.into());
        let ready_ns = u64::from(READY_MS) * MILLISECOND;
        Self {
            fade: if one_bit { 0 } else { frames(FADE_MS) },
            margin,
            guard,
            // What the first wake-up can write without counting as dry at the next. A ring smaller than that starts
            // when it is three quarters full.
            start: (margin + guard + u64::from(period)).min(capacity / 4 * 3).max(1),
            resume: u64::from(frames(RESUME_MS)).min(capacity / 2).max(1),
            preroll: frames(tuning.preroll_ms).max(dsd_silence).max(least),
            tail,
            progress: output.period_frames().max(1).into(),
            patience_ns: 2 * frames_ns(u64::from(buffer) + tail, stream.wire.rate) + 500 * MILLISECOND,
            period_ns,
            idle_ns: period_ns.min(u64::from(IDLE_MS) * MILLISECOND),
            ready_ns,
        }
    }
}

/// What `frames` frames last at `rate` Hz.
fn frames_ns(frames: u64, rate: u32) -> u64 {
    frames.saturating_mul(crate::clock::SECOND) / u64::from(rate.max(1))
}
