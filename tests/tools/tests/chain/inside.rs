//! PCM that carries something else, DoP or MQA: recognised, and kept from gain and dither.
use std::path::Path;

use serde_json::Value;
use support::digest::sha256;
use support::material::{self, DsdShape, DsdWire, Shape};
use tools::capture::Stream;

use crate::common::{Material, play};
use crate::trouble::Bench;

#[test]
fn f5_dop_inside_pcm_is_recognised_and_not_scaled() {
    let shape = DsdShape::stereo(64, 700_001);
    let mut bench = Bench::with(|setting| setting.volume = "software".into());
    bench.chain.point().set_volume(30).expect("set");
    let wav = bench.material.path("a.wav");
    material::wav_dop(&wav, &shape).expect("written");
    let flac = bench.material.path("a.flac");
    material::flac_dop(&flac, &shape).expect("flac");
    for (n, file) in [&wav, &flac].into_iter().enumerate() {
        let url = bench.server.add(file);
        bench.begin(&url);
        bench.until("its name, and that the volume has no effect on it", |chain| {
            let page = chain.point().fetch("/status.json").ok()?;
            let page: Value = serde_json::from_slice(&page).ok()?;
            (page["track"]["inside"] == "DoP" && page["volume"]["without_effect"] == true).then_some(())
        });
        let (transport, track) = bench.stopped(&url);
        assert_eq!(transport.status, "OK", "{track:?}");
        let (stream, own) = passage(&mut bench, n);
        // The widest format, as with every software volume: 24 bits in the upper ones of 32.
        assert_eq!((stream.dop, stream.format.as_str()), (true, "S32_LE"));
        assert!(own == shape.wire(DsdWire::Dop32), "untouched at 30 %");
    }
    let files = [wav, flac];
    for line in &play(&["--fast", "--sink", "s24_3"], &files) {
        assert_eq!((&line["state"], &line["wire"]["dop"]), (&"played".into(), &true.into()), "{line}");
        assert_eq!(line["wire_sha256"], sha256(&shape.wire(DsdWire::DopPacked)), "{line}");
        assert_eq!(line["source"]["bits"], 24, "{line}");
        assert_eq!(line["md5"], support::digest::md5(&shape.wire(DsdWire::DopPacked)), "{line}");
    }
    // 16 bits have no room for the markers.
    for line in &play(&["--fast", "--sink", "s16"], &files) {
        assert_eq!(line["state"], "refused", "{line}");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("DoP")), "{line}");
    }
}

#[test]
fn f5_dop_behind_a_little_digital_silence_is_recognised() {
    let shape = DsdShape::stereo(64, 100_001);
    let material = Material::new();
    let wav = material.path("a.wav");
    // 10 ms, and what decoders give in several blocks; and what goes out in a stream of its own.
    for frames in [1_764, 60_001, 176_400 * 2 + 1] {
        let silence = vec![0; frames * 6];
        material::wav_dop(&wav, &shape).expect("written");
        begin_with(&wav, &silence);
        let [line] = &play(&["--fast", "--sink", "s24_3"], std::slice::from_ref(&wav))[..] else {
            panic!("one file, one line")
        };
        assert_eq!((&line["state"], &line["wire"]["dop"]), (&"played".into(), &true.into()), "{line}");
        let wire = [silence, shape.wire(DsdWire::DopPacked)].concat();
        assert_eq!(line["frames"], wire.len() / 6, "{line}");
        assert_eq!(line["wire_sha256"], sha256(&wire), "{frames} frames of silence: {line}");
        assert_eq!(line["md5"], support::digest::md5(&wire), "{frames} frames of silence: {line}");
    }
}

/// Puts silence in front of a WAV's samples.
fn begin_with(wav: &Path, silence: &[u8]) {
    insert(wav, 0, silence);
}

/// Puts silence between a WAV's samples.
fn insert(wav: &Path, at: usize, silence: &[u8]) {
    let mut bytes = std::fs::read(wav).expect("readable");
    let data = 8 + bytes.windows(4).position(|name| name == b"data").expect("its chunk");
    bytes.splice(data + at..data + at, silence.iter().copied());
    for (at, size) in [(4, bytes.len() - 8), (data - 4, bytes.len() - data)] {
        bytes[at..at + 4].copy_from_slice(&(size as u32).to_le_bytes());
    }
    std::fs::write(wav, &bytes).expect("written");
}

