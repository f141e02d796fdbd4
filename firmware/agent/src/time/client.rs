//! Who asks for the time: a thread, as looking a server's name up may take as long as it likes.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    sys::time::TimeSpec,
    time::{ClockId, clock_settime},
};
use uuid::Uuid;

use super::sntp;
use crate::{
    root::Root,
    settings::{is_host, wake_agent},
    sys,
};

/// Asked if neither owner nor DHCP names a server.
const POOL: &str = "pool.ntp.org";
/// What DHCP named, a file for each interface (overlays: udhcpc).
const BY_DHCP: &str = "run/tenuto/dhcp";
/// How many are asked in one round, of all that are named.
const MOST: usize = 6;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Between rounds: as long as nobody answers, doubled each time; and once somebody has.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(900);
const USUAL: Duration = Duration::from_secs(3600);
/// The least between two rounds, however often the network changes.
const LEAST: Duration = Duration::from_secs(2);
/// From this on the clock is set, below it is made to go faster or slower: a step of a quarter of a second disturbs nobody
/// here, as sound and timeouts go by the monotonic clock.
const STEP: i128 = 250_000_000;

/// A server has told the time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Synchronised {
    server: String,
    /// How much our clock was put forward, ms.
    offset_ms: i64,
}

/// Begins to ask; `woken` says that the network has changed, `tell` gets what was found out.
///
/// # Errors
/// No thread is to be had.
pub(crate) fn start(
    root: &Root,
    owners: Vec<String>,
    woken: Receiver<()>,
    tell: Sender<Synchronised>,
) -> io::Result<()> {
    let root = root.clone();
    let ask = move || {
        let mut wait = FIRST;
        loop {
            let started = Instant::now();
            wait = match round(&servers(&root, &owners)) {
                Ok(synchronised) => {
                    if tell.send(synchronised).is_err() {
                        return;
                    }
                    wake_agent();
                    USUAL
                }
                Err(error) => {
                    tracing::debug!("time: {error:#}");
                    if wait == USUAL { FIRST } else { (wait * 2).min(LONGEST) }
                }
            };
            match woken.recv_timeout(wait) {
                Ok(()) => {
                    std::thread::sleep(LEAST.saturating_sub(started.elapsed()));
                    woken.try_iter().for_each(drop);
                    if wait != USUAL {
                        wait = FIRST;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    std::thread::Builder::new().name("time".to_owned()).spawn(ask).map(drop)
}

/// The owner's servers, else DHCP's, else the pool.
fn servers(root: &Root, owners: &[String]) -> Vec<String> {
    if !owners.is_empty() {
        return owners.to_vec();
    }
    let files = root.names(BY_DHCP).into_iter().filter(|name| name.ends_with(".ntp"));
    let texts: Vec<String> = files.filter_map(|name| root.text(format!("{BY_DHCP}/{name}"))).collect();
    let named = texts.iter().flat_map(|text| text.split_whitespace()).filter(|name| is_host(name));
    named.take(MOST - 1).map(str::to_owned).chain([POOL.to_owned()]).collect()
}

/// Asks one after the other until one answers, and sets the clock.
fn round(servers: &[String]) -> Result<Synchronised> {
    let mut error = anyhow!("nobody to ask");
    for server in servers {
        match ask(server) {
            Ok(offset) => {
                set(offset).context("setting the clock")?;
                let offset_ms = i64::try_from(offset / 1_000_000).unwrap_or(i64::MAX);
                return Ok(Synchronised { server: server.clone(), offset_ms });
            }
            Err(wrong) => error = wrong.context(server.clone()),
        }
    }
    Err(error)
}

/// How much our clock has to be put forward, ns.
fn ask(server: &str) -> Result<i128> {
    let mut error = anyhow!("no such host");
    for address in (server, 123).to_socket_addrs()?.take(2) {
        match ask_address(address) {
            Ok(offset) => return Ok(offset),
            Err(wrong) => error = wrong,
        }
    }
    Err(error)
}

fn ask_address(server: SocketAddr) -> Result<i128> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    // From here on nobody else's packets are received.
    socket.connect(server)?;
    socket.set_read_timeout(Some(ANSWER))?;
    let (nonce, _) = Uuid::new_v4().as_u64_pair();
    let (sent, begun) = (now(), Instant::now());
    socket.send(&sntp::question(nonce))?;
    let mut answer = [0; 128];
    let length = socket.recv(&mut answer)?;
    // By the clock that nobody sets.
    let received = sent + begun.elapsed();
    sntp::offset(&answer[..length], nonce, sent, received).map_err(|why| anyhow!(why))
}

/// Since 1970; a clock before that counts as there.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn set(offset: i128) -> Result<()> {
    if offset.abs() < STEP {
        return Ok(sys::slew_clock(i64::try_from(offset / 1000)?)?);
    }
    let time = i128::try_from(now().as_nanos())? + offset;
    let time = Duration::from_nanos(u64::try_from(time)?);
    clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from(time))?;
    tracing::info!("time: the clock was put forward by {} s", offset / 1_000_000_000);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers one question with what `make` makes of it.
    fn server(make: impl FnOnce(&mut [u8; 48]) + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut packet = [0; 48];
            let (_, from) = socket.recv_from(&mut packet).unwrap();
            make(&mut packet);
            socket.send_to(&packet, from).unwrap();
        });
        address
    }

    fn good(packet: &mut [u8; 48]) {
        packet.copy_within(40..48, 24);
        (packet[0], packet[1]) = (0b00_100_100, 1);
        let seconds = (now().as_secs() + 2_208_988_800 + 3600).to_be_bytes();
        for at in [32, 40] {
            packet[at..at + 4].copy_from_slice(&seconds[4..]);
            packet[at + 4..at + 8].fill(0);
        }
    }

    #[test]
    fn a_server_that_is_an_hour_ahead_is_believed() {
        let offset = ask_address(server(good)).unwrap();
        assert!((3_595_000_000_000..3_605_000_000_000).contains(&offset), "{offset}");
    }

    #[test]
    fn one_that_answers_something_else_is_not() {
        let wrong = server(|packet| {
            good(packet);
            packet[25] ^= 1;
        });
        assert!(ask_address(wrong).unwrap_err().to_string().contains("no answer to our question"));
    }

    #[test]
    fn the_owner_names_servers_or_dhcp_does() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(servers(&root, &[]), [POOL]);
        std::fs::create_dir_all(root.path(BY_DHCP)).unwrap();
        std::fs::write(root.path("run/tenuto/dhcp/eth0.ntp"), "10.0.0.1 bad/name\n10.0.0.2\n").unwrap();
        assert_eq!(servers(&root, &[]), ["10.0.0.1", "10.0.0.2", POOL]);
        assert_eq!(servers(&root, &["mine".to_owned()]), ["mine"]);
    }
}
