//! What the guest's kernel says, as lines that can be compared.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

/// The test image's own, which a release has not: its shell and what that calls, and the two mounts that it needs.
const SHELL: &str = "/mnt/shell";
const OWN_MOUNTS: [&str; 2] = ["/mnt", "/etc/inittab"];
/// What stands before each process.
const MARK: &str = "@@ ";

/// A line for each process of the appliance: name, user, groups, capabilities, and what it can't get any more.
pub(super) fn processes(text: &str) -> Result<BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for part in text.split(MARK).skip(1) {
        let (command, status) = part.split_once('\n').context("a process without a status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.split_whitespace().collect::<Vec<_>>().join(","))
        };
        // It ended while it was looked at.
        let (Some(id), Some(parent)) = (field("Pid"), field("PPid")) else { continue };
        let of = |name| field(name).unwrap_or_default();
        let line = format!(
            "process {} uid={} gid={} groups={} caps={} bound={} no-new-privileges={} seccomp={}",
            of("Name"),
            of("Uid"),
            of("Gid"),
            of("Groups"),
            of("CapEff").trim_start_matches('0'),
            of("CapBnd").trim_start_matches('0'),
            of("NoNewPrivs"),
            of("Seccomp"),
        );
        all.insert(id, (parent, command.contains(SHELL), line));
    }
    let own = |id: &String| {
        let mut id = id;
        // A loop among parents can't be, but a bound costs nothing.
        for _ in 0..all.len() {
            let Some((parent, is_shell, _)) = all.get(id) else { return false };
            if *is_shell {
                return true;
            }
            id = parent;
        }
        false
    };
    Ok(all.iter().filter(|(id, _)| !own(id)).map(|(_, (.., line))| line.clone()).collect())
}

/// What hears the network: TCP that listens, and everything else that is open. Addresses and numbers that the kernel picks
/// differ from boot to boot, so a port above those that are given out by name is `any`.
pub(super) fn sockets(protocol: &str, table: &str) -> BTreeSet<String> {
    let is_tcp = protocol.starts_with("tcp");
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        // TCP_LISTEN of the kernel's tcp_states.h.
        let hears = !is_tcp || *fields.get(3)? == "0A";
        let port = if port >= 32_768 { "any".to_owned() } else { port.to_string() };
        hears.then(|| format!("listen {protocol} {port}"))
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// Mounts: where, what, whether it can be written, and what can't be on it.
pub(super) fn mounts(table: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [_, target, kind, options, ..] = fields[..] else { return None };
        let flags = ["ro", "rw", "nosuid", "nodev", "noexec"];
        let flags: Vec<&str> =
            flags.into_iter().filter(|flag| options.split(',').any(|option| option == *flag)).collect();
        (!OWN_MOUNTS.contains(&target)).then(|| format!("mount {target} {kind} {}", flags.join(",")))
    };
    table.lines().filter_map(line).collect()
}

/// Paths, with what they are. Terminals have numbers, and there are many.
pub(super) fn paths(kind: &str, list: &str) -> BTreeSet<String> {
    let paths = list.lines().map(str::trim).filter(|path| path.starts_with('/') && !path.starts_with("/mnt"));
    paths.map(|path| format!("{kind} {path}")).collect()
}

/// The kernel's lockdown: `none [integrity] confidentiality` has the one in force in brackets.
pub(super) fn lockdown(text: &str) -> BTreeSet<String> {
    let level = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(level, _)| level);
    [format!("lockdown {}", level.unwrap_or("unknown"))].into()
}

/// The ways out of the player's sandbox that are open, or that could not be tried.
pub(super) fn ways_out(text: &str) -> BTreeSet<String> {
    let open = |line: &&str| line.contains("THROUGH");
    let mut open: BTreeSet<String> = text.lines().filter(open).map(|line| format!("way-out {}", line.trim())).collect();
    if !text.contains("got through") {
        open.insert(format!("way-out none was tried: {}", text.trim()));
    }
    open
}

/// Those who aren't heard in the log.
pub(super) fn unheard(log: &str) -> BTreeSet<String> {
    let all = ["kernel", "agent", "engine", "player"].into_iter();
    all.filter(|who| !log.contains(&format!("] {who}: "))).map(|who| format!("not-in-log {who}")).collect()
}

/// Bytes of a page, on the machine that is emulated.
const PAGE: u64 = 4096;

