//! For whoever looks after the appliance: `/healthz`, `/metrics`, `/log`, `/diagnostics`.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, HOST, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use rustix::time::{ClockId, clock_gettime};

use super::page::is_own_name;
use super::{Answer, App, body, text};
use crate::exposition::{self, Exposition, Kind};

impl App {
    /// 200 while it is well, 503 with the reasons while it isn't.
    pub(super) fn health(&self) -> Answer {
        let health = self.renderer.borrow().health(self.discovery.presence());
        let status = if health.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        fresh(body(status, "application/json", health.document().to_string()))
    }

    pub(super) fn metrics(&self) -> Answer {
        let presence = self.discovery.presence();
        let mut text = Exposition::default();
        text.family(Kind::Gauge, "tenuto_info", "What runs; always 1.");
        text.sample("tenuto_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let uptime = clock_gettime(ClockId::Boottime);
        text.one(Kind::Gauge, "tenuto_uptime_seconds", "Since the machine was started.", uptime.tv_sec);
        let running = self.started.elapsed().as_secs();
        text.one(Kind::Gauge, "tenuto_player_uptime_seconds", "Since the player was started.", running);
        let renderer = self.renderer.borrow();
        let well = u8::from(renderer.health(presence).is_well());
        text.one(Kind::Gauge, "tenuto_healthy", "1 while /healthz answers 200.", well);
        let boot = self.boot_to_ssdp.get().as_ref().map(Duration::as_secs_f64);
        text.maybe(
            Kind::Gauge,
            "tenuto_boot_to_ssdp_seconds",
            "From the kernel's start to the first announcement.",
            boot,
        );
        renderer.metrics(&mut text);
        drop(renderer);
        text.one(
            Kind::Gauge,
            "tenuto_ssdp_addresses",
            "Addresses that the renderer is announced on.",
            presence.stations,
        );
        let counters = &self.counters;
        for (name, help, count) in [
            ("tenuto_ssdp_announcements_total", "Rounds of SSDP announcements.", &counters.ssdp_rounds),
            ("tenuto_ssdp_answers_total", "SSDP searches that were answered.", &counters.ssdp_answers),
            ("tenuto_ssdp_errors_total", "SSDP datagrams not sent or received.", &counters.ssdp_errors),
            ("tenuto_events_sent_total", "Events delivered to subscribers.", &counters.events_sent),
            ("tenuto_event_errors_total", "Events that could not be delivered.", &counters.event_errors),
            ("tenuto_http_requests_total", "HTTP requests answered.", &counters.http_requests),
            ("tenuto_http_refused_total", "HTTP connections refused: too many.", &counters.http_refused),
            ("tenuto_http_errors_total", "HTTP connections that ended with an error.", &counters.http_errors),
        ] {
            text.one(Kind::Counter, name, help, count.get());
        }
        fresh(body(StatusCode::OK, exposition::CONTENT_TYPE, text.text()))
    }

    /// The last lines of the appliance's log.
    pub(super) fn log(&self, request: &Request<Incoming>) -> Answer {
        if let Some(refusal) = from_elsewhere(request) {
            return refusal;
        }
        match self.diagnostics.log() {
            Some(log) => fresh(body(StatusCode::OK, "text/plain; charset=utf-8", log)),
            None => text(StatusCode::NOT_FOUND, "no log is kept on this machine: the player's goes to its stderr"),
        }
    }

    /// Everything that somebody who is asked for help wants to see, as one file.
    pub(super) fn bundle(&self, request: &Request<Incoming>) -> Answer {
        if let Some(refusal) = from_elsewhere(request) {
            return refusal;
        }
        let (health, status) = {
            let renderer = self.renderer.borrow();
            let health = renderer.health(self.discovery.presence()).document();
            (health, renderer.status(self.boot_to_ssdp.get()))
        };
        let mut answer = fresh(body(StatusCode::OK, "application/json", self.diagnostics.bundle(&health, &status)));
        let name = HeaderValue::from_static("attachment; filename=\"tenuto-diagnostics.json\"");
        answer.headers_mut().insert(CONTENT_DISPOSITION, name);
        answer
    }
}

/// What isn't for a web site that has pointed its name at this machine.
fn from_elsewhere(request: &Request<Incoming>) -> Option<Answer> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let is_own = host.is_some_and(is_own_name);
    (!is_own).then(|| text(StatusCode::FORBIDDEN, "use this machine's address or its .local name"))
}

/// An answer that is true only now, and that is what it says it is.
fn fresh(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    answer
}
