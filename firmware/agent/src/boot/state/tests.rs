//! Every order in which arming, booting, hanging, committing, power cuts and decay can follow each other.

use std::collections::BTreeSet;

use super::*;

/// What GRUB's script does with a state: the trial, or what is committed, or the first slot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Boot {
    running: Running,
    arguments: String,
}

fn committed_boot(state: &State) -> Boot {
    let (slot, arguments) =
        state.committed().map_or((Slot::A, String::new()), |choice| (choice.slot, choice.arguments.clone()));
    Boot { running: Running { slot, trial: false }, arguments }
}

/// The world between two events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    medium: State,
    power: Power,
    /// What may be booted without being tried: what is committed, and what a commit has begun with.
    settled: Choice,
    begun: Option<Choice>,
    /// A sector was lost without anybody writing it; once in a life, as two at the same time can't be survived as they were.
    decayed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    /// The next thing is a boot.
    Off,
    /// A system runs.
    On { running: Running, arguments: String },
    /// It is writing; these are left.
    Writing { running: Running, arguments: String, left: Vec<Write> },
}

fn apply(medium: &mut State, write: &Write, torn: bool) {
    match write {
        Write::Copy(copy, choice) => medium.copies[*copy] = (!torn).then(|| choice.clone()),
        Write::Trial(trial) => medium.trial = (!torn).then(|| trial.clone()),
    }
}

impl World {
    fn new() -> Self {
        let settled = Choice { slot: Slot::A, arguments: "x".into() };
        let medium = State {
            copies: [Some(settled.clone()), Some(settled.clone())],
            trial: Some(Trial { slot: None, arguments: String::new() }),
        };
        Self { medium, power: Power::Off, settled, begun: None, decayed: false }
    }

    /// All worlds that can come next.
    fn next(&self) -> Vec<Self> {
        let mut next = match &self.power {
            Power::Off => self.boot(),
            Power::On { running, arguments } => {
                let mut next = self.arm(*running, arguments);
                next.extend(self.commit(*running, arguments));
                // A hang that the watchdog ends, a panic, a power cut, a restart.
                next.push(Self { power: Power::Off, ..self.clone() });
                next
            }
            Power::Writing { running, arguments, left } => self.write(*running, arguments, left),
        };
        if !self.decayed {
            for copy in 0..2 {
                let mut world = Self { decayed: true, ..self.clone() };
                world.medium.copies[copy] = None;
                next.push(world);
            }
            let mut world = Self { decayed: true, ..self.clone() };
            world.medium.trial = None;
            next.push(world);
        }
        next
    }

    fn boot(&self) -> Vec<Self> {
        let on = |world: &Self, boot: Boot| {
            let power = Power::On { running: boot.running, arguments: boot.arguments };
            Self { power, ..world.clone() }
        };
        let Some(Trial { slot: Some(slot), arguments }) = &self.medium.trial else {
            return vec![on(self, committed_boot(&self.medium))];
        };
        // GRUB disarms before it boots: whole, torn by a cut, or not at all by one; and a medium that can't be written has no trial.
        let disarm = Write::Trial(Trial { slot: None, arguments: arguments.clone() });
        let mut disarmed = self.clone();
        apply(&mut disarmed.medium, &disarm, false);
        let trial = Boot { running: Running { slot: *slot, trial: true }, arguments: arguments.clone() };
        let mut torn = self.clone();
        apply(&mut torn.medium, &disarm, true);
        vec![on(&disarmed, trial), disarmed, torn, on(self, committed_boot(&self.medium))]
    }

    fn arm(&self, running: Running, arguments: &str) -> Vec<Self> {
        let mut next = Vec::new();
        for slot in [Slot::A, Slot::B] {
            for wanted in [None, Some("x"), Some("y")] {
                let Ok(left) = self.medium.arm(running, slot, wanted) else {
                    assert!(running.trial, "only a trial keeps others from being armed: {self:?}");
                    continue;
                };
                next.push(self.begin(running, arguments, left));
            }
        }
        next
    }

    fn commit(&self, running: Running, arguments: &str) -> Vec<Self> {
        let Ok(left) = self.medium.commit(running) else {
            assert!(running.trial && self.medium.trial.is_none(), "{self:?}");
            return Vec::new();
        };
        if left.is_empty() { Vec::new() } else { vec![self.begin(running, arguments, left)] }
    }

    fn begin(&self, running: Running, arguments: &str, left: Vec<Write>) -> Self {
        let mut world = self.clone();
        if let Some(Write::Copy(_, choice)) = left.first() {
            // Only what really runs is committed, unless it is a copy of what was; with no copy left there are no arguments.
            let runs = Choice { slot: running.slot, arguments: arguments.to_owned() };
            let copied = self.medium.committed() == Some(choice);
            let nothing_left = self.decayed && self.medium.committed().is_none() && choice.arguments.is_empty();
            assert!(*choice == runs || copied || nothing_left, "{choice:?} in {self:?}");
            if *choice != self.settled {
                // One that was cut short before anything was written has not begun.
                let half =
                    |begun: &Choice| begun != choice && self.medium.copies.iter().flatten().any(|copy| copy == begun);
                assert!(!self.begun.as_ref().is_some_and(half) || self.decayed, "{self:?}");
                world.begun = Some(choice.clone());
            }
        }
        world.power = Power::Writing { running, arguments: arguments.to_owned(), left };
        world
    }

