//! An input with its beginning replaced.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use crate::fault::{Fault, Kind};
use crate::input::Input;

/// `head`, and then what `input` holds from byte `body` on.
pub(crate) struct Splice {
    head: Vec<u8>,
    input: Box<dyn Input>,
    body: u64,
    position: u64,
}

impl Splice {
    pub(crate) fn new(head: Vec<u8>, input: Box<dyn Input>, body: u64) -> Self {
        Self { head, input, body, position: 0 }
    }
}

impl Read for Splice {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let head = usize::try_from(self.position).ok().and_then(|at| self.head.get(at..)).unwrap_or_default();
        let n = if head.is_empty() {
            self.input.seek(SeekFrom::Start(self.position - self.head.len() as u64 + self.body))?;
            self.input.read(buf)?
        } else {
            (&mut &*head).read(buf)?
        };
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Splice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.byte_len().and_then(|length| length.checked_add_signed(by)),
        };
        self.position = target.ok_or_else(|| Fault::new(Kind::NotSeekable, "no such position"))?;
        Ok(self.position)
    }
}

impl MediaSource for Splice {
    fn is_seekable(&self) -> bool {
        self.input.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.input.byte_len()?.saturating_sub(self.body) + self.head.len() as u64)
    }
}
