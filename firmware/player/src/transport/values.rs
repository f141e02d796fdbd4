//! The state variables of AVTransport:1 (2.2), as text.

use std::fmt::Write as _;
use std::time::Duration;

use upnp::time::{self, NOT_IMPLEMENTED};

use super::{State, Transport};

/// A snapshot of every variable that LastChange carries, in the order of the specification's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// The text of a variable, or nothing if there is none of that name.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// All of them, for an initial event.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// The variables that differ from those of `before`, which a subscriber knows already.
    ///
    /// A new next track alone is no news (T4): whoever set it knows, and some control points take any event for a change of
    /// track. It goes along with the next event that has other news.
    pub(crate) fn news_since<'a>(&'a self, before: &Self) -> Vec<(&'static str, &'a str)> {
        let changed: Vec<_> = self.iter().filter(|(name, text)| before.get(name) != *text).collect();
        let of_next = |name: &str| name.starts_with("NextAVTransportURI");
        // Next comes on offer with it.
        let only_next = changed.iter().any(|(name, _)| of_next(name))
            && changed.iter().all(|(name, _)| of_next(name) || *name == "CurrentTransportActions");
        if only_next { Vec::new() } else { changed }
    }
}

impl Transport {
    /// The variables as they are now.
    pub(crate) fn values(&self) -> Values {
        let duration = self.duration().map_or_else(|| "0:00:00".to_owned(), track_duration);
        let (uri, didl) = texts(self.current());
        let track_metadata = self.current().map_or_else(Default::default, |track| track.media.track_metadata());
        let (next_uri, next_didl) = texts(self.next());
        let tracks = if self.current().is_some() { "1" } else { "0" };
        Values(vec![
            ("TransportState", self.state().name().to_owned()),
            ("TransportStatus", if self.error().is_some() { "ERROR_OCCURRED" } else { "OK" }.to_owned()),
            ("PlaybackStorageMedium", if self.current().is_some() { "NETWORK" } else { "NONE" }.to_owned()),
            ("RecordStorageMedium", NOT_IMPLEMENTED.to_owned()),
            ("PossiblePlaybackStorageMedia", "NONE,NETWORK".to_owned()),
            ("PossibleRecordStorageMedia", NOT_IMPLEMENTED.to_owned()),
            ("CurrentPlayMode", "NORMAL".to_owned()),
            ("TransportPlaySpeed", "1".to_owned()),
            ("RecordMediumWriteStatus", NOT_IMPLEMENTED.to_owned()),
            ("CurrentRecordQualityMode", NOT_IMPLEMENTED.to_owned()),
            ("PossibleRecordQualityModes", NOT_IMPLEMENTED.to_owned()),
            ("NumberOfTracks", tracks.to_owned()),
            ("CurrentTrack", tracks.to_owned()),
            ("CurrentTrackDuration", duration.clone()),
            ("CurrentMediaDuration", duration),
            ("CurrentTrackMetaData", track_metadata.into_owned()),
            ("CurrentTrackURI", uri.to_owned()),
            ("AVTransportURI", uri.to_owned()),
            ("AVTransportURIMetaData", didl.to_owned()),
            ("NextAVTransportURI", next_uri.to_owned()),
            ("NextAVTransportURIMetaData", next_didl.to_owned()),
            ("CurrentTransportActions", self.actions()),
        ])
    }

    /// CurrentTransportActions: only what would do something now (T28). Play is always among them once there is media, because
    /// some wait for it before they send it (T25), whatever the state.
    fn actions(&self) -> String {
        let Some(track) = self.current() else { return String::new() };
        let mut text = "Play".to_owned();
        let offers = [
            ("Stop", self.state().is_active()),
            ("Pause", matches!(self.state(), State::Playing | State::Transitioning)),
            ("Seek", track.seekable),
            ("Next", self.next().is_some()),
        ];
        for (name, _) in offers.into_iter().filter(|(_, works)| *works) {
            let _ = write!(text, ",{name}");
        }
        text
    }
}

fn texts(track: Option<&super::machine::Track>) -> (&str, &str) {
    track.map_or(("", ""), |track| (track.media.uri.as_str(), track.media.didl.as_str()))
}

/// A duration in whole seconds, rounded up: RelTime is rounded down, so that it stays below (T2, T8) for as long as there is
/// something left to hear.
pub(crate) fn track_duration(duration: Duration) -> String {
    time::format(Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0)))
}

/// A position in whole seconds, rounded down, and below `duration` if that is known (T8).
pub(crate) fn track_position(position: Duration, duration: Option<Duration>) -> String {
    let last = duration.map_or(Duration::MAX, |duration| duration.saturating_sub(Duration::from_nanos(1)));
    time::format(position.min(last))
}
