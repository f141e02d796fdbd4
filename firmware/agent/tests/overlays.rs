//! The root file system's own files: every one is checked, so that a slip shows before an image is built.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

fn rootfs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../overlays/rootfs")
}

fn text(path: &str) -> String {
    fs::read_to_string(rootfs().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file and link below the overlay, relative to it.
fn files() -> Vec<PathBuf> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut found = Vec::new();
    walk(&rootfs(), &mut found);
    found.sort();
    found.into_iter().map(|path| path.strip_prefix(rootfs()).unwrap().to_owned()).collect()
}

/// Lines of colon-separated fields, without comments.
fn records(path: &str) -> Vec<Vec<String>> {
    text(path)
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(':').map(str::to_owned).collect())
        .collect()
}

#[test]
fn inittab_starts_what_there_is() {
    let mut services = BTreeSet::new();
    for fields in records("etc/inittab") {
        let [id, runlevels, action, command] = &fields[..] else { panic!("four fields: {fields:?}") };
        assert!(id.is_empty() && runlevels.is_empty(), "the console is init's: {fields:?}");
        assert!(["sysinit", "respawn", "ctrlaltdel"].contains(&action.as_str()), "{action}");
        let mut words = command.split(' ');
        match (words.next().unwrap(), words.next(), words.next()) {
            ("/usr/bin/agent", Some("run"), Some(service)) => assert!(services.insert(service.to_owned())),
            ("/usr/bin/agent", Some("start"), None) => assert_eq!(action, "sysinit"),
            ("/sbin/reboot", None, None) => assert_eq!(action, "ctrlaltdel"),
            (script, None, None) => assert!(rootfs().join(&script[1..]).is_file(), "{script}"),
            other => panic!("unknown command {other:?}"),
        }
    }
    assert_eq!(services, ["agent", "engine", "log", "player"].map(str::to_owned).into());
}

#[test]
fn users_and_groups_agree() {
    let groups: BTreeMap<_, _> = records("etc/group").into_iter().map(|fields| (fields[2].clone(), fields)).collect();
    assert_eq!(groups.len(), records("etc/group").len(), "every group has a number of its own");
    let users = records("etc/passwd");
    let numbers: BTreeSet<_> = users.iter().map(|fields| &fields[2]).collect();
    let names: BTreeSet<_> = users.iter().map(|fields| &fields[0]).collect();
    assert_eq!((numbers.len(), names.len()), (users.len(), users.len()));
    for fields in &users {
        let [_, password, _, group, _, home, shell] = &fields[..] else { panic!("seven fields: {fields:?}") };
        assert_eq!((password.as_str(), home.as_str(), shell.as_str()), ("*", "/", "/bin/false"), "nobody logs in");
        assert!(groups.contains_key(group), "group {group}");
    }
    for fields in groups.values() {
        let [_, _, _, members] = &fields[..] else { panic!("four fields: {fields:?}") };
        for member in members.split(',').filter(|member| !member.is_empty()) {
            assert!(names.contains(&member.to_owned()), "member {member}");
        }
    }
    // What the engine, the player and the agent rely on.
    assert_eq!(groups["29"][0], "audio");
    assert_eq!(groups["29"][3], "tenuto-engine");
    assert_eq!(groups["900"][3], "tenuto-engine,tenuto-player");
    let user = |name: &str| users.iter().find(|fields| fields[0] == name).unwrap()[2].clone();
    let numbers = ["tenuto-engine", "tenuto-player", "tenuto-log"].map(user);
    assert_eq!(numbers, ["901", "902", "903"].map(str::to_owned));
}

#[test]
fn scripts_are_scripts_and_nothing_else_is_executable() {
    for file in files() {
        let path = rootfs().join(&file);
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            assert!(target.starts_with("../run") || target.starts_with("../proc"), "{}: only into RAM", file.display());
            continue;
        }
        let mode = path.metadata().unwrap().permissions().mode();
        let is_script = file.starts_with("usr/libexec/tenuto");
        // git keeps the owner's x bit only.
        assert_eq!(mode & 0o100 != 0, is_script, "{}: mode {mode:o}", file.display());
        assert_eq!(mode & 0o7000, 0, "{}: no setuid file", file.display());
        if is_script {
            let script = fs::read_to_string(&path).unwrap();
            assert!(script.starts_with("#!/bin/sh\n"), "{}", file.display());
            let status = Command::new("sh").arg("-n").arg(&path).status().unwrap();
            assert!(status.success(), "{}: sh -n", file.display());
        }
    }
}

