//! What the machine must offer, asked before the work begins.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::output;

/// Fails unless the file system of `path` has `mib` mebibytes free for `what`.
///
/// # Errors
/// Says how much there is, and how much is needed.
pub fn need_space(path: &Path, mib: u64, what: &str) -> Result<()> {
    let stat = nix::sys::statvfs::statvfs(path).with_context(|| path.display().to_string())?;
    let free = stat.blocks_available().saturating_mul(stat.fragment_size()) / (1024 * 1024);
    if free < mib {
        bail!("disk full: {what} needs {mib} MiB in {}, which has {free} MiB left", path.display());
    }
    Ok(())
}

/// The first line of what `program --version` prints: part of the keys of what it makes.
///
/// # Errors
/// When it is missing.
pub fn version(program: &str, argument: &str) -> Result<String> {
    let text = output(Command::new(program).arg(argument), &format!("looking for {program}"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
