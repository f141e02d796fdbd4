//! A card that runs dry.

use super::*;

#[test]
fn after_an_xrun_the_next_frame_is_the_one_that_was_next() {
    let mut rig = Rig::new(Pacing::Clocked, 20);
    rig.mark(MarkKind::Start, 1);
    rig.write(40_000);
    rig.run(SECOND / 5, 0);
    rig.now += SECOND;
    rig.session.drain();
    rig.run(3 * SECOND, 0);
    assert_eq!(rig.outcome, Some(Outcome::Finished));
    assert_eq!(rig.frames_of(Kind::Xrun).len(), 1);
    let silent = rig.heard.iter().take_while(|&&level| level == 0).count();
    assert_eq!(silent, 960, "20 ms in front");
    // The fade-in after the xrun scales frames, and its first one to nothing.
    let sounding = rig.heard.iter().filter(|&&level| level != 0).count();
    assert!((39_995..=40_000).contains(&sounding), "every frame was played once: {sounding}");
}

/// Frames of the ring among those that the card has played when the position was published.
fn frames_played(rig: &mut Rig, position: Position) -> u64 {
    let queued = rig.session.output.poll(position.at_ns).expect("it plays").queued;
    let played = rig.session.timeline.written() - queued;
    rig.heard[..played as usize].iter().filter(|&&level| level != 0).count() as u64
}

#[test]
fn the_position_is_what_was_heard_before_an_xrun_and_after_it() {
    let mut rig = Rig::new(Pacing::Clocked, 20);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(48_000);
    let mut last = 0;
    for turn in 0..20 {
        rig.run(40 * MILLISECOND, 0);
        if turn == 8 || turn == 14 {
            // Held up for longer than the buffer lasts: everything in it was heard.
            let taken = rig.status.position().expect("it is published").taken;
            rig.now += SECOND / 5;
            rig.run(1, 0);
            let position = rig.status.position().expect("it is published");
            assert_eq!(position.heard, taken, "no frame lost, none heard twice");
        }
        let position = rig.status.position().expect("it is published");
        let played = frames_played(&mut rig, position);
        // The first frames of a fade-in are scaled to nothing, and so aren't counted here.
        assert!((played..=played + 12).contains(&position.heard), "{} is not {played}", position.heard);
        assert!(position.heard >= last, "never backwards");
        last = position.heard;
    }
    assert_eq!(rig.frames_of(Kind::Xrun).len(), 2);
    // Behind a fade-in the frames are whole again, and the ones that follow those before the xrun.
    let xrun = rig.frames_of(Kind::Xrun)[1] as usize;
    let resumed = xrun + 960 + 960;
    let before = i64::from(rig.heard[xrun - 1]);
    assert_eq!(i64::from(rig.heard[resumed]), before + 960 + 1, "20 ms of silence, and 20 ms of fade");
    rig.session.drain();
    rig.run(3 * SECOND, 0);
    assert_eq!(rig.status.position().map(|position| position.heard), Some(48_000));
}

/// Half of it was written; the other half would begin with a jump to half the level.
#[test]
fn a_fade_out_that_runs_dry_is_over_and_has_its_consequence() {
    for (flush, kind) in [(false, Kind::Pause), (true, Kind::Flush)] {
        let mut rig = Rig::tuned(Pacing::Clocked, 20, [10, 100]);
        rig.mark(MarkKind::Start, 1);
        rig.write(40_000);
        rig.run(SECOND / 5, 0);
        let before = rig.heard.len();
        if flush {
            rig.producer.flush();
        } else {
            rig.producer.set_paused(true);
        }
        rig.run(1, 0);
        let left = rig.session.fade.expect("a fade").left;
        assert!(0 < left && u64::from(left) < FADE, "it is under way: {left}");
        let written = rig.heard.len();
        assert!(rig.heard[before..].windows(2).all(|pair| pair[0] - pair[1] < 45), "it fades");

        rig.now += SECOND;
        rig.run(SECOND / 10, 0);
        assert_eq!(rig.frames_of(Kind::Xrun), [written as u64]);
        assert_eq!(rig.frames_of(kind), [written as u64], "{kind:?}");
        assert!(rig.heard[written..].iter().all(|&level| level == 0), "{kind:?}");
        let next = rig.status.position().expect("it is published").taken;
        assert_eq!(next, if flush { 40_000 } else { (written as u64) - 960 }, "the next frame of the ring");

        rig.producer.set_paused(false);
        rig.write(20_000);
        rig.run(SECOND, 0);
        assert_eq!(rig.frames_of(Kind::Resume).len(), 1);
        assert!(rig.heard[written..].windows(2).all(|pair| pair[1] - pair[0] < 45), "and fades in");
        assert_eq!(rig.heard.iter().skip(written).max(), Some(&LEVEL));
    }
}

/// A DAC that stands still loses its lock, and takes a while to find it when the music goes on.
#[test]
fn the_card_s_clock_goes_on_after_an_xrun_in_silence() {
    for flush in [false, true] {
        let mut rig = Rig::new(Pacing::Clocked, 20);
        rig.mark(MarkKind::Start, 1);
        rig.write(40_000);
        rig.run(SECOND / 5, 0);
        if flush {
            rig.producer.flush();
        } else {
            rig.producer.set_paused(true);
        }
        rig.run(SECOND / 5, 0);
        rig.now += SECOND;
        rig.run(1, 0);
        assert_eq!(rig.frames_of(Kind::Xrun).len(), 1);
        let written = rig.heard.len();
        rig.run(SECOND, 0);
        let silence = &rig.heard[written..];
        // A second, give or take the card's buffer.
        assert!((43_000..53_000).contains(&silence.len()), "{} frames in a second", silence.len());
        assert!(silence.iter().all(|&level| level == 0));

        rig.producer.set_paused(false);
        rig.write(20_000);
        let asked = rig.heard.len();
        rig.run(SECOND / 2, 0);
        let sounds = rig.heard[asked..].iter().position(|&level| level != 0);
        assert!(sounds.is_some_and(|frames| frames < 1_000), "no silence in front a second time: {sounds:?}");
        assert_eq!(rig.session.xruns(), 1);
    }
}

/// Nothing is to come: no clock is started for the silence behind it.
#[test]
fn a_stream_that_ends_when_it_ran_dry_is_over() {
    for abort in [false, true] {
        let mut rig = Rig::new(Pacing::Clocked, 20);
        rig.mark(MarkKind::Start, 1);
        rig.write(20_000);
        rig.mark(MarkKind::End, 1);
        rig.run(SECOND, 0);
        rig.now += SECOND;
        if abort {
            rig.session.abort();
        } else {
            rig.session.drain();
        }
        rig.run(1, 0);
        assert_eq!((rig.outcome, rig.session.xruns()), (Some(Outcome::Finished), 1));
    }
}
