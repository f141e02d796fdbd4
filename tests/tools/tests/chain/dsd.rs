//! `tests/play` on DSD: containers, rates, channels, odd lengths, every wire, gapless queues, and what can't be played.
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::digest::sha256;
use support::material::{self, DsdShape, DsdWire, Error, Shape, damage};
use tools::capture::Ending;

use crate::common::{Material, assert_played, play};
use crate::trouble::Bench;

pub(crate) type Writer = fn(&Path, &DsdShape) -> Result<(), Error>;

pub(crate) const WRITERS: [(&str, Writer); 2] = [("dsf", material::dsf), ("dff", material::dff)];

/// Every sink for DSD: ALSA's name of its format, whether it is DoP, and how words lie in it.
const SINKS: [(&str, &str, bool, DsdWire); 7] = [
    ("dsd_u8", "DSD_U8", false, DsdWire::Big(1)),
    ("dsd_u16_le", "DSD_U16_LE", false, DsdWire::Little(2)),
    ("dsd_u16_be", "DSD_U16_BE", false, DsdWire::Big(2)),
    ("dsd_u32_le", "DSD_U32_LE", false, DsdWire::Little(4)),
    ("dsd_u32_be", "DSD_U32_BE", false, DsdWire::Big(4)),
    ("dop_s24_3", "S24_3LE", true, DsdWire::DopPacked),
    ("dop_s32", "S32_LE", true, DsdWire::Dop32),
];

pub(crate) fn make(material: &Material, name: &str, writer: Writer, shape: &DsdShape) -> PathBuf {
    let path = material.path(name);
    writer(&path, shape).unwrap_or_else(|error| panic!("{name} {shape:?}: {error}"));
    path
}

/// Asserts that a line says `played`, with every bit on this wire.
fn assert_dsd_played(line: &Value, shape: &DsdShape, wire: DsdWire) {
    assert_eq!(line["state"], "played", "{line}");
    assert_eq!((&line["codec"], &line["source"]["bits"]), (&"DSD".into(), &1.into()), "{line}");
    assert_eq!(line["source"]["rate"], shape.rate, "{line}");
    assert_eq!(line["source"]["channels"], shape.channels, "{line}");
    assert_eq!(line["wire"]["rate"], shape.rate / (8 * wire.word() as u32), "{line}");
    assert_eq!(line["frames"], shape.frames(wire), "{line}");
    assert_eq!(line["md5"], shape.md5(), "{line}");
}

/// The same of one in a queue, whose words may begin in the track before it and end in the one behind: how many there are is
/// for `play` to judge.
fn assert_dsd_queued(line: &Value, shape: &DsdShape) {
    assert_eq!((&line["state"], &line["md5"]), (&"played".into(), &shape.md5().into()), "{line}");
}

#[test]
fn every_wire_at_odd_lengths_from_both_containers() {
    let material = Material::new();
    let shapes = [1, 2, 3, 4, 5, 4095, 4096, 4097, 50_003].map(|bytes| DsdShape::stereo(64, bytes));
    for (sink, format, dop, wire) in SINKS {
        for (extension, writer) in WRITERS {
            let files: Vec<PathBuf> = shapes
                .iter()
                .map(|shape| make(&material, &format!("{}.{extension}", shape.bytes), writer, shape))
                .collect();
            for (line, shape) in play(&["--fast", "--sink", sink], &files).iter().zip(&shapes) {
                assert_dsd_played(line, shape, wire);
                assert_eq!(line["wire"]["format"], format, "{line}");
                assert_eq!(line["wire"]["dop"], dop, "{line}");
                assert_eq!(line["wire"]["channels"], 2, "{line}");
                assert_eq!(line["wire_sha256"], sha256(&shape.wire(wire)), "{line}");
            }
        }
    }
}

#[test]
fn every_rate_from_dsd64_to_dsd1024() {
    let material = Material::new();
    let shapes = [64, 128, 256, 512, 1024].map(|multiple| DsdShape::stereo(multiple, 100_001));
    let of_48 = shapes.map(|shape| DsdShape { rate: shape.rate / 441 * 480, ..shape });
    let shapes = [shapes, of_48].concat();
    let name = |index: usize| format!("{index}.{}", WRITERS[index % 2].0);
    let files: Vec<PathBuf> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| make(&material, &name(index), WRITERS[index % 2].1, shape))
        .collect();
    for (sink, wire) in [("auto", DsdWire::Big(4)), ("dsd_u8", DsdWire::Big(1)), ("dsd_u16_le", DsdWire::Little(2))] {
        for (line, shape) in play(&["--fast", "--sink", sink], &files).iter().zip(&shapes) {
            assert_dsd_played(line, shape, wire);
        }
    }
    // DoP up to what the carrier can: 1 411 200 Hz for DSD512.
    let lines = play(&["--fast", "--sink", "dop_s32"], &files);
    for (line, shape) in lines.iter().zip(&shapes).filter(|(_, shape)| shape.rate / 16 <= 1_536_000) {
        assert_dsd_played(line, shape, DsdWire::Dop32);
    }
    // DSD1024 is converted: it would need 2.8 MHz.
    assert_eq!((&lines[4]["wire"]["rate"], &lines[4]["md5"]), (&176_400.into(), &Value::Null), "{}", lines[4]);
}

