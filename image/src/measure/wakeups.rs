//! The engine's wake-ups beside those of cyclictest, on the same core at the same time, while the machine is loaded. cyclictest has
//! the higher priority of the two: the engine may come behind it, and it never behind the engine.
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::datagrams;
use super::guest::Guest;
use crate::machine::Machine;
use crate::play::Player;
use crate::{stop, survival};

/// How far the engine's worst may be above cyclictest's.
const RATIO: f64 = 1.1;
/// The engine's period: a wake-up that is as late has missed one, µs. As `agent` has it without an owner's wish.
const PERIOD_US: f64 = 40_000.0;
/// cyclictest's priority; the engine's is 70. It wakes up each millisecond, as it does if it isn't told otherwise.
const PRIORITY: u32 = 71;
const FILE: &str = "/mnt/cyclictest.json";
/// Processor and memory. The cores that the scheduler may use are the housekeeping ones.
const STRESS: &str = "--cpu 1 --vm 1 --vm-bytes 16m";
/// The disk: read from its beginning again and again, past the kernel's memory.
const READ: &str = "for disk in vda sda nvme0n1 mmcblk0; do [ -b /dev/$disk ] && break; done; (while [ -e /mnt/loaded ]; do \
                    dd if=/dev/$disk of=/dev/null bs=1M count=64 iflag=direct 2>/dev/null && echo 64 >>/mnt/disk.said; done) >/dev/null 2>&1 &";

/// A new engine has the sound card after this, and the player the engine.
const FOUND: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Wakeups {
    /// How long, s.
    pub seconds: u64,
    /// Of the engine.
    pub engine: Engine,
    /// Of cyclictest.
    pub cyclictest: Cyclictest,
    /// The engine's worst by cyclictest's.
    pub ratio: f64,
    /// That is 1.1 at most, and the engine was never late by a period. Means nothing of an emulated machine.
    pub met: bool,
    /// What went on meanwhile.
    pub load: Load,
}

/// What the engine says of itself, since it was started for this.
#[derive(Debug, Clone, Serialize)]
pub struct Engine {
    /// Its scheduling class and priority, and its core.
    pub class: String,
    /// See above.
    pub priority: u64,
    /// See above.
    pub core: Option<u64>,
    /// Wake-ups.
    pub wakeups: u64,
    /// The latest one, µs.
    pub worst_us: f64,
    /// So many were late by a period, or, where one was, by more than 33 ms.
    pub late_by_a_period: u64,
    /// The sound card ran dry.
    pub xruns: u64,
    /// The ring did.
    pub starved: u64,
}

/// What cyclictest has written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cyclictest {
    /// Wake-ups.
    pub cycles: u64,
    /// The latest one, µs.
    pub worst_us: f64,
    /// In the mean, µs.
    pub mean_us: f64,
}

/// That the load was there.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Load {
    /// stress-ng's bogus operations of the processor.
    pub processor: u64,
    /// … and of the memory.
    pub memory: u64,
    /// Read from the disk, MiB.
    pub disk_mib: u64,
    /// Datagrams that came, at 45 Mbit/s.
    pub datagrams: u64,
    /// How often the track was begun.
    pub plays: u64,
}

impl Wakeups {
    /// What says that this was no measurement.
    pub(super) fn faults(&self, core: u64) -> Vec<String> {
        let Self { engine, cyclictest, load, .. } = self;
        let mut faults = Vec::new();
        if engine.class != "FIFO" || engine.core != Some(core) {
            faults
                .push(format!("the engine runs as {} on core {:?}, not as FIFO on {core}", engine.class, engine.core));
        }
        let counts = [
            (engine.wakeups, "the engine has not woken up"),
            (cyclictest.cycles, "cyclictest has not woken up"),
            (load.processor, "no processor was loaded"),
            (load.memory, "no memory was loaded"),
            (load.disk_mib, "the disk was not read"),
            (load.datagrams, "no datagram has come"),
        ];
        faults.extend(counts.iter().filter(|(count, _)| *count == 0).map(|(_, what)| (*what).to_owned()));
        faults
    }
}

