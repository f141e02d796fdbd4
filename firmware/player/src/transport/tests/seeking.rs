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
    bench.event(Event::Opened { track, duration: None, seekable: false });
    assert_eq!(bench.try_act(Action::Seek(FIVE)), Err(Fault::IllegalSeekTarget));
    assert!(!bench.value("CurrentTransportActions").contains("Seek"));
}

#[test]
fn seek_without_media_is_not_available() {
    assert_eq!(Bench::new().try_act(Action::Seek(FIVE)), Err(Fault::TransitionNotAvailable));
}
