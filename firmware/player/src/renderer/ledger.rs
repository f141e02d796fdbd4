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
    /// Frames of it were written.
    started: bool,
    /// All of it was written.
    written: bool,
    /// Frames of it were rounded, whatever becomes of the others.
    rounded: bool,
    /// The same, made quieter by ReplayGain.
    pub(super) was_scaled: bool,
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
                    started: false,
                    written: false,
                    rounded: false,
                    was_scaled: false,
                    hidden: None,
                    error: None,
                    cut: false,
                });
            }
            Report::Opened { track, opened } => self.change(*track, |entry| entry.opened = Some(opened.clone())),
            Report::Planned { track, plan, unscaled, attenuation } => self.change(*track, |entry| {
                // What was written by another plan before counts for the whole track.
                if entry.started {
                    entry.rounded |= entry.plan.is_some_and(|plan| !plan.lossless && plan.exact_bits.is_none());
                    entry.was_scaled |= entry.attenuation.is_some();
                }
                entry.plan = Some(*plan);
                entry.attenuation = *attenuation;
                entry.unscaled = *unscaled || !plan.wire.format.is_pcm();
            }),
            Report::OutputAway { track, cut } => self.change(*track, |entry| entry.cut = *cut),
            Report::Recognised { track, hidden } => self.change(*track, |entry| entry.hidden = Some(*hidden)),
            Report::Rounded { track } => self.change(*track, |entry| entry.rounded = true),
            Report::Started { track } => self.change(*track, |entry| entry.started = true),
            Report::Written { track } => self.change(*track, |entry| entry.written = true),
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

impl Entry {
    /// Whether the samples that went to the wire are the source's, every one; `None` as long as that depends on those that are still to
    /// come. (Gain in the engine is another question, and so is what a conversion makes of them.)
    pub(super) fn lossless(&self) -> Option<bool> {
        let plan = self.plan?;
        match plan.exact_bits {
            _ if self.rounded || self.was_scaled => Some(false),
            Some(_) => self.written.then_some(true),
            None => Some(plan.lossless),
        }
    }
}

#[cfg(test)]
mod tests {
    use pcm::{ChannelMap, Wire, WireFormat, WirePlan};

    use super::*;

    const PLAN: WirePlan = WirePlan {
        wire: Wire { format: WireFormat::S24Le, rate: 44_100, channels: 2 },
        lossless: false,
        dither: true,
        exact_bits: None,
        channel_map: ChannelMap::Same,
        decimation: None,
        resampled_from: None,
    };

    /// What is said of a track after each of these reports.
    fn lossless(reports: &[Report]) -> Vec<Option<bool>> {
        let mut ledger = Ledger::default();
        ledger.note(&Report::Opening { track: TrackId(1), uri: "u".into() });
        let mut said = |report| {
            ledger.note(report);
            ledger.get(TrackId(1))?.lossless()
        };
        reports.iter().map(&mut said).collect()
    }

    fn planned(plan: WirePlan) -> Report {
        Report::Planned { track: TrackId(1), plan, unscaled: false, attenuation: None }
    }

    #[test]
    fn floats_are_lossless_when_all_of_them_were_and_not_from_the_first_on_that_was_not() {
        let (track, floats) = (TrackId(1), planned(WirePlan { exact_bits: Some(24), ..PLAN }));
        let (started, written, rounded) =
            (Report::Started { track }, Report::Written { track }, Report::Rounded { track });
        assert_eq!(lossless(&[floats.clone(), started.clone(), written.clone()]), [None, None, Some(true)]);
        assert_eq!(lossless(&[floats, started, rounded, written]), [None, None, Some(false), Some(false)]);
    }

    #[test]
    fn what_a_plan_did_to_frames_counts_after_another_one_took_its_place() {
        let (started, exact) = (Report::Started { track: TrackId(1) }, planned(WirePlan { lossless: true, ..PLAN }));
        let said = lossless(&[planned(PLAN), exact.clone(), started.clone()]);
        assert_eq!(said, [Some(false), Some(true), Some(true)], "none was written by that");
        let said = lossless(&[planned(PLAN), started, exact]);
        assert_eq!(said, [Some(false); 3]);
    }

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
