//! How much memory a Vorbis setup header asks for, found out before a decoder believes it.
//!
//! The header's codebooks say in a few bytes how large the decoder's tables are to be: a list in order of length can ask for
//! a hundred thousand codewords in twenty bytes, each of which may cost a table of its own, and there may be 256 books. Only
//! the codebooks are read here (Vorbis I specification, 3.2.1); nothing else in the header asks for more than the streams'
//! block size.

use crate::fault::Fault;

/// What all tables of a file may take, in bytes: three times the largest that libvorbis 1.3.7 writes at any quality from 8 to
/// 192 kHz with one to eight channels (4.1 MiB, 5.1 at quality 6; FFmpeg's encoder 1.3 MiB).
const MAX_BYTES: u64 = 12 << 20;

/// Bytes of a codeword in the lists that the decoder makes on the way: length, value, codeword, and their place in the tree.
const LIST_BYTES: u64 = 32;
/// Bytes of an entry in a decoding table.
const ENTRY_BYTES: u64 = 8;
/// Bytes of a vector's element.
const ELEMENT_BYTES: u64 = 4;

/// The longest codeword.
const MAX_LENGTH: usize = 32;

/// Reads the codebooks of a setup header.
///
/// # Errors
/// The header is none, is broken, or asks for more than any encoder's.
pub(super) fn check(packet: &[u8]) -> Result<(), Fault> {
    let broken = || Fault::corrupt("the Vorbis setup header is broken");
    let bytes = packet.strip_prefix(b"\x05vorbis").ok_or_else(broken)?;
    let total = tables(bytes).ok_or_else(broken)?;
    if total > MAX_BYTES {
        return Err(Fault::corrupt(format!("a Vorbis setup header that asks for {} MiB of tables", total >> 20)));
    }
    Ok(())
}

/// What the tables of all codebooks take, in bytes; `None` if they can't be read.
fn tables(bytes: &[u8]) -> Option<u64> {
    let mut bits = Bits { bytes, at: 0 };
    let books = bits.take(8)? + 1;
    (0..books).try_fold(0u64, |total, _| Some(total.saturating_add(codebook(&mut bits)?)))
}

/// What one codebook's tables take, in bytes.
fn codebook(bits: &mut Bits<'_>) -> Option<u64> {
    if bits.take(24)? != 0x56_43_42 {
        return None;
    }
    let dimensions = u64::from(bits.take(16)?);
    let entries = bits.take(24)?;
    let lengths = if bits.take(1)? == 1 { ordered_lengths(bits, entries)? } else { lengths(bits, entries)? };
    let entries = u64::from(entries);
    let elements = match bits.take(4)? {
        0 => 0,
        kind @ (1 | 2) => {
            bits.skip(64)?;
            let width = u64::from(bits.take(4)?) + 1;
            bits.skip(1)?;
            let values = if kind == 1 { lookup1_values(entries, dimensions) } else { entries * dimensions };
            bits.skip(values * width)?;
            entries * dimensions
        }
        _ => return None,
    };
    Some(tree(&lengths) * ENTRY_BYTES + entries * LIST_BYTES + elements * ELEMENT_BYTES)
}

/// How many codewords there are of each length, by length.
type Lengths = [u64; MAX_LENGTH + 1];

/// The lengths of entries one by one, of all or of those that are used.
fn lengths(bits: &mut Bits<'_>, entries: u32) -> Option<Lengths> {
    let sparse = bits.take(1)? == 1;
    let mut lengths = [0; MAX_LENGTH + 1];
    for _ in 0..entries {
        if !sparse || bits.take(1)? == 1 {
            *lengths.get_mut(bits.take(5)? as usize + 1)? += 1;
        }
    }
    Some(lengths)
}

