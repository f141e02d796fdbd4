//! Tags in every place where they may lie; whatever is read is within its bounds.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

/// One frame of silence.
const WAV: &[u8] = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data\x04\0\0\0\0\0\0\0";

/// A tag of any version and flags, and audio behind it.
fn id3(data: &[u8]) -> Vec<u8> {
    let (head, body) = data.split_at(data.len().min(2));
    let size = body.len() as u32;
    let mut file = b"ID3".to_vec();
    file.extend([head.first().map_or(3, |version| version % 6), 0, head.get(1).copied().unwrap_or(0) & 0xef]);
    file.extend([size >> 21, size >> 14, size >> 7, size].map(|part| (part & 0x7f) as u8));
    [&file, body, WAV].concat()
}

fn flac(comments: &[u8]) -> Vec<u8> {
    let mut file = b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0a\xc4\x42\xf0\0\0\0\0".to_vec();
    file.extend([0; 16]);
    file.push(0x84);
    file.extend(&(comments.len() as u32).to_be_bytes()[1..]);
    [&file, comments].concat()
}

fn dff(chunks: &[u8]) -> Vec<u8> {
    let mut file = b"FRM8\0\0\0\0\0\x10\0\0DSD PROP\0\0\0\0\0\0\0\x22SND ".to_vec();
    file.extend(b"FS  \0\0\0\0\0\0\0\x04\0\x2b\x11\0CHNL\0\0\0\0\0\0\0\x02\0\x02DSD \0\0\0\0\0\0\0\x02\x69\x69");
    [&file, chunks].concat()
}

fn aiff(chunks: &[u8]) -> Vec<u8> {
    let mut file = b"FORM\0\x10\0\0AIFFCOMM\0\0\0\x12\0\x02\0\0\0\x01\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0".to_vec();
    file.extend(b"SSND\0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0");
    [&file, chunks].concat()
}

fn dsf(tag: &[u8]) -> Vec<u8> {
    let mut file = b"DSD \x1c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x5e\0\0\0\0\0\0\0fmt \x34\0\0\0\0\0\0\0".to_vec();
    file.extend([1, 0, 2, 2, 2_822_400, 1, 8, 0, 1, 0].map(u32::to_le_bytes).concat());
    file.extend(b"data\x0e\0\0\0\0\0\0\0\x69\x69");
    [&file, tag].concat()
}

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let file = match first % 6 {
        0 => id3(rest),
        1 => flac(rest),
        2 => dff(rest),
        3 => aiff(rest),
        4 => [WAV, rest].concat(),
        _ => dsf(rest),
    };
    let Ok(track) = media::open_input(Box::new(Cursor::new(file)), "fuzz", None) else { return };
    let tags = &track.info().tags;
    for text in [&tags.title, &tags.artist, &tags.album].into_iter().flatten() {
        assert!(!text.is_empty() && text.trim() == text && text.chars().count() <= 1024);
        assert!(!text.chars().any(char::is_control));
    }
    for loudness in [tags.track_loudness, tags.album_loudness] {
        assert!(loudness.gain.is_none_or(|gain| gain.abs() <= 64.0));
        assert!(loudness.peak.is_none_or(|peak| peak > 0.0 && peak <= 16.0));
    }
});
