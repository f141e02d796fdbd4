//! A FLAC stream being decoded.

use pcm::{Samples, Speakers};

use super::bits::Bad;
use super::frame::{Decoded, Decoder, Wrong};
use super::header::{self, Header, Number};
use super::md5::Md5Check;
use super::metadata::{self, Metadata};
use super::window::Window;
use crate::Codec;
use crate::fault::Fault;
use crate::input::ByteReader;
use crate::stream::{Opened, Stream};

/// The largest frame there can be: 65 536 samples of 8 channels and 33 bits, as they are, with headers.
const MAX_FRAME: usize = 65_536 * 8 * 33 / 8 + 1024;

/// Bytes that are at hand before a frame is decoded, where STREAMINFO doesn't say how large frames get.
const USUAL_FRAME: usize = 64 * 1024;

pub(super) struct FlacStream {
    pub(super) window: Window,
    pub(super) decoder: Decoder,
    pub(super) metadata: Metadata,
    /// Of the channels, where the comments say it.
    speakers: Option<Speakers>,
    /// The byte at which the first frame starts.
    pub(super) first: u64,
    /// The size of all blocks but the last, where they are counted.
    pub(super) block: Option<u32>,
    /// The audio frame that must come next; `None` where the stream may start with any.
    pub(super) position: Option<u64>,
    /// While everything has been decoded from the start.
    pub(super) md5: Option<Md5Check>,
}

/// Opens a stream whose marker is at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let mut metadata = metadata::read(&mut reader)?;
    let tags = std::mem::take(&mut metadata.tags);
    let info = metadata.info;
    let seekable = reader.is_seekable() && info.frames.is_some();
    let stream = FlacStream {
        first: reader.position(),
        window: Window::new(reader),
        decoder: Decoder::new(info.source),
        block: info.block,
        // A live stream, whose length nobody knows, may be joined at any frame.
        position: info.frames.map(|_| 0),
        md5: info.md5.map(|wanted| Md5Check::new(wanted, &info.source)),
        speakers: tags.channel_mask.map(|mask| Speakers::of_mask(mask, info.source.channels)),
        metadata,
    };
    Ok(Opened {
        codec: Codec::Flac,
        container: "FLAC",
        source: info.source,
        frames: info.frames,
        estimate: None,
        seekable,
        tags,
        stream: Box::new(stream),
    })
}

impl FlacStream {
    /// The audio frame that a block starts with.
    pub(super) fn start_of(&self, header: &Header) -> u64 {
        match header.number {
            Number::Sample(sample) => sample,
            Number::Frame(number) => number.saturating_mul(self.block.unwrap_or(header.block).into()),
        }
    }

    /// Decodes the frame at the window's start; `None` at the end.
    pub(super) fn decode(&mut self) -> Result<Option<Decoded>, Fault> {
        let mut wanted = self.metadata.info.max_frame.unwrap_or(USUAL_FRAME).clamp(1024, MAX_FRAME);
        loop {
            self.window.fill(wanted);
            let wrong = match self.decoder.decode(self.window.bytes()) {
                Ok(decoded) => {
                    self.window.consume(decoded.length);
                    return Ok(Some(decoded));
                }
                Err(wrong) => wrong,
            };
            if let (Wrong::Bad(Bad::End), Some(fault)) = (wrong, self.window.fault()) {
                return Err(fault.clone());
            }
            match wrong {
                Wrong::Bad(Bad::End) if !self.window.ended() && wanted < MAX_FRAME => {
                    wanted = (wanted * 4).min(MAX_FRAME);
                }
                Wrong::Format => return Err(Fault::format_changed("a frame with another format than STREAMINFO's")),
                // A damaged frame may look like one without end: where another follows, the file isn't truncated.
                Wrong::Bad(Bad::End) if self.window.ended() && self.find_header().is_none() => {
                    return if self.at_end() { Ok(None) } else { Err(self.truncated()) };
                }
                Wrong::Bad(_) if self.at_end() => return Ok(None),
                Wrong::Bad(bad) => {
                    let what = if let Bad::Invalid(what) = bad { what } else { "it has no end" };
                    let at = self.position.unwrap_or(0);
                    return Err(Fault::corrupt(format!("the FLAC frame at audio frame {at}: {what}")));
                }
            }
        }
    }

    /// Whether what is at hand is no more audio: nothing, or a tag that players put there.
    fn at_end(&self) -> bool {
        let rest = self.window.bytes();
        self.metadata.info.frames.is_none_or(|total| self.position >= Some(total))
            && (rest.is_empty() || [&b"TAG"[..], b"APETAGEX", b"ID3"].iter().any(|tag| rest.starts_with(tag)))
    }

    fn truncated(&self) -> Fault {
        let position = self.position.unwrap_or(0);
        let total = self.metadata.info.frames.map_or_else(|| "an unknown number of".into(), |total| total.to_string());
        Fault::truncated(format!("{position} of {total} frames"))
    }

    /// Looks for a frame of this stream behind the first byte at hand; returns how far away it is.
    pub(super) fn find_header(&self) -> Option<(usize, Header)> {
        let bytes = self.window.bytes();
        (1..bytes.len().saturating_sub(header::MAX_LENGTH)).find_map(|at| {
            let candidate = bytes.get(at..).filter(|bytes| bytes.first() == Some(&0xff))?;
            self.decoder.header(candidate).ok().map(|header| (at, header))
        })
    }
}

impl Stream for FlacStream {
    fn advance(&mut self) -> Result<usize, Fault> {
        let total = self.metadata.info.frames;
        let decoded = if total.is_some() && self.position == total { None } else { self.decode()? };
        let Some(Decoded { header, .. }) = decoded else {
            return Ok(0);
        };
        let start = self.start_of(&header);
        if self.position.is_some_and(|position| position != start) {
            return Err(Fault::corrupt(format!("audio frame {start} follows {}", self.position.unwrap_or(0))));
        }
        if self.block.is_none() {
            self.block = Some(header.block);
        }
        self.position = Some(start + u64::from(header.block));
        if let (Some(md5), Some(planes)) = (&mut self.md5, self.decoder.planes()) {
            md5.update(&planes);
        }
        Ok(header.block as usize)
    }

    fn block(&self) -> Option<Samples<'_>> {
        self.decoder.planes().map(Samples::S32)
    }

    fn speakers(&self) -> Option<Speakers> {
        self.speakers
    }

    fn seek(&mut self, frame: u64) -> Result<u64, Fault> {
        self.md5 = None;
        self.seek_near(frame)
    }

    /// Editors leave files whose STREAMINFO is of another recording. Each frame's own check sum says that it is good.
    fn remark(&mut self) -> Option<&'static str> {
        let is_right = self.md5.take().is_none_or(Md5Check::agrees);
        (!is_right).then_some("every frame's check sum is right, but the MD5 of all samples isn't STREAMINFO's")
    }
}
