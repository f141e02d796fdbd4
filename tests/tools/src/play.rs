//! What `tests/play` does: files through UPnP, HTTP, player, ring and engine into a sink that captures; one report each.
use std::collections::VecDeque;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use support::control_point::{Error as PointError, didl};
use support::media_server::{Conduct, Gate, Hold, MediaServer, mime_of};

use crate::capture::{Ending, Passage};
use crate::chain::{Chain, Setting};
use crate::recover::{OneBitLayout, Shared};
use crate::status::Track;
use verdict::{Evidence, Place};

pub mod options;
mod queue;
mod report;
mod verdict;

pub use report::Report;

/// How long the renderer may take to stop when told to.
const STOPPING: Duration = Duration::from_secs(5);
/// How long the sink's log may lag behind what the renderer says.
const SETTLING: Duration = Duration::from_secs(3);
/// The same, where no frame is expected.
const APPEARING: Duration = Duration::from_millis(100);
/// Pause between two looks at the sink's log.
const GLANCE: Duration = Duration::from_millis(2);
/// Pause between two questions to the renderer, unless the sink's log has moved.
const ASK: Duration = Duration::from_millis(20);
/// With `--fast --gapless`: how long the server keeps back the end of a file that isn't followed by another yet.
const KEEP_BACK: Duration = Duration::from_secs(1);

/// A file, and how it is served.
struct Item {
    file: PathBuf,
    url: String,
    metadata: String,
    /// Opened when the file's successor was named, or need not be.
    gate: Gate,
}

/// How the renderer's work on a file ended, as far as UPnP shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// STOPPED, or the next track, with TransportStatus OK.
    Done,
    /// A UPnP fault, or TransportStatus ERROR_OCCURRED: the words, if there were any.
    Refused(Option<String>),
    /// Anything else: why.
    Broken(String),
}

/// A line being made, and the captured files that nobody needs once it is there.
struct Judging {
    judge: JoinHandle<Report>,
    obsolete: Vec<PathBuf>,
}

/// A run over files.
pub struct Run<'a> {
    setting: Setting,
    timeout: Duration,
    items: Vec<Item>,
    _server: MediaServer,
    out: &'a mut dyn Write,
    chain: Option<Chain>,
    /// How often a chain was started.
    starts: u32,
    /// Passages of the running chain that were reported.
    seen: usize,
    /// Where the last frame of any track went.
    last: Option<Place>,
    /// Lines being made, in order.
    judging: VecDeque<Judging>,
}

impl<'a> Run<'a> {
    /// Prepares everything up to a running chain.
    ///
    /// # Errors
    /// When engine, player or media server can't be started.
    pub fn new(options: &options::Options, setting: Setting, out: &'a mut dyn Write) -> anyhow::Result<Self> {
        let server = MediaServer::start((Ipv4Addr::LOCALHOST, 0).into(), None)
            .context("the media server can't listen on loopback")?;
        let keep_back = setting.fast && options.gapless;
        let items = options.files.iter().enumerate().map(|(index, file)| {
            let last = index + 1 == options.files.len();
            item(&server, file, keep_back && !last)
        });
        let items = items.collect();
        let mut run = Self {
            setting,
            timeout: options.timeout,
            items,
            _server: server,
            out,
            chain: None,
            starts: 0,
            seen: 0,
            last: None,
            judging: VecDeque::new(),
        };
        run.chain()?;
        Ok(run)
    }

    /// Plays each file alone.
    ///
    /// # Errors
    /// When a line can't be written.
    pub fn one_by_one(&mut self) -> anyhow::Result<()> {
        for index in 0..self.items.len() {
            let (outcome, sent_ns) = match self.begin(index) {
                Ok(sent_ns) => (self.wait(), Some(sent_ns)),
                Err(outcome) => (outcome, None),
            };
            self.finish(index, outcome, sent_ns)?;
            self.report(true)?;
        }
        Ok(())
    }

    /// The running chain; a new one if a process of the old one is gone.
    fn chain(&mut self) -> anyhow::Result<&mut Chain> {
        if let Some(chain) = &mut self.chain
            && chain.casualty().is_some()
        {
            self.chain = None;
        }
        match &mut self.chain {
            Some(_) => {}
            none => {
                self.starts += 1;
                self.seen = 0;
                *none = Some(Chain::start(&self.setting, self.starts)?);
            }
        }
        self.chain.as_mut().context("no chain")
    }

    /// SetAVTransportURI and Play; the moment at which Play was sent.
    fn begin(&mut self, index: usize) -> Result<u64, Outcome> {
        let broken = |error: anyhow::Error| Outcome::Broken(format!("{error:#}"));
        let (url, metadata) = {
            let item = &self.items[index];
            (item.url.clone(), item.metadata.clone())
        };
        let chain = self.chain().map_err(broken)?;
        let point = chain.point();
        point.set_uri(&url, &metadata).map_err(|e| refusal(&e))?;
        let answer = point.play().map_err(|e| refusal(&e))?;
        Ok(answer.sent_ns)
    }

