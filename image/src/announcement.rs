//! Waiting for the guest's first SSDP announcement.
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::machine::Machine;
use crate::network::{GUEST, HOST};
use crate::stop;

/// SSDP's group and port (UPnP Device Architecture 1.0, section 1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const PORT: u16 = 1900;

/// The first announcement.
#[derive(Debug)]
pub struct Announcement {
    /// The description's URL.
    pub location: String,
    /// From QEMU's start to its arrival.
    pub after: Duration,
}

/// An ear on SSDP's group in the calling thread's network. To be opened before the machine is started.
#[derive(Debug)]
pub struct Ear(UdpSocket);

impl Ear {
    /// Joins the group.
    ///
    /// # Errors
    /// When that is impossible.
    pub fn open() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).context("listening for SSDP")?;
        socket.join_multicast_v4(&GROUP, &HOST).context("joining SSDP's group")?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        Ok(Self(socket))
    }

    /// Waits for an `ssdp:alive` of the guest, at most for `limit`.
    ///
    /// # Errors
    /// When it doesn't come, or the machine ends; with the end of its console.
    pub fn wait(&self, machine: &mut Machine, limit: Duration) -> Result<Announcement> {
        let deadline = Instant::now() + limit;
        let mut buffer = [0; 2048];
        loop {
            match self.0.recv_from(&mut buffer) {
                Ok((length, from)) if from.ip() == GUEST => {
                    let text = String::from_utf8_lossy(&buffer[..length]);
                    if let Some(location) = alive(&text) {
                        return Ok(Announcement { location: location.to_owned(), after: machine.started().elapsed() });
                    }
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error).context("listening for SSDP"),
            }
            stop::check()?;
            machine.check()?;
            if Instant::now() > deadline {
                bail!("no SSDP announcement within {} s; {}", limit.as_secs(), machine.last_words());
            }
        }
    }
}

/// The LOCATION of a NOTIFY with ssdp:alive.
fn alive(text: &str) -> Option<&str> {
    let mut lines = text.lines();
    if !lines.next()?.starts_with("NOTIFY ") {
        return None;
    }
    let (mut location, mut is_alive) = (None, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_uppercase().as_str() {
            "NTS" => is_alive = value.trim() == "ssdp:alive",
            "LOCATION" => location = Some(value.trim()),
            _ => {}
        }
    }
    location.filter(|_| is_alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_alive_with_a_location_counts() {
        let text = "NOTIFY * HTTP/1.1\r\nNts: ssdp:alive\r\nLocation: http://10.77.0.10/description.xml\r\n\r\n";
        assert_eq!(alive(text), Some("http://10.77.0.10/description.xml"));
        assert_eq!(alive(&text.replace("alive", "byebye")), None);
        assert_eq!(alive("M-SEARCH * HTTP/1.1\r\nNTS: ssdp:alive\r\nLOCATION: x\r\n"), None);
        assert_eq!(alive(""), None);
    }
}