/// More of it than is decoded beforehand: it goes out as PCM, and what lies behind it by a stream of its own.
#[test]
fn f5_what_begins_behind_long_digital_silence_is_recognised_while_that_plays() {
    let mut bench = Bench::with(|setting| setting.volume = "software".into());
    bench.chain.point().set_volume(30).expect("set");
    let (dop, mqa) = (bench.material.path("dop.wav"), bench.material.path("mqa.wav"));
    let one_bit = DsdShape::stereo(64, 100_001);
    material::wav_dop(&dop, &one_bit).expect("written");
    let shape = Shape::stereo(44_100, 16, 44_100 * 3);
    // Two seconds after its first sound, and four after its beginning.
    let samples = material::wav_mqa(&mqa, &shape, &[44_100 * 2]).expect("written");
    let exact: Vec<u8> = samples.iter().flat_map(|sample| (sample << 16).to_le_bytes()).collect();
    let played =
        [(dop, "DoP", 176_400 * 2 + 1, 6, one_bit.wire(DsdWire::Dop32)), (mqa, "MQA", 44_100 * 2 + 1, 4, exact)];
    for (n, (file, inside, silence, frame_bytes, wire)) in played.into_iter().enumerate() {
        begin_with(&file, &vec![0; silence * frame_bytes]);
        let url = bench.server.add(&file);
        bench.begin(&url);
        bench.until("its name, and that the volume has no effect on it", |chain| {
            let page = chain.point().fetch("/status.json").ok()?;
            let page: Value = serde_json::from_slice(&page).ok()?;
            (page["track"]["inside"] == inside && page["volume"]["without_effect"] == true).then_some(())
        });
        let (transport, track) = bench.stopped(&url);
        assert_eq!(transport.status, "OK", "{track:?}");
        let ((before, own), (behind, rest)) = (passage(&mut bench, 2 * n), passage(&mut bench, 2 * n + 1));
        assert_eq!((before.dop, behind.dop), (false, inside == "DoP"));
        assert!(own.len() >= silence * 8 / 2 && own.iter().all(|&byte| byte == 0), "{inside}: {} bytes", own.len());
        // The block in which the silence ends.
        let left = (silence * 8).checked_sub(own.len()).expect("no more than there is");
        assert!(rest[..left].iter().all(|&byte| byte == 0) && rest[left..] == wire, "{inside}: untouched at 30 %");
        let frames = (rest.len() / 8) as u64;
        let page = bench.until("the second part's certificate", |chain| {
            let page: Value = serde_json::from_slice(&chain.point().fetch("/status.json").ok()?).ok()?;
            (page["tracks"][n]["certificate"]["frames"] == frames).then_some(page)
        });
        assert_eq!(page["tracks"][n]["certificate"]["whole"], false, "it is half of one: {page}");
    }
    let metrics = bench.chain.point().fetch("/metrics").expect("it answers");
    let metrics = String::from_utf8(metrics).expect("text");
    let kept = |line| assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    kept("tenuto_certificates_kept{property=\"any\"} 4");
    kept("tenuto_certificates_kept{property=\"whole\"} 0");
}

/// Waits for the `n`th passage to end; the stream that it is in, and its bytes, without what is around it.
pub(crate) fn passage(bench: &mut Bench, n: usize) -> (Stream, Vec<u8>) {
    let passage = bench.until("its end", |chain| {
        chain.capture().refresh().expect("readable");
        chain.capture().passages().get(n).filter(|passage| passage.end.is_some()).cloned()
    });
    let stream = bench.chain.capture().streams()[passage.stream].clone();
    let raw = std::fs::read(&stream.file).expect("readable");
    let sample = if stream.format == "S16_LE" { 2 } else { 4 };
    let frame = sample * usize::from(stream.channels);
    let [start, end] = [passage.start, passage.end.expect("it has one").0].map(|frames| frames as usize * frame);
    (stream, raw[start..end].to_vec())
}

