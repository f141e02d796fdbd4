//! What other processes take: CPU time and memory.
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::time::ClockId;
use nix::unistd::Pid;

/// CPU milliseconds that processes have used so far, user's and system's, of threads that have ended too.
///
/// # Errors
/// One of them is gone.
pub(super) fn cpu_ms(pids: &[u32]) -> anyhow::Result<f64> {
    let of = |&pid: &u32| -> nix::Result<Duration> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.cast_signed()))?;
        clock.now().map(Duration::from)
    };
    let times: Vec<Duration> = pids.iter().map(of).collect::<Result<_, _>>().context("a process's CPU clock")?;
    Ok(times.iter().sum::<Duration>().as_secs_f64() * 1e3)
}

/// Resident memory of processes, MiB.
pub(super) fn rss_mib(pids: &[u32]) -> f64 {
    let resident = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    pids.iter().map(resident).sum::<f64>() / 1024.0
}

/// The CPU milliseconds that a command takes from start to end.
///
/// # Errors
/// It can't be started, or fails.
pub(super) fn whole_ms(command: &mut Command) -> anyhow::Result<f64> {
    let before = children_ms()?;
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(children_ms()? - before)
}

/// Of children that were waited for.
fn children_ms() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let ms = |time: TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
    Ok(ms(usage.user_time()) + ms(usage.system_time()))
}

/// A child that is killed in the end.
pub(super) struct Kept(Child);

impl Kept {
    /// Starts it without a terminal.
    ///
    /// # Errors
    /// It can't be started.
    pub(super) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).with_context(|| format!("{:?} can't be started", command.get_program()))
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
