//! MPD with its null output.
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Place;
use super::ours::LOOK;
use crate::bench::usage::{Kept, cpu_ms};

/// How long it may take to start.
const READY: Duration = Duration::from_secs(10);

/// A running MPD; it ends when dropped.
pub(super) struct Mpd {
    process: Kept,
    connection: BufReader<UnixStream>,
}

impl Mpd {
    /// Starts one whose output takes `format` (whatever comes, if `None`), as fast as it goes or in real time.
    pub(super) fn start(place: &Place, format: Option<&str>, fast: bool) -> anyhow::Result<Self> {
        let home: PathBuf = place.directory.join("mpd");
        std::fs::create_dir_all(&home)?;
        // A local socket: only over one does MPD play files by their path.
        let socket = home.join("socket");
        let _ = std::fs::remove_file(&socket);
        let configuration = home.join("mpd.conf");
        let format = format.map(|format| format!("  format \"{format}\"\n")).unwrap_or_default();
        let text = format!(
            "bind_to_address \"{0}/socket\"\nlog_file \"{0}/log\"\n\
             audio_output {{\n  type \"null\"\n  name \"null\"\n  sync \"{1}\"\n{format}}}\n",
            home.display(),
            if fast { "no" } else { "yes" },
        );
        std::fs::write(&configuration, text)?;
        let process = Kept::start(Command::new("mpd").arg("--no-daemon").arg(&configuration))?;
        let begin = Instant::now();
        let stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) if begin.elapsed() > READY => return Err(error).context("MPD doesn't listen"),
                Err(_) => std::thread::sleep(LOOK),
            }
        };
        let mut connection = BufReader::new(stream);
        connection.read_line(&mut String::new())?;
        Ok(Self { process, connection })
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Plays a URL, or a file by its path.
    pub(super) fn play(&mut self, what: &str) -> anyhow::Result<()> {
        self.ask(&format!("add \"{what}\""))?;
        self.ask("play")?;
        Ok(())
    }

    pub(super) fn is_playing(&mut self) -> anyhow::Result<bool> {
        let status = self.ask("status")?;
        if let Some(error) = status.lines().find_map(|line| line.strip_prefix("error: ")) {
            bail!("MPD says: {error}");
        }
        Ok(status.lines().any(|line| line == "state: play"))
    }

    fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        self.connection.get_mut().write_all(format!("{command}\n").as_bytes())?;
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line)? == 0 || line.starts_with("ACK") {
                bail!("{command}: {line}");
            }
            if line.starts_with("OK") {
                return Ok(answer);
            }
            answer.push_str(&line);
        }
    }
}

/// CPU milliseconds from play to the end of the track.
pub(super) fn play(place: &Place, what: &str, format: Option<&str>) -> anyhow::Result<f64> {
    let mut mpd = Mpd::start(place, format, true)?;
    let before = cpu_ms(&[mpd.id()])?;
    mpd.play(what)?;
    while mpd.is_playing()? {
        std::thread::sleep(LOOK);
    }
    Ok(cpu_ms(&[mpd.id()])? - before)
}