/// How many entries have one length, the next, and so on.
fn ordered_lengths(bits: &mut Bits<'_>, entries: u32) -> Option<Lengths> {
    let mut lengths = [0; MAX_LENGTH + 1];
    let mut length = bits.take(5)? as usize + 1;
    let mut left = entries;
    while left > 0 {
        let number = bits.take(32 - left.leading_zeros())?;
        *lengths.get_mut(length)? += u64::from(number);
        left = left.checked_sub(number)?;
        length += 1;
    }
    Some(lengths)
}

/// The entries of the decoding tables for codewords of such lengths. Each table decides so many bits as the longest codeword
/// has, four at least and eight at most; where codewords go on beyond it, another table follows. As the tree of the codewords
/// is full (else the decoder refuses them), the codewords behind one such place fill it exactly.
fn tree(lengths: &Lengths) -> u64 {
    let longest = lengths.iter().rposition(|&number| number > 0).unwrap_or(0);
    let width = longest.clamp(4, 8);
    let behind = |depth: usize| {
        let longer = lengths.iter().enumerate().skip(depth + 1);
        // In parts of 2^-32 of the whole tree.
        let share: u64 = longer.map(|(length, &number)| number << (MAX_LENGTH - length)).sum();
        share.div_ceil(1 << (MAX_LENGTH - depth))
    };
    let tables = 1 + (width..MAX_LENGTH).step_by(width).map(behind).sum::<u64>();
    tables << width
}

/// The greatest number whose power of `dimensions` isn't greater than `entries` (9.2.3).
fn lookup1_values(entries: u64, dimensions: u64) -> u64 {
    let fits = |number: u64| {
        let exponent = u32::try_from(dimensions).unwrap_or(u32::MAX);
        number.checked_pow(exponent).is_some_and(|power| power <= entries)
    };
    if dimensions == 0 {
        return 0;
    }
    let (mut below, mut above) = (0, entries + 1);
    while above - below > 1 {
        let middle = below.midpoint(above);
        if fits(middle) { below = middle } else { above = middle }
    }
    below
}

