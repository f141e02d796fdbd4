//! A DAC that is pulled out, and another one, or the same, that is plugged in.

mod behind;
mod opening;

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, until};
use crate::raw::Listener;

const SECOND: u32 = 44_100;
/// Bytes of a frame of the file.
const FRAME: usize = 4;
/// What the engine fades in, frames.
const FADE: usize = 882;
/// A name that is no card's.
const NOTHING: &str = "none";

/// Plugs another card in, by what it takes.
fn plug_in(bench: &Bench, card: &str) {
    // At once as a whole: half a name is another card.
    fs::write(bench.path("part"), card)
        .and_then(|()| fs::rename(bench.path("part"), bench.path("sink/card")))
        .expect("a file");
}

fn pull_out(bench: &Bench) {
    plug_in(bench, NOTHING);
}

/// Puts back what was asked for first.
fn put_back(bench: &Bench) {
    fs::remove_file(bench.path("sink/card")).expect("a file");
}

/// What each stream has put out, with its format.
fn streams(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let log = bench.sink_log();
    let open = log.iter().filter(|line| line["event"] == "open");
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let read = |line: &Value| fs::read(bench.path("sink").join(text(line, "file"))).unwrap_or_default();
    open.map(|line| (text(line, "format"), read(line))).collect()
}

/// Waits until the newest stream has put so many frames out.
fn until_heard(bench: &Bench, number: usize, frames: usize) {
    until("the music", || streams(bench).get(number - 1).filter(|(_, bytes)| bytes.len() > frames * FRAME).map(drop));
}

fn until_event(listener: &Listener, state: &str) {
    until(state, || {
        listener.event(true).0.body.contains(&format!("TransportState val=&quot;{state}&quot;")).then_some(())
    });
}

/// The streams are the track with no frame missing; returns how many frames came twice at each seam, those that are faded in included.
fn put_together(streams: &[Vec<u8>], track: &[u8]) -> Vec<usize> {
    let mut next = 0;
    let mut twice = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        let faded = if number == 0 { 0 } else { FADE };
        let stream = stream.get(faded * FRAME..).expect("more than is faded in");
        let key = &stream[..64 * FRAME];
        let at = track.windows(key.len()).step_by(FRAME).position(|frames| frames == key).expect("frames of the track");
        assert!(at <= next, "stream {number}: {} frames are missing", at - next);
        if number > 0 {
            twice.push(next - at + FADE);
        }
        let rest = &track[at * FRAME..];
        let equal = stream.iter().zip(rest).take_while(|(came, wanted)| came == wanted).count();
        let silent = stream[equal..].iter().all(|byte| *byte == 0);
        assert!(equal == stream.len() || equal == rest.len() && silent, "stream {number}: {equal} bytes are equal");
        next = at + equal / FRAME;
    }
    assert_eq!(next, track.len() / FRAME, "its end");
    twice
}

#[test]
fn t30_a_dac_that_is_pulled_out_and_put_back_goes_on_with_the_frame_that_was_next() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 7 * SECOND, 1);
    let listener = Listener::new();
    assert_eq!(listener.subscribe(bench.address()).status(), 200);
    bench.set_and_play(&bench.media.add(&path));
    for number in 1..=3 {
        until_event(&listener, "PLAYING");
        until_heard(&bench, number, SECOND as usize);
        pull_out(&bench);
        until_event(&listener, "TRANSITIONING");
        let status = bench.status();
        assert_eq!(
            (&status["transport"]["state"], &status["transport"]["status"]),
            (&"TRANSITIONING".into(), &"OK".into())
        );
        let waits = status["transport"]["waits"].as_str().unwrap_or_default().to_owned();
        assert!(waits.contains("unplugged") && waits.contains("within 30 s"), "{waits}");
        let position = status["track"]["position"].as_f64().expect("a position");
        // A second of each stream, without what came twice.
        assert!(position >= number as f64 * 0.85, "{position}");
        assert_eq!(bench.status()["track"]["position"], position, "it stands still");
        put_back(&bench);
    }
    until_event(&listener, "PLAYING");
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    let streams: Vec<_> = streams(&bench).into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(streams.len(), 4);
    let twice = put_together(&streams, &bytes);
    println!("frames that came twice: {twice:?}");
    // What the engine's last wake-up didn't know of, 40 ms, the player's doubt and the fade, 20 each; and a wake-up that is late.
    let most = SECOND as usize * (40 + 20 + 20 + 120) / 1000;
    assert!(twice.iter().all(|frames| *frames <= most), "{twice:?}");
    let status = bench.until_status("the certificate", |status| !status["tracks"][0]["certificate"].is_null());
    assert_eq!(status["tracks"][0]["certificate"]["whole"], false);
    assert_eq!(status["tracks"].as_array().map(Vec::len), Some(1), "its source is kept");
}

