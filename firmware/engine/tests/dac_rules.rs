//! What the owner knows of a DAC, through the engine's binary: `--dac-rules`.

mod common;

use std::path::{Path, PathBuf};

use common::{CD, Engine, is_silent, noise, wait_for};
use pcm::gain::Gain;
use pcm::{Wire, WireFormat};
use ring::message::{Refused, Reply, Request, Volume, VolumeMode};

/// Writes a file of rules.
fn rules(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("dacs.toml");
    std::fs::write(&path, text).expect("a file");
    path
}

#[test]
fn what_a_rule_takes_away_is_neither_offered_nor_opened() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "[[dac]]\nname = 'null'\nwithout-formats = ['S16_LE']\nwithout-rates = [96000]\nbits = 24\ndop = true\n";
    let path = rules(dir.path(), text);
    let engine = Engine::with_null_sink(&["--dac-rules", path.to_str().expect("UTF-8")]);
    let mut player = engine.connect();
    let caps = wait_for("caps", || player.connection.status.caps().filter(|caps| caps.settings().next().is_some()));
    assert!(!caps.formats().contains(WireFormat::S16Le) && caps.formats().contains(WireFormat::DopS24_3Le));
    assert!(caps.of(WireFormat::S32Le).all(|setting| setting.bits == 24));
    for wire in [CD, Wire { format: WireFormat::S32Le, rate: 96_000, channels: 2 }] {
        assert!(!caps.takes(&wire));
        match player.ask(&Request::Open { wire, unscaled: false }) {
            Reply::Refused { code: Refused::Format, text } => assert_eq!(text, format!("null: doesn't take {wire}")),
            other => panic!("{wire}: {other:?}"),
        }
    }
    player.open(Wire { format: WireFormat::S32Le, rate: 48_000, channels: 2 });
}

/// Of 32 bits it uses 24: what is scaled ends there, with dither; what isn't stays whole.
#[test]
fn software_volume_is_dithered_at_the_bits_that_the_dac_has() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = rules(dir.path(), "[[dac]]\nname = 'file'\nbits = 24\n");
    let engine = Engine::with_file_sink(&["--fast", "--preroll-ms", "0", "--dac-rules", path.to_str().expect("UTF-8")]);
    let mut player = engine.connect();
    let wire = Wire { format: WireFormat::S32Le, rate: 48_000, channels: 2 };
    // A steady level between two steps of 24 bits, once it is scaled.
    let level = (0.25 * 256.0 / Gain::from_percent(70).factor() * 401.0) as i32;
    let material = level.to_le_bytes().repeat(2 * 20_000);
    for percent in [100, 70] {
        player.ask(&Request::Volume(Volume { mode: VolumeMode::Software, percent, mute: false }));
        player.open(wire);
        player.play(percent.into(), &material, 8);
        player.close();
    }
    assert!(engine.raw(1) == material, "unscaled");
    let scaled = engine.raw(2);
    let samples: Vec<i32> = scaled.as_chunks().0.iter().map(|sample| i32::from_le_bytes(*sample)).collect();
    assert!(samples.iter().all(|sample| sample % 256 == 0), "bits that the DAC drops");
    assert!(samples.iter().any(|sample| *sample != samples[0]), "dithered");
    let mean = samples.iter().map(|sample| f64::from(*sample) / 256.0).sum::<f64>() / samples.len() as f64;
    assert!((mean - 100.25).abs() < 0.03, "{mean} steps of 24 bits");
}

#[test]
fn f8_a_dac_that_needs_time_to_lock_gets_it_and_the_start_of_the_track_is_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    for (whom, frames) in [("file", 44 * 300 + 30), ("another", 0)] {
        let path = rules(dir.path(), &format!("[[dac]]\nname = '{whom}'\nlock-ms = 300\n"));
        let engine =
            Engine::with_file_sink(&["--fast", "--preroll-ms", "0", "--dac-rules", path.to_str().expect("UTF-8")]);
        let mut player = engine.connect();
        let material = noise(10_000, CD, 5);
        player.open(CD);
        player.play(1, &material, 4);
        player.close();
        let raw = engine.raw(1);
        let (before, track) = raw.split_at(frames * 4);
        assert!(is_silent(before) && track == material, "{whom}: {frames} frames of silence expected");
    }
}

#[test]
fn a_file_that_is_wrong_is_named_with_the_line_and_nothing_starts() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = rules(dir.path(), "[[dac]]\nname = 'null'\nlock-ms = 300000\n");
    let (status, log) = Engine::with_null_sink(&["--dac-rules", path.to_str().expect("UTF-8")]).wait();
    assert_eq!(status.code(), Some(1), "{log}");
    let named = format!("--dac-rules {}: line 3: 300000 won't do: lock-ms is a number from 0 to 5000", path.display());
    assert!(log.contains(&named), "{log}");
    let (status, log) = Engine::with_null_sink(&["--dac-rules", "/nonexistent/rules"]).wait();
    assert!(status.code() == Some(1) && log.contains("--dac-rules /nonexistent/rules: No such file"), "{log}");
}

#[test]
fn check_says_what_is_wrong_and_starts_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    for (text, expected) in [
        ("[[dac]]\nname = 'null'\nlock-ms = 300\n", ""),
        ("[[dac]]\nname = 'null'\nlock-ms = 300000\n", "line 3: 300000 won't do"),
    ] {
        let path = rules(dir.path(), text);
        let (status, log) = Engine::with_null_sink(&["--check", "--dac-rules", path.to_str().expect("UTF-8")]).wait();
        let right = expected.is_empty();
        assert!(status.code() == Some(if right { 0 } else { 2 }) && log.contains(expected), "{status}: {log}");
        assert!(!right || log.is_empty(), "{log}");
    }
    let (status, log) = Engine::with_null_sink(&["--check", "--period-ms", "60"]).wait();
    assert!(status.code() == Some(2) && log.contains("two periods"), "{log}");
}
