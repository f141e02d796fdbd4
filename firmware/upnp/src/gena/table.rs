//! The subscriptions, as data: who delivers events and reads the clock is the caller.
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Callback;
use crate::service::Service;

/// One subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Its name, `uuid:…`; kept by renewals.
    pub sid: String,
    /// What it listens to.
    pub service: Service,
    /// Who asked for it.
    pub subscriber: IpAddr,
    /// Where its events go, in order of preference.
    pub callbacks: Vec<Callback>,
    /// When it ends unless it is renewed.
    pub expires: Instant,
    /// The number of the next event.
    next_seq: u32,
}

impl Subscription {
    /// The number of the event that is sent now: 0 for the initial one, then 1, 2, …; after 2³²-1 comes 1, because 0
    /// says *initial* (UDA section 4.3.2).
    pub fn take_seq(&mut self) -> u32 {
        let seq = self.next_seq;
        self.next_seq = following(seq);
        seq
    }
}

/// The number of the event after number `seq`.
pub(super) fn following(seq: u32) -> u32 {
    seq.checked_add(1).unwrap_or(1)
}

/// There is no room for another subscription, or none for this subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are too many subscriptions")]
pub struct Full;

/// No subscription has that SID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such subscription")]
pub struct UnknownSid;

/// All subscriptions of the device, at most as many as were set, altogether and for one host.
#[derive(Debug)]
pub struct Subscriptions {
    entries: Vec<Subscription>,
    max: usize,
    max_of_one: usize,
}

impl Subscriptions {
    /// A table of at most `max` subscriptions, and `max_of_one` of the same host.
    pub const fn new(max: usize, max_of_one: usize) -> Self {
        Self { entries: Vec::new(), max, max_of_one }
    }

    /// Adds a subscription and gives it out, so that its initial event can be sent. `sid` is `uuid:` and a fresh UUID.
    ///
    /// # Errors
    /// [`Full`], after those that have ended were removed.
    pub fn add(
        &mut self,
        sid: String,
        service: Service,
        subscriber: IpAddr,
        callbacks: Vec<Callback>,
        timeout: Duration,
        now: Instant,
    ) -> Result<&mut Subscription, Full> {
        self.expire(now);
        let subscriber = subscriber.to_canonical();
        let of_one = self.entries.iter().filter(|entry| entry.subscriber == subscriber).count();
        if self.entries.len() >= self.max || of_one >= self.max_of_one {
            return Err(Full);
        }
        let expires = now + timeout;
        Ok(self.entries.push_mut(Subscription { sid, service, subscriber, callbacks, expires, next_seq: 0 }))
    }

    /// Lets a subscription end `timeout` from now instead.
    ///
    /// # Errors
    /// [`UnknownSid`], also for the SID of another service's subscription or one that has ended.
    pub fn renew(&mut self, sid: &str, service: Service, timeout: Duration, now: Instant) -> Result<(), UnknownSid> {
        self.expire(now);
        let found = self.entries.iter_mut().find(|entry| entry.sid == sid && entry.service == service);
        found.ok_or(UnknownSid)?.expires = now + timeout;
        Ok(())
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// [`UnknownSid`], also for the SID of another service's subscription.
    pub fn remove(&mut self, sid: &str, service: Service) -> Result<(), UnknownSid> {
        let found = self.entries.iter().position(|entry| entry.sid == sid && entry.service == service);
        self.entries.swap_remove(found.ok_or(UnknownSid)?);
        Ok(())
    }

    /// Removes the subscriptions that have ended.
    pub fn expire(&mut self, now: Instant) {
        self.entries.retain(|entry| entry.expires > now);
    }

    /// The subscriptions to a service that have not ended.
    pub fn of(&mut self, service: Service, now: Instant) -> impl Iterator<Item = &mut Subscription> {
        self.expire(now);
        self.entries.iter_mut().filter(move |entry| entry.service == service)
    }

    /// The subscription of that SID.
    pub fn get_mut(&mut self, sid: &str) -> Option<&mut Subscription> {
        self.entries.iter_mut().find(|entry| entry.sid == sid)
    }

    /// How many there are, ended ones that weren't removed yet included.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
