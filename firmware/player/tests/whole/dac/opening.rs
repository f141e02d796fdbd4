//! A DAC that goes just before it is opened, or that needs a moment until it can be.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use ring::message::Refused;
use support::material::{self, Shape};

use super::{FRAME, SECOND, pull_out, put_back, put_together, streams};
use crate::bench::Bench;
use crate::fake::FakeEngine;

fn bytes(bench: &Bench) -> Vec<Vec<u8>> {
    streams(bench).into_iter().map(|(_, bytes)| bytes).collect()
}

fn until_it_waits(bench: &Bench) {
    bench.until_status("the want of a DAC", |status| status["transport"]["waits"].is_string());
}

#[test]
fn t30_a_dac_that_is_pulled_out_just_before_play_is_waited_for() {
    let bench = Bench::start();
    let (path, track) = bench.wav("a.wav", SECOND, 21);
    // Nothing plays, and the engine doesn't know yet.
    pull_out(&bench);
    bench.set_and_play(&bench.media.add(&path));
    until_it_waits(&bench);
    assert_eq!(bench.state(), "TRANSITIONING");
    put_back(&bench);
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    put_together(&bytes(&bench), &track);
}

#[test]
fn t30_a_dac_that_does_not_come_back_before_it_is_opened_ends_it_with_the_reason() {
    for patience in ["0", "1"] {
        let bench = Bench::start_with(&["--dac-wait-s", patience]);
        let (a, b) = (bench.wav("a.wav", SECOND, 22), bench.wav("b.wav", SECOND, 23));
        let a = bench.media.add(&a.0);
        bench.set(&a);
        bench.point.set_next(&bench.media.add(&b.0), "").expect("SetNextAVTransportURI");
        pull_out(&bench);
        bench.point.play().expect("Play");
        let states = bench.until_state("STOPPED");
        assert!(!states.contains(&"PLAYING".to_owned()), "{states:?}");
        let status = bench.status();
        assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
        assert_eq!(status["tracks"][0]["error"]["kind"], "Output");
        assert_eq!(bench.point.position_info().expect("GetPositionInfo").uri, a, "it isn't skipped");
        assert_eq!(status["tracks"].as_array().map(Vec::len), Some(1), "nor is the next one");
    }
}

#[test]
fn t30_a_dac_that_comes_for_play_and_needs_a_moment_is_opened_in_the_end() {
    let bench = Bench::start();
    let (path, track) = bench.wav("a.wav", SECOND, 24);
    let url = bench.media.add(&path);
    pull_out(&bench);
    bench.set_and_play(&url);
    until_it_waits(&bench);
    bench.point.stop().expect("Stop");
    // Now there is none from the beginning on; and the one that comes can't be opened at first.
    bench.point.play().expect("Play");
    bench.until_status("the resource", |status| status["tracks"][1]["source"].is_object());
    let obstacle = bench.path("sink/0001.raw");
    fs::create_dir(&obstacle).expect("a directory");
    put_back(&bench);
    bench.until_status("the plan", |status| status["tracks"][1]["wire"].is_object());
    // Long enough for a try or two.
    sleep(Duration::from_millis(400));
    fs::remove_dir(&obstacle).expect("it is empty");
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    put_together(&bytes(&bench), &track);
}

/// A player whose track is open, and an engine whose card is there then or was before.
fn about_to_open(first: bool) -> (Bench, FakeEngine) {
    let bench = Bench::without_engine(&[]);
    let mut engine = FakeEngine::start(&bench.socket());
    let (path, _) = bench.wav("a.wav", SECOND, 25);
    let url = bench.media.add(&path);
    if first {
        engine.plug();
        engine.until_volume();
        bench.set_and_play(&url);
    } else {
        bench.set_and_play(&url);
        bench.until_status("the resource", |status| status["tracks"][0]["source"].is_object());
        engine.plug();
    }
    engine.until_open();
    (bench, engine)
}

#[test]
fn t30_a_dac_that_is_gone_when_the_format_changes_is_waited_for() {
    let bench = Bench::without_engine(&[]);
    let mut engine = FakeEngine::start(&bench.socket());
    let (a, a_bytes) = bench.wav("a.wav", SECOND / 5, 26);
    let shape = Shape::stereo(48_000, 16, 9_600).seed(27);
    let b = bench.path("b.wav");
    material::wav(&b, &shape).expect("a WAV file");
    let b_bytes: Vec<u8> = shape.samples().iter().flat_map(|sample| (*sample as i16).to_le_bytes()).collect();
    let b = bench.media.add(&b);
    engine.plug();
    engine.until_volume();
    bench.set_and_play(&bench.media.add(&a));
    bench.point.set_next(&b, "").expect("SetNextAVTransportURI");
    assert_eq!(engine.open().rate, SECOND);
    assert_eq!(engine.take(a_bytes.len() / FRAME), a_bytes);
    engine.hear(a_bytes.len() / FRAME);
    for _ in 0..2 {
        assert_eq!(engine.until_open().rate, 48_000);
        engine.refuse_open(Refused::NoOutput, "unplugged");
    }
    assert_eq!(engine.open().rate, 48_000);
    assert_eq!(engine.take(b_bytes.len() / FRAME), b_bytes);
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "OK");
    assert!(status["tracks"][1]["error"].is_null(), "{status}");
    assert_eq!(bench.point.position_info().expect("GetPositionInfo").uri, b);
}

fn until_refused(bench: &Bench, reason: &str) {
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["error"], reason);
}

#[test]
fn a_dac_that_is_gone_when_it_is_opened_is_tried_again_and_one_that_fails_is_not() {
    let (bench, mut engine) = about_to_open(true);
    for _ in 0..3 {
        engine.refuse_open(Refused::NoOutput, "unplugged");
        engine.until_open();
        assert_eq!(bench.state(), "TRANSITIONING");
    }
    engine.refuse_open(Refused::Format, "doesn't take that");
    until_refused(&bench, "doesn't take that");
    let (bench, mut engine) = about_to_open(true);
    engine.refuse_open(Refused::Output, "in use");
    until_refused(&bench, "in use");
}

#[test]
fn a_dac_that_was_waited_for_may_fail_at_first_but_what_it_refuses_it_refuses() {
    let (bench, mut engine) = about_to_open(false);
    for _ in 0..3 {
        engine.refuse_open(Refused::Output, "not ready");
        engine.until_open();
        assert_eq!(bench.state(), "TRANSITIONING");
    }
    engine.refuse_open(Refused::Format, "doesn't take that");
    until_refused(&bench, "doesn't take that");
}
