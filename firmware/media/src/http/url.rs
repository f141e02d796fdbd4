//! Addresses as control points send them.

use std::fmt::Write;

use crate::fault::{Fault, Kind};

/// The longest address that is taken; servers limit theirs to about 8 KiB.
const MAX_LENGTH: usize = 16 * 1024;

/// Makes an address that can be sent: what a URI may not hold (RFC 3986, appendix A: spaces, control characters,
/// non-ASCII, `"<>\^` and so on) is percent-encoded, because control points hand on what media servers wrote carelessly.
/// Anything that is encoded already stays as it is.
pub(crate) fn escape(url: &str) -> Result<String, Fault> {
    let url = url.trim();
    let http = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if url.len() > MAX_LENGTH {
        return Err(Fault::new(Kind::BadUrl, format!("longer than {MAX_LENGTH} bytes")));
    }
    if !http("http://") && !http("https://") {
        return Err(Fault::new(Kind::BadUrl, "neither http:// nor https://"));
    }
    let mut escaped = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                // Writing to a String can't fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
            0x21..=0x7e => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_uri_may_not_hold_is_encoded() {
        assert_eq!(escape("http://h/a b%20é\"").unwrap(), "http://h/a%20b%20%C3%A9%22");
        assert_eq!(escape(" HTTPS://h/?q=1&r=[2]#x\n").unwrap(), "HTTPS://h/?q=1&r=[2]#x");
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in ["file:///etc/passwd", "ftp://h/", "", "http:/h", "é"] {
            assert_eq!(escape(url).unwrap_err().kind, Kind::BadUrl, "{url}");
        }
    }
}
