//! The HTTP server: descriptions, control, subscriptions, the page.
//!
//! Everything that comes in is bounded in size, number and time (D5); a connection is its own task, and one that goes wrong
//! takes nobody else along.

mod control;
mod health;
mod notify;
mod page;
mod settings;
mod subscriptions;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};
use upnp::network::Network;
use upnp::service::Service;

use crate::counters::Counters;
use crate::diagnostics::Diagnostics;
use crate::net::Discovery;
use crate::renderer::Renderer;

/// Connections at once, over all peers and for one of them.
const MAX_CONNECTIONS: usize = 96;
const MAX_CONNECTIONS_OF_ONE: usize = 32;
/// For a request's header to come, from the end of the one before: so long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// For a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// For a connection altogether; a client that is still there makes a new one.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of a request's header.
const MAX_HEADER: usize = 16 * 1024;

/// A whole answer.
type Answer = Response<Full<Bytes>>;

/// What the handlers need.
pub(crate) struct App {
    pub(crate) renderer: Rc<RefCell<Renderer>>,
    /// The device description.
    pub(crate) description: String,
    /// SERVER.
    pub(crate) server: String,
    /// The networks that this machine is in now.
    pub(crate) networks: Rc<RefCell<Vec<Network>>>,
    /// From the kernel's start to the first announcement.
    pub(crate) boot_to_ssdp: Rc<Cell<Option<Duration>>>,
    pub(crate) discovery: Rc<Discovery>,
    pub(crate) counters: Rc<Counters>,
    pub(crate) diagnostics: Diagnostics,
    /// When the program was.
    pub(crate) started: Instant,
}

/// Accepts connections for ever.
pub(crate) async fn serve(listener: Rc<TcpListener>, app: Rc<App>) {
    let open = Rc::new(RefCell::new(HashMap::<IpAddr, usize>::new()));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: some connection will end.
                app.counters.http_refused.add();
                warn!("no connection can be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        if let Some(place) = Place::take(&open, peer.ip().to_canonical()) {
            let app = Rc::clone(&app);
            tokio::task::spawn_local(async move {
                connection(stream, peer, app).await;
                drop(place);
            });
        } else {
            app.counters.http_refused.add();
            debug!("{peer} has too many connections");
        }
    }
}

/// One of the places for connections; given back when it is dropped.
struct Place {
    open: Rc<RefCell<HashMap<IpAddr, usize>>>,
    peer: IpAddr,
}

impl Place {
    fn take(open: &Rc<RefCell<HashMap<IpAddr, usize>>>, peer: IpAddr) -> Option<Self> {
        let mut counts = open.borrow_mut();
        let all: usize = counts.values().sum();
        let of_peer = counts.get(&peer).copied().unwrap_or(0);
        if all >= MAX_CONNECTIONS || of_peer >= MAX_CONNECTIONS_OF_ONE {
            return None;
        }
        counts.insert(peer, of_peer + 1);
        Some(Self { open: Rc::clone(open), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.borrow_mut();
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: Rc<App>) {
    // An answer is one write: waiting to fill a segment only delays it.
    let _ = stream.set_nodelay(true);
    let counters = Rc::clone(&app.counters);
    let service = service_fn(move |request| {
        let app = Rc::clone(&app);
        async move { Ok::<_, Infallible>(app.answer(request, peer.ip()).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIMEOUT, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            counters.http_errors.add();
            debug!("connection of {peer}: {error}");
        }
        Err(_) => debug!("connection of {peer} was kept for long enough"),
    }
}

impl App {
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        self.counters.http_requests.add();
        let mut answer = self.route(request, peer).await;
        if let Ok(server) = HeaderValue::from_str(&self.server) {
            answer.headers_mut().insert(SERVER, server);
        }
        answer
    }

    async fn route(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let is_get = method == Method::GET || method == Method::HEAD;
        for service in Service::ALL {
            let spec = service.spec();
            if path == spec.scpd_path && is_get {
                return xml(upnp::description::scpd(service));
            } else if path == spec.control_path && method == Method::POST {
                return self.control(service, request).await;
            } else if path == spec.event_path && method.as_str() == "SUBSCRIBE" {
                return self.subscribe(service, &request, peer);
            } else if path == spec.event_path && method.as_str() == "UNSUBSCRIBE" {
                return self.unsubscribe(service, &request, peer);
            } else if [spec.scpd_path, spec.control_path, spec.event_path].contains(&path.as_str()) {
                return text(StatusCode::METHOD_NOT_ALLOWED, "not this method");
            }
        }
        match path.as_str() {
            "/description.xml" if is_get => xml(self.description.clone()),
            "/" | "/index.html" if is_get => page::page(),
            "/icon.png" if is_get => page::icon(),
            "/status.json" if is_get => self.status(),
            "/settings.json" if is_get => self.settings(),
            "/healthz" if is_get => self.health(),
            "/metrics" if is_get => self.metrics(),
            "/log" if is_get => self.log(&request),
            "/diagnostics" if is_get => self.bundle(&request),
            path if method == Method::POST && path.starts_with("/command/") => self.command(&request),
            path if method == Method::POST && path.starts_with("/settings/") => self.change_settings(request).await,
            _ => text(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn status(&self) -> Answer {
        let status = self.renderer.borrow().status(self.boot_to_ssdp.get());
        let mut answer = body(StatusCode::OK, "application/json", status.to_string());
        answer.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }
}

/// The whole body of a request; `Err` is the answer to one that is too long or too slow.
async fn read_body(request: Request<Incoming>, limit: usize) -> Result<Bytes, Answer> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(request.into_body(), limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long, or broke off")),
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "the request took too long")),
    }
}

/// A header's text.
fn header<'r>(request: &'r Request<Incoming>, name: &'static str) -> Option<&'r str> {
    request.headers().get(HeaderName::from_static(name)).and_then(|value| value.to_str().ok())
}

fn xml(text: String) -> Answer {
    body(StatusCode::OK, upnp::description::CONTENT_TYPE, text)
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    body(status, "text/plain; charset=utf-8", text)
}

fn body(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d05_connections_are_bounded_per_peer_and_given_back() {
        let open = Rc::default();
        let peer = |n: u8| IpAddr::from([10, 0, 0, n]);
        let mut held: Vec<_> = (0..MAX_CONNECTIONS_OF_ONE).map_while(|_| Place::take(&open, peer(1))).collect();
        assert_eq!(held.len(), MAX_CONNECTIONS_OF_ONE);
        assert!(Place::take(&open, peer(1)).is_none());
        for n in 2..20 {
            held.extend((0..8).map_while(|_| Place::take(&open, peer(n))));
        }
        assert_eq!(held.len(), MAX_CONNECTIONS);
        held.clear();
        assert!(open.borrow().is_empty());
    }
}
