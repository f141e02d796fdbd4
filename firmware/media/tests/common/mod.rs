//! What the tests of this crate share.
#![allow(dead_code, unreachable_pub, reason = "every test crate uses a part of it")]

pub mod encode;
pub mod material;
pub mod server;

use std::io::Cursor;

use media::{Error, Track};
use pcm::{Encoding, Samples};

/// Opens bytes in memory.
pub fn open(bytes: Vec<u8>) -> Result<Track, Error> {
    media::open_input(Box::new(Cursor::new(bytes)), "test", None)
}

/// Everything a track gives, interleaved: right-justified integers, or float bits.
pub fn decode(track: &mut Track) -> Result<Vec<i32>, Error> {
    let mut all = Vec::new();
    decode_into(track, &mut all)?;
    Ok(all)
}

/// As [`decode`], but keeps what came before an error.
pub fn decode_into(track: &mut Track, all: &mut Vec<i32>) -> Result<(), Error> {
    let source = track.info().source;
    while let Some(samples) = track.read()? {
        assert!(samples.frames() > 0, "an empty block");
        assert_eq!(samples.channels(), usize::from(source.channels));
        append(&samples, source.bits, source.encoding, all);
    }
    Ok(())
}

fn append(samples: &Samples<'_>, bits: u16, encoding: Encoding, all: &mut Vec<i32>) {
    let frames = samples.frames();
    let mut interleave = |channel: usize, channels: usize, values: &mut dyn Iterator<Item = i32>| {
        let start = all.len() - if channel == 0 { 0 } else { frames * channels };
        if channel == 0 {
            all.resize(start + frames * channels, 0);
        }
        for (frame, value) in values.enumerate() {
            all[start + frame * channels + channel] = value;
        }
    };
    let channels = samples.channels();
    match samples {
        Samples::S16(planes) => {
            for (n, plane) in planes.iter().enumerate() {
                interleave(n, channels, &mut plane.iter().map(|&x| i32::from(x) >> (16 - bits)));
            }
        }
        Samples::S32(planes) => {
            for (n, plane) in planes.iter().enumerate() {
                interleave(n, channels, &mut plane.iter().map(|&x| x >> (32 - bits)));
            }
        }
        Samples::F32(planes) => {
            assert_ne!(encoding, Encoding::Integer);
            for (n, plane) in planes.iter().enumerate() {
                interleave(n, channels, &mut plane.iter().map(|&x| x.to_bits() as i32));
            }
        }
        Samples::Dsd(_) => panic!("PCM expected"),
    }
}

/// Asserts equality without printing a million numbers.
#[track_caller]
pub fn assert_same(got: &[i32], wanted: &[i32], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}: number of samples");
    let difference = got.iter().zip(wanted).position(|(a, b)| a != b);
    if let Some(at) = difference {
        panic!("{what}: sample {at} is {:#x}, should be {:#x}", got[at], wanted[at]);
    }
}
