//! Lossy formats come out in the length that went in, or where the format can't tell, in the length that another
//! decoder gives; and they sound like what went in.

mod common;

use common::encode::{ffmpeg, ffmpeg_frames, run, wav_of};
use common::material::signal;
use common::{decode, open};
use media::{Codec, Kind};
use pcm::Encoding;

const FRAMES: usize = 44_100 * 2 + 123;

fn wav(channels: u16, rate: u32) -> Vec<u8> {
    wav_of(&signal(FRAMES, usize::from(channels), 16), channels, rate, 16)
}

fn lame(options: &[&str], channels: u16, rate: u32) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("in.wav"), dir.path().join("out.mp3"));
    std::fs::write(&from, wav(channels, rate)).unwrap();
    run("lame", &[&["--quiet"], options, &[from.to_str().unwrap(), to.to_str().unwrap()]].concat(), &[]);
    std::fs::read(to).unwrap()
}

fn oggenc(channels: u16, rate: u32) -> Vec<u8> {
    run("oggenc", &["--quiet", "-o", "-", "-"], &wav(channels, rate))
}

/// Decodes to floats, and checks them against the signal: no offset fits better than none.
#[track_caller]
fn check(file: Vec<u8>, codec: Codec, channels: u16, rate: u32, frames: usize, what: &str) {
    let mut track = open(file).unwrap_or_else(|error| panic!("{what}: {error}"));
    let info = track.info().clone();
    assert_eq!((info.codec, info.source.rate, info.source.channels), (codec, rate, channels), "{what}");
    assert_eq!(info.source.encoding, Encoding::Lossy, "{what}");
    let decoded = decode(&mut track).unwrap_or_else(|error| panic!("{what}: {error}"));
    let got = decoded.len() / usize::from(channels);
    assert_eq!(got, frames, "{what}: frames");
    assert!(info.frames.is_none_or(|frames| frames as usize == got), "{what}: {:?} announced", info.frames);
    let channels = usize::from(channels);
    let original: Vec<f64> =
        signal(FRAMES, channels, 16).chunks(channels).map(|frame| f64::from(frame[0]) / 32_768.0).collect();
    let decoded: Vec<f64> = decoded.chunks(channels).map(|frame| f64::from(f32::from_bits(frame[0] as u32))).collect();
    let likeness = |offset: usize| {
        let pairs = original[10_000..20_000].iter().zip(&decoded[10_000 + offset - 50..]);
        pairs.map(|(a, b)| a * b).sum::<f64>()
    };
    let power: f64 = original[10_000..20_000].iter().map(|x| x * x).sum();
    assert!(likeness(50) > 0.9 * power, "{what}: {} of {power}", likeness(50));
    let best = (0..=100).max_by(|&a, &b| likeness(a).total_cmp(&likeness(b))).unwrap();
    assert_eq!(best, 50, "{what}: offset");
}

#[test]
fn mp3_is_as_long_as_what_was_encoded() {
    for options in [&["-b", "128"][..], &["-V", "2"], &["-b", "320", "-m", "s"], &["--abr", "160"]] {
        check(lame(options, 2, 44_100), Codec::Mp3, 2, 44_100, FRAMES, &format!("{options:?}"));
    }
    check(lame(&["-V", "4"], 1, 48_000), Codec::Mp3, 1, 48_000, FRAMES, "mono");
    check(lame(&["-b", "64"], 2, 22_050), Codec::Mp3, 2, 22_050, FRAMES, "MPEG-2");
    let by_ffmpeg = ffmpeg(&wav(2, 44_100), "mp3", &["-c:a", "libmp3lame", "-q:a", "3"]);
    check(by_ffmpeg, Codec::Mp3, 2, 44_100, FRAMES, "with ID3, by ffmpeg");
}

