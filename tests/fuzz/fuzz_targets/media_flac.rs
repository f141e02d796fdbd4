//! FLAC behind a plausible STREAMINFO.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let Some((packed, frames)) = data.split_first_chunk::<8>() else { return };
    let mut file = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    file.extend(packed);
    file.extend([0; 16]);
    file.extend(frames);
    media_input::play(file, None);
});
