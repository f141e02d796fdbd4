//! What the engine certifies of the tracks that it has played.

mod common;

use common::{CD, Engine, Player, noise, wait_for};
use pcm::{Cpu, Crc32c, Marker, Wire, WireFormat, fill_silence};
use ring::message::{Request, Volume, VolumeMode};
use ring::{Certificate, MarkKind, State};
use sha2::{Digest, Sha256};

/// The certificate of this track, when it is there.
fn certificate(player: &Player, track: u64) -> Certificate {
    wait_for(&format!("the certificate of track {track}"), || {
        player.connection.status.certificates().into_iter().find(|certificate| certificate.track == track)
    })
}

fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::digest(bytes).into())
}

#[test]
fn gapless_tracks_are_certified_each_by_itself_and_as_they_were_captured() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    for (n, wire) in [CD, Wire { format: WireFormat::S24_3Le, rate: 96_000, channels: 2 }].into_iter().enumerate() {
        let epoch = player.open(wire).epoch;
        let frame_bytes = wire.frame_bytes();
        let tracks: Vec<Vec<u8>> = (1..=3).map(|track| noise(7_000 + track * 1_003, wire, track as u32)).collect();
        for (track, material) in (10 * n as u64..).zip(&tracks) {
            player.play(track, material, frame_bytes);
        }
        player.close();
        for (track, material) in (10 * n as u64..).zip(&tracks) {
            let found = certificate(&player, track);
            assert_eq!((found.epoch, found.frames), (epoch, (material.len() / frame_bytes) as u64));
            let mut crc32c = Crc32c::new(Cpu::BASELINE);
            crc32c.update(material);
            assert_eq!((found.sha256, found.crc32c), (sha256(material), crc32c.value()));
            assert!(found.whole && !found.scaled);
        }
    }
    // Both halves of the proof: what was hashed is what the sink has.
    assert_eq!(certificate(&player, 1).sha256, sha256(&engine.track(1, 4)));
}

#[test]
fn a_pause_and_software_volume_say_scaled_and_a_seek_says_not_whole() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    let material = noise(30_000, CD, 1);
    player.write(&material, 4);
    wait_for("playing", || (player.connection.status.state()? == State::Playing).then_some(()));
    player.connection.producer.set_paused(true);
    engine.wait_event("pause", 1);
    player.connection.producer.set_paused(false);
    player.mark(MarkKind::End, 1, 30_000);
    player.write(&[], 4);
    engine.wait_event("end", 1);
    let paused = certificate(&player, 1);
    assert!(paused.scaled && paused.whole);
    assert_eq!(paused.sha256, sha256(&material), "of what was taken, before it was scaled");

    player.mark(MarkKind::Start, 2, 30_000);
    player.write(&material, 4);
    engine.wait_event("start", 2);
    player.connection.producer.flush();
    engine.wait_event("flush", 1);
    player.mark(MarkKind::End, 2, 70_000);
    player.write(&noise(10_000, CD, 2), 4);
    player.close();
    let sought = certificate(&player, 2);
    assert!(sought.scaled && !sought.whole && sought.frames > 10_000 && sought.frames < 40_000, "{sought:?}");
    assert!(sought.sha256.is_some());

    let soft = Volume { mode: VolumeMode::Software, percent: 99, mute: false };
    player.ask(&Request::Volume(soft));
    player.open(CD);
    player.play(3, &noise(9_000, CD, 3), 4);
    player.close();
    assert!(certificate(&player, 3).scaled);
}

#[test]
fn a_skipped_track_is_cut_and_the_next_one_whole() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&noise(40_000, CD, 1), 4);
    engine.wait_event("start", 1);
    player.connection.producer.flush();
    engine.wait_event("flush", 1);
    let next = noise(9_000, CD, 2);
    player.play(2, &next, 4);
    player.close();
    let cut = certificate(&player, 1);
    assert!(!cut.whole && cut.scaled && cut.frames < 40_000, "{cut:?}");
    let whole = certificate(&player, 2);
    assert_eq!((whole.whole, whole.scaled, whole.sha256), (true, false, sha256(&next)));
}

#[test]
fn an_engine_held_up_has_its_xrun_in_the_tracks_certificate() {
    let engine = Engine::with_file_sink(&[]);
    let mut player = engine.connect();
    player.open(CD);
    player.mark(MarkKind::Start, 1, 0);
    player.write(&noise(44_100, CD, 1), 4);
    engine.wait_event("start", 1);
    engine.hold_up();
    player.mark(MarkKind::End, 1, 44_100);
    player.close();
    let found = certificate(&player, 1);
    assert!(found.xruns >= 1 && found.late_wakeups >= 1 && found.frames == 44_100, "{found:?}");
}

#[test]
fn a_ring_that_ran_dry_inside_a_track_is_in_its_certificate_whatever_the_format() {
    let dsd = |format: WireFormat| Wire { format, rate: 2_822_400 / u32::from(format.bits()), channels: 2 };
    let cards = [("auto", CD), ("auto", dsd(WireFormat::DsdU32Be)), ("dop_s24_3", dsd(WireFormat::DopS24_3Le))];
    for (card, wire) in cards {
        let engine = Engine::with_file_sink(&["--accept", card]);
        let mut player = engine.connect();
        player.open(wire);
        let frame_bytes = wire.frame_bytes();
        let frames = wire.rate as usize / 2;
        let mut material = noise(frames, wire, 1);
        if wire.format.is_dop() {
            fill_silence(wire.format, wire.channels, Marker::Even, &mut material);
        }
        let (first, second) = material.split_at(frames / 2 * frame_bytes);
        player.mark(MarkKind::Start, 1, 0);
        player.write(first, frame_bytes);
        engine.wait_event("starved", 1);
        player.mark(MarkKind::End, 1, frames as u64);
        player.write(second, frame_bytes);
        player.close();
        let found = certificate(&player, 1);
        assert!(found.starved >= 1 && found.whole, "{wire}: {found:?}");
        assert_eq!((found.sha256, found.scaled), (sha256(&material), wire.format.is_pcm()), "{wire}");
    }
}

#[test]
fn switched_off_there_are_none() {
    let engine = Engine::with_file_sink(&["--certificate", "off"]);
    let mut player = engine.connect();
    player.open(CD);
    player.play(1, &noise(9_000, CD, 1), 4);
    player.close();
    assert_eq!(player.connection.status.certificates(), []);
    let threads = std::fs::read_dir(format!("/proc/{}/task", engine.pid())).expect("it runs");
    let names = threads.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    assert!(!names.into_iter().any(|name| name.trim() == "follower"));
}

#[test]
fn an_output_without_a_clock_does_not_outrun_the_certificate() {
    let engine = Engine::with_file_sink(&["--fast"]);
    let mut player = engine.connect();
    player.open(CD);
    // Four times what the ring's memory holds.
    let material = noise(8 << 20, CD, 1);
    player.play(1, &material, 4);
    player.close();
    let found = certificate(&player, 1);
    assert_eq!((found.sha256, found.whole), (sha256(&material), true));
}
