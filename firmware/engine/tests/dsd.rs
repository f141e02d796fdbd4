//! One-bit streams through the engine's binary: every byte that the card gets is a track's or silence, DoP's markers take turns
//! from the first frame to the last, and nothing is scaled.

mod common;

use std::time::Duration;

use common::{Engine, Player, noise, wait_for};
use pcm::{Marker, Wire, WireFormat};
use ring::MarkKind;
use ring::message::{Reply, Request, Volume, VolumeMode};

/// DSD64.
const RATE: u32 = 2_822_400;
const SILENCE: u8 = 0x69;

fn wire(format: WireFormat) -> Wire {
    Wire { format, rate: RATE / u32::from(format.bits()), channels: 2 }
}

/// The engine's name for what the card takes.
const CARDS: [(&str, WireFormat); 4] = [
    ("auto", WireFormat::DsdU32Be),
    ("dsd_u16_le", WireFormat::DsdU16Le),
    ("dop_s24_3", WireFormat::DopS24_3Le),
    ("dop_s32", WireFormat::DopS32Le),
];

fn silence(wire: Wire, frames: usize, marker: Marker) -> Vec<u8> {
    let mut bytes = vec![0; frames * wire.frame_bytes()];
    pcm::fill_silence(wire.format, wire.channels, marker, &mut bytes);
    bytes
}

/// Sound: noise, without a byte of silence in it, and marked from `marker` on if it is DoP.
fn sound(wire: Wire, frames: usize, seed: u32, marker: Marker) -> Vec<u8> {
    let mut bytes = noise(frames, wire, seed);
    let pattern = silence(wire, frames, marker);
    for (byte, &silent) in bytes.iter_mut().zip(&pattern) {
        if !wire.format.is_dop() || silent == SILENCE {
            *byte = if *byte == SILENCE { 0x68 } else { *byte };
        } else {
            *byte = silent;
        }
    }
    bytes
}

/// The frames of a capture that sound. Asserts that all others are silence, and that DoP's markers take turns.
fn sounding(wire: Wire, raw: &[u8]) -> Vec<bool> {
    let frame_bytes = wire.frame_bytes();
    assert_eq!(raw.len() % frame_bytes, 0);
    let first = Marker::of_first(wire.format, raw).unwrap_or_default();
    let pattern = silence(wire, raw.len() / frame_bytes, first);
    let frames = raw.chunks(frame_bytes).zip(pattern.chunks(frame_bytes));
    frames
        .enumerate()
        .map(|(n, (frame, silent))| {
            let own = |bytes: &[u8]| -> Vec<Option<u8>> {
                bytes.iter().zip(silent).map(|(byte, silent)| (*silent != SILENCE).then_some(*byte)).collect()
            };
            assert_eq!(own(frame), own(silent), "frame {n}: markers and what else isn't DSD");
            let sounds = frame.iter().zip(silent).any(|(byte, silent)| *silent == SILENCE && *byte != SILENCE);
            assert!(!sounds || frame.iter().zip(silent).all(|(byte, silent)| *silent != SILENCE || *byte != SILENCE));
            sounds
        })
        .collect()
}

fn volume(player: &mut Player, percent: u8, mute: bool) {
    let volume = Volume { mode: VolumeMode::Software, percent, mute };
    assert_eq!(player.ask(&Request::Volume(volume)), Reply::VolumeSet(volume));
}

#[test]
fn f8_tracks_arrive_bit_for_bit_between_dsd_silence_whatever_the_volume() {
    for (card, format) in CARDS {
        let wire = wire(format);
        let engine = Engine::with_file_sink(&["--accept", card, "--dsd-silence-ms", "150"]);
        let mut player = engine.connect();
        volume(&mut player, 30, false);
        player.open(wire);
        let frames = 20_001;
        let first = sound(wire, frames, 1, Marker::Even);
        let second = sound(wire, frames, 2, Marker::Even.after(frames as u64));
        player.play(1, &first, wire.frame_bytes());
        player.play(2, &second, wire.frame_bytes());
        player.close();
        let close = engine.wait_event("close", 1);
        assert_eq!(close["scaled"], false, "{card}");
        assert_eq!(engine.events("open")[0]["dop"], format.is_dop(), "{card}");
        assert!(engine.track(1, wire.frame_bytes()) == first, "{card}");
        assert!(engine.track(2, wire.frame_bytes()) == second, "{card}");
        let heard = sounding(wire, &engine.raw(1));
        let before = heard.iter().take_while(|sounds| !**sounds).count();
        let behind = heard.iter().rev().take_while(|sounds| !**sounds).count();
        let wanted = wire.rate as usize * 150 / 1000;
        assert!((wanted..wanted + 2).contains(&before), "{card}: {before} of {wanted} frames in front");
        assert!(behind >= wanted, "{card}: {behind} of {wanted} frames behind");
        assert_eq!(heard.iter().filter(|sounds| **sounds).count(), 2 * frames, "{card}");
    }
}

