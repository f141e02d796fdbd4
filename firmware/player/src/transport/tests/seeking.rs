//! T27.

use super::*;

const FIVE: SeekTarget = SeekTarget::Time(Duration::from_secs(5));

#[test]
fn t27_seek_while_playing_passes_through_transitioning() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.act(Action::Seek(FIVE));
    assert_eq!(bench.effects, [Effect::Seek { track, to: Duration::from_secs(5) }]);
    bench.event(Event::Started { track });
    assert_eq!(bench.states, [State::Playing, State::Transitioning, State::Playing]);
}

#[test]
fn t27_seek_while_paused_takes_effect_and_stays_paused() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.act(Action::Pause).act(Action::Seek(FIVE));
    assert_eq!(bench.effects.last(), Some(&Effect::Seek { track, to: Duration::from_secs(5) }));
    bench.event(Event::Started { track });
    assert_eq!(bench.state(), State::PausedPlayback);
}

#[test]
fn t27_seek_while_stopped_is_where_play_starts() {
    let mut bench = Bench::new();
    bench.set("a").act(Action::Seek(FIVE));
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.transport.start_at(), Duration::from_secs(5));
    bench.act(Action::Play);
    assert!(matches!(bench.effects[..], [Effect::Load { at, .. }] if at == Duration::from_secs(5)));
}

#[test]
fn t27_seek_right_after_play_is_not_lost() {
    let mut bench = Bench::new();
    bench.set("a").act(Action::Play).act(Action::Seek(FIVE));
    assert!(matches!(bench.effects[..], [Effect::Load { .. }, Effect::Seek { .. }]));
    assert_eq!(bench.state(), State::Transitioning);
}

#[test]
fn t27_track_1_is_the_beginning_and_there_is_no_other() {
    let mut bench = Bench::playing("a");
    bench.act(Action::Seek(SeekTarget::Track(1)));
    assert!(matches!(bench.effects[..], [Effect::Seek { to: Duration::ZERO, .. }]));
    assert_eq!(bench.try_act(Action::Seek(SeekTarget::Track(2))), Err(Fault::IllegalSeekTarget));
    assert_eq!(bench.try_act(Action::Seek(SeekTarget::Track(0))), Err(Fault::IllegalSeekTarget));
}

#[test]
fn t27_beyond_the_end_is_an_illegal_target() {
    let mut bench = Bench::playing("a");
    let beyond = SeekTarget::Time(Duration::from_secs(11));
    assert_eq!(bench.try_act(Action::Seek(beyond)), Err(Fault::IllegalSeekTarget));
    assert_eq!(bench.state(), State::Playing);
}

#[test]
fn t27_what_cannot_seek_says_so() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.event(Event::Opened { track, duration: None, estimate: None, seekable: false });
    assert_eq!(bench.try_act(Action::Seek(FIVE)), Err(Fault::IllegalSeekTarget));
    assert!(!bench.value("CurrentTransportActions").contains("Seek"));
}

#[test]
fn seek_without_media_is_not_available() {
    assert_eq!(Bench::new().try_act(Action::Seek(FIVE)), Err(Fault::TransitionNotAvailable));
}

/// As Ogg on a server without Range requests, announced with `announced` seconds.
fn of_unknown_length(announced: Option<u64>, estimate: Option<u64>) -> Bench {
    let mut bench = Bench::new();
    let mut media = media("a");
    media.metadata.duration = announced.map(Duration::from_secs);
    bench.act(Action::SetCurrent(Some(media))).act(Action::Play);
    let (track, estimate) = (bench.loaded(), estimate.map(Duration::from_secs));
    bench.event(Event::Opened { track, duration: None, estimate, seekable: true }).event(Event::Started { track });
    bench
}

#[test]
fn t08_an_announced_duration_stays_where_the_resource_says_none_and_else_an_estimate_is_shown() {
    for (announced, estimate, shown) in [
        (Some(20), None, "0:00:20"),
        (Some(20), Some(18), "0:00:20"),
        (Some(0), Some(18), "0:00:18"),
        (None, Some(18), "0:00:18"),
        (None, None, "0:00:00"),
    ] {
        let mut bench = of_unknown_length(announced, estimate);
        for name in ["CurrentTrackDuration", "CurrentMediaDuration"] {
            assert_eq!(bench.value(name), shown, "{announced:?} {estimate:?}");
        }
        let beyond = bench.try_act(Action::Seek(SeekTarget::Time(Duration::from_secs(21))));
        assert_eq!(beyond.is_err(), shown != "0:00:00", "T27: {announced:?} {estimate:?}");
    }
}

#[test]
fn t08_a_track_that_goes_on_beyond_what_was_claimed_is_shown_to_be_longer() {
    let mut bench = of_unknown_length(Some(20), None);
    assert!(!bench.transport.reach(Duration::from_millis(19_999)));
    let mut changes = 0;
    for position in (20_000..80_000).step_by(250).map(Duration::from_millis) {
        changes += usize::from(bench.transport.reach(position));
        assert!(bench.transport.duration().unwrap() > position);
    }
    assert!(changes <= 10, "{changes} events");
    // The resource's own word isn't moved.
    let mut bench = Bench::playing("a");
    assert!(!bench.transport.reach(Duration::from_secs(10)));
}

#[test]
fn t27_a_seek_beyond_an_end_that_nobody_knew_is_its_end() {
    let mut bench = of_unknown_length(None, None);
    let track = bench.transport.current_id().unwrap();
    bench.act(Action::Seek(FIVE)).event(Event::Ended { track, error: None });
    assert_eq!((bench.state(), bench.value("TransportStatus")), (State::Stopped, "OK".to_owned()));
}
