//! Control: SOAP requests in, responses and faults out (UDA section 3).
mod request;
mod response;

pub use request::{Request, parse};
pub use response::{Values, fault, response};

/// The longest request body that is read, in bytes. Metadata of a track is some KiB at most.
pub const MAX_BODY: usize = 64 * 1024;

/// `Content-Type` of every response and fault.
pub const CONTENT_TYPE: &str = "text/xml; charset=\"utf-8\"";

#[cfg(test)]
mod tests;
