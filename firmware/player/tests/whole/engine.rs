//! An engine that serves somebody else, speaks another version, or hasn't found its card yet.

use std::time::Duration;

use ring::message::Refused;

use crate::bench::Bench;
use crate::fake::{self, FakeEngine};

/// What the page, the transport and the track say when nothing can play for want of an engine.
fn reasons(bench: &Bench) -> [String; 3] {
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    bench.set_and_play(&bench.media.add(&path));
    let states = bench.until_state("STOPPED");
    assert!(!states.contains(&"PLAYING".to_owned()), "{states:?}");
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    assert_eq!(status["tracks"][0]["error"]["kind"], "Engine");
    [&status["engine"]["fault"], &status["transport"]["error"], &status["tracks"][0]["error"]["text"]]
        .map(|text| text.as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_engine_that_serves_another_player_is_said_to_and_taken_when_that_ends() {
    let mut first = Bench::start();
    let second = first.beside();
    let socket = first.socket().display().to_string();
    for reason in reasons(&second) {
        assert!(reason.contains("another player is connected") && reason.contains(&socket), "{reason}");
        assert!(!reason.contains("isn't running"), "{reason}");
    }
    first.terminate();
    second.until_status("the engine", |status| status["engine"]["state"] == "closed");
}

#[test]
fn an_engine_of_another_version_is_named() {
    let bench = Bench::without_engine(&[]);
    let text = "the engine speaks version 7, the player 1: install both from one release";
    fake::refuse(&bench.socket(), Refused::Version, text);
    bench.until_status("the reason", |status| status["engine"]["fault"].as_str().is_some_and(|why| why.contains(text)));
    for reason in reasons(&bench) {
        assert!(reason.contains(text), "{reason}");
    }
}

/// An engine that has just started is still looking; a DAC that was just switched on is on its way.
#[test]
fn a_track_waits_for_a_dac_that_is_about_to_appear() {
    let bench = Bench::without_engine(&[]);
    let mut engine = FakeEngine::start(&bench.socket());
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_status("the resource", |status| status["tracks"][0]["source"].is_object());
    assert_eq!(bench.state(), "TRANSITIONING");
    engine.plug();
    engine.until_open();
    assert_eq!(bench.status()["transport"]["error"], serde_json::Value::Null);
}

/// The appliance is announced before its engine runs.
#[test]
fn a_track_waits_for_an_engine_that_is_about_to_start() {
    let bench = Bench::without_engine(&[]);
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    bench.set_and_play(&bench.media.add(&path));
    // Longer than an engine takes that only starts again.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(bench.state(), "TRANSITIONING");
    let mut engine = FakeEngine::start(&bench.socket());
    engine.plug();
    engine.until_open();
    assert_eq!(bench.status()["transport"]["error"], serde_json::Value::Null);
}

#[test]
fn without_a_dac_a_track_is_refused_by_name_after_a_while() {
    let bench = Bench::without_engine(&["--dac-wait-s", "3"]);
    let _engine = FakeEngine::start(&bench.socket());
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    bench.set_and_play(&bench.media.add(&path));
    let states = bench.until_state("STOPPED");
    assert_eq!(states, ["TRANSITIONING", "STOPPED"]);
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    let error = &status["tracks"][0]["error"];
    assert_eq!(error["kind"], "Output");
    assert!(error["text"].as_str().is_some_and(|text| text.contains("plug one in")), "{error}");
}
