//! What the sink takes in no form as it is: DSD as PCM, and rates that it hasn't.
use std::path::PathBuf;

use serde_json::Value;
use support::material::{self, DsdShape, Shape};

use crate::common::{Material, assert_played, play};
use crate::dsd::{WRITERS, make};
use crate::trouble::Bench;

/// Asserts that a line says `played`, converted to this format and rate, with as many frames as last as long.
fn assert_converted(line: &Value, source: (u32, u64), wire: (&str, u32)) {
    assert_eq!(line["state"], "played", "{line}");
    assert_eq!(line["md5"], Value::Null, "{line}");
    assert_eq!((&line["wire"]["format"], &line["wire"]["rate"]), (&wire.0.into(), &wire.1.into()), "{line}");
    assert_eq!((&line["wire"]["channels"], &line["wire"]["dop"]), (&2.into(), &false.into()), "{line}");
    let (rate, frames) = source;
    assert_eq!(line["frames"], (frames * u64::from(wire.1)).div_ceil(u64::from(rate)), "{line}");
    assert!(line["wire_sha256"].is_string(), "{line}");
}

fn assert_dsd_converted(line: &Value, shape: &DsdShape, wire: (&str, u32)) {
    assert_eq!((&line["source"]["rate"], &line["source"]["bits"]), (&shape.rate.into(), &1.into()), "{line}");
    assert_eq!(line["source"]["channels"], shape.channels, "{line}");
    assert_converted(line, (shape.rate / 8, shape.bytes.into()), wire);
}

#[test]
fn dsd_of_every_rate_of_both_families_becomes_pcm() {
    let material = Material::new();
    let mut shapes = Vec::new();
    for (multiple, bytes) in [64, 128, 256, 512, 1024].into_iter().zip([50_003, 100_001, 4_097, 200_006, 100_001]) {
        let shape = DsdShape::stereo(multiple, bytes);
        shapes.extend([shape, shape.channels(1), DsdShape { rate: shape.rate / 441 * 480, ..shape }]);
    }
    shapes.push(DsdShape::stereo(64, 1));
    let files: Vec<PathBuf> = shapes
        .iter()
        .enumerate()
        .map(|(n, shape)| make(&material, &format!("{n}.{}", WRITERS[n % 2].0), WRITERS[n % 2].1, shape))
        .collect();
    // Each sink, its format, its most Hz, and the multiple of 44.1 or 48 kHz.
    for (sink, format, most, times) in [
        ("pcm", "S32_LE", 1_536_000, 4),
        ("s24_3", "S24_3LE", 192_000, 4),
        ("s16", "S16_LE", 96_000, 2),
        ("pcm", "S32_LE", 48_000, 1),
    ] {
        let lines = play(&["--fast", "--sink", sink, "--max-rate", &most.to_string()], &files);
        for (line, shape) in lines.iter().zip(&shapes) {
            let base = if shape.rate % 44_100 == 0 { 44_100 } else { 48_000 };
            assert_dsd_converted(line, shape, (format, base * times));
        }
    }
}

/// A DFF of a part of a longer track: its header and tags, around other audio.
fn part_of(material: &Material, name: &str, whole: &DsdShape, from: usize, bytes: u32) -> PathBuf {
    let shape = DsdShape { bytes, ..*whole };
    let channels = usize::from(whole.channels);
    let size = bytes as usize * channels;
    let mut file = material::dff_bytes(&shape, *b"DSD ", size as u64);
    let own = shape.interleaved();
    let at = file.windows(64).position(|window| *window == own[..64]).expect("its audio");
    file[at..at + size].copy_from_slice(&whole.interleaved()[from * channels..][..size]);
    let path = material.path(name);
    std::fs::write(&path, file).expect("written");
    path
}

/// The frames of a passage, S32_LE and stereo.
fn frames(bench: &mut Bench, passages: std::ops::Range<usize>) -> Vec<[i32; 2]> {
    let capture = bench.chain.capture();
    capture.refresh().expect("readable");
    let passages = &capture.passages()[passages];
    let stream = &capture.streams()[passages[0].stream];
    let (end, _) = passages[passages.len() - 1].end.expect("it has ended");
    let bytes = std::fs::read(&stream.file).expect("readable");
    let bytes = &bytes[passages[0].start as usize * 8..end as usize * 8];
    let sample = |bytes: &[u8]| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    bytes.chunks_exact(8).map(|frame| [sample(frame), sample(&frame[4..])]).collect()
}

