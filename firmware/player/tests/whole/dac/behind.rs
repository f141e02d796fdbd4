//! A DAC that goes while the track behind the one that sounds is in the ring as well.

use support::media_server::Conduct;

use super::{FADE, FRAME, SECOND, pull_out, put_back, put_together, streams, until_heard};
use crate::bench::{Bench, until};
use crate::fake::FakeEngine;

/// Of the first track. The ring holds a second.
const LONG: u32 = 3 * SECOND;

fn no_ranges() -> Conduct {
    Conduct { no_ranges: true, ..Conduct::default() }
}

/// Plays one track behind the other, until the first one's last 0.4 s sound, and 0.6 s of the other one, if it has so much, are
/// written.
fn play_into_the_next(bench: &Bench, first: &str, next: &str) {
    bench.set_and_play(first);
    bench.point.set_next(next, "").expect("SetNextAVTransportURI");
    bench.until_status("the next track", |status| status["tracks"][1]["wire"].is_object());
    until_heard(bench, 1, LONG as usize * 13 / 15);
}

fn pull_out_and_put_back(bench: &Bench) {
    pull_out(bench);
    bench.until_status("the loss", |status| status["transport"]["state"] != "PLAYING");
    put_back(bench);
}

fn until_the_end(bench: &Bench) {
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
}

/// All that each stream has put out.
fn bytes(bench: &Bench) -> Vec<Vec<u8>> {
    streams(bench).into_iter().map(|(_, bytes)| bytes).collect()
}

fn without_silence_behind(bytes: &[u8]) -> &[u8] {
    let frames = bytes.rchunks_exact(FRAME).take_while(|frame| frame.iter().all(|byte| *byte == 0)).count();
    &bytes[..bytes.len() - frames * FRAME]
}

/// The frame of a track that a stream's first frames are, if they are faded in.
fn begins_at(stream: &[u8], track: &[u8]) -> usize {
    let key = &stream[FADE * FRAME..(FADE + 64) * FRAME];
    let at = track.windows(key.len()).step_by(FRAME).position(|frames| frames == key);
    at.expect("frames of the track") - FADE
}

#[test]
fn t30_a_next_track_that_was_wholly_in_the_ring_follows_again() {
    let bench = Bench::start();
    let (a, b) = (bench.wav("a.wav", LONG, 11), bench.wav("b.wav", SECOND / 5, 12));
    play_into_the_next(&bench, &bench.media.add(&a.0), &bench.media.add(&b.0));
    pull_out_and_put_back(&bench);
    until_the_end(&bench);
    put_together(&bytes(&bench), &[a.1, b.1].concat());
}

#[test]
fn t27_a_next_track_that_was_wholly_in_the_ring_follows_again_behind_a_seek() {
    let bench = Bench::start();
    let (a, b) = (bench.wav("a.wav", LONG, 13), bench.wav("b.wav", SECOND / 5, 14));
    play_into_the_next(&bench, &bench.media.add(&a.0), &bench.media.add(&b.0));
    bench.point.seek("REL_TIME", "0:00:01").expect("Seek");
    until_the_end(&bench);
    let rest = [&a.1[(SECOND as usize + FADE) * FRAME..], &b.1].concat();
    assert!(without_silence_behind(&bench.sink_file()).ends_with(without_silence_behind(&rest)));
}

#[test]
fn t30_behind_a_track_that_can_not_be_sought_the_next_one_is_played_whole() {
    for conduct in [Conduct::default(), no_ranges()] {
        let bench = Bench::start();
        let (a, b) = (bench.wav("a.wav", LONG, 15), bench.wav("b.wav", 2 * SECOND, 16));
        let next = bench.media.add_with(&b.0, conduct);
        play_into_the_next(&bench, &bench.media.add_with(&a.0, no_ranges()), &next);
        pull_out_and_put_back(&bench);
        until_heard(&bench, 2, SECOND as usize);
        assert_eq!(bench.point.position_info().expect("GetPositionInfo").uri, next);
        assert_eq!(bench.state(), "PLAYING");
        let position = bench.status()["track"]["position"].as_f64().expect("a position");
        assert!(position > 0.7, "{position}");
        until_the_end(&bench);
        let [first, second] = &bytes(&bench)[..] else { panic!("two streams") };
        assert!(a.1.starts_with(first) || first.starts_with(&a.1));
        assert_eq!(without_silence_behind(second), without_silence_behind(&b.1));
    }
}

