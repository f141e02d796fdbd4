//! `/run/tenuto/system.json`: what the agent found and did, for the page and for tests. Written when it changes.

use std::{collections::BTreeMap, io};

use crate::{
    cpu::{self, Cpus},
    identity::Identity,
    knob::Setting,
    net::Link,
    plan::Plan,
    priority::{RANKS, Rank},
    root::Root,
    settings::{Account, Names, Settings},
    sound::Card,
    time::Synchronised,
};

const FILE: &str = "run/tenuto/system.json";

/// The file's content.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Report {
    version: &'static str,
    uuid: String,
    name: String,
    hostname: String,
    /// /proc/version.
    kernel: String,
    cpus_online: Cpus,
    cpus_isolated: Cpus,
    plan: Plan,
    /// Who runs before whom.
    priorities: &'static [Rank],
    knobs: Vec<Setting>,
    interfaces: Vec<Interface>,
    sound_cards: Vec<Card>,
    /// None: no server has told the time yet.
    time: Option<Synchronised>,
    /// None: they are still being read.
    settings: Option<OwnersSettings>,
}

/// What the owner has set, without secrets, and how it is kept.
#[derive(Clone, Debug, serde::Serialize)]
struct OwnersSettings {
    #[serde(flatten)]
    account: Account,
    values: serde_json::Value,
}

/// An interface of the agent's.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
struct Interface {
    name: String,
    carrier: bool,
    addresses: Vec<String>,
}

impl Report {
    /// What doesn't change while the agent runs; network and sound are empty.
    pub(crate) fn new(root: &Root, identity: Identity, plan: Plan, knobs: Vec<Setting>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            uuid: identity.uuid(),
            name: identity.name(),
            hostname: identity.hostname(),
            kernel: root.text("proc/version").unwrap_or_default(),
            cpus_online: cpu::online(root),
            cpus_isolated: cpu::isolated(root),
            plan,
            priorities: RANKS,
            knobs,
            interfaces: Vec::new(),
            sound_cards: Vec::new(),
            time: None,
            settings: None,
        }
    }

    /// Takes over which sound cards are there now and what is known of the time, and says whether that is news.
    pub(crate) fn update(&mut self, cards: Vec<Card>, time: Option<Synchronised>) -> bool {
        let news = cards != self.sound_cards || time.is_some();
        self.sound_cards = cards;
        self.time = time.or_else(|| self.time.take());
        news
    }

    /// Takes over the network as it is now, and says whether that is news.
    pub(crate) fn update_network(&mut self, links: &[Link], addresses: &BTreeMap<String, Vec<String>>) -> bool {
        let of = |link: &Link| Interface {
            name: link.name.clone(),
            carrier: link.carrier,
            addresses: addresses.get(&link.name).cloned().unwrap_or_default(),
        };
        let interfaces: Vec<Interface> = links.iter().map(of).collect();
        if interfaces == self.interfaces {
            return false;
        }
        for interface in interfaces.iter().filter(|interface| !self.interfaces.contains(interface)) {
            tracing::info!("{}: {}", interface.name, interface.state());
        }
        self.interfaces = interfaces;
        true
    }

    /// Takes over the owner's settings.
    pub(crate) fn settle(&mut self, names: Names, account: Account, settings: &Settings) {
        (self.name, self.hostname) = (names.friendly, names.host);
        self.settings = Some(OwnersSettings { account, values: settings.without_secrets().values() });
    }

    /// As JSON, ending in a newline.
    ///
    /// # Errors
    /// None that can happen: all of it is plain data.
    pub(crate) fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Writes the file.
    ///
    /// # Errors
    /// `/run/tenuto` is missing or full.
    pub(crate) fn publish(&self, root: &Root) -> io::Result<()> {
        root.publish(FILE, &self.text()?)
    }
}

impl Interface {
    fn state(&self) -> String {
        match (self.carrier, self.addresses.is_empty()) {
            (false, _) => "no cable".to_owned(),
            (true, true) => "cable, no address yet".to_owned(),
            (true, false) => self.addresses.join(" "),
        }
    }
}
