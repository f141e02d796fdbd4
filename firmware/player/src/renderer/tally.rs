//! How many tracks there were, and what became of them, since the program's start.

use std::collections::BTreeMap;

use crate::playback::Report;

#[derive(Default)]
pub(super) struct Tally {
    /// Tracks whose opening was tried.
    pub(super) opened: u64,
    /// Tracks of which the DAC has played a frame.
    pub(super) heard: u64,
    /// Tracks that the DAC has played to where their resource ends.
    pub(super) finished: u64,
    /// Tracks that gave no sound, or ended before their end, by the error's kind.
    pub(super) failed: BTreeMap<String, u64>,
    /// Times that nothing more was heard of a track that wasn't over: its source was late.
    pub(super) ran_dry: u64,
    /// Times that the DAC or the engine went while there was something to play.
    pub(super) output_lost: u64,
}

impl Tally {
    pub(super) fn note(&mut self, report: &Report) {
        match report {
            Report::Opening { .. } => self.opened += 1,
            Report::Heard { .. } => self.heard += 1,
            Report::Ended { error: None, .. } => self.finished += 1,
            Report::Ended { error: Some(error), .. } | Report::Failed { error, .. } => {
                *self.failed.entry(error.kind.clone()).or_default() += 1;
            }
            Report::RanDry { .. } => self.ran_dry += 1,
            Report::OutputAway { .. } | Report::OutputLost { .. } => self.output_lost += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playback::PlayError;
    use crate::transport::TrackId;

    #[test]
    fn each_track_is_counted_by_what_became_of_it() {
        let mut tally = Tally::default();
        let error = || PlayError::new("Truncated", "too short");
        for n in 0..4 {
            let track = TrackId(n);
            tally.note(&Report::Opening { track, uri: String::new() });
            tally.note(&if n == 0 { Report::Failed { track, error: error() } } else { Report::Heard { track } });
            tally.note(&Report::Ended { track, error: (n == 1).then(error) });
        }
        assert_eq!((tally.opened, tally.heard, tally.finished), (4, 3, 3));
        assert_eq!(tally.failed, [("Truncated".to_owned(), 2)].into());
    }
}
