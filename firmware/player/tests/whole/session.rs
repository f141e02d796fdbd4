//! Sessions of a control point with the whole renderer: the rows of the catalogue that need sound.

use crate::bench::{Bench, until};
use support::media_server::{Conduct, Gate, Hold};

/// Frames of a second.
const SECOND: u32 = 44_100;

fn hold(gate: &Gate, at: u64) -> Conduct {
    let limit = std::time::Duration::from_secs(60);
    Conduct { hold: Some(Hold { at, begins_below: u64::MAX, gate: gate.clone(), limit }), ..Conduct::default() }
}

#[test]
fn t03_play_answers_while_the_source_gives_nothing() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", SECOND / 2, 1);
    let gate = Gate::default();
    bench.set_and_play(&bench.media.add_with(&path, hold(&gate, 0)));
    // T18: no PLAYING without data.
    assert_eq!(bench.state(), "TRANSITIONING");
    let position = bench.point.position_info().unwrap();
    assert_eq!(position.rel_time, "0:00:00");
    gate.open();
    bench.until_state("STOPPED");
    assert_eq!(bench.heard()[0].1, bytes);
}

#[test]
fn t09_every_frame_is_heard_before_stopped() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", SECOND + 17, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("STOPPED");
    assert_eq!(bench.heard().iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>(), [bytes]);
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "OK");
    assert_eq!(status["tracks"][0]["frames"], SECOND + 17);
    assert_eq!(status["engine"]["rt_allocations"], 0);
}

#[test]
fn t20_gapless_moves_next_to_current_without_a_silent_frame() {
    let bench = Bench::start();
    let ((a, a_bytes), (b, b_bytes)) = (bench.wav("a.wav", SECOND, 1), bench.wav("b.wav", SECOND + 1, 2));
    let (a, b) = (bench.media.add(&a), bench.media.add(&b));
    bench.set_and_play(&a);
    bench.point.set_next(&b, "").unwrap();
    let mut states = Vec::new();
    until("the next track", || {
        states.push(bench.state());
        (bench.point.position_info().unwrap().uri == b).then_some(())
    });
    // T21
    assert!(!states.contains(&"STOPPED".to_owned()), "{states:?}");
    assert_eq!(bench.status()["next"], "");
    bench.until_state("STOPPED");
    let heard: Vec<_> = bench.heard().into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(heard, [a_bytes, b_bytes]);
    let log = bench.sink_log();
    let frame =
        |event: &str, n: usize| log.iter().filter(|line| line["event"] == event).nth(n).unwrap()["frame"].clone();
    assert_eq!(frame("end", 0), frame("start", 1));
}

#[test]
fn t16_next_is_opened_once_and_not_before_it_is_needed() {
    let bench = Bench::start();
    let ((a, _), (b, _)) = (bench.wav("a.wav", 3 * SECOND, 1), bench.wav("b.wav", SECOND, 2));
    let gate = Gate::default();
    // The first track can't be wholly decoded before its tail is let go.
    let (a, b) = (bench.media.add_with(&a, hold(&gate, 300_000)), bench.media.add(&b));
    bench.set_and_play(&a);
    bench.point.set_next(&b, "").unwrap();
    bench.until_state("PLAYING");
    let asked_for_b = || bench.media.seen().iter().filter(|seen| seen.path.ends_with("b.wav")).count();
    assert_eq!(asked_for_b(), 0);
    gate.open();
    until("the next track", || (bench.point.position_info().unwrap().uri == b).then_some(()));
    bench.until_state("STOPPED");
    assert_eq!(asked_for_b(), 1);
}

#[test]
fn t12_the_same_uri_starts_over() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", SECOND / 4, 1);
    let url = bench.media.add(&path);
    for _ in 0..2 {
        bench.set_and_play(&url);
        bench.until_state("STOPPED");
    }
    let heard: Vec<_> = bench.heard().into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(heard, [bytes.clone(), bytes]);
}

#[test]
fn t11_set_while_playing_switches() {
    let bench = Bench::start();
    let ((a, _), (b, b_bytes)) = (bench.wav("a.wav", 20 * SECOND, 1), bench.wav("b.wav", SECOND / 4, 2));
    bench.set_and_play(&bench.media.add(&a));
    bench.until_state("PLAYING");
    bench.set(&bench.media.add(&b));
    assert_ne!(bench.state(), "STOPPED");
    bench.until_state("STOPPED");
    assert_eq!(bench.heard().last().unwrap().1, b_bytes);
}

#[test]
fn t27_a_seek_lands_where_it_should() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 20 * SECOND, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("PLAYING");
    bench.point.seek("REL_TIME", "0:00:19").unwrap();
    assert_eq!(bench.point.position_info().unwrap().rel_time, "0:00:19");
    bench.until_state("STOPPED");
    // What was heard ends with the file's last frames: a second of them, less what the fade-in has scaled.
    let log = bench.sink_log();
    let end = log.iter().rev().find(|line| line["event"] == "end").unwrap()["frame"].as_u64().unwrap() as usize * 4;
    let raw = bench.sink_file();
    let tail = (SECOND as usize - 2000) * 4;
    assert!(raw[end - tail..end] == bytes[bytes.len() - tail..]);
    assert!(log.iter().any(|line| line["event"] == "flush"));
}

