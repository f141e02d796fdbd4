//! ReplayGain: exactly as much as the tags say, only where the owner asked for it, and only what consists of levels.
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::digest::sha256;
use support::material::{self, DsdShape, DsdWire, Shape};
use support::tool;

use crate::common::{Material, assert_played, play};
use crate::inside::passage;
use crate::trouble::Bench;

const SHAPE: Shape = Shape { rate: 44_100, bits: 16, channels: 2, frames: 60_000, seed: 5 };

fn tag(path: &Path, tags: &[&str]) {
    let options = tags.iter().map(|tag| format!("--set-tag={tag}"));
    let options: Vec<String> = options.chain([path.display().to_string()]).collect();
    tool::run("metaflac", &options).expect("metaflac");
}

fn tagged(material: &Material, name: &str, tags: &[&str]) -> PathBuf {
    let path = material.make(name, material::flac, &SHAPE);
    tag(&path, tags);
    path
}

fn with_mode(mode: &str) -> Bench {
    Bench::with(|setting| setting.replay_gain = Some(mode.into()))
}

/// Plays a file alone: what the page said of it while it played, and what came out.
fn played(bench: &mut Bench, n: usize, file: &Path) -> (Value, String, Vec<u8>) {
    let url = bench.server.add(file);
    bench.begin(&url);
    let page = bench.until("what becomes of it", |chain| {
        let page: Value = serde_json::from_slice(&chain.point().fetch("/status.json").ok()?).ok()?;
        (page["track"]["uri"] == url && page["track"]["wire"].is_object()).then_some(page)
    });
    let (transport, track) = bench.stopped(&url);
    assert_eq!(transport.status, "OK", "{track:?}");
    let (stream, own) = passage(bench, n);
    (page, stream.format, own)
}

/// 32 bits a sample, as they are.
fn untouched(samples: &[i32]) -> Vec<u8> {
    samples.iter().flat_map(|sample| (sample << 16).to_le_bytes()).collect()
}

#[test]
fn without_being_asked_for_tags_change_no_bit() {
    let material = Material::new();
    let tags = ["REPLAYGAIN_TRACK_GAIN=-9.00 dB", "REPLAYGAIN_ALBUM_GAIN=-9.00 dB"];
    let file = tagged(&material, "a.flac", &tags);
    for line in &play(&["--fast", "--sink", "s16"], std::slice::from_ref(&file)) {
        assert_played(line, &SHAPE);
        assert_eq!(line["wire"]["format"], "S16_LE", "{line}");
    }
}

#[test]
fn a_track_is_as_much_quieter_as_its_tag_says() {
    let tags = ["TITLE=A <b>", "REPLAYGAIN_TRACK_GAIN=-7.03 dB", "REPLAYGAIN_ALBUM_GAIN=-3.50 dB"];
    for (mode, decibels) in [("track", -7.03), ("album", -3.5)] {
        let mut bench = with_mode(mode);
        let file = tagged(&bench.material, "a.flac", &tags);
        let (page, format, own) = played(&mut bench, 0, &file);
        assert_eq!(format, "S32_LE", "the widest");
        let factor = 10f64.powf(decibels / 20.0) * 65_536.0;
        let wire = own.as_chunks().0.iter().map(|&bytes| f64::from(i32::from_le_bytes(bytes)));
        let wanted = SHAPE.samples().into_iter().map(|sample| f64::from(sample) * factor);
        assert_eq!(own.len(), SHAPE.samples().len() * 4);
        let error = wire.zip(wanted).map(|(wire, wanted)| (wire - wanted).abs()).fold(0.0, f64::max);
        // The tag is kept in 32 bits: within -140 dB of full scale.
        assert!(error < 214.0, "{error}");

        let track = &page["track"];
        assert_eq!((&page["replay_gain"], &track["replay_gain_db"]), (&mode.into(), &decibels.into()), "{track}");
        assert_eq!((&track["bit_perfect"], &track["title"]), (&false.into(), &"A <b>".into()), "{track}");
        assert_eq!(track["changes"], serde_json::json!([format!("ReplayGain ({decibels} dB)")]));
        let certificate = bench.until("its certificate", |chain| {
            let page: Value = serde_json::from_slice(&chain.point().fetch("/status.json").ok()?).ok()?;
            let certificate = page["tracks"][0]["certificate"].clone();
            certificate.is_object().then_some(certificate)
        });
        assert_eq!((&certificate["scaled"], &certificate["sha256"]), (&true.into(), &sha256(&own).into()));
    }
}

#[test]
fn what_has_no_tags_or_is_to_be_louder_is_untouched() {
    let mut bench = with_mode("track");
    let files = [
        tagged(&bench.material, "none.flac", &["TITLE=T"]),
        tagged(&bench.material, "louder.flac", &["REPLAYGAIN_TRACK_GAIN=+4.20 dB", "REPLAYGAIN_TRACK_PEAK=0.25"]),
        tagged(&bench.material, "nonsense.flac", &["REPLAYGAIN_TRACK_GAIN=-1000 dB", "REPLAYGAIN_TRACK_PEAK=99"]),
    ];
    for (n, file) in files.iter().enumerate() {
        let (page, format, own) = played(&mut bench, n, file);
        // In the format of the others, so that they follow each other without a gap.
        assert_eq!(format, "S32_LE");
        assert!(own == untouched(&SHAPE.samples()), "{}", file.display());
        assert_eq!((&page["track"]["bit_perfect"], &page["track"]["replay_gain_db"]), (&true.into(), &Value::Null));
    }
}

#[test]
fn dop_mqa_and_dsd_are_left_alone() {
    let mut bench = with_mode("track");
    let dsd = DsdShape::stereo(64, 350_001);
    let dop = bench.material.path("dop.flac");
    material::flac_dop(&dop, &dsd).expect("flac");
    tag(&dop, &["REPLAYGAIN_TRACK_GAIN=-6.00 dB"]);
    let (page, format, own) = played(&mut bench, 0, &dop);
    assert_eq!((format.as_str(), &page["track"]["inside"]), ("S32_LE", &"DoP".into()));
    assert!(own == dsd.wire(DsdWire::Dop32), "DoP");

    let shape = Shape::stereo(44_100, 16, 44_100 * 3);
    let wav = bench.material.path("mqa.wav");
    let samples = material::wav_mqa(&wav, &shape, &[44_100 * 2]).expect("written");
    let mqa = bench.material.path("mqa.flac");
    tool::run("flac", &["--silent", "-o", &mqa.display().to_string(), &wav.display().to_string()]).expect("flac");
    tag(&mqa, &["REPLAYGAIN_TRACK_GAIN=-6.00 dB"]);
    let (page, _, own) = played(&mut bench, 1, &mqa);
    assert_eq!((&page["track"]["inside"], &page["track"]["replay_gain_db"]), (&"MQA".into(), &Value::Null));
    assert!(own == untouched(&samples), "MQA");
}
