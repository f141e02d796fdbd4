//! A PCM opened for playing: `snd_pcm_mmap_begin` and `_commit` on interleaved frames.

use std::ffi::{CString, c_int};
use std::num::NonZeroUsize;

use ::pcm::{Marker, Speaker, Speakers, Wire, fill_silence};
use alsa::pcm::{Access, HwParams, PCM, State};
use alsa::{Direction, ValueOr};

use super::{area, format, played};
use crate::clock::frames_in_ms;
use crate::output::{Fill, Output, Pacing, Trouble, USB_QUEUE_MS, USB_SILENCE_MS};

/// The real-time side of a card.
pub(super) struct AlsaOutput {
    pcm: PCM,
    wire: Wire,
    least_silence: u32,
    dropped_frames: u32,
    speakers: Speakers,
    buffer_frames: u32,
    period_frames: u32,
    frame_bytes: NonZeroUsize,
}

impl AlsaOutput {
    /// Opens `name` with exactly `wire`, and a buffer and period as near to `ms` as the card can. Allocates, and waits for
    /// the hardware.
    pub(super) fn open(name: &str, wire: Wire, buffer_ms: u32, period_ms: u32) -> alsa::Result<Self> {
        let unknown = |_| alsa::Error::new("snd_pcm_open", libc::EINVAL);
        let frame_bytes =
            NonZeroUsize::new(wire.frame_bytes()).ok_or(alsa::Error::new("snd_pcm_open", libc::EINVAL))?;
        // Non-blocking: a card in use is refused instead of waited for.
        let pcm = PCM::open(&CString::new(name).map_err(unknown)?, Direction::Playback, true)?;
        let (buffer, period) = {
            let params = HwParams::any(&pcm)?;
            params.set_rate_resample(false)?;
            params.set_access(Access::MMapInterleaved)?;
            params.set_format(format(wire.format))?;
            params.set_channels(u32::from(wire.channels))?;
            params.set_rate(wire.rate, ValueOr::Nearest)?;
            params.set_buffer_time_near(buffer_ms.saturating_mul(1000), ValueOr::Nearest)?;
            // At least two periods, better four: the card's interrupts say how far it has got.
            let period_us = period_ms.min(buffer_ms / 4).max(1).saturating_mul(1000);
            params.set_period_time_near(period_us, ValueOr::Nearest)?;
            pcm.hw_params(&params)?;
            (params.get_buffer_size()?, params.get_period_size()?)
        };
        {
            let params = pcm.sw_params_current()?;
            params.set_avail_min(period)?;
            // Never by itself: `start` starts it. It stops by itself when it has run dry.
            params.set_start_threshold(params.get_boundary()?)?;
            params.set_stop_threshold(buffer)?;
            pcm.sw_params(&params)?;
            played::silence(&pcm, &params)?;
        }
        let narrow = |frames: i64| u32::try_from(frames).unwrap_or(0);
        // Set up it says which map is in force; without one it may take any, and the channels stay in their order.
        let speakers = pcm.get_chmap().map_or(Speakers::UNKNOWN, |map| speakers(&map.to_string()));
        let mut output = Self {
            pcm,
            wire,
            least_silence: 0,
            dropped_frames: 0,
            speakers,
            buffer_frames: narrow(buffer),
            period_frames: narrow(period),
            frame_bytes,
        };
        output.silence_memory()?;
        Ok(output)
    }

    /// The same for a card that snd-usb-audio drives.
    pub(super) fn on_usb(self) -> Self {
        let [least_silence, dropped_frames] = [USB_SILENCE_MS, USB_QUEUE_MS].map(|ms| frames_in_ms(ms, self.wire.rate));
        Self { least_silence, dropped_frames, ..self }
    }

    /// Fills the card's memory with silence without committing it: its pages are there afterwards, and nothing that was
    /// played is left in it.
    fn silence_memory(&mut self) -> alsa::Result<()> {
        let Wire { format, channels, .. } = self.wire;
        self.pcm.avail_update()?;
        area::bytes(&mut self.pcm).mmap(self.buffer_frames as usize, |room| {
            fill_silence(format, channels, Marker::Even, room);
            0
        })?;
        Ok(())
    }
}

/// Loudspeakers as `snd_pcm_chmap_print` writes them. (The wrapper's own list panics at a position that a driver made up.)
fn speakers(printed: &str) -> Speakers {
    Speakers::new(printed.split_whitespace().map(Speaker::from_alsa_name))
}

/// Sorts ALSA's errors. The kernel's EIO means that the card has made no progress for longer than its buffer lasts.
fn trouble(error: alsa::Error) -> Trouble {
    match error.errno() {
        libc::EPIPE | libc::ESTRPIPE => Trouble::Xrun,
        errno => Trouble::Failed { call: error.func(), errno },
    }
}

impl Output for AlsaOutput {
    fn buffer_frames(&self) -> u32 {
        self.buffer_frames
    }

    fn period_frames(&self) -> u32 {
        self.period_frames
    }

    fn least_silence(&self) -> u32 {
        self.least_silence
    }

    fn dropped_frames(&self) -> u32 {
        self.dropped_frames
    }

    fn speakers(&self) -> Speakers {
        self.speakers
    }

    fn pacing(&self) -> Pacing {
        Pacing::Clocked
    }

    fn poll(&mut self, _now_ns: u64) -> Result<Fill, Trouble> {
        // Asks the driver, not only the last interrupt.
        let (available, delay) = self.pcm.avail_delay().map_err(trouble)?;
        let writable = u32::try_from(available).unwrap_or(0).min(self.buffer_frames);
        // Some drivers say a negative delay shortly after the start.
        Ok(Fill { writable, queued: u64::try_from(delay).unwrap_or(0) })
    }

    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        let frame_bytes = self.frame_bytes;
        let most = frames as usize * frame_bytes.get();
        let written = area::bytes(&mut self.pcm).mmap(frames as usize, |room| {
            let len = room.len().min(most);
            room.get_mut(..len).map_or(0, |room| {
                fill(room);
                len / frame_bytes
            })
        });
        written.map(|written| u32::try_from(written).unwrap_or(0)).map_err(trouble)
    }

    fn start(&mut self, _now_ns: u64) -> Result<(), Trouble> {
        // Not `state()`: that panics at a number that it doesn't know.
        if self.pcm.state_raw() == State::Running as c_int {
            return Ok(());
        }
        self.pcm.start().map_err(trouble)
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        self.pcm.prepare().map_err(trouble)?;
        self.silence_memory().map_err(trouble)
    }

    fn stop(&mut self, _now_ns: u64) {
        // The device may be gone; what counts is that nothing plays.
        let _ = self.pcm.drop();
    }
}

#[cfg(test)]
mod tests;