/// Amplitude and phase (of a sine) at so many turns a frame, and what else there is, as root mean square.
fn fit(frames: &[[i32; 2]], channel: usize, turn: f64) -> (f64, f64, f64) {
    let levels: Vec<f64> = frames.iter().map(|frame| f64::from(frame[channel]) / 2_147_483_648.0).collect();
    let window = |n: usize| 1.0 - (n as f64 * std::f64::consts::TAU / levels.len() as f64).cos();
    let sum = |wave: fn(f64) -> f64| {
        let products = levels.iter().enumerate().map(|(n, level)| window(n) * level * wave(n as f64 * turn));
        products.sum::<f64>() * 2.0 / levels.len() as f64
    };
    let (cos, sin) = (sum(f64::cos), sum(f64::sin));
    let rest = |(n, level): (usize, &f64)| {
        let at = n as f64 * turn;
        (level - cos * at.cos() - sin * at.sin()).powi(2)
    };
    let rest = levels.iter().enumerate().map(rest).sum::<f64>() / levels.len() as f64;
    (cos.hypot(sin), cos.atan2(sin), rest.sqrt())
}

/// A tone that modulates by 50 % arrives as that tone at -6.02 dB, in time, and after a seek from where that went.
#[test]
fn what_is_heard_of_dsd_is_its_tone_before_and_after_a_seek() {
    let mut bench = Bench::with(|setting| setting.accept = "pcm".into());
    let shape = DsdShape::stereo(64, 352_800 * 4);
    let file = make(&bench.material, "a.dsf", material::dsf, &shape);
    let url = bench.server.add(&file);
    bench.begin(&url);
    bench.sounding();
    bench.until("PLAYING", |chain| (chain.point().transport_info().ok()?.state == "PLAYING").then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(400));
    bench.chain.point().seek("REL_TIME", "0:00:03").expect("sought");
    let (transport, track) = bench.stopped(&url);
    assert_eq!(transport.status, "OK", "{track:?}");
    let page = bench.chain.point().fetch("/status.json").expect("the status");
    let page: Value = serde_json::from_slice(&page).expect("JSON");
    let entry = &page["tracks"][0];
    assert_eq!((&entry["converted"], &entry["lossless"]), (&"DSD64 → PCM 176.4 kHz".into(), &false.into()), "{entry}");
    let stream = bench.until("a closed sink", |chain| {
        chain.capture().refresh().expect("readable");
        chain.capture().streams().iter().find(|stream| stream.frames.is_some()).cloned()
    });
    assert_eq!((stream.format.as_str(), stream.rate), ("S32_LE", 176_400));
    let bytes = std::fs::read(&stream.file).expect("readable");
    let sample = |bytes: &[u8]| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let all: Vec<[i32; 2]> = bytes.chunks_exact(8).map(|frame| [sample(frame), sample(&frame[4..])]).collect();
    let first = bench.chain.capture().passages()[0].start as usize;
    let last = all.iter().rposition(|frame| *frame != [0, 0]).expect("sound");
    // A second's last frame is the track's: a little before the end lies what three seconds and more are.
    let piece = 17_640;
    for (at, second) in [(first + 1764, 0.01), (last - 2 * piece, 4.0 - (2 * piece + 1) as f64 / 176_400.0)] {
        for (channel, pitch) in [(0, 301.0), (1, 471.0)] {
            let turn = pitch * std::f64::consts::TAU / 176_400.0;
            let (amplitude, phase, rest) = fit(&all[at..at + piece], channel, turn);
            let expected = (second * pitch * std::f64::consts::TAU + 1.0 + channel as f64) % std::f64::consts::TAU;
            let off = (phase - expected).rem_euclid(std::f64::consts::TAU);
            let off = off.min(std::f64::consts::TAU - off);
            println!("{second} s, {pitch} Hz: {amplitude:.5}, {off:.4} off, beside it {rest:.5}");
            assert!((amplitude - 0.5).abs() < 0.001, "{second} s, {pitch} Hz: {amplitude}");
            assert!(off < 0.03, "{second} s, {pitch} Hz: {off}");
            // What a modulator of second order leaves below 50 kHz, and the filter's.
            assert!(rest < 0.05, "{second} s, {pitch} Hz: {rest}");
        }
    }
}

