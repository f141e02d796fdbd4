//! The machine that is booted again and again, and its disk.
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::disk::Copy;
use crate::machine::{Hardware, Machine, Platform};
use crate::session::{BOOT, Options};
use crate::shell::Shell;
use crate::stop;

/// How long the guest's shell may take to answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Between two looks.
const TICK: Duration = Duration::from_millis(200);
/// What a kernel says when it can't go on.
const PANIC: &str = "Kernel panic - not syncing";

/// What was booted, by the kernel's command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Booted {
    slot: char,
    trial: bool,
}

impl Booted {
    pub(super) const A: Self = Self { slot: 'a', trial: false };
    pub(super) const B: Self = Self { slot: 'b', trial: false };
    pub(super) const A_ON_TRIAL: Self = Self { slot: 'a', trial: true };
    pub(super) const B_ON_TRIAL: Self = Self { slot: 'b', trial: true };

    fn parse(command_line: &str) -> Option<Self> {
        let slot = command_line.split_whitespace().rev().find_map(|word| word.strip_prefix("tenuto.slot="))?;
        let trial = command_line.split_whitespace().any(|word| word == "tenuto.trial=1");
        Some(Self { slot: slot.chars().next()?, trial })
    }
}

/// Machine and disk.
pub(super) struct Bench<'a> {
    scratch: &'a Path,
    disk: &'a Copy,
    platform: Platform,
    options: Options,
    machine: Option<Machine>,
    shell: Option<Shell>,
    /// The kernel's name for the last boot that was seen.
    boot: String,
    /// Panics on the consoles of machines that were switched off.
    panics: usize,
}

impl<'a> Bench<'a> {
    pub(super) fn new(scratch: &'a Path, disk: &'a Copy, platform: Platform, options: Options) -> Self {
        Self { scratch, disk, platform, options, machine: None, shell: None, boot: String::new(), panics: 0 }
    }

    pub(super) fn power_on(&mut self) -> Result<()> {
        let Options { sound, memory_mib, firmware, bus, .. } = self.options;
        let (disk, platform) = (self.disk.path(), self.platform);
        let hardware = Hardware {
            platform,
            disk,
            direct: None,
            sound,
            memory_mib,
            shell: true,
            firmware,
            bus,
            spares: false,
            reboots: true,
        };
        self.machine = Some(Machine::start(&hardware, self.scratch)?);
        Ok(())
    }

    /// Cuts the power, changes the disk, and switches the machine on.
    pub(super) fn after_a_power_cut(&mut self, change: impl FnOnce(&Copy) -> Result<()>) -> Result<()> {
        self.panics = self.panics();
        (self.shell, self.machine) = (None, None);
        change(self.disk)?;
        self.power_on()
    }

    /// Waits for the next boot that comes as far as its shell, which must be this one.
    pub(super) fn expect(&mut self, wanted: Booted) -> Result<()> {
        let found = self.next_boot()?;
        ensure!(found == wanted, "{found:?} was booted, not {wanted:?}");
        Ok(())
    }

    fn next_boot(&mut self) -> Result<Booted> {
        let deadline = Instant::now() + BOOT;
        loop {
            // The old connection first: the port takes one.
            self.shell = None;
            let machine = self.machine.as_mut().context("the machine is off")?;
            machine.check()?;
            let left = deadline.saturating_duration_since(Instant::now());
            // QEMU may not listen yet; and a guest that is about to restart may not answer any more.
            if let Ok(mut shell) = Shell::connect(&machine.shell(), left)
                && let Ok(answer) = shell.run("cat /proc/sys/kernel/random/boot_id /proc/cmdline", ANSWER)
                && let Some((boot, command_line)) = answer.text.trim().split_once('\n')
                && boot != self.boot
            {
                self.boot = boot.to_owned();
                self.shell = Some(shell);
                return Booted::parse(command_line).with_context(|| format!("no slot was booted: {command_line}"));
            }
            stop::check()?;
            if Instant::now() > deadline {
                bail!("nothing is booted within {} s; {}", BOOT.as_secs(), machine.last_words());
            }
            std::thread::sleep(TICK);
        }
    }

    /// Runs a command in the guest, which has to succeed.
    pub(super) fn shell(&mut self, command: &str) -> Result<String> {
        let shell = self.shell.as_mut().context("nothing is booted")?;
        let answer = shell.run(command, ANSWER)?;
        ensure!(answer.status == 0, "{command}: status {}: {}", answer.status, answer.text.trim());
        Ok(answer.text)
    }

    /// Runs a command that the guest doesn't survive, a moment after it has answered. What it says is on the console.
    pub(super) fn shell_without_answer(&mut self, command: &str) -> Result<()> {
        self.shell(&format!("(sleep 1; {command}) >/dev/console 2>&1 &")).map(drop)
    }

    /// The appliance's own way to try a slot.
    pub(super) fn try_slot(&mut self, slot: &str, arguments: Option<&str>) -> Result<()> {
        let arguments = arguments.map(|arguments| format!(" '{arguments}'")).unwrap_or_default();
        self.shell_without_answer(&format!("agent try {slot}{arguments}"))
    }

    pub(super) fn restart(&mut self) -> Result<()> {
        self.shell_without_answer("reboot")
    }

    /// Waits until the disk is as it has to be.
    pub(super) fn wait_for(&mut self, not: &str, limit: Duration, so: impl Fn(&Copy) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !so(self.disk)? {
            stop::check()?;
            self.machine.as_mut().context("the machine is off")?.check()?;
            if start.elapsed() > limit {
                let words = self.machine.as_ref().map(Machine::last_words).unwrap_or_default();
                bail!("{not} within {} s; {words}", limit.as_secs());
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// Panics so far.
    pub(super) fn panics(&self) -> usize {
        self.panics + self.machine.as_ref().map_or(0, |machine| machine.console().matches(PANIC).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_the_command_line_tells_the_slot() {
        assert_eq!(Booted::parse("quiet tenuto.slot=a x=1 tenuto.slot=b\n"), Some(Booted::B));
        assert_eq!(Booted::parse("tenuto.trial=1 tenuto.slot=a"), Some(Booted::A_ON_TRIAL));
        assert_eq!(Booted::parse("quiet"), None);
    }
}
