//! `--slots`: in a booted image, which slot is booted, whatever happened before.
//!
//! A trial that comes up well stays; one that panics, and one whose kernel hangs until the watchdog bites, leave the old slot;
//! and however the files are damaged that say which slot is committed, a slot is booted, without a question. The machine is
//! one with a watchdog that goes on after a reset; a power cut is QEMU's end.
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::build::{self, Built};
use crate::cache::Cache;
use crate::command::{progress, read};
use crate::machine::Sound;
use crate::selector::{SECTOR, block};
use crate::session::{self, Options};
use crate::slot::one_line;

mod bench;

use bench::{Bench, Booted};

/// How long the agent may take to commit: three good looks, four seconds apart, on a busy host.
const COMMIT: Duration = Duration::from_secs(120);
/// The three files.
const FILES: [&str; 3] = ["slot1.env", "slot2.env", "trial.env"];

/// One thing that happened, and what came of it.
#[derive(Debug, Serialize)]
pub struct Case {
    /// What.
    pub name: &'static str,
    /// How long it took, seconds.
    pub seconds: u64,
    /// What was wrong.
    pub fault: Option<String>,
}

/// What `image/run --slots` found.
#[derive(Debug, Serialize)]
pub struct Slots {
    /// Every case came out as it has to.
    pub well: bool,
    /// All of them, in order.
    pub cases: Vec<Case>,
}

impl Display for Slots {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for Case { name, seconds, fault } in &self.cases {
            writeln!(f, "{name} ({seconds} s): {}", fault.as_deref().unwrap_or("well"))?;
        }
        let well = self.cases.iter().filter(|case| case.fault.is_none()).count();
        writeln!(f, "{well} of {} cases came out as they have to", self.cases.len())
    }
}

/// A case: what is done, and what has to be booted then.
type Step = fn(&mut Bench<'_>) -> Result<()>;

/// In this order: each begins with what the one before has left, slot B committed from the first one on.
const CASES: [(&str, Step); 10] = [
    ("a trial that comes up well is committed", well),
    ("a trial that panics is left for the old slot", panics),
    ("a trial whose kernel hangs is left for the old slot, by the watchdog", hangs),
    ("a first copy that is torn: the second one counts, and the first one is mended", torn),
    ("a first copy that is missing", |bench| {
        bench.after_a_power_cut(|disk| disk.remove_selector_file(FILES[0]))?;
        bench.expect(Booted::B)
    }),
    ("a first copy that is cut off, and a random trial", |bench| {
        bench.after_a_power_cut(|disk| {
            disk.put_selector_file(FILES[0], &copy("b")?[..60])?;
            disk.put_selector_file(FILES[2], &random(1))
        })?;
        bench.expect(Booted::B)
    }),
    ("a second copy that is random", |bench| {
        bench.after_a_power_cut(|disk| {
            disk.put_selector_file(FILES[0], &copy("b")?)?;
            disk.put_selector_file(FILES[1], &random(2))
        })?;
        bench.expect(Booted::B)
    }),
    ("all three random: the first slot", |bench| {
        bench.after_a_power_cut(|disk| {
            FILES.iter().zip(3..).try_for_each(|(name, seed)| disk.put_selector_file(name, &random(seed)))
        })?;
        bench.expect(Booted::A)
    }),
    ("all three missing: the first slot", |bench| {
        bench.after_a_power_cut(|disk| FILES.iter().try_for_each(|name| disk.remove_selector_file(name)))?;
        bench.expect(Booted::A)
    }),
    ("a trial of a slot that is half written: the committed one", |bench| {
        bench.after_a_power_cut(|disk| {
            FILES[..2].iter().try_for_each(|name| disk.put_selector_file(name, &copy("a")?))?;
            disk.put_selector_file(FILES[2], &block(&[("trial", "b"), ("trial_args", "")])?)?;
            disk.spoil_slot_b()
        })?;
        bench.expect(Booted::A)
    }),
];

/// Boots, and does it all.
///
/// # Errors
/// When the image can't be booted at all, or QEMU fails.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Slots> {
    let options = Options { shell: true, sound: Sound::Board(crate::track::RATE), ..options };
    // The emulator's own arguments must not be lost with those of the machine, which are damaged on purpose.
    let own = one_line(&read(&built.board.file(&build::repository()?, "cmdline"))?);
    let arguments = format!("{own} {}", built.board.platform.arguments());
    let cases = session::with_disk(cache, built, &built.disk, options, |scratch: &Path, disk, _| {
        disk.set_slot_arguments(&arguments)?;
        disk.fill_slot_b()?;
        let mut bench = Bench::new(scratch, disk, built.board.platform, options);
        bench.power_on()?;
        bench.expect(Booted::A).context("a new image")?;
        CASES.into_iter().map(|(name, step)| try_it(&mut bench, name, step)).collect::<Result<Vec<_>>>()
    })?;
    Ok(Slots { well: cases.iter().all(|case| case.fault.is_none()), cases })
}

