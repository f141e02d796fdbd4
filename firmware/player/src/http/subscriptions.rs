//! SUBSCRIBE and UNSUBSCRIBE (UDA 1.1, 4.1).

use std::net::IpAddr;
use std::rc::Rc;

use http::header::{HeaderName, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tracing::debug;
use upnp::gena::{self, Headers, Refusal, Subscribe};
use upnp::service::Service;

use super::{Answer, App, body, header, notify, text};

impl App {
    pub(super) fn subscribe(&self, service: Service, request: &Request<Incoming>, peer: IpAddr) -> Answer {
        let granted = gena::subscribe(headers(request)).and_then(|wish| {
            let wish = self.near_only(wish, peer)?;
            self.renderer.borrow_mut().subscribe(service, peer, wish)
        });
        let (sid, timeout, subscriber) = match granted {
            Ok(granted) => granted,
            Err(refusal) => return refused(refusal, peer),
        };
        if let Some(subscriber) = subscriber {
            tokio::task::spawn_local(notify::deliver(subscriber, Rc::clone(&self.counters)));
        }
        let mut answer = text(StatusCode::OK, "");
        let timeout = gena::timeout_header(timeout);
        for (name, value) in [("sid", sid.as_str()), ("timeout", timeout.as_str())] {
            if let Ok(value) = HeaderValue::from_str(value) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        answer
    }

    pub(super) fn unsubscribe(&self, service: Service, request: &Request<Incoming>, peer: IpAddr) -> Answer {
        let ended =
            gena::unsubscribe(headers(request)).and_then(|sid| self.renderer.borrow_mut().unsubscribe(service, sid));
        match ended {
            Ok(()) => text(StatusCode::OK, ""),
            Err(refusal) => refused(refusal, peer),
        }
    }

    /// Only callbacks in the subscriber's own network are used (D5, CVE-2020-12695).
    fn near_only(&self, wish: Subscribe, peer: IpAddr) -> Result<Subscribe, Refusal> {
        let Subscribe::New { mut callbacks, timeout } = wish else { return Ok(wish) };
        let networks = self.networks.borrow();
        callbacks.retain(|callback| callback.is_near(peer, &networks));
        if callbacks.is_empty() { Err(Refusal::ForeignCallback) } else { Ok(Subscribe::New { callbacks, timeout }) }
    }
}

fn headers(request: &Request<Incoming>) -> Headers<'_> {
    Headers {
        callback: header(request, "callback"),
        nt: header(request, "nt"),
        sid: header(request, "sid"),
        timeout: header(request, "timeout"),
    }
}

fn refused(refusal: Refusal, peer: IpAddr) -> Answer {
    debug!("subscription of {peer} refused: {refusal}");
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::PRECONDITION_FAILED);
    body(status, "text/plain; charset=utf-8", refusal.to_string())
}
