//! The state variables.

use super::super::values::{track_duration, track_position};
use super::*;

#[test]
fn t02_times_have_no_fractions() {
    assert_eq!(track_duration(Duration::from_millis(3_725_400)), "1:02:06");
    assert_eq!(track_position(Duration::from_millis(59_999), None), "0:00:59");
}

#[test]
fn t02_duration_is_known_from_the_metadata_before_the_resource_is() {
    let mut bench = Bench::new();
    let metadata = Metadata { duration: Some(Duration::from_secs(61)), ..Metadata::default() };
    bench.act(Action::SetCurrent(Some(Media { metadata, ..media("a") })));
    assert_eq!(bench.value("CurrentTrackDuration"), "0:01:01");
}

#[test]
fn t08_position_stays_below_duration() {
    for millis in [1, 999, 1000, 1001, 59_500, 3_600_000] {
        let duration = Duration::from_millis(millis);
        for position in [Duration::ZERO, duration / 2, duration, duration * 2] {
            let (position, duration) = (track_position(position, Some(duration)), track_duration(duration));
            assert_ne!(position, duration, "at {millis} ms");
        }
    }
}

#[test]
fn t04_next_alone_is_no_news_but_goes_along() {
    let mut bench = Bench::playing("a");
    let before = bench.transport.values();
    // Not even as the reason why Next is on offer now.
    bench.set_next("b");
    assert_eq!(bench.transport.values().news_since(&before), []);
    bench.act(Action::Pause);
    let after = bench.transport.values();
    let news = after.news_since(&before);
    assert!(news.contains(&("NextAVTransportURI", "b")));
    assert!(news.contains(&("TransportState", "PAUSED_PLAYBACK")));
}

#[test]
fn t26_metadata_goes_back_out_as_it_came() {
    let mut bench = Bench::new();
    for didl in ["", "&lt;DIDL-Lite&gt;", "no <xml at all", "<DIDL-Lite/>"] {
        bench.act(Action::SetCurrent(Some(Media { didl: didl.into(), ..media("a") })));
        assert_eq!(bench.value("AVTransportURIMetaData"), didl);
        assert_eq!(bench.value("CurrentTrackMetaData"), didl);
    }
}
