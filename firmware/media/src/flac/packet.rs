//! FLAC frames that come one by one, out of a container.

use pcm::{Samples, Source, Speakers};

use super::bits::Bad;
use super::frame::{Decoder, Wrong};
use super::metadata::StreamInfo;
use crate::Tags;
use crate::fault::Fault;
use crate::packets::Decode;

pub(crate) struct PacketDecoder {
    info: StreamInfo,
    decoder: Decoder,
    speakers: Option<Speakers>,
}

impl PacketDecoder {
    /// A decoder for a stream with this STREAMINFO.
    pub(crate) fn new(stream_info: &[u8; 34]) -> Result<Self, Fault> {
        let info = StreamInfo::parse(stream_info)?;
        Ok(Self { decoder: Decoder::new(info.source), info, speakers: None })
    }

    /// Takes from the stream's comments which loudspeakers its channels are for, if they say it.
    pub(crate) fn take_speakers(&mut self, tags: &Tags) {
        self.speakers = tags.channel_mask.map(|mask| Speakers::of_mask(mask, self.info.source.channels));
    }

    pub(crate) fn source(&self) -> Source {
        self.info.source
    }

    /// Audio frames of the whole stream, if the encoder knew.
    pub(crate) fn frames(&self) -> Option<u64> {
        self.info.frames
    }
}

impl Decode for PacketDecoder {
    fn decode(&mut self, packet: &[u8]) -> Result<usize, Fault> {
        match self.decoder.decode(packet) {
            Ok(decoded) => Ok(decoded.header.block as usize),
            Err(Wrong::Format) => Err(Fault::format_changed("a frame with another format than STREAMINFO's")),
            Err(Wrong::Bad(Bad::Invalid(what))) => Err(Fault::corrupt(format!("a FLAC frame: {what}"))),
            Err(Wrong::Bad(Bad::End)) => Err(Fault::corrupt("a FLAC frame has no end")),
        }
    }

    fn block(&self) -> Option<Samples<'_>> {
        self.decoder.planes().map(Samples::S32)
    }

    fn format(&self) -> (u32, usize) {
        (self.info.source.rate, self.info.source.channels.into())
    }

    fn speakers(&self) -> Option<Speakers> {
        self.speakers
    }

    fn reset(&mut self) {}
}
