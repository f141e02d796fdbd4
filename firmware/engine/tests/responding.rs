//! How soon the whole engine obeys at its default settings: from the frame that the card played when the command was given to
//! the one from which on it is different. Wake-ups that this machine brings late are the machine's, and are counted; they are
//! added to what is allowed. (`rt::session::tests::response` has every command and moment in simulated time.)

mod common;

use common::{CD, Engine, Player, wait_for};
use ring::message::{Request, Volume, VolumeMode};
use ring::{MarkKind, State};

/// What is promised, ms.
const PROMISED_MS: u64 = 150;
const RATE: u64 = 44_100;

/// A tone at full scale, and how far into it the engine is when it plays steadily.
fn start(engine: &Engine) -> (Player, u64) {
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&i16::MAX.to_le_bytes().repeat(2 * 44_100), 4);
    wait_for("playing", || (player.connection.status.state()? == State::Playing).then_some(()));
    let first = engine.wait_event("start", 1)["frame"].as_u64().expect("a frame");
    wait_for("sound", || (player.connection.status.position()?.heard > 4_000).then_some(()));
    (player, first)
}

/// The card's frame that is played now.
fn played(player: &Player, first: u64) -> u64 {
    let position = player.connection.status.position().expect("it is published");
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
    first + position.heard + now.saturating_sub(position.at_ns) * RATE / 1_000_000_000
}

/// Checks the way from `at` to `changed`.
fn soon_enough(player: &Player, at: u64, changed: u64) {
    let late = player.connection.status.counters().worst_lateness_ns * RATE / 1_000_000_000;
    let allowed = PROMISED_MS * RATE / 1000 + late;
    let took = changed.saturating_sub(at);
    assert!(took <= allowed, "{took} frames; {allowed} are allowed, {late} of them for this machine");
}

#[test]
fn a_pause_is_heard_soon() {
    let engine = Engine::with_file_sink(&[]);
    let (player, first) = start(&engine);
    player.connection.producer.set_paused(true);
    let at = played(&player, first);
    let silent = engine.wait_event("pause", 1)["frame"].as_u64().expect("a frame");
    soon_enough(&player, at, silent);
}

#[test]
fn a_flush_is_heard_soon() {
    let engine = Engine::with_file_sink(&[]);
    let (mut player, first) = start(&engine);
    player.connection.producer.flush();
    let at = played(&player, first);
    let silent = engine.wait_event("flush", 1)["frame"].as_u64().expect("a frame");
    soon_enough(&player, at, silent);
}

#[test]
fn mute_and_volume_are_heard_soon() {
    for (percent, mute) in [(100, true), (50, false)] {
        let engine = Engine::with_file_sink(&[]);
        let (mut player, first) = start(&engine);
        player.send(&Request::Volume(Volume { mode: VolumeMode::Software, percent, mute }));
        // When the engine has it: how soon its control thread gets a core of this machine isn't the question.
        player.reply();
        let at = played(&player, first);
        player.mark(MarkKind::End, 1, 44_100);
        player.close();
        let raw = engine.raw(1);
        let level = |frame: &[u8; 4]| i16::from_le_bytes([frame[0], frame[1]]);
        let frames = raw.as_chunks::<4>().0;
        let changed = frames.iter().skip(first as usize).position(|frame| level(frame) < 2_000).expect("it is quieter");
        soon_enough(&player, at, first + changed as u64);
    }
}
