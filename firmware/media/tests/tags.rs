//! Tags: of real files, wherever they lie; they never keep the music waiting, nor anything in memory.

mod common;

use std::io::Write;

use common::encode::{ffmpeg, flac, run, wav_of};
use common::material::signal;
use common::server::{Server, send};
use common::{decode, open};
use media::{Cancel, Limits, Location, Loudness, Tags, Track, Wants};

const FRAMES: usize = 20_000;

/// Title, artist and album, as ffmpeg and flac are told them.
const TEXTS: [(&str, &str); 3] = [("title", "Füße & <b>"), ("artist", "Ä 𝄞"), ("album", "=1\"2\"")];

fn material() -> Vec<u8> {
    wav_of(&signal(FRAMES, 2, 16), 2, 44_100, 16)
}

fn tags(file: Vec<u8>) -> Tags {
    let mut track = open(file).unwrap();
    let tags = track.info().tags.clone();
    assert!(decode(&mut track).unwrap().len() >= FRAMES * 2, "all the frames are there");
    tags
}

fn assert_texts(tags: &Tags, what: &str) {
    let found = [&tags.title, &tags.artist, &tags.album].map(Option::as_deref);
    assert_eq!(found, TEXTS.map(|(_, text)| Some(text)), "{what}");
}

#[test]
fn flac_by_its_own_programs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.flac");
    let options: Vec<String> =
        TEXTS.iter().map(|(name, text)| format!("--tag={}={text}", name.to_uppercase())).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    std::fs::write(&path, flac(&signal(FRAMES * 5, 2, 16), 2, 44_100, 16, &options)).unwrap();
    run("metaflac", &["--add-replay-gain", path.to_str().unwrap()], &[]);
    let tags = tags(std::fs::read(&path).unwrap());
    assert_texts(&tags, "FLAC");
    let shown = run("metaflac", &["--show-tag=REPLAYGAIN_TRACK_GAIN", path.to_str().unwrap()], &[]);
    let shown = String::from_utf8(shown).unwrap();
    let gain: f32 = shown.split(['=', ' ']).nth(1).unwrap().parse().unwrap();
    assert!(gain < -1.0, "{shown}");
    assert_eq!(tags.track_loudness.gain, Some(gain));
    // It is the only track of its album.
    assert_eq!((tags.album_loudness, tags.track_loudness.peak), (tags.track_loudness, Some(1.0)));
}

#[test]
fn what_ffmpeg_writes_in_every_format() {
    let metadata: Vec<String> = TEXTS.iter().map(|(name, text)| format!("{name}={text}")).collect();
    let gains = ["REPLAYGAIN_TRACK_GAIN=-7.25 dB", "REPLAYGAIN_TRACK_PEAK=1.25", "REPLAYGAIN_ALBUM_GAIN=+0.50 dB"];
    let mut all = Vec::new();
    for text in metadata.iter().map(String::as_str).chain(gains) {
        all.extend(["-metadata", text]);
    }
    let files: [(&str, &[&str]); 9] = [
        ("mp3", &["-id3v2_version", "3"]),
        ("mp3", &["-id3v2_version", "4"]),
        ("flac", &[]),
        ("ogg", &["-c:a", "libvorbis"]),
        ("ogg", &["-c:a", "flac"]),
        // ffmpeg writes items of its own choice; those with other names only with this.
        ("m4a", &["-c:a", "alac", "-movflags", "use_metadata_tags"]),
        ("m4a", &["-c:a", "aac"]),
        ("aiff", &["-write_id3v2", "1"]),
        ("wav", &[]),
    ];
    for (extension, options) in files {
        let what = format!("{extension} {options:?}");
        let tags = tags(ffmpeg(&material(), extension, &[&all[..], options].concat()));
        if options.contains(&"use_metadata_tags") {
            // These are QuickTime's keys, which nobody else writes.
            continue;
        }
        assert_texts(&tags, &what);
        // Neither iTunes' items nor RIFF's have a place for it in what ffmpeg writes.
        if extension != "m4a" && extension != "wav" {
            assert_eq!(tags.track_loudness, Loudness { gain: Some(-7.25), peak: Some(1.25) }, "{what}");
            assert_eq!(tags.album_loudness, Loudness { gain: Some(0.5), peak: None }, "{what}");
        }
    }
}

