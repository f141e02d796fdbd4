//! M-SEARCH: reads it and finds what it means here (UDA section 1.3).
use std::time::Duration;

use super::MAX_DATAGRAM;
use crate::description::DEVICE_TYPE;
use crate::service::Service;

/// Header lines of a search that are looked at.
const MAX_LINES: usize = 32;

/// Something of this device that is announced and can be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// `upnp:rootdevice`.
    RootDevice,
    /// `uuid:…`.
    Uuid,
    /// The device type.
    Device,
    /// A service type.
    Service(Service),
}

/// A valid search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    target: String,
    /// How long the answer may be delayed: 1 to 5 seconds, whatever was asked (UDA section 1.3.2 lets a device assume
    /// 5 for more); 1 if the searcher didn't say, as in a search by unicast.
    pub mx: Duration,
}

impl Search {
    /// What of the device with that UUID is searched for; empty if nothing.
    pub(super) fn targets(&self, uuid: &str) -> Vec<Target> {
        let st = self.target.as_str();
        if st.eq_ignore_ascii_case("ssdp:all") {
            return Target::all().collect();
        }
        if st.eq_ignore_ascii_case("upnp:rootdevice") {
            return vec![Target::RootDevice];
        }
        if let Some(wanted) = strip_prefix_ignore_case(st, "uuid:") {
            return if wanted.eq_ignore_ascii_case(uuid) { vec![Target::Uuid] } else { Vec::new() };
        }
        let services = Service::ALL.map(|service| (service.spec().service_type, Target::Service(service)));
        let known = std::iter::once((DEVICE_TYPE, Target::Device)).chain(services);
        known.filter(|(own, _)| serves(own, st)).map(|(_, target)| target).collect()
    }
}

impl Target {
    /// What a root device without embedded devices announces (UDA tables 1-1 and 1-3).
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::RootDevice, Self::Uuid, Self::Device].into_iter().chain(Service::ALL.map(Self::Service))
    }
}

/// Whether a search for the type `wanted` finds `own`: same type, version not above ours (UDA section 1.3.2).
fn serves(own: &str, wanted: &str) -> bool {
    let (Some((own_type, own_version)), Some((wanted_type, wanted_version))) =
        (own.rsplit_once(':'), wanted.rsplit_once(':'))
    else {
        return false;
    };
    let versions = (own_version.parse::<u32>(), wanted_version.parse::<u32>());
    own_type.eq_ignore_ascii_case(wanted_type)
        && matches!(versions, (Ok(own), Ok(wanted)) if (1..=own).contains(&wanted))
}

/// Reads a datagram that came to the SSDP port; `None` if it isn't a search.
///
/// Header names and the target are taken in any case, names also with spaces around the colon, `MAN` with or without its
/// quotes; lines may end in a bare LF. Only the first [`MAX_DATAGRAM`] bytes and 32 lines count.
pub fn parse(datagram: &[u8]) -> Option<Search> {
    let text = std::str::from_utf8(datagram.get(..MAX_DATAGRAM).unwrap_or(datagram)).ok()?;
    let mut lines = text.lines().take(MAX_LINES);
    let mut words = lines.next()?.split_ascii_whitespace();
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "M-SEARCH" || target != "*" || !version.starts_with("HTTP/1.") {
        return None;
    }
    let (mut man, mut st, mut mx) = (None, None, None);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let slot = match name {
            _ if name.eq_ignore_ascii_case("MAN") => &mut man,
            _ if name.eq_ignore_ascii_case("ST") => &mut st,
            _ if name.eq_ignore_ascii_case("MX") => &mut mx,
            _ => continue,
        };
        slot.get_or_insert(value);
    }
    if man?.trim_matches('"') != "ssdp:discover" {
        return None;
    }
    // a number too large to be read is larger than 5; whatever else isn't a number counts as not said
    let seconds = mx.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = seconds.map_or(1, |text| text.parse::<u64>().unwrap_or(5).clamp(1, 5));
    Some(Search { target: st?.to_owned(), mx: Duration::from_secs(seconds) })
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}
