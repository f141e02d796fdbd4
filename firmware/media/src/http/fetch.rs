//! The thread that talks HTTP: one plain GET, and Range requests only to go on where a connection dropped.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use ureq::http::{Response, StatusCode, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, RustlsConnector, TcpConnector};
use ureq::{Agent, Body};

use super::head::{Head, content_range};
use super::patience::Patience;
use super::pieces::Piece;
use super::pipe::Pipe;
use super::plain::{PlainBody, PlainConnector};
use crate::fault::{Fault, Kind};
use crate::{Cancel, Limits, traffic};

/// A transfer under way: bytes from one position on, to the end. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Fetch {
    pipe: Arc<Pipe>,
    agent: Agent,
}

impl Fetch {
    /// Starts at byte `from` of `url`. `known` is what an earlier answer said; with it the resource must be the same.
    pub(super) fn start(url: &str, from: u64, known: Option<&Head>, limits: &Limits) -> Result<Self, Fault> {
        let pipe = Arc::new(Pipe::default());
        let connector = PlainConnector::default();
        let agent = agent(limits, connector.clone());
        let worker = Worker {
            url: url.to_owned(),
            agent: agent.clone(),
            connector,
            pipe: Arc::clone(&pipe),
            known: known.cloned(),
            position: from,
            limits: *limits,
        };
        thread::Builder::new()
            .name("media-fetch".into())
            .spawn(move || worker.run())
            .map_err(|error| Fault::new(Kind::Unreachable, format!("no thread: {error}")))?;
        Ok(Self { pipe, agent })
    }

    pub(super) fn head(&self, limits: &Limits, cancel: &Cancel) -> Result<Head, Fault> {
        self.pipe.head(limits, cancel)
    }

    pub(super) fn read(&self, buf: &mut [u8], limits: &Limits, cancel: &Cancel) -> Result<usize, Fault> {
        self.pipe.read(buf, limits, cancel)
    }

    /// Has the last bytes read again; `false` if they aren't kept.
    pub(super) fn step_back(&self, bytes: u64) -> bool {
        self.pipe.step_back(bytes)
    }
}

