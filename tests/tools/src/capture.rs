//! What the engine's `file:DIR` sink wrote down: `sink.jsonl`, one event a line, beside one `NNNN.raw` for each opening.
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A line of the log. Frames count from the raw file's beginning; times are CLOCK_MONOTONIC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Open {
        file: String,
        format: String,
        #[serde(default)]
        dop: bool,
        rate: u32,
        channels: u16,
    },
    Start {
        track: u64,
        frame: u64,
        ns: u64,
    },
    End {
        track: u64,
        frame: u64,
    },
    Flush {
        frame: u64,
    },
    Starved {
        #[serde(rename = "frame")]
        _frame: u64,
    },
    Xrun {
        #[serde(rename = "frame")]
        _frame: u64,
    },
    Close {
        frames: u64,
        scaled: bool,
    },
    /// Lines that a later engine may add.
    #[serde(other)]
    Other,
}

/// One opening of the sink: one raw file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The raw file.
    pub file: PathBuf,
    /// ALSA's name of the sample format.
    pub format: String,
    /// Whether that carries DSD over PCM.
    pub dop: bool,
    /// Frames a second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// All frames that the sink consumed, once it is closed.
    pub frames: Option<u64>,
    /// Whether gain other than 1 was applied, once it is closed.
    pub scaled: Option<bool>,
}

/// How a passage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the track's own end mark.
    Mark,
    /// By a flush: stop, seek or skip.
    Flush,
    /// The sink was closed, or another track began, without an end mark.
    Cut,
}

/// One track's way through the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The player's number for the track.
    pub track: u64,
    /// Index into [`Capture::streams`].
    pub stream: usize,
    /// Its first frame in the raw file.
    pub start: u64,
    /// When that was handed to the sink, CLOCK_MONOTONIC ns.
    pub start_ns: u64,
    /// One past its last frame in the raw file, and why there.
    pub end: Option<(u64, Ending)>,
    /// Underruns of the sink since the track before ended.
    pub xruns: u64,
    /// How often the ring ran dry inside.
    pub starved: u64,
}

/// The log, read as far as it goes.
#[derive(Debug)]
pub struct Capture {
    directory: PathBuf,
    log: Option<File>,
    partial: Vec<u8>,
    streams: Vec<Stream>,
    passages: Vec<Passage>,
    /// Underruns that no passage has been charged with.
    pending_xruns: u64,
}

impl Capture {
    /// Of the sink that writes into `directory`; the log needn't be there yet.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_path_buf(),
            log: None,
            partial: Vec::new(),
            streams: Vec::new(),
            passages: Vec::new(),
            pending_xruns: 0,
        }
    }

    /// Reads what was added to the log; true if that was something.
    ///
    /// # Errors
    /// When the log can't be read, or a whole line isn't understood.
    pub fn refresh(&mut self) -> io::Result<bool> {
        if self.log.is_none() {
            match File::open(self.directory.join("sink.jsonl")) {
                Ok(log) => self.log = Some(log),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let Some(log) = &mut self.log else {
            return Ok(false);
        };
        let before = self.partial.len();
        log.read_to_end(&mut self.partial)?;
        if self.partial.len() == before {
            return Ok(false);
        }
        while let Some(length) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=length).collect();
            let event = serde_json::from_slice(&line).map_err(|error| {
                let line = String::from_utf8_lossy(&line);
                io::Error::other(format!("sink.jsonl: {error}: {}", line.trim_end()))
            })?;
            self.take(event);
        }
        Ok(true)
    }

    /// All openings so far.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// All passages so far, in order.
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Open { file, format, dop, rate, channels } => {
                self.cut();
                self.pending_xruns = 0;
                self.streams.push(Stream {
                    file: self.directory.join(file),
                    format,
                    dop,
                    rate,
                    channels,
                    frames: None,
                    scaled: None,
                });
            }
            Event::Start { track, frame, ns } => {
                if let Some(running) = self.running() {
                    running.end = Some((frame, Ending::Cut));
                }
                if self.streams.is_empty() {
                    return;
                }
                self.passages.push(Passage {
                    track,
                    stream: self.streams.len() - 1,
                    start: frame,
                    start_ns: ns,
                    end: None,
                    xruns: std::mem::take(&mut self.pending_xruns),
                    starved: 0,
                });
            }
            Event::End { track, frame } => {
                if let Some(running) = self.running().filter(|running| running.track == track) {
                    running.end = Some((frame, Ending::Mark));
                }
            }
            Event::Flush { frame } => {
                if let Some(running) = self.running() {
                    running.end = Some((frame, Ending::Flush));
                }
            }
            Event::Starved { .. } => {
                if let Some(running) = self.running() {
                    running.starved += 1;
                }
            }
            Event::Xrun { .. } => match self.running() {
                Some(running) => running.xruns += 1,
                None => self.pending_xruns += 1,
            },
            Event::Close { frames, scaled } => {
                if let Some(stream) = self.streams.last_mut() {
                    stream.frames = Some(frames);
                    stream.scaled = Some(scaled);
                }
                self.cut();
            }
            Event::Other => {}
        }
    }

    /// The passage that has begun and not ended.
    fn running(&mut self) -> Option<&mut Passage> {
        self.passages.last_mut().filter(|passage| passage.end.is_none())
    }

    /// Ends what runs where its stream ended.
    fn cut(&mut self) {
        let frames = self.streams.last().and_then(|stream| stream.frames);
        if let Some(running) = self.running() {
            // A stream that vanished without a close has no known end: the passage then is empty.
            running.end = Some((frames.unwrap_or(running.start), Ending::Cut));
        }
    }
}

#[cfg(test)]
mod tests;
