//! What the agent sleeps on: the kernel's word that something changed (network, devices, a sound card that is opened or closed),
//! and signals.

use std::{
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        inotify::{AddWatchFlags, InitFlags, Inotify},
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket},
    },
};

/// rtnetlink(7): links, IPv4 and IPv6 addresses.
const ROUTE_GROUPS: u32 = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR) as u32;
/// Events of the kernel itself (netlink(7), NETLINK_KOBJECT_UEVENT); udev's own go to group 2.
const UEVENT_GROUP: u32 = 1;

/// So many messages are thrown away at a time.
const DRAINED: usize = 1024;

/// Why the agent woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A sound card was opened or closed, a child ended, SIGHUP, or the time has come: look at what changes by itself.
    Look,
    /// Something about interfaces or devices as well: look at everything again.
    Devices,
    /// SIGTERM or SIGINT.
    End,
}

/// What the kernel says of devices, for one who waits for nothing else.
pub(crate) struct Devices(OwnedFd);

impl Devices {
    /// From now on no change is missed.
    ///
    /// # Errors
    /// A kernel without netlink.
    pub(crate) fn new() -> Result<Self> {
        netlink(SockProtocol::NetlinkKObjectUEvent, UEVENT_GROUP).map(Self).context("opening a uevent socket")
    }

    /// Sleeps until something has happened to a device.
    ///
    /// # Errors
    /// The kernel refuses to wait, which it never should.
    pub(crate) fn wait(&self) -> Result<()> {
        match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("waiting for devices"),
        }
        drain(&self.0);
        Ok(())
    }
}

/// The open descriptors.
pub(crate) struct Watch {
    network: OwnedFd,
    devices: Devices,
    /// Sound cards that are opened and closed.
    sound: Inotify,
    signals: SignalFd,
}

impl Watch {
    /// From now on no change is missed. Signals are taken out of the process's hands, so call it before any thread.
    ///
    /// # Errors
    /// A kernel without netlink or signalfd.
    pub(crate) fn new() -> Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD, Signal::SIGHUP] {
            set.add(signal);
        }
        set.thread_block().context("blocking signals")?;
        let signals =
            SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).context("opening a signalfd")?;
        let network = netlink(SockProtocol::NetlinkRoute, ROUTE_GROUPS).context("opening a route netlink socket")?;
        let devices = Devices::new()?;
        let sound = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).context("opening an inotify")?;
        Ok(Self { network, devices, sound, signals })
    }

    /// From now on opening and closing this node is an event. To say so again changes nothing; a node that goes is forgotten.
    pub(crate) fn follow(&self, node: &Path) {
        let flags = AddWatchFlags::IN_OPEN | AddWatchFlags::IN_CLOSE;
        if let Err(error) = self.sound.add_watch(node, flags)
            // Pulled out in between.
            && error != Errno::ENOENT
        {
            tracing::warn!("{}: {error}: when it plays is noticed late", node.display());
        }
    }

    /// Sleeps until something happens, or until `latest`.
    ///
    /// # Errors
    /// The kernel refuses to wait, which it never should.
    pub(crate) fn wait(&self, latest: Option<Instant>) -> Result<Event> {
        let mut fds = [self.network.as_fd(), self.devices.0.as_fd(), self.sound.as_fd(), self.signals.as_fd()]
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, timeout(latest, Instant::now())) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("waiting for events"),
        }
        let is_ready = |fd: &PollFd| fd.any().unwrap_or(true);
        let mut event = if fds.iter().take(2).any(is_ready) { Event::Devices } else { Event::Look };
        drain(&self.network);
        drain(&self.devices.0);
        // What was opened is looked up; bounded, as above.
        for _ in 0..DRAINED {
            if self.sound.read_events().is_err() {
                break;
            }
        }
        while let Ok(Some(signal)) = self.signals.read_signal() {
            if ![Signal::SIGCHLD as u32, Signal::SIGHUP as u32].contains(&signal.ssi_signo) {
                event = Event::End;
            }
        }
        Ok(event)
    }
}

fn netlink(protocol: SockProtocol, groups: u32) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(fd)
}

/// Throws away what is queued: sysfs is read instead. Bounded, as more may keep coming; then we are woken again.
fn drain(fd: &OwnedFd) {
    let mut message = [0; 64];
    for _ in 0..DRAINED {
        match recv(fd.as_raw_fd(), &mut message, MsgFlags::MSG_TRUNC) {
            // ENOBUFS: messages were lost, which is as good as read.
            Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) => {}
            Err(_) => break,
        }
    }
}

/// Rounded up to a millisecond, so that it isn't too early; at most an hour, which only looks once more.
fn timeout(latest: Option<Instant>, now: Instant) -> PollTimeout {
    let Some(latest) = latest else { return PollTimeout::NONE };
    let left = latest.saturating_duration_since(now).min(Duration::from_secs(3600));
    u16::try_from(left.as_millis() + 1).map_or(PollTimeout::MAX, PollTimeout::from)
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::raise;

    use super::*;

    #[test]
    fn sigterm_is_an_event_and_a_child_that_ended_is_a_reason_to_look() {
        // Both go to this thread alone, which has them blocked from here on.
        let watch = Watch::new().unwrap();
        raise(Signal::SIGCHLD).unwrap();
        assert_eq!(watch.wait(None).unwrap(), Event::Look);
        raise(Signal::SIGHUP).unwrap();
        assert_eq!(watch.wait(None).unwrap(), Event::Look);
        raise(Signal::SIGTERM).unwrap();
        assert_eq!(watch.wait(None).unwrap(), Event::End);
    }

    #[test]
    fn a_node_that_is_opened_is_a_reason_to_look() {
        let directory = tempfile::tempdir().unwrap();
        let node = directory.path().join("pcmC0D0p");
        std::fs::write(&node, "").unwrap();
        let watch = Watch::new().unwrap();
        watch.follow(&node);
        watch.follow(&node);
        watch.follow(&directory.path().join("absent"));
        std::fs::read(&node).unwrap();
        assert_eq!(watch.wait(None).unwrap(), Event::Look);
    }

    #[test]
    fn waiting_ends_when_the_time_has_come() {
        let watch = Watch::new().unwrap();
        assert_eq!(watch.wait(Some(Instant::now())).unwrap(), Event::Look);
    }

    #[test]
    fn a_timeout_is_never_early_and_never_for_ever() {
        let now = Instant::now();
        assert_eq!(timeout(None, now), PollTimeout::NONE);
        assert_eq!(timeout(Some(now), now), PollTimeout::from(1_u16));
        assert_eq!(timeout(Some(now + Duration::from_micros(1500)), now), PollTimeout::from(2_u16));
        assert_ne!(timeout(Some(now + Duration::from_secs(1 << 30)), now), PollTimeout::NONE);
    }
}