/// Runs the DHCP script in a directory of its own, with an `ip` that only writes down what it is told.
fn dhcp(run: &Path, event: &str, lease: &[(&str, &str)]) -> String {
    let run = run.display();
    let script = text("usr/libexec/tenuto/udhcpc").replace("/run/", &format!("{run}/")).replace(
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        // Also an arping that finds those addresses taken that are in a file.
        &format!(
            "ip() {{ echo \"$*\" >>{run}/ip.log; cat {run}/addresses 2>/dev/null; true; }}
                arping() {{ for last; do :; done; ! grep -qsx \"$last\" {run}/taken; }}"
        ),
    );
    let status = Command::new("sh")
        .args(["-c", &script, "udhcpc", event])
        .env("interface", "lo")
        .envs(lease.iter().copied())
        .status()
        .unwrap();
    assert!(status.success());
    fs::read_to_string(format!("{run}/ip.log")).unwrap_or_default()
}

#[test]
fn a_lease_becomes_address_route_and_resolver() {
    let run = tempfile::tempdir().unwrap();
    let lease =
        [("ip", "10.77.0.2"), ("mask", "24"), ("router", "10.77.0.1"), ("dns", "10.77.0.1 9.9.9.9"), ("domain", "lan")];
    let log = dhcp(run.path(), "bound", &lease);
    assert!(log.contains("-4 addr replace 10.77.0.2/24 broadcast + dev lo\n"), "{log}");
    assert!(log.contains("-4 route replace default via 10.77.0.1 dev lo metric 101\n"), "{log}");
    let resolver = fs::read_to_string(run.path().join("tenuto/resolv.conf")).unwrap();
    assert_eq!(resolver, "search lan\nnameserver 10.77.0.1\nnameserver 9.9.9.9\n");
}

#[test]
fn without_a_server_an_address_is_chosen_that_nobody_has() {
    let run = tempfile::tempdir().unwrap();
    let chosen = |log: String| {
        let line = log.lines().rfind(|line| line.contains("addr replace 169.254.")).unwrap().to_owned();
        assert!(line.ends_with("/16 broadcast + dev lo scope link"), "{line}");
        let address: std::net::Ipv4Addr = line.split([' ', '/']).nth(3).unwrap().parse().unwrap();
        assert!((1..=254).contains(&address.octets()[2]), "RFC 3927, section 2.1: {address}");
        address.to_string()
    };
    let first = chosen(dhcp(run.path(), "leasefail", &[]));
    assert_eq!(chosen(dhcp(run.path(), "leasefail", &[])), first, "the same each time");
    fs::write(run.path().join("taken"), format!("{first}\n")).unwrap();
    let second = chosen(dhcp(run.path(), "leasefail", &[]));
    assert_ne!(second, first);
    // Once there is one it stays, until somebody else has it; and one from a server or the owner stays in any case.
    for (own, taken, changes) in
        [(&second, "", false), (&second, second.as_str(), true), (&"10.77.0.2".to_owned(), "", false)]
    {
        fs::write(run.path().join("addresses"), format!("    inet {own}/16 scope link lo\n")).unwrap();
        fs::write(run.path().join("taken"), format!("{taken}\n")).unwrap();
        fs::remove_file(run.path().join("ip.log")).unwrap();
        let log = dhcp(run.path(), "leasefail", &[]);
        assert_eq!(log.contains(&format!("addr del {own}/16 dev lo")), changes, "{log}");
        assert_eq!(log.contains("addr replace"), changes, "{log}");
    }
}

#[test]
fn what_is_no_address_or_name_is_not_used() {
    let run = tempfile::tempdir().unwrap();
    let lease = [
        ("ip", "10.77.0.2"),
        ("mask", "$(reboot)"),
        ("router", "10.77.0.1;reboot -f"),
        ("dns", "9.9.9.9\nnameserver* x -v"),
        ("domain", "lan\nnameserver 6.6.6.6"),
    ];
    let log = dhcp(run.path(), "bound", &lease);
    assert!(log.contains("addr replace 10.77.0.2/24 "), "{log}");
    assert!(!log.contains("reboot") && !log.contains("default via"), "{log}");
    assert_eq!(fs::read_to_string(run.path().join("tenuto/resolv.conf")).unwrap(), "nameserver 9.9.9.9\n");
}

#[test]
fn a_client_that_starts_leaves_the_address_and_one_that_lost_its_lease_takes_it_away() {
    let run = tempfile::tempdir().unwrap();
    // Each run of the script has this test as its parent, as it has udhcpc on the appliance.
    assert_eq!(dhcp(run.path(), "deconfig", &[]), "");
    dhcp(run.path(), "bound", &[("ip", "10.77.0.2"), ("mask", "24"), ("dns", "10.77.0.1")]);
    assert!(dhcp(run.path(), "deconfig", &[]).ends_with("-4 addr flush dev lo\n"));
    assert_eq!(fs::read_to_string(run.path().join("tenuto/resolv.conf")).unwrap(), "");
}

#[test]
fn a_card_that_is_gone_takes_its_servers_with_it() {
    let run = tempfile::tempdir().unwrap();
    dhcp(run.path(), "bound", &[("ip", "10.77.0.2"), ("mask", "24"), ("dns", "10.77.0.1")]);
    dhcp(run.path(), "gone", &[]);
    assert_eq!(fs::read_to_string(run.path().join("tenuto/resolv.conf")).unwrap(), "");
}

#[test]
fn in_a_full_run_the_servers_stay() {
    let run = tempfile::tempdir().unwrap();
    let lease = |dns| [("ip", "10.77.0.2"), ("mask", "24"), ("dns", dns)];
    dhcp(run.path(), "bound", &lease("10.77.0.1"));
    for new in ["tenuto/resolv.conf.new", "tenuto/dhcp/lo.dns.new"] {
        std::os::unix::fs::symlink("/dev/full", run.path().join(new)).unwrap();
        dhcp(run.path(), "renew", &lease("10.77.0.9"));
        assert_eq!(fs::read_to_string(run.path().join("tenuto/resolv.conf")).unwrap(), "nameserver 10.77.0.1\n");
        assert!(!run.path().join(new).exists());
        dhcp(run.path(), "renew", &lease("10.77.0.1"));
    }
}
