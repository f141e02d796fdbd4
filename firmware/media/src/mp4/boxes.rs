//! Boxes in memory (ISO 14496-12, 4.2).

/// A box's type.
pub(super) type Kind = [u8; 4];

/// The boxes in `bytes`, one after the other; stops where they make no sense.
pub(super) fn boxes(bytes: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (&[a, b, c, d, kind @ ..], body) = rest.split_first_chunk::<8>()?;
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        let length = match size {
            0 => body.len(),
            size => size.checked_sub(8)?,
        };
        let (content, behind) = body.split_at_checked(length)?;
        rest = behind;
        Some((kind, content))
    })
}

/// The first box of a kind.
pub(super) fn find<'a>(bytes: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    boxes(bytes).find(|(other, _)| other == kind).map(|(_, content)| content)
}

/// The box at the end of a path.
pub(super) fn find_path<'a>(bytes: &'a [u8], path: &[&Kind]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, kind| find(bytes, kind))
}

/// Numbers from the start of a slice.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// A number of 64 bits in version 1 of a box, of 32 in version 0.
    pub(super) fn by_version(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_end_where_they_make_no_sense() {
        let bytes = b"\0\0\0\x0aabcdxy\0\0\0\x07efgh\0\0";
        assert_eq!(boxes(bytes).collect::<Vec<_>>(), [(*b"abcd", &b"xy"[..])]);
        assert_eq!(boxes(b"\0\0\0\0last123").collect::<Vec<_>>(), [(*b"last", &b"123"[..])]);
        assert_eq!(boxes(b"\xff\xff\xff\xffhuge").count(), 0);
        assert_eq!(find_path(b"\0\0\0\x11outr\0\0\0\x09innrx", &[b"outr", b"innr"]), Some(&b"x"[..]));
    }
}
