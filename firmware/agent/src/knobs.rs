//! What makes the machine ready for real time, as data: a table of knobs ([`table`]). Adding a knob is adding an entry.
//!
//! A knob says what it is, why, where it is documented, when it is turned and on what machines, and which places it has there
//! with which values. How a place is read and written is [`place`]'s business. Turning is always the same: read, compare, keep
//! the value found, write, read back. It never fails: what couldn't be done is said. It is done again whenever something has
//! changed, and then changes nothing that is as it should be; a place that is wanted no more (nothing plays, the DAC hangs on
//! another host) gets its old value back. So does every place when all is undone.

pub(crate) mod ethtool;
mod kept;
mod place;
mod table;

use std::collections::BTreeMap;

pub(crate) use kept::Kept;
pub(crate) use place::{Held, Place};
pub(crate) use table::KNOBS;

use crate::{
    placement::{Placement, Toggles},
    root::Root,
    topology::Topology,
};

/// When a knob is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    /// With the image or by the kernel's arguments: only looked at.
    Build,
    /// At start, and for what appears later.
    Boot,
    /// While music plays.
    Play,
}

/// What a knob depends on beside its places being there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) text: &'static str,
    pub(crate) holds: fn(&Machine) -> bool,
}

/// On every machine.
pub(crate) const ALWAYS: Condition = Condition { text: "everywhere", holds: |_| true };

/// An entry of the table.
#[derive(Debug)]
pub(crate) struct Knob {
    pub(crate) name: &'static str,
    /// What it sets.
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    /// Where its maker documents it.
    pub(crate) source: &'static str,
    pub(crate) when: When,
    pub(crate) applies_if: Condition,
    /// Its places, with `*` for numbers and names.
    pub(crate) place: &'static str,
    /// The wanted value, in words where it differs from machine to machine.
    pub(crate) want: &'static str,
    /// The places on a machine, with their values.
    pub(crate) targets: fn(&Machine, &Knob) -> Vec<Target>,
}

/// A place and the value wanted there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) want: String,
}

impl Target {
    pub(crate) fn new(place: Place, want: impl Into<String>) -> Self {
        Self { place, want: want.into() }
    }
}

/// What is known when knobs are turned.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) root: &'a Root,
    pub(crate) topology: Topology,
    /// As the machine was started.
    pub(crate) placement: Placement,
    pub(crate) toggles: Toggles,
    pub(crate) playing: bool,
}

impl<'a> Machine<'a> {
    /// As it is now, with the engine on this core if it is known to run there.
    pub(crate) fn look(root: &'a Root, engine: Option<u32>) -> Self {
        let topology = Topology::read(root);
        let placement = Placement::now(&topology, engine);
        let toggles = Toggles::of(&root.text("proc/cmdline").unwrap_or_default());
        Self { root, topology, placement, toggles, playing: false }
    }
}

/// How turning a knob went at one place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Set and read back; what it was before.
    Applied { was: String },
    /// It had the wanted value.
    Already,
    /// This machine doesn't have it.
    NotSupported,
    /// It wasn't taken.
    Refused { reason: String },
}

/// A place and how it went there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Done {
    pub(crate) place: String,
    pub(crate) want: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// A knob and how it went, for the report.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) when: When,
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) source: &'static str,
    /// `applied`, `already`, `refused`, `not_supported`, or `not_now`: what is turned while music plays only.
    pub(crate) outcome: &'static str,
    /// Why it isn't supported, or what was refused first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) places: Vec<Done>,
}

/// What is to be done with the knobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Turn those that aren't as they should be.
    Apply,
    /// Only look.
    Look,
}

/// Turns all knobs, or looks at them. What was found is kept in `run/tenuto`, so that an agent that was started again knows it.
pub(crate) fn turn(machine: &Machine, held: &mut Held, task: Task) -> Vec<Setting> {
    let mut kept = Kept::load(machine.root);
    let before = kept.clone();
    // All of them before any is turned: what one knob wants no more another one may want.
    if task == Task::Apply {
        KNOBS.iter().for_each(|knob| knob.give_back(machine, &mut kept, held));
    }
    let settings = KNOBS.iter().map(|knob| knob.turn(machine, &mut kept, held, task)).collect();
    if kept != before && task == Task::Apply {
        kept.save(machine.root);
    }
    settings
}