/// A frame of ID3v2.3.
fn frame(id: &str, content: &[u8]) -> Vec<u8> {
    [id.as_bytes(), &(content.len() as u32).to_be_bytes(), &[0, 0], content].concat()
}

/// A tag with a picture before its texts.
fn id3(picture: usize) -> Vec<u8> {
    let mut body = frame("APIC", &vec![0x55; picture]);
    for (id, (_, text)) in ["TIT2", "TPE1", "TALB"].into_iter().zip(TEXTS) {
        let utf_16 = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes);
        body.extend(frame(id, &[1].into_iter().chain(utf_16).collect::<Vec<u8>>()));
    }
    body.extend(frame("TXXX", b"\0replaygain_track_gain\0-3.00 dB"));
    let size = body.len() as u32;
    [b"ID3\x03\0\0", &[size >> 21, size >> 14, size >> 7, size].map(|part| (part & 0x7f) as u8)[..], &body].concat()
}

/// DSF of so many bytes of each of two channels, with a tag behind it.
fn dsf(bytes: usize, tag: &[u8]) -> Vec<u8> {
    let data = vec![0x69; bytes.next_multiple_of(4096) * 2];
    let pointer = 92 + data.len() as u64;
    let mut file = b"DSD ".to_vec();
    file.extend([28, pointer + tag.len() as u64, pointer].map(u64::to_le_bytes).concat());
    file.extend(b"fmt \x34\0\0\0\0\0\0\0");
    file.extend([1, 0, 2, 2, 2_822_400, 1u32].map(u32::to_le_bytes).concat());
    file.extend((bytes as u64 * 8).to_le_bytes());
    file.extend([4096, 0u32].map(u32::to_le_bytes).concat());
    file.extend(b"data");
    file.extend((12 + data.len() as u64).to_le_bytes());
    [file, data, tag.to_vec()].concat()
}

fn dff(chunks_before: &[u8], bytes: usize, chunks_behind: &[u8]) -> Vec<u8> {
    let chunk = |id: &[u8; 4], content: &[u8]| [&id[..], &(content.len() as u64).to_be_bytes(), content].concat();
    let properties = [b"SND ".to_vec(), chunk(b"FS  ", &2_822_400u32.to_be_bytes()), chunk(b"CHNL", b"\0\x02SLFTSRGT")];
    let parts = [
        b"DSD ".to_vec(),
        chunk(b"FVER", b"\x01\x05\0\0"),
        chunk(b"PROP", &properties.concat()),
        chunks_before.to_vec(),
        chunk(b"DSD ", &vec![0x69; bytes * 2]),
        chunks_behind.to_vec(),
    ];
    chunk(b"FRM8", &parts.concat())
}

/// DIIN with a title and an artist in it.
fn diin() -> Vec<u8> {
    let mut chunk = b"DIIN\0\0\0\0\0\0\0\x26DIAR\0\0\0\0\0\0\0\x05\0\0\0\x01B\0".to_vec();
    chunk.extend(b"DITI\0\0\0\0\0\0\0\x07\0\0\0\x03C D\0");
    chunk
}

fn dsd_tags(file: Vec<u8>) -> Tags {
    let mut track = open(file).unwrap();
    let (tags, wanted) = (track.info().tags.clone(), track.info().frames);
    let mut frames = 0;
    while let Some(samples) = track.read().unwrap() {
        frames += samples.frames() as u64;
    }
    assert_eq!(Some(frames), wanted);
    tags
}

