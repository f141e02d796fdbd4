//! Bytes to decode, wherever they come from.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use crate::Wants;
use crate::fault::Fault;

/// Something to read a track from. Reading may block; seeking past the end is no error before something is read there.
pub trait Input: Read + Seek + Send + Sync {
    /// The length in bytes, if it is known.
    fn byte_len(&self) -> Option<u64>;

    /// Whether any position can be sought to. Small steps back to what was just read are possible anyway.
    fn is_seekable(&self) -> bool;

    /// The bytes from `start` on, so many or up to the end, if they can be had without disturbing what is being read. Whatever
    /// goes wrong is `None`.
    fn aside(&mut self, _start: u64, _bytes: usize) -> Option<Vec<u8>> {
        None
    }
}

impl<T: AsRef<[u8]> + Send + Sync> Input for Cursor<T> {
    fn byte_len(&self) -> Option<u64> {
        Some(self.get_ref().as_ref().len() as u64)
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn aside(&mut self, start: u64, bytes: usize) -> Option<Vec<u8>> {
        let rest = self.get_ref().as_ref().get(usize::try_from(start).ok()?..)?;
        rest.get(..bytes.min(rest.len())).map(<[u8]>::to_vec)
    }
}

/// A buffered [`Input`] that knows its position.
pub(crate) struct ByteReader {
    inner: BufReader<Box<dyn Input>>,
    position: u64,
    wants: Wants,
    /// What ended the last read, when something had been read before it.
    fault: Option<Fault>,
}

impl ByteReader {
    /// Reads `input` from its first byte on.
    pub(crate) fn new(mut input: Box<dyn Input>, wants: Wants) -> Result<Self, Fault> {
        input.seek(SeekFrom::Start(0))?;
        Ok(Self { inner: BufReader::with_capacity(32 * 1024, input), position: 0, wants, fault: None })
    }

    /// Reads bytes that are at hand.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let inner: Box<dyn Input> = Box::new(Cursor::new(bytes));
        Self { inner: BufReader::new(inner), position: 0, wants: Wants::default(), fault: None }
    }

    /// What tags are wanted for.
    pub(crate) fn wants(&self) -> Wants {
        self.wants
    }

    /// The byte that comes next.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn byte_len(&self) -> Option<u64> {
        self.inner.get_ref().byte_len()
    }

    pub(crate) fn is_seekable(&self) -> bool {
        self.inner.get_ref().is_seekable()
    }

    /// As [`Input::aside`].
    pub(crate) fn aside(&mut self, start: u64, bytes: usize) -> Option<Vec<u8>> {
        self.inner.get_mut().aside(start, bytes)
    }

    /// The last bytes, at most so many, if they can be had aside.
    pub(crate) fn tail(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let start = self.byte_len()?.saturating_sub(bytes as u64);
        self.aside(start, bytes)
    }

    /// Fills `buf` as far as there is something left; less than its length means the end.
    pub(crate) fn fill(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        let filled = self.fill_some(buf)?;
        // What was read of something that must be whole is of no use.
        self.fault.take().map_or(Ok(filled), Err)
    }

    /// As [`fill`](Self::fill), but what was read before a fault is given out, and the fault the next time.
    pub(crate) fn fill_some(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(n) => {
                    filled += n;
                    self.position += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled == 0 => return Err(error.into()),
                Err(error) => {
                    self.fault = Some(error.into());
                    break;
                }
            }
        }
        Ok(filled)
    }

    /// The next `N` bytes, or a truncation.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        match self.fill(&mut array)? {
            n if n == N => Ok(array),
            _ => Err(Fault::truncated("ends inside its header")),
        }
    }

    /// The next bytes, so many or up to the end. The caller bounds the number.
    pub(crate) fn up_to(&mut self, bytes: usize) -> Result<Vec<u8>, Fault> {
        let mut all = vec![0; bytes];
        let filled = self.fill(&mut all)?;
        all.truncate(filled);
        Ok(all)
    }

    /// Moves on by `bytes`.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
        self.seek(self.position.saturating_add(bytes))
    }

    /// Moves to byte `position`.
    pub(crate) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        match i64::try_from(i128::from(position) - i128::from(self.position)) {
            Ok(by) => self.inner.seek_relative(by)?,
            Err(_) => return Err(Fault::truncated("points beyond any file")),
        }
        self.position = position;
        self.fault = None;
        Ok(())
    }
}
