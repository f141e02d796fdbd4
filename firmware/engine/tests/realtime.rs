//! The real-time thread's promise: no allocation, whatever happens.

mod common;

use common::{CD, Engine, noise, wait_for};
use pcm::{Wire, WireFormat};
use ring::message::{Request, Volume, VolumeMode};
use ring::{MarkKind, State};

/// Under `--confine` the kernel would end the engine at the first system call that isn't on its list: none for memory, for
/// locks, for logs.
#[test]
fn nothing_is_allocated_and_the_kernel_asked_for_nothing_over_a_whole_session() {
    let engine = Engine::with_file_sink(&["--period-ms", "5", "--buffer-ms", "50", "--confine", "on"]);
    {
        let mut player = engine.connect();
        for (n, format) in [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S32Le].into_iter().enumerate() {
            let wire = Wire { format, rate: 96_000, channels: 2 };
            let frame_bytes = wire.frame_bytes();
            player.open(wire);
            // Gapless tracks, a pause, a change of volume, a flush, a dry ring.
            player.play(1, &noise(10_000, wire, 1), frame_bytes);
            player.play(2, &noise(10_000, wire, 2), frame_bytes);
            player.mark(MarkKind::Start, 3, 20_000);
            player.write(&noise(40_000, wire, 3), frame_bytes);
            player.connection.producer.set_paused(true);
            engine.wait_event("pause", n + 1);
            player.connection.producer.set_paused(false);
            let volume = Volume { mode: VolumeMode::Software, percent: 70, mute: n == 1 };
            player.ask(&Request::Volume(volume));
            player.connection.producer.flush();
            engine.wait_event("flush", n + 1);
            player.mark(MarkKind::Start, 4, 60_000);
            player.write(&noise(20_000, wire, 4), frame_bytes);
            engine.wait_event("starved", n + 1);
        }
    }
    // The player is gone; the next one looks.
    engine.wait_event("close", 3);
    let mut player = engine.connect();
    player.open(CD);
    player.play(5, &noise(5_000, CD, 5), 4);
    player.close();
    assert_eq!(seccomp_of_rt(&engine), "2", "the filter was there");
    let counters = player.connection.status.counters();
    assert_eq!(counters.rt_allocations, 0);
    assert_eq!(counters.starved, 3);
    assert!(counters.wakeups > 50);
    assert_eq!(counters.lateness.iter().sum::<u64>(), counters.wakeups, "every wake-up is in the histogram");
    assert!(counters.voluntary_switches > 0);
}

#[test]
fn the_thread_says_how_it_is_scheduled_and_the_log_says_it_once_if_refused() {
    let engine = Engine::with_null_sink(&["--priority", "42"]);
    let player = engine.connect();
    let thread = wait_for("the thread", || player.connection.status.thread());
    drop(player);
    let (_, log) = engine.terminate();
    let refusals = log.matches("no real-time guarantee").count();
    match thread.policy {
        ring::Policy::Fifo => assert_eq!(thread.priority, 42),
        ring::Policy::Other => assert_eq!((thread.priority, refusals), (0, 1), "{log}"),
    }
}

#[test]
fn what_the_sink_takes_is_in_the_status_page() {
    let engine = Engine::with_null_sink(&["--accept", "s24_3"]);
    let player = engine.connect();
    let status = &player.connection.status;
    let caps = wait_for("caps", || status.caps().filter(|caps| caps.formats().contains(WireFormat::S24_3Le)));
    assert_eq!(caps.formats().iter().count(), 1);
    assert!(caps.rates().contains(1_536_000) && caps.rates().contains(12_345) && !caps.rates().contains(1_536_001));
    assert!(caps.channels().contains(2) && !caps.channels().contains(1) && !caps.mixer);
    assert_eq!(status.output(), "null");
    assert_eq!(status.fault(), "");
    assert_eq!(status.state(), Some(State::Closed));
}

/// The real-time thread's line in `/proc`: 2 is a filter.
fn seccomp_of_rt(engine: &Engine) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", engine.pid())).expect("it runs");
    let read = |name: &str, task: &std::path::Path| std::fs::read_to_string(task.join(name)).unwrap_or_default();
    let rt =
        tasks.flatten().map(|task| task.path()).find(|task| read("comm", task).trim() == "rt").expect("it has one");
    let status = read("status", &rt);
    let line = status.lines().find_map(|line| line.strip_prefix("Seccomp:")).expect("a line");
    line.trim().to_owned()
}
