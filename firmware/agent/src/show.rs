//! `agent plan` and `agent knobs`: what this machine, or a recorded one, gets and why, as text or for tools.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use crate::{
    boot,
    knobs::{self, Held, Machine, Setting, Task},
    placement::{Arguments, Placement},
    plan::Plan,
    priorities::{self, RANKS, Rank, Thread},
    root::Root,
    service,
    time::is_idle,
    topology::Topology,
    tuner,
};

/// What is to be done with the knobs first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Nothing,
    Apply,
    Undo,
}

/// What `agent plan` says.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Planned {
    pub(crate) topology: Topology,
    /// As the machine was started.
    pub(crate) now: Placement,
    /// As it would be with the arguments below.
    pub(crate) best: Placement,
    /// The kernel arguments that go with the best.
    pub(crate) arguments: Arguments,
    /// The kernel has others.
    pub(crate) restart_needed: bool,
}

impl Planned {
    pub(crate) fn of(machine: &Machine) -> Self {
        let best = Placement::best(&machine.topology);
        let arguments = Arguments::of(&best, machine.toggles);
        let line = machine.root.text("proc/cmdline").unwrap_or_default();
        let restart_needed = arguments.need_restart(&machine.topology, &best, &line);
        Self { topology: machine.topology.clone(), now: machine.placement.clone(), best, arguments, restart_needed }
    }

    fn text(&self) -> String {
        let topology = &self.topology;
        let mut text = format!(
            "{}\n{} cores' threads online, {} memory nodes, {} network cards, {} USB hosts, {} sound cards\n",
            if topology.model.is_empty() { "a machine that doesn't say what it is" } else { &topology.model },
            topology.online.len(),
            topology.nodes.len().max(1),
            topology.nics.len(),
            topology.usb_hosts.len(),
            topology.sound_cards.len(),
        );
        for (name, placement) in [("as it was started", &self.now), ("best", &self.best)] {
            if name == "best" && self.best == self.now {
                continue;
            }
            let _ = writeln!(text, "\n{name}:");
            for reason in &placement.reasons {
                let _ = writeln!(text, "  {:14}{:14}{}", reason.what, reason.chosen, reason.why);
            }
        }
        text.push_str("\nkernel arguments:\n");
        for argument in &self.arguments.0 {
            let _ = writeln!(text, "  {}={}\n      {}", argument.name, argument.value, argument.why);
        }
        text.push_str(match (self.arguments.0.is_empty(), self.restart_needed) {
            (true, _) => "  none\n",
            (_, true) => "  the kernel was started with others: agent plan --try starts it with these, on trial\n",
            (_, false) => "  the kernel was started with these\n",
        });
        text
    }
}

/// `agent plan`.
///
/// # Errors
/// None that can happen: all of it is plain data.
pub(crate) fn plan(root: &Root, json: bool) -> Result<String> {
    let planned = Planned::of(&Machine::look(root, Plan::published_core(root)));
    Ok(if json { serde_json::to_string_pretty(&planned)? + "\n" } else { planned.text() })
}

/// `agent plan --try`: the arguments that go with the best plan, for one start; it stays if the machine comes up well.
///
/// # Errors
/// They are in force already, or the boot loader can't be told.
pub(crate) fn try_arguments(root: &Root) -> Result<()> {
    let planned = Planned::of(&Machine::look(root, Plan::published_core(root)));
    anyhow::ensure!(planned.restart_needed, "the kernel was started with the arguments that it should have");
    let wanted = planned.arguments.text();
    let control = boot::control(root).context("this system was not booted from a slot")?;
    let own = control
        .arguments()
        .with_context(|| format!("this machine's arguments can't be changed from here (wanted: {wanted})"))?;
    boot::try_slot(root, control.booted(), Some(&planned.arguments.merged(&own)))
}

/// What `agent knobs` says.
#[derive(serde::Serialize)]
struct Knobs<'a> {
    knobs: &'a [Setting],
    priorities: &'static [Rank],
    threads: &'a [Thread],
    playing: bool,
}

/// `agent knobs`: turns them if that is wanted, and says how they are.
///
/// # Errors
/// `run/tenuto` is missing or full.
pub(crate) fn knobs(root: &Root, turn: Turn, json: bool) -> Result<String> {
    let mut held = Held::default();
    let mut text = String::new();
    if turn != Turn::Nothing {
        tuner::set_undone(root, turn == Turn::Undo).context("run/tenuto")?;
    }
    if turn == Turn::Undo {
        for done in knobs::undo(root, &mut held) {
            let _ = writeln!(text, "{:60} {}", done.place, outcome(&done));
        }
        // What the agent holds is let go by itself.
        service::signal(root, "agent", Signal::SIGHUP);
        if !json {
            return Ok(text);
        }
    }
    let mut machine = Machine::look(root, Plan::published_core(root));
    machine.playing = !is_idle(root);
    let task = if turn == Turn::Apply { Task::Apply } else { Task::Look };
    let settings = knobs::turn(&machine, &mut held, task);
    if turn == Turn::Apply {
        service::signal(root, "agent", Signal::SIGHUP);
    }
    let threads = priorities::threads(root, &machine.topology);
    let found = Knobs { knobs: &settings, priorities: RANKS, threads: &threads, playing: machine.playing };
    if json {
        return Ok(serde_json::to_string_pretty(&found)? + "\n");
    }
    for setting in &settings {
        let _ = writeln!(text, "{:24} {:14}{}", setting.name, setting.outcome.replace('_', " "), setting.what);
        for done in &setting.places {
            let _ = writeln!(text, "    {:60} {}", done.place, outcome(done));
        }
        if let Some(reason) = setting.reason.as_ref().filter(|_| setting.places.is_empty()) {
            let _ = writeln!(text, "    {reason}");
        }
    }
    text.push_str("\nwho runs before whom:\n");
    for rank in RANKS {
        let fifo = rank.fifo.map_or_else(|| "other".to_owned(), |fifo| format!("fifo {fifo}"));
        let _ = writeln!(text, "{fifo:10} {}", rank.who);
        for thread in threads.iter().filter(|thread| thread.role == rank.role && thread.class != thread.wanted) {
            let _ = writeln!(text, "    {} ({}) has {}", thread.name, thread.id, priorities::text(thread.class));
        }
    }
    Ok(text)
}

fn outcome(done: &knobs::Done) -> String {
    match &done.outcome {
        knobs::Outcome::Applied { was } => format!("{} (was {was})", done.want),
        knobs::Outcome::Already => done.want.clone(),
        knobs::Outcome::NotSupported => "not supported".to_owned(),
        knobs::Outcome::Refused { reason } => format!("wanted {}: {reason}", done.want),
    }
}
