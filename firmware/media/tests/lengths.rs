//! How long a track is said to be where its header doesn't say it.

mod common;

use std::io::Write;

use common::encode::{ffmpeg, run, wav_of};
use common::material::{little_endian, signal, wave_format};
use common::server::{Server, send};
use common::{assert_same, decode, open};
use media::{Cancel, Kind, Limits, Location, Track, Wants};

const FRAMES: usize = 300_000;

fn material() -> Vec<u8> {
    wav_of(&signal(FRAMES, 2, 16), 2, 44_100, 16)
}

fn vorbis() -> Vec<u8> {
    run("oggenc", &["--quiet", "--serial", "1", "-o", "-", "-"], &material())
}

fn from(server: &Server, path: &str) -> Result<Track, media::Error> {
    media::open(
        &Location { url: server.url(path), mime: None, wants: Wants::default() },
        &Limits::default(),
        &Cancel::new(),
    )
}

#[test]
fn t08_oggs_last_page_tells_for_one_more_request() {
    let file = vorbis();
    let wanted = decode(&mut open(file.clone()).unwrap()).unwrap();
    let server = Server::of_file(file.clone(), "audio/ogg");
    let mut track = from(&server, "/a.ogg").unwrap();
    assert_eq!(track.info().frames, Some(FRAMES as u64));
    assert_same(&decode(&mut track).unwrap(), &wanted, "what follows");
    let ranges: Vec<_> = server.requests().iter().map(|request| request.header("Range").map(str::to_owned)).collect();
    let [None, Some(range)] = &ranges[..] else { panic!("{ranges:?}") };
    let first = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).unwrap();
    assert!(file.len() - first.parse::<usize>().unwrap() <= 80_000, "{range}");
}

#[test]
fn t16_a_server_without_ranges_is_asked_once() {
    let file = vorbis();
    let server = Server::start(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nContent-Length: {}\r\n\r\n", file.len());
        drop(stream.write_all(head.as_bytes()));
        drop(stream.write_all(&file));
    });
    let mut track = from(&server, "/a.ogg").unwrap();
    assert_eq!((track.info().frames, track.info().estimate), (None, None));
    assert_eq!(decode(&mut track).unwrap().len(), FRAMES * 2);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_end_that_cannot_be_looked_at_is_no_fault() {
    let file = vorbis();
    let server = Server::start(move |request, stream| {
        if request.header("Range").is_some() {
            drop(stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
        } else {
            send(request, stream, &file, "audio/ogg", file.len());
        }
    });
    let mut track = from(&server, "/a.ogg").unwrap();
    assert_eq!(track.info().frames, None);
    assert_eq!(decode(&mut track).unwrap().len(), FRAMES * 2);
}

#[test]
fn a_chain_or_a_recording_from_the_middle_has_no_length() {
    let second =
        run("oggenc", &["--quiet", "--serial", "1", "-o", "-", "-"], &wav_of(&signal(200_000, 2, 16), 2, 44_100, 16));
    assert_eq!(open([vorbis(), second].concat()).unwrap().info().frames, None, "a chain of equal numbers");
    let other = run("oggenc", &["--quiet", "--serial", "2", "-o", "-", "-"], &material());
    assert_eq!(open([vorbis(), other].concat()).unwrap().info().frames, None, "a chain");
    // Headers, then the pages from the middle on.
    let file = vorbis();
    let pages: Vec<usize> = (0..file.len()).filter(|&at| file[at..].starts_with(b"OggS")).collect();
    let zero = |&&at: &&usize| file[at + 6..at + 14] == [0; 8];
    let audio = *pages.iter().find(|at| !zero(at)).unwrap();
    let middle = pages[pages.len() / 2];
    assert_eq!(open([&file[..audio], &file[middle..]].concat()).unwrap().info().frames, None, "from the middle");
}

#[test]
fn t08_frames_of_one_bit_rate_are_estimated() {
    let near = |track: &Track, what: &str| {
        assert_eq!(track.info().frames, None, "{what}");
        let estimate = track.info().estimate.expect(what) as f64;
        assert!((estimate / FRAMES as f64 - 1.0).abs() < 0.05, "{what}: {estimate}");
    };
    near(&open(ffmpeg(&material(), "mp3", &["-b:a", "64k", "-write_xing", "0"])).unwrap(), "MP3");
    near(&open(ffmpeg(&material(), "aac", &["-c:a", "aac"])).unwrap(), "ADTS");
    assert_eq!(open(ffmpeg(&material(), "mp3", &["-q:a", "3"])).unwrap().info().estimate, None, "the tag says it");
}

#[test]
fn s6_a_wav_whose_data_size_was_never_filled_in_is_played() {
    let data = little_endian(&signal(4096, 2, 16), 2, 0);
    let format = wave_format(1, 2, 44_100, 16, None);
    let mut file = common::material::wav(&format, &data);
    let at = file.windows(4).position(|window| window == b"data").unwrap();
    file[at + 4..at + 8].fill(0);
    let frames = |file: Vec<u8>| decode(&mut open(file).unwrap()).unwrap().len() / 2;
    assert_eq!(frames(file.clone()), 4096, "the RIFF size counts it");
    // Really empty: a chunk follows.
    file.splice(at + 8.., *b"LIST\x04\0\0\0INFO");
    assert_eq!(open(file).unwrap_err().kind(), Kind::NotAudio);
}

#[test]
fn s6_frames_under_the_other_kinds_name_are_refused_with_both_names() {
    let (mp3, adts) = (ffmpeg(&material(), "mp3", &[]), ffmpeg(&material(), "aac", &["-c:a", "aac"]));
    for (file, mime, is) in [(mp3, "audio/aac", "is MP3"), (adts, "audio/mpeg", "is AAC (ADTS)")] {
        let error = from(&Server::of_file(file, mime), "/a").unwrap_err();
        assert_eq!(error.kind(), Kind::NotAudio);
        let text = error.to_string();
        assert!(text.contains(is) && text.contains(&format!("the server calls it {mime}")), "{text}");
    }
}
