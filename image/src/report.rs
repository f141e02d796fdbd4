//! The report: what a person reads, and one JSON object for programs.
use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use serde_json::Value;

use crate::capture::Comparison;
use crate::machine;
use crate::play::Played;

/// What the engine says of its real-time thread.
#[derive(Debug, Default, Serialize)]
pub struct Engine {
    /// Scheduling class, such as FIFO.
    pub class: Value,
    /// Real-time priority.
    pub priority: Value,
    /// The core that the thread is bound to.
    pub core: Value,
    /// Allocations on that thread since it started.
    pub rt_allocations: Value,
    /// Wake-ups after the deadline's tolerance.
    pub late_wakeups: Value,
    /// The worst of them, ns.
    pub worst_lateness_ns: Value,
}

/// From power-on to the first SSDP announcement, ms.
#[derive(Debug, Default, Serialize)]
pub struct Boot {
    /// Guest: since the kernel's start.
    pub guest: Value,
    /// Host: since QEMU's start, firmware and boot loader included.
    pub host: u64,
}

/// What was written to the disk.
#[derive(Debug, Default, Serialize)]
pub struct Writes {
    /// Until the first announcement; firmware and boot loader included.
    pub booting: machine::Writes,
    /// From then to the end of the track: nothing, or it is a fault.
    pub playing: machine::Writes,
}

impl Writes {
    /// From the counts at the announcement and at the end.
    #[must_use]
    pub fn between(announced: machine::Writes, end: machine::Writes) -> Self {
        let playing = machine::Writes {
            operations: end.operations.saturating_sub(announced.operations),
            bytes: end.bytes.saturating_sub(announced.bytes),
        };
        Self { booting: announced, playing }
    }
}

/// Seconds that building took; 0: it was there.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Build {
    /// The kernel.
    pub kernel: u64,
    /// Our programs.
    pub programs: u64,
    /// Everything, image included.
    pub all: u64,
}

/// What `image/run --once` found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The sound card received exactly the file's frames, and the renderer reported no error.
    pub equal: bool,
    /// Frames that are equal, from the first one on.
    pub frames: usize,
    /// What is wrong, if something is; with equal frames it can be a write to the disk while they were played.
    pub fault: Option<String>,
    /// Of the last attempt.
    pub xruns: Value,
    /// How often it was played: again only after xruns.
    pub attempts: u32,
    /// `/proc/version` of the guest.
    pub kernel: Value,
    /// The kernel's source package.
    pub kernel_source: String,
    /// Isolated cores of the guest.
    pub isolated: Value,
    /// The engine's thread.
    pub engine: Engine,
    /// Boot times.
    pub boot_to_ssdp_ms: Boot,
    /// What was written to the disk.
    pub writes: Writes,
    /// The disk image as written to a medium.
    pub image_bytes: u64,
    /// Of it, what a slot's files take.
    pub slot_bytes: u64,
    /// Of that, the root file system.
    pub rootfs_bytes: u64,
    /// Resident memory of each process while playing, bytes.
    pub rss_bytes: Value,
    /// How long building took.
    pub build_s: Build,
}

impl Report {
    /// A machine that was up has not played: nothing is equal.
    pub fn refuse(&mut self, why: &anyhow::Error) {
        (self.equal, self.frames, self.fault) = (false, 0, Some(format!("{why:#}")));
    }

    /// Takes over what an attempt gave.
    pub fn take(&mut self, comparison: Comparison, played: &Played, writes: Writes) {
        let Comparison { equal, frames, fault } = comparison;
        let written = writes.playing.operations;
        let written = (written > 0).then(|| format!("{written} writes to the disk while nothing but music went on"));
        // A renderer that reports an error has not played, whatever the sound card got.
        self.equal = equal && played.fault.is_none();
        (self.frames, self.fault) = (frames, played.fault.clone().or(fault).or(written));
        self.writes = writes;
        let engine = &played.after["engine"];
        let of = |name: &str| engine[name].clone();
        self.xruns = of("xruns");
        self.engine = Engine {
            class: of("class"),
            priority: of("priority"),
            core: of("core"),
            rt_allocations: of("rt_allocations"),
            late_wakeups: of("late_wakeups"),
            worst_lateness_ns: of("worst_lateness_ns"),
        };
        self.kernel = played.after["kernel"].clone();
        self.isolated = played.after["isolated"].clone();
        self.boot_to_ssdp_ms.guest = played.after["boot_to_ssdp_ms"].clone();
        self.rss_bytes = played.during["rss_bytes"].clone();
    }

