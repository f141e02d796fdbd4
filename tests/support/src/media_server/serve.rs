//! The server's own thread: connections, routing, and bodies that follow their [`Conduct`].
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::{Conduct, Entry, Hold, LOG_LENGTH, Seen, Shared, lock, mime_of};

/// At most so many connections at a time; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// A connection that sends no request for this long is closed.
const HEADER_TIME: Duration = Duration::from_secs(30);

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Serves until the owner drops its end of `stopped`.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await;
        let stream = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of descriptors: give the running connections time to end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _slot = slot;
            let service = hyper::service::service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(answer(request, &shared).await) }
            });
            // A client that goes away in the middle is the client's right.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIME)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(mut request: Request<Incoming>, shared: &Shared) -> Response<Body> {
    let path = request.uri().path().to_owned();
    {
        let mut seen = lock(&shared.seen);
        if seen.len() < LOG_LENGTH {
            seen.push(Seen {
                method: request.method().to_string(),
                path: path.clone(),
                range: request.headers().get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned),
            });
        }
    }
    let Some(Entry { file, conduct }) = find(&path, shared) else {
        return status(StatusCode::NOT_FOUND);
    };
    if let Some(code) = conduct.status {
        return status(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    // A directory has no bytes, and opening a pipe could wait for ever.
    if std::fs::metadata(&file).is_ok_and(|data| !data.is_file()) {
        return status(StatusCode::FORBIDDEN);
    }
    if conduct.no_ranges {
        request.headers_mut().remove(header::RANGE);
    }
    let mime = conduct.mime.as_deref().or_else(|| mime_of(&file)).unwrap_or("application/octet-stream");
    let mut served = ServeFile::new(&file);
    if let Ok(mime) = mime.parse() {
        served = ServeFile::new_with_mime(&file, &mime);
    }
    let Ok(response) = served.oneshot(request).await;
    let mut response = response.map(|body| body.map_err(std::io::Error::other).boxed_unsync());
    if conduct.no_ranges {
        response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    }
    if !response.status().is_success() {
        return response;
    }
    if conduct.no_length {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    behave(response, &conduct)
}

/// The file behind `/file/<id>/<name>` or `/root/<path>`.
fn find(path: &str, shared: &Shared) -> Option<Entry> {
    if let Some(rest) = path.strip_prefix("/file/") {
        let id = rest.split('/').next()?.parse().ok()?;
        return lock(&shared.entries).get(&id).cloned();
    }
    let relative = path.strip_prefix("/root/")?;
    let relative = percent_encoding::percent_decode_str(relative).decode_utf8().ok()?;
    let plain = PathBuf::from(relative.as_ref());
    // Only downwards: no absolute path, no "..".
    let below = plain.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let root = shared.root.as_ref().filter(|_| below)?;
    Some(Entry { file: root.join(plain), conduct: Conduct::default() })
}

/// Applies what a conduct says about the body.
fn behave(response: Response<Body>, conduct: &Conduct) -> Response<Body> {
    if conduct.cut_at.is_none() && conduct.hold.is_none() && !conduct.no_length {
        return response;
    }
    let begins = begin_of(&response);
    let hold = conduct.hold.clone();
    let hold = hold.filter(|hold| begins < hold.begins_below);
    let cut_at = conduct.cut_at;
    response.map(|body| {
        let script = Script { body: body.into_data_stream().boxed(), left: Bytes::new(), at: begins, hold, cut_at };
        let frames = stream::unfold(script, async |mut script| {
            let piece = script.next().await?;
            Some((piece.map(Frame::data), script))
        });
        StreamBody::new(frames).boxed_unsync()
    })
}

/// A body that is sent as its conduct says.
struct Script {
    body: BoxStream<'static, std::io::Result<Bytes>>,
    /// Read and not yet sent.
    left: Bytes,
    /// The byte of the file that is next.
    at: u64,
    hold: Option<Hold>,
    cut_at: Option<u64>,
}

impl Script {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        if self.left.is_empty() {
            match self.body.next().await? {
                Ok(bytes) => self.left = bytes,
                error => return Some(error),
            }
        }
        if self.cut_at.is_some_and(|cut| self.at >= cut) {
            // hyper sends what it holds when a body isn't ready, and drops it when a body fails.
            tokio::time::sleep(Duration::from_millis(10)).await;
            return Some(Err(std::io::Error::other("cut as told")));
        }
        if let Some(hold) = self.hold.take_if(|hold| self.at >= hold.at) {
            hold.gate.wait(hold.limit).await;
        }
        // Up to the next byte at which something happens.
        let stops = [self.cut_at, self.hold.as_ref().map(|hold| hold.at)];
        let room = stops.into_iter().flatten().map(|stop| stop - self.at).min();
        let room = room.map_or(usize::MAX, |room| room.try_into().unwrap_or(usize::MAX));
        let bytes = self.left.split_to(room.min(self.left.len()));
        self.at += bytes.len() as u64;
        Some(Ok(bytes))
    }
}

/// The first byte that a response holds: 0, or what its Content-Range says.
fn begin_of(response: &Response<Body>) -> u64 {
    let range = response.headers().get(header::CONTENT_RANGE);
    range.and_then(|range| range.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()).unwrap_or(0)
}

fn status(code: StatusCode) -> Response<Body> {
    let empty = Empty::new().map_err(|never: Infallible| match never {});
    let mut response = Response::new(empty.boxed_unsync());
    *response.status_mut() = code;
    response
}
