//! The time of day: from the network by SNTP, and until then the last one that was known, as a Raspberry Pi 4 has no clock that
//! runs without power. Nothing waits for it.

mod client;
mod saved;
mod sntp;

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

pub(crate) use client::Synchronised;
pub(crate) use saved::{is_idle, restore};

use crate::{root::Root, settings::Settings};

/// How often the time is saved while nothing plays, and how soon it is tried again when something did.
const SAVED: Duration = Duration::from_secs(24 * 3600);
const AGAIN: Duration = Duration::from_secs(600);

/// The client and what came of it.
pub(crate) struct Time {
    news: Option<(Sender<()>, Receiver<Synchronised>)>,
    /// When to save next; None: the time isn't known.
    save: Option<Instant>,
}

impl Time {
    pub(crate) fn new() -> Self {
        Self { news: None, save: None }
    }

    /// Begins to ask, once the owner's settings are known.
    pub(crate) fn start(&mut self, root: &Root, settings: &Settings) {
        if !root.is_machine() || self.news.is_some() {
            return;
        }
        let (wake, woken) = channel();
        let (tell, told) = channel();
        let servers = settings.time_servers.iter().flatten().map(|name| name.as_ref().to_owned()).collect();
        match client::start(root, servers, woken, tell) {
            Ok(()) => self.news = Some((wake, told)),
            Err(error) => tracing::warn!("time: no thread to ask for it: {error}"),
        }
    }

    /// The network is another one: what could not be reached may be there now.
    pub(crate) fn network_changed(&self) {
        if let Some((wake, _)) = &self.news {
            // The thread never ends.
            let _ = wake.send(());
        }
    }

    /// What was found out since the last look. Saves the time now and then.
    pub(crate) fn look(&mut self, root: &Root, now: Instant) -> Option<Synchronised> {
        let news = self.news.as_ref().and_then(|(_, told)| told.try_iter().last());
        if news.is_some() {
            self.save.get_or_insert(now);
        }
        if self.save.is_some_and(|save| save <= now) {
            let idle = saved::is_idle(root);
            self.save = Some(now + if idle { SAVED } else { AGAIN });
            if idle {
                saved::save_aside(root);
            }
        }
        news
    }

    /// When to call [`Time::look`] at the latest.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.save
    }

    /// Saves the time, if it is known, as the machine may be switched off now.
    pub(crate) fn end(&self, root: &Root) {
        if self.save.is_some() {
            saved::save(root);
        }
    }
}
