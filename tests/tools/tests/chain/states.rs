//! `tests/play` on what goes wrong: files, names, processes, time, the command line.
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Material, Playing, Writer, assert_played, command, play, signal};
use nix::sys::signal::Signal;
use serde_json::Value;
use support::material::{self, Shape, damage};

const GOOD: Shape = Shape { rate: 44_100, bits: 16, channels: 2, frames: 10_001, seed: 5 };

/// Asserts that a line says `refused` with a reason, and nothing that only a sink could tell.
fn assert_refused(line: &Value) {
    assert_eq!(line["state"], "refused", "{line}");
    assert!(line["error"].as_str().is_some_and(|error| !error.is_empty()), "{line}");
    for field in ["md5", "wire_sha256", "wire", "start_ms", "gap_frames"] {
        assert!(line[field].is_null(), "{field}: {line}");
    }
}

#[test]
fn what_is_not_audio_is_refused_with_a_reason_and_the_next_file_plays() {
    let material = Material::new();
    let text = material.path("text.flac");
    damage::not_audio(&text).expect("write");
    let noise = material.path("noise.wav");
    damage::noise(&noise, 30_000).expect("write");
    let empty = material.path("empty.flac");
    damage::empty(&empty).expect("write");
    let directory = material.path("directory.flac");
    std::fs::create_dir(&directory).expect("create");
    let header = material.make("header.flac", material::flac, &GOOD);
    damage::truncate(&header, 1).expect("cut");
    let no_frames = material.make("no_frames.wav", material::wav, &Shape { frames: 0, ..GOOD });
    let slow = material.make("slow.wav", material::wav, &Shape { rate: 7, ..GOOD });
    let pipe = material.path("pipe.flac");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let good = material.make("good.flac", material::flac, &GOOD);
    let bad = [text, noise, empty, directory, header, no_frames, slow, pipe, material.path("absent.flac")];
    let files: Vec<PathBuf> = bad.into_iter().flat_map(|bad| [bad, good.clone()]).collect();
    for pair in play(&["--fast"], &files).chunks(2) {
        assert_refused(&pair[0]);
        assert_played(&pair[1], &GOOD);
    }
}

#[test]
fn truncated_files_are_never_played() {
    let material = Material::new();
    let shape = Shape::stereo(44_100, 16, 100_000);
    let writers: [(&str, Writer); 6] = [
        ("flac", material::flac),
        ("wav", material::wav),
        ("aiff", material::aiff),
        ("m4a", material::alac),
        ("mp3", material::mp3),
        ("ogg", material::vorbis),
    ];
    for (extension, writer) in writers {
        let files: Vec<PathBuf> = [10, 200, 500, 900, 999]
            .into_iter()
            .map(|thousandths| {
                let file = material.make(&format!("{thousandths}.{extension}"), writer, &shape);
                damage::truncate(&file, thousandths).expect("cut");
                file
            })
            .collect();
        for line in play(&["--fast"], &files) {
            assert!(line["state"] == "failed" || line["state"] == "refused", "{line}");
            let frames = line["frames"].as_u64();
            assert!(frames.is_some_and(|frames| frames < 100_000), "{line}");
        }
    }
}

#[test]
fn a_truncated_flac_s_good_frames_are_those_of_the_whole_one() {
    let material = Material::new();
    let shape = Shape::stereo(44_100, 16, 200_000);
    let file = material.make("a.flac", material::flac, &shape);
    damage::truncate(&file, 600).expect("cut");
    let line = &play(&["--fast"], &[file])[0];
    assert_eq!(line["state"], "failed", "{line}");
    let frames = line["frames"].as_u64().expect("counted") as usize;
    assert!(frames > 80_000, "{line}");
    let mut digest = support::digest::SampleMd5::new(16);
    digest.extend(shape.samples().into_iter().take(frames * 2));
    assert_eq!(line["md5"], digest.finish(), "{line}");
}

#[test]
fn f7_damage_in_the_middle_has_failed_and_the_next_track_plays() {
    let material = Material::new();
    let shape = Shape::stereo(44_100, 16, 200_000);
    let flac = material.make("a.flac", material::flac, &shape);
    damage::corrupt(&flac, 500, 400).expect("damage");
    let good = material.make("b.flac", material::flac, &GOOD);
    let lines = play(&["--fast"], &[flac, good]);
    assert_eq!(lines[0]["state"], "failed", "{}", lines[0]);
    assert!(lines[0]["md5"] != shape.md5());
    assert_played(&lines[1], &GOOD);
}

