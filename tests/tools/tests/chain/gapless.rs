//! `tests/play --gapless`, and what only shows in real time.
use std::path::PathBuf;

use crate::common::{Material, assert_played, play};
use support::material::{self, Shape, damage};

/// Tracks of one format and odd lengths.
fn album(material: &Material, bits: u16, lengths: &[u32]) -> (Vec<PathBuf>, Vec<Shape>) {
    let shapes: Vec<Shape> =
        lengths.iter().zip(1..).map(|(frames, seed)| Shape::stereo(44_100, bits, *frames).seed(seed)).collect();
    let files =
        shapes.iter().map(|shape| material.make(&format!("{}.flac", shape.seed), material::flac, shape)).collect();
    (files, shapes)
}

#[test]
fn tracks_of_one_format_follow_each_other_without_a_frame_between() {
    let material = Material::new();
    let (files, shapes) = album(&material, 24, &[44_101, 30_011, 52_223, 44_099]);
    for options in [&["--gapless"][..], &["--gapless", "--fast"]] {
        let lines = play(options, &files);
        for (index, (line, shape)) in lines.iter().zip(&shapes).enumerate() {
            assert_played(line, shape);
            assert_eq!(line["gap_frames"].as_u64(), (index > 0).then_some(0), "{line}");
            // Only the first had a Play of its own.
            assert_eq!(line["start_ms"].is_null(), index > 0, "{line}");
        }
    }
}

#[test]
fn lossy_tracks_follow_each_other_without_a_frame_between() {
    let material = Material::new();
    let shape = Shape::stereo(44_100, 16, 88_201);
    let writers: [(&str, crate::common::Writer); 3] =
        [("mp3", material::mp3), ("ogg", material::vorbis), ("m4a", material::aac)];
    for (extension, writer) in writers {
        let files = ["a", "b"].map(|name| material.make(&format!("{name}.{extension}"), writer, &shape));
        let lines = play(&["--gapless", "--fast"], &files);
        for line in &lines {
            assert_eq!(line["state"], "played", "{line}");
            assert_eq!(line["frames"], shape.frames, "{line}");
        }
        assert_eq!(lines[1]["gap_frames"], 0, "{}", lines[1]);
    }
}

#[test]
fn a_queue_goes_on_over_changes_of_format() {
    let material = Material::new();
    let shapes = [
        Shape::stereo(44_100, 16, 22_051),
        Shape::stereo(96_000, 24, 48_001),
        Shape::stereo(96_000, 24, 48_007).channels(1),
        Shape::stereo(44_100, 32, 22_053),
        Shape::stereo(44_100, 16, 22_055),
    ];
    let files: Vec<PathBuf> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| material.make(&format!("{index}.flac"), material::flac, shape))
        .collect();
    for options in [&["--gapless"][..], &["--gapless", "--fast"]] {
        for (line, shape) in play(options, &files).iter().zip(&shapes) {
            assert_played(line, shape);
        }
    }
}

#[test]
fn a_queue_goes_on_behind_files_that_cannot_be_played() {
    let material = Material::new();
    let (good, shapes) = album(&material, 16, &[22_051, 22_053, 22_057]);
    let text = material.path("text.flac");
    damage::not_audio(&text).expect("write");
    let cut = material.make("cut.flac", material::flac, &Shape::stereo(44_100, 16, 50_000));
    damage::truncate(&cut, 500).expect("cut");
    let files =
        [text.clone(), good[0].clone(), material.path("absent.flac"), good[1].clone(), cut, good[2].clone(), text];
    for options in [&["--gapless"][..], &["--gapless", "--fast"]] {
        let lines = play(options, &files);
        let states: Vec<_> = lines.iter().map(|line| line["state"].as_str()).collect();
        let expected = ["refused", "played", "refused", "played", "failed", "played", "refused"];
        assert_eq!(states, expected.map(Some));
        for (line, shape) in [1, 3, 5].map(|index| &lines[index]).into_iter().zip(&shapes) {
            assert_played(line, shape);
        }
    }
}

#[test]
fn very_short_tracks_are_all_played() {
    let material = Material::new();
    let (files, shapes) = album(&material, 16, &[1, 2, 3, 4410, 1, 100]);
    for options in [&["--gapless"][..], &["--gapless", "--fast"]] {
        for (line, shape) in play(options, &files).iter().zip(&shapes) {
            assert_played(line, shape);
        }
    }
}

/// Of the WAV that is known when it is opened. The FLAC's length is left open: the sink is opened anew for it, and gets nothing of it.
#[test]
fn a_file_without_frames_between_two_formats_is_refused_and_no_harm_to_the_next() {
    let material = Material::new();
    let shapes = [(24, 22_051), (16, 0), (16, 22_053)]
        .map(|(bits, frames)| Shape::stereo(44_100, bits, frames).seed(bits.into()));
    let [first, wav, last] = [0, 1, 2].map(|n| material.make(&format!("{n}.wav"), material::wav, &shapes[n]));
    let flac = material.make("1.flac", material::flac, &Shape::stereo(44_100, 16, 100));
    damage::flac_without_frames(&flac).expect("cut");
    for options in [&["--gapless"][..], &["--gapless", "--fast"]] {
        let lines = play(options, &[first.clone(), wav.clone(), flac.clone(), last.clone()]);
        for line in &lines[1..3] {
            assert_eq!((&line["state"], &line["frames"]), (&"refused".into(), &0.into()), "{line}");
            assert!(line["error"].as_str().is_some_and(|error| error.contains("no audio frames")), "{line}");
        }
        for (n, line) in [(0, 0), (2, 3)] {
            assert_played(&lines[line], &shapes[n]);
        }
    }
}

#[test]
fn in_real_time_underruns_are_counted_and_the_start_is_measured() {
    let material = Material::new();
    let shape = Shape::stereo(192_000, 24, 192_000);
    let line = &play(&[], &[material.make("a.flac", material::flac, &shape)])[0];
    assert_played(line, &shape);
    assert!(line["xruns"].is_u64(), "{line}");
    assert!(line["start_ms"].as_f64().is_some_and(|start| start > 0.0), "{line}");
}
