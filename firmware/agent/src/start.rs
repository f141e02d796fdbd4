//! `agent start`: the first thing that init runs. It mounts the kernel's file systems and makes the few directories that may be
//! written, all in RAM. A program and not a script, as each of a script's commands is a process more before the network is up.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, chown},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    mount::{MsFlags, mount},
    sys::stat::{Mode, umask},
    unistd::{Group, Pid, User},
};

use crate::{dhcp, root::Root};

/// A file system of the kernel's own.
struct Kernel {
    kind: &'static str,
    at: &'static str,
    /// Devices work in it.
    devices: bool,
    options: &'static str,
}

/// In this order: each needs those before it. None of them holds programs or set-id files that count.
const FILE_SYSTEMS: &[Kernel] = &[
    Kernel { kind: "proc", at: "/proc", devices: false, options: "" },
    Kernel { kind: "sysfs", at: "/sys", devices: false, options: "" },
    // The initramfs leaves one; a root file system that was booted without it gets one here.
    Kernel { kind: "devtmpfs", at: "/dev", devices: true, options: "mode=755" },
    Kernel { kind: "devpts", at: "/dev/pts", devices: true, options: "mode=600,ptmxmode=0" },
    Kernel { kind: "tmpfs", at: "/dev/shm", devices: false, options: "mode=1777,size=16m" },
    Kernel { kind: "tmpfs", at: "/run", devices: false, options: "mode=755,size=16m" },
    Kernel { kind: "tmpfs", at: "/tmp", devices: false, options: "mode=1777,size=16m" },
    Kernel { kind: "cgroup2", at: "/sys/fs/cgroup", devices: false, options: "" },
];

/// A directory below /run.
struct Directory {
    path: &'static str,
    /// By their names in /etc/passwd and /etc/group.
    user: &'static str,
    group: &'static str,
    mode: u32,
}

const DIRECTORIES: &[Directory] = &[
    // Root decides; the two programs read and connect.
    Directory { path: "/run/tenuto", user: "root", group: "tenuto", mode: 0o750 },
    // The player's own, for what it may write.
    Directory { path: "/run/player", user: "tenuto-player", group: "tenuto-player", mode: 0o700 },
    // The pipes into the log, and what it keeps, which gets the group of who may read it from its directory.
    Directory { path: "/run/log", user: "root", group: "root", mode: 0o755 },
    Directory { path: "/run/log/ring", user: "tenuto-log", group: "tenuto", mode: 0o2750 },
];

/// Where `/etc/resolv.conf` leads.
const RESOLVER: &str = "/run/tenuto/resolv.conf";

/// From which port on no right is needed (ip(7)). The player serves HTTP as a user of its own, and may be up before the knobs, of
/// which this is one, have their turn.
const PORTS: (&str, &str) = ("proc/sys/net/ipv4/ip_unprivileged_port_start", "80");

/// Makes all of it. What fails is said, and the next is tried: nothing here may stop the boot.
///
/// # Errors
/// Not the appliance's init has started it: on somebody's workstation it would hide what is mounted.
pub(crate) fn run(root: &Root) -> Result<()> {
    let is_appliance = root.is_machine() && root.path(&dhcp::SCRIPT[1..]).exists();
    ensure!(is_appliance && Pid::parent() == Pid::from_raw(1), "only the appliance's init starts this");
    umask(Mode::from_bits_truncate(0o022));
    for system in FILE_SYSTEMS {
        said(system.at, mounted(root, system));
    }
    for directory in DIRECTORIES {
        said(directory.path, made(directory));
    }
    let (file, port) = PORTS;
    said(file, root.set(file, port).context("setting it"));
    said(RESOLVER, fs::write(RESOLVER, "").context("writing it"));
    Ok(())
}

/// The log isn't there yet: this goes to the console.
fn said(path: &str, result: Result<()>) {
    if let Err(error) = result {
        tracing::error!("{path}: {error:#}");
    }
}

/// Unless it is already.
fn mounted(root: &Root, system: &Kernel) -> Result<()> {
    if is_mounted(&root.text("proc/mounts").unwrap_or_default(), system.at) {
        return Ok(());
    }
    // Some lie in one that was mounted just now.
    fs::create_dir_all(system.at)?;
    let devices = if system.devices { MsFlags::empty() } else { MsFlags::MS_NODEV };
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | devices;
    let options = Some(system.options).filter(|options| !options.is_empty());
    mount(Some(system.kind), system.at, Some(system.kind), flags, options).context("mounting it")
}

/// Whether a line of `/proc/mounts` is about this directory.
fn is_mounted(mounts: &str, directory: &str) -> bool {
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(directory))
}

fn made(directory: &Directory) -> Result<()> {
    match fs::create_dir(directory.path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).context("making it"),
        _ => {}
    }
    let user = User::from_name(directory.user)?.with_context(|| format!("no user {}", directory.user))?;
    let group = Group::from_name(directory.group)?.with_context(|| format!("no group {}", directory.group))?;
    chown(directory.path, Some(user.uid.as_raw()), Some(group.gid.as_raw())).context("giving it away")?;
    // Behind the change of owner, which takes a set-group-id bit away.
    fs::set_permissions(directory.path, fs::Permissions::from_mode(directory.mode)).context("its mode")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_is_known_by_the_whole_path() {
        let mounts = "dev /dev devtmpfs rw,nosuid 0 0\ntmpfs /run/x tmpfs rw 0 0\n";
        assert!(is_mounted(mounts, "/dev"));
        assert!(!is_mounted(mounts, "/run") && !is_mounted(mounts, "/dev/pts") && !is_mounted("", "/proc"));
    }

    #[test]
    fn what_lies_inside_another_one_comes_after_it() {
        let is_inside = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}/"));
        for (index, system) in FILE_SYSTEMS.iter().enumerate() {
            assert!(!FILE_SYSTEMS[..index].iter().any(|before| is_inside(before.at, system.at)), "{}", system.at);
        }
        for (index, directory) in DIRECTORIES.iter().enumerate() {
            assert!(!DIRECTORIES[..index].iter().any(|before| is_inside(before.path, directory.path)));
        }
    }

    #[test]
    fn the_owners_are_in_the_root_file_system() {
        let overlay = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../overlays/rootfs/etc");
        let names = |file: &str| fs::read_to_string(overlay.join(file)).unwrap();
        let has = |text: &str, name: &str| text.lines().any(|line| line.split(':').next() == Some(name));
        let (users, groups) = (names("passwd"), names("group"));
        for directory in DIRECTORIES {
            assert!(has(&users, directory.user) && has(&groups, directory.group), "{}", directory.path);
        }
    }

    #[test]
    fn it_does_nothing_but_on_an_appliance() {
        let error = run(&Root::new("/")).unwrap_err().to_string();
        assert_eq!(error, "only the appliance's init starts this");
    }
}
