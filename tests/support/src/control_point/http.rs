//! One HTTP request on a connection of its own, with the moment at which it was sent.
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;

use super::Error;

/// Longest body that is read: descriptions and SOAP answers are a few kilobytes.
const LONGEST: usize = 1 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// CLOCK_MONOTONIC, ns, after connecting and before the first byte was written.
    pub(super) sent_ns: u64,
}

/// GETs `url`.
pub(super) async fn get(url: &str) -> Result<Reply, Error> {
    send(url, http::Request::get(url), Bytes::new()).await
}

/// POSTs SOAP to `url`.
pub(super) async fn post(url: &str, action: &str, body: String) -> Result<Reply, Error> {
    let request =
        http::Request::post(url).header("Content-Type", "text/xml; charset=\"utf-8\"").header("SOAPACTION", action);
    send(url, request, body.into()).await
}

async fn send(url: &str, request: http::request::Builder, body: Bytes) -> Result<Reply, Error> {
    let broken = |error: &dyn std::fmt::Display| Error::Broken(url.to_owned(), error.to_string());
    let uri: http::Uri = url.parse().map_err(|error| broken(&error))?;
    let host = uri.host().ok_or_else(|| broken(&"no host in the URL"))?;
    let port = uri.port_u16().unwrap_or(80);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = request
        .uri(path)
        .header("Host", format!("{host}:{port}"))
        .header("Connection", "close")
        .body(Full::new(body))
        .map_err(|error| broken(&error))?;
    let stream = tokio::net::TcpStream::connect((host, port)).await.map_err(|error| broken(&error))?;
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let sent_ns = crate::monotonic_ns();
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|error| broken(&error))?;
        Ok(Reply { status, body: body.to_bytes().to_vec(), sent_ns })
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        reply = &mut exchange => reply,
        // The connection's end is the answer's end; an error shows in the exchange.
        _ = connection => exchange.await,
    }
}
