//! DSDIFF: a plausible form, then any chunks.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let mut file = b"FRM8\0\0\0\0\0\x10\0\0DSD ".to_vec();
    let Some((&first, rest)) = data.split_first() else { return };
    if first % 2 == 1 {
        file.extend(b"PROP\0\0\0\0\0\0\0\x22SND FS  \0\0\0\0\0\0\0\x04\0\x2b\x11\0CHNL\0\0\0\0\0\0\0\x02\0\x02DSD ");
    }
    file.extend(rest);
    media_input::play(file, None);
});
