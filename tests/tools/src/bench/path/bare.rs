//! Programs that decode a file and play nothing; our own decoder among them.
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use media::{Cancel, Input, Limits, Location, Wants, open, open_input};

use crate::bench::usage::whole_ms;

/// A file, read as it comes.
struct Plain(File, u64);

impl Read for Plain {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Seek for Plain {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Input for Plain {
    fn byte_len(&self) -> Option<u64> {
        Some(self.1)
    }

    fn is_seekable(&self) -> bool {
        true
    }
}

/// Decodes a file, or what lies at a URL, with `media`, and nothing else: what `bench --decode FILE|URL` does.
///
/// # Errors
/// It can't be read or decoded.
pub fn decode(what: &str) -> anyhow::Result<()> {
    let mut track = if what.starts_with("http:") {
        open(&Location { url: what.into(), mime: None, wants: Wants::default() }, &Limits::default(), &Cancel::new())?
    } else {
        let file = File::open(what).context("opening the file")?;
        let length = file.metadata()?.len();
        open_input(Box::new(Plain(file, length)), what, None)?
    };
    while let Some(samples) = track.read()? {
        black_box(samples.frames());
    }
    Ok(())
}

/// CPU milliseconds of our decoder.
pub(super) fn ours(what: &str) -> anyhow::Result<f64> {
    let program = std::env::current_exe().context("where this program lies")?;
    whole_ms(Command::new(program).arg("--decode").arg(what))
}

/// CPU milliseconds of the reference decoder, with `--decode` (to nowhere) or `--test`; it compares the MD5 as well.
pub(super) fn flac(file: &Path, what: &str) -> anyhow::Result<f64> {
    let mut command = Command::new("flac");
    command.args([what, "--totally-silent", "--force"]).arg(file);
    if what == "--decode" {
        command.arg("--output-name=/dev/null");
    }
    whole_ms(&mut command)
}

/// CPU milliseconds of ffmpeg with one thread; `output` are its options for what it makes.
pub(super) fn ffmpeg(file: &str, output: &[&str]) -> anyhow::Result<f64> {
    let input = ["-v", "error", "-nostdin", "-threads", "1", "-i", file];
    whole_ms(Command::new("ffmpeg").args(input).args(output).args(["-threads", "1", "-f", "null", "-"]))
}

/// CPU milliseconds of GStreamer's player, which is what gmediarender plays with.
pub(super) fn gstreamer(url: &str) -> anyhow::Result<f64> {
    let player = ["-q", "playbin3", "flags=audio", "audio-sink=fakesink sync=false"];
    whole_ms(Command::new("gst-launch-1.0").args(player).arg(format!("uri={url}")))
}