    /// Whether the sound card ran dry: then the machine was too slow, and the result says nothing.
    #[must_use]
    pub fn had_xruns(&self) -> bool {
        self.xruns.as_u64().is_some_and(|xruns| xruns > 0)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20);
        writeln!(f, "kernel      {}", plain(&self.kernel).trim())?;
        writeln!(f, "isolated    core {}", plain(&self.isolated).trim())?;
        let Engine { class, priority, core, rt_allocations, .. } = &self.engine;
        let (class, allocations) = (plain(class), plain(rt_allocations));
        writeln!(f, "engine      {class} priority {priority} on core {core}, {allocations} allocations in real time")?;
        let Boot { guest, host } = &self.boot_to_ssdp_ms;
        writeln!(f, "boot        {guest} ms from the kernel's start to the first SSDP alive, {host} ms from power-on")?;
        let sizes = [self.image_bytes, self.slot_bytes, self.rootfs_bytes].map(mib);
        writeln!(f, "image       {} (a slot {}, of it the root file system {})", sizes[0], sizes[1], sizes[2])?;
        let Writes { booting, playing } = &self.writes;
        writeln!(f, "disk        {} writes until then, {} since", booting.operations, playing.operations)?;
        writeln!(f, "xruns       {} (attempt {})", self.xruns, self.attempts)?;
        let verdict = if self.equal { "equal, every bit" } else { "NOT EQUAL" };
        writeln!(f, "frames      {}: {verdict}", self.frames)?;
        self.fault.as_ref().map_or(Ok(()), |fault| writeln!(f, "fault       {fault}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(equal: bool, xruns: u64, fault: Option<&str>) -> Report {
        let mut report = Report::default();
        let after = json!({"engine": {"xruns": xruns, "class": "FIFO", "core": 3}, "isolated": "3"});
        let played = Played { during: Value::Null, after, fault: fault.map(str::to_owned) };
        report.take(Comparison { equal, frames: 5, fault: None }, &played, Writes::default());
        report
    }

    #[test]
    fn a_write_to_the_disk_while_playing_is_a_fault_and_one_before_is_not() {
        let at = |operations| machine::Writes { operations, bytes: operations * 512 };
        for (writes, well) in [(Writes::between(at(2), at(2)), true), (Writes::between(at(2), at(3)), false)] {
            let played = Played { during: Value::Null, after: Value::Null, fault: None };
            let mut report = Report::default();
            report.take(Comparison { equal: true, frames: 5, fault: None }, &played, writes);
            assert_eq!((report.equal, report.fault.is_none()), (true, well));
        }
    }

    #[test]
    fn a_machine_that_does_not_play_is_unequal() {
        let mut report = taken(true, 0, None);
        report.refuse(&anyhow::anyhow!("no sound at all").context("sound.wav"));
        assert_eq!(
            (report.equal, report.frames, report.fault.as_deref()),
            (false, 0, Some("sound.wav: no sound at all"))
        );
    }

    #[test]
    fn what_a_renderer_reports_counts_as_much_as_what_was_heard() {
        assert!(taken(true, 0, None).equal);
        let report = taken(true, 0, Some("ERROR_OCCURRED"));
        assert!(!report.equal && report.to_string().contains("ERROR_OCCURRED"));
    }

    #[test]
    fn only_xruns_are_a_reason_to_repeat() {
        assert!(taken(false, 1, None).had_xruns());
        assert!(!taken(false, 0, None).had_xruns());
        assert!(!Report::default().had_xruns());
    }
}
