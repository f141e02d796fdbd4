//! The socket between player and engine: `AF_UNIX`, `SOCK_SEQPACKET`, one datagram per message.
//!
//! A [`Link`] is non-blocking if it was made so; it gives its file descriptor to whatever polls it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    recvmsg, sendmsg, socket_with, socketpair,
};

use crate::VERSION;
use crate::mapping::{MapError, RingMemory};
use crate::message::{BYTES, DecodeError, FromEngine, Refused, Reply, Request};
use crate::producer::Producer;
use crate::status::Status;

/// Files that come with a `Welcome`.
const FILES: usize = 2;

/// Why the link to the engine can't be set up or used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The system refused.
    #[error("the link to the engine: {0}")]
    System(#[from] io::Error),
    /// The peer has closed it.
    #[error("the engine has closed the link")]
    Closed,
    /// The engine said no.
    #[error("the engine refuses: {text}")]
    Refused {
        /// The kind of reason.
        code: Refused,
        /// The reason.
        text: String,
    },
    /// The peer doesn't speak this protocol.
    #[error("the engine sent {0}")]
    Decode(#[from] DecodeError),
    /// The peer doesn't keep to the protocol.
    #[error("the engine sent an unexpected answer to {0}")]
    Unexpected(&'static str),
    /// The memory that came with the `Welcome` is no good.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// One end of a connection.
#[derive(Debug)]
pub struct Link {
    socket: OwnedFd,
}

/// What [`Link::receive`] got.
#[derive(Debug)]
pub struct Received {
    /// The datagram's bytes; one byte more than a message if it was longer than that.
    pub bytes: Vec<u8>,
    /// The files that came with it.
    pub files: Vec<OwnedFd>,
}

impl Link {
    /// Connects to the engine's socket at `path`; blocking.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = seqpacket(SocketFlags::empty())?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self { socket })
    }

    /// Two connected ends, blocking.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self { socket: a }, Self { socket: b }))
    }

    /// Makes calls return `WouldBlock` instead of waiting, or wait again.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        let mut flags = fcntl_getfl(&self.socket)?;
        flags.set(OFlags::NONBLOCK, nonblocking);
        Ok(fcntl_setfl(&self.socket, flags)?)
    }

    /// Sends one datagram. `WouldBlock` from a non-blocking link means that the peer doesn't read.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.send_with(bytes, &[])
    }

    /// Sends one datagram with at most two files.
    pub fn send_with(&self, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "more files than a message carries"));
        }
        sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Receives one datagram; `None` when the peer has closed.
    pub fn receive(&self) -> io::Result<Option<Received>> {
        match self.receive_once() {
            // A peer that closes with something unread leaves this error in front of its own last words.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.receive_once(),
            result => result,
        }
    }

    fn receive_once(&self) -> io::Result<Option<Received>> {
        // One byte more than a message, so that a longer one isn't mistaken for one.
        let mut bytes = vec![0; BYTES + 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let message = recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
        let mut files = Vec::new();
        for ancillary in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = ancillary {
                files.extend(fds);
            }
        }
        // An empty datagram and the end look alike here; this protocol has no empty ones.
        if message.bytes == 0 {
            return Ok(None);
        }
        if message.flags.contains(ReturnFlags::CTRUNC) {
            files.clear();
        }
        bytes.truncate(message.bytes);
        Ok(Some(Received { bytes, files }))
    }

    /// Who is at the other end: process, user and group at the time of its `connect`.
    pub fn peer(&self) -> io::Result<rustix::net::UCred> {
        Ok(rustix::net::sockopt::socket_peercred(&self.socket)?)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Link {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// The engine's listening socket; non-blocking.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
}

impl Listener {
    /// Binds to `path`, where nothing may be.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let socket = seqpacket(SocketFlags::NONBLOCK)?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        listen(&socket, 4)?;
        Ok(Self { socket })
    }

    /// The next connection, non-blocking as well; `None` if there is none now.
    pub fn accept(&self) -> io::Result<Option<Link>> {
        match accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(socket) => Ok(Some(Link { socket })),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn seqpacket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC | flags, None)?)
}

/// The player's end after the handshake.
#[derive(Debug)]
pub struct Connection {
    /// The link, blocking. The engine answers each request once, in order, with events in between.
    pub link: Link,
    /// The ring; it has no room before the first `Opened`.
    pub producer: Producer,
    /// The engine's status page.
    pub status: Status,
}

impl Connection {
    /// Connects to the engine at `path` and shakes hands. Blocks until the engine has answered.
    pub fn connect(path: &Path) -> Result<Self, LinkError> {
        Self::handshake(Link::connect(path)?)
    }

    /// Shakes hands over a blocking link.
    pub fn handshake(link: Link) -> Result<Self, LinkError> {
        match link.send(&Request::Hello { version: VERSION }.encode()) {
            // It has turned us away already, and said why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        let received = link.receive()?.ok_or(LinkError::Closed)?;
        match FromEngine::decode(&received.bytes)? {
            FromEngine::Reply(Reply::Welcome) => {}
            FromEngine::Reply(Reply::Refused { code, text }) => return Err(LinkError::Refused { code, text }),
            _ => return Err(LinkError::Unexpected("Hello")),
        }
        let [ring, status] = received.files.as_slice() else {
            return Err(LinkError::Unexpected("Hello: not two files"));
        };
        let producer = Producer::new(RingMemory::from_fd(ring.as_fd())?);
        Ok(Self { link, producer, status: Status::from_fd(status.as_fd())? })
    }
}
