//! What the programs are started with: cores, memory node and priority of this machine's [`Placement`], and the times that the
//! kernel's command line sets.

use std::io;

use crate::{
    placement::Placement,
    priorities,
    root::Root,
    timing::Timing,
    topology::{Cpus, Topology, cpus},
};

/// Where the plan is published, for whoever starts the engine.
const FILE: &str = "run/tenuto/plan";

/// What isn't the engine's business: the player's cores and both programs' memory node.
const DECODER: &str = "decoder";
const NODE: &str = "node";
/// The engine's one option without a value.
const HUGE_PAGES: &str = "huge-pages";

/// Whether a kernel command line has `name=on`; the last one counts, and what is neither on nor off is left out, and said.
pub(crate) fn is_on(command_line: &str, name: &str) -> bool {
    let values = command_line.split_whitespace().rev().filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    match values.into_iter().next() {
        Some("on") => true,
        Some("off") | None => false,
        Some(other) => {
            tracing::warn!("kernel command line: {name}={other} is ignored; it is on or off");
            false
        }
    }
}

/// What the engine is told. None: the engine's own default.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Plan {
    /// The core for its real-time thread; None on a machine with one core, where there is nothing to choose.
    pub(crate) core: Option<u32>,
    /// SCHED_FIFO priority, 1..=99.
    pub(crate) priority: u8,
    /// The times that were set.
    #[serde(flatten)]
    pub(crate) timing: Timing,
    /// `tenuto.huge_pages=on`: the ring lies in huge pages, if there are any.
    pub(crate) huge_pages: bool,
    /// `tenuto.confine=on`, for tests: a system call that playing doesn't take ends the engine.
    pub(crate) confine: bool,
    /// The player's cores; none: any.
    pub(crate) decoder: Cpus,
    /// The memory node of engine and player; None where there is one only.
    pub(crate) node: Option<u32>,
}

impl Plan {
    /// What a placement and a command line make of it.
    pub(crate) fn of(placement: &Placement, command_line: &str) -> Self {
        let (huge_pages, confine) = (is_on(command_line, "tenuto.huge_pages"), is_on(command_line, "tenuto.confine"));
        Self {
            core: placement.audio,
            priority: priorities::ENGINE,
            timing: Timing::of(command_line),
            huge_pages,
            confine,
            // Where the engine has no core of its own, nobody is kept away from anywhere.
            decoder: placement.audio.map(|_| placement.decoder.clone()).unwrap_or_default(),
            node: placement.node,
        }
    }

    /// What this machine's cores and command line suggest.
    pub(crate) fn of_machine(root: &Root) -> Self {
        let placement = Placement::now(&Topology::read(root), None);
        Self::of(&placement, &root.text("proc/cmdline").unwrap_or_default())
    }

    /// The core of the published plan.
    pub(crate) fn published_core(root: &Root) -> Option<u32> {
        root.text(FILE).and_then(|text| Self::parse(&text))?.core
    }

    /// The published plan; before there is one, what it will be.
    pub(crate) fn current(root: &Root) -> Self {
        root.text(FILE).and_then(|text| Self::parse(&text)).unwrap_or_else(|| Self::of_machine(root))
    }

    /// Writes it for [`Plan::current`].
    ///
    /// # Errors
    /// `/run/tenuto` is missing or full.
    pub(crate) fn publish(&self, root: &Root) -> io::Result<()> {
        let decoder = (!self.decoder.is_empty()).then(|| (DECODER, cpus::list(&self.decoder)));
        let node = self.node.map(|node| (NODE, node.to_string()));
        let values = self.values().into_iter().chain(decoder).chain(node);
        let lines: String = values.map(|(name, value)| format!("{name}={value}\n")).collect();
        root.publish(FILE, &lines)
    }

