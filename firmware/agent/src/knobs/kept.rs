//! The values that were found before any knob was turned, in `run/tenuto`: they last as long as the boot does.

use std::collections::BTreeMap;

use super::Place;
use crate::root::Root;

const FILE: &str = "run/tenuto/knobs.was";
/// More places than any machine has; a bound for a damaged file.
const MOST: usize = 10_000;

/// Knob and place, with the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept(BTreeMap<(String, Place), String>);

impl Kept {
    /// What is damaged is left out.
    pub(super) fn load(root: &Root) -> Self {
        let text = root.text(FILE).unwrap_or_default();
        let entry = |line: &str| {
            let mut fields = line.splitn(3, '\t');
            let (knob, place, was) = (fields.next()?, fields.next()?, fields.next()?);
            Some(((knob.to_owned(), Place::parse(place)?), was.to_owned()))
        };
        Self(text.lines().take(MOST).filter_map(entry).collect())
    }

    /// A value that can't be kept is lost at the agent's next start only.
    pub(super) fn save(&self, root: &Root) {
        let line = |((knob, place), was): (&(String, Place), &String)| format!("{knob}\t{place}\t{was}\n");
        let text: String = self.0.iter().map(line).collect();
        if let Err(error) = root.publish(FILE, &text) {
            tracing::warn!("{FILE}: {error}; what the knobs were can't be told after a restart of the agent");
        }
    }

    /// The first value counts: later ones are our own.
    pub(super) fn keep(&mut self, knob: &str, place: &Place, was: &str) {
        self.0.entry((knob.to_owned(), place.clone())).or_insert_with(|| was.to_owned());
    }

    pub(super) fn forget(&mut self, knob: &str, place: &Place) {
        self.0.remove(&(knob.to_owned(), place.clone()));
    }

    /// A knob's places.
    pub(super) fn of(&self, knob: &str) -> Vec<(Place, String)> {
        let own = self.0.iter().filter(|((name, _), _)| name == knob);
        own.map(|((_, place), was)| (place.clone(), was.clone())).collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (String, Place, String)> {
        self.0.iter().map(|((knob, place), was)| (knob.clone(), place.clone(), was.clone()))
    }
}