/// Without the tag nobody knows what the encoder added.
#[test]
fn mp3_without_a_lame_tag_is_decoded_whole() {
    let file = lame(&["-t", "-b", "128"], 2, 44_100);
    let frames = ffmpeg_frames(&file, 2);
    let mut track = open(file).unwrap();
    assert_eq!(track.info().frames, None);
    assert_eq!(decode(&mut track).unwrap().len() / 2, frames);
}

/// Their decoding tables are bounded; no encoder's may be refused for it.
#[test]
fn vorbis_of_every_quality_and_rate_is_taken() {
    for channels in [1, 2, 6, 8] {
        for rate in [8_000, 22_050, 44_100, 48_000, 96_000] {
            for quality in ["-1", "3", "6", "10"] {
                let wav = wav_of(&signal(3_000, usize::from(channels), 16), channels, rate, 16);
                let file = run("oggenc", &["--quiet", "-q", quality, "-o", "-", "-"], &wav);
                let decoded = open(file).and_then(|mut track| decode(&mut track));
                let decoded = decoded.unwrap_or_else(|error| panic!("{channels} {rate} {quality}: {error}"));
                assert_eq!(decoded.len(), 3_000 * usize::from(channels), "{channels} {rate} {quality}");
            }
        }
    }
    let by_ffmpeg = ffmpeg(&wav(2, 44_100), "ogg", &["-c:a", "vorbis", "-strict", "-2"]);
    assert!(open(by_ffmpeg).is_ok());
}

#[test]
fn vorbis_is_as_long_as_what_was_encoded() {
    for (channels, rate) in [(1, 44_100), (2, 44_100), (2, 96_000), (2, 8_000)] {
        check(oggenc(channels, rate), Codec::Vorbis, channels, rate, FRAMES, &format!("{channels} {rate}"));
    }
    let by_ffmpeg = ffmpeg(&wav(2, 44_100), "ogg", &["-c:a", "libvorbis"]);
    check(by_ffmpeg, Codec::Vorbis, 2, 44_100, FRAMES, "by ffmpeg");
}

#[test]
fn aac_in_mp4_is_as_long_as_what_was_encoded() {
    for options in [&["-b:a", "128k"][..], &["-b:a", "256k", "-movflags", "+faststart"]] {
        let file = ffmpeg(&wav(2, 44_100), "m4a", &[&["-c:a", "aac"], options].concat());
        check(file, Codec::Aac, 2, 44_100, FRAMES, &format!("{options:?}"));
    }
    let file = ffmpeg(&wav(1, 48_000), "m4a", &["-c:a", "aac"]);
    check(file, Codec::Aac, 1, 48_000, FRAMES, "mono");
}

#[test]
fn aac_in_adts_is_decoded_whole() {
    let file = ffmpeg(&wav(2, 44_100), "aac", &["-c:a", "aac"]);
    let frames = ffmpeg_frames(&file, 2);
    let mut track = open(file).unwrap();
    assert_eq!((track.info().codec, track.info().container), (Codec::Aac, "ADTS"));
    assert_eq!(decode(&mut track).unwrap().len() / 2, frames);
}

/// Debian's ffmpeg can't encode HE-AAC, so the configuration of a file is changed to say that it is.
#[test]
fn s5_he_aac_is_refused_by_name() {
    let mut file = ffmpeg(&wav(2, 44_100), "m4a", &["-c:a", "aac"]);
    // The descriptor's tag and length, then AAC-LC at 44.1 kHz in stereo.
    let config = file.windows(7).position(|window| window == [5, 0x80, 0x80, 0x80, 5, 0x12, 0x10]).unwrap();
    file[config + 5] = 0x2a;
    let error = open(file).unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(error.to_string().contains("HE-AAC"), "{error}");
}

#[test]
fn surround_aac_is_refused_by_name() {
    let file = ffmpeg(&wav(6, 48_000), "m4a", &["-c:a", "aac"]);
    assert_eq!(open(file).unwrap_err().kind(), Kind::Unsupported);
}
