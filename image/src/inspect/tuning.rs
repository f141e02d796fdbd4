//! Whether the machine is tuned as the agent's tables say: asked of `agent knobs` in the guest, which reads every place itself.
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Deserialize;

/// How the knobs are, as JSON.
pub(super) const LOOK: &str = "agent knobs --json";
/// The same while a sound card is open: what plays is nobody's business here, and the agent is told by the kernel. It may take
/// its time on a busy host; what it has to be is checked below.
pub(super) const PLAY: &str = "(for card in /dev/snd/pcmC*D*p; do break; done; exec 9>$card; n=0; \
                               until agent knobs | grep -q '^cpu_dma_latency *already' || [ $n -gt 20 ]; do \
                               n=$((n+1)); sleep 1; done; agent knobs --json)";
/// Undone, and turned again.
pub(super) const UNDO: &str = "agent knobs --undo >/dev/null && sleep 3 && agent knobs --json";
pub(super) const APPLY: &str = "agent knobs --apply --json";

/// What an appliance with four cores, a network card and a sound card in QEMU has in force, playing or not.
const IN_FORCE: [&str; 30] = [
    "preempt-rt",
    "timer-frequency",
    "isolcpus",
    "rcu_nocbs",
    "skew_tick",
    "sched_rt_runtime",
    "timer_migration",
    "stat_interval",
    "workqueues",
    "writeback",
    "irq-default",
    "irq-sound",
    "irq-network",
    "irq-thread-sound",
    "irq-thread-network",
    "usb-autosuspend",
    "pci-awake",
    "rmem_max",
    "wmem_max",
    "tcp_rmem",
    "netdev_max_backlog",
    "netdev_budget",
    "netdev_budget_usecs",
    "rps",
    "printk",
    "panic",
    "unprivileged-port",
    "kptr_restrict",
    "sysrq",
    "accept_redirects",
];
/// What is in force while it plays only.
const PLAYING: &str = "cpu_dma_latency";
/// What an undone machine has not: the kernel's own value is another one.
const UNDONE: [&str; 4] = ["timer_migration", "sched_rt_runtime", "stat_interval", "irq-thread-sound"];
/// Of these there must be one at least.
const ROLES: [&str; 7] = ["stopper", "sound_interrupt", "engine", "network_interrupt", "timers", "rcu", "softirq"];

/// What is needed of `agent knobs --json`.
#[derive(Debug, Deserialize)]
pub(super) struct Tuning {
    playing: bool,
    knobs: Vec<Knob>,
    threads: Vec<Thread>,
}

#[derive(Debug, Deserialize)]
struct Knob {
    name: String,
    outcome: String,
    places: Vec<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    place: String,
    outcome: String,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Thread {
    name: String,
    role: String,
    class: serde_json::Value,
    wanted: serde_json::Value,
}

impl Tuning {
    /// Out of the agent's answer, which may stand behind words of the shell's.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let json = text.find('{').map(|at| &text[at..]).unwrap_or_default();
        serde_json::from_str(json).with_context(|| format!("agent knobs --json says: {}", &text[..text.len().min(200)]))
    }

    fn is_in_force(&self, name: &str) -> bool {
        self.knobs.iter().any(|knob| knob.name == name && ["already", "applied"].contains(&knob.outcome.as_str()))
    }

    /// Places that aren't as the table of knobs says, a line each, as in `image/allowed`. Numbers of interrupts and the like
    /// differ from machine to machine. Why they aren't is only known where it was tried ([`APPLY`]).
    pub(super) fn refused(&self) -> BTreeSet<String> {
        let places = self.knobs.iter().flat_map(|knob| {
            let refused = knob.places.iter().filter(|place| place.outcome == "refused");
            refused.map(|place| format!("knob {} {}: {}", knob.name, without_numbers(&place.place), place.reason))
        });
        places.collect()
    }

    /// The same of threads and the table of priorities.
    pub(super) fn misplaced(&self) -> BTreeSet<String> {
        let threads = self.threads.iter().filter(|thread| thread.class != thread.wanted);
        let line = |thread: &Thread| {
            format!("thread {} {} instead of {}", without_numbers(&thread.name), thread.class, thread.wanted)
        };
        threads.map(line).collect()
    }

    /// What has to be in force and isn't.
    pub(super) fn missing(&self, playing: bool) -> Vec<String> {
        let when = if playing { "while a sound card is open" } else { "when idle" };
        let mut faults: Vec<String> = IN_FORCE
            .iter()
            .filter(|name| !self.is_in_force(name))
            .map(|name| format!("{name} is not in force {when}"))
            .collect();
        if self.is_in_force(PLAYING) != playing || self.playing != playing {
            faults.push(format!("{PLAYING} is {}in force {when}", if playing { "not " } else { "" }));
        }
        let is_there = |role: &&&str| self.threads.iter().any(|thread| thread.role == ***role);
        let absent = ROLES.iter().filter(|role| !is_there(role));
        faults.extend(absent.map(|role| format!("no thread is of the kind {role}")));
        faults
    }

    /// What is in force still though it was undone.
    pub(super) fn not_undone(&self) -> Vec<String> {
        UNDONE.iter().filter(|name| self.is_in_force(name)).map(|name| format!("{name} was not undone")).collect()
    }
}

/// Each number becomes an N.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuning(outcome: &str, class: &str, playing: bool) -> Tuning {
        let knob = |name: &&str| format!(r#"{{"name":"{name}","outcome":"{outcome}","places":[]}}"#);
        let knobs: Vec<String> = IN_FORCE.iter().map(knob).collect();
        let thread =
            |role: &&str| format!(r#"{{"name":"irq/24-x","role":"{role}","class":{class},"wanted":{{"Fifo":80}}}}"#);
        let threads: Vec<String> = ROLES.iter().map(thread).collect();
        Tuning::parse(&format!(
            r#"a word {{"playing":{playing},"knobs":[{}],"threads":[{}]}}"#,
            knobs.join(","),
            threads.join(",")
        ))
        .unwrap()
    }

    #[test]
    fn what_is_as_it_should_be_is_no_fault() {
        let tuning = tuning("already", r#"{"Fifo":80}"#, false);
        assert!(tuning.refused().is_empty() && tuning.misplaced().is_empty() && tuning.missing(false).is_empty());
        assert_eq!(tuning.missing(true), ["cpu_dma_latency is not in force while a sound card is open"]);
        assert_eq!(tuning.not_undone().len(), UNDONE.len());
    }

    #[test]
    fn what_is_not_is_named() {
        let found = tuning("refused", r#""Other""#, false);
        assert_eq!(found.misplaced(), [r#"thread irq/N-x "Other" instead of {"Fifo":80}"#.to_owned()].into());
        assert_eq!(found.missing(false).len(), IN_FORCE.len());
        let refused = r#"{"playing":false,"threads":[],"knobs":[{"name":"irq-others","outcome":"refused","places":[
            {"place":"list:proc/irq/9/smp_affinity_list","want":"0-2","outcome":"refused","reason":"no"},
            {"place":"x","outcome":"already"}]}]}"#;
        let found = Tuning::parse(refused).unwrap();
        assert_eq!(found.refused(), ["knob irq-others list:proc/irq/N/smp_affinity_list: no".to_owned()].into());
        assert!(Tuning::parse("agent: not found").is_err());
    }
}
