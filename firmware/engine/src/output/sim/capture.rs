//! What a simulated card was given, in a file, and what happened to it, in a log.
//!
//! A thread of its own writes both. A line of the log is written after the bytes that it talks about.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pcm::Wire;

use crate::clock::now_ns;

/// How often the thread looks for bytes.
const TICK: Duration = Duration::from_millis(2);
/// The most bytes on their way at once.
const MOST_BYTES: usize = 16 << 20;

/// What the card and its capture have to tell each other besides bytes.
#[derive(Clone, Debug)]
pub(super) struct Ending(Arc<EndingCells>);

#[derive(Debug)]
struct EndingCells {
    /// Frames that counted as heard when the output stopped.
    heard: AtomicU64,
    /// Why the capture can't be written any more; 0 while it can.
    errno: AtomicI32,
}

impl Default for Ending {
    fn default() -> Self {
        Self(Arc::new(EndingCells { heard: AtomicU64::new(u64::MAX), errno: AtomicI32::new(0) }))
    }
}

impl Ending {
    pub(super) fn set_heard(&self, frames: u64) {
        self.0.heard.store(frames, Ordering::Release);
    }

    /// The frames, or as many as there are if the output was never stopped.
    fn heard(&self) -> u64 {
        self.0.heard.load(Ordering::Acquire)
    }

    /// Why the card has broken, if it has.
    pub(super) fn errno(&self) -> Option<i32> {
        Some(self.0.errno.load(Ordering::Relaxed)).filter(|&errno| errno != 0)
    }
}

/// The real-time thread's end.
pub(crate) struct Feed {
    pub(super) bytes: rtrb::Producer<u8>,
    pub(super) ending: Ending,
}

#[cfg(test)]
impl Feed {
    /// For a test that reads the bytes itself.
    pub(crate) fn new(bytes: rtrb::Producer<u8>) -> Self {
        Self { bytes, ending: Ending::default() }
    }
}

/// A line for the log.
#[derive(Clone, Debug)]
pub(crate) enum LogLine {
    /// Something that happened at this frame of the file: `name`, and the track and time if it has them.
    At {
        /// The event's name.
        name: &'static str,
        /// Frame number in the file.
        frame: u64,
        /// The track that it is about.
        track: Option<u64>,
        /// CLOCK_MONOTONIC, ns.
        ns: Option<u64>,
    },
    /// The end of the stream.
    Close {
        /// Times that the output ran dry.
        xruns: u64,
        /// Whether any frame of a track was scaled.
        scaled: bool,
    },
}

/// One stream's file, and the log that all streams share.
pub(crate) struct Capture {
    lines: Option<Sender<LogLine>>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Creates `NNNN.raw` in `dir`, numbered from 1 on, and logs that it is open.
    pub(crate) fn create(dir: &Path, number: u32, wire: Wire) -> io::Result<(Self, Feed)> {
        let name = format!("{number:04}.raw");
        let raw = File::create(dir.join(&name))?;
        let log_path = dir.join("sink.jsonl");
        let mut log = File::options().create(true).append(true).open(log_path)?;
        let Wire { format, rate, channels } = wire;
        let (layout, dop) = (format.alsa_name(), format.is_dop());
        writeln!(
            log,
            r#"{{"event":"open","file":"{name}","format":"{layout}","rate":{rate},"channels":{channels},"dop":{dop},"ns":{}}}"#,
            now_ns()
        )?;
        // The card's buffer holds 2 s at most, and is filled at once when a stream begins.
        let buffer = 2 * wire.frame_bytes() * rate as usize;
        let (feed, bytes) = rtrb::RingBuffer::new(buffer.clamp(1 << 16, MOST_BYTES));
        let ending = Ending::default();
        let (lines, incoming) = channel();
        let writer = CaptureWriter {
            frame_bytes: wire.frame_bytes() as u64,
            raw,
            log,
            bytes,
            written: 0,
            ending: ending.clone(),
            path: dir.join(name),
            plug: Plug::new(dir),
        };
        let thread = std::thread::Builder::new().name("capture".into()).spawn(move || writer.run(&incoming))?;
        Ok((Self { lines: Some(lines), thread: Some(thread) }, Feed { bytes: feed, ending }))
    }