#[test]
fn t27_a_seek_while_stopped_or_paused_is_where_play_goes_on() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * SECOND, 1);
    bench.set(&bench.media.add(&path));
    bench.point.seek("REL_TIME", "0:00:10").unwrap();
    assert_eq!(bench.point.position_info().unwrap().rel_time, "0:00:10");
    bench.point.play().unwrap();
    bench.until_state("PLAYING");
    until("the position", || bench.point.position_info().unwrap().rel_time.starts_with("0:00:1").then_some(()));
    bench.point.pause().unwrap();
    bench.point.seek("ABS_TIME", "0:00:15").unwrap();
    assert_eq!(bench.state(), "PAUSED_PLAYBACK");
    assert_eq!(bench.point.position_info().unwrap().rel_time, "0:00:15");
    bench.point.play().unwrap();
    bench.until_state("PLAYING");
    // Beyond the end.
    let error = bench.point.seek("REL_TIME", "0:00:21").unwrap_err();
    assert_eq!(error.fault_code(), Some(711));
}

#[test]
fn t27_a_seek_back_from_the_end_forgets_the_next_track_until_it_is_due_again() {
    let bench = Bench::start();
    let ((a, _), (b, b_bytes)) = (bench.wav("a.wav", 3 * SECOND, 1), bench.wav("b.wav", SECOND / 2, 2));
    let (a, b) = (bench.media.add(&a), bench.media.add(&b));
    bench.set_and_play(&a);
    bench.point.set_next(&b, "").unwrap();
    // The next track is in the ring already, the current one still sounds.
    bench.until_status("the next track's opening", |status| {
        status["tracks"].as_array().is_some_and(|all| all.len() == 2)
    });
    bench.point.seek("REL_TIME", "0:00:01").unwrap();
    assert_eq!(bench.point.position_info().unwrap().uri, a);
    bench.until_state("PLAYING");
    until("the next track", || (bench.point.position_info().unwrap().uri == b).then_some(()));
    bench.until_state("STOPPED");
    assert_eq!(bench.heard().last().unwrap().1, b_bytes);
}

#[test]
fn t08_position_stays_below_duration_while_playing() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 2 * SECOND, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("PLAYING");
    until("the end", || {
        let position = bench.point.position_info().unwrap();
        assert_eq!(position.duration, "0:00:02");
        assert!(position.rel_time < position.duration, "{}", position.rel_time);
        (bench.state() == "STOPPED").then_some(())
    });
}

#[test]
fn t18_what_cannot_be_opened_says_so_and_the_next_still_plays() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("b.wav", SECOND / 4, 2);
    let missing = bench.media.add(&path.with_file_name("missing.wav"));
    bench.set_and_play(&missing);
    let states = bench.until_state("STOPPED");
    assert!(!states.contains(&"PLAYING".to_owned()), "{states:?}");
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    assert_eq!(status["tracks"][0]["error"]["kind"], "NotFound");
    bench.set(&missing);
    bench.point.set_next(&bench.media.add(&path), "").unwrap();
    bench.point.play().unwrap();
    until("the good track", || bench.heard().pop()).1.eq(&bytes).then_some(()).expect("all of it");
}

#[test]
fn t18_skipping_fast_ends_with_the_last_one() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", SECOND / 2, 1);
    for _ in 0..40 {
        bench.set_and_play(&bench.media.add(&path));
    }
    bench.until_state("STOPPED");
    assert_eq!(bench.heard().last().unwrap().1, bytes);
    assert_eq!(bench.status()["transport"]["status"], "OK");
}

#[test]
fn t30_a_truncated_track_plays_what_there_is_and_then_says_so() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", SECOND, 1);
    let cut = Conduct { cut_at: Some(100_000), no_ranges: true, ..Conduct::default() };
    bench.set_and_play(&bench.media.add_with(&path, cut));
    bench.until_state("STOPPED");
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    assert!(status["tracks"][0]["error"]["kind"].is_string());
    // Behind them is the silence of a source that was asked again in vain.
    assert!(bench.heard()[0].1.starts_with(&bytes[..50_000]));
}

#[test]
fn t30_a_dead_engine_stops_with_an_error_and_can_be_started_again() {
    let mut bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", SECOND, 1);
    let url = bench.media.add(&path);
    bench.set_and_play(&url);
    bench.until_state("PLAYING");
    bench.kill_engine();
    bench.until_state("STOPPED");
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    assert_eq!(status["tracks"][0]["error"]["kind"], "Engine", "{status}");
    assert_eq!(bench.status()["engine"]["state"], "gone");
    bench.start_engine();
    bench.point.play().unwrap();
    until("all of it", || bench.heard().pop().filter(|(_, heard)| *heard == bytes));
}

