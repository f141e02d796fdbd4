//! The shared libraries that programs need, as this machine's dynamic loader finds them.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::output;

/// Loaded by glibc itself when the first thread is cancelled or ends; no program names it.
const UNNAMED: &str = "libgcc_s.so.1";

/// The libraries of all `programs`, by the paths at which `loader` looks for them.
///
/// # Errors
/// When a library is missing here.
pub fn of(loader: &str, programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for program in programs {
        let listed = output(Command::new(loader).arg("--list").arg(program), "listing shared libraries")?;
        found.extend(parse(&listed, loader).with_context(|| program.display().to_string())?);
    }
    let beside = found.iter().find_map(|path| {
        let unnamed = path.with_file_name(UNNAMED);
        unnamed.exists().then_some(unnamed)
    });
    found.extend(beside);
    Ok(found)
}

/// Reads what `ld.so --list` prints: `name => path (address)`, and for the loader and the vDSO only a name and address.
fn parse(listed: &str, loader: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in listed.lines().map(str::trim) {
        let Some((name, target)) = line.split_once(" => ") else { continue };
        let path = target.split(" (").next().unwrap_or_default();
        if !Path::new(path).is_absolute() {
            bail!("{name} is not installed here: run image/setup build");
        }
        if path != loader {
            found.push(PathBuf::from(path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_list_is_read() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibasound.so.2 => /lib/x86_64-linux-gnu/libasound.so.2 (0x1)\n\
                      \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let loader = "/lib64/ld-linux-x86-64.so.2";
        let found = parse(listed, loader).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("libasound.so.2"));
        assert!(parse("libx.so.1 => not found\n", loader).is_err());
    }
}
