//! Set, Play, Pause, Stop, and how tracks end.

use super::*;

#[test]
fn t03_play_only_asks_for_the_load() {
    let mut bench = Bench::new();
    bench.set("a").act(Action::Play);
    assert_eq!(bench.state(), State::Transitioning);
    assert!(matches!(bench.effects[..], [Effect::Load { at: Duration::ZERO, .. }]));
}

#[test]
fn t09_stopped_only_after_the_last_frame_was_heard() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.event(Event::Opened { track, duration: Some(Duration::from_secs(10)), estimate: None, seekable: true });
    assert_eq!(bench.state(), State::Playing);
    bench.event(Event::Ended { track, error: None });
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.value("TransportStatus"), "OK");
    assert_eq!(bench.value("AVTransportURI"), "a");
    assert_eq!(bench.effects, [Effect::Stop]);
}

#[test]
fn t11_set_while_playing_switches_without_a_stop() {
    let mut bench = Bench::playing("a");
    bench.set("b");
    assert_eq!(bench.state(), State::Transitioning);
    // The Play that usually follows changes nothing.
    bench.act(Action::Play);
    assert_eq!(bench.loads(), 1);
    let track = bench.loaded();
    bench.event(Event::Started { track });
    assert_eq!(bench.states, [State::Playing, State::Transitioning, State::Playing]);
    assert_eq!(bench.value("CurrentTrackURI"), "b");
}

#[test]
fn t11_what_the_replaced_track_still_reports_changes_nothing() {
    let mut bench = Bench::playing("a");
    let old = bench.transport.current_id().unwrap();
    bench.set("b");
    bench.event(Event::Started { track: old });
    bench.event(Event::Failed { track: old, error: "cancelled".into() });
    bench.event(Event::Ended { track: old, error: None });
    assert_eq!(bench.state(), State::Transitioning);
    assert_eq!(bench.value("TransportStatus"), "OK");
}

#[test]
fn t12_the_same_uri_again_starts_at_zero() {
    let mut bench = Bench::playing("a");
    bench.act(Action::Stop).set("a").act(Action::Play);
    assert!(matches!(bench.effects.last(), Some(Effect::Load { at: Duration::ZERO, .. })));
    // Without the Stop, too.
    let mut bench = Bench::playing("a");
    bench.set("a").act(Action::Play);
    assert!(matches!(bench.effects[..], [Effect::Load { at: Duration::ZERO, .. }]));
}

#[test]
fn t14_play_while_playing_does_not_restart() {
    let mut bench = Bench::playing("a");
    bench.act(Action::Play);
    assert_eq!(bench.effects, []);
    assert_eq!(bench.state(), State::Playing);
}

#[test]
fn t18_a_source_that_cannot_be_opened_never_reports_playing() {
    let mut bench = Bench::new();
    bench.set("a").act(Action::Play);
    let track = bench.loaded();
    bench.event(Event::Failed { track, error: "no such host".into() });
    assert_eq!(bench.states, [State::NoMediaPresent, State::Stopped, State::Transitioning, State::Stopped]);
    assert_eq!(bench.value("TransportStatus"), "ERROR_OCCURRED");
    assert_eq!(bench.transport.error(), Some("no such host"));
    // And it can be tried again.
    bench.act(Action::Play);
    assert_eq!(bench.value("TransportStatus"), "OK");
    assert_eq!(bench.loads(), 2);
}

#[test]
fn t18_skipping_fast_shows_only_the_last_track_playing() {
    let mut bench = Bench::new();
    let mut tracks = Vec::new();
    for uri in ["a", "b", "c"] {
        bench.set(uri).act(Action::Play);
        tracks.push(bench.loaded());
    }
    bench.event(Event::Failed { track: tracks[0], error: "cancelled".into() });
    bench.event(Event::Started { track: tracks[1] });
    assert_eq!(bench.state(), State::Transitioning);
    bench.event(Event::Started { track: tracks[2] });
    assert_eq!(bench.state(), State::Playing);
}

#[test]
fn t21_stop_takes_effect_at_once_and_keeps_the_track() {
    let mut bench = Bench::playing("a");
    bench.act(Action::Stop);
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.effects, [Effect::Stop]);
    bench.act(Action::Play);
    assert_eq!(bench.loads(), 1);
}