#[test]
fn t21_stop_and_pause_take_effect_while_the_source_hangs() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * SECOND, 1);
    let gate = Gate::default();
    bench.set_and_play(&bench.media.add_with(&path, hold(&gate, 400_000)));
    bench.until_state("PLAYING");
    bench.point.pause().unwrap();
    assert_eq!(bench.state(), "PAUSED_PLAYBACK");
    bench.point.stop().unwrap();
    assert_eq!(bench.state(), "STOPPED");
    bench.until_status("the stream to close", |status| status["engine"]["state"] == "closed");
}

#[test]
fn t19_a_pause_holds_the_position() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 3 * SECOND, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_status("sound", |status| status["engine"]["state"] == "playing");
    bench.point.pause().unwrap();
    let status = bench.until_status("the pause", |status| status["engine"]["state"] == "paused");
    let held = status["track"]["position"].as_f64().unwrap();
    bench.point.play().unwrap();
    bench.until_state("STOPPED");
    assert!(held < 3.0);
    let log = bench.sink_log();
    assert!(log.iter().any(|line| line["event"] == "pause") && log.iter().any(|line| line["event"] == "resume"));
}

#[test]
fn r01_mute_and_fixed_volume() {
    let bench = Bench::start_with(&["--volume", "fixed"]);
    bench.point.set_volume(30).unwrap();
    assert_eq!(bench.point.volume().unwrap(), 100);
    bench.point.set_mute(true).unwrap();
    assert!(bench.point.mute().unwrap());
    bench.until_status("mute", |status| status["volume"]["mute"] == true);
}

/// The volume is chosen when the DAC is known; nothing may be planned or heard before that.
#[test]
fn r01_a_track_that_waits_for_the_engine_is_played_as_the_volume_wants_it() {
    let mut bench = Bench::without_engine(&["--volume", "software"]);
    let (path, _) = bench.wav("a.wav", SECOND, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.start_engine();
    let open = until("the stream", || bench.sink_log().into_iter().find(|line| line["event"] == "open"));
    // Room below the source's bits, for software volume.
    assert_eq!(open["format"], "S32_LE", "{open}");
}

#[test]
fn sigterm_ends_well_while_it_plays() {
    let mut bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * SECOND, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("PLAYING");
    bench.terminate();
    // The sound has faded, and the device is closed.
    until("the close", || bench.sink_log().iter().any(|line| line["event"] == "close").then_some(()));
    assert!(bench.sink_log().iter().all(|line| line["event"] != "xrun"));
}

/// What a server says of a file's length.
fn announced(url: &str, duration: &str) -> String {
    let didl = support::control_point::didl("a", "audio/ogg", url);
    didl.replace("<res ", &format!("<res duration=\"{duration}\" "))
}

#[test]
fn t08_vorbis_has_a_duration_while_it_plays() {
    let bench = Bench::start();
    let path = bench.wav("a.wav", SECOND, 1).0.with_file_name("a.ogg");
    let shape = support::material::Shape::stereo(SECOND, 16, 20 * SECOND);
    support::material::vorbis(&path, &shape).unwrap();
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("PLAYING");
    let duration = || bench.point.position_info().unwrap().duration;
    assert_eq!(duration(), "0:00:20");
    assert_eq!(bench.point.seek("REL_TIME", "0:00:21").unwrap_err().fault_code(), Some(711));
    assert_eq!(bench.state(), "PLAYING");
    bench.point.stop().unwrap();
    // Without Range requests there is what was announced.
    let url = bench.media.add_with(&path, Conduct { no_ranges: true, ..Conduct::default() });
    bench.point.set_uri(&url, &announced(&url, "0:00:20.000")).unwrap();
    bench.point.play().unwrap();
    bench.until_state("PLAYING");
    assert_eq!(duration(), "0:00:20");
}

#[test]
fn t27_a_seek_beyond_an_end_that_was_announced_wrong_goes_on_with_the_next_track() {
    let bench = Bench::start();
    let (next, bytes) = bench.wav("b.wav", SECOND / 4, 2);
    let path = next.with_file_name("a.mp3");
    let shape = support::material::Shape::stereo(SECOND, 16, 10 * SECOND);
    support::material::mp3_without_tag(&path, &shape).unwrap();
    let url = bench.media.add(&path);
    let play = || {
        bench.point.set_uri(&url, &announced(&url, "1:00:00")).unwrap();
        bench.point.play().unwrap();
        bench.until_state("PLAYING");
    };
    play();
    bench.point.seek("REL_TIME", "0:30:00").unwrap();
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    play();
    bench.point.set_next(&bench.media.add(&next), "").unwrap();
    bench.point.seek("REL_TIME", "0:30:00").unwrap();
    until("the next track", || bench.heard().pop().filter(|(_, heard)| *heard == bytes));
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
}

#[test]
fn r01_a_refused_volume_comes_with_what_there_is_to_do() {
    let bench = Bench::start();
    let error = bench.point.set_volume(30).unwrap_err().to_string();
    assert!(error.contains("--volume software"), "{error}");
}
