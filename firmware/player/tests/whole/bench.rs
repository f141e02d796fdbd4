//! The player with a real engine, on loopback, in a directory of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::control_point::ControlPoint;
use support::material::{self, Shape};
use support::media_server::MediaServer;

/// For anything that should happen: much longer than it takes, so that a loaded machine doesn't fail a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(5);

/// Engine, player, media server and control point.
pub(crate) struct Bench {
    pub(crate) point: ControlPoint,
    pub(crate) media: MediaServer,
    /// Of the description.
    pub(crate) location: String,
    player: Child,
    engine: Option<Child>,
    /// What the engine's sink takes, and further options.
    accept: &'static str,
    directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further arguments for the player.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_both("s16", arguments)
    }

    /// With a sink that takes this, and has these further options.
    pub(crate) fn start_on(accept: &'static str) -> Self {
        Self::start_both(accept, &[])
    }

    fn start_both(accept: &'static str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let engine = spawn_engine(directory.path(), accept);
        let socket = directory.path().join("engine.sock");
        let bench = Self::launch(directory, &socket, Some(engine), accept, arguments);
        bench.until_output();
        bench
    }

    /// Another player that wants the same engine.
    pub(crate) fn beside(&self) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::launch(directory, &self.socket(), None, self.accept, &[])
    }

    /// Without an engine, which will take any format.
    pub(crate) fn without_engine(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("engine.sock");
        Self::launch(directory, &socket, None, "auto", arguments)
    }

    fn launch(
        directory: tempfile::TempDir,
        socket: &Path,
        engine: Option<Child>,
        accept: &'static str,
        arguments: &[&str],
    ) -> Self {
        let ready = directory.path().join("ready");
        let player = Command::new(env!("CARGO_BIN_EXE_player"))
            .arg("--engine")
            .arg(socket)
            .args(["--listen", "127.0.0.1:0", "--interface", "lo", "--name", "Bench <&>"])
            .arg("--state-dir")
            .arg(directory.path().join("state"))
            .arg("--ready-file")
            .arg(&ready)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .expect("the player starts");
        let text = until("the ready file", || fs::read_to_string(&ready).ok());
        let ready: Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let location = ready["location"].as_str().expect("a location").to_owned();
        let point = ControlPoint::from_location(&location).and_then(ControlPoint::with_own_soap);
        let media = MediaServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None).expect("a media server");
        let point = point.expect("a control point");
        Self { point, media, location, player, engine, accept, directory }
    }

    /// The engine's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    fn until_output(&self) {
        self.until_status("the engine", |status| {
            status["engine"]["output"].as_str().is_some_and(|name| !name.is_empty())
        });
    }

    /// Host and port of the player's HTTP server.
    pub(crate) fn address(&self) -> SocketAddr {
        let rest = self.location.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        rest.and_then(|host| host.parse().ok()).expect("an address in the location")
    }

    /// A stereo WAV of so many frames at 44 100 Hz, 16 bit; and its samples as bytes.
    pub(crate) fn wav(&self, name: &str, frames: u32, seed: u32) -> (PathBuf, Vec<u8>) {
        let shape = Shape::stereo(44_100, 16, frames).seed(seed);
        let path = self.directory.path().join(name);
        material::wav(&path, &shape).expect("a WAV file");
        let bytes = shape.samples().iter().flat_map(|sample| (*sample as i16).to_le_bytes()).collect();
        (path, bytes)
    }

    /// A file's place in the bench's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn set(&self, url: &str) {
        self.point.set_uri(url, "").expect("SetAVTransportURI");
    }

    pub(crate) fn set_and_play(&self, url: &str) {
        self.set(url);
        self.point.play().expect("Play");
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_slice(&self.point.fetch("/status.json").expect("/status.json")).expect("JSON")
    }

    pub(crate) fn state(&self) -> String {
        self.point.transport_info().expect("GetTransportInfo").state
    }

    /// Waits for a TransportState; the states on the way there, with it.
    pub(crate) fn until_state(&self, wanted: &str) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        until(wanted, || {
            let state = self.state();
            if seen.last() != Some(&state) {
                seen.push(state.clone());
            }
            (state == wanted).then_some(())
        });
        seen
    }

    pub(crate) fn until_status(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        until(what, || Some(self.status()).filter(&done))
    }

    /// What the sink did.
    pub(crate) fn sink_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("sink/sink.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The frames of each track that was heard from its beginning to its end, in order: number and bytes (of 16 bits, or of words of DSD).
    pub(crate) fn heard(&self) -> Vec<(u64, Vec<u8>)> {
        let (mut file, mut block, mut start, mut heard) = (String::new(), 0, None, Vec::new());
        for line in self.sink_log() {
            match line["event"].as_str() {
                Some("open") => {
                    file = line["file"].as_str().unwrap_or_default().to_owned();
                    let sample = if line["format"] == "DSD_U32_BE" { 4 } else { 2 };
                    block = line["channels"].as_u64().expect("a number") as usize * sample;
                }
                Some("start") => start = line["frame"].as_u64(),
                Some("flush") => start = None,
                Some("end") => {
                    let (Some(begin), Some(end)) = (start.take(), line["frame"].as_u64()) else { continue };
                    let raw = fs::read(self.directory.path().join("sink").join(&file)).expect("the sink's file");
                    let bytes = raw[begin as usize * block..end as usize * block].to_vec();
                    heard.push((line["track"].as_u64().unwrap_or(0), bytes));
                }
                _ => {}
            }
        }
        heard
    }

    /// All that the newest stream has put out.
    pub(crate) fn sink_file(&self) -> Vec<u8> {
        let log = self.sink_log();
        let file = log.iter().rev().find_map(|line| line["file"].as_str()).expect("an open stream");
        fs::read(self.directory.path().join("sink").join(file)).expect("the sink's file")
    }

    pub(crate) fn kill_engine(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            engine.kill().expect("the engine is killed");
            engine.wait().expect("the engine has ended");
        }
    }

    /// Has the engine hang, or go on.
    pub(crate) fn hang_engine(&self, hangs: bool) {
        use rustix::process::{Pid, Signal, kill_process};
        let engine = self.engine.as_ref().expect("an engine");
        let signal = if hangs { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(engine), signal).expect("the engine runs");
    }

    /// The player's process.
    pub(crate) fn player_id(&self) -> u32 {
        self.player.id()
    }

    pub(crate) fn start_engine(&mut self) {
        self.engine = Some(spawn_engine(self.directory.path(), self.accept));
        self.until_output();
    }

    /// Limits the player's private memory, in bytes.
    pub(crate) fn limit_memory(&self, bytes: u64) {
        let id = rustix::process::Pid::from_child(&self.player);
        let limit = rustix::process::Rlimit { current: Some(bytes), maximum: Some(bytes) };
        rustix::process::prlimit(Some(id), rustix::process::Resource::Data, limit).expect("prlimit");
    }

    /// What of that limit the player uses, in bytes (proc_pid_status(5)).
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.player.id())).expect("the player runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).expect("VmData");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Sends SIGTERM, and waits for the end, which has to be a good one.
    pub(crate) fn terminate(&mut self) {
        let id = rustix::process::Pid::from_child(&self.player);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("SIGTERM");
        let status = until("the player's end", || self.player.try_wait().expect("the player's status"));
        assert!(status.success(), "{status}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in std::iter::once(&mut self.player).chain(self.engine.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn_engine(directory: &Path, accept: &str) -> Child {
    // Cargo tells a test only of its own package's programs; the others lie beside it.
    let engine = Path::new(env!("CARGO_BIN_EXE_player")).with_file_name("engine");
    assert!(engine.exists(), "{} isn't there: cargo build -p engine makes it", engine.display());
    let sink = directory.join("sink");
    fs::create_dir_all(&sink).expect("the sink's directory");
    Command::new(engine)
        .arg("--socket")
        .arg(directory.join("engine.sock"))
        .arg("--sink")
        .arg(format!("file:{}", sink.display()))
        .args(["--preroll-ms", "0", "--accept"])
        .args(accept.split_whitespace())
        .stdin(Stdio::null())
        .spawn()
        .expect("the engine starts")
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} didn't come");
        sleep(GLANCE);
    }
}
