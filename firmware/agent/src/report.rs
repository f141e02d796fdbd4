//! `/run/tenuto/system.json`: what the agent found and did, for the page and for tests. Written when it changes.

use std::{collections::BTreeMap, io};

use crate::{
    identity::Identity,
    knobs::Setting,
    net::Link,
    plan::Plan,
    priorities::{RANKS, Rank, Thread},
    root::Root,
    settings::{Account, Names, Settings},
    show::Planned,
    sound::Card,
    time::Synchronised,
    topology::Cpus,
    tuner::Tuner,
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
    /// Who gets which core, why, and the kernel arguments that go with it.
    tuning: Option<Planned>,
    /// Who runs before whom.
    priorities: &'static [Rank],
    /// The threads that this is about.
    threads: Vec<Thread>,
    /// Whether music plays.
    playing: bool,
    knobs: Vec<Setting>,
    interfaces: Vec<Interface>,
    sound_cards: Vec<Card>,
    /// None: no server has told the time yet.
    time: Option<Synchronised>,
    /// None: they are still being read, or kept.
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
    pub(crate) fn new(root: &Root, identity: Identity, plan: Plan) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            uuid: identity.uuid(),
            name: identity.name(),
            hostname: identity.hostname(),
            kernel: root.text("proc/version").unwrap_or_default(),
            cpus_online: Cpus::new(),
            cpus_isolated: Cpus::new(),
            plan,
            tuning: None,
            priorities: RANKS,
            threads: Vec::new(),
            playing: false,
            knobs: Vec::new(),
            interfaces: Vec::new(),
            sound_cards: Vec::new(),
            time: None,
            settings: None,
        }
    }

    /// Takes over how the knobs are.
    pub(crate) fn tuned(&mut self, tuner: &Tuner) {
        let machine = tuner.machine();
        self.cpus_online = machine.topology.online.clone();
        self.cpus_isolated = machine.topology.isolated.clone();
        self.tuning = Some(Planned::of(machine));
        self.threads = tuner.threads().to_vec();
        self.playing = machine.playing;
        self.knobs = tuner.settings().to_vec();
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

    /// Takes over the owner's settings; those that are still being kept aren't reported yet.
    pub(crate) fn settle(&mut self, names: Names, account: Option<Account>, settings: &Settings) {
        (self.name, self.hostname) = (names.friendly, names.host);
        self.settings = account.map(|account| OwnersSettings { account, values: settings.without_secrets().values() });
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
