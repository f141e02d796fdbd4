//! SIGTERM: each program ends well within two seconds, whatever it is at, and leaves nothing behind; nor does its other end, which stays.
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use support::material;
use support::media_server::{Conduct, Gate, Hold};
use tools::chain::Chain;

use crate::common::signal;
use crate::trouble::{Bench, LONG, assert_faded};

/// What the product promises, from the signal to the end.
const PROMISED: Duration = Duration::from_secs(2);

/// Starts and stops.
const CYCLES: usize = 50;
/// After so many the heap has its size.
const WARM: usize = 10;

/// Ends a program by SIGTERM, as it should end.
fn terminate(child: &mut Child, what: &str) {
    let begin = Instant::now();
    signal(child.id(), Signal::SIGTERM);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a state") {
            break status;
        }
        assert!(begin.elapsed() < PROMISED, "{what} runs on after {PROMISED:?}");
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{what}: {status}");
    println!("{what}: ended after {:?}", begin.elapsed());
}

/// The processes whose command line names this directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let name = directory.to_str().expect("UTF-8");
    let lines = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(name)).collect()
}

fn assert_engine_left_nothing(bench: &Bench) {
    let socket = bench.material.path("chain").join("run-1/engine.sock");
    assert!(!socket.exists(), "the engine leaves its socket behind");
}

/// The port that the player serves HTTP on.
fn port(chain: &Chain) -> String {
    let location = chain.location().strip_prefix("http://").expect("HTTP");
    location.split('/').next().expect("a host").to_owned()
}

#[test]
fn music_fades_and_both_end_in_time() {
    let mut bench = Bench::new(false);
    let file = bench.material.make("long.wav", material::wav, &LONG);
    let url = bench.server.add(&file);
    // The player first.
    bench.begin(&url);
    bench.sounding();
    std::thread::sleep(Duration::from_millis(700));
    let port = port(&bench.chain);
    terminate(bench.chain.player(), "the player, while music plays");
    assert!(TcpStream::connect(&port).is_err(), "somebody listens on {port} still");
    let stream = bench.closed();
    assert_faded(&stream);
    // The engine first.
    bench.chain.respawn_player().expect("player");
    bench.until("an engine", |chain| chain.status().can_play().then_some(()));
    let before = bench.heard();
    bench.begin(&url);
    bench.until("sound", |chain| {
        chain.capture().refresh().expect("readable");
        (chain.capture().passages().len() > before).then_some(())
    });
    std::thread::sleep(Duration::from_millis(700));
    terminate(bench.chain.engine(), "the engine, while music plays");
    let stream = bench.closed();
    assert_faded(&stream);
    assert_engine_left_nothing(&bench);
    terminate(bench.chain.player(), "the player, without an engine");
    assert_eq!(processes_of(&bench.material.path("chain")), [""; 0], "an orphan");
}

#[test]
fn a_stalled_download_keeps_nobody_from_ending() {
    let mut bench = Bench::new(true);
    let file = bench.material.make("long.wav", material::wav, &LONG);
    let size = std::fs::metadata(&file).expect("there").len();
    // Before the first sound, and in the middle.
    for (at, begun) in [(20, false), (size / 2, true)] {
        let hold = Hold { at, begins_below: u64::MAX, gate: Gate::default(), limit: Duration::from_secs(300) };
        let url = bench.server.add_with(&file, Conduct { hold: Some(hold), ..Conduct::default() });
        let before = (bench.heard(), bench.server.seen().len());
        // Play waits for the media; it is asked for by hand, as here nothing answers it.
        bench.chain.point().set_uri(&url, "").expect("SetAVTransportURI");
        bench.chain.point().play().expect("Play");
        if begun {
            bench.until("sound", |chain| {
                chain.capture().refresh().expect("readable");
                (chain.capture().passages().len() > before.0).then_some(())
            });
        }
        let mut asked = 0;
        while asked <= before.1 {
            asked = bench.server.seen().len();
            std::thread::sleep(Duration::from_millis(5));
        }
        // What had come is played, and the reader waits for more.
        std::thread::sleep(Duration::from_millis(200));
        let port = port(&bench.chain);
        terminate(bench.chain.player(), "the player, in a stalled download");
        assert!(TcpStream::connect(&port).is_err(), "somebody listens on {port} still");
        bench.chain.respawn_player().expect("player");
        bench.until("an engine", |chain| chain.status().can_play().then_some(()));
    }
    terminate(bench.chain.engine(), "the engine");
    assert_engine_left_nothing(&bench);
    terminate(bench.chain.player(), "the player");
    assert_eq!(processes_of(&bench.material.path("chain")), [""; 0], "an orphan");
}

