//! The agent as it runs: makes the machine ready, then follows what changes. Each step reads the whole state and does
//! what is missing, so it doesn't matter in which order things appear, or how often the agent was started.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    boot::keeper,
    dhcp::{self, Clients, Fixed},
    identity::Identity,
    net::{self, Action, Link},
    report::Report,
    requests,
    root::Root,
    service,
    settings::{self, Address, Names, News, Owner, Settings},
    sound, sys,
    time::{self, Time},
    tuner::{self, Tuner},
    watch::{Event, Watch},
};

/// At boot the network goes first: knobs, and what has to be written to the medium, take their turn so long after the first
/// address, in which the player announces itself;
const ANNOUNCED: Duration = Duration::from_millis(400);
/// or so long after the agent's start, as the music on a DAC doesn't wait for a cable.
const NETWORK_FIRST: Duration = Duration::from_secs(2);

/// Makes ready, and stays until SIGTERM.
///
/// # Errors
/// Not the appliance, or a kernel that lacks what it was built with.
pub(crate) fn run(root: &Root) -> Result<()> {
    // Started by hand on somebody's workstation it would take over its network.
    ensure!(
        root.is_machine() && root.path(&dhcp::SCRIPT[1..]).exists(),
        "this is not a Tenuto appliance ({} is missing); try --once --root DIR on a copy of one's files",
        dhcp::SCRIPT
    );
    // Before the first look, so that nothing falls between.
    let watch = Watch::new()?;
    let mut agent = Agent::new(root)?;
    // Signals are blocked by now, and stay this thread's. Without a keeper there is music still, but no trial.
    if let Err(error) = keeper::start(root.clone()) {
        tracing::error!("neither watchdog nor trials: {error:#}");
    }
    if let Err(error) = sound::keep_nodes(root.clone()) {
        tracing::error!("no sound card can be played to: {error:#}");
    }
    if let Err(error) = requests::start(root.clone()) {
        tracing::error!("the page can change nothing: {error:#}");
    }
    let mut devices = true;
    loop {
        // Before the look, so that none opens or closes unnoticed after it.
        tuner::outputs(root).for_each(|node| watch.follow(&node));
        agent.look(devices);
        let next = [
            agent.clients.supervise(Instant::now()),
            agent.owner.next(),
            agent.time.next(),
            agent.tuner.next(),
            agent.rest,
        ];
        devices = match watch.wait(next.into_iter().flatten().min())? {
            Event::End => {
                agent.clients.stop_all();
                agent.time.end(root);
                return Ok(());
            }
            event => event == Event::Devices,
        };
    }
}

/// Makes ready once, without network or processes, and returns the report.
///
/// # Errors
/// The root has no writable `run/tenuto`.
pub(crate) fn once(root: &Root) -> Result<String> {
    let mut agent = Agent::new(root)?;
    agent.look(true);
    Ok(agent.report.text()?)
}

struct Agent<'a> {
    root: &'a Root,
    tuner: Tuner<'a>,
    report: Report,
    clients: Clients,
    identity: Identity,
    owner: Owner,
    /// None: not known yet.
    settings: Option<Settings>,
    /// The interface that has the owner's address.
    fixed: Option<String>,
    time: Time,
    /// When what gives way to the network is done; None: it has been.
    rest: Option<Instant>,
}

impl<'a> Agent<'a> {
    /// What is done once. The network first: the other end of a cable takes its time to answer.
    fn new(root: &'a Root) -> Result<Self> {
        for link in net::links(root) {
            bring_up(root, &link.name);
        }
        let identity = Identity::current(root).context("publishing the identity in run/tenuto")?;
        // In a thread of its own from here on.
        let mut owner = Owner::new(Instant::now());
        let news = owner.look(root, Instant::now());
        let tuner = Tuner::new(root);
        let plan = tuner.plan();
        // Nothing that follows needs these two: an engine that finds no plan makes one, and in a full /run there is an old one.
        told("plan", plan.publish(root));
        tracing::info!(
            "{} ({}), engine on core {}",
            identity.hostname(),
            identity.uuid(),
            plan.core.map_or_else(|| "any".to_owned(), |core| core.to_string())
        );
        let report = Report::new(root, identity, plan);
        told("system.json", report.publish(root));
        let clients = Clients::new("udhcpc", dhcp::SCRIPT, identity.hostname());
        let rest = Some(Instant::now() + if root.is_machine() { NETWORK_FIRST } else { Duration::ZERO });
        let (settings, fixed, time) = (None, None, Time::new());
        let mut agent = Self { root, tuner, report, clients, identity, owner, settings, fixed, time, rest };
        if let Some(news) = news {
            agent.settle(news);
        }
        Ok(agent)
    }