#[test]
fn a_file_that_changes_its_format_inside_has_no_md5() {
    let material = Material::new();
    let first = Shape::stereo(44_100, 16, 50_000);
    let file = material.make("a.ogg", material::vorbis, &first);
    let second = material.make("b.ogg", material::vorbis, &Shape::stereo(48_000, 16, 50_000));
    damage::append(&file, &second).expect("append");
    let line = &play(&["--fast"], &[file])[0];
    assert!(line["md5"].is_null(), "{line}");
}

#[test]
fn any_file_name_is_served() {
    let material = Material::new();
    let names = [
        "with space.flac",
        "100% #1? & <ü>.flac",
        "日本語.flac",
        "no extension",
        "wrong.mp3",
        "a+b;c=d,e.flac",
        "..flac",
        "quote\"'`.flac",
        "-dash.flac",
    ];
    let mut files: Vec<PathBuf> = names.iter().map(|name| material.make(name, material::flac, &GOOD)).collect();
    // The same file again, and once more in a row.
    files.extend([files[0].clone(), files[0].clone()]);
    for line in play(&["--fast"], &files) {
        assert_played(&line, &GOOD);
    }
    for line in play(&["--fast", "--gapless"], &files) {
        assert_played(&line, &GOOD);
    }
}

#[test]
fn a_file_that_takes_too_long_has_failed_and_the_next_one_plays() {
    let material = Material::new();
    let long = Shape::stereo(44_100, 16, 44_100 * 60);
    let files = [material.make("long.wav", material::wav, &long), material.make("good.flac", material::flac, &GOOD)];
    for options in [&["--timeout", "3"][..], &["--timeout", "3", "--gapless"]] {
        let lines = play(options, &files);
        assert_eq!(lines[0]["state"], "failed", "{}", lines[0]);
        let error = lines[0]["error"].as_str().expect("a reason");
        assert!(error.contains("3 s"), "{error}");
        assert_played(&lines[1], &GOOD);
    }
}

#[test]
fn a_killed_process_fails_its_file_only() {
    let material = Material::new();
    let long = Shape::stereo(44_100, 16, 44_100 * 60);
    let files = [material.make("long.wav", material::wav, &long), material.make("good.flac", material::flac, &GOOD)];
    for options in [&[][..], &["--gapless"]] {
        for name in ["player", "engine"] {
            let mut playing = Playing::start(command(options, &files));
            let victim = playing.child_named(name);
            // Wherever it is by now: starting, waiting for Play, or playing.
            std::thread::sleep(std::time::Duration::from_millis(1500));
            signal(victim, Signal::SIGKILL);
            let first = playing.line().expect("a line");
            assert_eq!(first["state"], "failed", "{first}");
            assert_played(&playing.line().expect("a line"), &GOOD);
            assert_eq!(playing.line(), None);
            assert_eq!(playing.child.wait().expect("ended").code(), Some(0));
        }
    }
}

#[test]
fn a_run_that_is_told_to_end_leaves_nothing_behind() {
    let material = Material::new();
    let long = Shape::stereo(44_100, 16, 44_100 * 60);
    let file = material.make("long.wav", material::wav, &long);
    let home = material.path("tmp");
    std::fs::create_dir(&home).expect("create");
    for (told, status) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let mut command = command(&[], std::slice::from_ref(&file));
        let mut playing = Playing::start({
            command.env("TMPDIR", &home);
            command
        });
        let pids = ["engine", "player"].map(|name| playing.child_named(name));
        std::thread::sleep(std::time::Duration::from_millis(500));
        signal(playing.child.id(), told);
        assert_eq!(playing.child.wait().expect("ended").code(), Some(status));
        assert_eq!(std::fs::read_dir(&home).expect("readable").count(), 0);
        for pid in pids {
            // It dies by the kernel's hand, which may take a moment.
            while std::path::Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
}

#[test]
fn lines_come_as_soon_as_their_file_is_done() {
    let material = Material::new();
    let long = Shape::stereo(44_100, 16, 44_100 * 60);
    let files = [material.make("good.flac", material::flac, &GOOD), material.make("long.wav", material::wav, &long)];
    let mut playing = Playing::start(command(&[], &files));
    assert_played(&playing.line().expect("a line"), &GOOD);
    assert_eq!(playing.child.try_wait().expect("a state"), None);
}

#[test]
fn a_wrong_command_line_ends_with_2_and_prints_nothing() {
    let material = Material::new();
    let good = material.make("good.flac", material::flac, &GOOD);
    for (options, files) in [
        (&[][..], vec![]),
        (&["--sink", "s8"], vec![good.clone()]),
        (&["--loud"], vec![good.clone()]),
        (&["--timeout", "never"], vec![good]),
    ] {
        let output = command(options, &files).output().expect("play");
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{options:?}");
    }
}
