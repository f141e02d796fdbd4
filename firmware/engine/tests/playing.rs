//! What reaches the sink, bit by bit.

mod common;

use common::{CD, Engine, is_silent, noise};
use pcm::{Wire, WireFormat};

#[test]
fn a_track_reaches_the_sink_bit_by_bit() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    let material = noise(30_001, CD, 1);
    player.open(CD);
    player.play(7, &material, 4);
    player.close();

    assert_eq!(engine.track(7, 4), material);
    let start = engine.events("start")[0]["frame"].as_u64().expect("a frame") as usize;
    let end = engine.events("end")[0]["frame"].as_u64().expect("a frame") as usize;
    let raw = engine.raw(1);
    assert_eq!(start, 882, "20 ms of silence first");
    assert!(is_silent(&raw[..start * 4]) && is_silent(&raw[end * 4..]));
    let close = &engine.events("close")[0];
    assert_eq!(close["frames"], raw.len() / 4);
    assert_eq!(close["scaled"], false);
    assert!(raw.len() / 4 >= end + 2 * 40 * 44, "two periods of silence behind it");
}

#[test]
fn every_format_and_channel_count_passes_fast() {
    let engine = Engine::with_file_sink(&["--fast", "--preroll-ms", "0"]);
    let mut player = engine.connect();
    let mut number = 0;
    for format in [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S32Le] {
        for channels in 1..=8 {
            let wire = Wire { format, rate: 192_000, channels };
            let material = noise(20_011, wire, u32::from(channels));
            player.open(wire);
            player.play(1, &material, wire.frame_bytes());
            player.close();
            number += 1;
            assert!(engine.raw(number) == material, "{wire}");
        }
    }
}

#[test]
fn gapless_tracks_follow_each_other_without_a_silent_frame() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    let tracks: Vec<Vec<u8>> = (1..=4).map(|n| noise(9_000 + n * 1_001, CD, n as u32)).collect();
    player.open(CD);
    for (n, material) in tracks.iter().enumerate() {
        player.play(n as u64, material, 4);
    }
    player.close();

    let (starts, ends) = (engine.events("start"), engine.events("end"));
    for n in 0..tracks.len() {
        assert!(engine.track(n as u64, 4) == tracks[n], "track {n}");
        if n > 0 {
            assert_eq!(ends[n - 1]["frame"], starts[n]["frame"], "no frame between tracks {} and {n}", n - 1);
        }
    }
    let gap = player.connection.status.gap().expect("there was a transition");
    assert_eq!((gap.track, gap.frames), (3, 0));
    assert_eq!(player.connection.status.started().track, 3);
    assert_eq!(player.connection.status.ended().count, 4);
}

#[test]
fn tracks_of_one_frame_are_all_there() {
    let engine = Engine::with_file_sink(&["--fast"]);
    let mut player = engine.connect();
    player.open(CD);
    let material = noise(600, CD, 5);
    for n in 0..600 {
        player.play(n, &material[n as usize * 4..][..4], 4);
    }
    // And one with none at all.
    player.play(600, &[], 4);
    player.close();
    let (starts, ends) = (engine.events("start"), engine.events("end"));
    assert_eq!((starts.len(), ends.len()), (601, 601));
    let first = starts[0]["frame"].as_u64().expect("a frame") as usize;
    assert_eq!(engine.raw(1)[first * 4..], material[..]);
    for (n, (start, end)) in starts.iter().zip(&ends).enumerate().take(600) {
        assert_eq!(
            (start["frame"].as_u64(), end["frame"].as_u64()),
            (Some((first + n) as u64), Some((first + n + 1) as u64))
        );
    }
    assert_eq!(starts[600]["frame"], ends[600]["frame"]);
}

#[test]
fn a_format_switch_plays_out_the_old_stream_first() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    let wide = Wire { format: WireFormat::S24_3Le, rate: 96_000, channels: 2 };
    let (first, second) = (noise(20_000, CD, 1), noise(20_000, wide, 2));
    let opened = player.open(CD);
    player.play(1, &first, 4);
    let reopened = player.open(wide);
    assert_ne!(opened.epoch, reopened.epoch);
    player.play(2, &second, 6);
    player.close();
    assert!(engine.track(1, 4) == first);
    let at = |name: &str| engine.events(name)[1]["frame"].as_u64().expect("a frame") as usize * 6;
    assert!(engine.raw(2)[at("start")..at("end")] == second);
    let opens = engine.events("open");
    assert_eq!((&opens[1]["format"], &opens[1]["rate"]), (&"S24_3LE".into(), &96_000.into()));
}

#[test]
fn a_fast_sink_waits_for_a_slow_player_and_writes_no_endless_silence() {
    let engine = Engine::with_file_sink(&["--fast", "--preroll-ms", "0"]);
    let mut player = engine.connect();
    let material = noise(50_000, CD, 9);
    player.open(CD);
    player.mark(ring::MarkKind::Start, 1, 0);
    player.write(&material[..40_000], 4);
    common::wait_for("the ring to run dry", || {
        (player.connection.producer.read_frames().ok()? == 10_000).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_millis(100));
    player.mark(ring::MarkKind::End, 1, 50_000);
    player.write(&material[40_000..], 4);
    engine.wait_event("end", 1);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(engine.raw(1) == material, "the track's frames and nothing else");
    assert_eq!(player.connection.status.counters().starved, 0);
    player.close();
    assert!(engine.raw(1) == material);
    assert_eq!(engine.events("close")[0]["frames"], 50_000);
}

#[test]
fn the_position_arrives_at_the_last_frame() {
    let engine = Engine::with_null_sink(&[]);
    let mut player = engine.connect();
    let stream = player.open(CD);
    player.play(1, &noise(10_000, CD, 3), 4);
    let mut last = 0;
    common::wait_for("the last frame to be heard", || {
        let position = player.connection.status.position()?;
        assert!(position.heard >= last && position.heard <= position.taken, "{position:?} after {last}");
        last = position.heard;
        (position.epoch == stream.epoch && position.heard == 10_000).then_some(())
    });
    assert_eq!(player.connection.status.stream(), Some((stream.epoch, CD)));
    player.close();
    assert_eq!(player.connection.status.stream(), None);
}

/// A capture that can't be written is an output that has failed, not one that is waited for.
#[test]
fn a_full_disk_ends_the_stream_with_the_reason() {
    use ring::message::{Event, FromEngine};
    let engine = Engine::with_file_sink(&["--fast"]);
    let mut player = engine.connect();
    engine.redirect_capture(1, "/dev/full");
    player.open(CD);
    player.mark(ring::MarkKind::Start, 1, 0);
    player.write(&noise(44_100, CD, 1), 4);
    let text = loop {
        let received = player.connection.link.receive().expect("a message").expect("the engine is there");
        match FromEngine::decode(&received.bytes) {
            Ok(FromEngine::Event(Event::OutputLost { text })) => break text,
            Ok(FromEngine::Event(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(text.contains("No space left on device"), "{text}");
    player.open(CD);
    player.close();
    let (_, log) = engine.terminate();
    assert!(log.contains("0001.raw"), "{log}");
}
