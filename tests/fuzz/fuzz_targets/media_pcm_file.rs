//! WAV, RF64, Wave64, AIFF and AIFF-C. A sound file's first two chunks are put in, because no fuzzer guesses them; the input
//! says which of the first one's bits are others.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

/// A file's beginning, up to the content of its first chunk; that content; and what stands before the samples.
type Kind = [Vec<u8>; 3];

/// Stereo, 44.1 kHz, 16 bits.
const WAVE: &[u8] = b"\x01\x00\x02\x00\x44\xac\x00\x00\x10\xb1\x02\x00\x04\x00\x10\x00";
const AIFF: &[u8] = b"\x00\x02\x00\x00\x00\x10\x00\x10\x40\x0e\xac\x44\x00\x00\x00\x00\x00\x00";
const AIFC: &[u8] = b"NONE\x00\x00";
/// Sizes of the file and of its samples, their number, and an empty table.
const DS64: &[u8] = b"\xff\xff\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0";
const SSND: &[u8] = b"SSND\x00\x00\x00\x48\x00\x00\x00\x00\x00\x00\x00\x00";

/// An identifier of Wave64: one of RIFF's, and always the same behind it.
fn guid(name: &[u8; 4]) -> Vec<u8> {
    [&name[..], b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"].concat()
}

fn kind(number: u8) -> Kind {
    let of = |beginning: &[u8], first: &[u8], second: &[u8]| [beginning, first, second].map(<[u8]>::to_vec);
    match number % 5 {
        0 => of(b"RIFF\xff\xff\x00\x00WAVEfmt \x10\x00\x00\x00", WAVE, b"data\x40\x00\x00\x00"),
        1 => {
            let second = [b"fmt \x10\x00\x00\x00", WAVE, b"data\xff\xff\xff\xff"].concat();
            of(b"RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00", DS64, &second)
        }
        2 => of(b"FORM\x00\x00\xff\xffAIFFCOMM\x00\x00\x00\x12", AIFF, SSND),
        3 => of(b"FORM\x00\x00\xff\xffAIFCCOMM\x00\x00\x00\x18", &[AIFF, AIFC].concat(), SSND),
        _ => {
            let file = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
            let sizes = [0xffff_u64, 40, 88].map(u64::to_le_bytes);
            let beginning = [&file[..], &sizes[0], &guid(b"wave"), &guid(b"fmt "), &sizes[1]].concat();
            of(&beginning, WAVE, &[&guid(b"data")[..], &sizes[2]].concat())
        }
    }
}

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let Some((&number, rest)) = data.split_first() else { return };
    let [beginning, mut first, second] = kind(number);
    let (others, samples) = rest.split_at(first.len().min(rest.len()));
    for (byte, bits) in first.iter_mut().zip(others) {
        *byte ^= bits;
    }
    media_input::play([&beginning[..], &first, &second, samples].concat(), None);
});
