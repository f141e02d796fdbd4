//! A seek lands on the frame that was asked for, in every format.

mod common;

use common::encode::{ffmpeg, flac, run, wav_of};
use common::material::{signal, wav, wave_format};
use common::{decode, open};
use media::{Kind, Track};

const FRAMES: usize = 300_000;

/// Without noise substitution: a decoder makes that noise anew each time.
const AAC: &[&str] = &["-c:a", "aac", "-aac_pns", "0"];

fn material() -> Vec<u8> {
    wav_of(&signal(FRAMES, 2, 16), 2, 44_100, 16)
}

/// Compares what comes after seeks with what came without any. After a seek a lossy decoder may differ in the last
/// bits.
#[track_caller]
fn check(file: Vec<u8>, what: &str) {
    let mut track = open(file).unwrap();
    let whole = decode(&mut track).unwrap();
    let frames = whole.len() / 2;
    let is_float = track.info().source.bits == 0;
    for frame in [0, 1, 100_000, 99_999, frames - 1, 4_096, 0, frames / 2, frames - 5_000, 77_777, 250_001] {
        assert_eq!(track.seek(frame as u64).unwrap(), frame as u64, "{what}: {frame}");
        let wanted = &whole[frame * 2..];
        let got = decode_some(&mut track);
        assert!(!got.is_empty() && got.len() <= wanted.len(), "{what}: {frame}: {} samples", got.len());
        for (n, (&a, &b)) in got.iter().zip(wanted).enumerate() {
            let same =
                if is_float { (f32::from_bits(a as u32) - f32::from_bits(b as u32)).abs() < 1e-4 } else { a == b };
            assert!(same, "{what}: sample {n} after a seek to {frame}");
        }
    }
    track.seek(frames as u64).unwrap();
    assert!(track.read().unwrap().is_none(), "{what}: behind the end");
    track.seek(10).unwrap();
    assert_eq!(decode(&mut track).unwrap().len(), whole.len() - 20, "{what}: to the end");
    track.seek(1_000).unwrap();
    let before = decode_some(&mut track).len();
    for beyond in [frames as u64 + 200_000, u64::MAX] {
        assert_eq!(track.seek(beyond).unwrap_err().kind(), Kind::OutOfRange, "{what}: {beyond}");
    }
    let after = decode(&mut track).unwrap();
    assert_eq!(after.len() + before, whole.len() - 2_000, "{what}: goes on as if nothing had been asked");
}

/// About the next 10 000 frames.
fn decode_some(track: &mut Track) -> Vec<i32> {
    let mut some = Vec::new();
    while some.len() < 20_000 {
        let bits = track.info().source.bits;
        let Some(samples) = track.read().unwrap() else { break };
        let channel = |n: usize| -> Vec<i32> {
            match samples {
                pcm::Samples::S16(planes) => {
                    planes.iter().nth(n).unwrap().iter().map(|&x| i32::from(x) >> (16 - bits)).collect()
                }
                pcm::Samples::S32(planes) => planes.iter().nth(n).unwrap().iter().map(|&x| x >> (32 - bits)).collect(),
                pcm::Samples::F32(planes) => planes.iter().nth(n).unwrap().iter().map(|x| x.to_bits() as i32).collect(),
                pcm::Samples::Dsd(_) => panic!("PCM expected"),
            }
        };
        some.extend(channel(0).into_iter().zip(channel(1)).flat_map(|(left, right)| [left, right]));
    }
    some
}

#[test]
fn seeks_are_exact_in_pcm() {
    check(material(), "WAV");
    check(ffmpeg(&material(), "aiff", &["-c:a", "pcm_s24be"]), "AIFF");
    let data = material().split_off(44);
    check(wav(&wave_format(1, 2, 44_100, 16, Some(16)), &data), "WAVE_FORMAT_EXTENSIBLE");
}

#[test]
fn seeks_are_exact_in_flac() {
    let samples = signal(FRAMES, 2, 16);
    check(flac(&samples, 2, 44_100, 16, &[]), "with a seek table");
    check(flac(&samples, 2, 44_100, 16, &["--no-seektable"]), "without");
    check(flac(&samples, 2, 44_100, 16, &["--no-seektable", "--no-padding", "-b", "576"]), "small blocks");
}

#[test]
fn seeks_are_exact_in_ogg() {
    check(run("oggenc", &["--quiet", "-o", "-", "-"], &material()), "Vorbis");
    check(flac(&signal(FRAMES, 2, 16), 2, 44_100, 16, &["--ogg"]), "FLAC");
    check(ffmpeg(&material(), "ogg", &["-c:a", "flac"]), "FLAC by FFmpeg");
}

#[test]
fn seeks_are_exact_in_mp4() {
    check(ffmpeg(&material(), "m4a", &["-c:a", "alac"]), "ALAC");
    check(ffmpeg(&material(), "m4a", AAC), "AAC");
}

#[test]
fn seeks_are_exact_in_streams_of_frames() {
    check(ffmpeg(&material(), "mp3", &["-q:a", "3"]), "MP3, variable");
    check(ffmpeg(&material(), "mp3", &["-b:a", "64k", "-write_xing", "0"]), "MP3, constant");
    check(ffmpeg(&material(), "aac", AAC), "ADTS");
}