/// Memory in use, bytes: what the kernel could not give to a program. Pages that each processor has in store (zoneinfo's `count`) are
/// free, but the kernel doesn't count them as available; they lie there until `vm.stat_interval` has passed several times.
pub(super) fn memory(meminfo: &str, zoneinfo: &str) -> Result<u64> {
    let in_store = zoneinfo.lines().filter_map(|line| line.trim().strip_prefix("count:")?.trim().parse::<u64>().ok());
    let of = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib << 10).with_context(|| format!("/proc/meminfo has no {name}"))
    };
    let free = of("MemAvailable")? + in_store.sum::<u64>() * PAGE;
    Ok(of("MemTotal")?.saturating_sub(free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_and_what_it_calls_are_not_the_appliances() {
        let process = |command: &str, name: &str, id: u32, parent: u32| {
            format!(
                "@@ {command}\nName:\t{name}\nPid:\t{id}\nPPid:\t{parent}\nUid:\t902\t902\t902\t902\nGid:\t1\t1\t1\t1\n\
                 Groups:\t900 902 \nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nNoNewPrivs:\t1\nSeccomp:\t2\n"
            )
        };
        let text = [
            process("/usr/bin/player --uuid x ", "player", 10, 1),
            process("/bin/sh /mnt/shell ", "shell", 11, 1),
            process("sh -c for p ", "sh", 12, 11),
            process("cat /proc/12/status ", "cat", 13, 12),
        ]
        .concat();
        let line = "process player uid=902,902,902,902 gid=1,1,1,1 groups=900,902 caps= bound=1ffffffffff no-new-privileges=1 \
                    seccomp=2";
        assert_eq!(processes(&text).unwrap(), [line.to_owned()].into());
    }

    #[test]
    fn what_listens_is_told_by_its_port() {
        let table = "  sl  local_address rem_address   st\n   0: 00000000:0050 00000000:0000 0A 0\n   1: 0100007F:0050 0100007F:D2F0 01 0\n";
        assert_eq!(sockets("tcp", table), ["listen tcp 80".to_owned()].into());
        let table = "  sl  local_address\n  12: 0202000A:076C 00000000:0000 07\n  13: 00000000:A123 00000000:0000 07\n";
        assert_eq!(sockets("udp", table), ["listen udp 1900", "listen udp any"].map(str::to_owned).into());
    }

    #[test]
    fn mounts_are_told_by_what_can_not_be_on_them() {
        let table = "/dev/loop0 / squashfs ro,nosuid,nodev,relatime,errors=continue 0 0\ntmpfs /mnt tmpfs rw 0 0\n\
                     tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=16384k 0 0\n";
        let wanted = ["mount / squashfs ro,nosuid,nodev", "mount /run tmpfs rw,nosuid,nodev,noexec"];
        assert_eq!(mounts(table), wanted.map(str::to_owned).into());
    }

    #[test]
    fn a_way_out_is_told() {
        let text = "mount    refused: ended\ntrace    THROUGH: exit status: 0\n1 of 2 got through\n";
        assert_eq!(ways_out(text), ["way-out trace    THROUGH: exit status: 0".to_owned()].into());
        assert!(ways_out("0 of 2 got through").is_empty());
        assert_eq!(ways_out("hostile: not found").len(), 1);
    }

    #[test]
    fn who_says_nothing_is_named() {
        let log = "[    0.0] kernel: x\n[    1.5] agent: player: y\n[    2.0] engine: z\n";
        assert_eq!(unheard(log), ["not-in-log player".to_owned()].into());
    }

    #[test]
    fn lockdown_memory_and_paths() {
        assert!(lockdown("none [integrity] confidentiality\n").contains("lockdown integrity"));
        assert!(lockdown("").contains("lockdown unknown"));
        let meminfo = "MemTotal:  100 kB\nMemAvailable:   60 kB\n";
        assert_eq!(memory(meminfo, "").unwrap(), 40 << 10);
        let zoneinfo = "    cpu: 0\n              count:    2\n              high:     9\n    cpu: 1\n count: 1\n";
        assert_eq!(memory(meminfo, zoneinfo).unwrap(), (40 - 12) << 10);
        assert!(memory("MemTotal: 100 kB\n", "").is_err());
        assert_eq!(paths("for-all", "/dev/null\n/mnt/x\nfind: /x\n"), ["for-all /dev/null".to_owned()].into());
    }
}
