//! Where a body ends, whoever reads it: the HTTP library, or we from the socket itself.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::material::{big_endian, signal};
use common::server::Server;
use common::{assert_same, decode};
use media::{Cancel, Limits, Location, Wants};

/// What comes is raw PCM, which ends where its body does.
fn play(head: &'static str, send: impl Fn(&mut TcpStream, &[u8]) + Send + Sync + 'static) {
    let samples = signal(300_001, 2, 16);
    let bytes = big_endian(&samples, 2, 0);
    let length = bytes.len();
    let server = Server::start(move |_, stream| {
        let head = head.replace("LENGTH", &length.to_string());
        drop(stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: audio/L16\r\n{head}\r\n").as_bytes()));
        send(stream, &bytes);
    });
    let location = Location { url: server.url("/"), mime: None, wants: Wants::default() };
    let mut track = media::open(&location, &Limits::default(), &Cancel::new()).unwrap();
    assert_same(&decode(&mut track).unwrap(), &samples, head);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_lies_behind_a_body_is_not_read() {
    play("Content-Length: LENGTH\r\n", |stream, bytes| {
        drop(stream.write_all(bytes));
        drop(stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n"));
        // Stays open until the client closes it.
        while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
    });
}

#[test]
fn chunks_are_joined() {
    play("Transfer-Encoding: chunked\r\n", |stream, bytes| {
        for (number, chunk) in bytes.chunks(65_521).enumerate() {
            drop(stream.write_all(format!("{:x};n={number}\r\n", chunk.len()).as_bytes()));
            drop(stream.write_all(chunk));
            drop(stream.write_all(b"\r\n"));
        }
        drop(stream.write_all(b"0\r\n\r\n"));
    });
}

#[test]
fn a_redirect_leads_to_the_body_of_the_last_answer() {
    let samples = signal(100_000, 2, 16);
    let bytes = big_endian(&samples, 2, 0);
    let server = Server::start(move |request, stream| {
        let head = if request.number == 0 {
            // With a body of its own.
            "302 Found\r\nLocation: /moved\r\nContent-Length: 5\r\n\r\nmoved".to_owned()
        } else {
            format!("200 OK\r\nContent-Type: audio/L16\r\nContent-Length: {}\r\n\r\n", bytes.len())
        };
        drop(stream.write_all(format!("HTTP/1.1 {head}").as_bytes()));
        if request.number > 0 {
            drop(stream.write_all(&bytes));
        }
    });
    let location = Location { url: server.url("/"), mime: None, wants: Wants::default() };
    let mut track = media::open(&location, &Limits::default(), &Cancel::new()).unwrap();
    assert_same(&decode(&mut track).unwrap(), &samples, "moved");
}
