//! Where events are sent to, and where they must not be sent to.
//!
//! CVE-2020-12695 (*CallStranger*): a renderer that connects to whatever address a subscriber names can be made to
//! attack others or to carry data out of the network. So a callback must be a numeric address (a name could resolve to
//! anything, later) in the subscriber's own network.
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::network::{Network, is_unicast};

/// The longest `CALLBACK` header that is read, in bytes.
const MAX_HEADER: usize = 2048;

/// URLs of one header that are kept.
const MAX_URLS: usize = 4;

/// A URL that takes events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Callback {
    address: SocketAddr,
    path: String,
}

impl Callback {
    /// Reads `http://ADDRESS[:PORT][/PATH]`. The address must be numeric and the port not 0; visible ASCII only, no
    /// user name, no zone (the subscriber's names of its interfaces mean nothing here).
    pub fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        let (scheme, rest) = url.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('%') {
            return None;
        }
        // the fragment stays with the client
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let address = match authority.parse::<SocketAddr>() {
            Ok(address) => address,
            Err(_) => {
                let host = authority.strip_suffix(':').unwrap_or(authority);
                let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map_or_else(
                    || host.parse().ok().filter(IpAddr::is_ipv4),
                    |host| host.parse().ok().filter(IpAddr::is_ipv6),
                );
                SocketAddr::new(host?, 80)
            }
        };
        (address.port() != 0).then_some(Self { address, path })
    }

    /// Where to connect to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Path and query of the request, from the slash on.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether events may go there: to the subscriber itself, or to another host of a network in which both the
    /// subscriber and this device are. Never to this device, unless it is the subscriber.
    ///
    /// `subscriber` is the peer of the connection that the subscription came through, `networks` are those of this
    /// device's interfaces.
    pub fn is_near(&self, subscriber: IpAddr, networks: &[Network]) -> bool {
        let (target, subscriber) = (self.address.ip().to_canonical(), subscriber.to_canonical());
        if !is_unicast(target) {
            return false;
        }
        let is_own = networks.iter().any(|network| network.address.to_canonical() == target);
        target == subscriber
            || !is_own && networks.iter().any(|network| network.has_host(target) && network.has_host(subscriber))
    }
}

impl fmt::Display for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.address, self.path)
    }
}

/// Reads `<url><url>…`; leaves out what isn't an acceptable URL.
pub(super) fn parse_list(header: &str) -> Vec<Callback> {
    if header.len() > MAX_HEADER {
        return Vec::new();
    }
    let urls = header.split('<').skip(1).filter_map(|part| part.split_once('>').map(|(url, _)| url));
    urls.filter_map(Callback::parse).take(MAX_URLS).collect()
}