/// Reads bits, the lowest of a byte first (2.1.4).
struct Bits<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Bits<'_> {
    /// The next `width` bits, at most 32.
    fn take(&mut self, width: u32) -> Option<u32> {
        let start = usize::try_from(self.at / 8).ok()?;
        self.skip(width.into())?;
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(self.bytes.get(start..)?) {
            *to = *from;
        }
        let value = u64::from_le_bytes(word) >> ((self.at - u64::from(width)) % 8);
        // At most 32 bits are left.
        Some((value & ((1 << width) - 1)) as u32)
    }

    fn skip(&mut self, width: u64) -> Option<()> {
        let end = self.at.checked_add(width)?;
        if end > self.bytes.len() as u64 * 8 {
            return None;
        }
        self.at = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bits as [`Bits`] reads them.
    #[derive(Default)]
    struct Writer {
        bytes: Vec<u8>,
        at: usize,
    }

    impl Writer {
        fn put(&mut self, value: u32, width: usize) -> &mut Self {
            for bit in 0..width {
                if self.at.is_multiple_of(8) {
                    self.bytes.push(0);
                }
                *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (self.at % 8);
                self.at += 1;
            }
            self
        }

        fn book(&mut self, dimensions: u32, entries: u32) -> &mut Self {
            self.put(0x56_43_42, 24).put(dimensions, 16).put(entries, 24)
        }

        /// A codebook whose codewords all have one length.
        fn flat(&mut self, dimensions: u32, length: u32) -> &mut Self {
            let entries = 1 << length;
            self.book(dimensions, entries).put(1, 1).put(length - 1, 5).put(entries, length as usize + 1)
        }

        fn header(&self) -> Vec<u8> {
            [b"\x05vorbis", &self.bytes[..]].concat()
        }
    }

    fn refusal(writer: &Writer) -> String {
        check(&writer.header()).unwrap_err().to_string()
    }

    #[test]
    fn a_tree_is_as_large_as_its_tables() {
        let tree_of = |pairs: &[(usize, u64)]| {
            let mut lengths = [0; MAX_LENGTH + 1];
            pairs.iter().for_each(|&(length, number)| lengths[length] = number);
            tree(&lengths)
        };
        assert_eq!(tree_of(&[(1, 2)]), 16);
        assert_eq!(tree_of(&[(8, 256)]), 256);
        assert_eq!(tree_of(&[(1, 1), (9, 256)]), 256 + 128 * 256);
        assert_eq!(tree_of(&[(17, 1 << 17)]), (1 + 256 + 65_536) * 256);
        // One of each length, and the last twice: one table each eight bits.
        let unary: Vec<_> = (1..=32).map(|length| (length, if length == 32 { 2 } else { 1 })).collect();
        assert_eq!(tree_of(&unary), 4 * 256);
    }

    #[test]
    fn values_of_the_first_lookup_type() {
        for (entries, dimensions, values) in
            [(0, 3, 0), (1, 1, 1), (81, 4, 3), (80, 4, 2), (6561, 8, 3), (1, 65_535, 1), (0xff_ffff, 1, 0xff_ffff)]
        {
            assert_eq!(lookup1_values(entries, dimensions), values, "{entries}, {dimensions}");
        }
        assert_eq!(lookup1_values(7, 0), 0);
    }

    #[test]
    fn a_few_bytes_that_ask_for_megabytes_are_refused() {
        // 128 Ki codewords of 17 bits: 128 MiB of decoding tables.
        let mut long = Writer::default();
        long.put(0, 8).flat(1, 17).put(0, 4);
        assert!(refusal(&long).contains("MiB of tables"), "{}", refusal(&long));
        // 256 times the same of 32 dimensions, which alone is small enough.
        let mut many = Writer::default();
        many.put(255, 8);
        for _ in 0..256 {
            many.flat(32, 9).put(1, 4).put(0, 32).put(0, 32).put(0, 4).put(0, 1).put(0, 1);
        }
        assert!(refusal(&many).contains("MiB of tables"), "{}", refusal(&many));
        let mut one = Writer::default();
        one.put(0, 8).flat(32, 9).put(1, 4).put(0, 32).put(0, 32).put(0, 4).put(0, 1).put(0, 1);
        check(&one.header()).unwrap();
    }

    #[test]
    fn sparse_dense_and_ordered_books_are_read_to_their_ends() {
        let mut books = Writer::default();
        books.put(2, 8);
        // Sparse: two of four used.
        books.book(1, 4).put(0, 1).put(1, 1);
        books.put(1, 1).put(0, 5).put(0, 1).put(1, 1).put(0, 5).put(0, 1).put(0, 4);
        // Dense, with vectors of the second type.
        books.book(2, 2).put(0, 1).put(0, 1).put(0, 5).put(0, 5);
        books.put(2, 4).put(0, 32).put(0, 32).put(7, 4).put(0, 1).put(0xff, 32);
        books.flat(1, 3).put(0, 4);
        let (end, header) = (books.at, books.header());
        assert_eq!(tables(&header[7..]), Some(3 * 16 * 8 + (4 + 2 + 8) * 32 + 4 * 4));
        assert_eq!(end.div_ceil(8), books.bytes.len());
        // Cut anywhere it is broken, and no panic.
        for length in 0..header.len() - 1 {
            assert!(check(&header[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn nonsense_is_broken() {
        assert!(check(b"").is_err());
        assert!(check(b"\x03vorbis").is_err());
        let mut no_sync = Writer::default();
        no_sync.put(0, 8).put(0, 32).put(0, 32);
        assert!(refusal(&no_sync).contains("broken"));
        let mut too_long = Writer::default();
        // In order of length, beyond 32 bits.
        too_long.put(0, 8).book(1, 2).put(1, 1).put(31, 5).put(0, 2).put(2, 2).put(0, 4);
        assert!(refusal(&too_long).contains("broken"));
    }
}
