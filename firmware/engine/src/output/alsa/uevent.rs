//! The kernel's announcements of devices that come and go.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// The kernel's own multicast group; another one is the device manager's.
const KERNEL: u32 = 1;
/// Announcements read at once; what is left wakes the poll again.
const BATCH: usize = 64;

/// A socket that hears them.
pub(crate) struct Uevents {
    socket: OwnedFd,
}

impl Uevents {
    /// Listens. Without the right to (in some containers) there is none, and looking every second has to do.
    pub(crate) fn listen() -> Option<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(KOBJECT_UEVENT)).ok()?;
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL)).ok()?;
        Some(Self { socket })
    }

    /// Takes what was announced; true if any of it was about sound.
    pub(crate) fn sound_changed(&self) -> bool {
        let mut changed = false;
        let mut message = [0; 4096];
        for _ in 0..BATCH {
            match recv(&self.socket, &mut message, RecvFlags::DONTWAIT) {
                Ok((len, _)) => changed |= is_sound(message.get(..len).unwrap_or(&message)),
                // So many at once that some were lost: sound may have been among them.
                Err(rustix::io::Errno::NOBUFS) => changed = true,
                Err(_) => break,
            }
        }
        changed
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether an announcement, a list of zero-terminated strings, is about a sound device.
fn is_sound(message: &[u8]) -> bool {
    message.split(|&byte| byte == 0).any(|field| field == b"SUBSYSTEM=sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_told_from_the_rest() {
        assert!(is_sound(b"add@/devices/x/sound/card1\0ACTION=add\0SUBSYSTEM=sound\0SEQNUM=7\0"));
        assert!(!is_sound(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=net\0"));
        assert!(!is_sound(b""));
    }
}
