//! A resource on an HTTP server as something to read and seek in.
//!
//! A plain GET is all that opening and probing take; the connection then simply goes on. A Range request is made only
//! to seek further than what is at hand, and to go on where a connection dropped, with a validator so that a resource
//! that changed meanwhile isn't spliced. The one exception is a look aside at the last bytes, for a length that stands nowhere
//! else, or for tags that are wanted: it goes beside the transfer, once, only where the server offers ranges, and its failure is
//! none.

mod aside;
mod fetch;
mod head;
mod patience;
mod pieces;
mod pipe;
mod plain;
mod url;

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use self::fetch::Fetch;
pub(crate) use self::head::Head;
pub(crate) use self::url::escape;
use crate::fault::{Fault, Kind};
use crate::input::Input;
use crate::{Cancel, Limits};

/// A seek forward by less than this reads over the bytes between instead of asking for another range.
const READ_OVER: u64 = 2 * 1024 * 1024;

/// The resource. Reading blocks at most as long as [`Limits`] and [`Cancel`] say.
#[derive(Debug)]
pub(crate) struct HttpSource {
    url: Arc<str>,
    limits: Limits,
    cancel: Cancel,
    head: Head,
    fetch: Fetch,
    /// The byte that `fetch` gives next.
    fetched: u64,
    /// The byte that the reader wants next.
    position: u64,
    /// Once something went wrong for good, every read says so, until a seek.
    fault: Option<Fault>,
    /// Whether the connection is of no use any more.
    broken: bool,
}

impl HttpSource {
    /// Sends the request and waits for the answer's header.
    pub(crate) fn open(url: &Arc<str>, limits: &Limits, cancel: &Cancel) -> Result<Self, Fault> {
        let fetch = Fetch::start(&escape(url)?, 0, None, limits)?;
        let head = fetch.head(limits, cancel)?;
        Ok(Self {
            url: Arc::clone(url),
            limits: *limits,
            cancel: cancel.clone(),
            head,
            fetch,
            fetched: 0,
            position: 0,
            fault: None,
            broken: false,
        })
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    fn read_at_position(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        if self.head.length.is_some_and(|length| self.position >= length) {
            return Ok(0);
        }
        if self.broken {
            self.restart()?;
        }
        if self.position < self.fetched {
            if self.fetch.step_back(self.fetched - self.position) {
                self.fetched = self.position;
            } else {
                self.restart()?;
            }
        }
        if self.position > self.fetched {
            let readable = self.position - self.fetched <= READ_OVER || !self.head.ranges;
            if readable { self.read_over()? } else { self.restart()? }
        }
        self.fetch_into(buf)
    }

    /// Reads on where the connection is.
    fn fetch_into(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        let n = self.fetch.read(buf, &self.limits, &self.cancel)?;
        self.fetched += n as u64;
        Ok(n)
    }

    fn read_over(&mut self) -> Result<(), Fault> {
        let mut scrap = vec![0; 64 * 1024];
        while self.position > self.fetched {
            let gap = usize::try_from(self.position - self.fetched).unwrap_or(usize::MAX).min(scrap.len());
            if self.fetch_into(scrap.get_mut(..gap).unwrap_or_default())? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Asks for the bytes from `position` on.
    fn restart(&mut self) -> Result<(), Fault> {
        if !self.head.ranges {
            return Err(Fault::new(Kind::NotSeekable, "the server takes no Range requests"));
        }
        tracing::debug!(url = &*self.url, position = self.position, "range request");
        // Closed before the new one is opened: some servers take one connection at a time (T5).
        self.fetch.stop();
        self.fetch = Fetch::start(&escape(&self.url)?, self.position, Some(&self.head), &self.limits)?;
        self.fetched = self.position;
        self.broken = false;
        Ok(())
    }
}

impl Read for HttpSource {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        if buf.is_empty() {
            return Ok(0);
        }
        match self.read_at_position(buf) {
            Ok(n) => {
                self.position += n as u64;
                Ok(n)
            }
            Err(fault) => {
                self.fault = Some(fault.clone());
                self.broken = true;
                Err(fault.into())
            }
        }
    }
}

impl Seek for HttpSource {
    /// Only notes the position: nothing is asked of the server before something is read there. After a fault that is
    /// another attempt.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.head.length.and_then(|length| length.checked_add_signed(by)),
        };
        let target = target.ok_or_else(|| Fault::new(Kind::NotSeekable, "no such position"))?;
        self.position = target;
        self.fault = None;
        Ok(target)
    }
}

impl Input for HttpSource {
    fn byte_len(&self) -> Option<u64> {
        self.head.length
    }

    fn is_seekable(&self) -> bool {
        self.head.ranges && self.head.length.is_some()
    }

    fn aside(&mut self, start: u64, bytes: usize) -> Option<Vec<u8>> {
        if self.broken || self.cancel.is_cancelled() {
            return None;
        }
        let aside = aside::read(&escape(&self.url).ok()?, &self.head, start, bytes);
        aside.inspect_err(|why| tracing::debug!(url = &*self.url, start, why, "it can't be looked at")).ok()
    }
}
