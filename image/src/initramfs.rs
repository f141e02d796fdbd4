//! The initramfs: the first program, and the root file system that it mounts from RAM.
//!
//! The test image has a second one behind the release's: it replaces `/init` and adds a shell on the second serial port, and
//! a program that records.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::base::Base;
use crate::command::run;
use crate::rootfs::BUSYBOX;

/// A file of an archive: its name, where it comes from, its mode.
struct Member {
    name: &'static str,
    from: PathBuf,
    mode: u32,
}

/// Writes the release's initramfs to `target`.
///
/// # Errors
/// When cpio or zstd fails.
pub fn release(repository: &Path, base: &Base, root: &Path, target: &Path, log: &Path) -> Result<()> {
    let init = repository.join("image/initramfs/init");
    let members = [
        Member { name: "bin/busybox", from: base.path(BUSYBOX), mode: 0o755 },
        Member { name: "init", from: init, mode: 0o755 },
        Member { name: "root.squashfs", from: root.to_path_buf(), mode: 0o644 },
    ];
    archive(&members, &["bin", "dev", "new"], target, log)
}

/// Writes the release's initramfs with a second one behind it to `target`: the kernel unpacks both, and the later `/init`
/// wins. For tests only. Its shell is at the terminal `port`, and the programs go with it.
///
/// # Errors
/// When cpio or zstd fails.
pub fn with_shell(
    repository: &Path,
    (port, [recorder, hostile]): (&str, [&Path; 2]),
    release: &Path,
    target: &Path,
    log: &Path,
) -> Result<()> {
    let sources = repository.join("image/initramfs");
    let member = |name, file, mode| Member { name, from: sources.join(file), mode };
    let line = target.with_extension("inittab");
    fs::write(&line, format!("{port}::respawn:/mnt/shell\n")).with_context(|| line.display().to_string())?;
    let members = [
        member("init", "init-shell", 0o755),
        Member { name: "inittab-shell", from: line, mode: 0o644 },
        member("shell", "shell", 0o755),
        member("plugged", "plugged", 0o755),
        Member { name: "recorder", from: recorder.to_path_buf(), mode: 0o755 },
        Member { name: "hostile", from: hostile.to_path_buf(), mode: 0o755 },
    ];
    let second = target.with_extension("second");
    archive(&members, &[], &second, log)?;
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let mut both = read(release)?;
    // The kernel looks for the next archive at a multiple of four bytes.
    both.resize(both.len().next_multiple_of(4), 0);
    both.extend(read(&second)?);
    fs::write(target, both).with_context(|| target.display().to_string())
}

/// Writes an initramfs to `target` in which there is busybox's init and nothing else. For measuring only.
///
/// # Errors
/// When cpio or zstd fails.
pub fn bare(repository: &Path, base: &Base, target: &Path, log: &Path) -> Result<()> {
    let sources = repository.join("image/initramfs");
    let members = [
        Member { name: "bin/busybox", from: base.path(BUSYBOX), mode: 0o755 },
        Member { name: "init", from: sources.join("init-bare"), mode: 0o755 },
        Member { name: "etc/inittab", from: sources.join("inittab-bare"), mode: 0o644 },
        Member { name: "bare", from: sources.join("bare"), mode: 0o755 },
    ];
    archive(&members, &["bin", "dev", "etc", "proc"], target, log)
}

/// Packs `members` and empty `directories`, sorted, root's, and without a time of day.
fn archive(members: &[Member], directories: &[&str], target: &Path, log: &Path) -> Result<()> {
    let scratch = tempfile::tempdir_in(target.parent().unwrap_or(Path::new("."))).context("making a directory")?;
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree)?;
    let mut names: Vec<&str> = directories.to_vec();
    for name in directories {
        fs::create_dir_all(tree.join(name))?;
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(0o755))?;
    }
    for member in members {
        let path = tree.join(member.name);
        fs::copy(&member.from, &path).with_context(|| member.from.display().to_string())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(member.mode))?;
        names.push(member.name);
    }
    for name in &names {
        fs::File::open(tree.join(name))?.set_modified(std::time::UNIX_EPOCH)?;
    }
    let list = scratch.path().join("names");
    fs::write(&list, names.join("\n") + "\n")?;
    let cpio = scratch.path().join("cpio");
    let mut pack = Command::new("cpio");
    pack.args(["--quiet", "--create", "--format=newc", "--reproducible", "--owner=0:0", "--directory"]);
    pack.arg(&tree).arg("--file").arg(&cpio);
    // cpio reads the names from its standard input, which the shell gives it: sh -c 'exec "$@" <names' names cpio …
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" <\"$0\""]).arg(&list).arg(pack.get_program()).args(pack.get_args());
    run(&mut shell, log, "packing the initramfs")?;
    let mut compress = Command::new("zstd");
    compress.args(["-q", "-f", "-19", "--no-progress", "-o"]).arg(target).arg(&cpio);
    run(&mut compress, log, "compressing the initramfs")
}
