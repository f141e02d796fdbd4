//! The knobs, by subject. `docs/tuning.md` is tested to say the same.

mod cores;
mod interrupts;
mod kernel;
mod network;
mod power;
mod security;

use super::{ALWAYS, Condition, Knob, Machine, Place, Target, When};

/// All of them, in the order in which they are turned: cores first, as switching one off moves what is on it.
pub(crate) const KNOBS: &[&Knob] = &{
    const PARTS: [&[Knob]; 6] =
        [cores::KNOBS, kernel::KNOBS, interrupts::KNOBS, power::KNOBS, network::KNOBS, security::KNOBS];
    const COUNT: usize = {
        let (mut part, mut count) = (0, 0);
        while part < PARTS.len() {
            count += PARTS[part].len();
            part += 1;
        }
        count
    };
    let mut all: [&Knob; COUNT] = [&PARTS[0][0]; COUNT];
    let (mut part, mut to) = (0, 0);
    while part < PARTS.len() {
        let mut from = 0;
        while from < PARTS[part].len() {
            all[to] = &PARTS[part][from];
            (from, to) = (from + 1, to + 1);
        }
        part += 1;
    }
    all
};

/// Where a core of the engine's own is.
const WITH_CORE: Condition = Condition {
    text: "on a machine where the engine has a core of its own",
    holds: |machine| machine.placement.audio.is_some(),
};

/// A file with the same value on every machine.
const fn file(
    name: &'static str,
    place: &'static str,
    want: &'static str,
    what: &'static str,
    why: &'static str,
    source: &'static str,
) -> Knob {
    let targets = |_: &Machine, knob: &Knob| vec![Target::new(Place::Words(knob.place.to_owned()), knob.want)];
    Knob { name, what, why, source, when: When::Boot, applies_if: ALWAYS, place, want, targets }
}

/// The places that a pattern with one `*` stands for here. The `*` is a whole name.
fn matching(machine: &Machine, pattern: &str) -> Vec<String> {
    let Some((before, after)) = pattern.split_once("/*") else { return vec![pattern.to_owned()] };
    let names = machine.root.names(before);
    names
        .into_iter()
        .map(|name| format!("{before}/{name}{after}"))
        .filter(|place| machine.root.path(place).exists())
        .collect()
}

#[cfg(test)]
mod tests;
