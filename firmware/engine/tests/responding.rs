//! How soon the whole engine obeys at its default settings, measured at the capturing sink: from the frame that the card played when
//! the command was given to the captured one from which on it is different. Wake-ups that this machine brings late are the
//! machine's, and are counted; they are added to what is allowed. (`rt::session::tests::response` has every command and moment in
//! simulated time.)

mod common;

use common::{CD, Engine, Player, wait_for};
use pcm::{DSD_SILENCE, Wire, WireFormat};
use ring::message::{Reply, Request, Volume, VolumeMode};
use ring::{MarkKind, State};

/// What is promised, ms.
const PROMISED_MS: u64 = 150;
/// DSD64, natively.
const DSD: Wire = Wire { format: WireFormat::DsdU32Be, rate: 88_200, channels: 2 };
/// A sample of what plays first, and of what comes in its place.
const OLD: i16 = i16::MAX;
const NEW: i16 = -15_000;
/// The same of DSD: a byte.
const OLD_DSD: u8 = 0x55;
const NEW_DSD: u8 = 0x33;

/// What a captured frame is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    Silence,
    /// Also while it fades out.
    Old,
    /// At half its level at least, where it fades in.
    New,
    /// Not yet that.
    Rising,
}

/// So many seconds' thirds of the one or the other.
fn material(wire: Wire, new: bool, thirds: u32) -> Vec<u8> {
    let frames = (wire.rate * thirds / 3) as usize;
    match (wire.format, new) {
        (WireFormat::DsdU32Be, false) => vec![OLD_DSD; frames * wire.frame_bytes()],
        (WireFormat::DsdU32Be, true) => vec![NEW_DSD; frames * wire.frame_bytes()],
        (_, new) => if new { NEW } else { OLD }.to_le_bytes().repeat(2 * frames),
    }
}

fn heard(wire: Wire, frame: &[u8]) -> Heard {
    if wire == DSD {
        assert!(frame.iter().all(|byte| *byte == frame[0]), "a word of two things: {frame:x?}");
        return match frame[0] {
            DSD_SILENCE => Heard::Silence,
            OLD_DSD => Heard::Old,
            NEW_DSD => Heard::New,
            other => panic!("{other:#x} is neither"),
        };
    }
    match i16::from_le_bytes([frame[0], frame[1]]) {
        0 => Heard::Silence,
        1.. => Heard::Old,
        level if level < NEW / 2 => Heard::New,
        _ => Heard::Rising,
    }
}

fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Which of the old track's frames the card plays.
struct Card {
    wire: Wire,
    heard: u64,
    at_ns: u64,
}

impl Card {
    /// Looks while it plays steadily.
    fn of(player: &Player, wire: Wire) -> Self {
        let position = player.connection.status.position().expect("it is published");
        Self { wire, heard: position.heard, at_ns: position.at_ns }
    }

    fn frames(&self, ns: u64) -> u64 {
        ns * u64::from(self.wire.rate) / 1_000_000_000
    }

    /// The one that it plays now, if it goes on.
    fn played(&self) -> u64 {
        self.heard + self.frames(now_ns().saturating_sub(self.at_ns))
    }

    /// Checks the way from `at` to `changed`.
    fn soon_enough(&self, what: &str, player: &Player, at: u64, changed: u64) {
        let late = self.frames(player.connection.status.counters().worst_lateness_ns);
        let allowed = self.frames(PROMISED_MS * 1_000_000) + late;
        let took = changed.saturating_sub(at);
        assert!(took <= allowed, "{what}: {took} frames; {allowed} are allowed, {late} of them for this machine");
    }
}

/// A second of the old track, which plays steadily.
fn start(engine: &Engine, wire: Wire) -> (Player, Card) {
    let mut player = engine.connect();
    player.open(wire);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&material(wire, false, 3), wire.frame_bytes());
    wait_for("playing", || (player.connection.status.state()? == State::Playing).then_some(()));
    wait_for("sound", || (player.connection.status.position()?.heard > u64::from(wire.rate) / 10).then_some(()));
    let card = Card::of(&player, wire);
    (player, card)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Command {
    Pause,
    /// Nothing follows.
    Stop,
    /// The next track is at hand.
    Skip,
    /// Another place of this one is.
    Seek,
}

