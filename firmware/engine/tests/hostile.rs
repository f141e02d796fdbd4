//! Players that die, lie, talk nonsense or come at the wrong time, and signals.

mod common;

use std::os::fd::AsFd;

use common::{CD, Engine, noise, wait_for};
use pcm::{Wire, WireFormat};
use ring::link::{Connection, Link, LinkError};
use ring::message::{FromEngine, Refused, Reply, Request};
use ring::{MarkKind, State, VERSION};

/// The engine plays as if nothing had been.
fn plays(engine: &Engine) {
    let mut player = engine.connect();
    player.open(CD);
    player.play(99, &noise(2_000, CD, 1), 4);
    player.close();
    assert_eq!(player.connection.status.ended().track, 99);
}

/// Starts a track and keeps it going.
fn start(engine: &Engine) -> common::Player {
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&[0x7f; 44_100 * 4], 4);
    wait_for("playing", || (player.connection.status.state()? == State::Playing).then_some(()));
    player
}

/// The last sound of a capture is a fade.
fn ends_with_a_fade(raw: &[u8]) {
    let levels: Vec<i16> = raw.chunks_exact(4).map(|frame| i16::from_le_bytes([frame[0], frame[1]])).collect();
    let last = levels.iter().rposition(|&level| level != 0).expect("there is sound");
    assert!(levels[last] < 200, "broken off at {}", levels[last]);
    assert!(levels[last - 441] > 10_000 && levels[last - 441] < 25_000, "half-way down 10 ms before");
}

#[test]
fn a_player_that_dies_is_faded_out_and_the_next_one_plays() {
    let engine = Engine::with_file_sink(&[]);
    let player = start(&engine);
    drop(player);
    engine.wait_event("close", 1);
    ends_with_a_fade(&engine.raw(1));
    assert!(engine.events("starved").is_empty(), "it was the player's end, not a dry ring");
    plays(&engine);
}

#[test]
fn a_new_player_is_served_while_the_old_ones_stream_fades() {
    let engine = Engine::with_file_sink(&[]);
    drop(start(&engine));
    plays(&engine);
    assert_eq!(engine.events("close").len(), 2);
}

#[test]
fn a_second_player_is_told_that_the_first_is_there() {
    let engine = Engine::with_null_sink(&[]);
    let mut first = engine.connect();
    let Err(LinkError::Refused { code, text }) = engine.try_connect() else { panic!("there is one already") };
    assert_eq!((code, text.as_str()), (Refused::Busy, "another player is connected"));
    first.open(CD);
    first.close();
}

/// A process that hangs before its greeting must not lock the real player out.
#[test]
fn a_connection_that_says_nothing_keeps_nobody_out() {
    let engine = Engine::with_null_sink(&[]);
    let _silent = engine.link();
    plays(&engine);
}

#[test]
fn formats_that_the_sink_does_not_take_are_refused_with_the_reason() {
    let engine = Engine::with_file_sink(&["--accept", "s16"]);
    let mut player = engine.connect();
    for (format, rate, channels) in
        [(WireFormat::S24_3Le, 44_100, 2), (WireFormat::S16Le, 1_536_001, 2), (WireFormat::S16Le, 44_100, 1)]
    {
        let wire = Wire { format, rate, channels };
        let Reply::Refused { code, text } = player.ask(&Request::Open { wire, unscaled: false }) else {
            panic!("{wire} was opened")
        };
        assert_eq!(code, Refused::Format);
        assert!(text.contains(&wire.to_string()), "{text}");
    }
    player.open(CD);
    player.close();
    assert_eq!(engine.events("open").len(), 1);
}

#[test]
fn garbage_on_the_socket_ends_that_connection_only() {
    let engine = Engine::with_null_sink(&[]);
    let long = [0xa5; 300];
    let unknown = [0xff; 256];
    for garbage in [&b"hello"[..], &long, &unknown, &Request::Close.encode()] {
        let link = engine.link();
        // The one before may not be gone yet.
        wait_for("an answer of its own", || {
            link.send(garbage).ok()?;
            let answer = FromEngine::decode(&link.receive().ok()??.bytes);
            let Ok(FromEngine::Reply(Reply::Refused { code, .. })) = answer else { panic!("{answer:?}") };
            (code == Refused::BadMessage || code == Refused::Busy).then_some(())
        });
    }
    plays(&engine);
}

#[test]
fn another_version_is_refused_by_name() {
    let engine = Engine::with_null_sink(&[]);
    let link = engine.link();
    link.send(&Request::Hello { version: VERSION + 1 }.encode()).expect("the engine listens");
    let answer = FromEngine::decode(&link.receive().expect("an answer").expect("an answer").bytes);
    let Ok(FromEngine::Reply(Reply::Refused { code, text })) = answer else { panic!("{answer:?}") };
    assert_eq!(code, Refused::Version);
    assert!(text.contains(&format!("version {VERSION}")), "{text}");
}

