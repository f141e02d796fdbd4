//! How each interface gets its address: from a DHCP client, busybox udhcpc as a child that is started again when it ends; or
//! from the owner, by the same script that the client calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{settings::Subnet, sys};

/// Gives interface, routes and resolver what the server said.
pub(crate) const SCRIPT: &str = "/usr/libexec/tenuto/udhcpc";

/// A client ends only when something is wrong with its interface; trying again at once would spin.
const AGAIN: Duration = Duration::from_secs(2);
/// How long clients get to end.
const GRACE: Duration = Duration::from_millis(500);
/// How long the script may take to give an interface its address: a few programs on a busy machine.
const SCRIPT_GRACE: Duration = Duration::from_secs(5);

/// What the owner has set instead of asking a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) subnet: Subnet,
    pub(crate) gateway: Option<Ipv4Addr>,
    pub(crate) dns: Vec<Ipv4Addr>,
}

/// The clients, by interface.
pub(crate) struct Clients {
    clients: BTreeMap<String, Client>,
    program: PathBuf,
    script: PathBuf,
    hostname: String,
}

enum Client {
    Running(Child),
    /// Ended by itself; to be started again then.
    Ended(Instant),
    /// None is needed.
    Fixed,
}

impl Clients {
    /// `program` takes udhcpc's options and calls `script`; `hostname` is what servers are told, for their lists and DNS.
    pub(crate) fn new(program: impl Into<PathBuf>, script: impl Into<PathBuf>, hostname: String) -> Self {
        Self { clients: BTreeMap::new(), program: program.into(), script: script.into(), hostname }
    }

    /// What servers are told from the next client on.
    pub(crate) fn set_hostname(&mut self, hostname: &str) {
        hostname.clone_into(&mut self.hostname);
    }

    /// The interfaces that are looked after.
    pub(crate) fn interfaces(&self) -> BTreeSet<String> {
        self.clients.keys().cloned().collect()
    }

    /// Begins to look after an interface.
    pub(crate) fn start(&mut self, interface: &str) {
        let client = match self.command(interface).spawn() {
            Ok(child) => Client::Running(child),
            Err(error) => {
                tracing::error!(
                    "{interface}: the DHCP client {} could not be started: {error}",
                    self.program.display()
                );
                Client::Ended(Instant::now() + AGAIN)
            }
        };
        self.clients.insert(interface.to_owned(), client);
    }

    /// Gives an interface the owner's address, and looks after it.
    pub(crate) fn fix(&mut self, interface: &str, fixed: &Fixed) {
        let mut command = Command::new(&self.script);
        let dns: Vec<String> = fixed.dns.iter().map(Ipv4Addr::to_string).collect();
        command.arg("bound").env("interface", interface).env("ip", fixed.subnet.address.to_string());
        command.env("mask", fixed.subnet.prefix.to_string()).env("dns", dns.join(" ")).stdin(Stdio::null());
        command.env("router", fixed.gateway.map_or_else(String::new, |gateway| gateway.to_string()));
        match sys::tie_to_parent(&mut command).spawn() {
            Ok(mut child) => reap(&mut child, Instant::now() + SCRIPT_GRACE),
            Err(error) => tracing::error!("{interface}: {}: {error}", self.script.display()),
        }
        self.clients.insert(interface.to_owned(), Client::Fixed);
    }

    /// Ends an interface's client; what it was given stays.
    pub(crate) fn stop(&mut self, interface: &str) {
        if let Some(Client::Running(mut child)) = self.clients.remove(interface) {
            end(&child);
            reap(&mut child, Instant::now() + GRACE);
        }
    }

    /// Ends the client of an interface that is gone, and takes its servers out of the resolver.
    pub(crate) fn forget(&mut self, interface: &str) {
        self.stop(interface);
        let mut command = Command::new(&self.script);
        command.arg("gone").env("interface", interface).stdin(Stdio::null());
        match sys::tie_to_parent(&mut command).spawn() {
            Ok(mut child) => reap(&mut child, Instant::now() + GRACE),
            Err(error) => tracing::warn!("{interface}: {}: {error}", self.script.display()),
        }
    }

    /// Ends all.
    pub(crate) fn stop_all(&mut self) {
        let mut clients = std::mem::take(&mut self.clients);
        for client in clients.values() {
            if let Client::Running(child) = client {
                end(child);
            }
        }
        let deadline = Instant::now() + GRACE;
        for client in clients.values_mut() {
            if let Client::Running(child) = client {
                reap(child, deadline);
            }
        }
    }

    /// Collects clients that ended and starts those whose time has come. Returns when to call again at the latest.
    pub(crate) fn supervise(&mut self, now: Instant) -> Option<Instant> {
        let mut due = Vec::new();
        let mut next: Option<Instant> = None;
        for (interface, client) in &mut self.clients {
            if let Client::Running(child) = client {
                match child.try_wait() {
                    Ok(None) => {}
                    Ok(Some(status)) => {
                        tracing::warn!("{interface}: the DHCP client ended ({status}); it is started again");
                        *client = Client::Ended(now + AGAIN);
                    }
                    Err(error) => tracing::warn!("{interface}: waiting for the DHCP client: {error}"),
                }
            }
            match client {
                Client::Ended(at) if *at <= now => due.push(interface.clone()),
                Client::Ended(at) => next = Some(next.map_or(*at, |next| next.min(*at))),
                Client::Running(_) | Client::Fixed => {}
            }
        }
        for interface in due {
            self.start(&interface);
            // It may have failed again at once.
            next = Some(next.map_or(now + AGAIN, |next| next.min(now + AGAIN)));
        }
        next
    }

    /// In the foreground, for ever; five questions a second apart, then a pause of three seconds.
    fn command(&self, interface: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-f", "-i", interface, "-t", "5", "-T", "1", "-A", "3", "-O", "ntpsrv", "-s"]).arg(&self.script);
        command.arg("-x").arg(format!("hostname:{}", self.hostname)).args(["-V", "tenuto"]);
        // It reports each question and each renewal; what matters is seen in the interface's addresses.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        sys::tie_to_parent(&mut command);
        command
    }
}

fn end(child: &Child) {
    let Ok(pid) = i32::try_from(child.id()) else { return };
    if let Err(error) = kill(Pid::from_raw(pid), Signal::SIGTERM) {
        tracing::debug!("DHCP client {pid}: {error}");
    }
}

/// Waits until `deadline`, then kills.
fn reap(child: &mut Child, deadline: Instant) {
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => break,
            Ok(Some(_)) | Err(_) => return,
        }
    }
    if let Err(error) = child.kill().and_then(|()| child.wait().map(drop)) {
        tracing::warn!("DHCP client {} could not be ended: {error}", child.id());
    }
}

#[cfg(test)]
mod tests;
