//! Being told when addresses come and go: a netlink socket whose messages aren't even read, only taken as a reason to look again.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use tokio::sync::Notify;
use tracing::warn;

/// `RTMGRP_LINK` and `RTMGRP_IPV4_IFADDR` (`linux/rtnetlink.h`).
const GROUPS: u32 = 0x1 | 0x10;
/// Changes come in bursts: the first one is looked at at once, as it may be the address that everybody waits for, the others
/// together so long after it.
const SETTLE: Duration = Duration::from_millis(50);

/// The subscription to the kernel's news.
pub(super) struct Watch {
    news: Arc<Notify>,
    /// When a change was told last.
    told: Cell<Option<Instant>>,
}

impl Watch {
    /// Starts the thread that listens.
    pub(super) fn new() -> io::Result<Self> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        let news = Arc::new(Notify::new());
        let told = Arc::clone(&news);
        thread::Builder::new().name("addresses".into()).spawn(move || listen(&socket, &told))?;
        Ok(Self { news, told: Cell::new(None) })
    }

    /// Waits until something has changed since the last call; of several changes in a row, until things have settled.
    pub(super) async fn changed(&self) {
        self.news.notified().await;
        if self.told.get().is_some_and(|told| told.elapsed() < SETTLE) {
            tokio::time::sleep(SETTLE).await;
        }
        self.told.set(Some(Instant::now()));
    }
}

fn listen(socket: &OwnedFd, told: &Notify) {
    let mut message = [0; 4096];
    loop {
        match recv(socket, &mut message[..], RecvFlags::empty()) {
            // Whatever it says; or the kernel had more to say than there was room for.
            Ok(_) | Err(Errno::NOBUFS) => told.notify_one(),
            Err(Errno::INTR) => {}
            Err(errno) => {
                return warn!("address changes aren't followed any more: {errno}; restart the player after one");
            }
        }
    }
}
