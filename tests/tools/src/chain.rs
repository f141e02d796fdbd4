//! Engine and player as processes on loopback, in a directory of their own, with a sink that captures.
//!
//! They are children that die with us (`setpriv --pdeathsig`), whatever ends us.
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use support::control_point::ControlPoint;

use crate::capture::Capture;
use crate::status::Status;

/// How long engine and player together may take to be ready.
const READY: Duration = Duration::from_secs(20);
/// How often is looked whether they are.
const GLANCE: Duration = Duration::from_millis(5);

/// How to start them.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where the programs `engine` and `player` lie.
    pub programs: PathBuf,
    /// The engine's sink, if not one that captures.
    pub sink: Option<String>,
    /// What the sink takes: `auto`, `s16`, …
    pub accept: String,
    /// The highest rate that it takes, in ALSA's Hz.
    pub max_rate: Option<u32>,
    /// Whether the player resamples where the sink hasn't the rate.
    pub resample: bool,
    /// Whether the sink takes data as fast as it comes.
    pub fast: bool,
    /// Whether the engine makes certificates.
    pub certificate: bool,
    /// The directory for sockets, captures and logs.
    pub directory: PathBuf,
    /// Whether captures stay when they have been looked at.
    pub keep: bool,
    /// The network interface's name, and its address: SSDP and HTTP are there only.
    pub interface: (String, Ipv4Addr),
    /// The player's volume mode: `fixed`, `software` or `hardware`.
    pub volume: String,
    /// The player's ReplayGain: `off`, `track` or `album`; its own default if there is none.
    pub replay_gain: Option<String>,
}

impl Setting {
    /// On loopback, with a sink that takes everything in real time; programs from where this one lies.
    ///
    /// # Errors
    /// When it isn't known where this program lies.
    pub fn new(directory: PathBuf) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("where this program lies")?;
        Ok(Self {
            programs: own.parent().context("where this program lies")?.to_path_buf(),
            sink: None,
            accept: "auto".into(),
            max_rate: None,
            resample: true,
            fast: false,
            certificate: true,
            directory,
            keep: false,
            interface: ("lo".into(), Ipv4Addr::LOCALHOST),
            volume: "fixed".into(),
            replay_gain: None,
        })
    }
}

/// What the player writes into its ready file.
#[derive(Debug, Deserialize)]
struct Ready {
    location: String,
}

/// A running engine and player.
#[derive(Debug)]
pub struct Chain {
    engine: Child,
    player: Child,
    setting: Setting,
    home: PathBuf,
    /// Engines that were started.
    engines: u32,
    capture: Capture,
    point: ControlPoint,
    location: String,
}

impl Chain {
    /// Starts both; `number` tells this start from earlier ones in the same directory.
    ///
    /// # Errors
    /// When a program is missing, ends early or isn't ready in time: with the end of its log.
    pub fn start(setting: &Setting, number: u32) -> anyhow::Result<Self> {
        let home = setting.directory.join(format!("run-{number}"));
        let engine = start_engine(setting, &home, 1)?;
        let (player, location, point) = start_player(setting, &home)?;
        let mut chain = Self {
            engine: engine.keep(),
            player: player.keep(),
            capture: Capture::new(&sink(&home, 1)),
            setting: setting.clone(),
            engines: 1,
            home,
            point,
            location,
        };
        chain.wait_for_output()?;
        Ok(chain)
    }

    /// Waits until the player has found the engine and knows what that plays to.
    fn wait_for_output(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !self.status().can_play() {
            if let Some(casualty) = self.casualty() {
                bail!("{casualty}");
            }
            if begin.elapsed() > READY {
                bail!("the player doesn't find the engine\n{}", self.log("player"));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Starts a new engine, as the appliance's init does when the old one has ended. Its sink writes to a new place.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn respawn_engine(&mut self) -> anyhow::Result<()> {
        end(&mut self.engine);
        self.engines += 1;
        self.engine = start_engine(&self.setting, &self.home, self.engines)?.keep();
        self.capture = Capture::new(&sink(&self.home, self.engines));
        Ok(())
    }

    /// Starts a new player, as the appliance's init does when the old one has ended.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn respawn_player(&mut self) -> anyhow::Result<()> {
        end(&mut self.player);
        let (player, location, point) = start_player(&self.setting, &self.home)?;
        self.player = player.keep();
        self.location = location;
        self.point = point;
        Ok(())
    }

    /// Drives the player.
    #[must_use]
    pub fn point(&self) -> &ControlPoint {
        &self.point
    }

    /// The URL of the device description.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// What the sink received.
    pub fn capture(&mut self) -> &mut Capture {
        &mut self.capture
    }

    /// The engine's process.
    pub fn engine(&mut self) -> &mut Child {
        &mut self.engine
    }

    /// The player's process.
    pub fn player(&mut self) -> &mut Child {
        &mut self.player
    }

    /// The player's `/status.json`; an unreadable one is as good as none.
    #[must_use]
    pub fn status(&self) -> Status {
        let page = self.point.fetch("/status.json").unwrap_or_default();
        serde_json::from_slice(&page).unwrap_or_default()
    }

    /// Which process has ended, and how, if one has.
    pub fn casualty(&mut self) -> Option<String> {
        let children = [("engine", &mut self.engine), ("player", &mut self.player)];
        children.into_iter().find_map(|(name, child)| {
            let status = child.try_wait().ok().flatten()?;
            Some(format!("the {name} ended: {}", manner(status)))
        })
    }

    /// The end of a process's log (`engine` or `player`), for people.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        log_end(&self.home, name)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        end(&mut self.player);
        end(&mut self.engine);
    }
}

