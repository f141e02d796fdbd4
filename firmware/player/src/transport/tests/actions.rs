//! CurrentTransportActions (T25, T28).

use super::*;

#[test]
fn t25_play_is_offered_as_soon_as_there_is_media_whatever_the_state() {
    let mut bench = Bench::new();
    assert_eq!(bench.value("CurrentTransportActions"), "");
    bench.set("a");
    assert_eq!(bench.value("CurrentTransportActions"), "Play,Seek");
    bench.act(Action::Play);
    assert_eq!(bench.value("CurrentTransportActions"), "Play,Stop,Pause,Seek");
    bench.act(Action::Pause);
    assert_eq!(bench.value("CurrentTransportActions"), "Play,Stop,Seek");
}

#[test]
fn t25_the_event_after_set_carries_the_actions() {
    let mut bench = Bench::new();
    let before = bench.transport.values();
    bench.set("a");
    let after = bench.transport.values();
    assert!(after.news_since(&before).contains(&("CurrentTransportActions", "Play,Seek")));
}

#[test]
fn t28_next_is_offered_only_when_there_is_one_and_previous_never() {
    let mut bench = Bench::playing("a");
    assert!(!bench.value("CurrentTransportActions").contains("Next"));
    bench.set_next("b");
    assert!(bench.value("CurrentTransportActions").contains("Next"));
    assert!(!bench.value("CurrentTransportActions").contains("Previous"));
}
