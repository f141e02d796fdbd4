//! `tenuto.toml`: what an owner writes on any computer. Every key is optional; one that isn't known is an error, as it would
//! else be a mistyped one that does nothing.

use std::{net::Ipv4Addr, ops::Range};

use serde::Deserialize;
use toml::Spanned;

use super::value::{Address, Country, Dac, HostName, Label, Overlay, Password, Ssid, Volume};

/// Bytes of the largest file that is read.
pub(crate) const LARGEST: usize = 16 << 10;
/// More servers than these are of no use: the C library asks three (resolv.conf(5)).
const MOST_SERVERS: usize = 3;

/// The file's content.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    pub(crate) name: Option<Label>,
    pub(crate) room: Option<Label>,
    pub(crate) volume: Option<Volume>,
    pub(crate) dac: Option<Dac>,
    pub(crate) hat: Option<Overlay>,
    pub(crate) network: Network,
    pub(crate) wifi: Option<Wifi>,
    pub(crate) time: Time,
}

/// `[network]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Network {
    pub(crate) address: Option<Spanned<Address>>,
    pub(crate) gateway: Option<Spanned<Ipv4Addr>>,
    pub(crate) dns: Option<Spanned<Vec<Ipv4Addr>>>,
}

/// `[wifi]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wifi {
    pub(crate) ssid: Ssid,
    /// None: the network is open.
    pub(crate) password: Option<Spanned<Password>>,
    pub(crate) country: Option<Country>,
}

/// `[time]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Time {
    pub(crate) servers: Option<Spanned<Vec<HostName>>>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it first.
pub(crate) fn parse(bytes: &[u8]) -> Result<File, Fault> {
    if bytes.len() > LARGEST {
        return Err(Fault { line: 1, what: format!("it is larger than {LARGEST} bytes") });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let what = "it is no text in UTF-8; editors offer that when saving".to_owned();
        Fault { line: line_of(bytes, error.valid_up_to()), what }
    })?;
    let fault = |span: Option<Range<usize>>, what: String| Fault {
        line: line_of(bytes, span.map_or(0, |span| span.start)),
        what,
    };
    let file: File = toml::from_str(text).map_err(|error| {
        // Of several lines the first says it; no value is repeated, it may be a secret.
        let what = error.message().lines().next().unwrap_or("it is no TOML").to_owned();
        fault(error.span(), what)
    })?;
    check(&file.network).map_err(|(span, what)| fault(Some(span), what.to_owned()))?;
    if let Some(servers) = file.time.servers.as_ref().filter(|servers| servers.get_ref().len() > MOST_SERVERS) {
        return Err(fault(Some(servers.span()), format!("at most {MOST_SERVERS} time servers are asked")));
    }
    Ok(file)
}

/// What belongs together has to fit.
fn check(network: &Network) -> Result<(), (Range<usize>, &'static str)> {
    let subnet = match network.address.as_ref().map(Spanned::get_ref) {
        Some(Address::Static(subnet)) => Some(*subnet),
        _ => None,
    };
    if let Some(gateway) = &network.gateway {
        match subnet {
            None => return Err((gateway.span(), "a gateway goes with a static address only; DHCP brings its own")),
            Some(subnet) if !subnet.has(*gateway.get_ref()) => {
                return Err((gateway.span(), "the gateway is no other host of the address's network"));
            }
            Some(_) => {}
        }
    }
    if let Some(dns) = &network.dns {
        if subnet.is_none() {
            return Err((dns.span(), "DNS servers go with a static address only; DHCP brings its own"));
        }
        if dns.get_ref().len() > MOST_SERVERS {
            return Err((dns.span(), "at most three DNS servers are asked"));
        }
    }
    Ok(())
}

/// The line that a byte stands in.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// The file with spaces in place of its secret: as many bytes, so that no sector but the secret's own changes.
pub(crate) fn blanked(bytes: &[u8], file: &File) -> Vec<u8> {
    let mut blank = bytes.to_vec();
    let secret = file.wifi.as_ref().and_then(|wifi| wifi.password.as_ref());
    // Any string of TOML is at least two quotes long.
    if let Some([first, inside @ .., last]) = secret.and_then(|secret| blank.get_mut(secret.span())) {
        (*first, *last) = (b'"', b'"');
        inside.fill(b' ');
    }
    blank
}

#[cfg(test)]
mod tests;
