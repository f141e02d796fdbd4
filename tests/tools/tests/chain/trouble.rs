//! Processes that die, are missing or can't listen, and servers that misbehave: the renderer stays usable, and says why.
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::control_point::Transport;
use support::material::{self, Shape};
use support::media_server::{Conduct, Gate, Hold, MediaServer};
use tools::capture::{Ending, Passage, Stream};
use tools::chain::{Chain, Setting};
use tools::status::Track;

use crate::common::Material;

/// No step may hang; nothing here is a measure of speed.
const LIMIT: Duration = Duration::from_secs(90);

const SHORT: Shape = Shape { rate: 44_100, bits: 16, channels: 2, frames: 22_051, seed: 9 };

/// Half a minute.
pub(crate) const LONG: Shape = Shape { frames: 44_100 * 30, ..SHORT };

/// A chain in a directory of its own.
pub(crate) struct Bench {
    pub(crate) material: Material,
    pub(crate) server: MediaServer,
    pub(crate) chain: Chain,
}

impl Bench {
    pub(crate) fn new(fast: bool) -> Self {
        Self::with(|setting| setting.fast = fast)
    }

    /// With a setting of one's own.
    pub(crate) fn with(change: impl FnOnce(&mut Setting)) -> Self {
        let material = Material::new();
        let mut setting = Setting {
            // The programs lie beside the tests' own directory.
            programs: PathBuf::from(env!("CARGO_BIN_EXE_play")).with_file_name(""),
            ..Setting::new(material.path("chain")).expect("setting")
        };
        change(&mut setting);
        Self {
            chain: Chain::start(&setting, 1).expect("engine and player"),
            server: MediaServer::start((Ipv4Addr::LOCALHOST, 0).into(), None).expect("server"),
            material,
        }
    }

    /// SetAVTransportURI and Play; a refusal by a fault is as good as one by status.
    pub(crate) fn begin(&self, url: &str) {
        let point = self.chain.point();
        let _ = point.set_uri(url, "").and_then(|_| point.play());
    }

    /// Waits until something is so.
    pub(crate) fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&mut Chain) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(value) = seen(&mut self.chain) {
                return value;
            }
            let logs = || ["engine", "player"].map(|name| self.chain.log(name)).join("\n");
            assert!(begin.elapsed() < LIMIT, "not within {LIMIT:?}: {what}\n{}", logs());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the renderer has stopped; the player's word about the track.
    pub(crate) fn stopped(&mut self, url: &str) -> (Transport, Track) {
        let transport = self.until("stopped", |chain| {
            let transport = chain.point().transport_info().ok()?;
            matches!(transport.state.as_str(), "STOPPED" | "NO_MEDIA_PRESENT").then_some(transport)
        });
        let status = self.chain.status();
        (transport, status.track(url).cloned().unwrap_or_default())
    }

    /// Waits until sound has reached the sink.
    pub(crate) fn sounding(&mut self) -> Passage {
        self.until("sound", |chain| {
            chain.capture().refresh().expect("readable");
            chain.capture().passages().last().cloned()
        })
    }

    /// Waits until the sink is closed; what went there.
    pub(crate) fn closed(&mut self) -> Stream {
        self.until("a closed sink", |chain| {
            chain.capture().refresh().expect("readable");
            let stream = chain.capture().streams().last()?;
            stream.frames.is_some().then(|| stream.clone())
        })
    }

    /// How many tracks have reached the sink.
    pub(crate) fn heard(&mut self) -> usize {
        self.chain.capture().refresh().expect("readable");
        self.chain.capture().passages().len()
    }

    /// Plays a short track; all of it must reach the sink.
    pub(crate) fn works(&mut self) {
        let file = self.material.make("works.flac", material::flac, &SHORT);
        let url = self.server.add(&file);
        let before = self.heard();
        self.begin(&url);
        let (transport, track) = self.stopped(&url);
        assert_eq!(transport.status, "OK", "{track:?}");
        let passage = self.until("its end", |chain| {
            chain.capture().refresh().expect("readable");
            let passage = chain.capture().passages().get(before)?;
            passage.end.is_some().then(|| passage.clone())
        });
        let end = passage.start + u64::from(SHORT.frames);
        assert_eq!(passage.end, Some((end, Ending::Mark)));
    }

    /// A file that a server hands out badly must be refused, with a reason, and leave the renderer usable.
    fn refused(&mut self, url: &str) -> String {
        let before = self.heard();
        self.begin(url);
        let (transport, track) = self.stopped(url);
        assert_eq!(transport.status, "ERROR_OCCURRED", "{track:?}");
        assert_eq!(self.heard(), before);
        let why = track.error.and_then(|fault| fault.text).expect("a reason");
        self.works();
        why
    }
}

