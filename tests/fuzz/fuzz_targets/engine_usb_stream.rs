//! What the kernel tells of a USB card's alternate settings, which the card's maker has written.
#![no_main]

#[path = "../../../firmware/engine/src/output/alsa/stream.rs"]
mod stream;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // A whole setting is seldom hit, so there is one to be completed, too.
    let (format, bits) = text.split_once('/').unwrap_or((&text, "24"));
    let setting = format!("Playback:\n  Altset 1\n    Format: {format}\n    Bits: {bits}\n{text}");
    for text in [&text[..], &setting] {
        for (format, bits) in stream::bits(text) {
            assert!(format.is_pcm() && (1..=32).contains(&bits));
        }
    }
});
