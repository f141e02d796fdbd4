//! Sockets: those that the player needs, and those of all other kinds.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use crate::attempt::{Way, allowed, by_calls, by_landlock, number};
use crate::call::{call, done};

/// Another process's socket, with a name that is no file.
pub(crate) struct Neighbour {
    pub(crate) name: String,
    _listener: UnixListener,
}

impl Neighbour {
    pub(crate) fn new() -> io::Result<Self> {
        let name = format!("tenuto-hostile-{}", std::process::id());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        Ok(Self { name, _listener: listener })
    }
}

pub(crate) const WAYS: &[Way] = &[
    allowed("look up a name", |_| ("localhost", 80).to_socket_addrs().map(drop)),
    allowed("connect by TCP", |_| {
        // Nobody is there: that is an answer.
        match TcpStream::connect((Ipv4Addr::LOCALHOST, 9)) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error),
            _ => Ok(()),
        }
    }),
    allowed("send by UDP", |_| {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(b"x", (Ipv4Addr::LOCALHOST, 9)).map(drop)
    }),
    allowed("follow addresses", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)),
    allowed("limit a wait", |_| {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.set_read_timeout(Some(Duration::from_secs(1)))
    }),
    by_calls("have the kernel run a filter", |_| tell(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER)),
    by_calls("have the kernel run a program", |_| tell(libc::SOL_SOCKET, libc::SO_ATTACH_BPF)),
    by_calls("take a marked route", |_| tell(libc::SOL_SOCKET, libc::SO_MARK)),
    by_calls("be another interface's", |_| tell(libc::SOL_SOCKET, libc::SO_BINDTODEVICE)),
    by_calls("put a protocol on TCP", |_| tell(libc::IPPROTO_TCP, libc::TCP_ULP)),
    by_calls("repair TCP", |_| tell(libc::IPPROTO_TCP, libc::TCP_REPAIR)),
    by_calls("change the firewall by a socket", |_| tell(libc::IPPROTO_IP, 64)),
    by_calls("listen by TCP", |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(drop)),
    by_calls("listen without a port", |_| {
        let socket = call(libc::SYS_socket, [number(libc::AF_INET), number(libc::SOCK_STREAM), 0, 0, 0, 0])?;
        done(libc::SYS_listen, [socket.cast_unsigned() as usize, 1, 0, 0, 0, 0])
    }),
    by_landlock("bind by TCP", 4, |_| {
        let socket = call(libc::SYS_socket, [number(libc::AF_INET), number(libc::SOCK_STREAM), 0, 0, 0, 0])?;
        let address = [u16::try_from(libc::AF_INET).unwrap_or(0), 0, 0, 0, 0, 0, 0, 0];
        done(libc::SYS_bind, [socket.cast_unsigned() as usize, address.as_ptr() as usize, 16, 0, 0, 0])
    }),
    by_landlock("answer DNS in another's place", 10, |_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 5353)).map(drop)),
    by_calls("make raw packets", |_| socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)),
    by_calls("make raw packets of IPv6", |_| socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)),
    by_calls("hear all packets", |_| socket(libc::AF_PACKET, libc::SOCK_RAW, 0)),
    by_calls("hear all packets without their heads", |_| socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0)),
    by_calls("change the firewall", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER)),
    by_calls("hear the kernel's events", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_KOBJECT_UEVENT)),
    by_calls("read the audit", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT)),
    by_calls("use the kernel's ciphers", |_| socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)),
    by_calls("talk to the host", |_| socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
    by_calls("use Bluetooth", |_| socket(libc::AF_BLUETOOTH, libc::SOCK_RAW, 0)),
    by_calls("use the CAN bus", |_| socket(libc::AF_CAN, libc::SOCK_RAW, 1)),
    by_landlock("connect to another's abstract socket", 6, |around| {
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(&around.abstract_name)?).map(drop)
    }),
    by_calls("pretend to be a program's socket", |_| UnixListener::bind("/tmp/hostile.sock").map(drop)),
];

/// Sets an option of a socket, with nothing as its value: a kernel that looks at it finds it wanting.
fn tell(level: i32, option: i32) -> io::Result<()> {
    let socket = call(libc::SYS_socket, [number(libc::AF_INET), number(libc::SOCK_STREAM), 0, 0, 0, 0])?;
    done(libc::SYS_setsockopt, [socket.cast_unsigned() as usize, number(level), number(option), 0, 0, 0])
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<()> {
    done(libc::SYS_socket, [number(family), number(kind), number(protocol), 0, 0, 0])
}
