//! What happens between a track's first and last frame: pause, flush, a dry ring, volume, an engine held up.

mod common;

use common::{CD, Engine, Player, is_silent, noise, wait_for};
use pcm::Wire;
use ring::message::{Refused, Reply, Request, Volume, VolumeMode};
use ring::{MarkKind, State};

/// A tone at full scale: every frame is the same, so that a fade shows.
fn loud(frames: usize) -> Vec<u8> {
    (0..frames * 2).flat_map(|_| i16::MAX.to_le_bytes()).collect()
}

fn levels(raw: &[u8]) -> Vec<i16> {
    raw.chunks_exact(4).map(|frame| i16::from_le_bytes([frame[0], frame[1]])).collect()
}

/// Where the sound of a capture stops: checks that it fades there and doesn't break off; returns how long the fade is.
fn fade_before(levels: &[i16]) -> usize {
    let last = levels.iter().rposition(|&level| level != 0).expect("there is sound");
    let full = levels[..last].iter().rposition(|&level| level > 32_700).expect("at full level before");
    // Dither may lift a step by a few LSB.
    for pair in levels[full..=last].windows(2) {
        let fall = i32::from(pair[0]) - i32::from(pair[1]);
        assert!((-3..200).contains(&fall), "{} after {}: not a fade-out", pair[1], pair[0]);
    }
    last - full
}

/// Keeps a track of loud frames going until the engine has taken some of it.
fn start_loud(player: &mut Player, track: u64) {
    player.open(CD);
    player.mark(MarkKind::Start, track, 0);
    player.write(&loud(44_100), 4);
    wait_for("playing", || (player.connection.status.state()? == State::Playing).then_some(()));
}

#[test]
fn a_flush_fades_and_goes_on_with_the_next_track() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    start_loud(&mut player, 1);
    player.connection.producer.flush();
    wait_for("the flush", || player.connection.producer.flush_done().then_some(()));
    assert_eq!(player.connection.producer.writable_frames(), Ok(44_100), "the room is back");
    let next = noise(9_000, CD, 4);
    player.play(2, &next, 4);
    player.close();

    let flush = engine.wait_event("flush", 1)["frame"].as_u64().expect("a frame") as usize;
    let raw = engine.raw(1);
    let fade = fade_before(&levels(&raw[..flush * 4]));
    assert!((870..=882).contains(&fade), "20 ms, not {fade} frames");
    assert!(engine.track(2, 4) == next, "the next track begins unscaled");
    assert!(engine.events("end").iter().all(|end| end["track"] == 2), "a flushed track has no end");
}

#[test]
fn a_seek_fades_out_and_in() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    start_loud(&mut player, 1);
    player.connection.producer.flush();
    wait_for("the flush", || player.connection.producer.flush_done().then_some(()));
    player.mark(MarkKind::End, 1, 44_100 + 9_000);
    player.write(&loud(9_000), 4);
    player.close();
    let resume = engine.wait_event("resume", 1)["frame"].as_u64().expect("a frame") as usize;
    let end = engine.wait_event("end", 1)["frame"].as_u64().expect("a frame") as usize;
    assert_eq!(end - resume, 9_000);
    let levels = levels(&engine.raw(1));
    assert!(levels[resume] < 100, "it begins quietly");
    assert!(levels[resume + 400] > 10_000 && levels[resume + 400] < 20_000, "half-way up in the middle of 20 ms");
    assert!(levels[resume + 882..end].iter().all(|&level| level == i16::MAX), "and then untouched");
}

#[test]
fn a_pause_holds_with_silence_and_loses_no_frame() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    start_loud(&mut player, 1);
    player.connection.producer.set_paused(true);
    wait_for("the pause", || (player.connection.status.state()? == State::Paused).then_some(()));
    let held = player.connection.producer.read_frames().expect("a sane engine");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(player.connection.producer.read_frames(), Ok(held), "nothing is taken while paused");
    player.connection.producer.set_paused(false);
    player.mark(MarkKind::End, 1, 44_100 + 1_000);
    player.write(&loud(1_000), 4);
    player.close();

    let frame = |name: &str| engine.wait_event(name, 1)["frame"].as_u64().expect("a frame") as usize;
    let (start, pause, resume, end) = (frame("start"), frame("pause"), frame("resume"), frame("end"));
    let levels = levels(&engine.raw(1));
    assert!(levels[pause..resume].iter().all(|&level| level == 0));
    assert!(resume - pause >= 4_410, "the stream ran on");
    assert_eq!((pause - start) + (end - resume), 45_100, "every frame was played");
    fade_before(&levels[..pause]);
    assert!(levels[resume] < 100 && levels[resume + 900] == i16::MAX);
    assert_eq!(engine.events("close")[0]["scaled"], true);
}

#[test]
fn a_stream_closed_while_paused_closes() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    start_loud(&mut player, 1);
    player.connection.producer.set_paused(true);
    wait_for("the pause", || (player.connection.status.state()? == State::Paused).then_some(()));
    player.close();
    // And one that was paused before it began.
    player.open(CD);
    player.connection.producer.set_paused(true);
    player.write(&loud(20_000), 4);
    player.close();
    assert_eq!(player.connection.status.state(), Some(State::Closed));
}

