//! What an answer's header says about the resource.

use ureq::http::{HeaderMap, HeaderName, header};

/// The part of an answer's header that matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The whole resource's length in bytes, if it has one.
    pub(crate) length: Option<u64>,
    /// `Content-Type`, as it came.
    pub(crate) content_type: Option<String>,
    /// Whether the server says that it answers Range requests.
    pub(crate) ranges: bool,
    /// What tells whether the resource is still the same: a strong `ETag`, else `Last-Modified` (RFC 9110, 13.1.5).
    pub(crate) validator: Option<String>,
}

impl Head {
    /// Reads the header of an answer whose body starts at `start`, the first byte for 200, from `Content-Range` for 206.
    pub(super) fn new(headers: &HeaderMap, total: Option<u64>) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let etag = text(header::ETAG).filter(|etag| etag.starts_with('"'));
        Self {
            length: total,
            content_type: text(header::CONTENT_TYPE).map(Into::into),
            ranges: text(header::ACCEPT_RANGES).is_some_and(|units| units.eq_ignore_ascii_case("bytes")),
            validator: etag.or_else(|| text(header::LAST_MODIFIED)).map(Into::into),
        }
    }

    /// Whether an answer with header `later` carries the same resource, as far as one can tell.
    pub(super) fn is_same_as(&self, later: &Self) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        agree(self.length.as_ref(), later.length.as_ref()) && agree(self.validator.as_ref(), later.validator.as_ref())
    }
}

/// The first byte and the total length in a `Content-Range: bytes 5-9/10` (RFC 9110, 14.4); the total may be `*`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}
