//! What the player may open and connect to (landlock(7)).

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, make_bitflags,
};

use super::{Policy, directory};

/// The newest that this list was made for: a right that comes later is thought about before it is handled. What an older kernel
/// doesn't know it doesn't refuse.
const KNOWN: ABI = ABI::V10;

/// What the C library looks names up by: nsswitch.conf(5), resolv.conf(5), gai.conf(5). No accounts, no keys.
const NAMES: [&str; 5] = ["/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"];
const RESOLVER: &str = "/etc/resolv.conf";

/// How much memory the programs have; of other processes only what everybody may see, as Landlock keeps their memory from us.
const PROCESSES: &str = "/proc";

/// SSDP's port (UPnP Device Architecture 2.0, section 1), and 0 for any that nobody else has. No other is bound.
const UDP_PORTS: [u16; 2] = [1900, 0];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | RemoveFile});

/// Confines this thread and those that it starts. Returns the version of Landlock, if there is any.
pub(super) fn confine(policy: &Policy) -> Result<Option<i32>, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        // TCP: it has its listener by now, and gets no other. Where it connects to is the network's choice, so it isn't handled.
        .handle_access(make_bitflags!(AccessNet::{BindTcp | BindUdp}))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    for path in &policy.read {
        rules = allow(rules, path, READ)?;
    }
    for path in NAMES {
        rules = allow(rules, Path::new(path), READ)?;
    }
    rules = allow(rules, Path::new(PROCESSES), READ)?;
    if let Some(path) = resolver(Path::new(RESOLVER)) {
        rules = allow(rules, &path, READ)?;
    }
    for path in &policy.sockets {
        rules = allow(rules, path, AccessFs::ResolveUnix.into())?;
    }
    rules = allow(rules, &policy.state_dir, READ | WRITE)?;
    if let Some(file) = &policy.ready_file {
        rules = allow(rules, directory(file), WRITE)?;
    }
    for port in UDP_PORTS {
        rules = rules.add_rule(NetPort::new(port, AccessNet::BindUdp))?;
    }
    let status = rules.restrict_self()?;
    let version = match status.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => Some(kernel_abi.unwrap_or(effective_abi as i32)),
        _ => None,
    };
    Ok(version.filter(|_| status.ruleset != RulesetStatus::NotEnforced))
}

/// What isn't there can't be allowed, and needn't be.
fn allow(rules: RulesetCreated, path: &Path, rights: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let Ok(file) = PathFd::new(path) else { return Ok(rules) };
    let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(KNOWN) };
    rules.add_rule(PathBeneath::new(file, rights))
}

/// Who keeps the resolver's file mostly replaces it by another, so what is allowed is the directory that it really lies in: on the
/// appliance one in /run, with systemd another. In /etc itself it is the file alone, and a new one is read by the next player.
fn resolver(file: &Path) -> Option<PathBuf> {
    // What it points to may come later.
    let target = match std::fs::read_link(file) {
        Ok(target) => directory(file).join(target),
        Err(_) => return Some(file.to_owned()),
    };
    std::fs::canonicalize(directory(&target)).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_resolvers_file_is_found_where_it_really_lies() {
        let directory = tempfile::tempdir().unwrap();
        let [etc, run] = ["etc", "run"].map(|name| directory.path().join(name));
        [&etc, &run].into_iter().for_each(|path| std::fs::create_dir(path).unwrap());
        let file = etc.join("resolv.conf");
        assert_eq!(resolver(&file), Some(file.clone()));
        symlink("../run/resolv.conf", &file).unwrap();
        assert_eq!(resolver(&file), Some(std::fs::canonicalize(&run).unwrap()), "what it points to isn't there yet");
        std::fs::remove_dir(&run).unwrap();
        assert_eq!(resolver(&file), None);
    }
}
