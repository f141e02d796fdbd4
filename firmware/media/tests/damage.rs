//! A track that is cut off or damaged gives its good frames, and then says so.

mod common;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use common::encode::{ffmpeg, flac, run, wav_of};
use common::material::signal;
use common::{assert_same, decode, decode_into, open};
use media::Kind;

const FRAMES: usize = 100_000;

/// What is logged meanwhile.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of<T>(&self, run: impl FnOnce() -> T) -> T {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::with_default(subscriber, run)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn samples() -> Vec<i32> {
    signal(FRAMES, 2, 16)
}

fn material() -> Vec<u8> {
    wav_of(&samples(), 2, 44_100, 16)
}

/// Every format that is decoded, with its name.
fn formats() -> Vec<(&'static str, Vec<u8>)> {
    let wav = material();
    vec![
        ("flac", flac(&samples(), 2, 44_100, 16, &[])),
        ("ogg flac", flac(&samples(), 2, 44_100, 16, &["--ogg"])),
        ("ogg flac", ffmpeg(&wav, "ogg", &["-c:a", "flac"])),
        ("aiff", ffmpeg(&wav, "aiff", &[])),
        ("w64", ffmpeg(&wav, "w64", &[])),
        ("rf64", ffmpeg(&wav, "wav", &["-rf64", "always"])),
        ("mp3", ffmpeg(&wav, "mp3", &["-b:a", "128k"])),
        ("vorbis", run("oggenc", &["--quiet", "-o", "-", "-"], &wav)),
        ("alac", ffmpeg(&wav, "m4a", &["-c:a", "alac", "-movflags", "+faststart"])),
        ("aac", ffmpeg(&wav, "m4a", &["-c:a", "aac", "-movflags", "+faststart"])),
        ("adts", ffmpeg(&wav, "aac", &["-c:a", "aac"])),
        ("wav", wav),
    ]
}

#[test]
fn a_truncated_file_is_reported_after_its_good_frames() {
    for (name, file) in formats() {
        let whole = decode(&mut open(file.clone()).unwrap()).unwrap();
        for part in [0.3, 0.6, 0.99] {
            // An odd place, so that no frame happens to end there.
            let cut = (file.len() as f64 * part) as usize | 1;
            let mut track = open(file[..cut].to_vec()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut got = Vec::new();
            let error = decode_into(&mut track, &mut got).expect_err(name);
            assert_eq!(error.kind(), Kind::Truncated, "{name}: {error}");
            // An Ogg page holds up to 64 KB, and one that isn't whole can't be trusted.
            assert!(got.len() > whole.len() / 10 && got.len() < whole.len(), "{name}: {} samples", got.len());
            assert!(got == whole[..got.len()], "{name}: what came before is good");
            assert_eq!(track.read().unwrap_err().kind(), Kind::Truncated, "{name}: stays so");
        }
    }
}

#[test]
fn a_file_that_ends_in_its_header_is_reported() {
    for (name, file) in formats() {
        for cut in [0, 3, 11, 30] {
            let decoded = open(file[..cut].to_vec()).and_then(|mut track| decode(&mut track));
            let error = decoded.expect_err(name);
            assert!(matches!(error.kind(), Kind::Truncated | Kind::NotAudio | Kind::Corrupt), "{name} {cut}: {error}");
        }
    }
}

/// Formats with check sums notice a single wrong bit.
#[test]
fn a_wrong_bit_is_reported_where_there_are_check_sums() {
    for (name, file) in formats() {
        if !matches!(name, "flac" | "ogg flac" | "vorbis") {
            continue;
        }
        let whole = decode(&mut open(file.clone()).unwrap()).unwrap();
        for part in [0.2, 0.5, 0.9] {
            let mut damaged = file.clone();
            damaged[(file.len() as f64 * part) as usize] ^= 4;
            let mut track = open(damaged).unwrap();
            let mut got = Vec::new();
            let error = decode_into(&mut track, &mut got).expect_err(name);
            assert_eq!(error.kind(), Kind::Corrupt, "{name}: {error}");
            assert!(got.len() < whole.len() && got == whole[..got.len()], "{name}: what came before is good");
        }
    }
}

#[test]
fn a_missing_frame_is_reported() {
    let file = flac(&samples(), 2, 44_100, 16, &["-b", "4096"]);
    let starts: Vec<usize> = (0..file.len() - 4).filter(|&at| file[at..at + 2] == [0xff, 0xf8]).collect();
    let mut track = open([&file[..starts[5]], &file[starts[6]..]].concat()).unwrap();
    let mut got = Vec::new();
    let error = decode_into(&mut track, &mut got).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt, "{error}");
    assert_eq!(got.len() % (4096 * 2), 0);
}

#[test]
fn a_wrong_md5_over_good_frames_is_a_warning() {
    let good = flac(&samples(), 2, 44_100, 16, &[]);
    let mut wrong = good.clone();
    wrong[30] ^= 1;
    for (file, warnings) in [(good, 0), (wrong, 1)] {
        let log = Log::default();
        let decoded = log.of(|| {
            let mut track = open(file).unwrap();
            let decoded = decode(&mut track).unwrap();
            assert!(track.read().unwrap().is_none(), "stays at its end");
            decoded
        });
        assert_same(&decoded, &samples(), "all frames");
        let text = log.text();
        assert_eq!(text.matches("MD5").count(), warnings, "{text}");
        assert_eq!(text.matches("WARN").count(), warnings, "{text}");
    }
}

/// After a seek there is nothing to compare the MD5 with.
#[test]
fn f7_a_seek_revives_a_damaged_track() {
    let mut file = flac(&samples(), 2, 44_100, 16, &[]);
    let half = file.len() / 2;
    file[half] ^= 1;
    let mut track = open(file).unwrap();
    assert_eq!(decode(&mut track).unwrap_err().kind(), Kind::Corrupt);
    track.seek(90_000).unwrap();
    assert_eq!(decode(&mut track).unwrap().len(), 20_000);
}

#[test]
fn a_change_of_format_is_reported() {
    let tone = |rate| {
        ffmpeg(&wav_of(&signal(30_000, 2, 16), 2, rate, 16), "mp3", &["-write_xing", "0", "-id3v2_version", "0"])
    };
    let mut track = open([tone(44_100), tone(48_000)].concat()).unwrap();
    let mut got = Vec::new();
    let error = decode_into(&mut track, &mut got).unwrap_err();
    assert_eq!(error.kind(), Kind::FormatChanged, "{error}");
    assert!(got.len() >= 60_000);
}

/// Whatever is thrown at it: no panic gets out, no endless loop, no frame out of nothing.
#[test]
fn f7_random_damage_never_gets_past_the_boundary() {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for (_, file) in formats() {
        for _ in 0..15 {
            let mut damaged = file.clone();
            for _ in 0..=next(20) {
                let near_the_start = next(2) == 0;
                let at = next(if near_the_start { damaged.len().min(2_000) } else { damaged.len() });
                damaged[at] = next(256) as u8;
            }
            if let Ok(mut track) = open(damaged) {
                let mut frames = 0;
                while let Ok(Some(samples)) = track.read() {
                    frames += samples.frames();
                    assert!(frames < 100 * FRAMES, "frames out of nothing");
                }
                // It may fail, but it must come back.
                drop(track.seek(1_000).and_then(|_| track.read().map(drop)));
            }
        }
    }
}
