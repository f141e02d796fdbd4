//! Packets through a decoder, with what the encoder added cut off.

use pcm::{Samples, Speakers};
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use crate::fault::Fault;
use crate::stream::Stream;
use crate::symphonia_glue::{frames, rate_and_channels, samples, speakers};

/// A codec whose packets lie in some container.
pub(crate) trait Decode: Send {
    /// Decodes a packet; returns how many frames came out.
    fn decode(&mut self, packet: &[u8]) -> Result<usize, Fault>;

    /// What came out.
    fn block(&self) -> Option<Samples<'_>>;

    /// Rate and channels of what came out.
    fn format(&self) -> (u32, usize);

    /// As [`Stream::speakers`].
    fn speakers(&self) -> Option<Speakers> {
        None
    }

    /// Forgets the packets before the next.
    fn reset(&mut self);
}

/// Symphonia's decoders.
impl Decode for Box<dyn AudioDecoder> {
    fn decode(&mut self, packet: &[u8]) -> Result<usize, Fault> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
        Ok(frames(&self.decode_ref(&packet)?))
    }

    fn block(&self) -> Option<Samples<'_>> {
        samples(&self.last_decoded())
    }

    fn format(&self) -> (u32, usize) {
        rate_and_channels(&self.last_decoded())
    }

    /// Symphonia's planes are in the order of `dwChannelMask`'s bits, whatever the codec's own order is.
    fn speakers(&self) -> Option<Speakers> {
        Some(speakers(&self.last_decoded()))
    }

    fn reset(&mut self) {
        AudioDecoder::reset(&mut **self);
    }
}

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
    /// The time, in frames, at which this packet's output ends, where the container says it.
    pub(crate) end: Option<u64>,
    /// Whether it is the last packet: then `end` may cut off a part of its output.
    pub(crate) last: bool,
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

impl Trim {
    fn end(&self) -> Option<u64> {
        self.frames.map(|frames| self.delay.saturating_add(frames))
    }
}

/// A track of packets.
pub(crate) struct PacketStream<D, C> {
    demux: D,
    decoder: C,
    rate: u32,
    channels: u16,
    trim: Trim,
    packet: Vec<u8>,
    /// Where the next packet's output starts.
    position: u64,
    /// Where the track ends, once it is known.
    end: Option<u64>,
    /// The container's time at position 0, once it is known: a recording may start in the middle.
    origin: Option<u64>,
    /// The part of the decoder's last output that is the track's: first frame and number of frames.
    part: (usize, usize),
}

impl<D: Demux, C: Decode> PacketStream<D, C> {
    pub(crate) fn new(demux: D, decoder: C, rate: u32, channels: u16, trim: Trim) -> Self {
        let end = trim.end();
        let packet = Vec::new();
        Self { demux, decoder, rate, channels, trim, packet, position: 0, end, origin: None, part: (0, 0) }
    }

    pub(crate) fn demux_mut(&mut self) -> &mut D {
        &mut self.demux
    }

    pub(crate) fn into_demux(self) -> D {
        self.demux
    }

    fn decode(&mut self) -> Result<usize, Fault> {
        let frames = self.decoder.decode(&self.packet)?;
        let (rate, channels) = self.decoder.format();
        if frames > 0 && (rate, channels) != (self.rate, usize::from(self.channels)) {
            return Err(Fault::format_changed(format!(
                "{} Hz, {} channels, then {rate} Hz, {channels} channels",
                self.rate, self.channels
            )));
        }
        Ok(frames)
    }

    /// Learns from the container's time at the end of a packet of which `frames` came out.
    fn note_time(&mut self, next: Next, frames: usize) {
        let Some(end) = next.end else { return };
        let after = self.position + frames as u64;
        let start = if next.last { 0 } else { end.saturating_sub(after) };
        let origin = *self.origin.get_or_insert(start);
        if next.last {
            let end = end.saturating_sub(origin);
            self.end = Some(self.end.map_or(end, |known| known.min(end)));
        }
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

impl<D: Demux, C: Decode> Stream for PacketStream<D, C> {
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
            let frames = self.decode()?;
            self.note_time(next, frames);
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
        self.decoder.block().map(|block| block.part(start, frames))
    }

    fn speakers(&self) -> Option<Speakers> {
        self.decoder.speakers()
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        let origin = self.origin.unwrap_or(0);
        let landing = self.demux.seek(self.trim.delay.saturating_add(frame).saturating_add(origin))?;
        self.decoder.reset();
        self.end = self.trim.end();
        for _ in 0..landing.warm_up {
            if self.demux.next(&mut self.packet)?.is_some() {
                // A packet that refers to what came before it can't be decoded here, and needn't be.
                let _ = self.decode();
            }
        }
        self.position = landing.position.saturating_sub(origin);
        Ok(self.position.saturating_sub(self.trim.delay))
    }
}