/// Kills a child; one that is gone already is as good.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Where the `number`th engine's sink writes.
fn sink(home: &Path, number: u32) -> PathBuf {
    home.join(format!("sink-{number}"))
}

fn make(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("{}: can't be made", directory.display()))
}

fn start_engine(setting: &Setting, home: &Path, number: u32) -> anyhow::Result<Running> {
    let begin = Instant::now();
    let sink = sink(home, number);
    make(&sink)?;
    let socket = home.join("engine.sock");
    // What a killed engine leaves behind must not look like the new one.
    let _ = std::fs::remove_file(&socket);
    let mut engine = command(&setting.programs, "engine");
    engine.arg("--socket").arg(&socket).arg("--sink");
    match &setting.sink {
        Some(sink) => engine.arg(sink),
        None => engine.arg(format!("file:{}", sink.display())),
    };
    engine.args(["--certificate", if setting.certificate { "on" } else { "off" }]);
    engine.args(["--accept", &setting.accept, "--preroll-ms", "0", "--dsd-silence-ms", "0"]);
    if let Some(rate) = setting.max_rate {
        engine.args(["--max-rate", &rate.to_string()]);
    }
    if setting.fast {
        engine.arg("--fast");
    }
    let mut engine = Running(launch(engine, home, "engine")?);
    while !socket.exists() {
        engine.must_live("engine", home, begin)?;
    }
    Ok(engine)
}

fn start_player(setting: &Setting, home: &Path) -> anyhow::Result<(Running, String, ControlPoint)> {
    let begin = Instant::now();
    let state = home.join("state");
    make(&state)?;
    let ready = home.join("ready.json");
    let _ = std::fs::remove_file(&ready);
    let (interface, address) = &setting.interface;
    let mut player = command(&setting.programs, "player");
    player
        .arg("--engine")
        .arg(home.join("engine.sock"))
        .args(["--listen", &format!("{address}:0"), "--interface", interface])
        .args(["--name", "Tenuto under test", "--volume", &setting.volume])
        .args(["--resample", if setting.resample { "on" } else { "off" }])
        .args(setting.replay_gain.iter().flat_map(|mode| ["--replay-gain", mode]))
        .arg("--state-dir")
        .arg(&state)
        .arg("--ready-file")
        .arg(&ready);
    let mut player = Running(launch(player, home, "player")?);
    let location = loop {
        // The file may be seen before its line is complete.
        let text = std::fs::read(&ready).unwrap_or_default();
        if let Ok(ready) = serde_json::from_slice::<Ready>(&text) {
            break ready.location;
        }
        player.must_live("player", home, begin)?;
    };
    let point = ControlPoint::from_location(&location)
        .and_then(ControlPoint::with_own_soap)
        .context("the player's description")?;
    Ok((player, location, point))
}

/// A child that is killed unless kept: for the steps between its start and the whole chain's.
struct Running(Option<Child>);

impl Running {
    fn must_live(&mut self, name: &str, home: &Path, begin: Instant) -> anyhow::Result<()> {
        let status = self.0.as_mut().map(Child::try_wait);
        if let Some(Ok(Some(status))) = status {
            bail!("the {name} ended: {}\n{}", manner(status), log_end(home, name));
        }
        if begin.elapsed() > READY {
            bail!("the {name} isn't ready after {READY:?}\n{}", log_end(home, name));
        }
        std::thread::sleep(GLANCE);
        Ok(())
    }

    fn keep(mut self) -> Child {
        self.0.take().expect("kept once only")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

/// `name` in `programs`, as a child that dies with us.
fn command(programs: &Path, name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(programs.join(name));
    command
}

fn launch(mut command: Command, home: &Path, name: &str) -> anyhow::Result<Option<Child>> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(home.join(format!("{name}.log")))
        .with_context(|| format!("{}: no log can be written", home.display()))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("{name} can't be started"))?;
    Ok(Some(child))
}

fn log_end(home: &Path, name: &str) -> String {
    let log = std::fs::read(home.join(format!("{name}.log"))).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.len().saturating_sub(20);
    lines[last..].join("\n")
}

/// How a process ended, in words.
fn manner(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}"),
        (None, Some(code)) => format!("exit status {code}"),
        (None, None) => status.to_string(),
    }
}
