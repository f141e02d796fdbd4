use proptest::{collection::vec, prelude::*};

use super::*;

const SIZE: usize = 2048;
/// What a medium writes whole or not at all; some don't keep to it, so cuts are tried at every byte, too.
const SECTOR: usize = 512;

type Copies = [Option<Vec<u8>>; 2];

/// Saves `content`, and returns the place that was written and what was there before.
fn save(copies: &mut Copies, content: &[u8]) -> (usize, Vec<u8>) {
    let (place, generation) = next(copies);
    let bytes = Record { generation, content: content.to_vec() }.encode(SIZE).unwrap();
    let before = copies[place].replace(bytes).unwrap_or_else(|| vec![0; SIZE]);
    (place, before)
}

fn loaded(copies: &Copies) -> Option<Vec<u8>> {
    newest(copies).map(|(_, record)| record.content)
}

#[test]
fn the_checksum_is_crc_32c() {
    // RFC 3720, appendix B.4.
    assert_eq!(checksum(&[0; 20], &[0; 12]), 0x8a91_36aa);
    assert_eq!(checksum(b"1234", b"56789"), 0xe306_9283);
}

#[test]
fn a_copy_is_read_back_and_too_much_does_not_fit() {
    let record = Record { generation: 7, content: b"{}".to_vec() };
    let bytes = record.encode(SIZE).unwrap();
    assert_eq!((bytes.len(), Record::decode(&bytes)), (SIZE, Some(record)));
    assert!(Record { generation: 1, content: vec![1; SIZE - HEADER] }.encode(SIZE).is_some());
    assert_eq!(Record { generation: 1, content: vec![1; SIZE - HEADER + 1] }.encode(SIZE), None);
}

#[test]
fn what_is_no_copy_is_none() {
    for bytes in [&[][..], &[0; 23], &[0; SIZE], &[0xff; SIZE], Record::MAGIC, b"a file of another program's"] {
        assert_eq!(Record::decode(bytes), None);
    }
    // A length beyond the end.
    let mut bytes = Record { generation: 1, content: vec![5; 100] }.encode(SIZE).unwrap();
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Record::decode(&bytes), None);
}

#[test]
fn a_power_cut_at_any_byte_leaves_the_old_or_the_new() {
    let mut copies = Copies::default();
    for content in [&b"first"[..], &[0x55; 700], &[0; SIZE - HEADER], b"", b"last"] {
        let old = loaded(&copies);
        let (place, before) = save(&mut copies, content);
        let after = copies[place].clone().unwrap();
        for cut in 0..=SIZE {
            let mut torn = copies.clone();
            torn[place] = Some([&after[..cut], &before[cut..]].concat());
            let found = loaded(&torn);
            assert!(found == old || found.as_deref() == Some(content), "cut at {cut}: {found:?}");
            // A file that is being made is short.
            torn[place] = Some(after[..cut].to_vec());
            let found = loaded(&torn);
            assert!(found == old || found.as_deref() == Some(content), "short at {cut}: {found:?}");
        }
        assert_eq!(loaded(&copies).as_deref(), Some(content));
    }
}

#[test]
fn a_bit_that_flips_in_the_newer_copy_brings_the_older_one_back() {
    let mut copies = Copies::default();
    save(&mut copies, b"old");
    let (place, _) = save(&mut copies, b"new");
    for bit in 0..SIZE * 8 {
        let mut flipped = copies.clone();
        flipped[place].as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit / 8 < HEADER + 3 { &b"old"[..] } else { b"new" };
        assert_eq!(loaded(&flipped).as_deref(), Some(expected), "bit {bit}");
        // And the next save doesn't go over the only one that is left.
        let kept = loaded(&flipped);
        let (place, generation) = next(&flipped);
        flipped[place] = None;
        assert_eq!(loaded(&flipped), kept);
        assert!(generation >= 2);
    }
}

proptest! {
    /// Sectors reach a medium in any order, and the one that the cut meets may hold anything.
    #[test]
    fn sectors_in_any_order_leave_the_old_or_the_new(
        saves in vec(vec(any::<u8>(), 0..SIZE - HEADER), 1..6),
        written in vec(any::<bool>(), SIZE / SECTOR),
        torn in 0..SIZE / SECTOR,
        junk in vec(any::<u8>(), SECTOR),
    ) {
        let mut copies = Copies::default();
        let (last, earlier) = saves.split_last().unwrap();
        for content in earlier {
            save(&mut copies, content);
        }
        let old = loaded(&copies);
        prop_assert_eq!(old.as_ref(), earlier.last());
        let (place, before) = save(&mut copies, last);
        let after = copies[place].clone().unwrap();
        let mut medium = before;
        for (sector, _) in written.iter().enumerate().filter(|(_, written)| **written) {
            let range = sector * SECTOR..(sector + 1) * SECTOR;
            medium[range.clone()].copy_from_slice(&after[range]);
        }
        for junk in [None, Some(&junk)] {
            if let Some(junk) = junk {
                medium[torn * SECTOR..(torn + 1) * SECTOR].copy_from_slice(junk);
            }
            copies[place] = Some(medium.clone());
            let found = loaded(&copies);
            prop_assert!(found == old || found.as_ref() == Some(last));
            // Whatever was found, the next save is found after it.
            let mut again = copies.clone();
            save(&mut again, b"again");
            prop_assert_eq!(loaded(&again).unwrap(), b"again");
        }
    }

    #[test]
    fn nothing_in_a_copy_is_believed(bytes in vec(any::<u8>(), 0..SIZE), magic in any::<bool>()) {
        let mut bytes = bytes;
        if magic && bytes.len() >= Record::MAGIC.len() {
            bytes[..Record::MAGIC.len()].copy_from_slice(Record::MAGIC);
        }
        if let Some(record) = Record::decode(&bytes) {
            prop_assert!(record.content.len() + HEADER <= bytes.len());
        }
    }
}