#[test]
fn t22_no_stopped_between_set_and_play() {
    for prepare in [Action::Pause, Action::Play] {
        let mut bench = Bench::playing("a");
        bench.act(prepare);
        bench.set("b").act(Action::Play);
        let track = bench.loaded();
        bench.event(Event::Started { track });
        assert!(!bench.states.contains(&State::Stopped), "{:?}", bench.states);
        assert_eq!(bench.state(), State::Playing);
    }
}

#[test]
fn t23_stop_without_media_succeeds() {
    let mut bench = Bench::new();
    bench.act(Action::Stop);
    assert_eq!(bench.state(), State::NoMediaPresent);
    assert_eq!(bench.effects, []);
}

#[test]
fn t24_pause_while_stopped_succeeds() {
    let mut bench = Bench::new();
    bench.act(Action::Pause).set("a").act(Action::Pause);
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.effects, []);
}

#[test]
fn t19_a_paused_track_goes_on_where_it_was() {
    let mut bench = Bench::playing("a");
    bench.act(Action::Pause).act(Action::Pause);
    assert_eq!(bench.state(), State::PausedPlayback);
    bench.act(Action::Play);
    assert_eq!(bench.effects, [Effect::Pause, Effect::Resume]);
    assert_eq!(bench.state(), State::Playing);
}

#[test]
fn a_pause_while_the_source_opens_holds_the_first_frame() {
    let mut bench = Bench::new();
    bench.set("a").act(Action::Play).act(Action::Pause);
    let track = bench.loaded();
    bench.event(Event::Started { track });
    assert_eq!(bench.state(), State::PausedPlayback);
    bench.act(Action::Play);
    assert_eq!(bench.state(), State::Playing);
}

#[test]
fn t30_a_lost_output_stops_with_an_error_and_can_be_started_again() {
    for prepare in [Action::Play, Action::Pause] {
        let mut bench = Bench::playing("a");
        bench.act(prepare);
        bench.event(Event::OutputLost { error: "the DAC is gone".into() });
        assert_eq!(bench.state(), State::Stopped);
        assert_eq!(bench.value("TransportStatus"), "ERROR_OCCURRED");
        bench.act(Action::Play);
        assert_eq!(bench.state(), State::Transitioning);
        assert_eq!(bench.value("TransportStatus"), "OK");
    }
}

#[test]
fn t30_a_dac_that_goes_shows_and_the_music_goes_on_by_itself() {
    let mut bench = Bench::playing("a");
    bench.set_next("b");
    let (track, next) = (bench.transport.current_id().unwrap(), bench.queued());
    bench.opened(next, 10).event(Event::Started { track: next });
    bench.effects.clear();
    bench.event(Event::OutputAway);
    assert_eq!(bench.state(), State::Transitioning);
    assert_eq!(bench.value("TransportStatus"), "OK");
    assert_eq!((&bench.effects[..], bench.value("NextAVTransportURI").as_str()), (&[Effect::Recover][..], "b"));
    // Play changes nothing: it is what it does already.
    bench.act(Action::Play);
    assert_eq!(bench.state(), State::Transitioning);
    bench.event(Event::Started { track });
    assert_eq!(bench.state(), State::Playing);
    assert_eq!((bench.loads(), bench.effects.len()), (0, 1));
    // The next one has to start again, too.
    bench.event(Event::Ended { track, error: None });
    assert_eq!(bench.state(), State::Transitioning);
    bench.event(Event::Started { track: next });
    assert_eq!(bench.state(), State::Playing);
}

#[test]
fn t30_a_dac_that_does_not_come_back_in_time_ends_it() {
    let mut bench = Bench::playing("a");
    bench.event(Event::OutputAway);
    bench.event(Event::OutputLost { error: "the output was unplugged".into() });
    assert_eq!(bench.states, [State::Playing, State::Transitioning, State::Stopped]);
    assert_eq!(bench.transport.error(), Some("the output was unplugged"));
}

#[test]
fn t30_what_is_held_when_the_dac_goes_or_before_it_is_back_stays_so() {
    for held_before in [true, false] {
        let mut bench = Bench::playing("a");
        let track = bench.transport.current_id().unwrap();
        if held_before {
            bench.act(Action::Pause);
        }
        bench.event(Event::OutputAway);
        bench.act(Action::Pause);
        assert_eq!(bench.state(), State::PausedPlayback);
        // Back: its frames are in the ring.
        bench.event(Event::Started { track });
        assert_eq!(bench.state(), State::PausedPlayback);
        bench.act(Action::Play);
        assert_eq!(bench.state(), State::Playing);
        assert_eq!((bench.loads(), bench.effects.last()), (0, Some(&Effect::Resume)));
        // Played before it is back, it waits.
        bench.act(Action::Pause).event(Event::OutputAway);
        bench.act(Action::Play);
        assert_eq!(bench.state(), State::Transitioning);
    }
}