/// An album that was cut into tracks is, frame by frame, what the whole is.
#[test]
fn tracks_of_a_dsd_album_go_on_where_the_one_before_ends() {
    // Two seconds each: the next one is named before the ring has all of the current one.
    let whole = DsdShape::stereo(64, 705_600 * 3);
    let cuts = [0, 705_600, 705_600 * 2, 705_600 * 3];
    let mut bench = Bench::with(|setting| setting.accept = "pcm".into());
    let mut urls = Vec::new();
    for (n, cut) in cuts.windows(2).enumerate() {
        let file = part_of(&bench.material, &format!("{n}.dff"), &whole, cut[0], (cut[1] - cut[0]) as u32);
        urls.push(bench.server.add(&file));
    }
    let file = part_of(&bench.material, "whole.dff", &whole, 0, whole.bytes);
    let all = bench.server.add(&file);
    bench.begin(&urls[0]);
    for (now, next) in urls.iter().zip(&urls[1..]) {
        bench.chain.point().set_next(next, "").expect("named");
        bench.until("the next track", |chain| (chain.point().position_info().ok()?.uri != *now).then_some(()));
    }
    bench.stopped(&urls[2]);
    let parts = frames(&mut bench, 0..3);
    bench.begin(&all);
    bench.stopped(&all);
    let one = frames(&mut bench, 3..4);
    assert_eq!((parts.len(), one.len()), (1_058_400, 1_058_400));
    let first = parts.iter().zip(&one).position(|(part, one)| part != one);
    assert_eq!(first, None, "the first frame that differs");
}

#[test]
fn a_queue_of_converted_tracks_has_no_frame_between_and_goes_on_over_changes_of_format() {
    let material = Material::new();
    let shapes = [300_001, 250_003, 200_006].map(|bytes| DsdShape::stereo(64, bytes));
    let mut files: Vec<PathBuf> = shapes
        .iter()
        .enumerate()
        .map(|(n, shape)| make(&material, &format!("{n}.dsf"), material::dsf, shape))
        .collect();
    let pcm = Shape::stereo(44_100, 16, 22_051);
    files.push(material.make("3.flac", material::flac, &pcm));
    files.push(files[0].clone());
    for speed in [&["--fast"][..], &[]] {
        let lines = play(&[&["--gapless", "--sink", "pcm"], speed].concat(), &files);
        for (index, (line, shape)) in lines.iter().zip(&shapes).enumerate() {
            assert_dsd_converted(line, shape, ("S32_LE", 176_400));
            assert_eq!(line["gap_frames"].as_u64(), (index > 0).then_some(0), "{line}");
        }
        assert_played(&lines[3], &pcm);
        assert_dsd_converted(&lines[4], &shapes[0], ("S32_LE", 176_400));
    }
}

#[test]
fn rates_that_the_sink_has_not_are_resampled_unless_that_is_switched_off() {
    let material = Material::new();
    let cases = [(96_000, 48_000), (88_200, 44_100), (192_000, 48_000), (176_400, 44_100), (64_000, 48_000)];
    let files: Vec<PathBuf> = cases
        .iter()
        .map(|(rate, _)| material.make(&format!("{rate}.flac"), material::flac, &Shape::stereo(*rate, 16, 30_011)))
        .collect();
    let exact = Shape::stereo(44_100, 16, 10_001);
    let files = [files, vec![material.make("a.flac", material::flac, &exact)]].concat();
    let limit = ["--fast", "--sink", "pcm", "--max-rate", "48000"];
    let lines = play(&limit, &files);
    for (line, (rate, to)) in lines.iter().zip(cases) {
        assert_converted(line, (rate, 30_011), ("S24_3LE", to));
    }
    // What the sink has isn't touched.
    assert_eq!(
        (&lines[5]["wire"]["format"], &lines[5]["md5"]),
        (&"S16_LE".into(), &exact.md5().into()),
        "{}",
        lines[5]
    );
    for line in &play(&[&limit[..], &["--resample", "off"]].concat(), &files)[..cases.len()] {
        assert_eq!(line["state"], "refused", "{line}");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("it plays up to 48000 Hz")), "{line}");
    }
    // In one queue: no frame between, and every track as long as it is.
    let parts = [10_007, 20_011, 30_013].map(|frames| Shape::stereo(96_000, 24, frames));
    let files: Vec<PathBuf> =
        parts.iter().enumerate().map(|(n, shape)| material.make(&format!("{n}.flac"), material::flac, shape)).collect();
    let lines = play(&[&["--gapless"], &limit[..]].concat(), &files);
    for (index, (line, shape)) in lines.iter().zip(&parts).enumerate() {
        assert_converted(line, (96_000, shape.frames.into()), ("S24_3LE", 48_000));
        assert_eq!(line["gap_frames"].as_u64(), (index > 0).then_some(0), "{line}");
    }
}
