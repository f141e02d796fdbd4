//! What a recorder in the guest has heard. It is too much for a serial line, so it is compared by digests: of all, and of
//! each block, so that a difference has a place.
//!
//! The recorder is this package's second program. Only the test image has it ([`crate::initramfs::with_shell`]).
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cache::sha256;
use crate::shell::Shell;
use crate::stop;

/// Frames of a block.
const BLOCK: usize = 4096;
/// Where the recorder writes in the guest.
const FILE: &str = "/mnt/heard";
/// How long the guest's shell may take to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// What the recorder says once it records.
pub const READY: &str = "ready";

/// The byte of which silence consists in ALSA's format of this name, PCM with a sign or DSD.
#[must_use]
pub fn silence(format: &str) -> u8 {
    if format.starts_with("DSD") { 0x69 } else { 0 }
}

/// A stretch of sound, without the silence around it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Its length.
    pub frames: usize,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The same of each 4096 frames, the first eight digits.
    pub blocks: Vec<String>,
    /// How often the recorder came too late, and has lost something.
    pub overruns: u32,
}

impl Heard {
    /// From bytes of whole frames.
    #[must_use]
    pub fn of(bytes: &[u8], frame_bytes: usize, overruns: u32) -> Self {
        let blocks = bytes.chunks(BLOCK * frame_bytes);
        let blocks = blocks.map(|block| sha256(block).chars().take(8).collect()).collect();
        Self { frames: bytes.len() / frame_bytes, sha256: sha256(bytes), blocks, overruns }
    }

    /// How many frames are `wanted`'s, from the first one on, and what is wrong if those aren't all.
    #[must_use]
    pub fn compare(&self, wanted: &Self) -> (usize, Option<String>) {
        if (self.frames, &self.sha256) == (wanted.frames, &wanted.sha256) {
            return (self.frames, None);
        }
        let same = self.blocks.iter().zip(&wanted.blocks).take_while(|(heard, wanted)| heard == wanted).count();
        let same = (same * BLOCK).min(self.frames).min(wanted.frames);
        (same, Some(format!("{} frames instead of {}, {same} of them equal", self.frames, wanted.frames)))
    }
}

/// How a sound card was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wire {
    /// ALSA's name of the format.
    pub format: &'static str,
    /// Frames a second, Hz.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
}

/// Starts the recorder at the other end of the loopback card, opened just so; returns when it records.
///
/// # Errors
/// When the card can't be opened like that.
pub fn start(shell: &mut Shell, wire: &Wire, patience: Duration) -> Result<()> {
    let Wire { format, rate, channels } = wire;
    let seconds = patience.as_secs();
    // One that has heard nothing may still be waiting.
    shell.run(&format!("killall recorder; rm -f {FILE}"), ANSWER)?;
    shell.run(&format!("recorder {format} {rate} {channels} {seconds} >{FILE} 2>&1 &"), ANSWER)?;
    let said = wait(shell, ANSWER)?;
    if said != READY {
        bail!("the recorder says {said:?}");
    }
    Ok(())
}

/// Waits until the recorder has heard the sound, and a second of silence behind it.
///
/// # Errors
/// When there was no sound, or too much.
pub fn finish(shell: &mut Shell, patience: Duration) -> Result<Heard> {
    let start = Instant::now();
    loop {
        let said = shell.run(&format!("sed 1d {FILE}"), ANSWER)?.text;
        if !said.trim().is_empty() {
            return serde_json::from_str(&said).with_context(|| format!("the recorder says {:?}", said.trim()));
        }
        if start.elapsed() > patience {
            bail!("the recorder has not ended after {} s", patience.as_secs());
        }
        stop::check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The recorder's first line.
fn wait(shell: &mut Shell, limit: Duration) -> Result<String> {
    let start = Instant::now();
    loop {
        let said = shell.run(&format!("head -n 1 {FILE} 2>/dev/null"), ANSWER)?.text;
        if !said.trim().is_empty() {
            return Ok(said.trim().to_owned());
        }
        if start.elapsed() > limit {
            bail!("the recorder does not begin within {} s", limit.as_secs());
        }
        stop::check()?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_place() {
        let frame = 4;
        let track: Vec<u8> = (0..3 * BLOCK + 5).flat_map(|n| (n as u32 | 1 << 31).to_le_bytes()).collect();
        let wanted = Heard::of(&track, frame, 0);
        assert_eq!(Heard::of(&track, frame, 2).compare(&wanted), (3 * BLOCK + 5, None));
        let mut other = track.clone();
        other[2 * BLOCK * frame + 9] ^= 1;
        let (same, fault) = Heard::of(&other, frame, 0).compare(&wanted);
        assert!(same == 2 * BLOCK && fault.is_some());
        let (same, fault) = Heard::of(&track[..track.len() - frame], frame, 0).compare(&wanted);
        assert!(same == 3 * BLOCK && fault.is_some_and(|fault| fault.contains("12292 frames instead of 12293")));
        assert!(Heard::of(&[], frame, 0).compare(&wanted).1.is_some());
    }

    #[test]
    fn what_the_recorder_writes_is_read() {
        let heard = Heard::of(&[1; 64], 8, 3);
        assert_eq!(serde_json::from_str::<Heard>(&serde_json::to_string(&heard).unwrap()).unwrap(), heard);
    }
}
