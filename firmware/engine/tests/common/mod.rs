//! The engine's binary with a simulated card, and a player made of `ring`'s own producer.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pcm::{Wire, WireFormat};
use ring::link::{Connection, Link, LinkError};
use ring::message::{Event, FromEngine, Reply, Request};
use ring::{Mark, MarkKind, Stream};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; only reached when something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// CD quality.
pub(crate) const CD: Wire = Wire { format: WireFormat::S16Le, rate: 44_100, channels: 2 };

/// Waits until `done` gives something.
pub(crate) fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A running engine; killed when dropped.
pub(crate) struct Engine {
    child: Child,
    dir: TempDir,
}

impl Engine {
    /// With `--sink file:` and these options.
    pub(crate) fn with_file_sink(options: &[&str]) -> Self {
        Self::start("file", options)
    }

    /// With `--sink null` and these options.
    pub(crate) fn with_null_sink(options: &[&str]) -> Self {
        Self::start("null", options)
    }

    /// With an ALSA card.
    pub(crate) fn with_card(card: &str) -> Self {
        Self::start(card, &[])
    }

    /// With `--sink null` and a socket of somebody else's.
    pub(crate) fn at(socket: &Path, options: &[&str]) -> Self {
        Self::start_at(tempfile::tempdir().expect("a directory"), socket, "null", options)
    }

    fn start(sink: &str, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("engine.sock");
        Self::start_at(dir, &socket, sink, options)
    }

    fn start_at(dir: TempDir, socket: &Path, sink: &str, options: &[&str]) -> Self {
        let capture = dir.path().join("capture");
        let sink = if sink == "file" { format!("file:{}", capture.display()) } else { sink.to_owned() };
        let child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .arg("--socket")
            .arg(socket)
            .args(["--sink", &sink])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the engine starts");
        Self { child, dir }
    }

    /// The socket's path.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("engine.sock")
    }

    /// Connects as soon as the engine listens and has room for a player.
    pub(crate) fn connect(&self) -> Player {
        let connection = wait_for("a connection", || Connection::connect(&self.socket()).ok());
        Player { connection, events: Vec::new() }
    }

    /// Tries to connect once the engine listens.
    pub(crate) fn try_connect(&self) -> Result<Connection, LinkError> {
        Connection::handshake(self.link())
    }

    /// A link without a greeting.
    pub(crate) fn link(&self) -> Link {
        wait_for("the socket", || Link::connect(&self.socket()).ok())
    }

    /// The lines of the sink's log so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.path().join("capture/sink.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The log's lines of this event.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["event"] == name).collect()
    }

    /// Waits until the log has `count` lines of this event; returns the last one.
    pub(crate) fn wait_event(&self, name: &str, count: usize) -> Value {
        wait_for(&format!("{count} {name}"), || self.events(name).into_iter().nth(count - 1))
    }

    /// What the sink got of stream `number`.
    pub(crate) fn raw(&self, number: u32) -> Vec<u8> {
        fs::read(self.dir.path().join(format!("capture/{number:04}.raw"))).expect("a capture")
    }

    /// Makes the capture of stream `number`, which isn't open yet, go to `target`.
    pub(crate) fn redirect_capture(&self, number: u32, target: &str) {
        let link = self.dir.path().join(format!("capture/{number:04}.raw"));
        std::os::unix::fs::symlink(target, link).expect("a link");
    }

    /// The bytes between a track's start and its end, in stream 1.
    pub(crate) fn track(&self, track: u64, frame_bytes: usize) -> Vec<u8> {
        let at = |name: &str| {
            let line = self.events(name).into_iter().find(|line| line["track"] == track);
            line.unwrap_or_else(|| panic!("no {name} of track {track}"))["frame"].as_u64().expect("a frame") as usize
        };
        self.raw(1)[at("start") * frame_bytes..at("end") * frame_bytes].to_vec()
    }

    /// Asks it to end, and waits. Returns its status and what it has logged.
    pub(crate) fn terminate(self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// As [`terminate`](Self::terminate), and what the sink got of stream 1.
    pub(crate) fn terminate_with_capture(self) -> (ExitStatus, String, Vec<u8>) {
        self.signal(Signal::TERM);
        self.wait_event("close", 1);
        let raw = self.raw(1);
        let (status, log) = self.wait();
        (status, log, raw)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// Waits for its end. Returns its status and what it has logged.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_for("the engine's end", || self.child.try_wait().expect("it can be waited for"));
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut log).expect("it logs UTF-8");
        (status, log)
    }

    /// The engine's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Holds the whole process up, while it plays, for longer than a card's buffer lasts.
    pub(crate) fn hold_up(&self) {
        self.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(400));
        self.signal(Signal::CONT);
        self.wait_event("xrun", 1);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A player.