fn try_it(bench: &mut Bench<'_>, name: &'static str, step: Step) -> Result<Case> {
    progress(name);
    let begin = Instant::now();
    let fault = step(bench).err().map(|error| format!("{error:#}"));
    // Told to end, not gone wrong.
    crate::stop::check()?;
    Ok(Case { name, seconds: begin.elapsed().as_secs(), fault })
}

fn well(bench: &mut Bench<'_>) -> Result<()> {
    bench.try_slot("b", None)?;
    bench.expect(Booted::B_ON_TRIAL)?;
    bench.wait_for("the trial is not committed", COMMIT, |disk| {
        let committed = |name: &&str| Ok::<_, anyhow::Error>(says(disk.selector_file(name)?, "slot=b"));
        Ok(committed(&FILES[0])? && committed(&FILES[1])?)
    })?;
    bench.restart()?;
    bench.expect(Booted::B)
}

fn panics(bench: &mut Bench<'_>) -> Result<()> {
    let before = bench.panics();
    // No first program: the kernel looks for a root file system, and there is none.
    bench.try_slot("a", Some("panic=1 rdinit=/missing"))?;
    bench.expect(Booted::B)?;
    anyhow::ensure!(bench.panics() > before, "the trial did not panic");
    Ok(())
}

fn hangs(bench: &mut Bench<'_>) -> Result<()> {
    let before = bench.panics();
    // It must not be committed before it hangs, however busy the host is.
    bench.try_slot("a", Some("test.no_player"))?;
    bench.expect(Booted::A_ON_TRIAL)?;
    bench.shell("until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q /dev/watchdog; do sleep 1; done")?;
    // A kernel that has panicked and doesn't restart: nothing but the watchdog is left.
    bench.shell_without_answer("echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger")?;
    bench.expect(Booted::B)?;
    anyhow::ensure!(bench.panics() > before, "the trial did not hang");
    Ok(())
}

fn torn(bench: &mut Bench<'_>) -> Result<()> {
    bench.after_a_power_cut(|disk| {
        // Its slot is there, and not that it is whole.
        let mut torn = copy("a")?;
        torn[SECTOR / 16..].fill(0);
        disk.put_selector_file(FILES[0], &torn)
    })?;
    bench.expect(Booted::B)?;
    bench.wait_for("the first copy is not mended", COMMIT, |disk| Ok(says(disk.selector_file(FILES[0])?, "slot=b")))
}

/// A copy of what is committed: this slot, no arguments.
fn copy(slot: &str) -> Result<Vec<u8>> {
    block(&[("slot", slot), ("args", ""), ("ok", "1")])
}

fn says(file: Option<Vec<u8>>, line: &str) -> bool {
    file.is_some_and(|bytes| String::from_utf8_lossy(&bytes).lines().any(|found| found == line))
}

/// A sector of bytes that mean nothing, others for each seed.
fn random(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..SECTOR / 8).flat_map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_its_slot_and_a_random_sector_nothing() {
        assert!(says(Some(copy("b").unwrap()), "slot=b") && !says(Some(copy("a").unwrap()), "slot=b"));
        assert!(!says(None, "slot=b") && !says(Some(random(1)), "slot=b"));
        assert_eq!(random(1).len(), SECTOR);
        assert_ne!(random(1), random(2));
    }

    #[test]
    fn the_report_counts_what_came_out_well() {
        let case = |fault: Option<&str>| Case { name: "x", seconds: 1, fault: fault.map(str::to_owned) };
        let text = Slots { well: false, cases: vec![case(None), case(Some("slot a"))] }.to_string();
        assert!(text.contains("x (1 s): well\nx (1 s): slot a\n1 of 2"), "{text}");
    }
}
