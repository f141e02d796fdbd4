//! What the engine needs root for at the start, and giving root up afterwards.

use std::ffi::CString;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::{Gid, Group, Uid, User, initgroups, setgroups, setresgid, setresuid};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Locks all memory, now and in future. Returns why not, for a human.
///
/// Only with an unlimited allowance: with a limit, a later mapping (a larger buffer) would fail instead.
pub(crate) fn lock_memory() -> Option<String> {
    let unlimited = Rlimit { current: None, maximum: None };
    if getrlimit(Resource::Memlock) != unlimited && setrlimit(Resource::Memlock, unlimited).is_err() {
        return Some("locked memory: its limit is not `unlimited`".to_owned());
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).err().map(|errno| format!("locked memory: {errno}"))
}

/// The core to run on, if the kernel was told to keep one free: the last of them.
pub(crate) fn isolated_core(sysfs: &Path) -> Option<u32> {
    let list = std::fs::read_to_string(sysfs.join("devices/system/cpu/isolated")).ok()?;
    list.trim().rsplit([',', '-']).next()?.parse().ok()
}

/// The group that may connect, by its name.
pub(crate) fn group_id(name: &str) -> Result<u32> {
    let group = Group::from_name(name).with_context(|| format!("can't look up the group '{name}'"))?;
    Ok(group.ok_or_else(|| anyhow!("there is no group '{name}'"))?.gid.as_raw())
}

/// Becomes `user` with all its groups, for good.
pub(crate) fn drop_to(user: &str) -> Result<()> {
    let entry = User::from_name(user).with_context(|| format!("can't look up the user '{user}'"))?;
    let entry = entry.ok_or_else(|| anyhow!("there is no user '{user}'"))?;
    if Uid::effective() == entry.uid {
        return Ok(());
    }
    if !Uid::effective().is_root() {
        bail!("only root can become '{user}': start the engine as root, or leave --user out");
    }
    let name = CString::new(user).context("the user's name")?;
    setgroups(&[]).context("can't give up root's groups")?;
    initgroups(&name, entry.gid).with_context(|| format!("can't take the groups of '{user}'"))?;
    setresgid(entry.gid, entry.gid, entry.gid).with_context(|| format!("can't take the group of '{user}'"))?;
    setresuid(entry.uid, entry.uid, entry.uid).with_context(|| format!("can't become '{user}'"))?;
    if nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
        bail!("root could be regained after becoming '{user}'");
    }
    Ok(())
}

/// This process's user and group.
pub(crate) fn own_ids() -> (u32, u32) {
    (Uid::effective().as_raw(), Gid::effective().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_isolated_core_is_taken() {
        let dir = tempfile::tempdir().expect("a directory");
        let cpu = dir.path().join("devices/system/cpu");
        std::fs::create_dir_all(&cpu).expect("a directory");
        assert_eq!(isolated_core(dir.path()), None, "no such file");
        for (list, core) in
            [("\n", None), ("3\n", Some(3)), ("2-3\n", Some(3)), ("1,3,5\n", Some(5)), ("1-2,6-7\n", Some(7))]
        {
            std::fs::write(cpu.join("isolated"), list).expect("a file");
            assert_eq!(isolated_core(dir.path()), core, "{list:?}");
        }
    }

    #[test]
    fn an_unknown_user_or_group_is_named() {
        let error = drop_to("no-such-user-here").expect_err("there is none").to_string();
        assert!(error.contains("'no-such-user-here'"), "{error}");
        let error = group_id("no-such-group-here").expect_err("there is none").to_string();
        assert!(error.contains("'no-such-group-here'"), "{error}");
    }
}