#[test]
fn mono_and_surround() {
    let material = Material::new();
    let shapes = [1, 2, 3, 4, 5, 6].map(|channels| DsdShape::stereo(64, 9_001).channels(channels));
    for (extension, writer) in WRITERS {
        let files: Vec<PathBuf> = shapes
            .iter()
            .map(|shape| make(&material, &format!("{}.{extension}", shape.channels), writer, shape))
            .collect();
        for (line, shape) in play(&["--fast"], &files).iter().zip(&shapes) {
            assert_dsd_played(line, shape, DsdWire::Big(4));
            assert_eq!(line["wire"]["format"], "DSD_U32_BE", "{line}");
            assert_eq!(line["wire"]["channels"], shape.channels, "{line}");
        }
        // Stereo only: mono is duplicated, more is refused.
        let lines = play(&["--fast", "--sink", "dop_s24_3"], &files);
        assert_dsd_played(&lines[0], &shapes[0], DsdWire::DopPacked);
        assert_eq!(lines[0]["wire"]["channels"], 2, "{}", lines[0]);
        assert!(lines[2..].iter().all(|line| line["state"] == "refused"), "{lines:?}");
    }
}

#[test]
fn f4_f8_a_gapless_queue_has_no_frame_between_and_goes_on_over_changes_of_format() {
    let material = Material::new();
    // Odd words and odd frames: what is left of a word, and DoP's markers, are carried over. (With --fast the ring runs dry so soon
    // that a track may not wait for the next one.)
    let shapes: Vec<DsdShape> = [300_001, 250_003, 200_006, 150_008]
        .into_iter()
        .zip(1..)
        .map(|(n, seed)| DsdShape::stereo(64, n).seed(seed))
        .collect();
    let names = ["1.dsf", "2.dff", "3.dsf", "4.dff"];
    let mut files: Vec<PathBuf> = shapes
        .iter()
        .zip(names)
        .enumerate()
        .map(|(n, (shape, name))| make(&material, name, WRITERS[n % 2].1, shape))
        .collect();
    let pcm = Shape::stereo(44_100, 16, 22_051);
    files.push(material.make("5.flac", material::flac, &pcm));
    files.push(files[0].clone());
    for (sink, wire) in [("auto", DsdWire::Big(4)), ("dop_s24_3", DsdWire::DopPacked)] {
        for speed in [&["--fast"][..], &[]] {
            let lines = play(&[&["--gapless", "--sink", sink], speed].concat(), &files);
            for (index, (line, shape)) in lines.iter().zip(&shapes).enumerate() {
                assert_dsd_queued(line, shape);
                assert_eq!(line["gap_frames"].as_u64(), (index > 0).then_some(0), "{line}");
            }
            assert_played(&lines[4], &pcm);
            assert_dsd_played(&lines[5], &shapes[0], wire);
        }
    }
}