#[test]
fn dsf_and_dsdiff_with_their_tags_behind_the_audio_and_before_it() {
    assert_texts(&dsd_tags(dsf(10_000, &id3(5_000))), "DSF");
    for wrong in [&b"no tag"[..], b"ID3\x03\0\0\x7f\x7f\x7f\x7fTIT2\xff\xff\xff\xff\0\0x", &[]] {
        assert_eq!(dsd_tags(dsf(10_000, wrong)), Tags::default());
    }
    let mut pointing_away = dsf(10_000, &[]);
    pointing_away[20..28].fill(0xff);
    assert_eq!(dsd_tags(pointing_away), Tags::default());

    let tag = id3(301);
    let id3_chunk = [b"ID3 ", &(tag.len() as u64).to_be_bytes()[..], &tag, &[0][..tag.len() % 2]].concat();
    for (before, behind) in [(&[][..], &id3_chunk[..]), (&id3_chunk, &[])] {
        assert_texts(&dsd_tags(dff(before, 9_001, behind)), "DSDIFF");
    }
    for (before, behind) in [(Vec::new(), diin()), (diin(), Vec::new()), (Vec::new(), [diin(), id3_chunk].concat())] {
        let tags = dsd_tags(dff(&before, 9_001, &behind));
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("C D"), Some("B")));
    }
}

fn from(server: &Server, wants: Wants) -> Track {
    let location = Location { url: server.url("/a"), mime: None, wants };
    media::open(&location, &Limits::default(), &Cancel::new()).unwrap()
}

#[test]
fn tags_behind_the_audio_cost_one_request_if_somebody_wants_them() {
    let (texts, loudness) = (Wants { texts: true, loudness: false }, Wants { texts: false, loudness: true });
    let audio = 3 << 20;
    let wav = [wav_of(&signal(audio / 4, 2, 16), 2, 44_100, 16), {
        let tag = id3(0);
        [b"id3 ", &(tag.len() as u32).to_le_bytes()[..], &tag].concat()
    }];
    let files = [
        // DSD is never scaled.
        (dsf(audio, &id3(1000)), [(texts, true), (Wants::ALL, true), (loudness, false)]),
        (dff(&[], audio, &diin()), [(texts, true), (Wants::ALL, true), (loudness, false)]),
        (wav.concat(), [(texts, true), (Wants::ALL, true), (loudness, true)]),
    ];
    for (file, wishes) in files {
        for (wants, asked) in wishes.into_iter().chain([(Wants::default(), false)]) {
            let server = Server::of_file(file.clone(), "audio/x");
            let mut track = from(&server, wants);
            let ranges: Vec<_> = server.requests().iter().filter_map(common::server::Request::range_start).collect();
            assert_eq!(ranges.len(), usize::from(asked), "{wants:?}: {ranges:?}");
            assert_eq!(track.info().tags.title.is_some(), asked, "{wants:?}");
            let (mut frames, wanted) = (0, track.info().frames);
            while let Some(samples) = track.read().unwrap() {
                frames += samples.frames() as u64;
            }
            assert_eq!(Some(frames), wanted);
            assert_eq!(server.requests().len(), 1 + usize::from(asked), "the transfer went on");
        }
    }
}

#[test]
fn a_server_without_ranges_or_that_fails_there_costs_only_the_tags() {
    let file = dsf(100_000, &id3(0));
    let without = file.clone();
    let without = Server::start(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", without.len());
        drop(stream.write_all(head.as_bytes()));
        drop(stream.write_all(&without));
    });
    let failing = Server::start(move |request, stream| match request.header("Range") {
        Some(_) => drop(stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")),
        None => send(request, stream, &file, "audio/dsf", file.len()),
    });
    for (server, requests) in [(without, 1), (failing, 2)] {
        let mut track = from(&server, Wants::ALL);
        assert_eq!(track.info().tags, Tags::default());
        while track.read().unwrap().is_some() {}
        assert_eq!(server.requests().len(), requests);
    }
}

#[test]
fn pictures_are_passed_over_wherever_they_lie() {
    // Before the audio, as large as they may be: what follows is still found.
    let mp3 = ffmpeg(&material(), "mp3", &["-id3v2_version", "0", "-write_id3v1", "0"]);
    let file = [id3(5 << 20), mp3].concat();
    assert_texts(&tags(file.clone()), "MP3");
    let server = Server::of_file(file, "audio/mpeg");
    let mut track = from(&server, Wants::ALL);
    assert_texts(&track.info().tags, "MP3 by HTTP");
    assert!(decode(&mut track).unwrap().len() >= FRAMES * 2);
    // The picture isn't even fetched.
    assert_eq!(server.requests().len(), 2);
    // Behind it only so much is looked at.
    assert_eq!(dsd_tags(dsf(10_000, &id3(1 << 20))), Tags::default());
}
