//! The second track.

use super::*;

#[test]
fn t13_next_with_the_same_uri_is_honoured_unless_its_metadata_is_the_same_too() {
    let mut bench = Bench::playing("a");
    bench.set_next("a");
    assert_eq!(bench.effects, []);
    assert_eq!(bench.value("NextAVTransportURI"), "");
    let other = Media { didl: "<DIDL-Lite/>".into(), ..media("a") };
    bench.act(Action::SetNext(Some(other.clone())));
    assert!(matches!(&bench.effects[..], [Effect::Queue { media, .. }] if *media == other));
    assert_eq!(bench.value("NextAVTransportURI"), "a");
}

#[test]
fn t20_next_becomes_current_when_its_first_frame_is_heard() {
    let mut bench = Bench::playing("a");
    bench.set_next("b");
    let next = bench.queued();
    bench.opened(next, 20).event(Event::Started { track: next });
    assert_eq!(bench.value("CurrentTrackURI"), "a");
    bench.event(Event::Heard { track: next });
    assert_eq!(bench.value("AVTransportURI"), "b");
    assert_eq!(bench.value("AVTransportURIMetaData"), media("b").didl);
    assert_eq!(bench.value("CurrentTrackURI"), "b");
    assert_eq!(bench.value("NextAVTransportURI"), "");
    assert_eq!(bench.value("CurrentTrackDuration"), "0:00:20");
}

#[test]
fn t07_title_changes_on_a_gapless_transition() {
    let mut bench = Bench::playing("a");
    bench.set_next("b");
    let next = bench.queued();
    let before = bench.transport.values();
    bench.event(Event::Started { track: next }).event(Event::Heard { track: next });
    let after = bench.transport.values();
    let news = after.news_since(&before);
    assert!(news.contains(&("CurrentTrackMetaData", media("b").didl.as_str())));
}

#[test]
fn t21_no_stopped_inside_a_gapless_transition() {
    let mut bench = Bench::playing("a");
    let first = bench.transport.current_id().unwrap();
    bench.set_next("b");
    let next = bench.queued();
    // Either report may come first, and the next track may be late.
    bench.event(Event::Started { track: next });
    bench.event(Event::Ended { track: first, error: None }).event(Event::Heard { track: next });
    assert_eq!(bench.states, [State::Playing]);
    bench.set_next("c");
    let late = bench.queued();
    bench.event(Event::Ended { track: next, error: None });
    assert_eq!(bench.state(), State::Transitioning);
    bench.event(Event::Started { track: late }).event(Event::Heard { track: late });
    assert_eq!(bench.states, [State::Playing, State::Transitioning, State::Playing]);
    assert_eq!(bench.loads(), 0);
}

#[test]
fn t21_empty_next_uri_clears() {
    let mut bench = Bench::playing("a");
    bench.set_next("b");
    let next = bench.queued();
    bench.act(Action::SetNext(None));
    assert_eq!(bench.value("NextAVTransportURI"), "");
    assert_eq!(bench.effects.last(), Some(&Effect::Unqueue { track: next }));
    let track = bench.transport.current_id().unwrap();
    bench.event(Event::Ended { track, error: None });
    assert_eq!(bench.state(), State::Stopped);
}

#[test]
fn t23_next_replaces_next() {
    let mut bench = Bench::playing("a");
    bench.set_next("b").set_next("c");
    assert!(
        matches!(&bench.effects[..], [Effect::Queue { .. }, Effect::Unqueue { .. }, Effect::Queue { media, .. }] if media.uri == "c")
    );
}

#[test]
fn next_set_before_play_is_queued_with_the_load() {
    let mut bench = Bench::new();
    bench.set("a").set_next("b");
    assert_eq!(bench.effects, []);
    bench.act(Action::Play);
    assert!(matches!(bench.effects[..], [Effect::Load { .. }, Effect::Queue { .. }]));
}

#[test]
fn next_still_plays_after_a_track_that_gave_nothing() {
    let mut bench = Bench::new();
    bench.set("a").set_next("b").act(Action::Play);
    let first = bench.loaded();
    bench.event(Event::Failed { track: first, error: "404".into() });
    assert_eq!(bench.value("TransportStatus"), "ERROR_OCCURRED");
    assert!(bench.effects.iter().any(tells_error_of_a));
    let second = bench.loaded();
    assert_ne!(first, second);
    bench.event(Event::Started { track: second });
    assert_eq!(bench.value("TransportStatus"), "OK");
    assert_eq!(bench.value("AVTransportURI"), "b");
}

#[test]
fn next_still_plays_after_a_track_that_broke_off() {
    let mut bench = Bench::playing("a");
    let first = bench.transport.current_id().unwrap();
    bench.set_next("b");
    let next = bench.queued();
    bench.event(Event::Started { track: next });
    bench.event(Event::Ended { track: first, error: Some("truncated".into()) });
    // Subscribers are told before the next track's OK hides it.
    assert!(bench.effects.last().is_some_and(tells_error_of_a));
    assert_eq!(bench.state(), State::Playing);
    assert_eq!(bench.value("AVTransportURI"), "b");
}

fn tells_error_of_a(effect: &Effect) -> bool {
    let Effect::Publish(values) = effect else { return false };
    values.get("TransportStatus") == "ERROR_OCCURRED" && values.get("AVTransportURI") == "a"
}

#[test]
fn t18_next_that_cannot_be_opened_is_an_error_only_when_its_turn_comes() {
    let mut bench = Bench::playing("a");
    let first = bench.transport.current_id().unwrap();
    bench.set_next("b");
    let next = bench.queued();
    bench.event(Event::Failed { track: next, error: "404".into() });
    assert_eq!(bench.value("TransportStatus"), "OK");
    bench.event(Event::Ended { track: first, error: None });
    assert_eq!(bench.states, [State::Playing, State::Stopped]);
    assert_eq!(bench.value("TransportStatus"), "ERROR_OCCURRED");
    assert_eq!(bench.value("AVTransportURI"), "b");
}

#[test]
fn t28_next_and_previous_act_only_if_there_is_somewhere_to_go() {
    let mut bench = Bench::new();
    assert_eq!(bench.try_act(Action::Next), Err(Fault::TransitionNotAvailable));
    assert_eq!(bench.try_act(Action::Previous), Err(Fault::TransitionNotAvailable));
    let mut bench = Bench::playing("a");
    assert_eq!(bench.try_act(Action::Next), Err(Fault::IllegalSeekTarget));
    assert_eq!(bench.try_act(Action::Previous), Err(Fault::IllegalSeekTarget));
    bench.set_next("b").act(Action::Next);
    assert_eq!(bench.loads(), 1);
    assert_eq!(bench.value("AVTransportURI"), "b");
    assert_eq!(bench.state(), State::Transitioning);
}
