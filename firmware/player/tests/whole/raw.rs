//! HTTP by hand: what no well-behaved client would send, and a listener for events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::bench::until;

/// Long enough for a loaded machine; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message: its first line, its headers with lower-case names, its body.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends a request as it is, and reads one answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &str) -> Message {
    stream.write_all(request.as_bytes()).expect("the request is taken");
    read(stream)
}

/// One request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Message {
    exchange(&mut connect(address), request)
}

/// A SOAP request to AVTransport.
pub(crate) fn soap(action: &str, arguments: &str) -> String {
    let kind = "urn:schemas-upnp-org:service:AVTransport:1";
    let body = format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <u:{action} xmlns:u=\"{kind}\">{arguments}</u:{action}></s:Body></s:Envelope>"
    );
    format!(
        "POST /AVTransport/control HTTP/1.1\r\nHost: x\r\nSOAPACTION: \"{kind}#{action}\"\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads a message with Content-Length.
pub(crate) fn read(stream: &mut TcpStream) -> Message {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).expect("a line");
        text.trim_end().to_owned()
    };
    let first = line();
    let mut headers = Vec::new();
    loop {
        let text = line();
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).expect("the body");
    Message { first, headers, body: String::from_utf8(body).expect("text") }
}

/// Takes events.
pub(crate) struct Listener {
    socket: TcpListener,
}

impl Listener {
    pub(crate) fn new() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        // An event that never comes fails the test, instead of holding it up.
        socket.set_nonblocking(true).expect("a listener that doesn't wait");
        Self { socket }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.socket.local_addr().expect("an address"))
    }

    /// The next event; it is answered only if `answered`, else the connection is handed out, open.
    pub(crate) fn event(&self, answered: bool) -> (Message, TcpStream) {
        let (mut stream, _) = until("an event", || self.socket.accept().ok());
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let message = read(&mut stream);
        if answered {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("the answer is taken");
        }
        (message, stream)
    }

    /// Subscribes to AVTransport; the answer.
    pub(crate) fn subscribe(&self, player: SocketAddr) -> Message {
        subscribe(player, &self.url())
    }
}

pub(crate) fn subscribe(player: SocketAddr, callback: &str) -> Message {
    ask(
        player,
        &format!(
            "SUBSCRIBE /AVTransport/event HTTP/1.1\r\nHost: x\r\nCALLBACK: <{callback}>\r\nNT: upnp:event\r\n\
             TIMEOUT: Second-300\r\n\r\n"
        ),
    )
}
