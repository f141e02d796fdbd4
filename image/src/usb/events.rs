//! A subscriber to the renderer's events (GENA, UPnP Device Architecture 1.1, 4).
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::network::{GUEST, HOST};

/// How long the renderer may take to answer or to send.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest event that is read, bytes.
const LONGEST: u64 = 1 << 20;

/// The events that have come, as text, and when. It goes on in a thread of its own until the process ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Events(Arc<Mutex<Vec<(Instant, String)>>>);

impl Events {
    /// Subscribes to AVTransport.
    ///
    /// # Errors
    /// When the renderer refuses.
    pub(super) fn subscribe() -> Result<Self> {
        let listener = TcpListener::bind((HOST, 0)).context("listening for events")?;
        let callback = listener.local_addr()?;
        let events = Self::default();
        let theirs = events.clone();
        std::thread::Builder::new().name("events".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // What can't be read is an event that never comes.
                let _ = receive(stream).map(|event| theirs.lock(|events| events.push((Instant::now(), event))));
            }
        })?;
        let mut stream = TcpStream::connect(SocketAddr::from((GUEST, 80))).context("subscribing")?;
        stream.set_read_timeout(Some(LIMIT))?;
        write!(
            stream,
            "SUBSCRIBE /AVTransport/event HTTP/1.1\r\nHost: {GUEST}\r\nCALLBACK: <http://{callback}/>\r\n\
             NT: upnp:event\r\nTIMEOUT: Second-1800\r\nConnection: close\r\n\r\n"
        )?;
        let mut first = String::new();
        BufReader::new(stream).read_line(&mut first)?;
        if !first.contains(" 200 ") {
            bail!("the renderer takes no subscription: {first}");
        }
        Ok(events)
    }

    fn lock<T>(&self, look: impl FnOnce(&mut Vec<(Instant, String)>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what has come.
    pub(super) fn forget(&self) {
        self.lock(Vec::clear);
    }

    /// When the first event came that says so of TransportState, if one did.
    pub(super) fn said(&self, state: &str) -> Option<Instant> {
        let value = format!("TransportState val=&quot;{state}&quot;");
        self.lock(|events| events.iter().find(|(_, event)| event.contains(&value)).map(|(at, _)| *at))
    }
}

/// Reads an event, and answers.
fn receive(mut stream: TcpStream) -> Result<String> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut reader = BufReader::new(stream.try_clone()?).take(LONGEST);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim_end().is_empty() { break } else { continue }
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(body)
}
