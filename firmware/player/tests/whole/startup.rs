//! What the player says when it can't start, or not as it should.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use crate::bench::PATIENCE;

fn player(arguments: &[&str]) -> Command {
    let mut player = Command::new(env!("CARGO_BIN_EXE_player"));
    // There is no engine, and none is needed.
    player.args(["--engine", "/nonexistent/engine.sock", "--interface", "lo"]).args(arguments);
    player.stdin(Stdio::null()).stderr(Stdio::piped());
    player
}

/// A player that ends by itself; its log.
#[track_caller]
fn fails(arguments: &[&str]) -> String {
    let output = player(arguments).output().expect("the player starts");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A player that runs until it has said `wanted`; what it said up to there.
fn says(arguments: &[&str], wanted: &str) -> String {
    let mut running = player(arguments).spawn().expect("the player starts");
    let lines = BufReader::new(running.stderr.take().expect("its log")).lines();
    let (sender, receiver) = channel();
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut log = String::new();
    while let Ok(line) = receiver.recv_timeout(PATIENCE) {
        log += &line;
        log.push('\n');
        if line.contains(wanted) {
            break;
        }
    }
    running.kill().expect("it is killed");
    running.wait().expect("it has ended");
    log
}

#[test]
fn an_address_that_cannot_be_listened_on_comes_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let log = fails(&["--listen", &taken]);
    assert!(log.contains(&taken) && log.contains("end what has it"), "{log}");
    // TEST-NET-1 (RFC 5737) is nobody's.
    let log = fails(&["--listen", "192.0.2.1:0"]);
    assert!(log.contains("192.0.2.1") && log.contains("an address that this machine has"), "{log}");
    assert!(!log.contains("end what has it"), "{log}");
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let nowhere = Path::new("/proc/nowhere");
    let (ready, state) = (nowhere.join("ready"), nowhere.join("state"));
    let (ready, state) = (ready.to_str().unwrap(), state.to_str().unwrap());
    let arguments = ["--listen", "127.0.0.1:0", "--ready-file", ready, "--state-dir", state];
    let log = says(&arguments, "ready file");
    assert!(log.contains(&format!("the ready file {ready} can't be written")), "{log}");
    assert!(log.contains(&format!("{state}/uuid can't be written")) && log.contains("--uuid"), "{log}");
}
