//! An SSDP search on one interface: `rupnp`'s leaves by the default route only (UPnP Device Architecture 1.1, 1.3).
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::Error;

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);
/// A search is lost as easily as any datagram: it is repeated this often.
const REPEAT: Duration = Duration::from_millis(500);

/// Searches for `target`; returns the LOCATION of the first answer.
pub(super) fn search(interface: Ipv4Addr, target: &str, limit: Duration) -> Result<String, Error> {
    let broken = |error: std::io::Error| Error::Broken(format!("SSDP search on {interface}"), error.to_string());
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(broken)?;
    let local: SocketAddr = (interface, 0).into();
    socket.bind(&local.into()).map_err(broken)?;
    socket.set_multicast_if_v4(&interface).map_err(broken)?;
    socket.set_multicast_ttl_v4(2).map_err(broken)?;
    let socket = UdpSocket::from(socket);
    let message =
        format!("M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n");
    let begin = Instant::now();
    while begin.elapsed() < limit {
        socket.send_to(message.as_bytes(), GROUP).map_err(broken)?;
        let round = Instant::now();
        while let Some(left) = REPEAT.checked_sub(round.elapsed())
            && !left.is_zero()
        {
            socket.set_read_timeout(Some(left)).map_err(broken)?;
            let mut buffer = [0_u8; 2048];
            // Running out of time is the common end of a round.
            let Ok(length) = socket.recv(&mut buffer) else {
                break;
            };
            let text = String::from_utf8_lossy(&buffer[..length]);
            if let Some(location) = location(&text, target) {
                return Ok(location);
            }
        }
    }
    Err(Error::NotFound(limit))
}

/// The LOCATION in an answer to a search for `target`.
fn location(text: &str, target: &str) -> Option<String> {
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    if !first.next()?.starts_with("HTTP/1.") || first.next()? != "200" {
        return None;
    }
    let header = |name: &str| {
        lines.clone().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    (header("ST")? == target).then(|| header("LOCATION"))?
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn only_answers_to_the_search_count() {
        let answer = "HTTP/1.1 200 OK\r\nSt: x\r\nlocation: http://h/d.xml\r\n\r\n";
        assert_eq!(location(answer, "x").as_deref(), Some("http://h/d.xml"));
        assert_eq!(location(answer, "y"), None);
        let notify = "NOTIFY * HTTP/1.1\r\nST: x\r\nLOCATION: http://h/\r\n\r\n";
        assert_eq!(location(notify, "x"), None);
    }
}
