//! Connections without TLS, whose socket is taken over once an answer's head was read. If its body isn't coded in chunks, then
//! what comes is the body and nothing else, and goes from the kernel to where it is wanted. ureq reads it into a buffer of its
//! own, clears that and copies: with FLAC a third of what receiving takes, with DSD512 more.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};
use ureq::{BodyReader, Error};

/// Makes such connections for an agent; a TLS connection is left to others.
#[derive(Clone, Debug, Default)]
pub(super) struct PlainConnector {
    newest: Arc<Mutex<Option<Line>>>,
}

/// A connection's socket, as ureq and the one who takes it over have it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    socket: Arc<TcpStream>,
    is_taken: Arc<AtomicBool>,
}

impl PlainConnector {
    /// The newest connection, which the last answer came on; once. `None` if that is in TLS.
    pub(super) fn take(&self) -> Option<Line> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for PlainConnector {
    type Out = PlainTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, _chained: Option<()>) -> Result<Option<PlainTransport>, Error> {
        *self.lock() = None;
        if details.needs_tls() {
            return Ok(None);
        }
        let socket = Arc::new(connect(details)?);
        (details.register_shutdown)(Arc::downgrade(&socket) as Weak<dyn ShutdownHandle>)?;
        let line = Line { socket, is_taken: Arc::default() };
        *self.lock() = Some(line.clone());
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(PlainTransport { line, buffers }))
    }
}

/// The first of the server's addresses that answers. What is left of the time is shared by those that are left.
fn connect(details: &ConnectionDetails<'_>) -> Result<TcpStream, Error> {
    let begin = Instant::now();
    let most = details.timeout.not_zero();
    let mut why = Error::HostNotFound;
    for (address, left) in details.addrs.iter().zip((1..=details.addrs.len() as u32).rev()) {
        let stream = match most {
            None => TcpStream::connect(address),
            Some(most) => match most.saturating_sub(begin.elapsed()) / left {
                Duration::ZERO => return Err(Error::Timeout(details.timeout.reason)),
                share => TcpStream::connect_timeout(address, share),
            },
        };
        match stream {
            Ok(stream) => return Ok(stream),
            Err(error) => why = timed(error, details.timeout),
        }
    }
    Err(why)
}

/// An error of the socket; the kernel calls the end of a timeout by two names.
fn timed(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}

/// ureq's end of a connection.
#[derive(Debug)]
pub(super) struct PlainTransport {
    line: Line,
    buffers: LazyBuffers,
}

impl Transport for PlainTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let mut socket = &*self.line.socket;
        socket.set_write_timeout(timeout.not_zero().map(|most| *most))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        socket.write_all(output).map_err(|error| timed(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // What had come is given out; from here on it isn't ureq's.
        if self.line.is_taken.load(Ordering::Relaxed) {
            return Err(Error::Io(io::ErrorKind::WouldBlock.into()));
        }
        let timeout = timeout.for_read();
        let mut socket = &*self.line.socket;
        socket.set_read_timeout(timeout.not_zero().map(|most| *most))?;
        let read = patiently(|| socket.read(self.buffers.input_append_buf())).map_err(|error| timed(error, timeout))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    /// Connections aren't kept for another request.
    fn is_open(&mut self) -> bool {
        false
    }
}

/// A body: first what ureq has of it, then from the socket, if that can be taken over.
pub(super) struct PlainBody {
    reader: BodyReader<'static>,
    line: Option<Line>,
    /// Bytes still to come, if that is known.
    left: Option<u64>,
    /// ureq has nothing more of it.
    is_taken: bool,
}

impl PlainBody {
    /// `line`: what a body that isn't coded in any way comes on, so many bytes or up to the end of the connection.
    pub(super) fn new(reader: BodyReader<'static>, line: Option<Line>, left: Option<u64>) -> Self {
        if let Some(line) = &line {
            line.is_taken.store(true, Ordering::Relaxed);
        }
        Self { reader, line, left, is_taken: false }
    }

    /// The next bytes, 0 at the end. A read that times out is an error of ureq's.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let Some(line) = &self.line else { return Ok(self.reader.read(buf)?) };
        let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let length = buf.len().min(most);
        let buf = buf.get_mut(..length).unwrap_or_default();
        if buf.is_empty() {
            return Ok(0);
        }
        let mut read = None;
        if !self.is_taken {
            match self.reader.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_taken = true,
                buffered => read = Some(buffered?),
            }
        }
        let read = match read {
            Some(read) => read,
            None => receive(&line.socket, buf)?,
        };
        self.left = self.left.map(|left| left - read as u64);
        Ok(read)
    }
}

/// Reads from the socket, whose timeout is still what ureq set for the head.
fn receive(mut socket: &TcpStream, buf: &mut [u8]) -> Result<usize, Error> {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, TimedOut, WouldBlock};
    match patiently(|| socket.read(buf)) {
        Ok(read) => Ok(read),
        // The end, of whatever kind: the caller knows how much is missing.
        Err(error) if [ConnectionReset, ConnectionAborted].contains(&error.kind()) => Ok(0),
        Err(error) if [TimedOut, WouldBlock].contains(&error.kind()) => Err(Error::Timeout(ureq::Timeout::PerRead)),
        Err(error) => Err(error.into()),
    }
}

/// Again after a signal.
fn patiently(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
