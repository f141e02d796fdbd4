//! Sources that are late, die, or come back.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::bench::{Bench, until};
use crate::raw::Listener;
use support::media_server::{Conduct, Gate, Hold, MediaServer};

/// Frames of a second.
const SECOND: u32 = 44_100;
/// A second and a bit of it, in bytes.
const A_SECOND: u64 = 200_000;

fn held(gate: &Gate) -> Conduct {
    let limit = Duration::from_secs(60);
    Conduct {
        hold: Some(Hold { at: A_SECOND, begins_below: A_SECOND, gate: gate.clone(), limit }),
        ..Conduct::default()
    }
}

/// A server of its own, which can be ended and started again at the same address.
fn server(address: SocketAddr) -> MediaServer {
    MediaServer::start(address, None).expect("a media server")
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Waits for an event with this TransportState.
fn until_event(listener: &Listener, state: &str) {
    until(state, || {
        listener.event(true).0.body.contains(&format!("TransportState val=&quot;{state}&quot;")).then_some(())
    });
}

/// Waits for the end of a track that ran dry: how long that took, and the reason by name and in words.
fn given_up(bench: &Bench) -> (Duration, String, String) {
    bench.until_state("TRANSITIONING");
    let dry = Instant::now();
    bench.until_state("STOPPED");
    let waited = dry.elapsed();
    let status = bench.status();
    assert_eq!(status["transport"]["status"], "ERROR_OCCURRED");
    let error = &status["tracks"][0]["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (waited, text("kind"), text("text"))
}

#[test]
fn t30_a_source_that_is_late_is_transitioning_by_state_and_event_until_it_flows_again() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 3 * SECOND, 1);
    let gate = Gate::default();
    let listener = Listener::new();
    assert_eq!(listener.subscribe(bench.address()).status(), 200);
    bench.set_and_play(&bench.media.add_with(&path, held(&gate)));
    until_event(&listener, "PLAYING");
    until_event(&listener, "TRANSITIONING");
    assert_eq!(bench.state(), "TRANSITIONING");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    gate.open();
    until_event(&listener, "PLAYING");
    until_event(&listener, "STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
}

#[test]
fn t30_a_source_whose_server_died_is_given_up_soon_after_the_sound_ran_dry() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * SECOND, 1);
    let dying = server(anywhere());
    bench.set_and_play(&dying.add_with(&path, held(&Gate::default())));
    bench.until_state("PLAYING");
    drop(dying);
    let (waited, kind, text) = given_up(&bench);
    assert_eq!(kind, "Unreachable", "{text}");
    assert!(text.contains("refused"), "{text}");
    // About two seconds; a server that is silent gets sixteen.
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[test]
fn t30_a_source_that_is_denied_in_the_middle_is_given_up_soon_after_the_sound_ran_dry() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * SECOND, 1);
    let gate = Gate::default();
    bench.set_and_play(&bench.media.add_with(&path, Conduct { cut_at: Some(2 * A_SECOND), ..held(&gate) }));
    bench.until_state("PLAYING");
    std::fs::remove_file(&path).expect("the file is removed");
    gate.open();
    until("another request", || (bench.media.seen().len() > 1).then_some(()));
    let (waited, kind, text) = given_up(&bench);
    assert_eq!(kind, "NotFound", "{text}");
    assert!(text.contains("404"), "{text}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[test]
fn s1_a_server_that_starts_anew_is_resumed() {
    let bench = Bench::start();
    let (path, bytes) = bench.wav("a.wav", 3 * SECOND, 1);
    let dying = server(anywhere());
    let address = dying.address();
    let url = dying.add_with(&path, held(&Gate::default()));
    bench.set_and_play(&url);
    bench.until_state("PLAYING");
    drop(dying);
    let back = server(address);
    assert_eq!(back.add(&path), url);
    bench.until_state("STOPPED");
    assert_eq!(bench.status()["transport"]["status"], "OK");
    let seen = back.seen();
    assert!(seen.iter().all(|seen| seen.range.as_deref() == Some("bytes=200000-")), "{seen:?}");
    let (_, heard) = bench.heard().pop().expect("all of it");
    assert!(heard.len() >= bytes.len());
}