/// The sink was closed behind music at full level, and a fade.
pub(crate) fn assert_faded(stream: &Stream) {
    let bytes = std::fs::read(&stream.file).expect("readable");
    let samples: Vec<i32> =
        bytes.chunks_exact(2).map(|sample| i32::from(i16::from_le_bytes([sample[0], sample[1]]))).collect();
    let last = samples.iter().rposition(|sample| *sample != 0).expect("sound");
    let loudest = |from: usize, to: usize| {
        let part = &samples[last.saturating_sub(from)..last.saturating_sub(to)];
        part.iter().map(|sample| sample.abs()).max().expect("samples")
    };
    // Two samples a frame: 88.2 a millisecond. Full level 100 to 40 ms before the end, next to nothing in the last one.
    assert!(loudest(8820, 3528) > 20_000, "{}", loudest(8820, 3528));
    assert!(loudest(88, 0) < 3_000, "{}", loudest(88, 0));
}

#[test]
fn a_killed_engine_is_replaced_and_playing_starts_again() {
    let mut bench = Bench::new(false);
    let file = bench.material.make("long.wav", material::wav, &LONG);
    let url = bench.server.add(&file);
    for _ in 0..3 {
        bench.begin(&url);
        bench.sounding();
        bench.chain.engine().kill().expect("kill");
        // As init does; the player must find the new one by itself.
        bench.chain.respawn_engine().expect("engine");
        let (transport, track) = bench.stopped(&url);
        assert_eq!(transport.status, "ERROR_OCCURRED", "{track:?}");
        let again = bench.server.add(&file);
        bench.until("playing again", |chain| {
            let point = chain.point();
            let _ = point.set_uri(&again, "").and_then(|_| point.play());
            std::thread::sleep(Duration::from_millis(100));
            chain.capture().refresh().expect("readable");
            chain.capture().passages().last().cloned()
        });
        bench.chain.point().stop().expect("stop");
        bench.stopped(&again);
    }
    assert!(bench.chain.player().try_wait().expect("a state").is_none());
}

#[test]
fn a_killed_player_ends_the_sound_with_a_fade_and_its_successor_plays() {
    let mut bench = Bench::new(false);
    let file = bench.material.make("long.wav", material::wav, &LONG);
    let url = bench.server.add(&file);
    bench.begin(&url);
    bench.sounding();
    std::thread::sleep(Duration::from_millis(700));
    bench.chain.player().kill().expect("kill");
    let stream = bench.closed();
    assert_faded(&stream);
    bench.chain.respawn_player().expect("player");
    bench.works();
    assert!(bench.chain.engine().try_wait().expect("a state").is_none());
}

#[test]
fn a_player_without_an_engine_says_so_and_plays_when_one_comes() {
    let mut bench = Bench::new(false);
    bench.chain.engine().kill().expect("kill");
    bench.chain.engine().wait().expect("gone");
    let file = bench.material.make("a.flac", material::flac, &SHORT);
    let url = bench.server.add(&file);
    let point = bench.chain.point();
    let fault = point.set_uri(&url, "").and_then(|_| point.play()).err();
    let (transport, track) = bench.stopped(&url);
    assert!(fault.is_some() || transport.status == "ERROR_OCCURRED", "{transport:?} {track:?}");
    bench.chain.respawn_engine().expect("engine");
    bench.until("playing", |chain| {
        let point = chain.point();
        point.set_uri(&url, "").and_then(|_| point.play()).ok()?;
        std::thread::sleep(Duration::from_millis(200));
        chain.capture().refresh().expect("readable");
        (!chain.capture().passages().is_empty()).then_some(())
    });
}

#[test]
fn servers_that_refuse_give_a_reason_and_leave_the_renderer_usable() {
    let mut bench = Bench::new(true);
    let file = bench.material.make("a.flac", material::flac, &SHORT);
    for status in [401, 403, 404, 410, 500, 503] {
        let conduct = Conduct { status: Some(status), ..Conduct::default() };
        let url = bench.server.add_with(&file, conduct);
        let why = bench.refused(&url);
        assert!(why.contains(&status.to_string()), "{why}");
    }
    // A port that nobody listens on, a name that doesn't exist, a scheme that isn't HTTP, no URL at all.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let port = free.local_addr().expect("address").port();
    drop(free);
    for url in [format!("http://127.0.0.1:{port}/a.flac"), "http://no-such-host.invalid/a.flac".into()] {
        bench.refused(&url);
    }
    for url in ["ftp://127.0.0.1/a.flac", "no url"] {
        let point = bench.chain.point();
        let fault = point.set_uri(url, "").and_then(|_| point.play()).err();
        let (transport, _) = bench.stopped(url);
        assert!(fault.is_some() || transport.status == "ERROR_OCCURRED", "{url}");
        bench.works();
    }
}