/// Gives the command, and checks when the old place was heard for the last time, and the new one for the first.
fn respond(wire: Wire, command: Command) {
    let engine = Engine::with_file_sink(&[]);
    let (mut player, card) = start(&engine, wire);
    match command {
        Command::Pause => player.connection.producer.set_paused(true),
        Command::Stop | Command::Skip | Command::Seek => player.connection.producer.flush(),
    }
    let asked = card.played();
    if command == Command::Skip {
        player.mark(MarkKind::Start, 2, player.connection.producer.written());
    }
    let follows = matches!(command, Command::Skip | Command::Seek);
    if follows {
        player.write(&material(wire, true, 1), wire.frame_bytes());
    }
    let at_hand = card.played();
    match command {
        Command::Pause => wait_for("pause", || (player.connection.status.state()? == State::Paused).then_some(())),
        _ => wait_for("flush", || player.connection.producer.flush_done().then_some(())),
    }
    player.close();

    let raw = engine.raw(1);
    let captured: Vec<Heard> = raw.chunks_exact(wire.frame_bytes()).map(|frame| heard(wire, frame)).collect();
    let first = captured.iter().position(|&heard| heard == Heard::Old).expect("it played");
    let last = captured.iter().rposition(|&heard| heard == Heard::Old).expect("it played");
    let what = format!("{command:?} of {wire}");
    card.soon_enough(&what, &player, asked, (last + 1 - first) as u64);
    match captured.iter().position(|&heard| heard == Heard::New) {
        Some(new) if follows => card.soon_enough(&what, &player, at_hand, (new - first) as u64),
        None if !follows => {}
        new => panic!("{what}: the new place is at {new:?}"),
    }
}

#[test]
fn a_pause_is_heard_soon() {
    [CD, DSD].into_iter().for_each(|wire| respond(wire, Command::Pause));
}

#[test]
fn a_flush_is_heard_soon() {
    for command in [Command::Stop, Command::Skip, Command::Seek] {
        [CD, DSD].into_iter().for_each(|wire| respond(wire, command));
    }
}

#[test]
fn mute_and_volume_are_heard_soon() {
    for (percent, mute) in [(100, true), (50, false)] {
        let engine = Engine::with_file_sink(&[]);
        let (mut player, card) = start(&engine, CD);
        player.send(&Request::Volume(Volume { mode: VolumeMode::Software, percent, mute }));
        // When the engine has it: how soon its control thread gets a core of this machine isn't the question.
        player.reply();
        let at = card.played();
        player.mark(MarkKind::End, 1, 44_100);
        player.close();
        let raw = engine.raw(1);
        let frames = raw.as_chunks::<4>().0;
        let first = frames.iter().position(|frame| heard(CD, frame) == Heard::Old).expect("it played");
        let level = |frame: &[u8; 4]| i16::from_le_bytes([frame[0], frame[1]]);
        let changed = frames.iter().skip(first).position(|frame| level(frame) < 2_000).expect("it is quieter");
        card.soon_enough(&format!("{percent} %, mute {mute}"), &player, at, changed as u64);
    }
}

/// Two wake-ups may be a second apart, and a slider sends a volume for each of its places.
#[test]
fn of_many_volumes_between_two_wake_ups_the_newest_is_heard() {
    let engine = Engine::with_file_sink(&["--period-ms", "500", "--buffer-ms", "1000", "--ring-ms", "1500"]);
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&material(CD, false, 4), CD.frame_bytes());
    engine.wait_event("start", 1);
    for n in 0..200 {
        let volume = Volume { mode: VolumeMode::Software, percent: 90 + n % 10, mute: false };
        assert_eq!(player.ask(&Request::Volume(volume)), Reply::VolumeSet(volume));
    }
    player.ask(&Request::Volume(Volume { mode: VolumeMode::Software, percent: 100, mute: true }));
    player.mark(MarkKind::End, 1, player.connection.producer.written() + 2 * 44_100);
    player.write(&material(CD, false, 6), CD.frame_bytes());
    player.close();
    let raw = engine.raw(1);
    let loud = raw.as_chunks::<4>().0.iter().rposition(|frame| heard(CD, frame) == Heard::Old).expect("it played");
    let end = engine.events("end")[0]["frame"].as_u64().expect("a frame") as usize;
    assert!(loud + 44_100 / 2 < end, "still heard at frame {loud} of {end}");
}
