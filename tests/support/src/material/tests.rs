use super::*;
use crate::decode::reference;

type Writer = fn(&Path, &Shape) -> Result<(), Error>;

/// Encodes a shape and has independent programs decode it.
fn round_trip(name: &str, writer: Writer, shape: &Shape) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join(name);
    writer(&path, shape).unwrap_or_else(|error| panic!("{name} {shape:?}: {error}"));
    let decoded = reference(&path).unwrap_or_else(|error| panic!("{name} {shape:?}: {error}"));
    assert_eq!(decoded.rate, shape.rate, "{name} {shape:?}");
    assert_eq!(decoded.channels, shape.channels, "{name} {shape:?}");
    assert_eq!(decoded.bits, Some(shape.bits), "{name} {shape:?}");
    assert_eq!(decoded.samples, shape.samples(), "{name} {shape:?}");
    assert_eq!(decoded.md5(), Some(shape.md5()), "{name} {shape:?}");
    assert_eq!(decoded.frames(), u64::from(shape.frames));
}

#[test]
fn flac_of_every_depth_and_channel_count() {
    for bits in [8, 12, 16, 20, 24, 32] {
        round_trip("a.flac", flac, &Shape::stereo(44_100, bits, 5001));
    }
    for channels in 1..=8 {
        round_trip("a.flac", flac, &Shape::stereo(48_000, 16, 4097).channels(channels));
    }
}

#[test]
fn wav_aiff_and_alac() {
    for bits in [8, 16, 24, 32] {
        round_trip("a.wav", wav, &Shape::stereo(96_000, bits, 777));
        round_trip("a.aiff", aiff, &Shape::stereo(96_000, bits, 777));
    }
    for bits in [16, 24] {
        round_trip("a.m4a", alac, &Shape::stereo(48_000, bits, 5000));
    }
    round_trip("a.wav", wav, &Shape::stereo(48_000, 24, 999).channels(6));
    let extensible: Writer = |path, shape| wav_with(path, shape, Style::Extensible, Sizes::True);
    round_trip("a.wav", extensible, &Shape::stereo(48_000, 16, 1));
    let streamed: Writer = |path, shape| wav_with(path, shape, Style::Natural, Sizes::Unknown);
    round_trip("a.wav", streamed, &Shape::stereo(48_000, 16, 100));
}

#[test]
fn lossy_files_have_their_length_and_no_md5() {
    let shape = Shape::stereo(44_100, 16, 50_000);
    let writers: [(&str, Writer); 3] = [("a.mp3", mp3), ("a.ogg", vorbis), ("a.m4a", aac)];
    for (name, writer) in writers {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join(name);
        writer(&path, &shape).expect(name);
        let decoded = reference(&path).expect(name);
        assert_eq!((decoded.rate, decoded.channels), (44_100, 2), "{name}");
        assert_eq!((decoded.bits, decoded.md5()), (None, None), "{name}");
        // Encoders pad to whole packets; the trimming of each container is its decoder's.
        assert!(decoded.frames() >= 50_000 && decoded.frames() < 54_000, "{name}: {}", decoded.frames());
    }
}

#[test]
fn samples_reach_both_corners_and_end_loud() {
    let shape = Shape::stereo(44_100, 20, 10_000);
    let samples = shape.samples();
    assert_eq!(samples.iter().max(), Some(&((1 << 19) - 1)));
    assert_eq!(samples.iter().min(), Some(&-(1 << 19)));
    assert!(samples[samples.len() - 2..].iter().all(|sample| *sample != 0));
    assert_eq!(samples, shape.samples());
    assert_ne!(samples, shape.seed(2).samples());
}

#[test]
fn flac_patches_are_what_they_say() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("a.flac");
    let shape = Shape::stereo(44_100, 16, 9000);
    flac(&path, &shape).expect("flac");
    damage::flac_without_totals(&path).expect("patch");
    let totals =
        crate::tool::run("metaflac", &["--show-total-samples".as_ref(), "--show-md5sum".as_ref(), path.as_os_str()]);
    let totals = String::from_utf8(totals.expect("metaflac")).expect("text");
    assert_eq!(totals, format!("0\n{}\n", "0".repeat(32)));
    assert_eq!(reference(&path).expect("decode").md5(), Some(shape.md5()));
}
