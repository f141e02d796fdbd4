//! FLAC frames that come one by one, out of a container.

use pcm::{Samples, Source};

use super::bits::Bad;
use super::frame::{Decoder, Wrong};
use super::metadata::StreamInfo;
use crate::fault::Fault;
use crate::packets::Decode;

pub(crate) struct PacketDecoder {
    info: StreamInfo,
    decoder: Decoder,
}

impl PacketDecoder {
    /// A decoder for a stream with this STREAMINFO.
    pub(crate) fn new(stream_info: &[u8; 34]) -> Result<Self, Fault> {
        let info = StreamInfo::parse(stream_info)?;
        Ok(Self { decoder: Decoder::new(info.source), info })
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

    fn reset(&mut self) {}
}
