//! Running the programs that do the work, with their output in a log file and failures that say what to do.
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// How many of a log's last lines a failure shows.
const SHOWN: usize = 12;

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
    let status = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()
        .map_err(|error| not_started(command, doing, &error))?;
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
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(command, doing, &error))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{doing} failed ({}): {command:?}: {}", output.status, text.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{doing}: output is not text"))
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
