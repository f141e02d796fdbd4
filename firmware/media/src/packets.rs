//! Packets through one of symphonia's decoders, with what the encoder added cut off.

use pcm::Samples;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use crate::fault::Fault;
use crate::stream::Stream;
use crate::symphonia_glue::{frames, rate_and_channels, samples};

/// What a container gives out. Positions count the decoder's output from the first packet on, an encoder's delay
/// included.
pub(crate) trait Demux: Send {
    /// Reads the next packet; `None` at a clean end.
    fn next(&mut self, packet: &mut Vec<u8>) -> Result<Option<Next>, Fault>;

    /// Moves to the packet that holds `position`, or to one before.
    fn seek(&mut self, position: u64) -> Result<Landing, Fault>;
}

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Next {
    /// The position at which the track ends, where a container says so no earlier than here.
    pub(crate) end: Option<u64>,
}

/// Where a seek ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landing {
    /// The position of the first packet that counts.
    pub(crate) position: u64,
    /// Packets before it that the decoder needs to find its state, and whose output and errors don't count.
    pub(crate) warm_up: usize,
}

/// What lies between an encoder's delay and its padding.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trim {
    /// Frames at the start that aren't the track's.
    pub(crate) delay: u64,
    /// The track's frames behind them, if known.
    pub(crate) frames: Option<u64>,
}

pub(crate) struct PacketStream<D> {
    demux: D,
    decoder: Box<dyn AudioDecoder>,
    rate: u32,
    channels: u16,
    trim: Trim,
    packet: Vec<u8>,
    /// Where the next packet's output starts.
    position: u64,
    /// Where the track ends, once it is known.
    end: Option<u64>,
    /// The part of the decoder's last output that is the track's: first frame and number of frames.
    part: (usize, usize),
}

impl<D: Demux> PacketStream<D> {
    pub(crate) fn new(demux: D, decoder: Box<dyn AudioDecoder>, rate: u32, channels: u16, trim: Trim) -> Self {
        let end = trim.frames.map(|frames| trim.delay.saturating_add(frames));
        Self { demux, decoder, rate, channels, trim, packet: Vec::new(), position: 0, end, part: (0, 0) }
    }

    fn decode(&mut self) -> Result<usize, Fault> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, &self.packet);
        let output = self.decoder.decode_ref(&packet)?;
        let frames = frames(&output);
        if frames > 0 && rate_and_channels(&output) != (self.rate, usize::from(self.channels)) {
            let (rate, channels) = rate_and_channels(&output);
            return Err(Fault::format_changed(format!(
                "{} Hz, {} channels, then {rate} Hz, {channels} channels",
                self.rate, self.channels
            )));
        }
        Ok(frames)
    }

    /// Which of `frames` decoded from `position` on are the track's.
    fn cut(&self, frames: usize) -> (usize, usize) {
        let within =
            |position: u64| usize::try_from(position.saturating_sub(self.position)).unwrap_or(usize::MAX).min(frames);
        let start = within(self.trim.delay);
        let end = self.end.map_or(frames, within);
        (start, end.saturating_sub(start))
    }
}

impl<D: Demux> Stream for PacketStream<D> {
    fn advance(&mut self) -> Result<usize, Fault> {
        loop {
            let Some(next) = self.demux.next(&mut self.packet)? else {
                return match self.end {
                    Some(end) if self.position < end => {
                        let done = self.position.saturating_sub(self.trim.delay);
                        Err(Fault::truncated(format!("{done} of {} frames", end - self.trim.delay)))
                    }
                    _ => Ok(0),
                };
            };
            if let Some(end) = next.end {
                self.end = Some(self.end.map_or(end, |known| known.min(end)));
            }
            let frames = self.decode()?;
            self.part = self.cut(frames);
            self.position += frames as u64;
            let (_, frames) = self.part;
            if frames > 0 {
                return Ok(frames);
            }
        }
    }

    fn block(&self) -> Option<Samples<'_>> {
        let (start, frames) = self.part;
        samples(&self.decoder.last_decoded()).map(|block| block.part(start, frames))
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        let landing = self.demux.seek(self.trim.delay.saturating_add(frame))?;
        self.decoder.reset();
        self.end = self.trim.frames.map(|frames| self.trim.delay.saturating_add(frames));
        for _ in 0..landing.warm_up {
            if self.demux.next(&mut self.packet)?.is_some() {
                // A packet that refers to what came before it can't be decoded here, and needn't be.
                let _ = self.decode();
            }
        }
        self.position = landing.position;
        Ok(self.position.saturating_sub(self.trim.delay))
    }
}
