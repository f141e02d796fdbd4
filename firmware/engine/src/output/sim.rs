//! Simulated hardware: a buffer that a clock empties, as a sound card's DMA would, or that takes all it gets.
//!
//! The clock is CLOCK_MONOTONIC at exactly the stream's rate. What is written goes to a [`Capture`] at once (or nowhere);
//! the clock alone decides how much of it counts as heard, and the capture is cut to that when the output stops.

mod capture;
mod device;

use rtrb::Producer;

use pcm::{Speakers, Wire};

#[cfg(test)]
pub(crate) use capture::Feed;
pub(crate) use capture::{Capture, LogLine};
pub(crate) use device::{Accept, SimDevice};

use super::{Fill, Output, Pacing, Trouble};
use crate::clock;

/// The real-time side of a simulated card.
pub(crate) struct SimOutput {
    wire: Wire,
    buffer_frames: u32,
    period_frames: u32,
    pacing: Pacing,
    speakers: Speakers,
    /// Where `fill` writes before the bytes go on their way; one buffer long.
    scratch: Box<[u8]>,
    /// Bytes on their way to the capture; none for the null sink.
    bytes: Option<Producer<u8>>,
    /// Frames written since the output was opened.
    written: u64,
    /// While the clock runs: when it was started, and `played` of that moment.
    started: Option<(u64, u64)>,
    played: u64,
    /// What is told to the capture when the output stops, and what it tells when it can't go on.
    ending: capture::Ending,
}

impl SimOutput {
    /// A card for `wire` whose bytes go to `capture`, or nowhere.
    pub(crate) fn new(wire: Wire, frames: [u32; 2], pacing: Pacing, capture: Option<capture::Feed>) -> Self {
        let [buffer_frames, period_frames] = frames;
        let (bytes, ending) =
            capture.map_or_else(|| (None, capture::Ending::default()), |feed| (Some(feed.bytes), feed.ending));
        let scratch = vec![0; buffer_frames as usize * wire.frame_bytes()].into_boxed_slice();
        Self {
            wire,
            buffer_frames,
            period_frames,
            pacing,
            speakers: Speakers::UNKNOWN,
            scratch,
            bytes,
            written: 0,
            started: None,
            played: 0,
            ending,
        }
    }

    /// The same with channels for these loudspeakers, if it has so many.
    pub(crate) fn with_speakers(self, speakers: Speakers) -> Self {
        let speakers = if speakers.count() == usize::from(self.wire.channels) { speakers } else { Speakers::UNKNOWN };
        Self { speakers, ..self }
    }

    /// Frames that fit on the way to the capture.
    fn room(&self) -> u64 {
        let free = self.bytes.as_ref().map(|bytes| bytes.slots() / self.wire.frame_bytes().max(1));
        free.map_or(u64::MAX, |frames| frames as u64)
    }
}

impl Output for SimOutput {
    fn buffer_frames(&self) -> u32 {
        self.buffer_frames
    }

    fn period_frames(&self) -> u32 {
        self.period_frames
    }

    fn speakers(&self) -> Speakers {
        self.speakers
    }

    fn pacing(&self) -> Pacing {
        self.pacing
    }

    fn poll(&mut self, now_ns: u64) -> Result<Fill, Trouble> {
        let broken = self.ending.errno();
        match (self.pacing, self.started) {
            (Pacing::Elastic, _) => self.played = self.written,
            (Pacing::Clocked, None) => {}
            (Pacing::Clocked, Some((start, base))) => {
                let clock = base.saturating_add(clock::frames_in(now_ns.saturating_sub(start), self.wire.rate));
                self.played = clock.min(self.written);
                if clock > self.written && broken.is_none() {
                    self.started = None;
                    return Err(Trouble::Xrun);
                }
            }
        }
        if let Some(errno) = broken {
            return Err(Trouble::Failed { call: "capture", errno });
        }
        let queued = self.written.saturating_sub(self.played);
        let writable = match self.pacing {
            // Whatever there is, a buffer's length at a time.
            Pacing::Elastic => self.room(),
            Pacing::Clocked => u64::from(self.buffer_frames).saturating_sub(queued).min(self.room()),
        };
        Ok(Fill { writable: u32::try_from(writable).unwrap_or(u32::MAX), queued })
    }

    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        let frames = frames.min(self.buffer_frames);
        let bytes = frames as usize * self.wire.frame_bytes();
        let Some(area) = self.scratch.get_mut(..bytes) else { return Ok(0) };
        fill(area);
        if let Some(feed) = &mut self.bytes
            && feed.push_entire_slice(area).is_err()
        {
            return Ok(0);
        }
        self.written = self.written.saturating_add(u64::from(frames));
        Ok(frames)
    }

    fn start(&mut self, now_ns: u64) -> Result<(), Trouble> {
        self.started = Some((now_ns, self.played));
        Ok(())
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        self.started = None;
        self.played = self.written;
        Ok(())
    }

    fn stop(&mut self, now_ns: u64) {
        // A clock that ran dry has played everything, too.
        let _ = self.poll(now_ns);
        self.started = None;
        self.ending.set_heard(self.played);
    }
}