/// A player of another version knocks every second, for as long as the machine runs.
#[test]
fn a_player_that_is_refused_again_and_again_is_one_line_of_the_log() {
    let engine = Engine::with_null_sink(&[]);
    for _ in 0..3 {
        wait_for("a refusal for the version", || {
            let link = engine.link();
            link.send(&Request::Hello { version: VERSION + 1 }.encode()).ok()?;
            let answer = FromEngine::decode(&link.receive().ok()??.bytes);
            // The one before may not be gone yet.
            matches!(answer, Ok(FromEngine::Reply(Reply::Refused { code: Refused::Version, .. }))).then_some(())
        });
    }
    plays(&engine);
    let (_, log) = engine.terminate();
    assert_eq!(log.matches("closed the player's connection").count(), 1, "{log}");
}

/// The next reply; events are skipped.
fn reply(link: &Link) -> Reply {
    loop {
        let received = link.receive().expect("a message").expect("the engine is there");
        if let FromEngine::Reply(reply) = FromEngine::decode(&received.bytes).expect("a message of the protocol") {
            return reply;
        }
    }
}

/// A player whose indices are nonsense loses its stream; what they would point at is never touched.
#[test]
fn impossible_indices_end_the_stream() {
    // The first words of the producer's line: `written` and the number of marks.
    for (offset, value) in [(128, u64::MAX), (128, 9_000_000), (136, u64::MAX), (136, 100_000)] {
        let engine = Engine::with_null_sink(&[]);
        let link = engine.link();
        link.send(&Request::Hello { version: VERSION }.encode()).expect("the engine listens");
        let welcome = link.receive().expect("an answer").expect("an answer");
        link.send(&Request::Open { wire: CD, unscaled: false }.encode()).expect("the engine listens");
        let opened = reply(&link);
        assert!(matches!(opened, Reply::Opened(_)), "{opened:?}");
        rustix::io::pwrite(welcome.files[0].as_fd(), &value.to_ne_bytes(), offset).expect("the ring can be written");
        let news = reply(&link);
        let Reply::Refused { code, text } = news else { panic!("{news:?}") };
        assert_eq!(code, Refused::BadMessage);
        assert!(text.contains("impossible"), "{text}");
        plays(&engine);
    }
}

#[test]
fn the_status_page_can_not_be_written_by_a_player() {
    let engine = Engine::with_null_sink(&[]);
    let link = engine.link();
    link.send(&Request::Hello { version: VERSION }.encode()).expect("the engine listens");
    let welcome = link.receive().expect("an answer").expect("an answer");
    assert_eq!(rustix::io::pwrite(welcome.files[1].as_fd(), &[1], 0), Err(rustix::io::Errno::PERM));
    for file in &welcome.files {
        assert_eq!(rustix::fs::ftruncate(file, 0), Err(rustix::io::Errno::PERM));
    }
}

#[test]
fn a_signal_ends_it_with_a_fade() {
    let engine = Engine::with_file_sink(&[]);
    let _player = start(&engine);
    engine.wait_event("start", 1);
    let (status, log, raw) = engine.terminate_with_capture();
    assert_eq!(status.code(), Some(0), "{log}");
    ends_with_a_fade(&raw);
    assert!(log.contains("ending") && log.contains("closed"), "{log}");
}

#[test]
fn a_signal_ends_it_when_nothing_plays() {
    let engine = Engine::with_null_sink(&[]);
    plays(&engine);
    let socket = engine.socket();
    let (status, log) = engine.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!socket.exists(), "its socket is gone");
}

#[test]
fn a_socket_left_behind_is_replaced_and_a_live_one_is_not() {
    let engine = Engine::with_null_sink(&[]);
    plays(&engine);
    let second = Engine::at(&engine.socket(), &[]);
    let (status, log) = second.wait();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("another engine listens"), "{log}");
    plays(&engine);

    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("engine.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let third = Engine::at(&path, &[]);
    wait_for("a connection", || Connection::connect(&path).ok());
    drop(third);
}

#[test]
fn a_missing_user_is_named() {
    let engine = Engine::with_null_sink(&["--user", "no-such-user-here"]);
    let (status, log) = engine.wait();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("'no-such-user-here'"), "{log}");
}

#[test]
fn a_missing_card_is_told_once() {
    let engine = Engine::with_card("hw:NoSuchCard");
    let mut player = engine.connect();
    for _ in 0..2 {
        let reply = player.ask(&Request::Open { wire: CD, unscaled: false });
        assert!(matches!(reply, Reply::Refused { code: Refused::NoOutput, .. }), "{reply:?}");
    }
    let (_, log) = engine.terminate();
    assert_eq!(log.matches("no sound card").count(), 1, "{log}");
    assert!(!log.contains("ALSA lib"), "{log}");
}

/// As root it becomes somebody else and plays on; else it says that only root can.
#[test]
fn it_gives_root_up() {
    let engine = Engine::with_null_sink(&["--user", "daemon"]);
    if rustix::process::geteuid().is_root() {
        plays(&engine);
        let status = std::fs::read_to_string(format!("/proc/{}/status", engine.pid())).expect("it runs");
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a line").trim();
        assert!(uids.split_whitespace().all(|uid| uid == "1"), "{uids}");
    } else {
        let (status, log) = engine.wait();
        assert_eq!(status.code(), Some(1));
        assert!(log.contains("only root can become"), "{log}");
    }
}
