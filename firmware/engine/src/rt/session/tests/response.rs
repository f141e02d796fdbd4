//! How soon a command is heard, in the card's own time: frames between the one that was played when the command came and the
//! first that is different. The card's clock is the test's, so how busy the machine is doesn't matter.

use super::*;

/// What is promised at the default settings, in frames: 150 ms.
const PROMISED: usize = 48 * 150;
/// What comes after a flush.
const NEXT: i16 = -15_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Command {
    Pause,
    Mute,
    Volume,
    /// The player stops: nothing follows.
    Stop,
    /// The next track is at hand.
    Skip,
    /// Another place of this one is.
    Seek,
    /// The player is gone.
    Abort,
}

const COMMANDS: [Command; 7] =
    [Command::Pause, Command::Mute, Command::Volume, Command::Stop, Command::Skip, Command::Seek, Command::Abort];

/// Gives the command `after` ns after a wake-up while it plays. Returns frames from then on: to the first that is
/// different, and to where the change is complete.
fn respond(command: Command, settings: [u32; 2], after: u64) -> (usize, usize) {
    let mut rig = Rig::tuned(Pacing::Clocked, 20, settings);
    rig.mark(MarkKind::Start, 1);
    rig.write(30_000);
    rig.run(SECOND / 5, 0);
    let woken = rig.status.position().expect("it is published").at_ns;
    assert!(woken + after <= rig.now, "before the next wake-up");
    let queued = rig.session.output.poll(woken + after).expect("it plays").queued;
    let played = (rig.session.timeline.written() - queued) as usize;
    match command {
        Command::Pause => rig.producer.set_paused(true),
        Command::Mute => rig.session.set_volume(Gain::SILENCE),
        Command::Volume => rig.session.set_volume(Gain::from_percent(50)),
        Command::Stop => rig.producer.flush(),
        Command::Skip | Command::Seek => {
            rig.producer.flush();
            if command == Command::Skip {
                rig.mark(MarkKind::Start, 2);
            }
            let area = rig.producer.write_area(15_000).expect("an honest engine");
            area.as_chunks_mut::<2>().0.fill(NEXT.to_le_bytes());
            rig.producer.commit(15_000).expect("there is room");
        }
        Command::Abort => rig.session.abort(),
    }
    rig.run(SECOND / 4, 0);
    let after = &rig.heard[played..];
    let complete = |level: i16| match command {
        Command::Pause | Command::Mute | Command::Stop | Command::Abort => level == 0,
        // 30 dB below, give or take the dither.
        Command::Volume => (level - 632).abs() < 5,
        Command::Skip => level == NEXT,
        // It fades in: half-way up it is heard.
        Command::Seek => level < NEXT / 2,
    };
    let first = after.iter().position(|&level| level != LEVEL).expect("it changes");
    let done = after.iter().position(|&level| complete(level)).expect("it is complete");
    (first, done)
}

#[test]
fn every_command_is_heard_within_150_ms_at_default_settings() {
    for command in COMMANDS {
        for after_ms in (0..40).step_by(3) {
            let (first, done) = respond(command, [40, 100], after_ms * MILLISECOND);
            assert!(first <= done && done <= PROMISED, "{command:?} after {after_ms} ms: {first} to {done} frames");
        }
    }
}

/// Whatever is set: what the buffer holds, and the fade.
#[test]
fn a_command_waits_for_the_buffer_and_the_fade_and_no_longer() {
    for settings @ [_, buffer_ms] in [[1, 2], [1, 5], [5, 20], [10, 40], [40, 100], [100, 400]] {
        for command in [Command::Pause, Command::Mute, Command::Stop] {
            let (first, done) = respond(command, settings, 0);
            assert!(first <= 48 * buffer_ms as usize + 2, "{command:?} at {settings:?}: begins after {first} frames");
            let most = 48 * (buffer_ms as usize + 20) + 1;
            assert!(done <= most, "{command:?} at {settings:?}: done after {done} frames");
        }
    }
}

#[test]
fn periods_of_a_millisecond_play_without_a_gap() {
    for settings in [[1, 2], [1, 4], [2, 10]] {
        let mut rig = Rig::tuned(Pacing::Clocked, 0, settings);
        rig.mark(MarkKind::Start, 1);
        for _ in 0..20 {
            rig.write(9_600);
            rig.run(SECOND / 10, 0);
        }
        assert_eq!(rig.session.xruns(), 0, "{settings:?}");
        assert!(rig.heard.len() > 80_000 && rig.heard.iter().all(|&level| level == LEVEL), "{settings:?}");
    }
}

/// The ring holds less than a fade of what is flushed, and what follows is there already.
#[test]
fn a_fade_out_takes_nothing_of_what_comes_behind_the_flush() {
    let mut rig = Rig::new(Pacing::Clocked, 0);
    rig.mark(MarkKind::Start, 1);
    rig.write(9_600);
    while rig.session.consumer.readable() >= FADE || rig.heard.is_empty() {
        rig.run(1, 0);
    }
    let left = rig.session.consumer.readable();
    assert!(0 < left && left < FADE && rig.session.fade.is_none(), "{left} frames, and it plays");
    let flushed = rig.heard.len();
    rig.producer.flush();
    rig.mark(MarkKind::Start, 2);
    let area = rig.producer.write_area(15_000).expect("an honest engine");
    area.as_chunks_mut::<2>().0.fill(NEXT.to_le_bytes());
    rig.producer.commit(15_000).expect("there is room");
    rig.run(SECOND, 0);
    let (flush, start) = (rig.frames_of(Kind::Flush), rig.frames_of(Kind::Start(2)));
    assert_eq!((&flush, &start), (&vec![flushed as u64 + left], &flush), "silent with the last frame, and on at once");
    let next = &rig.heard[start[0] as usize..];
    // At its end the ring runs dry without an end mark.
    assert!(next[..14_000].iter().all(|&level| level == NEXT), "from its first frame on, and not scaled");
}
