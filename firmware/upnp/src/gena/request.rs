//! SUBSCRIBE and UNSUBSCRIBE: what their headers ask for.
use std::time::Duration;

use super::{Callback, DEFAULT_TIMEOUT, TIMEOUTS, callback};

/// The headers that matter, as they came; `None` for one that isn't there or isn't text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'h> {
    /// `CALLBACK`.
    pub callback: Option<&'h str>,
    /// `NT`.
    pub nt: Option<&'h str>,
    /// `SID`.
    pub sid: Option<&'h str>,
    /// `TIMEOUT`.
    pub timeout: Option<&'h str>,
}

/// A valid SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribe {
    /// A new subscription.
    New {
        /// Where events go, in the subscriber's order of preference; at least one. Whether they may go there is yet
        /// to be asked of [`Callback::is_near`].
        callbacks: Vec<Callback>,
        /// How long it is granted for.
        timeout: Duration,
    },
    /// A subscription goes on.
    Renew {
        /// Which one.
        sid: String,
        /// How long it is granted for from now.
        timeout: Duration,
    },
}

/// Why a request is refused (UDA tables 4-4, 4-6 and 4-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// HTTP 400.
    #[error("SID can't go together with NT or CALLBACK")]
    IncompatibleHeaders,
    /// HTTP 412.
    #[error("CALLBACK is missing or has no URL http://ADDRESS[:PORT]/… with a numeric address")]
    BadCallback,
    /// HTTP 412.
    #[error("CALLBACK is outside the subscriber's own network")]
    ForeignCallback,
    /// HTTP 412.
    #[error("NT is not upnp:event")]
    BadNt,
    /// HTTP 412.
    #[error("SID is missing or not the SID of a subscription to this service")]
    BadSid,
    /// HTTP 500.
    #[error("there are too many subscriptions")]
    TooMany,
}

impl Refusal {
    /// The HTTP status that tells it.
    pub const fn status(self) -> u16 {
        match self {
            Self::IncompatibleHeaders => 400,
            Self::BadCallback | Self::ForeignCallback | Self::BadNt | Self::BadSid => 412,
            Self::TooMany => 500,
        }
    }
}

/// Reads the headers of a SUBSCRIBE.
///
/// # Errors
/// See [`Refusal`].
pub fn subscribe(headers: Headers<'_>) -> Result<Subscribe, Refusal> {
    let timeout = timeout(headers.timeout);
    if let Some(sid) = headers.sid {
        if headers.nt.is_some() || headers.callback.is_some() {
            return Err(Refusal::IncompatibleHeaders);
        }
        return Ok(Subscribe::Renew { sid: checked_sid(sid)?.to_owned(), timeout });
    }
    // a request with neither is most likely a renewal that forgot its SID; both are 412
    let list = headers.callback.ok_or(Refusal::BadCallback)?;
    if headers.nt.map(str::trim) != Some("upnp:event") {
        return Err(Refusal::BadNt);
    }
    let callbacks = callback::parse_list(list);
    if callbacks.is_empty() { Err(Refusal::BadCallback) } else { Ok(Subscribe::New { callbacks, timeout }) }
}

/// Reads the headers of an UNSUBSCRIBE: the SID of the subscription that ends.
///
/// # Errors
/// [`Refusal::IncompatibleHeaders`], [`Refusal::BadSid`].
pub fn unsubscribe(headers: Headers<'_>) -> Result<&str, Refusal> {
    if headers.nt.is_some() || headers.callback.is_some() {
        return Err(Refusal::IncompatibleHeaders);
    }
    checked_sid(headers.sid.ok_or(Refusal::BadSid)?)
}

/// A SID of ours is `uuid:` and a UUID; nothing longer is looked up.
fn checked_sid(sid: &str) -> Result<&str, Refusal> {
    let sid = sid.trim();
    if sid.starts_with("uuid:") && sid.len() <= 64 { Ok(sid) } else { Err(Refusal::BadSid) }
}

/// `Second-1800` or `Second-infinite`; the default for what can't be read. Clamped to what is granted.
fn timeout(header: Option<&str>) -> Duration {
    let asked = header.map(str::trim).and_then(|text| {
        let (unit, value) = text.split_once('-')?;
        unit.eq_ignore_ascii_case("second").then(|| value.trim().parse().ok())?
    });
    asked.map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds).clamp(TIMEOUTS.0, TIMEOUTS.1))
}