/// What a process holds.
#[derive(Debug, PartialEq, Eq)]
struct Holdings {
    /// Resident memory, KiB.
    rss: u64,
    descriptors: usize,
    /// Descriptors of memory that no file system has.
    memfds: usize,
    /// Mappings of such memory.
    mappings: usize,
    /// Descriptors of devices.
    devices: usize,
    threads: usize,
}

fn holdings(pid: u32) -> Holdings {
    let process = Path::new("/proc").join(pid.to_string());
    let text = |name: &str| std::fs::read_to_string(process.join(name)).expect("readable");
    let count = |directory: &str| std::fs::read_dir(process.join(directory)).expect("readable").count();
    let rss =
        text("status").lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let targets = std::fs::read_dir(process.join("fd")).expect("readable").flatten();
    let targets: Vec<_> = targets.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect();
    Holdings {
        rss: rss.expect("VmRSS"),
        descriptors: targets.len(),
        memfds: targets.iter().filter(|target| target.to_string_lossy().starts_with("/memfd:")).count(),
        mappings: text("maps").lines().filter(|line| line.contains("/memfd:")).count(),
        devices: targets.iter().filter(|target| target.starts_with("/dev") && !target.ends_with("null")).count(),
        threads: count("task"),
    }
}

/// What a process that has nothing to do just now holds once that has become as little as `least`; else what it holds.
fn settled(pid: u32, least: Option<&Holdings>) -> Holdings {
    let begin = Instant::now();
    loop {
        let now = holdings(pid);
        let is_more = least.is_some_and(|least| {
            now.descriptors > least.descriptors || now.mappings > least.mappings || now.threads > least.threads
        });
        // Connections end on their own, soon.
        if !is_more || begin.elapsed() > Duration::from_secs(30) {
            return now;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts and stops a program over and over, with music each time; the other one, which stays, must not grow.
fn cycles(stays: fn(&mut Chain) -> &mut Child, cycle: fn(&mut Chain)) {
    let mut bench = Bench::new(true);
    let pid = stays(&mut bench.chain).id();
    let mut early = None;
    for number in 1..=CYCLES {
        cycle(&mut bench.chain);
        bench.until("an engine", |chain| chain.status().can_play().then_some(()));
        bench.works();
        if number == WARM {
            early = Some(settled(pid, None));
        }
    }
    let early = early.expect("measured");
    let late = settled(pid, Some(&early));
    println!("after {WARM} cycles {early:?}, after {CYCLES} {late:?}");
    assert!(late.rss < early.rss + 2048, "memory grows");
    let counted = |of: &Holdings| (of.descriptors, of.memfds, of.mappings, of.devices, of.threads);
    let (early, late) = (counted(&early), counted(&late));
    assert!(
        late.0 <= early.0 && late.1 <= early.1 && late.2 <= early.2 && late.3 <= early.3 && late.4 <= early.4,
        "something is left behind"
    );
    let running = processes_of(&bench.material.path("chain"));
    assert_eq!(running.len(), 2, "one engine and one player: {running:#?}");
    terminate(bench.chain.player(), "the player");
    terminate(bench.chain.engine(), "the engine");
    assert_engine_left_nothing(&bench);
    assert_eq!(processes_of(&bench.material.path("chain")), [""; 0], "an orphan");
}

#[test]
fn fifty_players_leave_nothing_in_the_engine() {
    cycles(Chain::engine, |chain| {
        terminate(chain.player(), "the player");
        chain.respawn_player().expect("player");
    });
}

#[test]
fn fifty_engines_leave_nothing_in_the_player() {
    cycles(Chain::player, |chain| {
        terminate(chain.engine(), "the engine");
        chain.respawn_engine().expect("engine");
    });
}
