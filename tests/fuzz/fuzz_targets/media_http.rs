//! A server that answers anything: what it says about a resource, and what it sends of it, request after request.
#![no_main]

#[path = "../media.rs"]
mod media_input;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use media::{Cancel, Limits, Location};

/// Short, so that a server that says nothing costs little.
const PATIENCE: Duration = Duration::from_millis(10);
/// Whole answers, in the order of the connections; without one a connection is closed.
static ANSWERS: Mutex<VecDeque<Vec<u8>>> = Mutex::new(VecDeque::new());
static SERVER: OnceLock<SocketAddr> = OnceLock::new();

fn serve() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("its own");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { continue };
            let answer = ANSWERS.lock().expect("nobody panics").pop_front().unwrap_or_default();
            // The request comes in one piece. That the client has gone doesn't matter.
            let _ = connection.set_read_timeout(Some(PATIENCE)).and_then(|()| connection.read(&mut [0; 2048]));
            let _ = connection.write_all(&answer);
        }
    });
    address
}

fuzz_target!(init: media_input::trust_guarded_decoders(), |data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    // An answer to a later request begins where this byte is; each begins with what makes it one, unless it isn't to.
    let answers = data.split(|&byte| byte == 0xfd).enumerate().map(|(n, answer)| {
        let status: &[u8] = match (how >> 1 & 3, n) {
            (0, _) => b"",
            (1, 0) => b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nAccept-Ranges: bytes\r\n",
            (1, _) => b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes ",
            (2, 0) => b"ICY 200 OK\r\n",
            _ => b"HTTP/1.1 200 OK\r\n",
        };
        [status, answer].concat()
    });
    *ANSWERS.lock().expect("nobody panics") = answers.collect();
    let url = format!("http://{}/a.wav", SERVER.get_or_init(serve));
    let mime = (how & 1 == 1).then(|| "audio/L16;rate=8000;channels=1".to_owned());
    let limits = Limits { connect: PATIENCE, stall: PATIENCE, give_up: PATIENCE, refused: Duration::ZERO };
    let Ok(mut track) = media::open(&Location { url, mime }, &limits, &Cancel::new()) else { return };
    for target in [None, Some(0), Some(1000)] {
        if let Some(frame) = target {
            let _ = track.seek(frame).map(|landed| assert_eq!(landed, frame));
        }
        // A live stream has no end.
        for _ in 0..64 {
            let Ok(Some(samples)) = track.read() else { break };
            assert!(samples.frames() > 0);
        }
    }
});
