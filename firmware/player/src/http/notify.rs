//! A subscriber's task: sends its events, one after the other.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;
use upnp::gena::{Callback, notify_headers};

use crate::counters::Counters;
use crate::renderer::{Message, Subscriber};

/// The initial event comes after the answer to SUBSCRIBE, or the subscriber doesn't know the SID yet.
const HEAD_START: Duration = Duration::from_millis(50);
/// For the connection, and again for the request to be taken.
const PATIENCE: Duration = Duration::from_secs(3);
/// For the answer. Some control points never give one; that must not keep later events from them.
const ANSWER: Duration = Duration::from_secs(2);
/// So many events in a row that can't be delivered end a subscription.
const LAST_FAILURE: u32 = 3;

/// Sends until the subscription ends, or the subscriber can't be reached any more.
pub(super) async fn deliver(mut subscriber: Subscriber, counters: Rc<Counters>) {
    tokio::time::sleep(HEAD_START).await;
    let mut failures = 0;
    while let Some(message) = subscriber.messages.recv().await {
        match send(&subscriber, &message).await {
            Ok(()) => {
                failures = 0;
                counters.events_sent.add();
            }
            Err(error) => {
                failures += 1;
                counters.event_errors.add();
                debug!("event {} of {} not delivered: {error}", message.seq, subscriber.sid);
                if failures == LAST_FAILURE {
                    return;
                }
            }
        }
    }
}

async fn send(subscriber: &Subscriber, message: &Message) -> io::Result<()> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "no callback"));
    for callback in &subscriber.callbacks {
        result = send_to(callback, &subscriber.sid, message).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn send_to(callback: &Callback, sid: &str, message: &Message) -> io::Result<()> {
    let mut stream = timeout(PATIENCE, TcpStream::connect(callback.address())).await??;
    stream.set_nodelay(true)?;
    timeout(PATIENCE, stream.write_all(request(callback, sid, message).as_bytes())).await??;
    // What it says doesn't matter; but closing before it has said it would be rude to some.
    let mut answer = [0; 512];
    if let Ok(Err(error)) = timeout(ANSWER, stream.read(&mut answer)).await {
        debug!("no answer of {callback}: {error}");
    }
    Ok(())
}

fn request(callback: &Callback, sid: &str, Message { seq, body }: &Message) -> String {
    let mut head = format!("NOTIFY {} HTTP/1.1\r\nHOST: {}\r\n", callback.path(), callback.address());
    for (name, value) in notify_headers(sid, *seq) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}CONTENT-LENGTH: {}\r\nCONNECTION: close\r\n\r\n{body}", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_complete_request() {
        let callback = Callback::parse("http://10.0.0.7:49200/events/1?x=y").unwrap();
        let text = request(&callback, "uuid:1", &Message { seq: 3, body: "<é/>".into() });
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("NOTIFY /events/1?x=y HTTP/1.1\r\nHOST: 10.0.0.7:49200\r\n"));
        for line in ["NT: upnp:event", "NTS: upnp:propchange", "SID: uuid:1", "SEQ: 3", "CONTENT-LENGTH: 5"] {
            assert!(head.contains(line), "{line}");
        }
        assert_eq!(body, "<é/>");
    }
}