pub(crate) struct Player {
    pub(crate) connection: Connection,
    /// Events that came between the replies.
    pub(crate) events: Vec<Event>,
}

impl Player {
    /// Sends a request without waiting for its answer.
    pub(crate) fn send(&self, request: &Request) {
        self.connection.link.send(&request.encode()).expect("the engine listens");
    }

    /// The next reply; events on the way are kept.
    pub(crate) fn reply(&mut self) -> Reply {
        loop {
            let received = self.connection.link.receive().expect("a message").expect("the engine is there");
            match FromEngine::decode(&received.bytes).expect("a message of the protocol") {
                FromEngine::Reply(reply) => return reply,
                FromEngine::Event(event) => self.events.push(event),
            }
        }
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Reply {
        self.send(request);
        self.reply()
    }

    /// Opens a stream.
    pub(crate) fn open(&mut self, wire: Wire) -> Stream {
        match self.ask(&Request::Open { wire, unscaled: false }) {
            Reply::Opened(stream) => {
                self.connection.producer.begin(&stream);
                stream
            }
            other => panic!("{wire} was not opened: {other:?}"),
        }
    }

    /// Closes it.
    pub(crate) fn close(&mut self) {
        assert_eq!(self.ask(&Request::Close), Reply::Closed);
    }

    /// Marks, waiting for room.
    pub(crate) fn mark(&mut self, kind: MarkKind, track: u64, frame: u64) {
        wait_for("room for a mark", || self.connection.producer.mark(Mark { frame, track, kind }).ok());
    }

    /// Writes frames, waiting for room.
    pub(crate) fn write(&mut self, bytes: &[u8], frame_bytes: usize) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let frames = (rest.len() / frame_bytes) as u64;
            let room = wait_for("room in the ring", || {
                self.connection.producer.writable_frames().ok().filter(|&frames| frames > 0)
            });
            let area = self.connection.producer.write_area(frames.min(room)).expect("a sane engine");
            let (now, later) = rest.split_at(area.len());
            area.copy_from_slice(now);
            self.connection.producer.commit((now.len() / frame_bytes) as u64).expect("there is room");
            rest = later;
        }
    }

    /// Writes a whole track with its marks, the end's before the last frames.
    pub(crate) fn play(&mut self, track: u64, bytes: &[u8], frame_bytes: usize) {
        let start = self.connection.producer.written();
        self.mark(MarkKind::Start, track, start);
        self.mark(MarkKind::End, track, start + (bytes.len() / frame_bytes) as u64);
        self.write(bytes, frame_bytes);
    }
}

/// Deterministic noise, never 0 in its first byte of a sample, so that silence is told from it.
pub(crate) fn noise(frames: usize, wire: Wire, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_769) | 1;
    let mut bytes: Vec<u8> = (0..frames * wire.frame_bytes())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as u8
        })
        .collect();
    for sample in bytes.chunks_mut(wire.format.bytes()) {
        sample[0] |= 1;
    }
    bytes
}

/// Whether these bytes are silence.
pub(crate) fn is_silent(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}
