//! `tests/play` on what the renderer has to play: depths, channels, rates, containers, codecs, lengths, sinks.
use std::path::PathBuf;

use serde_json::Value;
use support::decode::{Layout, reference};
use support::digest::sha256;
use support::material::{self, Shape, Sizes, Style};

use crate::common::{Material, Writer, assert_played, play};
use crate::trouble::Bench;

/// The narrowest format that holds so many bits.
fn narrowest(bits: u16) -> &'static str {
    match bits {
        0..=16 => "S16_LE",
        17..=24 => "S24_3LE",
        _ => "S32_LE",
    }
}

fn layout(format: &str) -> Layout {
    match format {
        "S16_LE" => Layout::S16,
        "S24_3LE" => Layout::S24Packed,
        "S24_LE" => Layout::S24,
        _ => Layout::S32,
    }
}

/// Plays shapes to a sink that takes them all without loss, in the narrowest format.
fn all_played(writer: Writer, extension: &str, shapes: &[Shape]) {
    let material = Material::new();
    let files: Vec<PathBuf> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| material.make(&format!("{index}.{extension}"), writer, shape))
        .collect();
    for ((line, shape), file) in play(&["--fast"], &files).iter().zip(shapes).zip(&files) {
        assert_played(line, shape);
        let format = narrowest(shape.bits);
        assert_eq!(line["wire"]["format"], format, "{line}");
        assert_eq!(line["wire"]["rate"], shape.rate, "{line}");
        assert_eq!(line["wire"]["channels"], shape.channels, "{line}");
        let packed = reference(file).expect("reference").packed(layout(format));
        assert_eq!(line["wire_sha256"], sha256(&packed.expect("wide enough")), "{line}");
        assert!(line["xruns"].is_null(), "{line}");
        assert!(line["start_ms"].as_f64().is_some_and(|start| start > 0.0), "{line}");
    }
}

#[test]
fn flac_of_every_depth() {
    let shapes = [8, 12, 16, 20, 24, 32].map(|bits| Shape::stereo(44_100, bits, 12_345));
    all_played(material::flac, "flac", &shapes);
}

#[test]
fn flac_of_every_channel_count() {
    let shapes = [1, 2, 3, 4, 5, 6, 7, 8].map(|n| Shape::stereo(48_000, 16, 7_777).channels(n));
    all_played(material::flac, "flac", &shapes);
    let shapes = [1, 3, 8].map(|n| Shape::stereo(96_000, 24, 7_777).channels(n));
    all_played(material::flac, "flac", &shapes);
}

#[test]
fn wav_of_every_depth_and_kind() {
    let shapes = [8, 12, 16, 20, 24, 32].map(|bits| Shape::stereo(44_100, bits, 9_999));
    all_played(material::wav, "wav", &shapes);
    let extensible: Writer = |path, shape| material::wav_with(path, shape, Style::Extensible, Sizes::True);
    all_played(extensible, "wav", &shapes);
    let shapes = [1, 6, 8].map(|n| Shape::stereo(48_000, 24, 3_333).channels(n));
    all_played(material::wav, "wav", &shapes);
}

#[test]
fn wav_streams_that_do_not_know_their_length() {
    let shape = [Shape::stereo(44_100, 16, 20_001)];
    let zero: Writer = |path, shape| material::wav_with(path, shape, Style::Natural, Sizes::Zero);
    all_played(zero, "wav", &shape);
    let unknown: Writer = |path, shape| material::wav_with(path, shape, Style::Natural, Sizes::Unknown);
    all_played(unknown, "wav", &shape);
}

#[test]
fn aiff_and_alac() {
    let shapes = [8, 16, 24, 32].map(|bits| Shape::stereo(44_100, bits, 5_001));
    all_played(material::aiff, "aiff", &shapes);
    let shapes = [16, 24].map(|bits| Shape::stereo(44_100, bits, 50_001));
    all_played(material::alac, "m4a", &shapes);
}

#[test]
fn odd_lengths() {
    let shapes = [1, 2, 3, 15, 17, 4095, 4096, 4097, 44_101].map(|n| Shape::stereo(44_100, 16, n));
    all_played(material::flac, "flac", &shapes);
    all_played(material::wav, "wav", &shapes);
    let shapes = [1, 2, 4097].map(|n| Shape::stereo(44_100, 24, n).channels(1));
    all_played(material::wav, "wav", &shapes);
}

#[test]
fn every_usual_rate() {
    let rates = [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000];
    all_played(material::flac, "flac", &rates.map(|rate| Shape::stereo(rate, 24, 4_001)));
    let rates = [352_800, 384_000, 705_600, 768_000, 1_411_200, 1_536_000];
    all_played(material::wav, "wav", &rates.map(|rate| Shape::stereo(rate, 32, 40_001)));
    // More than the ring holds.
    let rates = [1_411_200, 1_536_000];
    all_played(material::wav, "wav", &rates.map(|rate| Shape::stereo(rate, 32, rate + 3)));
}

#[test]
fn flac_with_unknown_totals() {
    let without: Writer = |path, shape| {
        material::flac(path, shape)?;
        material::damage::flac_without_totals(path)
    };
    all_played(without, "flac", &[Shape::stereo(44_100, 16, 33_333)]);
}

#[test]
fn flac_whose_own_md5_is_wrong_is_played() {
    let wrong: Writer = |path, shape| {
        material::flac(path, shape)?;
        material::damage::flac_with_wrong_md5(path)
    };
    let material = Material::new();
    let shape = Shape::stereo(44_100, 16, 33_333);
    let file = material.make("a.flac", wrong, &shape);
    assert_played(&play(&["--fast"], &[file])[0], &shape);
}

