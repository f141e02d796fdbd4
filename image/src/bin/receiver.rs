//! `receiver PORT SECONDS`: runs in the guest of `image/run --measure`. Receives datagrams that begin with their numbers (32 bits, big
//! endian) for so long after the first one, with as large a buffer as the kernel gives, and says `ready`, and then what came as one
//! line of JSON (`image::measure::datagrams::Received`). Fails if none comes within ten seconds.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use image::measure::datagrams::{BUFFER, LENGTH, READY, Received};
use nix::sys::socket::{getsockopt, setsockopt, sockopt::RcvBuf};

/// Without one for so long it is looked whether the time is over.
const SILENCE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, seconds] = arguments.as_slice() else { bail!("usage: receiver PORT SECONDS") };
    let port: u16 = port.parse().context("PORT")?;
    let length = Duration::from_secs(seconds.parse().context("SECONDS")?);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).with_context(|| format!("port {port}"))?;
    setsockopt(&socket, RcvBuf, &BUFFER).context("asking for a buffer")?;
    socket.set_read_timeout(Some(SILENCE)).context("the socket's time-out")?;
    say(READY)?;
    let received = receive(&socket, length)?;
    // The kernel counts its own use of the buffer, too, and says twice what was asked for.
    let buffer_bytes = getsockopt(&socket, RcvBuf).context("the buffer's size")? / 2;
    say(&serde_json::to_string(&Received { buffer_bytes, ..received })?)
}

fn receive(socket: &UdpSocket, length: Duration) -> Result<Received> {
    let mut received = Received::default();
    let mut buffer = [0; LENGTH];
    let mut end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let Ok(bytes) = socket.recv(&mut buffer) else { continue };
        let Some(number) = buffer[..bytes].first_chunk() else { continue };
        if received.datagrams == 0 {
            end = Instant::now() + length;
        }
        received.datagrams += 1;
        received.bytes += bytes as u64;
        received.last = received.last.max(u32::from_be_bytes(*number));
    }
    if received.datagrams == 0 {
        bail!("no datagram has come within {} s", PATIENCE.as_secs());
    }
    Ok(received)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output")
}
