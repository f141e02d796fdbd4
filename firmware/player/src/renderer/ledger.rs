//! What became of the last tracks: for the page and for whoever asks why something didn't play.

use std::collections::VecDeque;

use crate::playback::{Attenuation, Opened, PlayError, Report};
use crate::transport::TrackId;

/// Tracks that are remembered.
const KEPT: usize = 32;

/// The last tracks whose opening was tried, oldest first.
#[derive(Default)]
pub(super) struct Ledger {
    entries: VecDeque<Entry>,
}

/// One track.
pub(super) struct Entry {
    pub(super) track: TrackId,
    pub(super) uri: String,
    pub(super) opened: Option<Opened>,
    pub(super) plan: Option<pcm::WirePlan>,
    /// The volume has no effect on it: it is no PCM, or carries what scaling would destroy.
    pub(super) unscaled: bool,
    /// What ReplayGain does to it.
    pub(super) attenuation: Option<Attenuation>,
    /// What its PCM carries, if that isn't levels.
    pub(super) hidden: Option<pcm::hidden::Hidden>,
    pub(super) error: Option<PlayError>,
    /// Its DAC went while it was heard: it went out in more than one piece.
    pub(super) cut: bool,
}

impl Ledger {
    pub(super) fn note(&mut self, report: &Report) {
        match report {
            Report::Opening { track, uri } => {
                if self.entries.len() == KEPT {
                    self.entries.pop_front();
                }
                self.entries.push_back(Entry {
                    track: *track,
                    uri: uri.clone(),
                    opened: None,
                    plan: None,
                    unscaled: false,
                    attenuation: None,
                    hidden: None,
                    error: None,
                    cut: false,
                });
            }
            Report::Opened { track, opened } => self.change(*track, |entry| entry.opened = Some(opened.clone())),
            Report::Planned { track, plan, unscaled, attenuation } => self.change(*track, |entry| {
                entry.plan = Some(*plan);
                entry.attenuation = *attenuation;
                entry.unscaled = *unscaled || !plan.wire.format.is_pcm();
            }),
            Report::OutputAway { track, cut } => self.change(*track, |entry| entry.cut = *cut),
            Report::Recognised { track, hidden } => self.change(*track, |entry| entry.hidden = Some(*hidden)),
            Report::Failed { track, error } | Report::Ended { track, error: Some(error) } => {
                self.fail(*track, error);
            }
            _ => {}
        }
    }

    /// Something kept the track from being heard whole. What came first counts: the rest follows from it.
    pub(super) fn fail(&mut self, track: TrackId, error: &PlayError) {
        self.change(track, |entry| {
            entry.error.get_or_insert_with(|| error.clone());
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn get(&self, track: TrackId) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.track == track)
    }

    fn change(&mut self, track: TrackId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.track == track) {
            change(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_tracks_are_kept_and_errors_find_theirs() {
        let mut ledger = Ledger::default();
        for n in 0..100 {
            ledger.note(&Report::Opening { track: TrackId(n), uri: n.to_string() });
        }
        let error = PlayError::new("Truncated", "too short");
        ledger.note(&Report::Ended { track: TrackId(70), error: Some(error.clone()) });
        ledger.note(&Report::Failed { track: TrackId(1), error: error.clone() });
        assert_eq!(ledger.iter().count(), KEPT);
        assert_eq!(ledger.get(TrackId(70)).unwrap().error, Some(error));
        assert!(ledger.get(TrackId(1)).is_none());
        ledger.fail(TrackId(70), &PlayError::new("Output", "gone"));
        assert_eq!(ledger.get(TrackId(70)).unwrap().error.as_ref().unwrap().kind, "Truncated");
    }
}
