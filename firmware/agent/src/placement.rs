//! Who gets which core, and why: a pure function from a [`Topology`].
//!
//! The engine gets a core of its own, all of its threads with it. Everybody else is on the housekeeping cores; there, from four
//! cores on, the network's interrupts have one, and the player's decoder has those near the engine that are left.

mod arguments;

use std::collections::BTreeMap;

pub(crate) use arguments::{Arguments, Toggles, value_of};

use crate::topology::{Cpus, Kind, Topology, cpus};

/// From so many housekeeping cores on (four with the engine's) one is the network's alone.
const ENOUGH: usize = 3;

/// Who gets what.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Placement {
    /// Where the engine's real-time thread runs; None on a machine with one core, where there is nothing to choose.
    pub(crate) audio: Option<u32>,
    /// Its whole core: kept free of everything else.
    pub(crate) isolated: Cpus,
    /// The other threads of that core, which are switched off: they would share its execution units and first caches.
    pub(crate) parked: Cpus,
    /// All that isn't isolated.
    pub(crate) housekeeping: Cpus,
    /// Where the network's interrupts go.
    pub(crate) network: Option<u32>,
    /// Where the interrupts of what carries sound go.
    pub(crate) sound: Option<u32>,
    /// Where the player runs.
    pub(crate) decoder: Cpus,
    /// The memory node of engine and player; None where there is one only.
    pub(crate) node: Option<u32>,
    /// What was chosen, and why.
    pub(crate) reasons: Vec<Reason>,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Reason {
    pub(crate) what: &'static str,
    pub(crate) chosen: String,
    pub(crate) why: String,
}

impl Placement {
    /// What is best on this machine, once it has been started with the arguments that this takes ([`Arguments`]).
    pub(crate) fn best(topology: &Topology) -> Self {
        match choose(topology, &topology.online) {
            Some((audio, why)) => Self::around(topology, audio, why),
            None => Self::shared(topology),
        }
    }

    /// What is best as it was started: if the kernel has isolated cores, the engine's is one of them; and the engine stays where
    /// it runs (`engine`), as long as that core does.
    pub(crate) fn now(topology: &Topology, engine: Option<u32>) -> Self {
        if let Some(core) =
            engine.filter(|core| topology.online.iter().any(|cpu| !core_of(topology, *core).contains(cpu)))
            && topology.online.contains(&core)
        {
            return Self::around(topology, core, "chosen when the machine was started".to_owned());
        }
        let isolated: Cpus = topology.isolated.intersection(&topology.online).copied().collect();
        match choose(topology, &isolated) {
            Some((audio, _)) => {
                Self::around(topology, audio, "the kernel was started with this core isolated".to_owned())
            }
            None => Self::best(topology),
        }
    }

    /// One core, or none that is known: nothing is kept apart.
    fn shared(topology: &Topology) -> Self {
        let all = topology.online.clone();
        let why = "there is one core only: real-time priority is all that keeps the others away".to_owned();
        let reasons = vec![Reason { what: "engine", chosen: "any core".to_owned(), why }];
        Self { housekeeping: all.clone(), decoder: all, reasons, ..Self::default() }
    }

    fn around(topology: &Topology, audio: u32, why: String) -> Self {
        let isolated = core_of(topology, audio);
        let parked: Cpus = isolated.iter().copied().filter(|cpu| *cpu != audio).collect();
        let housekeeping: Cpus = topology.online.difference(&isolated).copied().collect();
        let node = topology.node_of(audio).filter(|_| topology.nodes.len() > 1);
        let (near, nearness) = near(topology, audio, &housekeeping);
        let cores = cores(topology, &near);
        let mut reasons = vec![Reason { what: "engine", chosen: format!("core {audio}"), why }];
        let mut say = |what, chosen: String, why: &str| reasons.push(Reason { what, chosen, why: why.to_owned() });
        if !parked.is_empty() {
            say(
                "parked",
                cpus::list(&parked),
                "SMT siblings of the engine's core: they would take turns with it, instruction by instruction",
            );
        }
        say("housekeeping", cpus::list(&housekeeping), "everything that isn't the engine");
        // Its core, and no other thread of that, if enough are left for everybody else.
        let network = cores.values().next().filter(|_| cores.len() >= ENOUGH);
        let decoder: Cpus = match network {
            Some(core) => near.difference(core).copied().collect(),
            None => near.clone(),
        };
        say("decoder", cpus::list(&decoder), nearness);
        let network = match network {
            Some(core) => {
                let first = core.first().copied();
                say(
                    "network",
                    format!("core {}", core.first().copied().unwrap_or_default()),
                    "the first core near the engine's; the decoder avoids it, so that neither waits for the other",
                );
                first
            }
            None => {
                let first = housekeeping.first().copied();
                say("network", format!("core {}", first.unwrap_or_default()), "too few cores for one of its own");
                first
            }
        };
        let sound = self::cores(topology, &decoder).values().next_back().and_then(|core| core.first().copied());
        if let Some(sound) = sound {
            let why = "not the network's: under PREEMPT_RT a softirq holds its core's bottom-half lock, and what the USB brings would wait for what the network brings";
            let shared = "a housekeeping core: what brings sound runs before everything else there";
            say("usb and sound", format!("core {sound}"), if network == Some(sound) { shared } else { why });
        }
        if let Some(node) = node {
            say("memory", format!("node {node}"), "the engine's core's own: the other node's memory is a bus away");
        }
        Self { audio: Some(audio), isolated, parked, housekeeping, network, sound, decoder, node, reasons }
    }
}

