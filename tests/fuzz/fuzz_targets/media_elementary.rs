//! MPEG audio and ADTS without a container: frame headers are put in, because no fuzzer finds one frame after the other.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

/// Layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
const MP3: ([u8; 4], usize) = ([0xff, 0xfb, 0x90, 0x00], 417);
/// AAC-LC, 44.1 kHz, stereo, 64 bytes (ISO/IEC 14496-3, 1.A.2.2).
const ADTS: ([u8; 7], usize) = ([0xff, 0xf1, 0x50, 0x80, 0x08, 0x1f, 0xfc], 64);

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let (header, length, mime) = if first & 1 == 0 {
        (&MP3.0[..], MP3.1, "audio/mpeg")
    } else {
        (&ADTS.0[..], ADTS.1, "audio/aac")
    };
    let mut file = Vec::new();
    // A piece that is longer than a frame spoils the header behind it, which is wanted as well.
    for content in rest.split(|&byte| byte == 0xfe) {
        let end = file.len() + length.max(header.len() + content.len());
        file.extend_from_slice(header);
        file.extend_from_slice(content);
        if first & 2 == 0 {
            file.resize(end, 0);
        }
    }
    media_input::play(file, Some(mime));
});