impl Fetch {
    /// Closes the socket under the thread, which may be blocked in it; servers that take one connection at a time (T5)
    /// see it closed before the next one comes.
    pub(super) fn stop(&self) {
        self.pipe.close();
        self.agent.clone().shutdown();
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An agent whose connections are `plain`'s, but for TLS.
pub(super) fn agent(limits: &Limits, plain: PlainConnector) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("Tenuto/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(limits.connect))
        .timeout_connect(Some(limits.connect))
        .timeout_per_read(Some(limits.stall))
        .build();
    let connector = plain.chain(TcpConnector::default()).chain(RustlsConnector::default());
    Agent::with_parts(config, connector, DefaultResolver::default())
}

struct Worker {
    url: String,
    agent: Agent,
    connector: PlainConnector,
    pipe: Arc<Pipe>,
    known: Option<Head>,
    /// The byte that is needed next.
    position: u64,
    limits: Limits,
}

/// Why a request brought nothing.
struct Denial {
    fault: Fault,
    /// The server is there, and says no.
    refused: bool,
}

impl From<Fault> for Denial {
    fn from(fault: Fault) -> Self {
        Self { fault, refused: false }
    }
}

impl Worker {
    fn run(mut self) {
        let end = self.transfer();
        self.pipe.finish(end);
    }

    fn transfer(&mut self) -> Result<(), Fault> {
        let mut response = self.request().map_err(|denial| denial.fault)?;
        let mut patience = Patience::new(self.limits, Instant::now());
        loop {
            let before = self.position;
            let Err(broken) = self.copy(response) else { return Ok(()) };
            // A reader that has gone breaks a transfer off, too.
            if self.pipe.is_wanted() {
                traffic::broke_off();
            }
            if self.position != before {
                patience.renew(Instant::now());
            }
            if self.known.as_ref().is_none_or(|known| known.length.is_none()) {
                return Err(broken);
            }
            tracing::debug!(url = self.url, position = self.position, %broken, "connection lost, asking for the rest");
            response = loop {
                if !self.pipe.pause(patience.pause()) {
                    return Ok(());
                }
                let Denial { fault: why, refused } = match self.request() {
                    Ok(response) if !patience.is_exhausted(Instant::now()) => break response,
                    Ok(_) => return Err(broken),
                    Err(denial) => denial,
                };
                if why.kind == Kind::Truncated {
                    return Err(why);
                }
                if patience.is_over(refused, self.pipe.waiting_since(), Instant::now()) {
                    // A server that says no is the reason; else it is what went wrong first.
                    let kind = if refused { why.kind } else { broken.kind };
                    return Err(Fault::new(kind, format!("{}; asked again: {why}", broken.detail)));
                }
            };
        }
    }

    fn request(&mut self) -> Result<Response<Body>, Denial> {
        let answer = self.ask();
        if answer.is_err() && self.pipe.is_wanted() {
            traffic::brought_nothing();
        }
        answer
    }

    /// Asks for the bytes from `position` on, and makes sure that they are what comes next.
    fn ask(&mut self) -> Result<Response<Body>, Denial> {
        let mut request = self.agent.get(&self.url).header("transferMode.dlna.org", "Streaming");
        if self.position > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", self.position));
            if let Some(validator) = self.known.as_ref().and_then(|known| known.validator.as_deref()) {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let response = request.call().map_err(denial)?;
        let headers = response.headers();
        let (start, head) = match (response.status(), content_range(headers)) {
            (StatusCode::PARTIAL_CONTENT, Some((start, total))) => (start, Head::new(headers, total)),
            (StatusCode::OK | StatusCode::PARTIAL_CONTENT, _) => {
                (0, Head::new(headers, response.body().content_length()))
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => return Err(Fault::truncated("shorter than it was").into()),
            (status, _) => {
                let fault = Fault::new(Kind::NotFound, format!("HTTP status {status}"));
                return Err(Denial { fault, refused: is_final(status) });
            }
        };
        match &self.known {
            Some(known) if !known.is_same_as(&head) => {
                Err(Fault::truncated("changed on the server while it was read").into())
            }
            Some(_) if start != 0 && start != self.position => {
                Err(Fault::truncated("the server sent another range").into())
            }
            known => {
                if known.is_none() {
                    self.known = Some(head.clone());
                    self.pipe.start(head);
                }
                Ok(self.skip(response, self.position - start)?)
            }
        }
    }

    /// Reads over what a server without Range requests sends again.
    fn skip(&self, mut response: Response<Body>, bytes: u64) -> Result<Response<Body>, Fault> {
        let skipped = io::copy(&mut response.body_mut().as_reader().take(bytes), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == bytes => Ok(response),
            Ok(_) => Err(Fault::truncated("shorter than it was")),
            Err(error) => Err(fault(error.into())),
        }
    }

    /// Copies a body into the pipe. `Ok` when it ended where it should or the reader is gone.
    fn copy(&mut self, response: Response<Body>) -> Result<(), Fault> {
        let length = self.known.as_ref().and_then(|known| known.length);
        let is_plain = !response.headers().contains_key(header::TRANSFER_ENCODING);
        let line = self.connector.take().filter(|_| is_plain);
        // Of an answer that begins too early the part before `position` has been read.
        let rest = length.map(|length| length.saturating_sub(self.position));
        let left = response.body().content_length().into_iter().chain(rest).min();
        let mut body = PlainBody::new(response.into_body().into_reader(), line, left);
        let mut piece = Piece::new();
        loop {
            let n = body.read(piece.room()).map_err(fault)?;
            if n == 0 {
                break;
            }
            self.position += n as u64;
            traffic::received(n);
            piece.set_filled(n);
            match self.pipe.push(piece) {
                Some(empty) => piece = empty,
                None => return Ok(()),
            }
        }
        match length.and_then(|length| length.checked_sub(self.position)) {
            // Without a length, closing the connection is the end (T15).
            None | Some(0) => Ok(()),
            Some(missing) => Err(Fault::truncated(format!("the connection closed {missing} bytes before the end"))),
        }
    }
}

/// Whether asking the same again is of no use: the server denies it (RFC 9110, 15.5), and not for want of time.
fn is_final(status: StatusCode) -> bool {
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !passing.contains(&status)
}

/// What a request without an answer means. Before the body, a connection that ends is a server that doesn't answer.
fn denial(error: ureq::Error) -> Denial {
    let refused = matches!(&error, ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused);
    let fault = match fault(error) {
        Fault { kind: Kind::Truncated, detail } => Fault::new(Kind::Unreachable, detail),
        fault => fault,
    };
    Denial { fault, refused }
}

/// What a failed request or read means to a listener.
fn fault(error: ureq::Error) -> Fault {
    use ureq::{Error as E, Timeout};
    let kind = match &error {
        E::BadUri(_) | E::Http(_) => Kind::BadUrl,
        E::Timeout(Timeout::Resolve | Timeout::Connect) => Kind::Unreachable,
        E::Timeout(_) => Kind::Stalled,
        E::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Kind::Truncated,
        _ => Kind::Unreachable,
    };
    let detail = match error {
        E::HostNotFound => "the host name can't be resolved".into(),
        E::Timeout(Timeout::Connect) => "no answer to the connection request".into(),
        E::Timeout(Timeout::Resolve) => "the name server doesn't answer".into(),
        error => error.to_string(),
    };
    Fault::new(kind, detail)
}
