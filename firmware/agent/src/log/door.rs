//! Where a program's lines go in: a pipe in /run/log that only root and the log's user may open. Both ends are opened for reading and
//! writing and never wait: a program goes on when nobody reads, and the pipe keeps what was said while nobody does.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::{
        fs::{OpenOptionsExt as _, chown},
        process::CommandExt as _,
    },
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::stat::Mode,
    unistd::{User, mkfifo},
};

use super::{NAME, PROGRAMS};
use crate::root::Root;

/// The log's user, who reads them.
pub(crate) const USER: &str = "tenuto-log";

/// Gives a service its streams, while that can still be done by root: the log the kernel's and the console, any other a pipe for
/// what it says. A program whose pipe can't be had says it on init's console.
pub(crate) fn open(root: &Root, service: &str, command: &mut Command) {
    command.stdin(Stdio::null());
    if service == NAME {
        // It is the agent's program, and must not be taken for it.
        command.arg0(NAME);
        for name in PROGRAMS {
            if let Err(error) = make(root, name) {
                tracing::warn!("log: no pipe for {name}: {error}");
            }
        }
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        match OpenOptions::new().read(true).custom_flags(flags).open(root.path("dev/kmsg")) {
            Ok(kernel) => drop(command.stdin(kernel)),
            Err(error) => tracing::warn!("log: without the kernel's: /dev/kmsg: {error}"),
        }
        match OpenOptions::new().write(true).custom_flags(flags).open(root.path("dev/console")) {
            Ok(console) => drop(command.stdout(console)),
            Err(error) => tracing::warn!("log: not on the console: {error}"),
        }
        return;
    }
    match make(root, service).and_then(|path| both_ways(&path)) {
        Ok(pipe) => drop(command.stderr(pipe)),
        Err(error) => tracing::warn!("{service}: what it says goes to the console only: {error}"),
    }
}

/// The reading end.
///
/// # Errors
/// It isn't there, or isn't this user's.
pub(super) fn listen(root: &Root, program: &str) -> Result<File> {
    let path = path(root, program);
    both_ways(&path).with_context(|| path.display().to_string())
}

/// Makes it, unless it is there.
pub(super) fn make(root: &Root, program: &str) -> io::Result<PathBuf> {
    let path = path(root, program);
    match mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    if root.is_machine() {
        let user = User::from_name(USER)?.ok_or_else(|| io::Error::other(format!("no user {USER} in /etc/passwd")))?;
        chown(&path, Some(user.uid.as_raw()), None)?;
    }
    Ok(path)
}

fn both_ways(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

fn path(root: &Root, program: &str) -> PathBuf {
    root.path(format!("run/log/{program}"))
}
