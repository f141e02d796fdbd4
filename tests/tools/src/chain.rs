//! Engine and player as processes on loopback, in a directory of their own, with a sink that captures.
//!
//! They are children that die with us (`setpriv --pdeathsig`), whatever ends us.
use std::fs::File;
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
    /// What the sink takes: `auto`, `s16`, …
    pub accept: String,
    /// Whether the sink takes data as fast as it comes.
    pub fast: bool,
    /// The directory for sockets, captures and logs.
    pub directory: PathBuf,
    /// Whether captures stay when they have been looked at.
    pub keep: bool,
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
    logs: PathBuf,
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
        let sink = home.join("sink");
        let state = home.join("state");
        for directory in [&sink, &state] {
            std::fs::create_dir_all(directory).with_context(|| format!("{}: can't be made", directory.display()))?;
        }
        let socket = home.join("engine.sock");
        let ready = home.join("ready.json");
        let begin = Instant::now();
        let mut engine = command(&setting.programs, "engine");
        engine.arg("--socket").arg(&socket).arg("--sink").arg(format!("file:{}", sink.display())).args([
            "--accept",
            &setting.accept,
            "--preroll-ms",
            "0",
        ]);
        if setting.fast {
            engine.arg("--fast");
        }
        let mut engine = Running(launch(engine, &home, "engine")?);
        while !socket.exists() {
            engine.must_live("engine", &home, begin)?;
        }
        let mut player = command(&setting.programs, "player");
        player
            .arg("--engine")
            .arg(&socket)
            .args(["--listen", "127.0.0.1:0", "--interface", "lo"])
            .args(["--name", "Tenuto under test", "--volume", "fixed"])
            .arg("--state-dir")
            .arg(&state)
            .arg("--ready-file")
            .arg(&ready);
        let mut player = Running(launch(player, &home, "player")?);
        let location = loop {
            // The file may be seen before its line is complete.
            let text = std::fs::read(&ready).unwrap_or_default();
            if let Ok(ready) = serde_json::from_slice::<Ready>(&text) {
                break ready.location;
            }
            player.must_live("player", &home, begin)?;
            engine.must_live("engine", &home, begin)?;
        };
        let point = ControlPoint::from_location(&location)
            .and_then(ControlPoint::with_own_soap)
            .context("the player's description")?;
        Ok(Self {
            engine: engine.keep(),
            player: player.keep(),
            capture: Capture::new(&sink),
            logs: home,
            point,
            location,
        })
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
        log_end(&self.logs, name)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        for child in [&mut self.player, &mut self.engine] {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
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
            let _ = child.kill();
            let _ = child.wait();
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
    let log = File::create(home.join(format!("{name}.log")))
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