impl Engine {
    fn of(status: &Value) -> Self {
        let engine = &status["engine"];
        let count = |name: &str| engine[name].as_u64().unwrap_or(0);
        let worst_us = count("worst_lateness_ns") as f64 / 1e3;
        let buckets = engine["lateness"].as_array().map(Vec::as_slice).unwrap_or_default();
        // Bucket n ends at 2^n µs.
        let late = buckets
            .iter()
            .zip(0..)
            .filter(|(_, n)| f64::powi(2.0, *n) > PERIOD_US)
            .filter_map(|(count, _)| count.as_u64());
        Self {
            class: engine["class"].as_str().unwrap_or_default().to_owned(),
            priority: count("priority"),
            core: engine["core"].as_u64(),
            wakeups: count("wakeups"),
            worst_us,
            late_by_a_period: if worst_us < PERIOD_US { 0 } else { late.sum() },
            xruns: count("xruns"),
            starved: count("starved"),
        }
    }
}

impl Cyclictest {
    fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text).with_context(|| format!("what cyclictest has written: {text}"))?;
        let thread = &json["thread"]["0"];
        let number = |name: &str| thread[name].as_f64().with_context(|| format!("cyclictest has written no {name}"));
        let cycles = thread["cycles"].as_u64().context("cyclictest has written no cycles")?;
        Ok(Self { cycles, worst_us: number("max")?, mean_us: number("avg")? })
    }
}

/// The bogus operations of a stressor in stress-ng's table.
fn operations(table: &str, stressor: &str) -> u64 {
    let line = |line: &str| {
        let mut words = line.split_once("] ")?.1.split_whitespace();
        (words.next()? == stressor).then(|| words.next()?.parse().ok())?
    };
    table.lines().filter(|line| line.contains("metrc:")).find_map(line).unwrap_or(0)
}