    /// The engine's options for it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let switch = self.huge_pages.then(|| format!("--{HUGE_PAGES}"));
        let values = self.values().into_iter().filter(|(name, _)| *name != HUGE_PAGES);
        values.flat_map(|(name, value)| [format!("--{name}"), value]).chain(switch).collect()
    }

    /// What is decided, by the engine's names for it.
    fn values(&self) -> Vec<(&'static str, String)> {
        let core = self.core.map(|core| ("core", core.to_string()));
        let confine = self.confine.then(|| ("confine", "on".to_owned()));
        let priority = ("priority", self.priority.to_string());
        let huge_pages = self.huge_pages.then(|| (HUGE_PAGES, "on".to_owned()));
        core.into_iter().chain([priority]).chain(self.timing.values()).chain(huge_pages).chain(confine).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut plan = Self {
            core: None,
            priority: 0,
            timing: Timing::default(),
            huge_pages: false,
            confine: false,
            decoder: Cpus::new(),
            node: None,
        };
        for line in text.lines() {
            match line.split_once('=')? {
                ("core", value) => plan.core = Some(value.parse().ok()?),
                ("priority", value) => plan.priority = value.parse().ok()?,
                (HUGE_PAGES, value) => plan.huge_pages = value == "on",
                ("confine", value) => plan.confine = value == "on",
                (DECODER, value) => plan.decoder = cpus::parse(value)?,
                (NODE, value) => plan.node = Some(value.parse().ok()?),
                (name, value) => *plan.timing.by_name(name)? = Some(value.parse().ok()?),
            }
        }
        (1..=99).contains(&plan.priority).then_some(plan)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const BARE: Plan = Plan {
        core: None,
        priority: 70,
        timing: Timing { buffer_ms: None, period_ms: None, ring_ms: None, preroll_ms: None, dsd_silence_ms: None },
        huge_pages: false,
        confine: false,
        decoder: Cpus::new(),
        node: None,
    };
    const FULL: Plan = Plan {
        core: Some(3),
        priority: 1,
        timing: Timing {
            buffer_ms: Some(500),
            period_ms: Some(40),
            ring_ms: Some(2000),
            preroll_ms: Some(300),
            dsd_silence_ms: Some(0),
        },
        huge_pages: true,
        confine: true,
        decoder: Cpus::new(),
        node: Some(1),
    };

    fn core(online: &str, isolated: &str) -> Option<u32> {
        let [online, isolated] = [online, isolated].map(|list| cpus::parse(list).unwrap());
        Plan::of(&Placement::now(&Topology { online, isolated, ..Topology::default() }, None), "").core
    }

    #[test]
    fn the_isolated_core_is_taken() {
        assert_eq!(core("0-3", "3"), Some(3));
        assert_eq!(core("0-3", "1"), Some(1));
        assert_eq!(core("0-7", "6-7"), Some(7));
    }

    #[test]
    fn an_isolated_core_that_is_offline_is_not() {
        assert_eq!(core("0-2", "3"), Some(2));
        assert_eq!(core("0-2", "1,3"), Some(1));
    }

    #[test]
    fn without_isolation_the_last_of_several_whatever_their_numbers() {
        assert_eq!(core("0-3", ""), Some(3));
        assert_eq!(core("0,2,4", ""), Some(4));
        assert_eq!(core("0", ""), None);
        assert_eq!(core("", ""), None);
    }

    #[test]
    fn what_is_published_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        fs::create_dir_all(root.path("run/tenuto")).unwrap();
        for plan in [FULL, BARE, Plan { decoder: [1, 2, 5].into(), ..FULL }] {
            plan.publish(&root).unwrap();
            assert_eq!(Plan::current(&root), plan);
        }
    }

    #[test]
    fn a_damaged_plan_is_decided_anew() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        fs::create_dir_all(root.path("run/tenuto")).unwrap();
        fs::create_dir_all(root.path("sys/devices/system/cpu")).unwrap();
        fs::write(root.path("sys/devices/system/cpu/online"), "0-3\n").unwrap();
        for text in [
            "",
            "core=3",
            "core=x\npriority=70",
            "core=3\npriority=100",
            "core=3\npriority=70\nother=1",
            "priority=70\ndecoder=x",
        ] {
            fs::write(root.path(FILE), text).unwrap();
            let wanted = Plan { core: Some(3), decoder: [1, 2].into(), ..BARE };
            assert_eq!(Plan::current(&root), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off() {
        for (line, on) in [
            ("quiet tenuto.dop=on", true),
            ("tenuto.dop=on tenuto.dop=off", false),
            ("tenuto.dop=off tenuto.dop=on", true),
            ("tenuto.dop", false),
            ("tenuto.dop=yes", false),
            ("tenuto.dopx=on", false),
            ("", false),
        ] {
            assert_eq!(is_on(line, "tenuto.dop"), on, "{line}");
        }
    }

    #[test]
    fn arguments_are_the_engines() {
        let full = "--core 3 --priority 1 --buffer-ms 500 --period-ms 40 --ring-ms 2000 --preroll-ms 300 --dsd-silence-ms 0 \
                    --confine on --huge-pages";
        assert_eq!(FULL.arguments().join(" "), full);
        assert_eq!(BARE.arguments(), ["--priority", "70"]);
    }
}
