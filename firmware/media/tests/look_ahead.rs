//! What is looked at before it is read is read all the same, and nothing else is.

mod common;

use common::encode::{ffmpeg, flac, wav_of};
use common::material::signal;
use common::{decode, decode_into, open};
use media::{Kind, Track};

const FRAMES: usize = 100_000;

fn wav(bits: u16) -> Vec<u8> {
    wav_of(&signal(FRAMES, 2, bits), 2, 44_100, bits)
}

fn encoded(bits: u16) -> Vec<u8> {
    flac(&signal(FRAMES, 2, bits), 2, 44_100, bits, &[])
}

/// Looks at this many blocks; returns their frames.
fn look(track: &mut Track, blocks: usize) -> usize {
    let (mut seen, mut frames) = (0, 0);
    track.look_ahead(|samples| {
        seen += 1;
        frames += samples.frames();
        seen < blocks
    });
    frames
}

#[test]
fn what_was_looked_at_is_read_in_order() {
    for file in [wav(16), wav(24), encoded(16), encoded(24)] {
        let whole = decode(&mut open(file.clone()).unwrap()).unwrap();
        for blocks in [1, 2, 7, usize::MAX] {
            let mut track = open(file.clone()).unwrap();
            let frames = look(&mut track, blocks);
            assert!(frames > 0 && (frames == FRAMES) == (blocks == usize::MAX), "{frames} frames of {blocks} blocks");
            // What is ahead already isn't shown again.
            look(&mut track, 2);
            assert!(decode(&mut track).unwrap() == whole, "{blocks} blocks");
            assert!(track.read().unwrap().is_none());
            track.seek(0).unwrap();
            look(&mut track, 3);
            track.seek(5_000).unwrap();
            assert!(decode(&mut track).unwrap() == whole[10_000..], "a seek drops what is ahead");
        }
    }
}

#[test]
fn damage_is_told_when_it_is_read() {
    let file = encoded(16);
    let whole = decode(&mut open(file.clone()).unwrap()).unwrap();
    let mut track = open(file[..file.len() / 2].to_vec()).unwrap();
    let frames = look(&mut track, usize::MAX);
    assert!(frames > FRAMES / 4 && frames < FRAMES);
    let mut read = Vec::new();
    assert_eq!(decode_into(&mut track, &mut read).unwrap_err().kind(), Kind::Truncated);
    assert!(read == whole[..frames * 2]);
}

#[test]
fn what_are_no_integers_is_looked_at_one_block_ahead() {
    let file = ffmpeg(&wav(16), "ogg", &["-c:a", "libvorbis"]);
    let whole = decode(&mut open(file.clone()).unwrap()).unwrap();
    let mut track = open(file).unwrap();
    let frames = look(&mut track, usize::MAX);
    assert!(frames > 0 && frames < 10_000, "{frames}");
    assert!(decode(&mut track).unwrap() == whole);
}