#[test]
fn t30_what_is_asked_for_while_the_dac_is_away_is_done() {
    let waiting = || {
        let mut bench = Bench::playing("a");
        bench.set_next("b");
        let track = bench.transport.current_id().unwrap();
        bench.event(Event::OutputAway);
        bench.effects.clear();
        (bench, track)
    };
    let (mut bench, track) = waiting();
    let to = Duration::from_secs(5);
    bench.act(Action::Seek(SeekTarget::Time(to)));
    assert_eq!((bench.state(), &bench.effects[..]), (State::Transitioning, &[Effect::Seek { track, to }][..]));
    let (mut bench, track) = waiting();
    bench.act(Action::Stop);
    bench.event(Event::Started { track });
    assert_eq!((bench.state(), &bench.effects[..]), (State::Stopped, &[Effect::Stop][..]));
    let (mut bench, _) = waiting();
    bench.act(Action::Next);
    assert_eq!((bench.state(), bench.value("CurrentTrackURI").as_str()), (State::Transitioning, "b"));
    let (mut bench, _) = waiting();
    bench.set("c");
    assert_eq!((bench.state(), bench.loads()), (State::Transitioning, 1));
}

#[test]
fn a_dac_that_goes_when_nothing_is_to_be_heard_changes_nothing() {
    let mut bench = Bench::playing("a");
    bench.act(Action::Stop).event(Event::OutputAway);
    assert_eq!(bench.state(), State::Stopped);
    assert!(!bench.effects.contains(&Effect::Recover));
}

/// Its end was told, and the next one isn't heard yet: that is what goes on.
#[test]
fn t30_a_dac_that_goes_behind_the_end_of_a_track_is_waited_for_by_the_next_one() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.set_next("b").event(Event::Ended { track, error: None }).event(Event::OutputAway);
    assert_eq!((bench.state(), bench.value("CurrentTrackURI").as_str()), (State::Transitioning, "b"));
    assert_eq!(bench.effects.last(), Some(&Effect::Recover));
}

#[test]
fn t30_a_lost_output_is_no_news_while_nothing_plays() {
    let mut bench = Bench::new();
    bench.set("a").event(Event::OutputLost { error: "the DAC is gone".into() });
    assert_eq!(bench.value("TransportStatus"), "OK");
}

#[test]
fn t30_a_source_that_dies_plays_its_frames_and_then_says_so() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.event(Event::Ended { track, error: Some("truncated".into()) });
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.value("TransportStatus"), "ERROR_OCCURRED");
}

#[test]
fn t30_a_source_that_is_late_shows_and_so_does_its_return() {
    let mut bench = Bench::playing("a");
    let track = bench.transport.current_id().unwrap();
    bench.event(Event::RanDry { track });
    assert_eq!(bench.state(), State::Transitioning);
    assert_eq!(bench.value("TransportStatus"), "OK");
    bench.event(Event::Started { track });
    assert_eq!(bench.state(), State::Playing);
    // Held and let go while there is nothing: it isn't playing before there is.
    bench.event(Event::RanDry { track });
    bench.act(Action::Pause).act(Action::Play);
    assert_eq!(bench.state(), State::Transitioning);
    bench.event(Event::Started { track });
    assert_eq!(bench.state(), State::Playing);
    assert_eq!(bench.loads(), 0);
}

#[test]
fn a_track_that_ran_dry_when_it_was_replaced_or_held_changes_nothing() {
    let mut bench = Bench::playing("a");
    let old = bench.transport.current_id().unwrap();
    bench.act(Action::Pause);
    bench.event(Event::RanDry { track: old });
    assert_eq!(bench.state(), State::PausedPlayback);
    bench.act(Action::Play);
    assert_eq!(bench.state(), State::Playing);
    bench.set("b");
    let track = bench.loaded();
    bench.event(Event::Started { track });
    bench.event(Event::RanDry { track: old });
    assert_eq!(bench.state(), State::Playing);
}
