//! The real-time thread under RealtimeSanitizer, see [`crate::sanitizer`]: playing is clean, and what isn't is reported.
//!
//! A report ends the process. So every case is this test program once more, which is told what its sound card does to the
//! thread in the middle of a track.

use std::os::fd::AsFd;
use std::process::{Command as Child, Output as Ended};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pcm::gain::Gain;
use pcm::{Wire, WireFormat};
use ring::{Consumer, Mark, MarkKind, Producer, RingMemory, StatusWriter, Stream};

use super::{Command, Handle, Kind, Outcome, Session, Start, Tuning};
use crate::output::sim::SimOutput;
use crate::output::{Fill, Output, Pacing, Trouble, alsa};
use crate::wake::Doorbell;

/// What the child's card does.
const DOES: &str = "TENUTO_SANITIZED_TEST_DOES";
/// The status that the sanitizer ends a process with.
const REPORTED: i32 = 43;
/// Longer than anything takes on a busy machine; only reached when something hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const WIRE: Wire = Wire { format: WireFormat::S16Le, rate: 48_000, channels: 2 };

/// A lock that another thread holds.
static LOCK: Mutex<()> = Mutex::new(());

/// A simulated card that does something at each wake-up.
struct Card {
    card: SimOutput,
    deed: fn(),
}

impl Output for Card {
    fn buffer_frames(&self) -> u32 {
        self.card.buffer_frames()
    }

    fn period_frames(&self) -> u32 {
        self.card.period_frames()
    }

    fn pacing(&self) -> Pacing {
        self.card.pacing()
    }

    fn poll(&mut self, now_ns: u64) -> Result<Fill, Trouble> {
        (self.deed)();
        self.card.poll(now_ns)
    }

    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        self.card.write(frames, fill)
    }

    fn start(&mut self, now_ns: u64) -> Result<(), Trouble> {
        self.card.start(now_ns)
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        self.card.prepare()
    }

    fn stop(&mut self, now_ns: u64) {
        self.card.stop(now_ns);
    }
}

/// The child's card, by what it does.
fn card(does: &str) -> Box<dyn Output> {
    let deed: fn() = match does {
        "play through ALSA" => return alsa::null(WIRE),
        "play" => || {},
        "ask a device" => || {
            // What it answers doesn't matter.
            let _ = rustix::io::ioctl_fionread(std::io::stderr());
        },
        "allocate" => || drop(std::hint::black_box(Box::new(1))),
        "allocate in C" => || drop(alsa_buffer()),
        "lock" => || drop(LOCK.lock()),
        "log" => || eprintln!("a log"),
        "read a file" => || drop(std::fs::File::open("/dev/null")),
        other => panic!("no card does {other}"),
    };
    Box::new(Card { card: SimOutput::new(WIRE, [4_800, 480], Pacing::Clocked, None), deed })
}

/// Memory that alsa-lib allocates.
fn alsa_buffer() -> Option<::alsa::Output> {
    ::alsa::Output::buffer_open().ok()
}

/// A track, a pause, a change of volume, a flush, a dry ring, another track to its end: on the real thread.
fn play(output: Box<dyn Output>) {
    let (status, _page) = StatusWriter::create().expect("a page");
    let status = Arc::new(status);
    let control = Doorbell::polled().expect("a bell");
    let start = Start { priority: 1, core: None, confine: false, control };
    let (mut rt, _refused) = Handle::spawn(start, status).expect("a thread");
    let stream = Stream { epoch: 1, wire: WIRE, ring_frames: 48_000 };
    let (memory, file) = RingMemory::create_sized(1 << 18).expect("a ring");
    let mut consumer = Consumer::new(memory);
    consumer.begin(&stream);
    let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).expect("the same ring"));
    producer.begin(&stream);
    let tuning = Tuning { period_ms: 5, preroll_ms: 0, dsd_silence_ms: 0 };
    let session = Session::new(output, consumer, stream, tuning, Gain::UNITY);
    assert!(rt.send(Command::Attach(Box::new(session))).is_ok());

    write(&mut producer, 1, 20_000);
    wait(&mut rt, Kind::Start(1));
    rt.set_volume(50);
    producer.set_paused(true);
    wait(&mut rt, Kind::Pause);
    producer.set_paused(false);
    wait(&mut rt, Kind::Resume);
    producer.flush();
    wait(&mut rt, Kind::Flush);
    write(&mut producer, 2, 9_600);
    wait(&mut rt, Kind::End(2));
    assert!(rt.send(Command::Drain).is_ok());
    let outcome = until("the stream's end", || rt.returned()).1;
    assert_eq!(outcome, Outcome::Finished);
    rt.exit();
}

/// A whole track.
fn write(producer: &mut Producer, track: u64, frames: u64) {
    let start = producer.written();
    for (kind, frame) in [(MarkKind::Start, start), (MarkKind::End, start + frames)] {
        producer.mark(Mark { frame, track, kind }).expect("room");
    }
    producer.write_area(frames).expect("an honest engine").fill(0x11);
    producer.commit(frames).expect("room");
}

fn wait(rt: &mut Handle, kind: Kind) {
    until("news", || rt.news().filter(|news| news.kind == kind));
}

fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The child; without the variable there is nothing to do.
#[test]
fn the_sanitized_process() {
    let Ok(does) = std::env::var(DOES) else { return };
    let _held = LOCK.lock();
    play(card(&does));
}

fn end_of(does: &str, alsa_locks: bool) -> (Option<i32>, String) {
    let mut child = Child::new(std::env::current_exe().expect("this test's program"));
    child.args(["--exact", "rt::sanitized::the_sanitized_process", "--test-threads=1", "--nocapture"]);
    // The PCM of a sound card takes no lock in alsa-lib; those without one do, unless they are told not to.
    child.env(DOES, does).env("LIBASOUND_THREAD_SAFE", if alsa_locks { "1" } else { "0" });
    let Ended { status, stderr, .. } = child.output().expect("it starts");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn playing_calls_nothing_that_allocates_locks_or_waits() {
    for does in ["play", "play through ALSA", "ask a device"] {
        let (status, log) = end_of(does, false);
        assert_eq!(status, Some(0), "{does}: {log}");
    }
}

/// Else the test above would show nothing.
#[test]
fn what_may_wait_is_reported_with_its_name() {
    for (does, called) in [
        ("allocate", "malloc"),
        ("allocate in C", "calloc"),
        ("lock", "syscall"),
        ("log", "write"),
        ("read a file", "open64"),
        ("play through ALSA", "pthread_mutex_lock"),
    ] {
        let (status, log) = end_of(does, true);
        let report = format!("unsafe function `{called}` in real-time context");
        assert!(status == Some(REPORTED) && log.contains(&report), "{does}: {status:?} {log}");
    }
}
