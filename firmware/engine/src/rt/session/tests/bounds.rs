//! Every corner of the settings' bounds, with a player that writes as the real one does.

use super::*;

/// Plays for 20 s with a pause in them; returns what happened beside the start. The player looks for room as seldom as it ever
/// does: each time that a quarter of the ring may have gone, and each 250 ms.
fn play(times: [u32; 2], ring_frames: u32) -> Vec<Kind> {
    let mut rig = Rig::sized(Pacing::Clocked, 20, times, ring_frames);
    rig.mark(MarkKind::Start, 1);
    let look = (u64::from(ring_frames) * SECOND / 4 / u64::from(WIRE.rate)).min(SECOND / 4);
    let (mut next, mut paused) = (0, false);
    while rig.now < 20 * SECOND {
        if rig.now >= next {
            rig.write(u64::MAX);
            next += look * ((rig.now - next) / look + 1);
        }
        let pause = (8 * SECOND..12 * SECOND).contains(&rig.now);
        if pause != paused {
            rig.producer.set_paused(pause);
            paused = pause;
        }
        // One wake-up.
        rig.run(1, 0);
    }
    rig.events.iter().map(|news| news.kind).filter(|kind| *kind != Kind::Start(1)).collect()
}

#[test]
fn every_corner_of_the_bounds_plays_without_a_dropout() {
    for period in [1, 20, 40, 495, 1000] {
        for buffer in [2 * period, 2000] {
            for ring in [(2 * period + MARGIN_MS).max(50), 10_000] {
                let happened = play([period, buffer], ring * WIRE.rate / 1000);
                assert_eq!(happened, [Kind::Pause, Kind::Resume], "{period}, {buffer}, {ring} ms");
            }
        }
    }
}

/// The memory of the ring may hold less than was asked for: 128 ms of eight channels of 32 bits at 1536 kHz.
#[test]
fn a_ring_that_is_shorter_than_a_period_is_served_more_often() {
    for period in [40, 200, 1000] {
        let happened = play([period, 2 * period], 128 * WIRE.rate / 1000);
        assert_eq!(happened, [Kind::Pause, Kind::Resume], "{period} ms");
    }
}
