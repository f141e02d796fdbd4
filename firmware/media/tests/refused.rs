//! What is well-formed and no audio is refused by name: rates that carry no sound, and tracks without a frame.

mod common;

use std::io::{Cursor, Write};

use common::encode::{ffmpeg, flac, wav_of};
use common::material::{aiff, big_endian, signal, wav, wav_with_sizes, wave_format};
use common::server::Server;
use common::{decode, open};
use media::{Cancel, Error, Kind, Limits, Location, Track, Wants};

fn open_l16(media_type: &str) -> Result<Track, Error> {
    media::open_input(Box::new(Cursor::new(vec![1; 400])), "test", Some(media_type))
}

fn assert_refused(opened: Result<Track, Error>, kind: Kind, detail: &str, what: &str) {
    let error = opened.err().unwrap_or_else(|| panic!("{what} is played"));
    assert_eq!((error.kind(), error.detail()), (kind, detail), "{what}");
}

#[test]
fn rates_below_1_khz_are_refused_in_every_container() {
    let samples = signal(2_000, 2, 16);
    let big = big_endian(&samples, 2, 0);
    for rate in [1, 7, 999] {
        let wav = wav_of(&samples, 2, rate, 16);
        let files = [
            ("Wave64", ffmpeg(&wav, "w64", &[])),
            ("RF64", ffmpeg(&wav, "wav", &["-rf64", "always"])),
            ("WAV", wav),
            ("AIFF", aiff(2, rate, 16, None, &big)),
            ("FLAC", flac(&samples, 2, rate, 16, &[])),
            ("Ogg", flac(&samples, 2, rate, 16, &["--ogg"])),
        ];
        let detail = format!("{rate} Hz; at least 1000 are played");
        for (container, file) in files {
            assert_refused(open(file), Kind::Unsupported, &detail, container);
        }
        let media_type = format!("audio/L16;rate={rate};channels=2");
        assert_refused(open_l16(&media_type), Kind::Unsupported, &detail, "L16");
    }
    assert_eq!(decode(&mut open(wav_of(&samples, 2, 1000, 16)).unwrap()).unwrap().len(), samples.len());
    assert!(open_l16("audio/L16;rate=1000;channels=2").is_ok());
}

#[test]
fn a_track_without_a_frame_is_refused() {
    let format = wave_format(1, 2, 44_100, 16, None);
    let tagged = [wav_with_sizes(&format, &[], 36 + 12, 0), b"LIST\x04\0\0\0INFO".to_vec()].concat();
    let files = [
        ("WAV", wav(&format, &[])),
        ("WAV of a streaming server", wav_with_sizes(&format, &[], u32::MAX, u32::MAX)),
        ("WAV with tags", tagged),
        ("a part of a frame", wav(&format, &[1, 2])),
        ("AIFF", aiff(2, 44_100, 16, None, &[])),
    ];
    for (what, file) in files {
        assert_refused(open(file), Kind::NotAudio, "no audio frames", what);
    }
}

/// Where nobody says how much there is, that there is nothing is found out at the end; and it stays so.
#[test]
fn a_stream_without_a_frame_ends_in_that_fault() {
    let server =
        Server::start(|_, stream| {
            drop(stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: audio/L16\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ));
        });
    let location = Location { url: server.url("/"), mime: None, wants: Wants::default() };
    let mut track = media::open(&location, &Limits::default(), &Cancel::new()).unwrap();
    for _ in 0..2 {
        let error = track.read().map(|read| read.is_some()).unwrap_err();
        assert_eq!((error.kind(), error.detail()), (Kind::NotAudio, "no audio frames"));
    }
}

/// Sought to its very end a track ends well, though no frame was read of it.
#[test]
fn an_end_that_was_sought_is_no_fault() {
    let samples = signal(500, 2, 16);
    let mut track = open(wav_of(&samples, 2, 44_100, 16)).unwrap();
    track.seek(500).unwrap();
    assert!(track.read().unwrap().is_none());
    track.seek(0).unwrap();
    assert_eq!(decode(&mut track).unwrap().len(), samples.len());
}
