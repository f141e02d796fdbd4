use std::{fs, path::Path};

use super::*;

/// A client that writes its options into a file and stays, or ends at once for the interface `gone0`.
struct Place {
    directory: tempfile::TempDir,
    clients: Clients,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("client");
        let log = directory.path().join("log");
        let text = format!(
            "#!/bin/sh\necho \"$$ $*\" >>{}\n[ \"$1\" = gone ] || [ \"$1\" = bound ] || [ \"$3\" = gone0 ] || exec sleep 600\n",
            log.display()
        );
        // Written by another process: a fork of another test's in this one could hold the file open for writing, and
        // then it can't be executed.
        let write = "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"";
        let written = Command::new("sh").args(["-c", write, "sh"]).arg(&program).arg(text).status();
        assert!(written.unwrap().success());
        let clients = Clients::new(&program, &program, "tenuto-test".to_owned());
        Self { directory, clients }
    }

    /// What clients were started with, once there are `count` of them: process number and options.
    fn started(&self, count: usize) -> Vec<String> {
        loop {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            if log.lines().count() >= count {
                return log.lines().map(str::to_owned).collect();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets the agent notice that a client has ended.
    fn supervise_until_ended(&mut self, now: Instant) -> Instant {
        loop {
            if let Some(next) = self.clients.supervise(now) {
                return next;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.stop_all();
    }
}

fn runs(line: &str) -> bool {
    let pid = line.split(' ').next().unwrap();
    // A child that ended and was waited for is gone from /proc.
    Path::new("/proc").join(pid).exists()
}

#[test]
fn each_interface_has_its_client_until_it_is_stopped() {
    let mut place = Place::new();
    place.clients.start("eth0");
    place.clients.start("eth1");
    let started = place.started(2);
    let (eth0, eth1): (Vec<_>, Vec<_>) = started.iter().partition(|line| line.contains(" -f -i eth0 "));
    assert!(eth0[0].contains("/client -x "), "the script is given: {started:?}");
    assert!(eth0[0].contains(" hostname:tenuto-test "), "{started:?}");
    assert_eq!(place.clients.interfaces(), BTreeSet::from(["eth0".to_owned(), "eth1".to_owned()]));
    assert_eq!(place.clients.supervise(Instant::now()), None, "both run: nothing to wake up for");
    place.clients.stop("eth0");
    assert_eq!(place.clients.interfaces(), BTreeSet::from(["eth1".to_owned()]));
    assert!(!runs(eth0[0]) && runs(eth1[0]));
    place.clients.stop_all();
    assert!(!runs(eth1[0]) && place.clients.interfaces().is_empty());
}

#[test]
fn the_owners_address_needs_no_client() {
    let mut place = Place::new();
    let Ok(crate::settings::Address::Static(subnet)) = "192.168.1.20/24".to_owned().try_into() else {
        panic!("static")
    };
    let fixed = Fixed { subnet, gateway: Some([192, 168, 1, 1].into()), dns: Vec::new() };
    place.clients.fix("gone0", &fixed);
    assert!(place.started(1)[0].ends_with(" bound"));
    assert_eq!(place.clients.interfaces().len(), 1);
    assert_eq!(place.clients.supervise(Instant::now()), None);
    place.clients.stop("gone0");
    assert!(place.clients.interfaces().is_empty());
}

#[test]
fn a_client_hears_its_signals_though_the_agents_are_blocked() {
    let _watch = crate::watch::Watch::new().unwrap();
    let mut place = Place::new();
    place.clients.start("eth0");
    let pid = place.started(1)[0].split(' ').next().unwrap().to_owned();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim();
    assert_eq!(u64::from_str_radix(blocked, 16), Ok(0));
}

#[test]
fn what_a_card_was_given_goes_with_it() {
    let mut place = Place::new();
    place.clients.start("eth0");
    place.started(1);
    place.clients.forget("eth0");
    assert!(place.clients.interfaces().is_empty());
    assert!(place.started(2)[1].ends_with(" gone"));
}

#[test]
fn a_client_that_ended_is_started_again_but_not_at_once() {
    let mut place = Place::new();
    let now = Instant::now();
    place.clients.start("gone0");
    place.started(1);
    assert_eq!(place.supervise_until_ended(now), now + AGAIN);
    assert_eq!(place.clients.supervise(now + AGAIN / 2), Some(now + AGAIN));
    assert_eq!(place.started(1).len(), 1);
    assert_eq!(place.clients.supervise(now + AGAIN), Some(now + AGAIN * 2));
    place.started(2);
}

#[test]
fn a_client_that_is_not_there_is_tried_again() {
    let mut clients = Clients::new("/nonexistent/udhcpc", "/nonexistent/script", String::new());
    clients.start("eth0");
    assert!(clients.supervise(Instant::now()).is_some());
    assert_eq!(clients.interfaces().len(), 1);
    clients.stop("eth0");
    assert!(clients.interfaces().is_empty());
}
