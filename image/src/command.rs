//! Running the programs that do the work, with their output in a log file and failures that say what to do.
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::stop;

/// How many of a log's last lines a failure shows.
const SHOWN: usize = 12;
/// Between two looks at whether a program has ended, or we are to.
const TICK: Duration = Duration::from_millis(10);
/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(3);

/// Announces a step of the work on standard error.
pub fn progress(step: &str) {
    // Standard error may be closed; that is no reason to stop.
    let _ = writeln!(io::stderr(), "==> {step}");
}

/// The command `program`, which ends when the calling thread does (an interrupted build leaves nothing running).
#[must_use]
pub fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--", program]);
    command
}

/// Runs `command` to its end, its output appended to `log`. `doing` says what for, in messages.
///
/// # Errors
/// When the program is missing or fails: with `doing`, the log's name and its last lines, and what to do about it.
pub fn run(command: &mut Command, log: &Path, doing: &str) -> Result<()> {
    let mut out =
        File::options().create(true).append(true).open(log).with_context(|| format!("{}: {doing}", log.display()))?;
    writeln!(out, "+ {command:?}").with_context(|| log.display().to_string())?;
    let status = to_its_end(command.stdout(out.try_clone()?).stderr(out), doing)?;
    if status.success() {
        return Ok(());
    }
    let tail = last_lines(log)?;
    let missing = status.code() == Some(127) && command.get_program() == "setpriv";
    let hint = if missing {
        "\n(a program is missing: image/setup build image)"
    } else if tail.contains("No space left on device") {
        "\n(the disk is full: free some space, or point XDG_CACHE_HOME and TMPDIR elsewhere)"
    } else {
        ""
    };
    bail!("{doing} failed ({status}); the end of {}:\n{tail}{hint}", log.display())
}

/// Runs `command` and returns its standard output as text.
///
/// # Errors
/// As [`run`], with what it wrote to standard error.
pub fn output(command: &mut Command, doing: &str) -> Result<String> {
    let temporary = || tempfile::tempfile().context("making a temporary file");
    let (mut stdout, mut stderr) = (temporary()?, temporary()?);
    let status = to_its_end(command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?), doing)?;
    if !status.success() {
        let text = written(&mut stderr)?;
        bail!("{doing} failed ({status}): {command:?}: {}", String::from_utf8_lossy(&text).trim());
    }
    String::from_utf8(written(&mut stdout)?).with_context(|| format!("{doing}: output is not text"))
}

/// What a program has written to a file, from the beginning.
fn written(file: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).context("a temporary file")?;
    Ok(bytes)
}

/// Runs `command` to its end. If we are to end before, it ends first, with everything that it has started.
fn to_its_end(command: &mut Command, doing: &str) -> Result<ExitStatus> {
    stop::check()?;
    if stop::caught() {
        // Then the terminal's Ctrl-C reaches us alone, and the group is ours to end.
        command.process_group(0);
    }
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|error| not_started(command, doing, &error))?;
    loop {
        if let Some(status) = child.try_wait().with_context(|| doing.to_owned())? {
            return Ok(status);
        }
        if stop::requested() {
            end_group(&mut child);
            bail!("interrupted ({doing})");
        }
        std::thread::sleep(TICK);
    }
}

/// Ends a program and the group of processes that it leads: asks, waits, and kills what is left.
fn end_group(leader: &mut Child) {
    let Ok(pid) = i32::try_from(leader.id()) else { return };
    let pid = Pid::from_raw(pid);
    // Whoever has ended by itself can't be signalled; that is what was wanted.
    let _ = killpg(pid, Signal::SIGTERM);
    let deadline = Instant::now() + PATIENCE;
    // It is left unreaped until the last signal: nobody else can have its number.
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while Instant::now() < deadline && matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::StillAlive)) {
        std::thread::sleep(TICK);
    }
    let _ = killpg(pid, Signal::SIGKILL);
    let _ = leader.wait();
}

/// The error of a program that could not be started.
fn not_started(command: &Command, doing: &str, error: &io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy();
    if error.kind() == io::ErrorKind::NotFound {
        return anyhow!("{doing}: {program} is missing: run image/setup build image");
    }
    anyhow!("{doing}: {program}: {error}")
}

/// The last lines of a log.
fn last_lines(log: &Path) -> Result<String> {
    let mut lines = std::collections::VecDeque::with_capacity(SHOWN);
    for line in BufReader::new(File::open(log)?).split(b'\n') {
        if lines.len() == SHOWN {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(&line?).into_owned());
    }
    Ok(Vec::from(lines).join("\n"))
}

/// Reads a text file.
///
/// # Errors
/// With the file's name.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}
