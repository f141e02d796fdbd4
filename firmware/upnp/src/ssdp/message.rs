//! The messages that the device sends.
use std::fmt::Write;

use super::{GROUP_V4, GROUP_V6, MAX_AGE, PORT, Search, Target};
use crate::description::DEVICE_TYPE;

/// Makes every message of one device. All its strings go into header lines: they must not hold line ends.
#[derive(Debug, Clone)]
pub struct Announcer {
    /// The device's UUID without `uuid:`.
    pub uuid: String,
    /// `SERVER`, from [`super::server_token`].
    pub server: String,
    /// `BOOTID.UPNP.ORG`: greater after each start and each change of address, 0 … 2³¹-1 (UDA section 1.2.2).
    pub boot_id: u32,
    /// `CONFIGID.UPNP.ORG`, from [`crate::description::config_id`].
    pub config_id: u32,
}

impl Announcer {
    /// `ssdp:alive` for each of the device's targets, in the order to be sent.
    ///
    /// `location` is the description's URL as seen from the network that the messages go to; an IPv6 literal in it
    /// makes them name the IPv6 group.
    pub fn alive(&self, location: &str) -> Vec<String> {
        let announcement = |target: Target| {
            let mut out = self.notify("ssdp:alive", &target, is_v6(location));
            self.push_description(&mut out, location);
            self.push_ids(&mut out);
            out.push_str("\r\n");
            out
        };
        Target::all().map(announcement).collect()
    }

    /// `ssdp:byebye` for each of the device's targets; `v6` names the group that they are sent to.
    pub fn byebye(&self, v6: bool) -> Vec<String> {
        let farewell = |target: Target| {
            let mut out = self.notify("ssdp:byebye", &target, v6);
            self.push_ids(&mut out);
            out.push_str("\r\n");
            out
        };
        Target::all().map(farewell).collect()
    }

    /// `ssdp:update` for each of the device's targets: told on the networks that stay, before `boot_id` becomes
    /// `next_boot_id` because another network came (UDA section 1.2.4).
    pub fn update(&self, location: &str, next_boot_id: u32) -> Vec<String> {
        let update = |target: Target| {
            let mut out = self.notify("ssdp:update", &target, is_v6(location));
            push(&mut out, "LOCATION", location);
            self.push_ids(&mut out);
            push(&mut out, "NEXTBOOTID.UPNP.ORG", next_boot_id);
            out.push_str("\r\n");
            out
        };
        Target::all().map(update).collect()
    }

    /// The answers to a search, to be sent to the searcher one datagram each; none if nothing here is meant.
    pub fn responses(&self, search: &Search, location: &str) -> Vec<String> {
        let answer = |target: Target| {
            let mut out = String::from("HTTP/1.1 200 OK\r\n");
            self.push_description(&mut out, location);
            push(&mut out, "EXT", "");
            push(&mut out, "ST", self.name(&target));
            push(&mut out, "USN", self.usn(&target));
            self.push_ids(&mut out);
            push(&mut out, "CONTENT-LENGTH", 0);
            out.push_str("\r\n");
            out
        };
        search.targets(&self.uuid).into_iter().map(answer).collect()
    }

    fn notify(&self, kind: &str, target: &Target, v6: bool) -> String {
        let mut out = String::from("NOTIFY * HTTP/1.1\r\n");
        let host = if v6 { format!("[{GROUP_V6}]:{PORT}") } else { format!("{GROUP_V4}:{PORT}") };
        push(&mut out, "HOST", host);
        push(&mut out, "NT", self.name(target));
        push(&mut out, "NTS", kind);
        push(&mut out, "USN", self.usn(target));
        out
    }

    fn push_description(&self, out: &mut String, location: &str) {
        push(out, "CACHE-CONTROL", format_args!("max-age={}", MAX_AGE.as_secs()));
        push(out, "LOCATION", location);
        push(out, "SERVER", &self.server);
    }

    fn push_ids(&self, out: &mut String) {
        push(out, "BOOTID.UPNP.ORG", self.boot_id);
        push(out, "CONFIGID.UPNP.ORG", self.config_id);
    }

    /// The target as `NT` and `ST` write it.
    fn name(&self, target: &Target) -> String {
        match target {
            Target::RootDevice => "upnp:rootdevice".to_owned(),
            Target::Uuid => format!("uuid:{}", self.uuid),
            Target::Device => DEVICE_TYPE.to_owned(),
            Target::Service(service) => service.spec().service_type.to_owned(),
        }
    }

    /// The unique service name (UDA table 1-1).
    fn usn(&self, target: &Target) -> String {
        match target {
            Target::Uuid => format!("uuid:{}", self.uuid),
            other => format!("uuid:{}::{}", self.uuid, self.name(other)),
        }
    }
}

fn is_v6(location: &str) -> bool {
    location.contains("://[")
}

fn push(out: &mut String, name: &str, value: impl std::fmt::Display) {
    // writing into a String can't fail
    let _ = write!(out, "{name}: {value}\r\n");
}
