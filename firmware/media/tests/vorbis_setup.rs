//! A Vorbis file whose few bytes ask for hundreds of megabytes.

mod common;

use common::open;
use media::Kind;

/// A page (RFC 3533, 6) with one packet of at most 254 bytes.
fn page(flags: u8, sequence: u32, packet: &[u8]) -> Vec<u8> {
    let mut page = [b"OggS\0", &[flags][..], &[0; 12], &sequence.to_le_bytes(), &[0; 4]].concat();
    page.extend([1, packet.len() as u8]);
    page.extend(packet);
    let crc = page.iter().fold(0u32, |crc, &byte| {
        let shift = |crc: u32, _| if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
        (0..8).fold(crc ^ u32::from(byte) << 24, shift)
    });
    page[22..26].copy_from_slice(&crc.to_le_bytes());
    page
}

/// A file with one codebook of `entries` codewords, all of one `length`, in order of length.
fn file(channels: u8, entries: u32, length: u32) -> Vec<u8> {
    let identification =
        [b"\x01vorbis\0\0\0\0", &[channels][..], &44_100u32.to_le_bytes(), &[0; 12], b"\xb8\x01"].concat();
    let fields = [
        (0, 8),
        (0x56_43_42, 24),
        (1, 16),
        (entries, 24),
        (1, 1),
        (length - 1, 5),
        (entries, entries.ilog2() + 1),
        (0, 4),
    ];
    let (bits, _) =
        fields.into_iter().fold((0u128, 0), |(bits, at), (value, width)| (bits | u128::from(value) << at, at + width));
    let setup = [b"\x05vorbis", &bits.to_le_bytes()[..]].concat();
    [page(2, 0, &identification), page(0, 1, b"\x03vorbis"), page(4, 2, &setup)].concat()
}

#[test]
fn tables_that_no_encoder_asks_for_are_refused_by_name() {
    let error = open(file(2, 1 << 17, 17)).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt, "{error}");
    assert!(error.to_string().contains("132 MiB of tables"), "{error}");
    // One of a usual size is left to the decoder, which finds the rest of the header missing.
    let error = open(file(2, 256, 8)).unwrap_err();
    assert!(!error.to_string().contains("tables"), "{error}");
    let error = open(file(32, 256, 8)).unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(error.to_string().contains("32 channels"), "{error}");
}