/// Nothing is put between tracks that end within a word, and their marks are where they have to be.
#[test]
fn f4_f8_a_word_that_a_track_begins_is_filled_up_by_the_next_one() {
    let shapes = [DsdShape::stereo(64, 110_001), DsdShape::stereo(64, 120_002).seed(2)];
    let channel = |n| shapes.iter().flat_map(|shape| shape.channel(n)).collect::<Vec<u8>>();
    for (sink, wire) in
        [("dsd_u32_be", DsdWire::Big(4)), ("dsd_u8", DsdWire::Big(1)), ("dop_s24_3", DsdWire::DopPacked)]
    {
        let mut bench = Bench::with(|setting| setting.accept = sink.into());
        let urls = [0, 1].map(|n| {
            let (extension, writer) = WRITERS[n];
            bench.server.add(&make(&bench.material, &format!("{n}.{extension}"), writer, &shapes[n]))
        });
        // The next one is named before there is anything to play: nothing depends on how fast anybody is.
        let point = bench.chain.point();
        point.set_uri(&urls[0], "").and_then(|_| point.set_next(&urls[1], "")).expect("named");
        point.play().expect("played");
        bench.until("the second track", |chain| (chain.point().position_info().ok()?.uri == urls[1]).then_some(()));
        let (transport, track) = bench.stopped(&urls[1]);
        assert_eq!(transport.status, "OK", "{track:?}");
        let (stream, passages) = bench.until("both in a sink", |chain| {
            chain.capture().refresh().expect("readable");
            let passages = chain.capture().passages().to_vec();
            (passages.len() == 2 && passages[1].end.is_some()).then(|| (chain.capture().streams()[0].clone(), passages))
        });
        let (lengths, word) = (shapes.map(|shape| u64::from(shape.bytes)), wire.word() as u64);
        let begin = passages[0].start;
        let between = begin + lengths[0] / word;
        let end = begin + (lengths[0] + lengths[1]).div_ceil(word);
        assert_eq!((passages[0].end, passages[1].start), (Some((between, Ending::Mark)), between), "{sink}");
        assert_eq!(passages[1].end, Some((end, Ending::Mark)), "{sink}");
        let expected = wire.lay(vec![channel(0), channel(1)]);
        let frame_bytes = expected.len() / (end - begin) as usize;
        let raw = std::fs::read(&stream.file).expect("readable");
        let heard = &raw[begin as usize * frame_bytes..end as usize * frame_bytes];
        // The marker that DoP begins with is the sink's: all are looked at, and left out.
        let markers = if stream.dop { 3 } else { usize::MAX };
        let bare = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().zip(1..).filter(|(_, n)| n % markers != 0).map(|(byte, _)| *byte).collect()
        };
        let (heard_bits, expected) = (bare(heard), bare(&expected));
        let differs = heard_bits.iter().zip(&expected).position(|(heard, expected)| heard != expected);
        assert_eq!((differs, heard_bits.len()), (None, expected.len()), "{sink}: the byte that differs");
        let marks = heard.chunks(frame_bytes).filter(|_| stream.dop).map(|frame| frame[2]).collect::<Vec<u8>>();
        assert!(marks.windows(2).all(|pair| pair[0] ^ pair[1] == 0xff), "{sink}: DoP's markers take turns");
    }
}

#[test]
fn what_the_sink_cannot_do_is_refused_with_a_reason() {
    let material = Material::new();
    let file = make(&material, "a.dsf", material::dsf, &DsdShape::stereo(128, 10_000));
    let slow = ["--fast", "--resample", "off", "--max-rate", "48000", "--sink"];
    for (sink, part) in [("s24_3", "no DSD"), ("dsd_u32_be", "DSD128"), ("s16", "24 bits")] {
        let line = &play(&[&slow[..], &[sink]].concat(), std::slice::from_ref(&file))[0];
        assert_eq!(line["state"], "refused", "{line}");
        assert!(line["error"].as_str().is_some_and(|error| error.contains(part)), "{line}");
        assert!(line["wire"].is_null() && line["md5"].is_null(), "{line}");
    }
    // Where 32-bit words are enough for DSD64, but not for DSD128.
    let limited = ["--fast", "--sink", "dsd_u32_be", "--max-rate", "96000"];
    let slow = DsdShape::stereo(64, 10_000);
    let lines = play(&limited, &[make(&material, "b.dsf", material::dsf, &slow), file]);
    assert_dsd_played(&lines[0], &slow, DsdWire::Big(4));
    assert_eq!((&lines[1]["wire"]["format"], &lines[1]["wire"]["rate"]), (&"S32_LE".into(), &88_200.into()));
}

#[test]
fn damaged_and_compressed_files() {
    let material = Material::new();
    let shape = DsdShape::stereo(64, 100_000);
    for (extension, writer) in WRITERS {
        for thousandths in [1, 500, 900] {
            let file = make(&material, &format!("{thousandths}.{extension}"), writer, &shape);
            damage::truncate(&file, thousandths).expect("cut");
            let line = &play(&["--fast"], &[file])[0];
            assert_ne!(line["state"], "played", "{line}");
            assert!(line["error"].as_str().is_some_and(|error| error.contains("truncated")), "{line}");
        }
    }
    let dst = material.path("a.dff");
    std::fs::write(&dst, material::dff_bytes(&shape, *b"DST ", 1000)).expect("written");
    let line = &play(&["--fast"], &[dst])[0];
    assert_eq!(line["state"], "refused", "{line}");
    assert!(line["error"].as_str().is_some_and(|error| error.contains("DST")), "{line}");
}

