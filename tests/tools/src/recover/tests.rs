use support::decode::{Layout, Reference};
use support::digest::sha256;
use support::material::Shape;

use super::*;

/// A raw file of these bytes, as one stream.
fn stream(format: &str, channels: u16, bytes: &[u8]) -> (tempfile::TempDir, Stream) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("0001.raw");
    std::fs::write(&file, bytes).expect("write");
    let stream = Stream { file, format: format.into(), dop: false, rate: 44_100, channels, frames: None, scaled: None };
    (dir, stream)
}

/// The bytes of a sound card that got this shape, by the independent packing.
fn packed(shape: &Shape, layout: Layout) -> Vec<u8> {
    let reference =
        Reference { rate: shape.rate, channels: shape.channels, bits: Some(shape.bits), samples: shape.samples() };
    reference.packed(layout).expect("wide enough")
}

const LAYOUTS: [(&str, Layout, u16); 4] = [
    ("S16_LE", Layout::S16, 16),
    ("S24_3LE", Layout::S24Packed, 24),
    ("S24_LE", Layout::S24, 24),
    ("S32_LE", Layout::S32, 32),
];

#[test]
fn every_depth_comes_back_from_every_format_that_holds_it() {
    for (name, layout, width) in LAYOUTS {
        for bits in [8, 12, 16, 20, 24, 32] {
            for channels in [1, 2, 8] {
                let shape = Shape::stereo(44_100, bits, 1001).channels(channels);
                if bits > width {
                    continue;
                }
                let own = packed(&shape, layout);
                let frame = own.len() / 1001;
                // Silence around it, as pre-roll and drain are.
                let mut bytes = vec![0; 7 * frame];
                bytes.extend(&own);
                bytes.extend(vec![0; 3 * frame]);
                let (_dir, stream) = stream(name, channels, &bytes);
                let source = Source { bits, channels };
                let got = recover(&[Part { stream: &stream, start: 7, end: 1008 }], Some(source)).expect("readable");
                assert_eq!(got.fault, None, "{name} {shape:?}");
                assert_eq!(got.md5, Some(shape.md5()), "{name} {shape:?}");
                assert_eq!(got.wire_sha256, sha256(&own));
                assert_eq!(first_sound(&stream, 0, 1011).expect("readable"), Some(7));
                assert_eq!(first_sound(&stream, 1008, 1011).expect("readable"), None);
            }
        }
    }
}

#[test]
fn a_wire_that_cannot_hold_the_source_gives_no_md5() {
    let shape = Shape::stereo(44_100, 16, 50);
    let (_dir, stream) = stream("S16_LE", 2, &packed(&shape, Layout::S16));
    for (bits, channels) in [(24, 2), (16, 6), (0, 2), (33, 2)] {
        let got =
            recover(&[Part { stream: &stream, start: 0, end: 50 }], Some(Source { bits, channels })).expect("readable");
        assert_eq!((got.md5, got.fault), (None, None));
    }
    assert_eq!(recover(&[Part { stream: &stream, start: 0, end: 50 }], None).expect("readable").md5, None);
}

#[test]
fn a_duplicated_mono_source_is_recovered_and_a_false_copy_is_not() {
    let shape = Shape::stereo(44_100, 16, 100).channels(1);
    let mut bytes: Vec<u8> = packed(&shape, Layout::S16)
        .chunks_exact(2)
        .flat_map(|sample| [sample[0], sample[1], sample[0], sample[1]])
        .collect();
    let source = Some(Source { bits: 16, channels: 1 });
    let (_dir, good) = stream("S16_LE", 2, &bytes);
    let got = recover(&[Part { stream: &good, start: 0, end: 100 }], source).expect("readable");
    assert_eq!(got.md5, Some(shape.md5()));
    bytes[42 * 4 + 2] ^= 1;
    let (_dir, false_copy) = stream("S16_LE", 2, &bytes);
    let got = recover(&[Part { stream: &false_copy, start: 0, end: 100 }], source).expect("readable");
    let fault = got.fault.expect("a fault");
    assert!(got.md5.is_none() && fault.contains("frame 42"), "{fault}");
}

#[test]
fn a_dropped_bit_that_is_set_and_a_wrong_sign_byte_are_faults() {
    let shape = Shape::stereo(44_100, 20, 30_000);
    let source = Some(Source { bits: 20, channels: 2 });
    let mut bytes = packed(&shape, Layout::S24Packed);
    bytes[29_999 * 6] |= 1;
    let (_dir, dithered) = stream("S24_3LE", 2, &bytes);
    let fault = recover(&[Part { stream: &dithered, start: 0, end: 30_000 }], source).expect("readable").fault;
    assert!(fault.expect("a fault").contains("frame 29999, channel 0"));
    let mut bytes = packed(&shape, Layout::S24);
    bytes[8 * 5 + 3] ^= 0xff;
    let (_dir, unsigned) = stream("S24_LE", 2, &bytes);
    let fault = recover(&[Part { stream: &unsigned, start: 0, end: 30_000 }], source).expect("readable").fault;
    assert!(fault.expect("a fault").contains("sign"));
}

#[test]
fn a_raw_file_that_is_too_short_or_of_an_unknown_format_is_an_error() {
    let (_dir, short) = stream("S16_LE", 2, &[0; 10]);
    assert!(recover(&[Part { stream: &short, start: 0, end: 3 }], None).is_err());
    assert!(recover(&[Part { stream: &short, start: 0, end: 2 }], None).is_ok());
    let (_dir, odd) = stream("FLOAT_LE", 2, &[0; 16]);
    assert!(recover(&[Part { stream: &odd, start: 0, end: 1 }], None).is_err());
}

#[test]
fn no_frames_have_the_digests_of_nothing() {
    let (_dir, stream) = stream("S16_LE", 2, &[]);
    let source = Source { bits: 16, channels: 2 };
    let got = recover(&[Part { stream: &stream, start: 0, end: 0 }], Some(source)).expect("readable");
    assert_eq!(got.md5.as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
    assert_eq!(got.wire_sha256, sha256(b""));
}

#[test]
fn parts_in_streams_of_their_own_are_one_track() {
    let shape = Shape::stereo(44_100, 16, 1001);
    let (narrow, wide) = (packed(&shape, Layout::S16), packed(&shape, Layout::S32));
    let (_one, before) = stream("S16_LE", 2, &narrow);
    let (_two, behind) = stream("S32_LE", 2, &wide);
    let parts = [Part { stream: &before, start: 0, end: 400 }, Part { stream: &behind, start: 400, end: 1001 }];
    let source = Some(Source { bits: 16, channels: 2 });
    let got = recover(&parts, source).expect("readable");
    assert_eq!((got.fault, got.md5), (None, Some(shape.md5())));
    assert_eq!(got.wire_sha256, sha256(&[&narrow[..1600], &wide[3200..]].concat()));
    // What one of them can't hold, nobody has.
    let (_three, byte) = stream("S16_LE", 1, &narrow);
    let parts = [Part { stream: &byte, start: 0, end: 10 }, parts[1]];
    assert_eq!(recover(&parts, source).expect("readable").md5, None);
    // The frame is counted from the track's beginning.
    let (_four, loud) = stream("S32_LE", 2, &[&wide[..3200], &[1; 8][..]].concat());
    let parts = [Part { stream: &before, start: 0, end: 400 }, Part { stream: &loud, start: 400, end: 401 }];
    let got = recover(&parts, source).expect("readable");
    assert!(got.fault.is_some_and(|fault| fault.starts_with("frame 400,")) && got.md5.is_none());
}