    /// Looks at everything that may change, and does what is missing. Nothing here ends the agent.
    fn look(&mut self, devices: bool) {
        let now = Instant::now();
        if let Some(news) = self.owner.look(self.root, now) {
            self.settle(news);
        }
        let links = net::links(self.root);
        self.follow(&links);
        let addresses = if self.root.is_machine() { addresses() } else { BTreeMap::new() };
        let network = self.report.update_network(&links, &addresses);
        if network {
            self.time.network_changed();
        }
        let tuned = self.tune(devices, &addresses, now);
        if tuned {
            self.report.tuned(&self.tuner);
        }
        let news = self.time.look(self.root, now);
        if self.report.update(sound::cards(self.root), news) || network || tuned {
            told("system.json", self.report.publish(self.root));
        }
    }

    /// Turns the knobs as soon as it is their turn, and then those that have to follow; says whether anything was.
    fn tune(&mut self, devices: bool, addresses: &BTreeMap<String, Vec<String>>, now: Instant) -> bool {
        let Some(latest) = self.rest else { return self.tuner.look(devices, now) };
        let due = if is_in_network(addresses) { latest.min(now + ANNOUNCED) } else { latest };
        self.rest = (now < due).then_some(due);
        if self.rest.is_some() {
            return false;
        }
        told("knobs.turned", self.tuner.start());
        self.owner.let_write();
        true
    }

    /// Takes over settings that have become known.
    fn settle(&mut self, News { settings, account }: News) {
        let names = Names::of(&settings, self.identity);
        if self.root.is_machine()
            && let Err(error) = nix::unistd::sethostname(&names.host)
        {
            tracing::warn!("host name {}: {error}", names.host);
        }
        self.clients.set_hostname(&names.host);
        self.report.settle(names, account, &settings);
        // What the programs wait for.
        told("settings.json", settings::publish(self.root, &settings));
        told("system.json", self.report.publish(self.root));
        self.time.start(self.root, &settings);
        // The medium was late, and all began with the defaults. What plays isn't disturbed: then it counts from the next start.
        if self.settings.as_ref().is_some_and(|before| *before != settings) && time::is_idle(self.root) {
            self.clients.stop_all();
            ["engine", "player"].into_iter().for_each(|name| service::restart(self.root, name));
        }
        self.settings = Some(settings);
    }

    fn follow(&mut self, links: &[Link]) {
        for action in net::actions(links, &self.clients.interfaces()) {
            match action {
                Action::BringUp(name) => bring_up(self.root, &name),
                Action::StartDhcp(name) => self.give_address(&name),
                Action::StopDhcp(name) => self.clients.stop(&name),
                Action::Forget(name) => {
                    self.clients.forget(&name);
                    self.fixed.take_if(|fixed| *fixed == name);
                }
            }
        }
    }

    /// The owner's address to the first interface with a cable, a DHCP server's to the others.
    fn give_address(&mut self, interface: &str) {
        // Which of the two isn't known yet: soon.
        let Some(settings) = self.settings.as_ref().filter(|_| self.root.is_machine()) else { return };
        let first = self.fixed.as_deref().is_none_or(|fixed| fixed == interface);
        match settings.address {
            Some(Address::Static(subnet)) if first => {
                let dns = settings.dns.clone().unwrap_or_default();
                self.clients.fix(interface, &Fixed { subnet, gateway: settings.gateway, dns });
                self.fixed = Some(interface.to_owned());
            }
            _ => self.clients.start(interface),
        }
    }
}

/// Says what couldn't be told.
fn told(file: &str, result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!("run/tenuto/{file}: {error}");
    }
}

fn bring_up(root: &Root, interface: &str) {
    if root.is_machine()
        && let Err(error) = sys::bring_up(interface)
    {
        tracing::warn!("{interface} could not be brought up: {error}");
    }
}

/// Whether an interface has an address that others can talk to.
fn is_in_network(addresses: &BTreeMap<String, Vec<String>>) -> bool {
    let parsed = addresses.values().flatten().filter_map(|address| address.parse::<Ipv4Addr>().ok());
    parsed.into_iter().any(|address| !address.is_loopback())
}

fn addresses() -> BTreeMap<String, Vec<String>> {
    net::addresses().unwrap_or_else(|error| {
        tracing::warn!("the interfaces' addresses could not be read: {error}");
        BTreeMap::new()
    })
}
