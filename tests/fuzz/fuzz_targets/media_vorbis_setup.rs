//! Any setup header behind a good Vorbis identification header. Few bytes may ask a decoder for gigabytes: the fuzzer's limit on
//! memory would show it.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use libfuzzer_sys::fuzz_target;

fn page(file: &mut Vec<u8>, flags: u8, sequence: u32, packet: &[u8]) {
    let start = file.len();
    file.extend(b"OggS\0");
    file.push(flags);
    file.extend([0; 12]);
    file.extend(sequence.to_le_bytes());
    file.extend([0; 4]);
    let segments = packet.len() / 255 + 1;
    file.push(segments as u8);
    file.extend(std::iter::repeat_n(255, segments - 1));
    file.push((packet.len() % 255) as u8);
    file.extend(packet);
    let crc = media_input::ogg_crc(&file[start..]);
    file[start + 22..start + 26].copy_from_slice(&crc.to_le_bytes());
}

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let (&channels, setup) = data.split_first().unwrap_or((&2, &[]));
    let mut identification = b"\x01vorbis\0\0\0\0".to_vec();
    identification.push(channels);
    identification.extend(44_100u32.to_le_bytes());
    identification.extend([0; 12]);
    identification.extend([0xb8, 1]);
    let setup = [b"\x05vorbis", &setup[..setup.len().min(255 * 254 - 7)]].concat();
    let mut file = Vec::new();
    page(&mut file, 2, 0, &identification);
    page(&mut file, 0, 1, b"\x03vorbis\0\0\0\0\0\0\0\0\x01");
    page(&mut file, 0, 2, &setup);
    page(&mut file, 4, 3, &[0; 32]);
    media_input::play(file, None);
});