/// Gives every place its old value back; returns what was given back and what refused. `held` is let go.
pub(crate) fn undo(root: &Root, held: &mut Held) -> Vec<Done> {
    held.let_go();
    let mut kept = Kept::load(root);
    let places: Vec<(String, Place, String)> = kept.all().collect();
    let mut done = Vec::new();
    // What was parked first: the others' values were found with it running.
    let is_parked = |place: &Place| matches!(place, Place::Online(_));
    for parked in [true, false] {
        for (knob, place, was) in places.iter().filter(|(_, place, _)| is_parked(place) == parked) {
            let outcome = place.set(root, held, was);
            if !matches!(outcome, Outcome::Refused { .. }) {
                kept.forget(knob, place);
            }
            done.push(Done { place: place.to_string(), want: was.clone(), outcome });
        }
    }
    kept.save(root);
    done
}

impl Knob {
    fn turn(&self, machine: &Machine, kept: &mut Kept, held: &mut Held, task: Task) -> Setting {
        let applies = (self.applies_if.holds)(machine);
        let now = self.is_now(machine);
        let places: Vec<Done> = self
            .wanted(machine)
            .into_iter()
            .map(|Target { place, want }| {
                let outcome = match task {
                    Task::Apply if self.when != When::Build => place.set(machine.root, held, &want),
                    _ => place.compare(machine.root, &want),
                };
                if let Outcome::Applied { was } = &outcome {
                    kept.keep(self.name, &place, was);
                }
                Done { place: place.to_string(), want, outcome }
            })
            .collect();
        let (outcome, reason) = summary(&places);
        let (outcome, reason) = match (applies, now) {
            (false, _) => ("not_supported", Some(format!("only {}", self.applies_if.text))),
            (_, false) => ("not_now", None),
            _ => (outcome, reason),
        };
        let Self { name, when, what, why, source, .. } = *self;
        Setting { name, when, what, why, source, outcome, reason, places }
    }

    fn is_now(&self, machine: &Machine) -> bool {
        self.when != When::Play || machine.playing
    }

    /// Its places at this moment; none if it doesn't apply.
    fn wanted(&self, machine: &Machine) -> Vec<Target> {
        let applies = (self.applies_if.holds)(machine) && self.is_now(machine);
        if applies { (self.targets)(machine, self) } else { Vec::new() }
    }

    /// The old value to each place that was set once and isn't wanted any more.
    fn give_back(&self, machine: &Machine, kept: &mut Kept, held: &mut Held) {
        if self.when == When::Build {
            return;
        }
        let targets = self.wanted(machine);
        for (place, was) in kept.of(self.name) {
            // A core that is parked can't be seen to be one.
            if targets.iter().any(|target| target.place == place) || matches!(place, Place::Online(_)) {
                continue;
            }
            if let Outcome::Refused { reason } = place.set(machine.root, held, &was) {
                tracing::warn!("{}: {place} could not be given its old value {was} back: {reason}", self.name);
            }
            kept.forget(self.name, &place);
        }
        // What is held has no old value.
        if targets.is_empty() && self.place == place::LATENCY {
            held.let_go();
        }
    }
}

/// Of all places the worst outcome that says something; what a machine doesn't have doesn't, if it has others.
fn summary(places: &[Done]) -> (&'static str, Option<String>) {
    let refused = places.iter().find_map(|done| match &done.outcome {
        Outcome::Refused { reason } => Some(format!("{}: {reason}", done.place)),
        _ => None,
    });
    let any = |is: fn(&Outcome) -> bool| places.iter().any(|done| is(&done.outcome));
    match refused {
        Some(reason) => ("refused", Some(reason)),
        None if any(|outcome| matches!(outcome, Outcome::Applied { .. })) => ("applied", None),
        None if any(|outcome| *outcome == Outcome::Already) => ("already", None),
        None => ("not_supported", None),
    }
}

/// One line about all of them, for the log.
pub(crate) fn counted(settings: &[Setting]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for setting in settings {
        *counts.entry(setting.outcome).or_default() += 1;
    }
    counts
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.replace('_', " ")))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
