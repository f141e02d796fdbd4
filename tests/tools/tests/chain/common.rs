//! Runs `play` as its script would, on generated files.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::material::{Error, Shape};

/// Writes a file of a shape.
pub(crate) type Writer = fn(&Path, &Shape) -> Result<(), Error>;

/// A directory of material.
pub(crate) struct Material(tempfile::TempDir);

impl Material {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary directory"))
    }

    /// The path of a file that may or may not be there.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of a shape.
    pub(crate) fn make(&self, name: &str, writer: Writer, shape: &Shape) -> PathBuf {
        let path = self.path(name);
        writer(&path, shape).unwrap_or_else(|error| panic!("{name} {shape:?}: {error}"));
        path
    }
}

/// `play` with these arguments, its output piped. Its engine and player are those beside it.
pub(crate) fn command(options: &[&str], files: &[PathBuf]) -> Command {
    let play = Path::new(env!("CARGO_BIN_EXE_play"));
    for name in ["engine", "player"] {
        let program = play.with_file_name(name);
        assert!(program.exists(), "{} isn't built: cargo build --bins -p engine -p player", program.display());
    }
    let mut command = Command::new(play);
    command.args(options).arg("--").args(files).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The lines that `play` prints about files; it must end well and print one line for each.
pub(crate) fn play(options: &[&str], files: &[PathBuf]) -> Vec<Value> {
    let output = command(options, files).output().expect("play");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    println!("{options:?}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), files.len());
    for (line, file) in lines.iter().zip(files) {
        assert_eq!(line["file"], file.display().to_string());
        assert_eq!(line["error"].is_null(), line["state"] == "played", "{line}");
    }
    lines
}

/// A running `play`, read line by line.
pub(crate) struct Playing {
    pub(crate) child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Playing {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("play");
        let out = child.stdout.take().expect("piped");
        Self { child, lines: BufReader::new(out).lines() }
    }

    /// The next line; `None` when `play` has ended.
    pub(crate) fn line(&mut self) -> Option<Value> {
        let line = self.lines.next()?.expect("readable");
        println!("{line}");
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The process id of its child `name`, once that runs.
    pub(crate) fn child_named(&self, name: &str) -> u32 {
        loop {
            let found = descendants(self.child.id()).into_iter().find(|pid| comm(*pid).as_deref() == Some(name));
            if let Some(pid) = found {
                return pid;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// Sends a signal without a program for it: the smallest Debian has no `kill`.
pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("a process of ours");
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process, whichever of its threads made them.
fn descendants(pid: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let lists = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
}

fn comm(pid: u32) -> Option<String> {
    let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(comm.trim_end().to_owned())
}

/// Asserts that a line says `played` with all frames of the shape and, for integers, its MD5.
pub(crate) fn assert_played(line: &Value, shape: &Shape) {
    assert_eq!(line["state"], "played", "{line}");
    assert_eq!(line["frames"], shape.frames, "{line}");
    assert_eq!(line["source"]["rate"], shape.rate, "{line}");
    assert_eq!(line["source"]["bits"], shape.bits, "{line}");
    assert_eq!(line["source"]["channels"], shape.channels, "{line}");
    assert_eq!(line["md5"], shape.md5(), "{line}");
    assert_eq!(line["wire"]["dop"], false, "{line}");
}
