//! Ten seconds of datagrams at 45 Mbit/s, in bursts of 10 ms, to a program on one of the player's cores while music plays: what the
//! guest's kernel drops of them, with the network's knobs and without. That is three times what 768 kHz in 32 bits stereo takes.
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guest::Guest;
use crate::network::GUEST;

/// Bytes of a datagram: a full Ethernet frame.
pub const LENGTH: usize = 1472;
/// What the receiver asks for, bytes: without the knobs it gets 208 KiB.
pub const BUFFER: usize = 16 << 20;
/// What it says when it listens.
pub const READY: &str = "ready";

/// Where it listens.
pub(super) const PORT: u16 = 5045;
/// A burst each, of so many datagrams: 45 Mbit/s.
const BURST: Duration = Duration::from_millis(10);
const DATAGRAMS: u32 = 45_000_000 / 8 / 100 / LENGTH as u32;
/// How long they come.
const SECONDS: u64 = 10;

/// What a receiver got.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Received {
    /// Datagrams.
    pub datagrams: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// The highest of their numbers, which begin at 1: so many were sent at least.
    pub last: u32,
    /// What the kernel let it have, bytes.
    pub buffer_bytes: usize,
}

/// What came of ten seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Tried {
    /// Sent by the host.
    pub sent: u32,
    /// Received by the program.
    #[serde(flatten)]
    pub received: Received,
    /// Datagrams for which a socket had no room (`RcvbufErrors` in `/proc/net/snmp`).
    pub no_room: u64,
    /// Packets for which a core had none (the second column of `/proc/net/softnet_stat`).
    pub dropped: u64,
    /// Times that a core has left packets for its next turn (the third).
    pub squeezed: u64,
}

impl Tried {
    /// What is wrong with it where the knobs are turned. Those that never came to the guest are the emulator's.
    pub(super) fn faults(&self) -> Vec<String> {
        let wrong = [
            (self.no_room, "datagrams found no room in their socket's buffer"),
            (self.dropped, "packets found no room in a core's backlog"),
        ];
        let mut faults: Vec<String> = wrong
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("with the network's knobs {count} {what}"))
            .collect();
        if self.received.buffer_bytes < BUFFER {
            faults.push(format!("a socket that asks for {BUFFER} bytes gets {}", self.received.buffer_bytes));
        }
        faults
    }
}

/// The kernel's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counters {
    no_room: u64,
    dropped: u64,
    squeezed: u64,
}

impl Counters {
    fn read(guest: &mut Guest) -> Result<Self> {
        let text = guest.ask("cat /proc/net/snmp /proc/net/softnet_stat")?;
        Self::parse(&text).with_context(|| format!("the kernel's counters of packets: {text}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut udp = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let at = udp.next()?.split(' ').position(|name| name == "RcvbufErrors")?;
        let no_room = udp.next()?.split(' ').nth(at)?.parse().ok()?;
        let column = |n: usize| {
            let cores = text.lines().filter(|line| !line.contains(':'));
            cores.filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(n)?, 16).ok()).sum()
        };
        Some(Self { no_room, dropped: column(1), squeezed: column(2) })
    }
}

/// Sends, and asks what came. The receiver runs on the cores of `list`.
///
/// # Errors
/// When nothing comes, or the guest doesn't answer.
pub(super) fn run(guest: &mut Guest, list: &str) -> Result<Tried> {
    let before = Counters::read(guest)?;
    let receiver = guest.start("receiver", &format!("taskset -c {list} {{}} {PORT} {SECONDS}"))?;
    guest.wait_for(&receiver, READY)?;
    let sent = send(Duration::from_secs(SECONDS), &AtomicBool::new(false))?;
    let received = serde_json::from_str(&guest.last_line(&receiver)?).context("what the receiver says")?;
    let after = Counters::read(guest)?;
    Ok(Tried {
        sent,
        received,
        no_room: after.no_room - before.no_room,
        dropped: after.dropped - before.dropped,
        squeezed: after.squeezed - before.squeezed,
    })
}

/// Sends bursts for so long, or until it is over; returns how many datagrams that were. A burst that comes late is not left out.
///
/// # Errors
/// When there is no way to the guest.
pub(super) fn send(length: Duration, over: &AtomicBool) -> Result<u32> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("a socket to send datagrams")?;
    let to = SocketAddrV4::new(GUEST, PORT);
    let mut datagram = [0x5a; LENGTH];
    let (start, mut number, mut burst) = (Instant::now(), 0_u32, 0);
    while BURST * burst < length && !over.load(Ordering::Relaxed) {
        for _ in 0..DATAGRAMS {
            number += 1;
            datagram[..4].copy_from_slice(&number.to_be_bytes());
            // Nobody may listen: that is said for a later datagram, and is the receiver's business.
            let _ = socket.send_to(&datagram, to);
        }
        burst += 1;
        std::thread::sleep((start + BURST * burst).saturating_duration_since(Instant::now()));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_counters_are_read() {
        let text = "Ip: Forwarding\nIp: 2\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
                    Udp: 5 1 3 9 2 0\nUdpLite: InDatagrams\nUdpLite: 0\n\
                    00000102 00000003 00000001 00000000\n0000000a 0000000a 00000000 00000000\n";
        assert_eq!(Counters::parse(text), Some(Counters { no_room: 2, dropped: 13, squeezed: 1 }));
        assert_eq!(Counters::parse("Udp: a\n"), None);
    }

    #[test]
    fn a_burst_is_45_mbit_a_second() {
        let bits = u64::from(DATAGRAMS) * LENGTH as u64 * 8 * 100;
        assert!((44_000_000..=45_000_000).contains(&bits), "{bits}");
    }

    #[test]
    fn what_the_kernel_drops_with_the_knobs_is_a_fault() {
        let received = Received { datagrams: 9, bytes: 9, last: 9, buffer_bytes: BUFFER };
        let well = Tried { sent: 9, received, no_room: 0, dropped: 0, squeezed: 4 };
        assert!(well.faults().is_empty());
        assert_eq!(Tried { no_room: 1, dropped: 2, ..well }.faults().len(), 2);
    }
}