/// Loads the machine and measures for `length`. The track is begun again at its end; datagrams are received on the cores of `list`.
///
/// # Errors
/// When a program fails, or the machine ends.
pub(super) fn run(
    (machine, player, guest): (&mut Machine, &Player, &mut Guest),
    track: &Path,
    (core, list): (u64, &str),
    length: Duration,
) -> Result<Wakeups> {
    let seconds = length.as_secs();
    // Its worst wake-up is since its start.
    survival::kill(guest.shell(), "engine")?;
    std::thread::sleep(FOUND);
    player.start(machine, track)?;
    let mut plays = 1;
    guest.ask(&format!("rm -f /mnt/disk.said; : >/mnt/disk.said; : >/mnt/loaded; {READ}"))?;
    let stress =
        guest.start("stress-ng", &format!("{{}} {STRESS} --timeout {seconds}s --metrics-brief --temp-path /mnt"))?;
    let receiver = guest.start("receiver", &format!("taskset -c {list} {{}} {} {seconds}", datagrams::PORT))?;
    guest.wait_for(&receiver, datagrams::READY)?;
    let cyclictest = guest.start(
        "cyclictest",
        &format!("{{}} --quiet --mlockall --policy=fifo --priority={PRIORITY} --threads=1 --affinity={core} --interval=1000 --duration={seconds} --json={FILE}"),
    )?;
    let over = AtomicBool::new(false);
    let during = std::thread::scope(|scope| {
        let sender = scope.spawn(|| datagrams::send(length, &over));
        let start = Instant::now();
        let mut watched = || -> Result<Value> {
            let mut during = player.status()?;
            while start.elapsed() < length {
                std::thread::sleep(Duration::from_secs(1));
                stop::check()?;
                machine.check()?;
                if player.renderer().transport_info()?.state == "STOPPED" {
                    player.start(machine, track)?;
                    plays += 1;
                }
                during = player.status()?;
            }
            Ok(during)
        };
        let watched = watched();
        over.store(true, Ordering::Relaxed);
        // What it sent is counted where it came.
        sender.join().map_err(|_| anyhow::anyhow!("the sender of datagrams has panicked"))??;
        watched
    })?;
    guest.said(&cyclictest, Duration::from_secs(30))?;
    // Class and core are those of a stream that runs, the counts those of all that ran.
    let Engine { class, priority, core: runs_on, .. } = Engine::of(&during);
    let engine = Engine { class, priority, core: runs_on, ..Engine::of(&player.status()?) };
    guest.ask("rm /mnt/loaded")?;
    let table = guest.said(&stress, Duration::from_secs(30))?;
    let received: datagrams::Received =
        serde_json::from_str(&guest.last_line(&receiver)?).context("what the receiver says")?;
    let disk = guest.ask("cat /mnt/disk.said")?;
    let cyclictest = Cyclictest::parse(&guest.ask(&format!("cat {FILE}"))?)?;
    let load = Load {
        processor: operations(&table, "cpu"),
        memory: operations(&table, "vm"),
        disk_mib: disk.lines().filter_map(|line| line.parse::<u64>().ok()).sum(),
        datagrams: received.datagrams,
        plays,
    };
    let ratio = engine.worst_us / cyclictest.worst_us;
    let met = ratio <= RATIO && engine.late_by_a_period == 0;
    Ok(Wakeups { seconds, engine, cyclictest, ratio, met, load })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_engine_s_figures_are_the_status_s() {
        let mut lateness = vec![0; 32];
        (lateness[5], lateness[15], lateness[16], lateness[18]) = (900, 7, 2, 1);
        let status = |worst: u64| {
            json!({"engine": {"class": "FIFO", "priority": 70, "core": 3, "wakeups": 910, "worst_lateness_ns": worst,
                "lateness": lateness, "xruns": 1, "starved": 0}})
        };
        let late = Engine::of(&status(200_000_000));
        assert_eq!((late.late_by_a_period, late.worst_us, late.core), (3, 200_000.0, Some(3)));
        assert_eq!(Engine::of(&status(39_000_000)).late_by_a_period, 0);
        assert_eq!(Engine::of(&Value::Null).wakeups, 0);
    }

    #[test]
    fn what_the_tools_write_is_read() {
        let text = r#"{"num_threads": 1, "thread": {"0": {"histogram": {}, "cycles": 1000, "min": 12, "max": 449, "avg": 32.46}}}"#;
        assert_eq!(Cyclictest::parse(text).unwrap(), Cyclictest { cycles: 1000, worst_us: 449.0, mean_us: 32.46 });
        assert!(Cyclictest::parse("{}").is_err());
        let table = "stress-ng: metrc: [16918] stressor       bogo ops real time\n\
                     stress-ng: metrc: [16918]                           (secs)    (secs)\n\
                     stress-ng: metrc: [16918] cpu                 492      1.01      0.29\n\
                     stress-ng: metrc: [16918] vm                10401      1.02      0.15\n";
        assert_eq!((operations(table, "cpu"), operations(table, "vm"), operations(table, "hdd")), (492, 10_401, 0));
    }

    #[test]
    fn what_was_not_loaded_or_is_not_in_real_time_is_no_measurement() {
        let engine = Engine {
            class: "FIFO".into(),
            priority: 70,
            core: Some(3),
            wakeups: 9,
            worst_us: 9.0,
            late_by_a_period: 0,
            xruns: 0,
            starved: 0,
        };
        let cyclictest = Cyclictest { cycles: 9, worst_us: 9.0, mean_us: 9.0 };
        let load = Load { processor: 1, memory: 1, disk_mib: 1, datagrams: 1, plays: 1 };
        let well = Wakeups { seconds: 1, engine, cyclictest, ratio: 1.0, met: true, load };
        assert!(well.faults(3).is_empty());
        assert_eq!(well.faults(2).len(), 1);
        assert_eq!(Wakeups { load: Load { disk_mib: 0, ..load }, ..well }.faults(3), ["the disk was not read"]);
    }
}