    /// Queues a line. After [`LogLine::Close`] nothing more is written.
    pub(crate) fn log(&self, line: LogLine) {
        if let Some(lines) = &self.lines {
            // The thread ends early only if the disk is full; it has said so.
            let _ = lines.send(line);
        }
    }
}

impl Drop for Capture {
    /// Waits until everything is in the files.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// The file `card` in the sink's directory: which card is plugged in there, by a name of `--accept`; a card that nobody knows is none.
/// Without the file it is the one that was asked for. Writing it pulls out what was in before.
pub(super) struct Plug {
    path: PathBuf,
    inside: Option<String>,
}

impl Plug {
    /// What is plugged in now.
    pub(super) fn new(dir: &Path) -> Self {
        let path = dir.join("card");
        let inside = std::fs::read_to_string(&path).ok();
        Self { path, inside }
    }

    /// The name, if there is one.
    pub(super) fn card(&self) -> Option<&str> {
        self.inside.as_deref().map(str::trim)
    }

    /// Whether what was in isn't any more.
    fn was_pulled(&self) -> bool {
        std::fs::read_to_string(&self.path).ok() != self.inside
    }
}

struct CaptureWriter {
    frame_bytes: u64,
    raw: File,
    log: File,
    bytes: rtrb::Consumer<u8>,
    /// Bytes in the file.
    written: u64,
    ending: Ending,
    path: PathBuf,
    plug: Plug,
}

impl CaptureWriter {
    fn run(mut self, lines: &Receiver<LogLine>) {
        if let Err(error) = self.copy(lines) {
            tracing::error!("can't write {}: {error}; the capture ends here", self.path.display());
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            self.ending.0.errno.store(errno, Ordering::Relaxed);
        }
    }

    fn copy(&mut self, lines: &Receiver<LogLine>) -> io::Result<()> {
        loop {
            match lines.recv_timeout(TICK) {
                Ok(LogLine::Close { xruns, scaled }) => return self.close(xruns, scaled),
                Ok(LogLine::At { name, frame, track, ns }) => {
                    self.drain()?;
                    self.line(name, frame, track, ns)?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.drain()?;
                    if self.plug.was_pulled() {
                        self.ending.0.errno.store(libc::ENODEV, Ordering::Relaxed);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return self.drain(),
            }
        }
    }

    /// Moves what has arrived into the file. What a line talks about was pushed before the line was sent.
    fn drain(&mut self) -> io::Result<()> {
        loop {
            let count = self.bytes.slots();
            let Ok(chunk) = self.bytes.read_chunk(count) else { return Ok(()) };
            if chunk.is_empty() {
                return Ok(());
            }
            let (first, second) = chunk.as_slices();
            self.raw.write_all(first)?;
            self.raw.write_all(second)?;
            self.written += count as u64;
            chunk.commit_all();
        }
    }

    fn line(&mut self, name: &str, frame: u64, track: Option<u64>, ns: Option<u64>) -> io::Result<()> {
        let mut line = format!(r#"{{"event":"{name}""#);
        if let Some(track) = track {
            let _ = write!(line, r#","track":{track}"#);
        }
        let _ = write!(line, r#","frame":{frame}"#);
        if let Some(ns) = ns {
            let _ = write!(line, r#","ns":{ns}"#);
        }
        line.push_str("}\n");
        self.log.write_all(line.as_bytes())
    }

    /// Cuts off what was written and never heard, as stopping a real card does.
    fn close(&mut self, xruns: u64, scaled: bool) -> io::Result<()> {
        self.drain()?;
        let frames = self.ending.heard().min(self.written / self.frame_bytes.max(1));
        self.raw.set_len(frames * self.frame_bytes)?;
        let ns = now_ns();
        writeln!(self.log, r#"{{"event":"close","frames":{frames},"xruns":{xruns},"scaled":{scaled},"ns":{ns}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_buffer_can_be_filled_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let wire = Wire { format: pcm::WireFormat::S16Le, rate: 48_000, channels: 2 };
        let (_capture, feed) = Capture::create(dir.path(), 1, wire).expect("a file");
        assert!(feed.bytes.slots() >= 2 * 48_000 * 4);
    }
}
