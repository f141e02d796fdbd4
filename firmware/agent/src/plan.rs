//! Which core and priority the engine gets, and what the kernel's command line says about its buffer.

use std::{io, ops::RangeInclusive};

use crate::{
    cpu::{self, Cpus},
    priority,
    root::Root,
};

/// Where the plan is published, for whoever starts the engine.
const FILE: &str = "run/tenuto/plan";

/// What the engine is told. None: the engine's own default.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Plan {
    /// The core for its real-time thread; None on a machine with one core, where there is nothing to choose.
    pub(crate) core: Option<u32>,
    /// SCHED_FIFO priority, 1..=99.
    pub(crate) priority: u8,
    /// The sound card's buffer: `tenuto.buffer_ms=` of the kernel's command line, 2..=2000 and at least two periods.
    pub(crate) buffer_ms: Option<u16>,
    /// The sound card's period: `tenuto.period_ms=`, 1..=1000.
    pub(crate) period_ms: Option<u16>,
}

impl Plan {
    /// The last isolated core; else the last core, as the least used one on machines where interrupts start at the first.
    fn decide(online: &Cpus, isolated: &Cpus, command_line: &str) -> Self {
        let core = isolated.intersection(online).last().or_else(|| online.last().filter(|_| online.len() > 1));
        let (buffer_ms, period_ms) = timing(command_line);
        Self { core: core.copied(), priority: priority::ENGINE, buffer_ms, period_ms }
    }

    /// What this machine's cores and command line suggest.
    pub(crate) fn of_machine(root: &Root) -> Self {
        Self::decide(&cpu::online(root), &cpu::isolated(root), &root.text("proc/cmdline").unwrap_or_default())
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
        let lines: String = self.values().iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        root.publish(FILE, &lines)
    }

    /// The engine's options for it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.values().into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
    }

    /// What is decided, by the engine's names for it.
    fn values(&self) -> Vec<(&'static str, String)> {
        [
            ("core", self.core.map(|core| core.to_string())),
            ("priority", Some(self.priority.to_string())),
            ("buffer-ms", self.buffer_ms.map(|ms| ms.to_string())),
            ("period-ms", self.period_ms.map(|ms| ms.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut plan = Self { core: None, priority: 0, buffer_ms: None, period_ms: None };
        for line in text.lines() {
            match line.split_once('=')? {
                ("core", value) => plan.core = Some(value.parse().ok()?),
                ("priority", value) => plan.priority = value.parse().ok()?,
                ("buffer-ms", value) => plan.buffer_ms = Some(value.parse().ok()?),
                ("period-ms", value) => plan.period_ms = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        (1..=99).contains(&plan.priority).then_some(plan)
    }
}

/// The engine's own defaults, ms.
const BUFFER_MS: u16 = 100;
const PERIOD_MS: u16 = 40;

/// Buffer and period as the command line wants them. What the engine would refuse is left out: it must start, whatever was
/// mistyped there.
fn timing(command_line: &str) -> (Option<u16>, Option<u16>) {
    let buffer = milliseconds(command_line, "tenuto.buffer_ms", 2..=2000);
    let period = milliseconds(command_line, "tenuto.period_ms", 1..=1000);
    let (buffer_ms, period_ms) = (buffer.unwrap_or(BUFFER_MS), period.unwrap_or(PERIOD_MS));
    if buffer_ms < 2 * period_ms {
        tracing::warn!(
            "kernel command line: a buffer of {buffer_ms} ms is less than two periods of {period_ms} ms; both are ignored"
        );
        return (None, None);
    }
    (buffer, period)
}

/// `name=N` of a kernel command line; the last one counts, as with the kernel's own.
fn milliseconds(command_line: &str, name: &str, bounds: RangeInclusive<u16>) -> Option<u16> {
    let word = command_line.split_whitespace().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    let value = word.parse().ok().filter(|ms| bounds.contains(ms));
    if value.is_none() {
        let (least, most) = bounds.into_inner();
        tracing::warn!("kernel command line: {name}={word} is ignored; it takes {least} to {most}");
    }
    value
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const BARE: Plan = Plan { core: None, priority: 70, buffer_ms: None, period_ms: None };
    const FULL: Plan = Plan { core: Some(3), priority: 1, buffer_ms: Some(500), period_ms: Some(40) };

    fn core(online: &str, isolated: &str) -> Option<u32> {
        Plan::decide(&cpu::parse(online).unwrap(), &cpu::parse(isolated).unwrap(), "").core
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
    fn without_isolation_the_last_of_several() {
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
        for plan in [FULL, BARE] {
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
        for text in ["", "core=3", "core=x\npriority=70", "core=3\npriority=100", "core=3\npriority=70\nother=1"] {
            fs::write(root.path(FILE), text).unwrap();
            assert_eq!(Plan::current(&root), Plan { core: Some(3), ..BARE }, "{text:?}");
        }
    }

    #[test]
    fn arguments_are_the_engines() {
        let full = ["--core", "3", "--priority", "1", "--buffer-ms", "500", "--period-ms", "40"];
        assert_eq!(FULL.arguments(), full);
        assert_eq!(BARE.arguments(), ["--priority", "70"]);
    }

    #[test]
    fn the_command_line_may_set_buffer_and_period() {
        let ms = |line| milliseconds(line, "tenuto.buffer_ms", 2..=2000);
        assert_eq!(ms("quiet tenuto.buffer_ms=500 console=ttyS0"), Some(500));
        assert_eq!(ms("tenuto.buffer_ms=500 tenuto.buffer_ms=40"), Some(40));
        for line in [
            "",
            "tenuto.buffer_ms",
            "tenuto.buffer_ms=",
            "tenuto.buffer_ms=0",
            "tenuto.buffer_ms=1",
            "tenuto.buffer_ms=2001",
            "tenuto.buffer_msx=5",
        ] {
            assert_eq!(ms(line), None, "{line}");
        }
    }

    /// An engine that refuses its arguments would never start.
    #[test]
    fn what_the_engine_would_refuse_is_left_out() {
        for (line, wanted) in [
            ("", (None, None)),
            ("tenuto.buffer_ms=500 tenuto.period_ms=100", (Some(500), Some(100))),
            ("tenuto.buffer_ms=2 tenuto.period_ms=1", (Some(2), Some(1))),
            ("tenuto.period_ms=50", (None, Some(50))),
            ("tenuto.period_ms=51", (None, None)),
            ("tenuto.buffer_ms=79", (None, None)),
            ("tenuto.buffer_ms=2000 tenuto.period_ms=1001", (Some(2000), None)),
        ] {
            assert_eq!(timing(line), wanted, "{line}");
        }
    }
}
