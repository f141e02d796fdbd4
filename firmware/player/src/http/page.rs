//! The page for the owner, at presentationURL, and the buttons on it.

use http::header::{CACHE_CONTROL, HOST, HeaderName, HeaderValue, ORIGIN};
use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::{Answer, App, body, header, text};
use crate::transport::Action;

/// Shows what `/status.json` says. Holds everything it needs, and nothing of the state: texts are put in by the browser as
/// texts, so that no title can become markup.
const PAGE: &str = include_str!("page/page.html");
/// Stands for a number that is another one in each answer: only what carries it may run.
const NONCE: &str = "{{nonce}}";
const ICON: &[u8] = include_bytes!("page/icon.png");

pub(super) fn page() -> Answer {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut answer = body(StatusCode::OK, "text/html; charset=utf-8", PAGE.replace(NONCE, &nonce));
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(HeaderName::from_static("content-security-policy"), policy);
    }
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

pub(super) fn icon() -> Answer {
    let mut answer = body(StatusCode::OK, "image/png", ICON);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    answer
}

impl App {
    /// A button: `POST /command/play`, `pause`, `stop`, `next`.
    pub(super) fn command(&self, request: &Request<Incoming>) -> Answer {
        if let Some(answer) = refused(request) {
            return answer;
        }
        let action = match request.uri().path() {
            "/command/play" => Action::Play,
            "/command/pause" => Action::Pause,
            "/command/stop" => Action::Stop,
            "/command/next" => Action::Next,
            _ => return text(StatusCode::NOT_FOUND, "there is no such command"),
        };
        let done = self.renderer.borrow_mut().act(action);
        if done.is_ok() { self.status() } else { text(StatusCode::CONFLICT, "not possible now") }
    }
}

/// What is answered to a request that isn't the page's own.
///
/// Another site's page in the owner's browser can send a POST, too. It can't set a header of its own without asking, which
/// is never granted; if it has pointed its name at this machine, it is told by the name; and browsers say which site sends a POST.
pub(super) fn refused(request: &Request<Incoming>) -> Option<Answer> {
    if header(request, "x-tenuto").is_none() {
        return Some(text(StatusCode::FORBIDDEN, "the header X-Tenuto is missing"));
    }
    let said = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let host = said(HOST).unwrap_or_default();
    if !is_own_name(host) {
        return Some(text(StatusCode::FORBIDDEN, "use this machine's address or its .local name"));
    }
    if !said(ORIGIN).is_none_or(|origin| is_of(origin, host)) {
        return Some(text(StatusCode::FORBIDDEN, "this isn't for other sites' pages"));
    }
    None
}

/// Whether a page of this origin came from this host.
fn is_of(origin: &str, host: &str) -> bool {
    origin.strip_prefix("http://").is_some_and(|of| of.eq_ignore_ascii_case(host))
}

/// Whether a Host header can only mean a machine of this network: an address, or a name that isn't looked up in the Internet.
pub(super) fn is_own_name(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().trim_end_matches('.').ends_with(".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_all_it_needs() {
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://"), "nothing from elsewhere");
        assert!(PAGE.contains("<style nonce=\"{{nonce}}\">") && PAGE.contains("<script nonce=\"{{nonce}}\">"));
        assert!(!PAGE.contains("innerHTML"), "texts stay texts");
        assert!(!PAGE.contains(" style=\"") && !PAGE.contains(" onclick"), "the policy would forbid it");
    }

    #[test]
    fn the_icon_is_what_the_description_says() {
        assert_eq!(ICON.get(..8), Some(&b"\x89PNG\r\n\x1a\n"[..]));
        assert_eq!(ICON.get(16..24), Some(&[0, 0, 0, 120, 0, 0, 0, 120][..]));
    }

    #[test]
    fn an_origin_is_the_host_that_was_asked() {
        assert!(is_of("http://192.168.1.7", "192.168.1.7") && is_of("http://tenuto.local:8200", "Tenuto.local:8200"));
        for foreign in ["http://192.168.1.8", "https://192.168.1.7", "http://192.168.1.7:81", "null", ""] {
            assert!(!is_of(foreign, "192.168.1.7"), "{foreign}");
        }
    }

    #[test]
    fn only_names_of_this_network_are_own() {
        for own in
            ["192.168.1.7", "192.168.1.7:8200", "[fe80::1]:80", "localhost:80", "tenuto.local", "Tenuto.local.:80"]
        {
            assert!(is_own_name(own), "{own}");
        }
        for foreign in ["evil.example", "evil.example:80", "192.168.1.7.evil.example", "local", ""] {
            assert!(!is_own_name(foreign), "{foreign}");
        }
    }
}
