//! A few bytes of a resource from somewhere else, by a request beside the transfer.

use std::io::Read;
use std::time::Duration;

use ureq::http::{StatusCode, header};

use super::fetch::agent;
use super::head::{Head, content_range};
use super::plain::PlainConnector;
use crate::Limits;

/// For all of it. It is only looked at for a length or for tags: a server that takes one connection at a time (T5) mustn't keep
/// the music waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks for `bytes` bytes from `start` on, or up to the end, of a server that answers Range requests; what an address that is good for one opening
/// only (T16) stands for, and what has no end, doesn't come with both a length and an offer of them.
///
/// # Errors
/// Why there are none.
pub(super) fn read(url: &str, known: &Head, start: u64, bytes: usize) -> Result<Vec<u8>, String> {
    let length = known.length.filter(|_| known.ranges).ok_or("the server takes no Range requests")?;
    let bytes = length.checked_sub(start).filter(|&left| left > 0).ok_or("it ends before that")?.min(bytes as u64);
    let limits = Limits { connect: PATIENCE, stall: PATIENCE, ..Limits::default() };
    let last = if start + bytes == length { String::new() } else { (start + bytes - 1).to_string() };
    let mut request =
        agent(&limits, PlainConnector::default()).get(url).header(header::RANGE, format!("bytes={start}-{last}"));
    if let Some(validator) = &known.validator {
        request = request.header(header::IF_RANGE, validator);
    }
    let request = request.config().timeout_global(Some(PATIENCE)).build();
    let response = request.call().map_err(|error| error.to_string())?;
    let range = content_range(response.headers());
    let is_it = response.status() == StatusCode::PARTIAL_CONTENT
        && range == Some((start, known.length))
        && known.is_same_as(&Head::new(response.headers(), known.length));
    if !is_it {
        return Err(format!("HTTP status {}, range {range:?}", response.status()));
    }
    let mut aside = Vec::new();
    let read = response.into_body().into_reader().take(bytes).read_to_end(&mut aside);
    match read {
        Ok(_) if aside.len() as u64 == bytes => Ok(aside),
        Ok(_) => Err("it is shorter than asked for".into()),
        Err(error) => Err(error.to_string()),
    }
}