#[test]
fn a_dry_ring_fades_and_recovers() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&loud(20_000), 4);
    let starved = engine.wait_event("starved", 1)["frame"].as_u64().expect("a frame") as usize;
    assert_eq!(player.connection.status.counters().starved, 1);
    player.mark(MarkKind::End, 1, 40_000);
    player.write(&loud(20_000), 4);
    player.close();

    let frame = |name: &str| engine.wait_event(name, 1)["frame"].as_u64().expect("a frame") as usize;
    let levels = levels(&engine.raw(1));
    let fade = fade_before(&levels[..starved]);
    assert!((430..=442).contains(&fade), "over the last 10 ms, not {fade} frames");
    let (start, resume, end) = (frame("start"), frame("resume"), frame("end"));
    assert!(levels[starved..resume].iter().all(|&level| level == 0));
    assert_eq!((starved - start) + (end - resume), 40_000, "every frame was played");
    assert_eq!(player.connection.status.counters().starved, 1, "once");
}

#[test]
fn software_volume_and_mute_scale_and_say_so() {
    let engine = Engine::with_file_sink(&["--fast"]);
    let mut player = engine.connect();
    let volume = |percent, mute| Volume { mode: VolumeMode::Software, percent, mute };
    assert_eq!(player.ask(&Request::Volume(volume(90, false))), Reply::VolumeSet(volume(90, false)));
    player.open(CD);
    player.play(1, &loud(5_000), 4);
    player.close();
    // 10 steps of 0.6 dB.
    let expected = 32_767.0 * 10f64.powf(-6.0 / 20.0);
    assert!(levels(&engine.track(1, 4)).iter().all(|&level| (f64::from(level) - expected).abs() < 4.0));
    assert_eq!(engine.events("close")[0]["scaled"], true);

    player.ask(&Request::Volume(volume(100, true)));
    player.open(CD);
    player.play(2, &loud(5_000), 4);
    player.close();
    assert!(is_silent(&engine.raw(2)));

    player.ask(&Request::Volume(volume(100, false)));
    player.open(CD);
    player.play(3, &loud(5_000), 4);
    player.close();
    assert_eq!(engine.events("close")[2]["scaled"], false, "at 100 % the bits are untouched");
}

#[test]
fn fixed_volume_leaves_the_bits_alone_and_hardware_volume_needs_a_mixer() {
    let engine = Engine::with_file_sink(&["--fast"]);
    let mut player = engine.connect();
    let fixed = Volume { mode: VolumeMode::Fixed, percent: 20, mute: false };
    assert_eq!(player.ask(&Request::Volume(fixed)), Reply::VolumeSet(fixed));
    let hardware = Volume { mode: VolumeMode::Hardware, ..fixed };
    let Reply::Refused { code, text } = player.ask(&Request::Volume(hardware)) else { panic!("there is no mixer") };
    assert_eq!(code, Refused::NoMixer, "{text}");
    let material = noise(5_000, CD, 8);
    player.open(CD);
    player.play(1, &material, 4);
    player.close();
    assert!(engine.track(1, 4) == material);
}

#[test]
fn an_engine_that_was_held_up_counts_an_xrun_and_goes_on() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    start_loud(&mut player, 1);
    engine.hold_up();
    player.mark(MarkKind::End, 1, 44_100);
    player.close();
    let xruns = player.connection.status.counters().xruns;
    assert!(xruns >= 1);
    assert_eq!(engine.events("close")[0]["xruns"], xruns);
    assert_eq!(engine.events("end").len(), 1);
}

#[test]
fn silence_between_tracks_is_counted_as_the_gap() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    player.open(CD);
    player.play(1, &noise(6_000, CD, 1), 4);
    engine.wait_event("end", 1);
    wait_for("silence", || (player.connection.status.state()? == State::Silent).then_some(()));
    let second = noise(6_000, CD, 2);
    player.play(2, &second, 4);
    player.close();
    let frame = |name: &str, n: usize| engine.wait_event(name, n)["frame"].as_u64().expect("a frame");
    let gap = player.connection.status.gap().expect("a gap");
    assert_eq!((gap.track, gap.frames), (2, frame("start", 2) - frame("end", 1)));
    assert!(gap.frames > 0);
    assert!(engine.track(2, 4) == second, "it begins unscaled");
    assert_eq!(player.connection.status.counters().starved, 0, "an end is no starvation");
}

#[test]
fn a_stream_of_odd_channels_pauses_as_well() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    let wire = Wire { format: pcm::WireFormat::S24_3Le, rate: 48_000, channels: 3 };
    player.open(wire);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&noise(30_000, wire, 6), 9);
    wait_for("playing", || (player.connection.status.state()? == State::Playing).then_some(()));
    player.connection.producer.set_paused(true);
    engine.wait_event("pause", 1);
    player.connection.producer.set_paused(false);
    player.mark(MarkKind::End, 1, 30_000);
    player.close();
    assert_eq!(engine.raw(1).len() % 9, 0);
}
