//! Drives a renderer: a thin, blocking, typed wrapper over the third-party `rupnp`.
//!
//! Discovery, description and (by default) actions are `rupnp`'s own code, so that a renderer that only our parser could
//! understand fails. `rupnp` drops the UPnP fault of a refused action and knows no timeouts; [`ControlPoint::with_own_soap`]
//! sends actions by our own call instead, where the fault's code and text and the moment of sending matter.
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::StreamExt as _;
use rupnp::ssdp::{SearchTarget, URN};

mod http;
mod soap;
mod ssdp;
mod transport;

pub use transport::{Position, Transport, didl};

/// How long an action, or fetching a description, may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The device type that is looked for.
const RENDERER: URN = URN::device("schemas-upnp-org", "MediaRenderer", 1);

/// The renderer's services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// AVTransport:1
    AvTransport,
    /// RenderingControl:1
    RenderingControl,
    /// ConnectionManager:1
    ConnectionManager,
}

impl Service {
    fn urn(self) -> URN {
        let name = match self {
            Self::AvTransport => "AVTransport",
            Self::RenderingControl => "RenderingControl",
            Self::ConnectionManager => "ConnectionManager",
        };
        URN::service("schemas-upnp-org", name, 1)
    }
}

/// Why something asked of a renderer didn't happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The renderer refused, with a UPnP error.
    #[error("{action}: UPnP error {code}: {text}")]
    Fault {
        /// The action's name.
        action: String,
        /// UPnP's `errorCode`.
        code: u16,
        /// `errorDescription`.
        text: String,
    },
    /// An HTTP status other than 200, and no fault to be seen (`rupnp` hides it).
    #[error("{action}: HTTP status {status}")]
    Status {
        /// The action's name.
        action: String,
        /// The HTTP status.
        status: u16,
    },
    /// No answer in time.
    #[error("{0}: no answer within {1:?}")]
    Timeout(String, Duration),
    /// No renderer was found.
    #[error("no renderer has answered an SSDP search within {0:?}")]
    NotFound(Duration),
    /// The renderer's description lacks a service.
    #[error("the renderer has no {0:?} service")]
    NoService(Service),
    /// Connection, HTTP or XML failed.
    #[error("{0}: {1}")]
    Broken(String, String),
}

