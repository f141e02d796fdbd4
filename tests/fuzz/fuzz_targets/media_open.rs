//! Anything at all, as a track: opened by its content or by a hint, read to the end, sought in.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

const HINTS: [Option<&str>; 4] = [None, Some("audio/mpeg"), Some("audio/aac"), Some("audio/L24;rate=8000;channels=3")];

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    media_input::play(rest.to_vec(), HINTS[usize::from(first) % HINTS.len()]);
});