#[test]
fn t30_what_can_not_be_sought_goes_on_with_what_comes_next_and_says_where_that_is() {
    let bench = Bench::start();
    let (path, track) = bench.wav("a.wav", 8 * SECOND, 17);
    bench.set_and_play(&bench.media.add_with(&path, no_ranges()));
    for number in 1..=2 {
        until_heard(&bench, number, SECOND as usize);
        pull_out_and_put_back(&bench);
    }
    until_heard(&bench, 3, SECOND as usize);
    bench.point.pause().expect("Pause");
    bench.until_status("the pause", |status| status["engine"]["state"] == "paused");
    let position = bench.status()["track"]["position"].as_f64().expect("a position");
    let last = bytes(&bench).pop().expect("a stream");
    let heard = begins_at(&last, &track) + without_silence_behind(&last).len() / FRAME;
    let heard = heard as f64 / f64::from(SECOND);
    assert!((position - heard).abs() < 0.25, "{position}, and {heard} was heard");
    bench.point.play().expect("Play");
    until_the_end(&bench);
    assert!(
        without_silence_behind(&bytes(&bench)[2])
            .ends_with(&without_silence_behind(&track)[track.len() - 100 * FRAME..])
    );
}

/// How many of the first track's last frames are put out again, when the DAC goes so many frames behind the beginning of the second
/// one, which is put out whole.
fn again(conduct: Conduct, heard: usize) -> usize {
    let bench = Bench::without_engine(&[]);
    let mut engine = FakeEngine::start(&bench.socket());
    let (a, b) = (bench.wav("a.wav", SECOND / 5, 18), bench.wav("b.wav", SECOND / 2, 19));
    let (next, both) = (bench.media.add(&b.0), [a.1, b.1].concat());
    let (frames, begin) = (both.len() / FRAME, SECOND as usize / 5);
    let uri = || bench.point.position_info().expect("GetPositionInfo").uri;
    engine.plug();
    engine.until_volume();
    bench.set_and_play(&bench.media.add_with(&a.0, conduct));
    bench.point.set_next(&next, "").expect("SetNextAVTransportURI");
    engine.open();
    assert_eq!(engine.take(frames), both);
    engine.hear(begin + heard);
    until("the next track", || (uri() == next).then_some(()));
    engine.lose();
    bench.until_status("the loss", |status| status["transport"]["state"] == "TRANSITIONING");
    assert_eq!(uri(), next);
    engine.plug();
    engine.open();
    let first = engine.take(64);
    let from = both.windows(first.len()).step_by(FRAME).position(|frames| frames == first).expect("frames of theirs");
    assert_eq!(engine.take(frames - from - 64), both[(from + 64) * FRAME..]);
    // It is the second one that plays, from where that begins.
    engine.hear(begin - from + SECOND as usize / 4);
    bench.until_status("the position", |status| status["track"]["position"] == 0.25);
    assert_eq!(uri(), next);
    begin - from
}

/// The DAC may be 20 ms behind what it says.
#[test]
fn t30_the_end_of_the_track_before_is_put_out_again_where_it_is_in_doubt() {
    let doubt = FADE;
    assert_eq!(again(Conduct::default(), FADE / 2), doubt / 2 + FADE);
    assert_eq!(again(Conduct::default(), doubt), 0);
    assert_eq!(again(no_ranges(), FADE / 2), 0, "it can't be had again");
}
