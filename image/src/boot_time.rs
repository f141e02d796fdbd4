//! `--boot-time`: how long the appliance takes to come up, against a busybox that says one line, by the same kernel with the same
//! arguments in the same virtual machine. They take turns: whatever else the host does meets both.
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use support::control_point::ControlPoint;

use crate::build::{self, Built};
use crate::cache::Cache;
use crate::command::progress;
use crate::disk::Copy;
use crate::initramfs;
use crate::machine::{Direct, Hardware, Machine};
use crate::network::HOST;
use crate::session::{self, BOOT, Options};
use crate::slot::INITRAMFS;
use crate::stop;

/// What `image/initramfs/bare` says, in front of the kernel's uptime in seconds.
const SAYS: &str = "bare busybox: up ";
/// Between two looks at the console; the time itself is the guest's.
const TICK: Duration = Duration::from_millis(20);

/// What was measured, s, a figure for each boot.
#[derive(Debug, Default)]
pub struct Found {
    /// From the kernel's start to the first SSDP alive, by the guest's clock.
    announced: Vec<f64>,
    /// From the kernel's start to the bare busybox's line, by the guest's clock.
    bare: Vec<f64>,
    /// From the machine's start, firmware and boot loader included, until the device description was read.
    described: Vec<f64>,
}

/// Boots both so many times.
///
/// # Errors
/// When one doesn't come up.
pub fn run(cache: &Cache, built: &Built, options: Options, boots: u32) -> Result<Found> {
    let mut found = Found::default();
    for number in 1..=boots {
        progress(&format!("boot {number} of {boots}"));
        let (announced, described) = session::boot(cache, built, options, ours)?;
        found.announced.push(announced);
        found.described.push(described);
        found.bare.push(bare(cache, built, options)?);
    }
    Ok(found)
}

/// One boot of the appliance: to its announcement, and to its description.
fn ours(mut session: session::Session) -> Result<(f64, f64)> {
    let location = session.announced()?.location;
    let renderer = ControlPoint::from_location(&location)?;
    let described = session.machine.started().elapsed().as_secs_f64();
    let status: Value = serde_json::from_slice(&renderer.fetch("/status.json")?).context("/status.json")?;
    let announced = status["boot_to_ssdp_ms"].as_f64().context("the renderer doesn't say when it announced itself")?;
    session.machine.stop()?;
    Ok((announced / 1000.0, described))
}

/// One boot of the bare busybox.
fn bare(cache: &Cache, built: &Built, options: Options) -> Result<f64> {
    let log = cache.log("boot")?;
    session::with_disk(cache, built, &built.disk, options, |scratch, disk, direct| {
        let own = scratch.join(INITRAMFS);
        initramfs::bare(&build::repository()?, &built.base, &own, &log)?;
        let direct = direct.map(|direct| Direct { initramfs: own.clone(), ..direct.clone() });
        if direct.is_none() {
            disk.set_initramfs(&own)?;
        }
        let mut machine = switch_on(built, options, (scratch, disk, direct.as_ref()))?;
        let began = Instant::now();
        loop {
            if let Some(seconds) = said(&machine.console()) {
                machine.stop()?;
                return Ok(seconds);
            }
            stop::check()?;
            machine.check()?;
            if began.elapsed() > BOOT {
                bail!("a bare busybox has said nothing for {} s; {}", BOOT.as_secs(), machine.last_words());
            }
            std::thread::sleep(TICK);
        }
    })
}

fn switch_on(
    built: &Built,
    options: Options,
    (scratch, disk, direct): (&Path, &Copy, Option<&Direct>),
) -> Result<Machine> {
    let Options { memory_mib, sound, firmware, bus, .. } = options;
    let (disk, platform) = (disk.path(), built.board.platform);
    let hardware = Hardware {
        platform,
        disk,
        direct,
        sound,
        memory_mib,
        shell: false,
        firmware,
        bus,
        spares: false,
        reboots: false,
    };
    Machine::start(&hardware, scratch)
}

/// The uptime in a whole line of the console.
fn said(console: &str) -> Option<f64> {
    let (_, rest) = console.split_once(SAYS)?;
    let (seconds, _) = rest.split_once(" s")?;
    seconds.parse().ok()
}

/// A line of `tests/bench`, where the fields are explained.
#[derive(Debug, Serialize)]
pub struct Line {
    name: &'static str,
    what: String,
    unit: &'static str,
    ours: f64,
    peer: Option<f64>,
    peer_name: Option<&'static str>,
    ratio: Option<f64>,
    runs: usize,
    spread: f64,
    instructions: Option<f64>,
}

impl Found {
    /// As `tests/bench` prints them.
    #[must_use]
    pub fn lines(&self) -> [Line; 2] {
        let what = format!("kernel's start to the first SSDP alive, DHCP by {HOST} included; against a line of text");
        let firmware = "machine's start to the device description, firmware and boot loader included, emulated";
        [
            Line::of("boot_to_ssdp", what, &self.announced, Some(("busybox init", &self.bare))),
            Line::of("boot_to_description", firmware.to_owned(), &self.described, None),
        ]
    }
}

impl Line {
    fn of(name: &'static str, what: String, figures: &[f64], peer: Option<(&'static str, &[f64])>) -> Self {
        let ours = quantile(figures, 0.5);
        let theirs = peer.map(|(_, figures)| quantile(figures, 0.5));
        Self {
            name,
            what,
            unit: "s",
            ours,
            peer: theirs,
            peer_name: peer.map(|(name, _)| name),
            ratio: theirs.map(|theirs| ours / theirs),
            runs: figures.len(),
            spread: (quantile(figures, 0.75) - quantile(figures, 0.25)) / 2.0 / ours,
            instructions: None,
        }
    }
}

fn quantile(figures: &[f64], part: f64) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1);
    figures.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_line_counts() {
        assert_eq!(said("Booting\nbare busybox: up 2.34 s\r\n"), Some(2.34));
        assert_eq!(said("Booting\nbare busybox: up 2.3"), None);
        assert_eq!(said("Booting\n"), None);
    }

    #[test]
    fn lines_have_medians_and_their_ratio() {
        let found = Found { announced: vec![3.0, 9.0, 4.0], bare: vec![2.0, 2.0, 8.0], described: vec![7.0, 6.0, 8.0] };
        let [ssdp, description] = found.lines();
        assert_eq!((ssdp.ours, ssdp.peer, ssdp.ratio), (4.0, Some(2.0), Some(2.0)));
        assert_eq!((description.ours, description.ratio, description.runs), (7.0, None, 3));
    }
}
