//! Telling HE-AAC from AAC-LC where no header does.
//!
//! SBR data lies in a fill element at the end of an AAC frame (ISO 14496-3, 4.4.2.1 and 4.4.2.7): `110`, a count of
//! bytes, that many bytes of which the first four bits are 13 or 14, then `111` and less than a byte of padding. The
//! elements before it can't be read over without decoding them, but it can be found from its end: its length must lead
//! there exactly.

/// Whether most of these AAC frames end with SBR data. A frame without it looks like one with it about once in 500; so
/// all but one of at least four must.
pub(crate) fn has_sbr<'a>(frames: impl Iterator<Item = &'a [u8]>) -> bool {
    let (total, with) =
        frames.fold((0, 0), |(total, with), frame| (total + 1, with + usize::from(ends_with_sbr(frame))));
    total >= 4 && with + 1 >= total
}

fn ends_with_sbr(frame: &[u8]) -> bool {
    let bits = frame.len() * 8;
    let bit = |at: usize| frame.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let field = |at: usize, width: usize| (at..at + width).fold(0, |value, at| value << 1 | bit(at));
    (0..bits).any(|at| {
        if field(at, 3) != 6 {
            return false;
        }
        let (count, payload) = match field(at + 3, 4) {
            15 => (14 + field(at + 7, 8), at + 15),
            count => (count, at + 7),
        };
        let end = payload + count * 8;
        count > 0
            && end + 3 <= bits
            && bits - (end + 3) < 8
            && matches!(field(payload, 4), 13 | 14)
            && field(end, 3) == 7
            && field(end + 3, bits - (end + 3)) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_element_that_ends_where_the_frame_does() {
        // five bits of anything, 110 0010 1101 + 12 bits, 111, padding
        let frame = [0b1010_1110, 0b0010_1101, 0b0000_0000, 0b0000_1110];
        assert!(ends_with_sbr(&frame));
        let with = [&frame[..]; 5];
        assert!(has_sbr(with.into_iter()));
        let other_type = [0b1010_1110, 0b0010_0001, 0b0000_0000, 0b0000_1110];
        assert!(!ends_with_sbr(&other_type));
        let longer = [&frame[..], &[0]].concat();
        assert!(!ends_with_sbr(&longer));
        assert!(!has_sbr([&frame[..], &longer, &longer, &longer].into_iter()));
    }
}
