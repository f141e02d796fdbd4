//! Seeking: guess the byte from what is known to lie around it, look which frame is there, and guess better.

use super::header::Header;
use super::stream::FlacStream;
use crate::fault::{Fault, Kind};

/// Guesses before the rest of the way is decoded.
const MAX_GUESSES: usize = 6;

/// How much audio is rather decoded than guessed over, in seconds: a guess over the network costs a connection.
const NEAR_SECONDS: u64 = 2;

/// A frame and the byte where it starts.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    frame: u64,
    byte: u64,
}

impl FlacStream {
    /// Moves to the block that holds `frame`, or to one before; returns its first frame.
    pub(super) fn seek_near(&mut self, frame: u64) -> Result<u64, Fault> {
        let (Some(total), Some(length)) = (self.metadata.info.frames, self.window.reader().byte_len()) else {
            return Err(Fault::new(Kind::NotSeekable, "the length isn't known"));
        };
        if frame >= total {
            self.position = Some(total);
            return if frame == total { Ok(total) } else { Err(Fault::new(Kind::OutOfRange, "")) };
        }
        let near = u64::from(self.metadata.info.source.rate) * NEAR_SECONDS;
        let mut below = Anchor { frame: 0, byte: self.first };
        let mut above = Anchor { frame: total, byte: length };
        for point in &self.metadata.points {
            let anchor = Anchor { frame: point.frame, byte: self.first.saturating_add(point.offset) };
            if anchor.byte >= length {
                continue;
            }
            if anchor.frame <= frame {
                below = anchor;
            } else if anchor.frame < above.frame {
                above = anchor;
            }
        }
        for _ in 0..MAX_GUESSES {
            if frame.saturating_sub(below.frame) <= near || above.byte <= below.byte {
                break;
            }
            // A little before the wanted frame, so that what is found isn't behind it.
            let wanted = frame - near / 2;
            let part = (wanted - below.frame) as f64 / (above.frame - below.frame).max(1) as f64;
            let guess = below.byte + ((above.byte - below.byte) as f64 * part) as u64;
            match self.look_at(guess)? {
                Some((found, byte)) if found <= frame && found > below.frame => below = Anchor { frame: found, byte },
                Some((found, _)) if found > frame => above = Anchor { frame: found, byte: guess },
                _ => break,
            }
        }
        self.settle(below)
    }

    /// Finds the first frame behind `byte`; returns the audio frame that it starts with, and where it lies.
    fn look_at(&mut self, byte: u64) -> Result<Option<(u64, u64)>, Fault> {
        self.window.seek(byte)?;
        let wanted = self.metadata.info.max_frame.unwrap_or(32 * 1024).clamp(4096, 256 * 1024);
        self.window.fill(wanted * 2);
        let mut from = 0;
        // What looks like a header is one only if the frame behind it is.
        while let Some((at, header)) = self.find_header() {
            self.window.consume(at);
            from += at as u64;
            if self.decoder.decode(self.window.bytes()).is_ok() {
                return Ok(Some((self.start_of(&header), byte + from)));
            }
        }
        self.window.fault().map_or(Ok(None), |fault| Err(fault.clone()))
    }

    /// Makes the frame at `anchor` the next; makes sure that it is what the anchor says.
    fn settle(&mut self, anchor: Anchor) -> Result<u64, Fault> {
        self.window.seek(anchor.byte)?;
        self.position = Some(anchor.frame);
        self.window.fill(super::header::MAX_LENGTH);
        if let Some(fault) = self.window.fault() {
            return Err(fault.clone());
        }
        let header: Result<Header, _> = self.decoder.header(self.window.bytes());
        match header {
            Ok(header) if self.start_of(&header) == anchor.frame => Ok(anchor.frame),
            // A seek table may be wrong; the start never is.
            _ if anchor.byte != self.first => {
                self.metadata.points.clear();
                self.settle(Anchor { frame: 0, byte: self.first })
            }
            _ => Err(Fault::corrupt("its first frame isn't the first")),
        }
    }
}
