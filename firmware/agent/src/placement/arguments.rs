//! The kernel arguments that go with a placement, and how they are put among those that are there.

use super::Placement;
use crate::topology::{Cpus, Topology, cpus};

/// The names that are this module's business; all others are the owner's, or the slot's.
const OURS: [&str; 5] = ["isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "skew_tick"];

/// What the owner may switch by an argument of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Toggles {
    /// `tenuto.nohz_full=on`: no tick on the engine's core.
    pub(crate) nohz_full: bool,
    /// `tenuto.huge_pages=on`: the ring in huge pages.
    pub(crate) huge_pages: bool,
    /// `tenuto.flow_control=off`: the network card neither sends nor heeds pause frames.
    pub(crate) no_flow_control: bool,
    /// `tenuto.busy_poll=on`: sockets ask the network card instead of waiting for it.
    pub(crate) busy_poll: bool,
}

impl Toggles {
    /// Those of a kernel command line.
    pub(crate) fn of(command_line: &str) -> Self {
        let last = |name: &str| value_of(command_line, name);
        Self {
            nohz_full: last("tenuto.nohz_full") == Some("on"),
            huge_pages: last("tenuto.huge_pages") == Some("on"),
            no_flow_control: last("tenuto.flow_control") == Some("off"),
            busy_poll: last("tenuto.busy_poll") == Some("on"),
        }
    }
}

/// The wanted arguments, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Arguments(pub(crate) Vec<Argument>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) why: &'static str,
}

impl Arguments {
    /// Those that a placement takes. None on one core.
    pub(crate) fn of(placement: &Placement, toggles: Toggles) -> Self {
        let mut arguments = Vec::new();
        if !placement.isolated.is_empty() {
            let mut add = |name, value, why| arguments.push(Argument { name, value, why });
            let isolated = cpus::list(&placement.isolated);
            add(
                "isolcpus",
                format!("managed_irq,domain,{isolated}"),
                "the scheduler puts nobody there, and drivers none of their managed interrupts",
            );
            if toggles.nohz_full {
                add("nohz_full", isolated.clone(), "asked for (tenuto.nohz_full=on): no tick while one thread runs");
                add(
                    "rcu_nocbs",
                    isolated,
                    "goes with nohz_full; without it every core offloads anyway (RCU_NOCB_CPU_DEFAULT_ALL)",
                );
            }
            add("irqaffinity", cpus::list(&placement.housekeeping), "interrupts begin their life on the other cores");
            add(
                "skew_tick",
                "1".to_owned(),
                "the cores' ticks come one after the other, not all at once for the same locks",
            );
        }
        Self(arguments)
    }

    /// As one line.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|argument| format!("{}={}", argument.name, argument.value)).collect::<Vec<_>>().join(" ")
    }

    /// `line` with these in place of what it says of the same matters. What is the owner's stays, in its order.
    pub(crate) fn merged(&self, line: &str) -> String {
        let is_ours = |word: &&str| OURS.contains(&word.split_once('=').map_or(*word, |(name, _)| name));
        let others = line.split_whitespace().filter(|word| !is_ours(word));
        let ours = self.text();
        ours.split_whitespace().chain(others).collect::<Vec<_>>().join(" ")
    }

    /// Whether the kernel was started with other ones, so that it takes another start to have these. Of the cores it is what the
    /// kernel made of its arguments that counts: those that name cores which aren't there isolate none.
    pub(crate) fn need_restart(&self, topology: &Topology, placement: &Placement, command_line: &str) -> bool {
        let online = |set: &Cpus| set.intersection(&topology.online).copied().collect::<Cpus>();
        let named =
            |name: &str| self.0.iter().find(|argument| argument.name == name).map(|argument| argument.value.as_str());
        let tickless = named("nohz_full").and_then(cpus::parse).unwrap_or_default();
        online(&topology.isolated) != online(&placement.isolated)
            || online(&topology.tickless) != online(&tickless)
            || named("skew_tick").is_some_and(|wanted| value_of(command_line, "skew_tick") != Some(wanted))
    }
}

/// `name=value` of a command line; the last one counts.
pub(crate) fn value_of<'a>(command_line: &'a str, name: &str) -> Option<&'a str> {
    command_line.split_whitespace().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> (Topology, Placement) {
        let topology = Topology { online: (0..4).collect(), ..Topology::default() };
        let placement = Placement::best(&topology);
        (topology, placement)
    }

    #[test]
    fn the_owners_arguments_stay() {
        let (_, placement) = four();
        let wanted = Arguments::of(&placement, Toggles::default());
        let ours = "isolcpus=managed_irq,domain,3 irqaffinity=0-2 skew_tick=1";
        assert_eq!(wanted.text(), ours);
        for (line, merged) in [
            ("", ours.to_owned()),
            (ours, ours.to_owned()),
            (
                "tenuto.dac=usb:1:2,x=1 isolcpus=1 console=ttyS0 nohz_full=1",
                format!("{ours} tenuto.dac=usb:1:2,x=1 console=ttyS0"),
            ),
            ("isolcpusx=1 skew_tick", format!("{ours} isolcpusx=1")),
        ] {
            assert_eq!(wanted.merged(line), merged);
        }
        assert_eq!(Arguments::default().merged("isolcpus=3 quiet"), "quiet");
    }

    #[test]
    fn a_restart_is_needed_if_the_kernel_has_something_else() {
        let (topology, placement) = four();
        let wanted = Arguments::of(&placement, Toggles::default());
        let started = |isolated: &[u32], line: &str| {
            let topology = Topology { isolated: isolated.iter().copied().collect(), ..topology.clone() };
            wanted.need_restart(&topology, &placement, line)
        };
        assert!(!started(&[3], "quiet skew_tick=1"));
        assert!(
            started(&[3], "skew_tick=1 skew_tick=0") && started(&[2], "skew_tick=1") && started(&[], "skew_tick=1")
        );
        let toggled = Arguments::of(&placement, Toggles { nohz_full: true, ..Toggles::default() });
        assert!(toggled.text().contains("nohz_full=3 rcu_nocbs=3"));
        let mut topology = Topology { isolated: [3].into(), ..topology };
        assert!(toggled.need_restart(&topology, &placement, "skew_tick=1"));
        topology.tickless = [3].into();
        assert!(!toggled.need_restart(&topology, &placement, "skew_tick=1"));
        assert!(wanted.need_restart(&topology, &placement, "skew_tick=1"));
    }

    #[test]
    fn one_core_wants_no_argument_and_no_restart() {
        let topology = Topology { online: [0].into(), ..Topology::default() };
        let placement = Placement::best(&topology);
        let wanted = Arguments::of(&placement, Toggles { nohz_full: true, ..Toggles::default() });
        assert_eq!(wanted.text(), "");
        assert!(!wanted.need_restart(&topology, &placement, "isolcpus=managed_irq,domain,3"));
    }

    #[test]
    fn toggles_are_the_last_word() {
        let line = "tenuto.huge_pages=off tenuto.huge_pages=on tenuto.nohz_full=on tenuto.nohz_full=off tenuto.flow_control=off";
        let wanted = Toggles { huge_pages: true, no_flow_control: true, ..Toggles::default() };
        assert_eq!(Toggles::of(line), wanted);
    }
}
