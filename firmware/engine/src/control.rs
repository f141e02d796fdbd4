//! The ordinary thread: sockets, requests, devices, logs. It makes streams and gives them to the real-time thread.
//!
//! Nothing here may hold up anything else: what can wait (opening a DAC, its mixer) is asked of the device thread, what
//! takes time (draining) of the real-time thread, and both answer through one [`Doorbell`].

mod client;
mod door;
mod memory;
mod pace;
mod search;
mod serve;
mod stream;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use pcm::Wire;
use ring::message::{Event, Volume, VolumeMode};
use ring::{State, StatusWriter};

pub(crate) use door::Door;
pub(crate) use memory::RingSettings;

use crate::certificate::Follower;
use crate::clock::{MILLISECOND, now_ns};
use crate::output::alsa::Uevents;
use crate::output::device::{Answer, Ask, Found};
use crate::rt::{Handle, Tuning};
use crate::wake::Doorbell;
use client::Client;
use search::{Search, Seen};
use stream::Stage;

/// How long a fade and a close may take after SIGTERM before the engine ends anyway.
const PATIENCE_NS: u64 = 1_500 * MILLISECOND;

/// Everything that *control* needs to start.
pub(crate) struct Parts {
    pub(crate) status: Arc<StatusWriter>,
    pub(crate) status_file: OwnedFd,
    pub(crate) door: Door,
    pub(crate) signals: SignalFd,
    pub(crate) bell: Doorbell,
    pub(crate) rt: Handle,
    pub(crate) asks: Sender<Ask>,
    pub(crate) answers: Receiver<Answer>,
    pub(crate) uevents: Option<Uevents>,
    pub(crate) tuning: Tuning,
    pub(crate) memory: RingSettings,
    /// The hashing thread, unless there are to be no certificates.
    pub(crate) follower: Option<Follower>,
}

/// The thread's state.
pub(crate) struct Control {
    parts: Parts,
    client: Option<Client>,
    /// Players that were let in so far.
    players: u64,
    /// What was last said in the log of a player that had to go.
    complaint: String,
    /// What was last said in the log of an output that wasn't opened, until one is.
    refusal: String,
    stage: Stage,
    found: Option<Found>,
    search: Search,
    /// The number of the card that the log has named last.
    named: Option<u64>,
    /// Whether the first look is over.
    scanned: bool,
    /// The open stream's output was lost, and the player knows.
    lost: bool,
    /// While it isn't known yet whether the output runs at the open stream's rate.
    watch: Option<pace::Watch>,
    /// It doesn't, and the stream is being ended for that: the stream's format, and what to say.
    disproved: Option<(Wire, String)>,
    volume: Volume,
    epoch: u32,
    /// Since when the engine is ending, ns.
    ending: Option<u64>,
}

impl Control {
    pub(crate) fn new(parts: Parts) -> Self {
        let volume = Volume { mode: VolumeMode::Fixed, percent: 100, mute: false };
        let search = Search::new(parts.uevents.is_some());
        Self {
            parts,
            client: None,
            players: 0,
            complaint: String::new(),
            refusal: String::new(),
            stage: Stage::Closed,
            found: None,
            search,
            named: None,
            scanned: false,
            lost: false,
            watch: None,
            disproved: None,
            volume,
            epoch: 0,
            ending: None,
        }
    }

    /// Runs until a signal ends it.
    pub(crate) fn run(mut self) -> Result<()> {
        self.scan();
        loop {
            self.wait()?;
            self.parts.bell.answer();
            self.take_returned();
            self.take_answers();
            self.look_at_clock();
            self.take_connections();
            self.take_requests();
            self.serve();
            if self.take_signals() && self.ending.is_none() {
                tracing::info!("ending");
                self.ending = Some(now_ns());
                self.forget_client();
            }
            let Some(since) = self.ending else { continue };
            if self.stage.is_closed() {
                self.parts.rt.exit();
                return Ok(());
            }
            if now_ns().saturating_sub(since) > PATIENCE_NS {
                tracing::warn!("the output doesn't close: ending without");
                return Ok(());
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) -> Result<()> {
        let parts = &self.parts;
        let mut fds = vec![
            PollFd::new(&parts.bell, PollFlags::IN),
            PollFd::new(&parts.signals, PollFlags::IN),
            PollFd::new(&parts.door, PollFlags::IN),
        ];
        if let Some(client) = self.client.as_ref().filter(|client| client.wants_requests()) {
            fds.push(PollFd::from_borrowed_fd(client.as_fd(), PollFlags::IN));
        }
        if let Some(uevents) = &parts.uevents {
            fds.push(PollFd::new(uevents, PollFlags::IN));
        }
        let timeout = if self.ending.is_some() {
            Some(Duration::from_millis(50))
        } else {
            let next = [self.search.next(), self.look_due()].into_iter().flatten().min();
            next.map(|at| Duration::from_nanos(at.saturating_sub(now_ns())))
        };
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno).context("waiting for events"),
        }
    }

    fn take_signals(&self) -> bool {
        matches!(self.parts.signals.read_signal(), Ok(Some(_)))
    }

    /// What was found to be wrong with the output that is there; empty if nothing was.
    fn known_fault(&self) -> &str {
        self.found.as_ref().map_or("", |found| &found.fault)
    }

    /// Looks for the output, unless that is under way.
    fn scan(&mut self) {
        if self.search.ask() {
            self.ask(Ask::Scan);
        }
    }

    fn ask(&self, ask: Ask) {
        // The device thread ends only with this one.
        let _ = self.parts.asks.send(ask);
    }

    fn take_answers(&mut self) {
        let news = self.parts.uevents.as_ref().and_then(Uevents::of_sound);
        if news.is_some_and(|news| self.search.heard(news, now_ns())) {
            self.ask(Ask::Scan);
        }
        if self.ending.is_none() && self.search.due(now_ns()) {
            self.ask(Ask::Scan);
        }
        while let Ok(answer) = self.parts.answers.try_recv() {
            match answer {
                Answer::Scanned { found, withheld } => self.scanned(found.map(|found| *found), withheld),
                Answer::Opened(result) => self.opened(result),
                Answer::Closed => self.closed(),
                Answer::VolumeSet(volume, result) => self.volume_set(volume, result),
                Answer::Told(told) => self.told(told),
            }
        }
    }

    fn scanned(&mut self, found: Option<Found>, withheld: bool) {
        let seen = match found {
            Some(_) => Seen::Output,
            None if withheld => Seen::Withheld,
            None => Seen::Nothing,
        };
        self.search.looked(now_ns(), seen);
        if found == self.found && self.scanned {
            return;
        }
        self.scanned = true;
        match &found {
            // The same one, that failed or of which more is known now.
            Some(found) if self.named == Some(found.number) => tracing::info!("output: {}, as before", found.name),
            Some(found) => tracing::info!("output: {}, {}", found.name, self.search.reason()),
            None => tracing::warn!("no sound card (of those that --sink takes): waiting for one"),
        }
        self.named = found.as_ref().map(|found| found.number).or(self.named);
        self.parts.status.set_output(found.as_ref().map_or("", |found| &found.name));
        self.parts.status.set_caps(&found.as_ref().map(|found| found.caps).unwrap_or_default());
        let back = self.lost && found.is_some();
        self.found = found;
        if back {
            self.lost = false;
            self.parts.status.set_fault(self.known_fault());
            if self.stage.is_closed() {
                self.parts.status.set_state(State::Closed);
            }
            self.tell(Event::OutputBack);
        }
        self.tell(Event::CapsChanged);
        self.apply_volume();
    }
}

#[cfg(test)]
mod tests;
