//! Writing and reading a datagram's fields in order.

use super::{BYTES, Datagram, DecodeError, TEXT_BYTES};

/// Fills a datagram. No message has more fields than fit: the tests encode every kind at its longest.
pub(super) struct Writer {
    bytes: Datagram,
    used: usize,
}

impl Writer {
    pub(super) fn new(kind: u32) -> Self {
        Self { bytes: [0; BYTES], used: 0 }.u32(kind)
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.put(&value.to_le_bytes())
    }

    /// Length, then the text, cut at a character's boundary.
    pub(super) fn text(self, text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(text.len().min(TEXT_BYTES))];
        self.u32(text.len() as u32).put(text.as_bytes())
    }

    pub(super) fn finish(self) -> Datagram {
        self.bytes
    }

    fn put(mut self, field: &[u8]) -> Self {
        self.bytes[self.used..self.used + field.len()].copy_from_slice(field);
        self.used += field.len();
        self
    }
}

/// Takes a datagram apart.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The message's kind, and its fields.
    pub(super) fn new(bytes: &'a [u8]) -> Result<(u32, Self), DecodeError> {
        if bytes.len() != BYTES {
            return Err(DecodeError::Length(bytes.len()));
        }
        let mut reader = Self { rest: bytes };
        Ok((reader.u32(), reader))
    }

    /// The next number; 0 behind the end, which no message reaches.
    pub(super) fn u32(&mut self) -> u32 {
        match self.rest.split_first_chunk() {
            Some((field, rest)) => {
                self.rest = rest;
                u32::from_le_bytes(*field)
            }
            None => 0,
        }
    }

    pub(super) fn text(&mut self) -> Result<String, DecodeError> {
        let bad = DecodeError::Field("text");
        let len = self.u32() as usize;
        let (text, rest) = self.rest.split_at_checked(len).filter(|_| len <= TEXT_BYTES).ok_or(bad)?;
        self.rest = rest;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_| bad)
    }

    /// Checks that nothing is left.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}
