//! The kernel's announcements of devices that come and go.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// The kernel's own multicast group; another one is the device manager's.
const KERNEL: u32 = 1;
/// Announcements read at once; what is left wakes the poll again.
const BATCH: usize = 64;

/// What was said of sound devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// One has come, or was made ready: `add` or `change`.
    Came,
    /// Anything else: one has gone; or so much was said at once that some of it was lost, and nobody knows what.
    Else,
}

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

    /// Takes what was announced; returns the last of it that was about sound.
    pub(crate) fn of_sound(&self) -> Option<News> {
        let mut news = None;
        let mut message = [0; 4096];
        for _ in 0..BATCH {
            match recv(&self.socket, &mut message, RecvFlags::DONTWAIT) {
                Ok((len, _)) => news = of_sound(message.get(..len).unwrap_or(&message)).or(news),
                // So many at once that some were lost: sound may have been among them.
                Err(rustix::io::Errno::NOBUFS) => news = Some(News::Else),
                Err(_) => break,
            }
        }
        news
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What an announcement, a list of zero-terminated strings, says if it is about a sound device.
fn of_sound(message: &[u8]) -> Option<News> {
    let fields = || message.split(|&byte| byte == 0);
    let came = |field: &[u8]| [&b"ACTION=add"[..], b"ACTION=change"].contains(&field);
    let is_sound = fields().any(|field| field == b"SUBSYSTEM=sound");
    is_sound.then(|| if fields().any(came) { News::Came } else { News::Else })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_told_from_the_rest_and_coming_from_going() {
        let said = |action: &str, subsystem: &str| {
            of_sound(format!("{action}@/devices/x\0ACTION={action}\0SUBSYSTEM={subsystem}\0SEQNUM=7\0").as_bytes())
        };
        assert_eq!(["add", "change"].map(|action| said(action, "sound")), [Some(News::Came); 2]);
        assert_eq!(["remove", "unbind", "added"].map(|action| said(action, "sound")), [Some(News::Else); 3]);
        assert_eq!([said("add", "net"), said("remove", "net"), of_sound(b"")], [None; 3]);
    }
}
