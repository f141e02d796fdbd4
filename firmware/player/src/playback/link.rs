//! The connection to the engine: kept up, and made again whenever the engine goes.

mod absence;
mod heartbeat;

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ring::link::{Connection, Link, LinkError};
use ring::message::{Event, FromEngine, Reply, Request, Volume};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{Shutdown, shutdown};
use tracing::{info, warn};

use self::absence::{Absence, may_pass, reason};
use super::error::ENGINE;
use super::output::NotOpen;
use super::{Output, PlayError, Report};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);

/// The sending half. Requests are answered once each, in order; this remembers which.
pub(super) struct Requests {
    link: Arc<Link>,
    unanswered: Arc<Mutex<VecDeque<Kind>>>,
}

/// What the oldest unanswered request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Volume(Volume),
}

/// Open, close, volume, each a few times over: an engine that answers nothing isn't asked more.
const MAX_UNANSWERED: usize = 64;

impl Requests {
    /// Sends without waiting. If the engine can't take it, the connection is given up, and with it everything that was asked.
    pub(super) fn send(&self, request: &Request) {
        let kind = match request {
            Request::Hello { .. } => return,
            Request::Open { .. } => Kind::Open,
            Request::Close => Kind::Close,
            Request::Volume(volume) => Kind::Volume(*volume),
        };
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if unanswered.len() >= MAX_UNANSWERED || self.link.send(&request.encode()).is_err() {
            // The receiving half sees the end, and reports it.
            let _ = shutdown(self.link.as_fd(), Shutdown::Both);
            return;
        }
        unanswered.push_back(kind);
    }
}

/// Starts the threads that keep the connection, and ask whether anybody is still at its other end.
pub(crate) fn start(socket: PathBuf, output: Arc<Output>) -> std::io::Result<()> {
    heartbeat::start(socket.clone(), Arc::clone(&output))?;
    thread::Builder::new().name("engine-link".into()).spawn(move || keep(&socket, &output)).map(drop)
}

fn keep(socket: &Path, output: &Output) {
    let mut retry = FIRST_RETRY;
    let mut absence = Absence::default();
    loop {
        match Connection::connect(socket) {
            Ok(connection) => {
                info!("connected to the audio engine at {}", socket.display());
                retry = FIRST_RETRY;
                absence.end();
                let error = serve(connection, output);
                warn!("lost the audio engine: {error}");
                output.engine_lost(PlayError::new(ENGINE, format!("the audio engine went away: {error}")));
            }
            Err(error) => {
                let why = reason(socket, &error);
                let lasts = absence.lasts(Instant::now());
                if (lasts || !may_pass(&error)) && absence.is_news(&why) {
                    warn!("{why}; nothing can play before");
                }
                output.absent(why);
            }
        }
        thread::sleep(retry);
        retry = (retry * 2).min(LAST_RETRY);
    }
}

/// Receives until the connection ends; says why it did.
fn serve(connection: Connection, output: &Output) -> LinkError {
    let Connection { link, producer, status } = connection;
    if let Err(error) = link.set_nonblocking(true) {
        return error.into();
    }
    let link = Arc::new(link);
    let unanswered = Arc::new(Mutex::new(VecDeque::new()));
    let requests = Requests { link: Arc::clone(&link), unanswered: Arc::clone(&unanswered) };
    output.connected(producer, Arc::new(status), requests);
    loop {
        match receive(&link) {
            Ok(FromEngine::Event(event)) => on_event(event, output),
            Ok(FromEngine::Reply(reply)) => {
                let kind = unanswered.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                if let Err(error) = on_reply(kind, reply, output) {
                    return error;
                }
            }
            Err(error) => return error,
        }
    }
}

fn receive(link: &Link) -> Result<FromEngine, LinkError> {
    loop {
        match link.receive() {
            Ok(Some(received)) => return Ok(FromEngine::decode(&received.bytes)?),
            Ok(None) => return Err(LinkError::Closed),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                match poll(&mut [PollFd::new(link, PollFlags::IN)], None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(errno) => return Err(LinkError::System(errno.into())),
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn on_event(event: Event, output: &Output) {
    match event {
        Event::CapsChanged | Event::OutputBack => output.caps_changed(),
        Event::OutputLost { text } => {
            warn!("the DAC is gone: {text}");
            output.output_away();
        }
    }
}

fn on_reply(kind: Option<Kind>, reply: Reply, output: &Output) -> Result<(), LinkError> {
    match (kind, reply) {
        (Some(Kind::Open), Reply::Opened(stream)) => output.opened(Ok(stream)),
        (Some(Kind::Open), Reply::Refused { code, text }) => output.opened(Err(NotOpen::refused(code, text))),
        (Some(Kind::Close), Reply::Closed | Reply::Refused { .. }) => {}
        (Some(Kind::Volume(asked)), Reply::VolumeSet(in_force)) => output.report(Report::Volume { asked, in_force }),
        (Some(Kind::Volume(_)), Reply::Refused { text, .. }) => output.report(Report::VolumeRefused(text)),
        (kind, _) => {
            return Err(LinkError::Unexpected(match kind {
                Some(Kind::Open) => "Open",
                Some(Kind::Close) => "Close",
                Some(Kind::Volume(_)) => "Volume",
                None => "nothing",
            }));
        }
    }
    Ok(())
}
