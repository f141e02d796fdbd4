//! Who is told of changes, and what they are told. The sending is each subscriber's own task (see `http::notify`): it gets its
//! messages through a bounded queue, so that a dead or slow one costs nobody else anything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::debug;
use upnp::gena::{self, Callback, Subscriptions, property_set};
use upnp::last_change::{LastChange, MODERATION};
use upnp::service::Service;

/// Subscriptions at once, over all services: a household of control points has three each.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Of one host: control points on one machine have three each.
const MAX_SUBSCRIPTIONS_OF_ONE: usize = 24;
/// Messages that wait for a slow subscriber. What doesn't fit is dropped, and SEQ tells the subscriber so.
const QUEUE: usize = 16;

/// One event on its way.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) seq: u32,
    pub(crate) body: String,
}

/// What a subscriber's task needs.
pub(crate) struct Subscriber {
    pub(crate) sid: String,
    /// In order of preference.
    pub(crate) callbacks: Vec<Callback>,
    /// Begins with the initial event; ends with the subscription.
    pub(crate) messages: Receiver<Message>,
}

/// The subscriptions and what is due to them.
pub(super) struct Events {
    pub(super) av_transport: LastChange,
    pub(super) rendering_control: LastChange,
    subscriptions: Subscriptions,
    queues: HashMap<String, Sender<Message>>,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            av_transport: LastChange::av_transport(),
            rendering_control: LastChange::rendering_control(),
            subscriptions: Subscriptions::new(MAX_SUBSCRIPTIONS, MAX_SUBSCRIPTIONS_OF_ONE),
            queues: HashMap::new(),
        }
    }

    /// When the next event is due, if one is.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.av_transport.due(), self.rendering_control.due()].into_iter().flatten().min()
    }

    /// Takes what has been set so far for known.
    pub(super) fn forget_due(&mut self) {
        let later = Instant::now() + MODERATION;
        let _ = (self.av_transport.take(later), self.rendering_control.take(later));
    }

    /// Sends what is due.
    pub(super) fn send_due(&mut self, now: Instant) {
        if let Some(event) = self.av_transport.take(now) {
            self.send(Service::AvTransport, &[("LastChange", &event)], now);
        }
        if let Some(event) = self.rendering_control.take(now) {
            self.send(Service::RenderingControl, &[("LastChange", &event)], now);
        }
    }

    /// Sends AVTransport's changes without waiting for more of them.
    pub(super) fn flush(&mut self) {
        let now = Instant::now();
        if let Some(event) = self.av_transport.take(now + MODERATION) {
            self.send(Service::AvTransport, &[("LastChange", &event)], now);
        }
    }

    /// Tells what is taken now.
    pub(super) fn sinks_changed(&mut self, sink_protocol_info: &str) {
        self.send(Service::ConnectionManager, &[("SinkProtocolInfo", sink_protocol_info)], Instant::now());
    }

    fn send(&mut self, service: Service, properties: &[(&str, &str)], now: Instant) {
        self.drop_dead();
        let body = property_set(properties.iter().copied());
        for subscription in self.subscriptions.of(service, now) {
            let seq = subscription.take_seq();
            let Some(queue) = self.queues.get(&subscription.sid) else { continue };
            if queue.try_send(Message { seq, body: body.clone() }).is_err() {
                debug!("subscriber {} is too slow for event {seq}", subscription.sid);
            }
        }
    }

    /// Ends the subscriptions whose tasks gave up, and the tasks whose subscriptions have ended.
    fn drop_dead(&mut self) {
        let (queues, subscriptions) = (&mut self.queues, &mut self.subscriptions);
        subscriptions.expire(Instant::now());
        queues.retain(|sid, queue| {
            let known = subscriptions.get_mut(sid).map(|subscription| subscription.service);
            match known {
                Some(service) if queue.is_closed() => {
                    let _ = subscriptions.remove(sid, service);
                    false
                }
                known => known.is_some(),
            }
        });
    }

    /// Makes a subscription; its initial event carries every variable (D4).
    pub(super) fn subscribe(
        &mut self,
        service: Service,
        peer: IpAddr,
        callbacks: Vec<Callback>,
        timeout: Duration,
        sink_protocol_info: &str,
    ) -> Result<Subscriber, gena::Full> {
        self.drop_dead();
        let sid = format!("uuid:{}", uuid::Uuid::new_v4());
        let now = Instant::now();
        let subscription = self.subscriptions.add(sid.clone(), service, peer, callbacks.clone(), timeout, now)?;
        let body = match service {
            Service::AvTransport => property_set([("LastChange", self.av_transport.initial().as_str())]),
            Service::RenderingControl => property_set([("LastChange", self.rendering_control.initial().as_str())]),
            Service::ConnectionManager => property_set([
                ("SourceProtocolInfo", ""),
                ("SinkProtocolInfo", sink_protocol_info),
                ("CurrentConnectionIDs", "0"),
            ]),
        };
        let (queue, messages) = channel(QUEUE);
        let first = Message { seq: subscription.take_seq(), body };
        // A new queue has room.
        let _ = queue.try_send(first);
        self.queues.insert(sid.clone(), queue);
        Ok(Subscriber { sid, callbacks, messages })
    }

    pub(super) fn renew(&mut self, sid: &str, service: Service, timeout: Duration) -> Result<(), gena::UnknownSid> {
        self.subscriptions.renew(sid, service, timeout, Instant::now())
    }

    pub(super) fn unsubscribe(&mut self, sid: &str, service: Service) -> Result<(), gena::UnknownSid> {
        self.subscriptions.remove(sid, service)?;
        self.queues.remove(sid);
        Ok(())
    }

    pub(super) fn subscribers(&self) -> usize {
        self.queues.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribe_from(host: u8, events: &mut Events) -> Result<Subscriber, gena::Full> {
        let callback = Callback::parse("http://127.0.0.1:9/x").unwrap();
        let peer = IpAddr::from([10, 0, 0, host]);
        events.subscribe(Service::AvTransport, peer, vec![callback], Duration::from_secs(60), "")
    }

    fn subscribe(events: &mut Events) -> Subscriber {
        subscribe_from(1, events).unwrap()
    }

    fn change(events: &mut Events, n: usize) {
        events.av_transport.set("TransportState", n.to_string(), Instant::now());
        events.flush();
    }

    #[test]
    fn d04_the_initial_event_comes_first_and_seq_counts_per_subscription() {
        let mut events = Events::new();
        let mut early = subscribe(&mut events);
        change(&mut events, 1);
        let mut late = subscribe(&mut events);
        change(&mut events, 2);
        let seqs = |subscriber: &mut Subscriber| {
            std::iter::from_fn(|| subscriber.messages.try_recv().ok()).map(|message| message.seq).collect::<Vec<_>>()
        };
        assert_eq!(seqs(&mut early), [0, 1, 2]);
        assert_eq!(seqs(&mut late), [0, 1]);
    }

    #[test]
    fn d04_a_slow_subscriber_loses_events_and_blocks_nobody() {
        let mut events = Events::new();
        let mut slow = subscribe(&mut events);
        let mut quick = subscribe(&mut events);
        for n in 0..100 {
            change(&mut events, n);
            while quick.messages.try_recv().is_ok() {}
        }
        assert_eq!(std::iter::from_fn(|| slow.messages.try_recv().ok()).count(), QUEUE);
        // It can tell by the number of the next event that it missed some.
        change(&mut events, 100);
        assert_eq!(slow.messages.try_recv().unwrap().seq, 101);
    }

    #[test]
    fn d04_a_dead_subscriber_is_forgotten() {
        let mut events = Events::new();
        drop(subscribe(&mut events));
        assert_eq!(events.subscribers(), 1);
        change(&mut events, 1);
        assert_eq!(events.subscribers(), 0);
        assert!(events.subscriptions.is_empty());
    }

    #[test]
    fn d05_subscriptions_are_bounded() {
        let mut events = Events::new();
        let kept: Vec<_> = (0..100).map_while(|_| subscribe_from(1, &mut events).ok()).collect();
        assert_eq!(kept.len(), MAX_SUBSCRIPTIONS_OF_ONE);
        let others: Vec<_> = (2..100).map_while(|host| subscribe_from(host, &mut events).ok()).collect();
        assert_eq!(kept.len() + others.len(), MAX_SUBSCRIPTIONS);
    }
}