#[test]
fn f4_pauses_flushes_and_a_dry_ring_are_silence_between_two_words() {
    for (card, format) in CARDS {
        let wire = wire(format);
        let frame_bytes = wire.frame_bytes();
        let engine = Engine::with_file_sink(&["--accept", card]);
        let mut player = engine.connect();
        player.open(wire);
        player.mark(MarkKind::Start, 1, 0);
        let half = wire.rate as usize / 2;
        player.write(&sound(wire, half + 1, 1, Marker::Even), frame_bytes);
        engine.wait_event("start", 1);
        std::thread::sleep(Duration::from_millis(100));
        player.connection.producer.set_paused(true);
        engine.wait_event("pause", 1);
        player.connection.producer.set_paused(false);
        engine.wait_event("resume", 1);
        // What is left of it runs dry.
        engine.wait_event("starved", 1);
        // The ring goes on with the marker that it stopped at, after a silence of any length.
        player.write(&sound(wire, half, 2, Marker::Even.after(half as u64 + 1)), frame_bytes);
        engine.wait_event("resume", 2);
        player.connection.producer.flush();
        engine.wait_event("flush", 1);
        player.mark(MarkKind::Start, 2, player.connection.producer.written());
        player.write(&sound(wire, 1001, 3, Marker::Odd), frame_bytes);
        player.close();
        engine.wait_event("close", 1);
        let heard = sounding(wire, &engine.raw(1));
        let silences = heard.windows(2).filter(|pair| pair[0] && !pair[1]).count();
        assert_eq!(silences, 4, "{card}: pause, dry ring, flush, end");
        assert!(heard.iter().filter(|sounds| **sounds).count() > half, "{card}");
    }
}

#[test]
fn f4_mute_is_silence_that_keeps_its_markers_and_its_place() {
    for (card, format) in CARDS {
        let wire = wire(format);
        let engine = Engine::with_file_sink(&["--accept", card]);
        let mut player = engine.connect();
        volume(&mut player, 100, true);
        player.open(wire);
        let track = sound(wire, wire.rate as usize / 2, 1, Marker::Even);
        player.play(1, &track, wire.frame_bytes());
        engine.wait_event("start", 1);
        std::thread::sleep(Duration::from_millis(150));
        volume(&mut player, 50, false);
        player.close();
        assert_eq!(engine.wait_event("close", 1)["scaled"], true, "{card}");
        let own = engine.track(1, wire.frame_bytes());
        assert_eq!(own.len(), track.len());
        let heard = sounding(wire, &own);
        let muted = heard.iter().take_while(|sounds| !**sounds).count();
        assert!(muted > 0 && muted < heard.len(), "{card}: {muted} of {} frames", heard.len());
        assert!(heard[muted..].iter().all(|sounds| *sounds), "{card}");
        assert!(own[muted * wire.frame_bytes()..] == track[muted * wire.frame_bytes()..], "{card}");
    }
}

#[test]
fn f5_pcm_that_carries_something_is_muted_and_never_scaled() {
    let wire = Wire { format: WireFormat::S24_3Le, rate: 44_100, channels: 2 };
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    volume(&mut player, 30, false);
    let track = noise(44_100, wire, 1);
    for (n, mute) in [(1, false), (2, true)] {
        volume(&mut player, 30, mute);
        let Reply::Opened(stream) = player.ask(&Request::Open { wire, unscaled: true }) else { panic!("not opened") };
        player.connection.producer.begin(&stream);
        player.play(n, &track, wire.frame_bytes());
        player.close();
        let at = |name: &str| engine.wait_event(name, n as usize)["frame"].as_u64().expect("a frame") as usize;
        let own = &engine.raw(n as u32)[at("start") * wire.frame_bytes()..at("end") * wire.frame_bytes()];
        assert!(if mute { own.iter().all(|byte| *byte == 0) } else { own == track }, "muted: {mute}");
    }
    assert_eq!(engine.events("close").iter().map(|close| close["scaled"] == true).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_player_that_dies_leaves_silence() {
    for (card, format) in CARDS {
        let wire = wire(format);
        let engine = Engine::with_file_sink(&["--accept", card]);
        let mut player = engine.connect();
        player.open(wire);
        player.mark(MarkKind::Start, 1, 0);
        player.write(&sound(wire, wire.rate as usize / 2, 1, Marker::Even), wire.frame_bytes());
        engine.wait_event("start", 1);
        drop(player);
        engine.wait_event("close", 1);
        let heard = sounding(wire, &engine.raw(1));
        let behind = heard.iter().rev().take_while(|sounds| !**sounds).count();
        assert!(behind >= wire.rate as usize / 10, "{card}: {behind} frames of silence behind");
        assert_eq!(heard.windows(2).filter(|pair| pair[0] && !pair[1]).count(), 1, "{card}");
    }
}

#[test]
fn what_a_card_does_not_take_is_refused() {
    let engine = Engine::with_file_sink(&["--accept", "dsd_u32_be", "--max-rate", "96000"]);
    let mut player = engine.connect();
    let caps =
        wait_for("caps", || player.connection.status.caps().filter(|caps| caps.formats() != pcm::FormatSet::EMPTY));
    assert!(caps.formats().contains(WireFormat::DsdU32Be) && caps.formats().contains(WireFormat::S32Le));
    for (format, rate) in
        [(WireFormat::DsdU32Be, 176_400), (WireFormat::DsdU8, 88_200), (WireFormat::DopS24_3Le, 88_200)]
    {
        let wire = Wire { format, rate, channels: 2 };
        assert!(matches!(player.ask(&Request::Open { wire, unscaled: false }), Reply::Refused { .. }), "{wire}");
    }
    player.open(Wire { format: WireFormat::DsdU32Be, rate: 88_200, channels: 2 });
    player.close();
}
