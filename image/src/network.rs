//! A network of the guest's own: a namespace with a tap device, a DHCP server, and room for the control point and the media
//! server. It is a real segment (multicast included), touches nothing of the host's network, and is gone with its thread.
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, unshare};

use crate::command::{output, tied};
use crate::rootfs::BUSYBOX;

/// Our address in it.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The guest's, given by DHCP.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 10);
/// The guest's Ethernet address.
pub const GUEST_MAC: &str = "52:54:00:74:65:6e";
/// What makes tap devices.
const TUN: &str = "/dev/net/tun";
/// The tap device that QEMU opens.
pub const TAP: &str = "tap0";

/// Gives an ordinary user the right to make network namespaces, by a user namespace in which that user is root. Does
/// nothing for root. The process must still have one thread.
///
/// # Errors
/// When the machine doesn't allow user namespaces.
pub fn become_root_of_a_namespace() -> Result<()> {
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    if user.is_root() {
        return Ok(());
    }
    let hint = "an ordinary user needs user namespaces for the guest's network: run as root, or allow them \
                (sysctl kernel.unprivileged_userns_clone=1)";
    unshare(CloneFlags::CLONE_NEWUSER).context(hint)?;
    for (file, text) in
        [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {user} 1")), ("gid_map", format!("0 {group} 1"))]
    {
        fs::write(format!("/proc/self/{file}"), text).context(hint)?;
    }
    Ok(())
}

/// Runs `work` in a thread with the guest's network around it. What the thread starts (threads, processes, sockets) lives in
/// that network too.
///
/// # Errors
/// When the network can't be set up, and `work`'s.
pub fn inside<T: Send>(scratch: &Path, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("making a network namespace (are we in a sandbox?)")?;
            set_up().context("setting up the guest's network")?;
            let _server = DhcpServer::start(scratch)?;
            work()
        });
        thread.join().map_err(|_| anyhow!("the guest's network thread has panicked"))?
    })
}

fn set_up() -> Result<()> {
    fs::File::options().read(true).write(true).open(TUN).with_context(|| {
        format!("{TUN}: load the kernel's module `tun`, give the container the device, or run as root")
    })?;
    let address = format!("{HOST}/24");
    for arguments in [
        &["link", "set", "lo", "up"][..],
        &["tuntap", "add", "dev", TAP, "mode", "tap"],
        &["addr", "add", &address, "dev", TAP],
        &["link", "set", TAP, "up"],
        &["route", "add", "224.0.0.0/4", "dev", TAP],
    ] {
        output(Command::new("ip").args(arguments), "ip (package iproute2)")?;
    }
    Ok(())
}

/// busybox's udhcpd; it ends when dropped, or with the thread that started it.
struct DhcpServer(Child);

impl DhcpServer {
    fn start(scratch: &Path) -> Result<Self> {
        let (file, leases) = (scratch.join("udhcpd.conf"), scratch.join("udhcpd.leases"));
        let lines = [
            format!("interface {TAP}"),
            format!("start {GUEST}"),
            format!("end {GUEST}"),
            "max_leases 1".to_owned(),
            format!("static_lease {GUEST_MAC} {GUEST}"),
            format!("lease_file {}", leases.display()),
            format!("pidfile {}", scratch.join("udhcpd.pid").display()),
            "option subnet 255.255.255.0".to_owned(),
            "option lease 86400".to_owned(),
        ];
        fs::write(&file, lines.join("\n") + "\n").with_context(|| file.display().to_string())?;
        fs::write(&leases, "").with_context(|| leases.display().to_string())?;
        let log = fs::File::create(scratch.join("udhcpd.log"))?;
        let mut udhcpd = tied(BUSYBOX);
        // Nobody else is here: no 2 s of asking around before an address is given.
        udhcpd.args(["udhcpd", "-f", "-a", "1"]).arg(&file);
        let child = udhcpd.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self(child.context("udhcpd (packages busybox-static and util-linux)")?))
    }
}

impl Drop for DhcpServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