impl Error {
    /// The UPnP error code, if this is a fault.
    #[must_use]
    pub fn fault_code(&self) -> Option<u16> {
        match self {
            Self::Fault { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// What an action answered: its out arguments, and when it was sent.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Out arguments by name; empty ones are left out by `rupnp`.
    pub arguments: HashMap<String, String>,
    /// CLOCK_MONOTONIC, ns, just before the request's first byte was written (own SOAP), or before the call (`rupnp`).
    pub sent_ns: u64,
}

/// A renderer, and the way to drive it.
#[derive(Debug)]
pub struct ControlPoint {
    runtime: tokio::runtime::Runtime,
    device: rupnp::Device,
    /// Control URLs by service type, when actions go by [`soap`].
    own_soap: Option<HashMap<String, String>>,
    limit: Duration,
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Broken("control point".into(), error.to_string()))
}

impl ControlPoint {
    /// Reads the description at `url`.
    ///
    /// # Errors
    /// When it can't be fetched in time, or `rupnp` doesn't understand it.
    pub fn from_location(url: &str) -> Result<Self, Error> {
        let uri = url.parse().map_err(|error| Error::Broken(url.to_owned(), format!("{error}")))?;
        let runtime = runtime()?;
        let device = runtime
            .block_on(async { tokio::time::timeout(LIMIT, rupnp::Device::from_url(uri)).await })
            .map_err(|_| Error::Timeout(url.to_owned(), LIMIT))?
            .map_err(|error| Error::Broken(url.to_owned(), error.to_string()))?;
        Ok(Self { runtime, device, own_soap: None, limit: LIMIT })
    }

    /// Searches by `rupnp`'s SSDP until a renderer that is `wanted` answers, at most for `limit`. The search leaves by the
    /// interface that the routing table names for 239.255.255.250, in the calling thread's network namespace.
    ///
    /// # Errors
    /// When none is found, or no search can be sent.
    pub fn discover(limit: Duration, wanted: impl Fn(&rupnp::Device) -> bool) -> Result<Self, Error> {
        let broken = |error: rupnp::Error| Error::Broken("SSDP".into(), error.to_string());
        let runtime = runtime()?;
        let search = async {
            loop {
                let target = SearchTarget::URN(RENDERER);
                let found = rupnp::discover(&target, Duration::from_secs(2), None).await;
                let mut found = std::pin::pin!(found.map_err(broken)?);
                while let Some(device) = found.next().await {
                    // A stray answer, or a device that goes away, doesn't end the search.
                    if let Ok(device) = device
                        && wanted(&device)
                    {
                        return Ok(device);
                    }
                }
            }
        };
        let device = runtime
            .block_on(async { tokio::time::timeout(limit, search).await })
            .map_err(|_| Error::NotFound(limit))??;
        Ok(Self { runtime, device, own_soap: None, limit: LIMIT })
    }

    /// Searches on one interface, named by its own address, until a renderer answers, at most for `limit`; then as
    /// [`from_location`](Self::from_location).
    ///
    /// # Errors
    /// As there, and when none is found.
    pub fn discover_on(interface: Ipv4Addr, limit: Duration) -> Result<Self, Error> {
        let location = ssdp::search(interface, &RENDERER.to_string(), limit)?;
        Self::from_location(&location)
    }

    /// Sends actions by our own SOAP call: faults become visible, and the moment of sending is exact.
    ///
    /// # Errors
    /// When the description can't be read again (`rupnp` keeps the control URLs to itself).
    pub fn with_own_soap(mut self) -> Result<Self, Error> {
        let location = self.device.url().to_string();
        let urls = self.runtime.block_on(async {
            tokio::time::timeout(self.limit, soap::control_urls(&location))
                .await
                .map_err(|_| Error::Timeout(location.clone(), self.limit))?
        })?;
        self.own_soap = Some(urls);
        Ok(self)
    }

    /// How long an action may take; 10 s by default.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// The description as `rupnp` has read it.
    #[must_use]
    pub fn device(&self) -> &rupnp::Device {
        &self.device
    }

    /// Invokes any action.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn action(&self, service: Service, name: &str, arguments: &[(&str, &str)]) -> Result<Answer, Error> {
        let urn = service.urn();
        let found = self.device.find_service(&urn);
        let found = found.ok_or(Error::NoService(service))?;
        let payload: String =
            arguments.iter().map(|(key, value)| format!("<{key}>{}</{key}>", soap::escape(value))).collect();
        let kind = urn.to_string();
        self.runtime.block_on(async {
            let call = async {
                match &self.own_soap {
                    Some(urls) => {
                        let url = urls.get(&kind).ok_or(Error::NoService(service))?;
                        soap::call(url, &kind, name, &payload).await
                    }
                    None => by_rupnp(self.device.url(), found, name, &payload).await,
                }
            };
            tokio::time::timeout(self.limit, call).await.map_err(|_| Error::Timeout(name.to_owned(), self.limit))?
        })
    }

    /// Fetches a page of the renderer, such as `/status.json`: an absolute path at the description's host.
    ///
    /// # Errors
    /// When it doesn't come in time, or with a status other than 200.
    pub fn fetch(&self, path: &str) -> Result<Vec<u8>, Error> {
        let authority = self.device.url().authority();
        let url = format!("http://{}{path}", authority.map_or("", |name| name.as_str()));
        self.runtime.block_on(async {
            let fetched = tokio::time::timeout(self.limit, http::get(&url)).await;
            let reply = fetched.map_err(|_| Error::Timeout(url.clone(), self.limit))??;
            if reply.status == 200 {
                return Ok(reply.body);
            }
            Err(Error::Status { action: url.clone(), status: reply.status })
        })
    }
}

async fn by_rupnp(url: &::http::Uri, service: &rupnp::Service, action: &str, payload: &str) -> Result<Answer, Error> {
    let sent_ns = crate::monotonic_ns();
    match service.action(url, action, payload).await {
        Ok(arguments) => Ok(Answer { arguments, sent_ns }),
        Err(rupnp::Error::HttpErrorCode(status)) => {
            Err(Error::Status { action: action.to_owned(), status: status.as_u16() })
        }
        Err(rupnp::Error::UPnPError(fault)) => {
            Err(Error::Fault { action: action.to_owned(), code: fault.err_code(), text: fault.to_string() })
        }
        Err(error) => Err(Error::Broken(action.to_owned(), error.to_string())),
    }
}

#[cfg(test)]
mod tests;
