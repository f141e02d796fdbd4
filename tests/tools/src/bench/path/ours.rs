//! Our engine and player; and what SHA-256 costs by itself.
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::{INTERFACE, Place};
use crate::bench::usage::{cpu_ms, whole_ms};
use crate::chain::{Chain, Setting};

/// How often is looked whether a track is over: seldom, because answering takes CPU time.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// Bytes that are hashed at once, as in the engine.
const CHUNK: usize = 64 * 1024;

/// How ours is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct How {
    /// As fast as it goes.
    pub(super) fast: bool,
    pub(super) certificate: bool,
    /// Without the CPU's SHA instructions.
    pub(super) soft: bool,
    /// What the sink takes, if not everything.
    pub(super) accept: Option<&'static str>,
}

/// Starts engine and player.
pub(super) fn start(place: &Place, how: How, number: u32) -> anyhow::Result<Chain> {
    let directory = place.directory.join(format!("ours-{how:?}").replace(|letter: char| !letter.is_alphanumeric(), ""));
    let mut setting = Setting {
        fast: how.fast,
        sink: Some("null".into()),
        certificate: how.certificate,
        accept: how.accept.unwrap_or("auto").into(),
        interface: (INTERFACE.0.into(), INTERFACE.1),
        ..Setting::new(directory)?
    };
    if let Some(soft) = place.soft.as_deref().filter(|_| how.soft) {
        setting.programs = mixed(place, &setting.programs, soft)?;
    }
    Chain::start(&setting, number)
}

/// A directory with the usual player and an engine without SHA instructions.
fn mixed(place: &Place, usual: &Path, soft: &Path) -> anyhow::Result<PathBuf> {
    let directory = place.directory.join("soft");
    if !directory.exists() {
        std::fs::create_dir(&directory)?;
        std::os::unix::fs::symlink(usual.join("player"), directory.join("player"))?;
        std::os::unix::fs::symlink(soft.join("engine"), directory.join("engine"))?;
    }
    Ok(directory)
}

/// CPU milliseconds from Play to the end of the track.
pub(super) fn play(place: &Place, how: How, url: &str, number: u32) -> anyhow::Result<f64> {
    let mut chain = start(place, how, number)?;
    let pids = [chain.engine().id(), chain.player().id()];
    let before = cpu_ms(&pids)?;
    chain.point().set_uri(url, "")?;
    chain.point().play()?;
    while chain.point().transport_info()?.state != "STOPPED" {
        std::thread::sleep(LOOK);
    }
    Ok(cpu_ms(&pids)? - before)
}

/// CPU milliseconds of SHA-256 over so many bytes; with `soft` by a program that doesn't use the CPU's instructions for it.
pub(super) fn hash_ms(bytes: usize, soft: Option<&Path>) -> anyhow::Result<f64> {
    let program = match soft {
        Some(directory) => directory.join("bench"),
        None => std::env::current_exe().context("where this program lies")?,
    };
    whole_ms(Command::new(program).args(["--hash", &bytes.to_string()]))
}

/// Hashes so many bytes: what `bench --hash BYTES` does.
pub fn hash(bytes: usize) {
    let chunk = vec![0x5a; CHUNK];
    let mut sha256 = Sha256::new();
    for _ in 0..bytes / CHUNK {
        sha256.update(black_box(&chunk));
    }
    black_box(sha256.finalize());
}
