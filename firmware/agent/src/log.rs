//! `agent run log`: the appliance's log. What the programs say on stderr and what the kernel says goes into a ring of bounded size in
//! RAM ([`ring`]), which the player shows; nothing of it goes to a medium.
//!
//! It is a process of its own, without any right beyond its files: it reads what others say, of which much was caused by somebody in
//! the network. Each program has a pipe ([`door`]) that never blocks it: while this process doesn't run, up to 64 KiB of each one's
//! lines wait, and more are lost.

pub(crate) mod door;
mod kernel;
mod ring;
mod source;

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
    time::{ClockId, clock_gettime},
};

use self::{ring::Ring, source::Source};
use crate::root::Root;

/// The service's name, its process's, and that of its user's directory in /run/log.
pub(crate) const NAME: &str = "log";
/// Those who have a pipe.
const PROGRAMS: [&str; 3] = ["agent", "engine", "player"];

/// What of a pipe is taken at once; then the next one has its turn.
const PIECE: usize = 4096;
/// Records of the kernel that are taken in a row.
const RECORDS: usize = 64;
/// How long lines that were left out wait to be counted, if nothing else is said.
const NOTE: Duration = Duration::from_secs(1);
/// After SIGTERM: the others still say how they end.
const ENDING: Duration = Duration::from_millis(900);
/// How long a line waits for a console that is slow: a serial one at 115200 baud takes 4 KiB in 360 ms.
const CONSOLE: u16 = 400;

/// Keeps the log until SIGTERM. Standard input is the kernel's log, standard output the console, as [`door::open`] gave them.
///
/// # Errors
/// No right to the directory, or a kernel that can't wait.
pub(crate) fn run(root: &Root) -> Result<()> {
    // So that it isn't taken for the agent, whose program it is.
    prctl::set_name(c"log").context("the process's name")?;
    let mut wanted = SigSet::empty();
    wanted.add(Signal::SIGTERM);
    wanted.add(Signal::SIGINT);
    let mut blocked = wanted;
    // The agent's own, meant for all processes of its program.
    [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2].into_iter().for_each(|signal| blocked.add(signal));
    blocked.thread_block().context("blocking signals")?;
    let signals = SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let kernel = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let console = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut keeper = Keeper::new(root, kernel, console)?;
    let mut end = None;
    loop {
        keeper.wait(&signals, end)?;
        keeper.look();
        if let Ok(Some(_)) = signals.read_signal() {
            end.get_or_insert_with(|| Instant::now() + ENDING);
        }
        if end.is_some_and(|end| end <= Instant::now()) {
            return Ok(());
        }
    }
}

struct Keeper {
    /// None: it can't be read.
    kernel: Option<(File, Source)>,
    programs: Vec<(File, Source)>,
    ring: Ring,
    console: Console,
}

impl Keeper {
    fn new(root: &Root, mut kernel: File, console: File) -> Result<Self> {
        let ring = Ring::new(root.path(ring::DIRECTORY));
        if !ring.is_new() {
            // What there is was written by this process's predecessor.
            kernel.seek(SeekFrom::End(0)).context("the kernel's log")?;
        }
        let programs = PROGRAMS.map(|name| Ok((door::listen(root, name)?, Source::new(name, source::PROGRAM))));
        Ok(Self {
            kernel: Some((kernel, Source::new("kernel", source::KERNEL))),
            programs: programs.into_iter().collect::<Result<_>>()?,
            ring,
            console: Console { device: console, stuck: false },
        })
    }

    fn wait(&self, signals: &SignalFd, end: Option<Instant>) -> Result<()> {
        let kernel = self.kernel.as_ref().map(|(kernel, _)| kernel.as_fd());
        let all = self.programs.iter().map(|(pipe, _)| pipe.as_fd()).chain(kernel).chain([signals.as_fd()]);
        let mut fds: Vec<_> = all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let sources = self.programs.iter().chain(&self.kernel).map(|(_, source)| source);
        let note = sources.clone().any(Source::has_left_out).then_some(NOTE);
        let end = end.map(|end| end.saturating_duration_since(Instant::now()));
        let timeout = note.into_iter().chain(end).min().map(|time| time + Duration::from_millis(1));
        let timeout = timeout.map_or(PollTimeout::NONE, |time| PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("waiting for lines"),
        }
    }

    /// Takes what there is, of each one a piece.
    fn look(&mut self) {
        let now = Instant::now();
        let uptime = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        let mut piece = [0; PIECE];
        for (pipe, source) in &mut self.programs {
            let length = pipe.read(&mut piece).unwrap_or(0);
            for line in source.take(&piece[..length], now) {
                let line = stamped(uptime, source.name, &line);
                self.ring.push(&line);
                self.console.write(&line);
            }
        }
        let mut over = false;
        if let Some((kernel, source)) = &mut self.kernel {
            for _ in 0..RECORDS {
                match kernel.read(&mut piece) {
                    Ok(0) => over = true,
                    Ok(length) => {
                        if let Some(record) = kernel::record(&piece[..length]) {
                            let lines = source.admit(&record.text, now);
                            lines.into_iter().for_each(|line| self.ring.push(&stamped(record.time, "kernel", &line)));
                        }
                        continue;
                    }
                    // Older records were overwritten; the next read goes on behind them.
                    Err(error) if error.raw_os_error() == Some(libc::EPIPE) => continue,
                    Err(error) => over = error.kind() != io::ErrorKind::WouldBlock,
                }
                break;
            }
        }
        if over {
            self.ring.push(&stamped(uptime, NAME, " WARN the kernel's log can't be read any more"));
            self.kernel = None;
        }
    }
}

/// A line as it is kept: since the start of the kernel, which has no other clock at first; by whom; what.
fn stamped(time: Duration, name: &str, text: &str) -> String {
    format!("[{:5}.{:06}] {name}: {text}\n", time.as_secs(), time.subsec_micros())
}

/// Where somebody may sit, or nobody. It isn't waited for longer than a line's time.
struct Console {
    device: File,
    /// It took nothing the last time.
    stuck: bool,
}

impl Console {
    fn write(&mut self, line: &str) {
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.device.write(rest) {
                Ok(written) if written > 0 => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.stuck = false;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.stuck => {
                    let mut fds = [PollFd::new(self.device.as_fd(), PollFlags::POLLOUT)];
                    self.stuck = !matches!(poll(&mut fds, PollTimeout::from(CONSOLE)), Ok(1..));
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
