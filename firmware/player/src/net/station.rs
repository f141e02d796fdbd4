//! SSDP on one interface: two sockets and a clock.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use std::time::{Duration, Instant};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;
use tracing::debug;
use upnp::network::Network;
use upnp::ssdp::{self, Announcer, GROUP_V4, MAX_DATAGRAM, PORT, Schedule, Search, response_delay};

use super::interfaces::Endpoint;
use super::random;
use crate::counters::Counters;

/// Searches that wait for their answers; more are not answered (they would be a flood, or have been repeated anyway).
const MAX_WAITING: usize = 32;
/// UDA 1.1, 1.2.2: the TTL of announcements should be 2.
const TTL: u32 = 2;

/// Announces and answers on one interface.
pub(super) struct Station {
    pub(super) endpoint: Endpoint,
    pub(super) location: String,
    announcer: Rc<RefCell<Announcer>>,
    /// Those of this machine: only who is in one of them is answered, so that nobody can have answers sent elsewhere by giving a
    /// false address.
    networks: Rc<RefCell<Vec<Network>>>,
    counters: Rc<Counters>,
    /// Whether the last datagram went out; None: there was none yet.
    sent: Cell<Option<bool>>,
    /// Hears what is sent to the group on this interface, and nothing else.
    group: UdpSocket,
    /// Sends from the interface's own address, and hears what is sent to it.
    own: UdpSocket,
}

/// A search that gets its answer later.
struct Waiting {
    at: Instant,
    to: SocketAddr,
    search: Search,
}

impl Station {
    pub(super) fn new(
        endpoint: Endpoint,
        location: String,
        announcer: Rc<RefCell<Announcer>>,
        networks: Rc<RefCell<Vec<Network>>>,
        counters: Rc<Counters>,
    ) -> io::Result<Self> {
        let group = socket(SocketAddrV4::new(GROUP_V4, PORT))?;
        group.join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(endpoint.index))?;
        // Otherwise it would hear the groups that others joined on other interfaces.
        group.set_multicast_all_v4(false)?;
        let own = socket(SocketAddrV4::new(endpoint.address, PORT))
            .or_else(|_| socket(SocketAddrV4::new(endpoint.address, 0)))?;
        own.set_multicast_if_v4(&endpoint.address)?;
        own.set_multicast_ttl_v4(TTL)?;
        Ok(Self {
            endpoint,
            location,
            announcer,
            networks,
            counters,
            sent: Cell::new(None),
            group: UdpSocket::from_std(group.into())?,
            own: UdpSocket::from_std(own.into())?,
        })
    }

    /// Whether what it says goes out.
    pub(super) fn is_well(&self) -> bool {
        self.sent.get() == Some(true)
    }

    /// Announces at once and again in time, and answers searches; `announced` is told of each announcement.
    pub(super) async fn run(&self, announced: impl Fn(&str)) {
        let mut schedule = Schedule::new(Instant::now());
        let mut waiting: Vec<Waiting> = Vec::new();
        let (mut from_group, mut from_own) = ([0; MAX_DATAGRAM], [0; MAX_DATAGRAM]);
        loop {
            let next = waiting.iter().map(|waiting| waiting.at).fold(schedule.next(), Instant::min);
            tokio::select! {
                received = self.group.recv_from(&mut from_group) => self.receive(received, &from_group, &mut waiting).await,
                received = self.own.recv_from(&mut from_own) => self.receive(received, &from_own, &mut waiting).await,
                () = tokio::time::sleep_until(next.into()) => {}
            }
            let now = Instant::now();
            if schedule.poll(now, random()) {
                let messages = self.announcer.borrow().alive(&self.location);
                self.tell_group(messages).await;
                self.counters.ssdp_rounds.add();
                announced(&self.location);
            }
            for due in waiting.extract_if(.., |waiting| waiting.at <= now).collect::<Vec<_>>() {
                let answers = self.announcer.borrow().responses(&due.search, &self.location);
                for answer in answers {
                    self.send(&answer, due.to).await;
                }
                self.counters.ssdp_answers.add();
            }
        }
    }

    async fn receive(&self, received: io::Result<(usize, SocketAddr)>, buffer: &[u8], waiting: &mut Vec<Waiting>) {
        let (bytes, from) = match received {
            Ok(received) => received,
            Err(error) => {
                self.counters.ssdp_errors.add();
                // An ICMP error for something sent, or the interface went down: the watch sees to that.
                debug!("SSDP on {}: {error}", self.endpoint.address);
                return tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let Some(search) = buffer.get(..bytes).and_then(ssdp::parse) else { return };
        let is_ours = !self.announcer.borrow().responses(&search, "").is_empty();
        let is_near = self.networks.borrow().iter().any(|network| network.has_host(from.ip()));
        if is_ours && is_near && waiting.len() < MAX_WAITING {
            waiting.push(Waiting { at: Instant::now() + response_delay(search.mx, random()), to: from, search });
        }
    }

    /// Says good-bye.
    pub(super) async fn leave(&self) {
        let messages = self.announcer.borrow().byebye(false);
        self.tell_group(messages).await;
    }

    /// Says that BOOTID is about to change.
    pub(super) async fn update(&self, next_boot_id: u32) {
        let messages = self.announcer.borrow().update(&self.location, next_boot_id);
        self.tell_group(messages).await;
    }

    async fn tell_group(&self, messages: Vec<String>) {
        for message in messages {
            self.send(&message, SocketAddr::from((GROUP_V4, PORT))).await;
        }
    }

    async fn send(&self, message: &str, to: SocketAddr) {
        let sent = self.own.send_to(message.as_bytes(), to).await;
        self.sent.set(Some(sent.is_ok()));
        if let Err(error) = sent {
            self.counters.ssdp_errors.add();
            debug!("SSDP from {} to {to}: {error}", self.endpoint.address);
        }
    }
}

/// A socket that shares its port with other SSDP programs of this machine.
fn socket(address: SocketAddrV4) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    if *address.ip() == GROUP_V4 {
        // For the group every socket gets every datagram; for one's own address this would share them out.
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

/// The address of the description, as seen from an interface.
pub(super) fn location(address: Ipv4Addr, port: u16) -> String {
    format!("http://{}/description.xml", host(address, port))
}

/// Address and port for a URL.
pub(super) fn host(address: Ipv4Addr, port: u16) -> String {
    if port == 80 { address.to_string() } else { format!("{address}:{port}") }
}
