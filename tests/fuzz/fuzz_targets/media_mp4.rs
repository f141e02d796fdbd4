//! The movie box of an MP4 file, and what it points to.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let mut file = b"\0\0\0\x10ftypM4A \0\0\0\0".to_vec();
    file.extend((data.len() as u32 + 8).to_be_bytes());
    file.extend(b"moov");
    file.extend(data);
    file.extend(data);
    media_input::play(file, None);
});