    /// Waits until the renderer has stopped.
    fn wait(&mut self) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(end) = self.glance(deadline) {
                return end;
            }
            match self.ask() {
                Ok((stopped, outcome)) if stopped => return outcome,
                Ok(_) => {}
                Err(outcome) => return outcome,
            }
        }
    }

    /// Sleeps until the next question is due; an outcome if there is nothing more to ask.
    fn glance(&mut self, deadline: Instant) -> Option<Outcome> {
        let begin = Instant::now();
        while begin.elapsed() < ASK {
            let Some(chain) = &mut self.chain else {
                return Some(Outcome::Broken("nothing is running".into()));
            };
            if let Some(casualty) = chain.casualty() {
                let log = ["engine", "player"].map(|name| chain.log(name)).join("\n");
                eprintln!("{casualty}\n{log}");
                return Some(Outcome::Broken(casualty));
            }
            if Instant::now() >= deadline {
                return Some(self.give_up());
            }
            match chain.capture().refresh() {
                Ok(true) => break,
                Ok(false) => std::thread::sleep(GLANCE),
                Err(error) => return Some(Outcome::Broken(error.to_string())),
            }
        }
        None
    }

    /// Whether the renderer has stopped, and how.
    fn ask(&mut self) -> Result<(bool, Outcome), Outcome> {
        let Some(chain) = &mut self.chain else {
            return Err(Outcome::Broken("nothing is running".into()));
        };
        let transport = match chain.point().transport_info() {
            Ok(transport) => transport,
            // A process that just died is a better reason than the connection that broke.
            Err(error) => {
                std::thread::sleep(Duration::from_millis(50));
                let why = chain.casualty().unwrap_or_else(|| error.to_string());
                return Err(Outcome::Broken(why));
            }
        };
        let stopped = matches!(transport.state.as_str(), "STOPPED" | "NO_MEDIA_PRESENT");
        let outcome = if transport.status == "OK" { Outcome::Done } else { Outcome::Refused(None) };
        Ok((stopped, outcome))
    }

    /// Stops what takes too long; a renderer that won't stop is replaced.
    fn give_up(&mut self) -> Outcome {
        let why = format!("not finished after {} s", self.timeout.as_secs_f64());
        let begin = Instant::now();
        let told = self.chain.as_ref().map(|chain| chain.point().stop());
        let mut stopped = false;
        if let Some(Ok(_)) = told {
            while !stopped && begin.elapsed() < STOPPING {
                std::thread::sleep(ASK);
                stopped = matches!(self.ask(), Ok((true, _)));
            }
        }
        if !stopped {
            self.chain = None;
            return Outcome::Broken(format!("{why}, and Stop had no effect"));
        }
        Outcome::Broken(why)
    }

    /// Gathers what is known about a file's passage and has it judged.
    fn finish(&mut self, index: usize, outcome: Outcome, sent_ns: Option<u64>) -> anyhow::Result<()> {
        let url = self.items[index].url.clone();
        let status = self.chain.as_ref().map(Chain::status).unwrap_or_default();
        let found = status.track(&url).cloned();
        // A player that tells its tracks, but not this one, has never begun it.
        let begun = found.is_some() || status.tracks.is_empty();
        let track = found.unwrap_or_default();
        let patience = if outcome == Outcome::Done { SETTLING } else { APPEARING };
        let passages = if begun { self.passages(&track, patience) } else { Vec::new() };
        let streams = self.chain.as_mut().map(|chain| chain.capture().streams().to_vec());
        let shared = self.shared(&track, &passages);
        let here = Place { start_of_chain: self.starts, passages, streams: streams.unwrap_or_default(), shared };
        let here = Some(here).filter(|here| !here.passages.is_empty());
        let evidence = Evidence {
            file: self.items[index].file.clone(),
            outcome,
            track,
            sent_ns,
            before: self.last.clone(),
            here: here.clone(),
            fast: self.setting.fast,
        };
        let has_frames = |here: &Place| here.frames() != Some(0);
        if let Some(here) = here.filter(has_frames) {
            self.last = Some(here);
        }
        // The next file's gap is looked for in the capture of the last one that has frames.
        let older = self.last.as_ref().map(|last| &last.streams[..last.last().stream]);
        let older = older.filter(|_| !self.setting.keep).unwrap_or_default();
        let obsolete = older.iter().map(|stream| stream.file.clone()).collect();
        self.judging.push_back(Judging { judge: std::thread::spawn(move || evidence.judge()), obsolete });
        self.report(false)
    }

    /// The words that a one-bit track has in common with those before and behind it: one that it begins and doesn't fill up may be
    /// the next one's, if that follows directly.
    fn shared(&mut self, track: &Track, passages: &[Passage]) -> Shared {
        let ([first], Some(bytes)) = (passages, track.frames) else { return Shared::default() };
        let before = self.last.as_ref().map_or(0, |last| last.left_to(self.starts, first));
        let none = Shared { before, behind: 0 };
        let (Some(chain), Some((end, Ending::Mark))) = (self.chain.as_mut(), first.end) else { return none };
        let Some(stream) = chain.capture().streams().get(first.stream).cloned() else { return none };
        let one_bit = track.source.as_ref().is_some_and(crate::status::Source::is_one_bit);
        let Some(layout) = OneBitLayout::of(&stream).filter(|_| one_bit) else { return none };
        let (word, frames) = (layout.word_bytes(), end.saturating_sub(first.start));
        let behind = (before + bytes).saturating_sub(frames * word);
        if behind == 0 || behind >= word {
            return none;
        }
        // The next track's first frame has to be there, for the judge to look at.
        let begin = Instant::now();
        while begin.elapsed() < SETTLING && chain.casualty().is_none() {
            let _ = chain.capture().refresh();
            let is_next =
                |next: &Passage| (next.stream, next.start) == (first.stream, end) && next.track != first.track;
            let written =
                std::fs::metadata(&stream.file).map_or(0, |raw| raw.len() / layout.frame_bytes(&stream).max(1));
            if chain.capture().passages().iter().any(is_next) && written > end {
                return Shared { before, behind };
            }
            std::thread::sleep(GLANCE);
        }
        none
    }

    /// Prints the lines that are ready, in order; or all of them.
    fn report(&mut self, all: bool) -> anyhow::Result<()> {
        while let Some(first) = self.judging.pop_front() {
            if !all && !first.judge.is_finished() {
                self.judging.push_front(first);
                break;
            }
            let report = first.judge.join();
            let report = report.map_err(|_| anyhow::anyhow!("a judge has panicked"))?;
            for file in first.obsolete {
                // Captures are large; one that is gone already is as good.
                let _ = std::fs::remove_file(file);
            }
            serde_json::to_writer(&mut *self.out, &report)?;
            self.out.write_all(b"\n")?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// The passages of a track: by its number, else of the first one that wasn't asked for. Waits for the first to appear, then for the last
    /// one to end, and for another if that doesn't make the track's length.
    fn passages(&mut self, track: &Track, patience: Duration) -> Vec<Passage> {
        let seen = self.seen;
        let Some(chain) = self.chain.as_mut() else { return Vec::new() };
        let begin = Instant::now();
        loop {
            // An unreadable log was reported where it was waited for.
            let _ = chain.capture().refresh();
            let new = chain.capture().passages().get(seen..).unwrap_or_default();
            let id = track.id.or_else(|| new.first().map(|passage| passage.track));
            let found: Vec<_> = new.iter().filter(|passage| Some(passage.track) == id).cloned().collect();
            let end = new.iter().rposition(|passage| Some(passage.track) == id).map_or(0, |last| last + 1);
            let limit = match verdict::frames(&found) {
                _ if found.is_empty() => patience,
                None => SETTLING,
                // Of what is converted the sink has other numbers: then this waits in vain.
                Some(frames) if track.frames.is_some_and(|whole| frames < whole) => APPEARING,
                Some(_) => Duration::ZERO,
            };
            if begin.elapsed() >= limit || chain.casualty().is_some() {
                self.seen += end;
                return found;
            }
            std::thread::sleep(GLANCE);
        }
    }
}

/// Serves a file under a URL of its own.
fn item(server: &MediaServer, file: &Path, keep_back: bool) -> Item {
    let gate = Gate::default();
    let size = std::fs::metadata(file).map_or(0, |data| data.len());
    let hold = Hold { at: size - size / 4, begins_below: size / 2, gate: gate.clone(), limit: KEEP_BACK };
    let conduct = Conduct { hold: keep_back.then_some(hold), ..Conduct::default() };
    let url = server.add_with(file, conduct);
    let title = file.file_name().unwrap_or_default().to_string_lossy();
    let mime = mime_of(file).unwrap_or("application/octet-stream");
    Item { metadata: didl(&title, mime, &url), file: file.to_path_buf(), url, gate }
}

/// What a failed action means for its file.
fn refusal(error: &PointError) -> Outcome {
    match error {
        PointError::Fault { .. } => Outcome::Refused(Some(error.to_string())),
        _ => Outcome::Broken(error.to_string()),
    }
}