#[test]
fn t30_what_is_held_when_the_dac_goes_stays_held_and_goes_on_from_there() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 4 * SECOND, 2);
    bench.set_and_play(&bench.media.add(&path));
    until_heard(&bench, 1, SECOND as usize);
    bench.point.pause().expect("Pause");
    bench.until_status("the pause", |status| status["engine"]["state"] == "paused");
    pull_out(&bench);
    bench.until_status("the loss", |status| {
        status["transport"]["waits"].as_str().is_some_and(|text| text.contains("Play"))
    });
    assert_eq!(bench.state(), "PAUSED_PLAYBACK");
    let held = bench.status()["track"]["position"].as_f64().expect("a position");
    put_back(&bench);
    bench.until_status("the DAC", |status| status["engine"]["state"] == "paused");
    assert_eq!(bench.state(), "PAUSED_PLAYBACK");
    let position = bench.status()["track"]["position"].as_f64().expect("a position");
    assert!(position > held - 0.1 && position <= held, "{position}, held at {held}");
    bench.point.play().expect("Play");
    bench.until_state("STOPPED");
    let streams = streams(&bench);
    let without_silence = |bytes: &[u8]| {
        let sounds = |frame: &[u8]| frame.iter().any(|byte| *byte != 0);
        let frames: Vec<_> = bytes.chunks_exact(FRAME).collect();
        let (first, last) = (frames.iter().position(|f| sounds(f)), frames.iter().rposition(|f| sounds(f)));
        frames[first.expect("sound")..=last.expect("sound")].concat()
    };
    // The pause has faded out what is before it.
    let [first, second] = [&streams[0].1, &streams[1].1].map(|bytes| without_silence(bytes));
    let equal = first.iter().zip(&bytes).take_while(|(came, wanted)| came == wanted).count() / FRAME;
    let from = bytes.len() - (second.len() - 2 * FADE * FRAME);
    assert!(second.ends_with(&bytes[from..]), "the rest isn't the track's");
    assert!(from / FRAME <= equal + 3 * FADE, "{} frames are missing", from / FRAME - equal);
}

#[test]
fn t30_another_dac_gets_the_rest_in_a_format_that_it_takes() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 4 * SECOND, 3);
    let (next, next_bytes) = bench.wav("b.wav", SECOND, 4);
    bench.set_and_play(&bench.media.add(&path));
    bench.point.set_next(&bench.media.add(&next), "").expect("SetNextAVTransportURI");
    until_heard(&bench, 1, SECOND as usize);
    plug_in(&bench, "s32");
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    let [(narrow, first), (wide, second)] = &streams(&bench)[..] else { panic!("two streams") };
    assert_eq!((narrow.as_str(), wide.as_str()), ("S16_LE", "S32_LE"));
    // What is left of 32 bits, as 16.
    let (words, _) = second.as_chunks::<4>();
    assert!(words.iter().skip(2 * FADE).all(|[a, b, ..]| (*a, *b) == (0, 0)));
    let second: Vec<u8> = words.iter().flat_map(|[_, _, c, d]| [*c, *d]).collect();
    put_together(&[first.clone(), second], &[bytes, next_bytes].concat());
    let status = bench.until_status("the certificate", |status| !status["tracks"][1]["certificate"].is_null());
    assert_eq!(status["tracks"][0]["wire"]["format"], "S32_LE");
    assert_eq!(status["tracks"][1]["certificate"]["whole"], true, "the next one is in one piece");
}

#[test]
fn t30_a_dac_that_does_not_come_back_in_time_ends_it_with_the_reason() {
    let bench = Bench::start_with(&["--dac-wait-s", "1"]);
    let (path, _) = bench.wav("a.wav", 4 * SECOND, 5);
    bench.set_and_play(&bench.media.add(&path));
    until_heard(&bench, 1, SECOND as usize);
    pull_out(&bench);
    let seen = bench.until_state("STOPPED");
    assert!(seen.contains(&"TRANSITIONING".to_owned()), "{seen:?}");
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    assert_eq!(status["transport"]["error"], "the output was unplugged");
    assert_eq!(status["tracks"][0]["error"]["kind"], "Output");
    // Nothing begins to play by itself any more.
    put_back(&bench);
    bench.until_status("the DAC", |status| status["engine"]["output"].as_str().is_some_and(|name| !name.is_empty()));
    assert_eq!(bench.state(), "STOPPED");
    assert_eq!(streams(&bench).len(), 1);
}

/// Its DAC may come back, but nobody knows any more where the music was heard last.
#[test]
fn t30_an_engine_that_dies_while_the_dac_is_away_ends_it_with_the_reason() {
    let mut bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 2 * SECOND, 7);
    bench.set_and_play(&bench.media.add(&path));
    until_heard(&bench, 1, SECOND as usize);
    pull_out(&bench);
    bench.until_state("TRANSITIONING");
    bench.kill_engine();
    bench.until_state("STOPPED");
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    assert_eq!(status["tracks"][0]["error"]["kind"], "Engine");
    put_back(&bench);
    bench.start_engine();
    assert_eq!(bench.state(), "STOPPED", "nothing begins to play by itself");
    bench.point.play().expect("Play");
    bench.until_state("STOPPED");
    assert!(bench.sink_file().starts_with(&bytes), "from the beginning");
}

#[test]
fn t30_stop_seek_and_play_are_obeyed_while_the_dac_is_away() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 4 * SECOND, 6);
    bench.set_and_play(&bench.media.add(&path));
    until_heard(&bench, 1, SECOND as usize);
    pull_out(&bench);
    bench.until_state("TRANSITIONING");
    bench.point.stop().expect("Stop");
    assert_eq!(bench.state(), "STOPPED");
    bench.point.play().expect("Play");
    bench.point.seek("REL_TIME", "0:00:02").expect("Seek");
    bench.until_status("the resource", |status| status["tracks"][1]["source"].is_object());
    assert_eq!(bench.state(), "TRANSITIONING");
    assert_eq!(bench.status()["track"]["position"], 2.0);
    put_back(&bench);
    bench.until_state("STOPPED");
    let (_, second) = streams(&bench).pop().expect("a stream");
    let rest = &bytes[(2 * SECOND as usize + FADE) * FRAME..];
    assert_eq!(second.get(FADE * FRAME..FADE * FRAME + rest.len()), Some(rest));
}
