//! Many starts and stops, many tracks: nothing is left behind, nothing grows. Run by `tests/long`.
#![forbid(unsafe_code)]
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::material::{self, Shape};
use support::media_server::MediaServer;
use tools::chain::{Chain, Setting};

const SHAPE: Shape = Shape { rate: 44_100, bits: 16, channels: 2, frames: 4_410, seed: 1 };

fn setting(directory: &Path) -> Setting {
    Setting {
        programs: PathBuf::from(env!("CARGO_BIN_EXE_play")).with_file_name(""),
        fast: true,
        ..Setting::new(directory.to_path_buf()).expect("setting")
    }
}

/// Plays a file to its end.
fn play(chain: &Chain, url: &str) {
    let point = chain.point();
    point.set_uri(url, "").expect("SetAVTransportURI");
    point.play().expect("Play");
    loop {
        let transport = point.transport_info().expect("GetTransportInfo");
        if transport.state == "STOPPED" {
            assert_eq!(transport.status, "OK");
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Resident memory (KiB), open descriptors and threads of a process.
fn holdings(pid: u32) -> (u64, usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let count = |what: &str| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/{what}"));
        entries.expect("readable").count()
    };
    (rss.expect("VmRSS"), count("fd"), count("task"))
}

#[test]
fn a_hundred_starts_and_stops_leave_nothing_behind() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("a.flac");
    material::flac(&file, &SHAPE).expect("flac");
    let server = MediaServer::start((Ipv4Addr::LOCALHOST, 0).into(), None).expect("server");
    let url = server.add(&file);
    for number in 0..100 {
        let mut chain = Chain::start(&setting(directory.path()), number).expect("chain");
        play(&chain, &url);
        for child in [chain.player().id(), chain.engine().id()] {
            let child = Pid::from_raw(i32::try_from(child).expect("a pid"));
            kill(child, Signal::SIGTERM).expect("a process of ours");
        }
        let player = chain.player().wait().expect("ended");
        let engine = chain.engine().wait().expect("ended");
        assert!(player.success() && engine.success(), "{player} {engine}");
        let socket = directory.path().join(format!("run-{number}/engine.sock"));
        assert!(!socket.exists(), "the engine leaves its socket behind");
    }
}

#[test]
fn many_tracks_do_not_make_anything_grow() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("a.flac");
    material::flac(&file, &SHAPE).expect("flac");
    let server = MediaServer::start((Ipv4Addr::LOCALHOST, 0).into(), None).expect("server");
    let mut chain = Chain::start(&setting(directory.path()), 1).expect("chain");
    let pids = [chain.player().id(), chain.engine().id()];
    let mut early = None;
    for number in 0..1500 {
        // Each under a URL of its own, as in life. The heap has its size after some hundreds.
        play(&chain, &server.add(&file));
        if number == 500 {
            early = Some(pids.map(holdings));
        }
    }
    let late = pids.map(holdings);
    for (early, late) in early.expect("measured").into_iter().zip(late) {
        println!("(RSS KiB, descriptors, threads) after 500 tracks {early:?}, after 1500 {late:?}");
        assert!(late.0 < early.0 + 2048, "memory grows");
        assert!(late.1 <= early.1 + 2, "descriptors grow");
        assert!(late.2 <= early.2 + 1, "threads grow");
    }
}
