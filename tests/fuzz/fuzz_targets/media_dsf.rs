//! DSF: a plausible beginning, then any chunks.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let mut file = b"DSD \x1c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let Some((&first, rest)) = data.split_first() else { return };
    if first % 2 == 1 {
        // A format that is taken, with whatever numbers.
        let (numbers, rest) = rest.split_at(rest.len().min(24));
        file.extend(b"fmt \x34\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\0\x11\x2b\0\x01\0\0\0");
        file.extend(numbers);
        file.resize(28 + 52, 0);
        file.extend(b"data");
        file.extend(rest);
    } else {
        file.extend(rest);
    }
    media_input::play(file, None);
});