/// The engine's CPU, out of `among`: on the DAC's memory node, a fast one, the last. Its core must not be all that there is.
fn choose(topology: &Topology, among: &Cpus) -> Option<(u32, String)> {
    let is_all = |core: &&Cpus| core.first().is_some_and(|cpu| topology.online.is_subset(&core_of(topology, *cpu)));
    let candidates = cores(topology, among);
    let candidates: Vec<&Cpus> = candidates.values().filter(|core| !is_all(core)).collect();
    let host = topology.usb_hosts.iter().find(|host| !host.dacs.is_empty());
    let wanted = host.and_then(|host| host.node);
    let wanted = wanted.filter(|node| topology.nodes.len() > 1 && topology.nodes.contains_key(node));
    let first = |core: &&Cpus| core.first().copied().unwrap_or_default();
    let rank = |core: &&Cpus| {
        let cpu = first(core);
        let near = wanted.is_none_or(|node| topology.node_of(cpu) == Some(node));
        (near, topology.cpus.get(&cpu).map(|cpu| cpu.kind), cpu)
    };
    let chosen = candidates.iter().copied().max_by_key(rank)?;
    let cpu = first(&chosen);
    let kinds = topology.cpus.values().any(|cpu| cpu.kind == Kind::Efficient);
    let mut why = "the last core".to_owned();
    if kinds {
        why.push_str(" of the fast ones: it has a second-level cache of its own, which the frugal ones share");
    }
    if let Some(node) = wanted {
        why.push_str(&format!(", on node {node}, where the DAC's USB host is"));
    }
    why.push_str(": interrupts and the boot begin at the first");
    Some((cpu, why))
}

/// A CPU's whole core.
fn core_of(topology: &Topology, cpu: u32) -> Cpus {
    topology.cpus.get(&cpu).map_or_else(|| Cpus::from([cpu]), |found| found.siblings.clone())
}

/// Whole cores, by their first thread. A core counts only with the threads of `among`.
fn cores(topology: &Topology, among: &Cpus) -> BTreeMap<u32, Cpus> {
    let mut cores: BTreeMap<u32, Cpus> = BTreeMap::new();
    for &cpu in among {
        let first = core_of(topology, cpu).first().copied().unwrap_or(cpu);
        cores.entry(first).or_default().insert(cpu);
    }
    cores
}

/// The housekeeping CPUs nearest to the engine's that are two cores at least: of its third-level cache, of its node, or all.
fn near<'a>(topology: &Topology, audio: u32, housekeeping: &Cpus) -> (Cpus, &'a str) {
    let group = topology.cpus.get(&audio).map(|cpu| cpu.group.clone()).unwrap_or_default();
    let node = topology.node_of(audio).and_then(|node| topology.nodes.get(&node)).cloned().unwrap_or_default();
    let whole = housekeeping.is_subset(&group);
    let cached = "the cores that share the engine's last-level cache: the ring stays in it";
    let noded = "the cores of the engine's memory node";
    let all = "the housekeeping cores";
    for (cpus, why) in [(group, if whole { all } else { cached }), (node, noded)] {
        let left: Cpus = cpus.intersection(housekeeping).copied().collect();
        if cores(topology, &left).len() > 1 {
            return (left, why);
        }
    }
    (housekeeping.clone(), all)
}

#[cfg(test)]
mod tests;
