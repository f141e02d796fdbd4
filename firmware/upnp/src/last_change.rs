//! `LastChange`: the one evented variable of AVTransport and RenderingControl, which carries the others' changes
//! (AVT section 2.3.1, RCS section 2.3.1).
use std::time::{Duration, Instant};

use crate::service::{Eventing, Service};
use crate::xml::Writer;

/// Changes of so long a time go together in one event: the moderation that the specifications ask for.
pub const MODERATION: Duration = Duration::from_millis(200);

/// The evented values of one service and what of them the subscribers don't know yet.
///
/// The first change starts a period of [`MODERATION`]; when it is over, [`LastChange::take`] gives one event with the
/// newest value of everything that changed. So an action, whatever it changes, causes at most one event.
///
/// `NextAVTransportURI` and its metadata cause no event but go with the next one: some control points take news of
/// the next track for its start.
#[derive(Debug, Clone)]
pub struct LastChange {
    namespace: &'static str,
    /// In the order of the service's table.
    entries: Vec<Entry>,
    due: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: &'static str,
    eventing: Eventing,
    value: String,
    changed: bool,
}

impl LastChange {
    /// AVTransport's, all values empty.
    pub fn av_transport() -> Self {
        Self::new("urn:schemas-upnp-org:metadata-1-0/AVT/", Service::AvTransport)
    }

    /// RenderingControl's, all values empty.
    pub fn rendering_control() -> Self {
        Self::new("urn:schemas-upnp-org:metadata-1-0/RCS/", Service::RenderingControl)
    }

    fn new(namespace: &'static str, service: Service) -> Self {
        let evented = service.spec().variables.iter().filter(|variable| variable.eventing.in_last_change());
        let entry = |variable: &&crate::service::Variable| Entry {
            name: variable.name,
            eventing: variable.eventing,
            value: String::new(),
            changed: false,
        };
        Self { namespace, entries: evented.map(entry).collect(), due: None }
    }

    /// Gives a variable its value. A value that it already has changes nothing; a name that isn't evented (a position,
    /// say) is a mistake of the caller and is ignored.
    pub fn set(&mut self, name: &str, value: impl Into<String>, now: Instant) {
        let found = self.entries.iter_mut().find(|entry| entry.name == name);
        debug_assert!(found.is_some(), "{name} is not part of LastChange");
        let Some(entry) = found else { return };
        let value = value.into();
        if entry.value == value {
            return;
        }
        entry.value = value;
        entry.changed = true;
        if entry.eventing != Eventing::LastChangeAlong {
            self.due.get_or_insert(now + MODERATION);
        }
    }

    /// The present value of a variable; `None` if it isn't evented.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.value.as_str())
    }

    /// When there will be an event to send; `None` if nothing has changed.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The event that is due now, if one is: the value of `LastChange` for all subscribers.
    pub fn take(&mut self, now: Instant) -> Option<String> {
        if self.due? > now {
            return None;
        }
        let event = self.event(|entry| entry.changed);
        self.due = None;
        for entry in &mut self.entries {
            entry.changed = false;
        }
        Some(event)
    }

    /// The value of `LastChange` in a new subscription's initial event: all variables.
    ///
    /// What is due to the other subscribers stays due.
    pub fn initial(&self) -> String {
        self.event(|_| true)
    }

    fn event(&self, with: impl Fn(&Entry) -> bool) -> String {
        let mut xml = Writer::fragment();
        xml.open("Event", &[("xmlns", self.namespace)]).open("InstanceID", &[("val", "0")]);
        for entry in self.entries.iter().filter(|entry| with(entry)) {
            match entry.eventing {
                Eventing::LastChangeMaster => {
                    xml.empty(entry.name, &[("channel", "Master"), ("val", &entry.value)]);
                }
                _ => {
                    xml.empty(entry.name, &[("val", &entry.value)]);
                }
            }
        }
        xml.close("InstanceID").close("Event");
        xml.finish()
    }
}

#[cfg(test)]
mod tests;
