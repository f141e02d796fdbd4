//! SOAP over HTTP.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue, ORIGIN};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tracing::debug;
use upnp::error::Fault;
use upnp::service::Service;
use upnp::soap;

use super::{Answer, App, body, header, read_body, text};
use crate::transport::State;

/// How long a Play without media waits for its SetAVTransportURI: some control points send both at once, over two connections,
/// and either may come first (T4). Together with everything else it stays below T3's 50 ms.
const RACE: Duration = Duration::from_millis(40);
const RACE_STEP: Duration = Duration::from_millis(2);

impl App {
    pub(super) async fn control(&self, service: Service, request: Request<Incoming>) -> Answer {
        // Only browsers say where a request comes from, and the page has commands of its own: this is some web site's script,
        // whose POST of plain text no preflight has stopped.
        if request.headers().contains_key(ORIGIN) {
            return text(StatusCode::FORBIDDEN, "control isn't for web pages");
        }
        let soap_action = header(&request, "soapaction").map(str::to_owned);
        let bytes = match read_body(request, soap::MAX_BODY).await {
            Ok(bytes) => bytes,
            Err(answer) => return answer,
        };
        let (status, envelope) = match self.carry_out(service, soap_action.as_deref(), &bytes).await {
            Ok(values) => (StatusCode::OK, values),
            Err(fault) => {
                debug!("{service:?}: {fault}");
                (StatusCode::INTERNAL_SERVER_ERROR, soap::fault(&fault))
            }
        };
        let mut answer = body(status, soap::CONTENT_TYPE, envelope);
        answer.headers_mut().insert(HeaderName::from_static("ext"), HeaderValue::from_static(""));
        answer
    }

    async fn carry_out(&self, service: Service, soap_action: Option<&str>, bytes: &[u8]) -> Result<String, Fault> {
        let request = soap::parse(service, soap_action, bytes)?;
        if request.name() == "Play" {
            let mut waited = Duration::ZERO;
            while self.renderer.borrow().state() == State::NoMediaPresent && waited < RACE {
                tokio::time::sleep(RACE_STEP).await;
                waited += RACE_STEP;
            }
        }
        let values = self.renderer.borrow_mut().control(&request)?;
        soap::response(&request, &values)
    }
}
