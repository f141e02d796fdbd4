//! A track being decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pcm::{Samples, Source, Speakers};

use crate::ahead::Ahead;
use crate::fault::{Error, Fault, Kind};
use crate::stream::{Opened, Stream};
use crate::tags::Tags;

/// What a track is coded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Samples as they are, in any container.
    Pcm,
    /// Free Lossless Audio Codec (RFC 9639).
    Flac,
    /// Apple Lossless.
    Alac,
    /// MPEG-1/2/2.5 Layer III.
    Mp3,
    /// Vorbis I.
    Vorbis,
    /// MPEG-4 AAC, Low Complexity.
    Aac,
    /// Direct Stream Digital: a one-bit stream, not compressed.
    Dsd,
}

impl Codec {
    /// The name that people know it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcm => "PCM",
            Self::Flac => "FLAC",
            Self::Alac => "ALAC",
            Self::Mp3 => "MP3",
            Self::Vorbis => "Vorbis",
            Self::Aac => "AAC",
            Self::Dsd => "DSD",
        }
    }
}

/// What is known of a track once it is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// What it is coded with.
    pub codec: Codec,
    /// What it lies in: "FLAC", "WAV", "Ogg", "MP4" and so on.
    pub container: &'static str,
    /// Rate, width and channels.
    pub source: Source,
    /// Its length in frames, without what an encoder added; `None` where only the end tells. A frame of DSD is a byte of each
    /// channel.
    pub frames: Option<u64>,
    /// Where that isn't known, about how many frames there are, from the bit rate of the first ones and the size: to be shown,
    /// and never to end the track by.
    pub estimate: Option<u64>,
    /// The resource's length in bytes, if the server said it.
    pub content_length: Option<u64>,
    /// Whether [`Track::seek`] can work.
    pub seekable: bool,
    /// What it says of itself.
    pub tags: Tags,
}

/// An open track.
pub struct Track {
    url: Arc<str>,
    info: Info,
    stream: Box<dyn Stream>,
    /// Frames of the next blocks that lie before the position sought to.
    skip: u64,
    /// What was looked at ahead, and isn't given yet.
    ahead: Ahead,
    /// Where in the present block of the stream the frames begin, if they were looked at and aren't given yet: they come behind
    /// those of `ahead`.
    looked_at: Option<usize>,
    /// A frame was decoded, or one behind the first was sought: an end that comes now is one of something.
    begun: bool,
    /// The stream has come to a clean end.
    ended: bool,
    /// Why nothing more can be read.
    fault: Option<Fault>,
}

impl Track {
    pub(crate) fn new(url: &Arc<str>, opened: Opened, content_length: Option<u64>) -> Self {
        let Opened { codec, container, source, frames, estimate, seekable, tags, stream } = opened;
        let info = Info { codec, container, source, frames, estimate, content_length, seekable, tags };
        Self {
            url: Arc::clone(url),
            info,
            stream,
            skip: 0,
            ahead: Ahead::default(),
            looked_at: None,
            begun: false,
            ended: false,
            fault: None,
        }
    }

    /// What is known of the track.
    #[must_use]
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// Which loudspeakers the channels are for, as far as is known.
    #[must_use]
    pub fn speakers(&self) -> Speakers {
        let channels = self.info.source.channels;
        let speakers = self.stream.speakers().unwrap_or_else(|| Speakers::usual(channels));
        if speakers.count() == usize::from(channels) { speakers } else { Speakers::UNKNOWN }
    }

    /// The next frames; `None` at a clean end. Never an empty block.
    ///
    /// # Errors
    /// Once the frames that could be decoded have been given: [`Kind::Truncated`], [`Kind::Corrupt`],
    /// [`Kind::FormatChanged`], [`Kind::Stalled`], [`Kind::Cancelled`] and so on; [`Kind::NotAudio`] if there is not a single one.
    /// It stays so until a seek succeeds.
    pub fn read(&mut self) -> Result<Option<Samples<'_>>, Error> {
        if self.ahead.step() {
            return Ok(self.ahead.given());
        }
        let Some(start) = self.prepare()? else { return Ok(None) };
        self.looked_at = None;
        Ok(self.stream.block().map(|block| block.part(start, usize::MAX)))
    }

    /// Shows the next frames to `look`, block by block, as long as it wants to see more (and they are integers), up to the end.
    /// [`read`](Self::read) gives all of them afterwards, and tells what is wrong with them. They are kept in memory until then:
    /// how many that are is the caller's to bound.
    pub fn look_ahead(&mut self, mut look: impl FnMut(&Samples<'_>) -> bool) {
        while let Ok(Some(start)) = self.prepare() {
            let Some(samples) = self.stream.block().map(|block| block.part(start, usize::MAX)) else { return };
            if !look(&samples) || !self.ahead.keep(&samples) {
                return;
            }
            self.looked_at = None;
        }
    }

    /// Decodes a block unless there is one that wasn't given yet; returns where in it the wanted frames begin.
    fn prepare(&mut self) -> Result<Option<usize>, Error> {
        if self.looked_at.is_some() || self.ended {
            return Ok(self.looked_at);
        }
        if let Some(fault) = &self.fault {
            return Err(Error::new(&self.url, fault.clone()));
        }
        match self.next_block() {
            Ok(start) => (self.looked_at, self.ended) = (start, start.is_none()),
            Err(fault) => {
                self.fault = Some(fault.clone());
                return Err(Error::new(&self.url, fault));
            }
        }
        Ok(self.looked_at)
    }

    /// Decodes until there is a block that isn't skipped altogether; returns where in it the wanted frames begin.
    fn next_block(&mut self) -> Result<Option<usize>, Fault> {
        loop {
            let frames = guard(|| self.stream.advance())?;
            if frames == 0 {
                if !self.begun {
                    return Err(Fault::no_frames());
                }
                if let Some(remark) = self.stream.remark() {
                    tracing::warn!("{}: {remark}", self.url);
                }
                return Ok(None);
            }
            self.begun = true;
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(frames);
            self.skip -= skipped as u64;
            if skipped < frames {
                return Ok(Some(skipped));
            }
        }
    }

    /// Makes the next block start with `frame`. Returns `frame`.
    ///
    /// # Errors
    /// [`Kind::OutOfRange`] beyond the end, where that is known; [`Kind::NotSeekable`]; and what reading gives. After
    /// the first two the track goes on as before.
    pub fn seek(&mut self, frame: u64) -> Result<u64, Error> {
        let fault = if self.info.frames.is_some_and(|frames| frame > frames) {
            Fault::new(Kind::OutOfRange, format!("frame {frame}"))
        } else if !self.info.seekable {
            Fault::new(Kind::NotSeekable, "the server takes no Range requests")
        } else {
            match guard(|| self.stream.seek(frame)) {
                Ok(landed) if landed <= frame => {
                    self.skip = frame - landed;
                    self.begun |= frame > 0;
                    (self.looked_at, self.ended) = (None, false);
                    self.ahead = Ahead::default();
                    self.fault = None;
                    return Ok(frame);
                }
                Ok(landed) => Fault::corrupt(format!("frame {landed} found where {frame} was looked for")),
                Err(fault) => fault,
            }
        };
        Err(Error::new(&self.url, fault))
    }
}

impl std::fmt::Debug for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Track").field("url", &self.url).field("info", &self.info).finish_non_exhaustive()
    }
}

/// Runs foreign decoders: a panic in one is a damaged file to us. The stream isn't used again after it, except by
/// `seek`, which sets it up anew.
pub(crate) fn guard<T>(decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(Fault::corrupt("the decoder gave up on it")))
}