#[test]
fn a_dsf_whose_length_is_no_whole_byte_and_a_dff_without_a_size() {
    let material = Material::new();
    let shape = DsdShape::stereo(64, 10_001);
    let odd = material.path("a.dsf");
    std::fs::write(&odd, material::dsf_bytes(&shape, u64::from(shape.bytes) * 8 - 3)).expect("written");
    let plain = DsdShape { bytes: 4096, ..shape };
    let streamed = material.path("a.dff");
    // Everything behind the header is audio then: nothing may follow it.
    let mut bytes = material::dff_bytes(&plain, *b"DSD ", u64::MAX);
    bytes.truncate(bytes.len() - 12 - 23 - 1);
    std::fs::write(&streamed, bytes).expect("written");
    let lines = play(&["--fast"], &[odd, streamed]);
    // The three bits that the file doesn't count are silence, as the three bytes that the last word lacks are.
    let mut wire = shape.wire(DsdWire::Big(4));
    for word in wire.rchunks_mut(4).take(2) {
        assert_eq!(word[1..], [0x69; 3]);
        word[0] = word[0] & 0b1111_1000 | 0x69 & 0b111;
    }
    assert_eq!((&lines[0]["state"], &lines[0]["frames"]), (&"played".into(), &2501.into()), "{}", lines[0]);
    assert_eq!(lines[0]["wire_sha256"], sha256(&wire), "{}", lines[0]);
    assert_dsd_played(&lines[1], &plain, DsdWire::Big(4));
}

/// The frames of a stream without those that are silent.
fn without_silence(bytes: &[u8], frame_bytes: usize) -> Vec<&[u8]> {
    bytes.chunks(frame_bytes).filter(|frame| frame.iter().any(|byte| *byte != 0x69)).collect()
}

#[test]
fn f4_pause_seek_and_stop_leave_every_word_whole_and_silence_between() {
    for (sink, wire, frame_bytes) in [("auto", DsdWire::Big(4), 8), ("dop_s24_3", DsdWire::DopPacked, 6)] {
        let mut bench = Bench::with(|setting| setting.accept = sink.into());
        // Four seconds, of which the middle is skipped, and then the same again, stopped.
        let shape = DsdShape::stereo(64, 352_800 * 4);
        let file = make(&bench.material, "a.dsf", material::dsf, &shape);
        let url = bench.server.add(&file);
        bench.begin(&url);
        bench.sounding();
        let state = |bench: &mut Bench, wanted: &str| {
            bench.until(wanted, |chain| {
                let transport = chain.point().transport_info().ok()?;
                (transport.state == wanted).then_some(())
            });
        };
        state(&mut bench, "PLAYING");
        bench.chain.point().pause().expect("paused");
        state(&mut bench, "PAUSED_PLAYBACK");
        std::thread::sleep(std::time::Duration::from_millis(100));
        bench.chain.point().play().expect("resumed");
        state(&mut bench, "PLAYING");
        bench.chain.point().seek("REL_TIME", "0:00:03").expect("sought");
        let (transport, track) = bench.stopped(&url);
        assert_eq!(transport.status, "OK", "{track:?}");
        let again = bench.server.add(&file);
        bench.begin(&again);
        state(&mut bench, "PLAYING");
        bench.chain.point().stop().expect("stopped");
        bench.stopped(&again);
        let stream = bench.until("a closed sink", |chain| {
            chain.capture().refresh().expect("readable");
            chain.capture().streams().iter().find(|stream| stream.frames.is_some()).cloned()
        });
        let raw = std::fs::read(&stream.file).expect("readable");
        // DoP's markers are none of the source's: they are left out on both sides, and looked at for themselves.
        if stream.dop {
            let markers: Vec<u8> = raw.chunks(3).map(|sample| sample[2]).step_by(2).collect();
            assert!(markers.windows(2).all(|pair| pair[0] ^ pair[1] == 0xff), "markers take turns throughout");
        }
        let bare = |bytes: &[u8]| -> Vec<u8> {
            let word = frame_bytes / 2;
            bytes.chunks(word).flat_map(|sample| sample[..word - usize::from(stream.dop)].to_vec()).collect()
        };
        let (raw, whole, bare_bytes) = (bare(&raw), bare(&shape.wire(wire)), 4 * wire.word() / 2);
        let heard = without_silence(&raw, bare_bytes);
        let source = without_silence(&whole, bare_bytes);
        let third = whole.len() / 4 * 3;
        let end = without_silence(&whole[third..], bare_bytes);
        let place = heard.windows(end.len()).position(|part| part == end).expect("the last second, whole");
        assert!(place > 0 && heard[..place] == source[..place], "{sink}: up to the seek");
        if let Some(rest) = heard.get(place + end.len()..) {
            assert!(*rest == source[..rest.len()], "{sink}: up to the stop");
        }
    }
}