#[test]
fn f5_mqa_inside_pcm_is_recognised_and_not_scaled() {
    let mut bench = Bench::with(|setting| setting.volume = "software".into());
    bench.chain.point().set_volume(30).expect("set");
    // It shows after two seconds.
    let shape = Shape::stereo(44_100, 16, 44_100 * 3);
    let mqa = bench.material.path("mqa.wav");
    let samples = material::wav_mqa(&mqa, &shape, &[44_100 * 2]).expect("written");
    let plain = bench.material.path("plain.wav");
    material::wav(&plain, &shape).expect("written");
    for (n, (file, inside)) in [(&mqa, "MQA".into()), (&plain, Value::Null)].into_iter().enumerate() {
        let url = bench.server.add(file);
        bench.begin(&url);
        bench.until("what is inside, and whether the volume has an effect on it", |chain| {
            let page = chain.point().fetch("/status.json").ok()?;
            let page: Value = serde_json::from_slice(&page).ok()?;
            let (track, volume) = (&page["track"], &page["volume"]);
            let unscaled = inside == "MQA";
            (track["inside"] == inside && volume["without_effect"] == unscaled && track["bit_perfect"] == unscaled)
                .then_some(())
        });
        bench.stopped(&url);
        let (stream, own) = passage(&mut bench, n);
        assert_eq!(stream.format, "S32_LE", "{stream:?}");
        let exact: Vec<u8> = samples.iter().flat_map(|sample| (sample << 16).to_le_bytes()).collect();
        assert!((own == exact) == (inside == "MQA"), "{inside}");
    }
}

#[test]
fn f5_mqa_is_cut_to_a_narrower_dac_without_dither() {
    let material = Material::new();
    let shape = Shape::stereo(48_000, 24, 60_000);
    let mqa = material.path("mqa.wav");
    let samples = material::wav_mqa(&mqa, &shape, &[50_000]).expect("written");
    let plain = material.path("plain.wav");
    material::wav(&plain, &shape).expect("written");
    let cut: Vec<u8> = samples.iter().flat_map(|sample| ((sample >> 8) as i16).to_le_bytes()).collect();
    // As a live stream has it.
    let endless = material.path("endless.flac");
    material::flac_of(&endless, &mqa).expect("flac");
    material::damage::flac_without_totals(&endless).expect("patched");
    let lines = play(&["--fast", "--sink", "s16"], &[mqa, plain, endless]);
    assert_eq!(lines[0]["wire_sha256"], sha256(&cut), "{}", lines[0]);
    assert_eq!(lines[2]["wire_sha256"], sha256(&cut), "{}", lines[2]);
    let cut: Vec<u8> = shape.samples().iter().flat_map(|sample| ((sample >> 8) as i16).to_le_bytes()).collect();
    assert_ne!(lines[1]["wire_sha256"], sha256(&cut), "{}", lines[1]);
    assert!(lines.iter().all(|line| line["state"] == "played" && line["md5"].is_null()), "{lines:?}");
}

/// What the page says now.
fn page(bench: &Bench) -> Value {
    serde_json::from_slice(&bench.chain.point().fetch("/status.json").expect("it answers")).expect("JSON")
}

/// Quiet for four seconds, say: two sync words behind the three seconds that are decoded beforehand.
const LATE: [u32; 2] = [44_100 * 7 / 2, 44_100 * 4];

#[test]
fn f5_mqa_that_shows_late_is_named_and_no_more_dithered() {
    let mut bench = Bench::with(|setting| (setting.accept, setting.fast) = ("s16".into(), true));
    let shape = Shape::stereo(44_100, 24, 44_100 * 7);
    let mqa = bench.material.path("mqa.wav");
    let samples = material::wav_mqa(&mqa, &shape, &LATE).expect("written");
    let url = bench.server.add(&mqa);
    bench.begin(&url);
    let (transport, track) = bench.stopped(&url);
    assert_eq!(transport.status, "OK", "{track:?}");
    let (stream, own) = passage(&mut bench, 0);
    assert_eq!(stream.format, "S16_LE");
    let cut: Vec<u8> = samples.iter().flat_map(|sample| ((sample >> 8) as i16).to_le_bytes()).collect();
    assert_eq!(own.len(), cut.len(), "in one stream");
    assert_ne!(own[..44_100 * 3 * 4], cut[..44_100 * 3 * 4], "dithered before it was known");
    assert!(own[44_100 * 5 * 4..] == cut[44_100 * 5 * 4..], "and not after that");
    let page = page(&bench);
    assert_eq!(
        (&page["tracks"][0]["inside"], &page["tracks"][0]["lossless"]),
        (&"MQA".into(), &false.into()),
        "{page}"
    );
}