#[test]
fn flac_of_every_encoder_setting() {
    let fast: Writer = |path, shape| material::flac_with(path, shape, &["-0", "--blocksize=192"]);
    let slow: Writer = |path, shape| material::flac_with(path, shape, &["-8", "-e", "-p"]);
    let shape = [Shape::stereo(44_100, 16, 20_000), Shape::stereo(44_100, 24, 20_000)];
    all_played(fast, "flac", &shape);
    all_played(slow, "flac", &shape);
}

#[test]
fn lossy_codecs_have_their_frames_and_no_md5() {
    let material = Material::new();
    let shape = Shape::stereo(44_100, 16, 66_150);
    let files = [
        material.make("a.mp3", material::mp3, &shape),
        material.make("a.ogg", material::vorbis, &shape),
        material.make("a.m4a", material::aac, &shape),
    ];
    for (line, codec) in play(&["--fast"], &files).iter().zip(["MP3", "Vorbis", "AAC"]) {
        assert_eq!(line["state"], "played", "{line}");
        assert_eq!(line["codec"], codec, "{line}");
        // Encoder delay and padding are trimmed: as many frames as went in.
        assert_eq!(line["frames"], shape.frames, "{line}");
        assert!(line["md5"].is_null() && line["source"]["bits"].is_null(), "{line}");
        assert!(line["wire_sha256"].is_string(), "{line}");
        assert_ne!(line["wire"]["format"], "S32_LE", "{line}");
    }
}

#[test]
fn float_wav_is_played_without_md5() {
    let material = Material::new();
    let shape = Shape::stereo(44_100, 24, 10_001);
    let single: Writer = |path, shape| material::wav_float(path, shape, false);
    let double: Writer = |path, shape| material::wav_float(path, shape, true);
    let files = [material.make("a.wav", single, &shape), material.make("b.wav", double, &shape)];
    for line in play(&["--fast"], &files) {
        assert_eq!(line["state"], "played", "{line}");
        assert_eq!(line["frames"], shape.frames, "{line}");
        assert!(line["md5"].is_null(), "{line}");
        assert_eq!(line["codec"], "PCM", "{line}");
    }
}

/// Floats that were made from integers are as good as these, on a wire that holds them; of any others that is known at once.
#[test]
fn of_floats_the_page_says_that_they_are_lossless_when_all_of_them_were() {
    // Longer than what is written ahead: held, it isn't known what is still to come.
    let shape = Shape::stereo(44_100, 24, 44_100 * 3);
    for (sink, double, lossless) in
        [("s24_3", false, true), ("s32", false, true), ("s16", false, false), ("s24_3", true, false)]
    {
        let mut bench = Bench::with(|setting| setting.accept = sink.into());
        let file = bench.material.path("a.wav");
        material::wav_float(&file, &shape, double).expect("written");
        let url = bench.server.add(&file);
        bench.begin(&url);
        bench.sounding();
        bench.chain.point().pause().expect("it plays");
        let page = |bench: &Bench| -> Value {
            serde_json::from_slice(&bench.chain.point().fetch("/status.json").expect("it answers")).expect("JSON")
        };
        let held = page(&bench);
        let known = if lossless { Value::Null } else { false.into() };
        assert_eq!([&held["track"]["bit_perfect"], &held["tracks"][0]["lossless"]], [&known; 2], "{sink}: {held}");
        let changes = held["track"]["changes"].as_array().expect("a list");
        assert_eq!(changes.is_empty(), lossless, "{sink}: {changes:?}");
        bench.chain.point().play().expect("it goes on");
        let (transport, track) = bench.stopped(&url);
        assert_eq!(transport.status, "OK", "{track:?}");
        let page = page(&bench);
        assert_eq!(page["tracks"][0]["lossless"], lossless, "{sink}: {page}");
    }
}

#[test]
fn sinks_of_one_stereo_format() {
    let material = Material::new();
    let depths = [8, 12, 16, 20, 24, 32];
    let shapes = depths.map(|bits| Shape::stereo(48_000, bits, 6_001));
    let files: Vec<PathBuf> =
        shapes.iter().map(|shape| material.make(&format!("{}.flac", shape.bits), material::flac, shape)).collect();
    for (sink, format, width) in
        [("s16", "S16_LE", 16), ("s24_3", "S24_3LE", 24), ("s24", "S24_LE", 24), ("s32", "S32_LE", 32)]
    {
        for (line, shape) in play(&["--fast", "--sink", sink], &files).iter().zip(&shapes) {
            assert_eq!(line["wire"]["format"], format, "{line}");
            if shape.bits <= width {
                assert_played(line, shape);
            } else {
                // Dithered into fewer bits.
                assert_eq!(line["state"], "played", "{line}");
                assert_eq!(line["frames"], shape.frames, "{line}");
                assert!(line["md5"].is_null(), "{line}");
            }
        }
    }
}

#[test]
fn stereo_sinks_get_mono_twice_and_refuse_more_than_two_channels() {
    let material = Material::new();
    let mono = Shape::stereo(44_100, 16, 3_001).channels(1);
    let three = Shape::stereo(44_100, 16, 3_001).channels(3);
    let files = [
        material.make("mono.flac", material::flac, &mono),
        material.make("three.flac", material::flac, &three),
        material.make("mono.wav", material::wav, &mono),
    ];
    for sink in ["s16", "s24_3", "s24", "s32"] {
        let lines = play(&["--fast", "--sink", sink], &files);
        for line in [&lines[0], &lines[2]] {
            assert_played(line, &mono);
            assert_eq!(line["wire"]["channels"], 2, "{line}");
        }
        assert_eq!(lines[1]["state"], "refused", "{}", lines[1]);
        assert!(lines[1]["md5"].is_null() && lines[1]["wire"].is_null(), "{}", lines[1]);
    }
}
