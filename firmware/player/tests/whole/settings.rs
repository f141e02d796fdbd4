//! Settings on the page: shown, and changed by asking the agent, here one that is made up.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::raw::{Message, ask};

/// An agent that refuses what is about the DAC. What it is asked for comes out of the channel.
fn agent(run: &Path) -> Receiver<Value> {
    let listener = UnixListener::bind(run.join("agent.sock")).expect("a socket");
    let (asked, heard) = channel();
    thread::spawn(move || {
        for peer in listener.incoming() {
            let mut peer = peer.expect("a connection");
            let mut bytes = [0; 1025];
            let length = peer.read(&mut bytes).expect("a request");
            let request: Value = serde_json::from_slice(&bytes[..length]).expect("a request, in one piece");
            let answer = if request["key"] == "dac" {
                json!({ "done": false, "reason": "dac: no such card" })
            } else {
                json!({ "done": true })
            };
            writeln!(peer, "{answer}").expect("it waits for its answer");
            if asked.send(request).is_err() {
                return;
            }
        }
    });
    heard
}

fn post(bench: &Bench, what: &str, headers: &str, body: &str) -> Message {
    let length = body.len();
    ask(
        bench.address(),
        &format!(
            "POST /settings/{what} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ),
    )
}

fn shown(bench: &Bench) -> Value {
    serde_json::from_slice(&bench.point.fetch("/settings.json").expect("settings")).expect("JSON")
}

fn parsed(answer: &Message) -> Value {
    serde_json::from_str(&answer.body).expect("JSON")
}

const OWN: &str = "Host: 127.0.0.1\r\nX-Tenuto: page\r\n";

#[test]
fn the_agent_is_asked_and_its_answer_passed_on() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::without_engine(&["--run-dir", directory.path().to_str().unwrap()]);
    assert_eq!(shown(&bench), json!({ "now": null, "next": null, "can_change": false }));
    let answer = post(&bench, "restart", OWN, "");
    assert_eq!(answer.status(), 503);
    assert!(parsed(&answer)["reason"].as_str().unwrap().starts_with("the agent can't be asked"), "{}", answer.body);

    let heard = agent(directory.path());
    fs::write(directory.path().join("settings.json"), r#"{"format": 1, "name": "Kitchen"}"#).unwrap();
    fs::write(directory.path().join("settings.next.json"), r#"{"format": 1, "name": "Attic"}"#).unwrap();
    let (now, next) = (json!({ "format": 1, "name": "Kitchen" }), json!({ "format": 1, "name": "Attic" }));
    assert_eq!(shown(&bench), json!({ "now": now, "next": next, "can_change": true }));

    let answer = post(&bench, "set", OWN, r#"{"key": "name", "value": "Küche"}"#);
    assert_eq!((answer.status(), parsed(&answer)), (200, json!({ "done": true })));
    assert_eq!(heard.recv().unwrap(), json!({ "request": "set", "key": "name", "value": "Küche" }));
    let answer = post(&bench, "set", OWN, r#"{"key": "dac", "value": "x"}"#);
    assert_eq!((answer.status(), parsed(&answer)), (409, json!({ "done": false, "reason": "dac: no such card" })));
    heard.recv().unwrap();
    for request in ["restart", "power-off", "factory-reset"] {
        let own = format!("{OWN}Origin: http://127.0.0.1\r\n");
        assert_eq!(post(&bench, request, &own, "{}").status(), 200);
        assert_eq!(heard.recv().unwrap(), json!({ "request": request }));
    }
}

#[test]
fn nobody_elses_request_reaches_the_agent() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::without_engine(&["--run-dir", directory.path().to_str().unwrap()]);
    let heard = agent(directory.path());
    let change = r#"{"key": "name", "value": "x"}"#;
    for (headers, body, status) in [
        // Another site's form, its script, one under a name that it has pointed here, and one that a sandbox hides.
        ("Host: 127.0.0.1\r\n".to_owned(), change, 403),
        ("Host: evil.example\r\nX-Tenuto: page\r\n".to_owned(), change, 403),
        (format!("{OWN}Origin: http://evil.example\r\n"), change, 403),
        (format!("{OWN}Origin: null\r\n"), change, 403),
        (OWN.to_owned(), "name=x", 400),
        (OWN.to_owned(), r#"{"key": "name", "value": "x", "request": "restart"}"#, 400),
        (OWN.to_owned(), &"[".repeat(700), 400),
        (OWN.to_owned(), &" ".repeat(769), 413),
    ] {
        assert_eq!(post(&bench, "set", &headers, body).status(), status, "{headers}{body}");
    }
    assert_eq!(post(&bench, "shell", OWN, "{}").status(), 404);
    let preflight = "OPTIONS /settings/set HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n\
                     Access-Control-Request-Headers: x-tenuto\r\nConnection: close\r\n\r\n";
    let preflight = ask(bench.address(), preflight);
    assert!(preflight.status() == 404 && preflight.header("access-control-allow-headers").is_none());
    assert!(heard.try_recv().is_err());
}
