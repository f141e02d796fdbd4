use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::*;

fn local() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Sends one request, returns everything that comes back.
fn ask(server: &MediaServer, method: &str, url: &str, extra: &str) -> String {
    let path = url.strip_prefix(&format!("http://{}", server.address()));
    let path = path.expect("URL of this server");
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n").expect("send");
    let mut answer = Vec::new();
    // A cut connection may end with a reset: what came before it counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join(name);
    std::fs::write(&path, text).expect("write");
    (dir, path)
}

#[test]
fn names_that_a_url_cannot_hold_are_served_with_length_and_type() {
    let (dir, path) = file("a b%#?é.FLAC", "0123456789");
    let server = MediaServer::start(local(), Some(dir.path())).expect("start");
    let urls = [server.add(&path), server.url_of("a b%#?é.FLAC")];
    for url in urls {
        let answer = ask(&server, "GET", &url, "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("content-length: 10\r\n"), "{answer}");
        assert!(answer.contains("content-type: audio/flac\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
        let head = ask(&server, "HEAD", &url, "");
        assert!(head.contains("content-length: 10\r\n") && head.ends_with("\r\n\r\n"));
        let part = ask(&server, "GET", &url, "Range: bytes=3-5\r\n");
        assert!(part.starts_with("HTTP/1.1 206"), "{part}");
        assert!(part.ends_with("\r\n\r\n345"), "{part}");
    }
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn nothing_outside_the_root_and_nothing_unknown_is_served() {
    let (dir, path) = file("x.wav", "x");
    let inner = dir.path().join("inner");
    std::fs::create_dir(&inner).expect("create");
    let server = MediaServer::start(local(), Some(&inner)).expect("start");
    let base = format!("http://{}", server.address());
    for path in ["/root/../x.wav", "/root/%2e%2e/x.wav", "/file/7/x.wav", "/"] {
        let answer = ask(&server, "GET", &format!("{base}{path}"), "");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    let url = server.add(&inner);
    assert!(ask(&server, "GET", &url, "").starts_with("HTTP/1.1 403"));
    let url = server.add(&path.with_file_name("absent.wav"));
    assert!(ask(&server, "GET", &url, "").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_server_can_cut_refuse_ignore_ranges_and_hide_the_length() {
    let (_dir, path) = file("x.wav", "0123456789");
    let server = MediaServer::start(local(), None).expect("start");
    let with = |conduct| server.add_with(&path, conduct);
    let cut = with(Conduct { cut_at: Some(4), ..Conduct::default() });
    let answer = ask(&server, "GET", &cut, "");
    assert!(answer.contains("content-length: 10") && answer.ends_with("\r\n\r\n0123"), "{answer:?}");
    let gone = with(Conduct { status: Some(410), ..Conduct::default() });
    assert!(ask(&server, "GET", &gone, "").starts_with("HTTP/1.1 410"));
    let whole = with(Conduct { no_ranges: true, ..Conduct::default() });
    let answer = ask(&server, "GET", &whole, "Range: bytes=3-5\r\n");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("0123456789"));
    let endless = with(Conduct { no_length: true, ..Conduct::default() });
    assert!(!ask(&server, "GET", &endless, "").contains("content-length"));
}

#[test]
fn a_held_body_goes_on_when_the_gate_opens_and_a_look_at_the_end_is_not_held() {
    let (_dir, path) = file("x.wav", "0123456789");
    let server = MediaServer::start(local(), None).expect("start");
    let gate = Gate::default();
    let hold = Hold { at: 7, begins_below: 5, gate: gate.clone(), limit: Duration::from_secs(600) };
    let url = server.add_with(&path, Conduct { hold: Some(hold), ..Conduct::default() });
    assert!(ask(&server, "GET", &url, "Range: bytes=6-\r\n").ends_with("6789"));
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| ask(&server, "GET", &url, ""));
        gate.open();
        assert!(answer.join().expect("joined").ends_with("0123456789"));
    });
}