/// Full scale in the midst of the music would startle.
#[test]
fn f5_mqa_that_shows_late_stays_as_loud_as_it_is_until_there_is_silence() {
    let mut bench = Bench::with(|setting| (setting.volume, setting.fast) = ("software".into(), true));
    bench.chain.point().set_volume(30).expect("set");
    let shape = Shape::stereo(44_100, 16, 44_100 * 6);
    let mqa = bench.material.path("mqa.wav");
    let samples = material::wav_mqa(&mqa, &shape, &LATE).expect("written");
    // As between the songs of a live stream.
    let (sound, silence) = (44_100 * 5 * 4, 44_100 * 4);
    insert(&mqa, sound, &vec![0; silence]);
    let url = bench.server.add(&mqa);
    bench.begin(&url);
    let (transport, track) = bench.stopped(&url);
    assert_eq!(transport.status, "OK", "{track:?}");
    let ((before, own), (behind, rest)) = (passage(&mut bench, 0), passage(&mut bench, 1));
    assert_eq!([before.format, behind.format], ["S32_LE"; 2]);
    let exact: Vec<u8> = samples.iter().flat_map(|sample| (sample << 16).to_le_bytes()).collect();
    assert_eq!(own.len() + rest.len(), exact.len() + silence * 2, "every frame once");
    let half = own.len() - silence;
    assert!(half >= sound * 2 && own[half..].iter().all(|&byte| byte == 0), "half a second of silence");
    assert_ne!(own[sound * 2 - 4096..][..4096], exact[sound * 2 - 4096..][..4096], "at 30 % up to there");
    assert!(rest.ends_with(&exact[sound * 2..]), "untouched behind it");
    assert_eq!(page(&bench)["tracks"][0]["inside"], "MQA");
    bench.until("the last part's certificate", |chain| {
        let page: Value = serde_json::from_slice(&chain.point().fetch("/status.json").ok()?).ok()?;
        (page["tracks"][0]["certificate"]["scaled"] == false).then_some(())
    });
}

#[test]
fn f5_a_seek_in_mqa_that_showed_late_goes_on_untouched() {
    let mut bench = Bench::with(|setting| setting.volume = "software".into());
    bench.chain.point().set_volume(30).expect("set");
    let shape = Shape::stereo(44_100, 16, 44_100 * 20);
    let mqa = bench.material.path("mqa.wav");
    let samples = material::wav_mqa(&mqa, &shape, &LATE).expect("written");
    let url = bench.server.add(&mqa);
    bench.begin(&url);
    let said = bench.until("its name, and that it is scaled", |chain| {
        let page: Value = serde_json::from_slice(&chain.point().fetch("/status.json").ok()?).ok()?;
        (page["track"]["inside"] == "MQA").then_some(page)
    });
    assert_eq!(said["volume"]["without_effect"], false, "{said}");
    assert_eq!(said["track"]["bit_perfect"], false, "{said}");
    let change = said["track"]["changes"][0].as_str().expect("a reason");
    assert!(change.contains("recognised while it played"), "{change}");
    bench.chain.point().seek("REL_TIME", "0:00:16").expect("seekable");
    bench.until("no effect of the volume", |chain| {
        let page: Value = serde_json::from_slice(&chain.point().fetch("/status.json").ok()?).ok()?;
        (page["volume"]["without_effect"] == true).then_some(())
    });
    bench.stopped(&url);
    let streams = bench.until("both streams", |chain| {
        chain.capture().refresh().expect("readable");
        Some(chain.capture().streams().to_vec()).filter(|streams| streams.len() == 2)
    });
    // The engine fades in where a seek went; its stream isn't closed yet, and may end with silence.
    let rest = std::fs::read(&streams[1].file).expect("readable");
    let exact: Vec<u8> = samples.iter().flat_map(|sample| (sample << 16).to_le_bytes()).collect();
    let sounding = |bytes: &[u8]| bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let (rest, exact) = (&rest[..sounding(&rest)], &exact[..sounding(&exact)]);
    let last = rest.len().checked_sub(44_100 * 8 * 3).expect("most of four seconds");
    assert!(exact.ends_with(&rest[last..]), "untouched");
}