#[test]
fn a_connection_that_always_breaks_at_one_byte_has_failed() {
    let mut bench = Bench::new(true);
    let file = bench.material.make("a.flac", material::flac, &LONG);
    let size = std::fs::metadata(&file).expect("there").len();
    let conduct = Conduct { cut_at: Some(size / 2), ..Conduct::default() };
    let url = bench.server.add_with(&file, conduct);
    bench.begin(&url);
    let (transport, track) = bench.stopped(&url);
    assert_eq!(transport.status, "ERROR_OCCURRED");
    assert!(track.error.is_some());
    bench.works();
}

#[test]
fn t17_a_source_that_stalls_ends_in_stopped_and_the_renderer_is_usable() {
    let mut bench = Bench::new(true);
    let file = bench.material.make("a.flac", material::flac, &LONG);
    let size = std::fs::metadata(&file).expect("there").len();
    let hold = Hold { at: size / 2, begins_below: u64::MAX, gate: Gate::default(), limit: LIMIT * 2 };
    let conduct = Conduct { hold: Some(hold), ..Conduct::default() };
    let url = bench.server.add_with(&file, conduct);
    bench.begin(&url);
    let (transport, track) = bench.stopped(&url);
    assert_eq!(transport.status, "ERROR_OCCURRED", "{track:?}");
    bench.works();
}

#[test]
fn t15_servers_without_length_or_ranges_are_played_whole() {
    let mut bench = Bench::new(true);
    for (extension, writer) in [("flac", material::flac as crate::common::Writer), ("wav", material::wav)] {
        let file = bench.material.make(&format!("a.{extension}"), writer, &SHORT);
        let plain = Conduct::default();
        for conduct in [
            Conduct { no_length: true, no_ranges: true, ..plain.clone() },
            Conduct { no_ranges: true, ..plain.clone() },
            Conduct { mime: Some("application/octet-stream".into()), ..plain.clone() },
            Conduct { mime: Some("audio/mpeg".into()), ..plain },
        ] {
            let url = bench.server.add_with(&file, conduct.clone());
            bench.begin(&url);
            let (transport, track) = bench.stopped(&url);
            assert_eq!(transport.status, "OK", "{extension} {conduct:?}: {track:?}");
            bench.chain.capture().refresh().expect("readable");
            let passage = bench.chain.capture().passages().last().expect("heard").clone();
            let frames = passage.end.map(|(end, _)| end - passage.start);
            assert_eq!(frames, Some(u64::from(SHORT.frames)), "{extension} {conduct:?}");
        }
    }
}

/// Starts a program that must end by itself; what it says.
fn ends(program: &str, arguments: &[&str]) -> String {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_play")).with_file_name(program);
    let output = Command::new("timeout")
        .args(["--signal=KILL", "60"])
        .arg(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("started");
    // `timeout` dies by the signal that it sends.
    let code = output.status.code();
    assert!(matches!(code, Some(1..=2)), "{arguments:?}: {code:?} (None: it hangs)");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_taken_port_a_bad_interface_and_a_bad_option_are_named() {
    let material = Material::new();
    let state = material.path("state");
    let state = state.to_str().expect("UTF-8");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = taken.local_addr().expect("address").to_string();
    let socket = material.path("none.sock");
    let common = ["--engine", socket.to_str().expect("UTF-8"), "--state-dir", state];
    let run = |more: &[&str]| ends("player", &[&common, more].concat());
    let port = taken.local_addr().expect("address").port().to_string();
    let said = run(&["--listen", &address, "--interface", "lo"]);
    assert!(said.contains(&port), "{said}");
    let said = run(&["--listen", "127.0.0.1:0", "--nonsense"]);
    assert!(said.contains("nonsense"), "{said}");
    let said = ends("engine", &["--socket", "/nonexistent/x.sock", "--sink", "null"]);
    assert!(said.contains("/nonexistent"), "{said}");
    let socket = socket.to_str().expect("UTF-8");
    let said = ends("engine", &["--socket", socket, "--accept", "nonsense"]);
    assert!(said.contains("nonsense"), "{said}");
}

#[test]
fn the_real_time_thread_allocates_nothing_while_playing() {
    let mut bench = Bench::new(false);
    bench.works();
    bench.works();
    let page = bench.chain.point().fetch("/status.json").expect("status");
    let page: serde_json::Value = serde_json::from_slice(&page).expect("JSON");
    assert_eq!(page["engine"]["rt_allocations"], 0, "{page}");
}