    fn write(&self, running: Running, arguments: &str, left: &[Write]) -> Vec<Self> {
        let [first, rest @ ..] = left else { panic!("nothing is left") };
        // The power goes before it, or within it.
        let before = Self { power: Power::Off, ..self.clone() };
        let mut torn = before.clone();
        apply(&mut torn.medium, first, true);
        let mut done = self.clone();
        apply(&mut done.medium, first, false);
        done.power = if rest.is_empty() {
            Power::On { running, arguments: arguments.to_owned() }
        } else {
            Power::Writing { running, arguments: arguments.to_owned(), left: rest.to_vec() }
        };
        if let Write::Copy(_, choice) = first
            && !rest.iter().any(|write| matches!(write, Write::Copy(..)))
        {
            (done.settled, done.begun) = (choice.clone(), None);
        }
        vec![before, torn, done]
    }

    /// What must hold at any time.
    fn check(&self) {
        let whole = self.medium.copies.iter().flatten().count();
        assert!(whole > 0 || self.decayed, "no copy is left: {self:?}");
        let boot = committed_boot(&self.medium);
        let booted = Choice { slot: boot.running.slot, arguments: boot.arguments };
        let known = booted == self.settled || Some(&booted) == self.begun.as_ref();
        assert!(known || (whole == 0 && self.decayed), "{booted:?} is booted untried: {self:?}");
        if let Power::On { running, .. } = &self.power
            && running.trial
            && let Some(trial) = &self.medium.trial
            && trial.slot.is_none()
        {
            // A trial that hangs now leaves nothing armed.
            assert!(!committed_boot(&self.medium).running.trial);
        }
    }
}

#[test]
fn whatever_happens_a_settled_system_is_booted_and_a_trial_once() {
    let (mut seen, mut open) = (BTreeSet::new(), vec![World::new()]);
    while let Some(world) = open.pop() {
        if seen.contains(&world) {
            continue;
        }
        world.check();
        open.extend(world.next());
        seen.insert(world);
    }
    println!("{} states", seen.len());
    assert!(seen.len() > 1000, "the search has covered {} states only", seen.len());
    // It reaches what it is about: each slot and each arguments settled, by way of trials.
    for slot in [Slot::A, Slot::B] {
        for arguments in ["x", "y"] {
            let choice = Choice { slot, arguments: arguments.into() };
            assert!(seen.iter().any(|world| world.settled == choice && !world.decayed), "{choice:?} is never settled");
        }
    }
}

#[test]
fn sectors_say_what_states_are() {
    let choice = Choice { slot: Slot::B, arguments: "isolcpus=3 quiet".into() };
    assert_eq!(Choice::parse(&choice.sector().unwrap()), Some(choice));
    for slot in [None, Some(Slot::A), Some(Slot::B)] {
        let trial = Trial { slot, arguments: "a=b".into() };
        assert_eq!(Trial::parse(&trial.sector().unwrap()), Some(trial));
    }
    for damaged in [&[("slot", "a"), ("args", "")][..], &[("slot", "c"), ("args", ""), ("ok", "1")], &[("ok", "1")]] {
        assert_eq!(Choice::parse(&grub::block(damaged).unwrap()), None, "{damaged:?}");
    }
    assert_eq!(Trial::parse(&grub::block(&[("trial", "c"), ("trial_args", "")]).unwrap()), None);
}

#[test]
fn a_healthy_boot_writes_nothing_and_mends_what_is_damaged() {
    let mut state = World::new().medium;
    let running = Running { slot: Slot::A, trial: false };
    assert_eq!(state.commit(running).unwrap(), []);
    let choice = state.copies[1].take().unwrap();
    assert_eq!(state.commit(running).unwrap(), [Write::Copy(1, choice.clone())]);
    state.copies = [None, Some(choice.clone())];
    assert_eq!(state.commit(running).unwrap(), [Write::Copy(0, choice)]);
    state.copies = [None, None];
    let bare = Choice { slot: Slot::A, arguments: String::new() };
    assert_eq!(state.commit(running).unwrap(), [Write::Copy(0, bare.clone()), Write::Copy(1, bare)]);
}

#[test]
fn a_committed_slot_that_could_not_be_booted_stays_what_is_committed() {
    let state = World::new().medium;
    assert_eq!(state.commit(Running { slot: Slot::B, trial: false }).unwrap(), []);
}
