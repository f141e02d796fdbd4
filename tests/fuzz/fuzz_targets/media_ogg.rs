//! Ogg pages with whatever inside; their check sums are made right, because no fuzzer guesses them.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let mut file = Vec::new();
    for (sequence, content) in (0u32..).zip(data.split(|&byte| byte == 0xfe)) {
        let Some((&flags, packets)) = content.split_first() else { continue };
        let packets = &packets[..packets.len().min(255 * 254)];
        let start = file.len();
        file.extend(b"OggS\0");
        file.push(flags);
        file.extend((u64::from(sequence) * 1000).to_le_bytes());
        file.extend([0; 4]);
        file.extend(sequence.to_le_bytes());
        file.extend([0; 4]);
        let segments = packets.len() / 255 + 1;
        file.push(segments as u8);
        file.extend(std::iter::repeat_n(255, segments - 1));
        file.push((packets.len() % 255) as u8);
        file.extend(packets);
        let crc = media_input::ogg_crc(&file[start..]);
        file[start + 22..start + 26].copy_from_slice(&crc.to_le_bytes());
    }
    media_input::play(file, None);
});
