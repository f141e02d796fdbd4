//! Eventing: subscriptions and the messages that tell changes (UDA section 4).
mod callback;
mod event;
mod request;
mod table;

use std::time::Duration;

pub use callback::Callback;
pub use event::{notify_headers, property_set};
pub use request::{Headers, Refusal, Subscribe, subscribe, unsubscribe};
pub use table::{Full, Subscription, Subscriptions, UnknownSid};

/// How long a subscription lasts if the subscriber doesn't say, and when it asks for ever: half an hour, the least
/// that UDA section 4.1.1 recommends.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);

/// The bounds of what is granted.
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(7200));

/// The `TIMEOUT` header of a response.
pub fn timeout_header(timeout: Duration) -> String {
    format!("Second-{}", timeout.as_secs())
}

#[cfg(test)]
mod tests;
