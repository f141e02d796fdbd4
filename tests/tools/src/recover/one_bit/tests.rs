use support::digest::sha256;
use support::material::{DsdShape, DsdWire};

use super::*;

/// A raw file of these bytes, as one stream.
fn stream(format: &str, dop: bool, rate: u32, channels: u16, bytes: &[u8]) -> (tempfile::TempDir, Stream) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("0001.raw");
    std::fs::write(&file, bytes).expect("write");
    (dir, Stream { file, format: format.into(), dop, rate, channels, frames: None, scaled: None })
}

const WIRES: [(&str, bool, DsdWire); 7] = [
    ("DSD_U8", false, DsdWire::Big(1)),
    ("DSD_U16_LE", false, DsdWire::Little(2)),
    ("DSD_U16_BE", false, DsdWire::Big(2)),
    ("DSD_U32_LE", false, DsdWire::Little(4)),
    ("DSD_U32_BE", false, DsdWire::Big(4)),
    ("S24_3LE", true, DsdWire::DopPacked),
    ("S32_LE", true, DsdWire::Dop32),
];

fn source(shape: &DsdShape) -> Option<OneBitSource> {
    Some(OneBitSource {
        rate: shape.rate,
        channels: shape.channels,
        bytes: Some(shape.bytes.into()),
        shared: Shared::default(),
    })
}

#[test]
fn the_bytes_come_back_from_every_wire_at_every_length() {
    for (name, dop, wire) in WIRES {
        for bytes in [0, 1, 2, 3, 4, 5, 1001] {
            for channels in [1, 2, 6] {
                let shape = DsdShape::stereo(64, bytes).channels(channels);
                let own = shape.wire(wire);
                let (_dir, stream) = stream(name, dop, shape.rate / (8 * wire.word() as u32), channels, &own);
                let got = recover(&stream, 0, shape.frames(wire), source(&shape)).expect("readable");
                assert_eq!(got.fault, None, "{name} {shape:?}");
                assert_eq!(got.md5, Some(shape.md5()), "{name} {shape:?}");
                assert_eq!(got.wire_sha256, sha256(&own));
            }
        }
    }
}

#[test]
fn a_word_that_two_tracks_share_gives_each_its_own_bytes() {
    for (name, dop, wire) in WIRES {
        let word = wire.word() as u32;
        for (first, second) in [(4 * 7 + 1, 9), (4 * 7 + 3, 1), (41, 42)] {
            // One stream, cut in two at a byte.
            let whole = DsdShape::stereo(64, first + second);
            let (_dir, stream) = stream(name, dop, whole.rate / (8 * word), 2, &whole.wire(wire));
            let behind = u64::from(first % word);
            let cut = u64::from(first / word);
            let of = |start, end, bytes: u32, shared| {
                let source = OneBitSource { bytes: Some(bytes.into()), shared, ..source(&whole)? };
                recover(&stream, start, end, Some(source)).ok()
            };
            let interleaved = whole.interleaved();
            let (left, right) = interleaved.split_at(first as usize * 2);
            let one = of(0, cut, first, Shared { before: 0, behind }).expect("readable");
            let other = of(cut, whole.frames(wire), second, Shared { before: behind, behind: 0 }).expect("readable");
            for (got, bytes) in [(one, left), (other, right)] {
                assert_eq!((got.fault, got.md5), (None, Some(hex(&Md5::digest(bytes)))), "{name} {first} {second}");
            }
        }
    }
}

#[test]
fn a_filling_that_is_not_silence_and_a_false_copy_are_faults() {
    let shape = DsdShape::stereo(64, 5).channels(1);
    let mono = shape.wire(DsdWire::Big(4));
    let mut twice: Vec<u8> = mono.chunks(4).flat_map(|word| [word, word].concat()).collect();
    let rate = shape.rate / 32;
    let (_dir, good) = stream("DSD_U32_BE", false, rate, 2, &twice);
    let got = recover(&good, 0, 2, source(&shape)).expect("readable");
    assert_eq!((got.md5, got.fault), (Some(shape.md5()), None));
    twice[6] ^= 1;
    let (_dir, copy) = stream("DSD_U32_BE", false, rate, 2, &twice);
    assert!(recover(&copy, 0, 2, source(&shape)).expect("readable").fault.is_some());
    let mut filled = mono;
    filled[7] = 0;
    let (_dir, filled) = stream("DSD_U32_BE", false, rate, 1, &filled);
    let got = recover(&filled, 0, 2, source(&shape)).expect("readable");
    assert!(got.md5.is_none() && got.fault.is_some_and(|fault| fault.contains("silence")));
}

#[test]
fn a_marker_that_does_not_take_its_turn_is_a_fault() {
    let shape = DsdShape::stereo(64, 40);
    let mut bytes = shape.wire(DsdWire::DopPacked);
    for at in [2, 5] {
        bytes[7 * 6 + at] ^= 0xff;
    }
    let (_dir, broken) = stream("S24_3LE", true, 176_400, 2, &bytes);
    let fault = recover(&broken, 0, 20, source(&shape)).expect("readable").fault.expect("a fault");
    assert!(fault.contains("frame 7"), "{fault}");
    bytes[7 * 6 + 2] ^= 0xff;
    let (_dir, unequal) = stream("S24_3LE", true, 176_400, 2, &bytes);
    assert!(recover(&unequal, 0, 20, source(&shape)).expect("readable").fault.is_some());
}

#[test]
fn silence_is_69_and_marked_in_turn() {
    let native = [[0x69; 8].as_slice(), &[0x69, 0x69, 0x68, 0x69]].concat();
    let (_dir, stream_) = stream("DSD_U16_LE", false, 176_400, 2, &native);
    assert_eq!(first_sound(&stream_, 0, 3).expect("readable"), Some(2));
    assert_eq!(first_sound(&stream_, 0, 2).expect("readable"), None);
    let dop: Vec<u8> = [5, 0xfa, 5, 5].into_iter().flat_map(|marker| [0, 0x69, 0x69, marker]).collect();
    let (_dir, stream) = stream("S32_LE", true, 176_400, 1, &dop);
    assert_eq!(first_sound(&stream, 0, 3).expect("readable"), None);
    assert_eq!(first_sound(&stream, 0, 4).expect("readable"), Some(3));
}
