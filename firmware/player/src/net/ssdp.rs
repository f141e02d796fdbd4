//! SSDP on every interface there is, as they come and go (D1, D2, D7).

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};
use upnp::network::Network;
use upnp::ssdp::Announcer;

use super::interfaces::{self, Endpoint, Wanted};
use super::station::{Station, host, location};
use super::watch::Watch;
use crate::counters::Counters;

/// How often to look where the kernel's news can't be had, or where an interface wasn't ready.
const LOOK: Duration = Duration::from_secs(2);

/// Where the renderer was found first.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Of the device description.
    pub(crate) location: String,
    /// Of the page.
    pub(crate) page: String,
}

/// How well the renderer can be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    /// Addresses that it is announced on.
    pub(crate) stations: usize,
    /// Of them, those on which an announcement went out, and the last datagram, too.
    pub(crate) well: usize,
    /// The kernel doesn't tell of changes; they are looked for.
    pub(crate) polled: bool,
}

/// Makes the renderer known.
pub(crate) struct Discovery {
    wanted: Vec<Wanted>,
    /// Where the HTTP server listens: its address, if it isn't every one, and its port.
    listening: (Option<Ipv4Addr>, u16),
    announcer: Rc<RefCell<Announcer>>,
    networks: Rc<RefCell<Vec<Network>>>,
    stations: RefCell<Vec<(Rc<Station>, JoinHandle<()>)>>,
    first: watch::Sender<Option<Place>>,
    boot_to_ssdp: Rc<Cell<Option<Duration>>>,
    counters: Rc<Counters>,
    polled: Cell<bool>,
    /// This is the program's first start since the machine's.
    first_start: bool,
}

impl Discovery {
    pub(crate) fn new(
        wanted: Vec<Wanted>,
        listening: (Option<Ipv4Addr>, u16),
        announcer: Announcer,
        networks: Rc<RefCell<Vec<Network>>>,
        (boot_to_ssdp, counters): (Rc<Cell<Option<Duration>>>, Rc<Counters>),
        first_start: bool,
    ) -> Self {
        Self {
            wanted,
            listening,
            announcer: Rc::new(RefCell::new(announcer)),
            networks,
            stations: RefCell::new(Vec::new()),
            first: watch::Sender::new(None),
            boot_to_ssdp,
            counters,
            polled: Cell::new(false),
            first_start,
        }
    }

    /// Tells where the renderer is, once it is announced.
    pub(crate) fn first(&self) -> watch::Receiver<Option<Place>> {
        self.first.subscribe()
    }

    /// How it stands.
    pub(crate) fn presence(&self) -> Presence {
        let stations = self.stations.borrow();
        let well = stations.iter().filter(|(station, task)| station.is_well() && !task.is_finished()).count();
        Presence { stations: stations.len(), well, polled: self.polled.get() }
    }

    /// Follows the interfaces for ever.
    pub(crate) async fn run(self: Rc<Self>) {
        let watch = match Watch::new() {
            Ok(watch) => Some(watch),
            Err(error) => {
                warn!(
                    "the kernel doesn't tell of address changes ({error}); looking every {} s instead",
                    LOOK.as_secs()
                );
                None
            }
        };
        self.polled.set(watch.is_none());
        let mut said = false;
        loop {
            let settled = self.follow().await;
            if self.stations.borrow().is_empty() && !std::mem::replace(&mut said, true) {
                info!("no network yet; the renderer announces itself as soon as there is one");
            }
            match &watch {
                Some(watch) if settled => watch.changed().await,
                Some(watch) => tokio::time::timeout(LOOK, watch.changed()).await.unwrap_or(()),
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Makes the stations fit the addresses; `false` if that has to be tried again.
    async fn follow(self: &Rc<Self>) -> bool {
        let addresses = match interfaces::addresses() {
            Ok(addresses) => addresses,
            Err(error) => {
                warn!("the network interfaces can't be listed: {error}");
                return false;
            }
        };
        *self.networks.borrow_mut() = interfaces::networks(&addresses);
        let endpoints = interfaces::endpoints(&addresses, &self.wanted, self.listening.0);
        self.stations.borrow_mut().retain(|(station, task)| {
            let stays = endpoints.contains(&station.endpoint) && !task.is_finished();
            if !stays {
                info!("{} is gone", station.endpoint.address);
                task.abort();
            }
            stays
        });
        let mut settled = true;
        for endpoint in endpoints {
            let known = self.stations.borrow().iter().any(|(station, _)| station.endpoint == endpoint);
            settled &= known || self.appear(endpoint).await;
        }
        settled
    }

    /// Another address: a new station, and a new BOOTID, which those that know the renderer are told before (UDA 1.1, 1.2.4).
    async fn appear(self: &Rc<Self>, endpoint: Endpoint) -> bool {
        let address = endpoint.address;
        let location = location(address, self.listening.1);
        let (announcer, networks) = (Rc::clone(&self.announcer), Rc::clone(&self.networks));
        let counters = Rc::clone(&self.counters);
        let station = match Station::new(endpoint, location.clone(), announcer, networks, counters) {
            Ok(station) => Rc::new(station),
            Err(error) => {
                // Most likely the interface is just coming or going.
                debug!("no SSDP on {address}: {error}");
                return false;
            }
        };
        let others: Vec<_> = self.stations.borrow().iter().map(|(station, _)| Rc::clone(station)).collect();
        if self.first.borrow().is_some() {
            let next = self.announcer.borrow().boot_id.saturating_add(1);
            for other in others {
                other.update(next).await;
            }
            self.announcer.borrow_mut().boot_id = next;
        }
        info!("to be found at {location}");
        let (this, announcing) = (Rc::clone(self), Rc::clone(&station));
        let task = tokio::task::spawn_local(async move { announcing.run(|location| this.announced(location)).await });
        self.stations.borrow_mut().push((station, task));
        let page = format!("http://{}/", host(address, self.listening.1));
        self.first.send_if_modified(|first| first.is_none().then(|| *first = Some(Place { location, page })).is_some());
        true
    }

    fn announced(&self, location: &str) {
        if self.first_start && self.boot_to_ssdp.get().is_none() {
            let uptime = uptime();
            self.boot_to_ssdp.set(Some(uptime));
            info!("first SSDP alive sent, uptime_ms={} location={location}", uptime.as_millis());
        }
    }

    /// Says good-bye everywhere.
    pub(crate) async fn leave(&self) {
        let stations: Vec<_> = self.stations.borrow_mut().drain(..).collect();
        for (station, task) in stations {
            task.abort();
            station.leave().await;
        }
    }
}

/// Since the kernel's start.
fn uptime() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
