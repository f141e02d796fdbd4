//! Discovery: announcements, searches and their answers, and when to send them (UDA section 1).
mod message;
mod schedule;
mod search;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub use message::Announcer;
pub use schedule::{Schedule, response_delay};
pub use search::{Search, Target, parse};

/// The multicast group of IPv4.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

/// The link-local multicast group of IPv6 (UDA annex A).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 0xC);

/// The UDP port of SSDP.
pub const PORT: u16 = 1900;

/// How long an announcement holds: 30 minutes, the least that UDA section 1.2.2 recommends.
pub const MAX_AGE: Duration = Duration::from_secs(1800);

/// The longest datagram that is looked at, in bytes.
pub const MAX_DATAGRAM: usize = 2048;

/// The `SERVER` value: operating system, architecture and product, each with its version.
///
/// `kernel_release` is what `uname -r` says; what follows its numbers is dropped.
pub fn server_token(kernel_release: &str, product_version: &str) -> String {
    let end = kernel_release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(kernel_release.len());
    let kernel = kernel_release.get(..end).map(|version| version.trim_matches('.')).filter(|v| !v.is_empty());
    format!("Linux/{} UPnP/1.1 Tenuto/{product_version}", kernel.unwrap_or("0"))
}

#[cfg(test)]
mod tests;
