//! Logical streams one after the other in one file (RFC 3533, 4: chaining), played as one.
//!
//! Where the next link has the codec, rate, width and channels of the first, its frames follow without a gap; else the track
//! ends there by name.

use pcm::{Samples, Source, Speakers};

use super::mapping::{self, Described};
use super::packets::Packets;
use crate::Codec;
use crate::fault::{Fault, Kind};
use crate::packets::{Decode, PacketStream};
use crate::stream::Stream;

/// Links without a frame that may follow each other: no more than a file with some empty tracks has.
const MAX_EMPTY: usize = 16;

/// One logical stream, of whatever codec.
pub(super) trait Link: Stream {
    fn packets(&mut self) -> &mut Packets;

    /// What is left when the stream has ended.
    fn into_packets(self: Box<Self>) -> Packets;
}

impl<C: Decode> Link for PacketStream<Packets, C> {
    fn packets(&mut self) -> &mut Packets {
        self.demux_mut()
    }

    fn into_packets(self: Box<Self>) -> Packets {
        self.into_demux()
    }
}

/// A file of one link or more.
pub(super) struct Chain {
    /// The one that is read; `None` after the next one couldn't be opened.
    link: Option<Box<dyn Link>>,
    codec: Codec,
    source: Source,
}

impl Chain {
    pub(super) fn new(first: Box<dyn Link>, codec: Codec, source: Source) -> Self {
        Self { link: Some(first), codec, source }
    }

    /// Opens the link behind the one that has ended.
    fn go_on(&mut self) -> Result<(), Fault> {
        let reader = self.link.take().ok_or_else(chained)?.into_packets().reader;
        let Described { codec, source, mut link, .. } =
            mapping::open_link(reader).map_err(|fault| match fault.kind {
                Kind::Unsupported => Fault::format_changed(format!("a chained Ogg file: then {}", fault.detail)),
                _ => fault,
            })?;
        if (codec, source) != (self.codec, self.source) {
            let describe = |codec: Codec, source: Source| {
                format!("{} of {} Hz, {} channels, {} bits", codec.name(), source.rate, source.channels, source.bits)
            };
            return Err(Fault::format_changed(format!(
                "a chained Ogg file: {}, then {}",
                describe(self.codec, self.source),
                describe(codec, source)
            )));
        }
        link.packets().is_chained = true;
        self.link = Some(link);
        Ok(())
    }
}

/// Where a link begins in time is known only when all before it have been read.
pub(super) fn chained() -> Fault {
    Fault::new(Kind::NotSeekable, "a chained Ogg file")
}

impl Stream for Chain {
    fn advance(&mut self) -> Result<usize, Fault> {
        for _ in 0..MAX_EMPTY {
            let link = self.link.as_mut().ok_or_else(chained)?;
            let frames = link.advance()?;
            if frames > 0 || !link.packets().another_follows {
                return Ok(frames);
            }
            self.go_on()?;
        }
        Err(Fault::corrupt("a chained Ogg file without audio"))
    }

    fn block(&self) -> Option<Samples<'_>> {
        self.link.as_ref().and_then(|link| link.block())
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        self.link.as_mut().ok_or_else(chained)?.seek(frame)
    }

    fn speakers(&self) -> Option<Speakers> {
        self.link.as_ref().and_then(|link| link.speakers())
    }

    fn remark(&mut self) -> Option<&'static str> {
        self.link.as_mut().and_then(|link| link.remark())
    }
}
