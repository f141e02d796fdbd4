//! `--trouble`: what goes wrong in a household, one after the other, in a booted image: no network, no sound card, servers and
//! files that aren't there or aren't what they say, and a sound card that is pulled out. Each has to be named, and nothing
//! may keep the next good track from being played bit for bit.
use std::fmt::{self, Display, Formatter};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use support::control_point::{Error, didl};

use crate::build::Built;
use crate::cache::Cache;
use crate::capture;
use crate::command::progress;
use crate::machine::Sound;
use crate::network::HOST;
use crate::play::Player;
use crate::session::{self, Options, Session};
use crate::{ATTEMPTS, RAN_DRY, stop};

mod files;
mod heard;

use files::Files;
use heard::{Piece, judge};

/// What QEMU's USB sound card plays, Hz.
const RATE: u32 = 48_000;
/// The good track's length.
const LENGTH: Duration = Duration::from_secs(3);
/// What the boot loader says on the console.
const LOADER: &str = "Tenuto: slot";
/// Between two looks at whether something is so.
const TICK: Duration = Duration::from_millis(50);
/// How long anything may take that takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// One thing that went wrong, and what the renderer said about it.
#[derive(Debug, Serialize)]
pub struct Told {
    what: &'static str,
    reason: String,
}

/// What `image/run --trouble` found.
#[derive(Debug, Default, Serialize)]
pub struct Trouble {
    /// Everything was as it has to be.
    pub usable: bool,
    /// From the network's coming to the first SSDP announcement, ms.
    pub link_to_ssdp_ms: u64,
    /// From plugging the sound card in to the renderer's showing it, ms.
    pub card_to_page_ms: u64,
    /// What went wrong on purpose, and how it was named.
    pub told: Vec<Told>,
    /// Times that the good track arrived bit for bit.
    pub whole: usize,
    /// What was wrong.
    pub faults: Vec<String>,
    /// How often the sound card ran dry: then the machine was too slow, and what was heard says nothing.
    pub xruns: u64,
    /// How often it was tried: again only after xruns.
    pub attempts: u32,
    /// The kernel's source package.
    pub kernel_source: String,
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "network     {} ms from the cable to the first SSDP alive", self.link_to_ssdp_ms)?;
        writeln!(f, "sound card  {} ms from its plug to the page", self.card_to_page_ms)?;
        for Told { what, reason } in &self.told {
            writeln!(f, "{what}: {reason}")?;
        }
        writeln!(f, "good tracks {} in between, each equal in every bit", self.whole)?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "FAULT       {fault}"))
    }
}

/// Does it all in one boot, again after xruns.
///
/// # Errors
/// When the machine doesn't boot or ends, or the files can't be made.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Trouble> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    let files = Files::make(directory.path())?;
    let options = Options { shell: true, sound: Sound::Plug, ..options };
    let mut found = Trouble::default();
    for attempt in 1..=ATTEMPTS {
        found = session::boot(cache, built, options, |session| try_it(session, &files))?;
        found.attempts = attempt;
        if found.usable || found.xruns == 0 {
            break;
        }
        progress(RAN_DRY);
    }
    found.kernel_source.clone_from(&built.kernel.version);
    Ok(found)
}

/// One boot, with what it has found so far.
struct Trial<'a> {
    session: Session,
    player: Player,
    files: &'a Files,
    found: Trouble,
    expected: Vec<Piece>,
}

fn try_it(mut session: Session, files: &Files) -> Result<Trouble> {
    progress("booting without network and sound card");
    // Not before the firmware has done its part: it would wait for the cable.
    wait(&mut session, "the boot loader does not begin", |session| Ok(session.machine.console().contains(LOADER)))?;
    session.machine.set_link(false)?;
    let mut shell = session.shell()?;
    let mut found = Trouble::default();
    // All three run, though none has what it is for.
    wait(&mut session, "without a network the programs do not all run", |_| {
        Ok(shell.run("pidof player && pidof engine && pidof agent", PATIENCE)?.status == 0)
    })?;
    if shell.run("ip -4 addr show scope global", PATIENCE)?.text.contains("inet") {
        bail!("the guest has an address, though its cable is out");
    }
    progress("putting the network cable in");
    let plugged = Instant::now();
    session.machine.set_link(true)?;
    session.announced()?;
    found.link_to_ssdp_ms = u64::try_from(plugged.elapsed().as_millis())?;
    let player = Player::find(&session.machine)?.that_hears_faults()?;
    let mut trial = Trial { session, player, files, found, expected: Vec::new() };
    trial.go_wrong()?;
    let Trial { session, mut found, expected, .. } = trial;
    let heard = capture::read_wav(&session.machine.stop()?)?;
    match judge(&heard, &files.samples, &expected) {
        Ok(whole) => found.whole = whole,
        Err(fault) => found.faults.push(fault),
    }
    found.usable = found.faults.is_empty();
    Ok(found)
}

/// Waits until something is so.
fn wait(session: &mut Session, not: &str, mut so: impl FnMut(&mut Session) -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !so(session)? {
        stop::check()?;
        session.machine.check()?;
        if start.elapsed() > PATIENCE {
            bail!("{not}; {}", session.machine.last_words());
        }
        std::thread::sleep(TICK);
    }
    Ok(())
}

impl Trial<'_> {
    fn go_wrong(&mut self) -> Result<()> {
        let good = self.player.serve(&self.files.good);
        self.refused("no sound card", &good, &["sound card", "DAC", "output"])?;
        progress("plugging a USB sound card in");
        let plugged = Instant::now();
        self.session.machine.plug_dac()?;
        self.player.card(&self.session.machine)?;
        self.found.card_to_page_ms = u64::try_from(plugged.elapsed().as_millis())?;
        // What the card can is asked a moment later; a volume that was set before that would not be the card's.
        let player = &self.player;
        wait(&mut self.session, "the sound card's mixer isn't found", |_| {
            Ok(player.status()?["volume"]["mode"] == "hardware")
        })?;
        self.play_well("after the sound card came")?;
        // A port at which nobody listens: it was free a moment ago.
        let closed = TcpListener::bind((HOST, 0)).and_then(|listener| listener.local_addr()).context("a free port")?;
        self.refused("no server", &format!("http://{closed}/a.flac"), &["refused", "reach"])?;
        self.play_well("after a server that isn't there")?;
        let absent = self.player.serve(&self.files.absent);
        self.refused("no such file", &absent, &["404"])?;
        self.play_well("after a file that isn't there")?;
        let truncated = self.player.serve(&self.files.truncated);
        self.expected.push(Piece::Part);
        self.refused("a truncated file", &truncated, &["truncated"])?;
        self.play_well("after a truncated file")?;
        let text = self.player.serve(&self.files.text);
        self.refused("a text file called .flac", &text, &["audio"])?;
        self.play_well("after a text file")?;
        self.unplug(&good)
    }

    /// The sound card goes while it plays.
    fn unplug(&mut self, good: &str) -> Result<()> {
        progress("pulling the sound card out while it plays");
        self.player.start(&self.session.machine, &self.files.good)?;
        std::thread::sleep(LENGTH / 3);
        self.expected.push(Piece::Part);
        // The engine's counters speak of this stream no more when the card is gone.
        self.count_xruns()?;
        self.session.machine.unplug_dac()?;
        let reason = self.error_occurred()?;
        self.name("the sound card pulled out", reason, &["sound card", "DAC", "output", "device", "USB"]);
        let player = &self.player;
        wait(&mut self.session, "the page still shows the sound card that is gone", |_| {
            Ok(player.status()?["engine"]["output"].as_str().is_none_or(str::is_empty))
        })?;
        self.refused("no sound card any more", good, &["sound card", "DAC", "output"])?;
        if !String::from_utf8_lossy(&self.player.renderer().fetch("/")?).contains("<html") {
            self.found.faults.push("the page is no page any more".into());
        }
        Ok(())
    }

    /// Tries to play what can't be played; the reason has to hold one of `words`.
    fn refused(&mut self, what: &'static str, uri: &str, words: &[&str]) -> Result<()> {
        progress(&format!("playing: {what}"));
        let renderer = self.player.renderer();
        let asked = renderer.set_uri(uri, &didl(what, "audio/flac", uri)).and_then(|_| renderer.play());
        let reason = match asked {
            Ok(_) => self.error_occurred()?,
            Err(Error::Fault { code, text, .. }) => Some(format!("UPnP error {code}: {text}")),
            Err(error) => return Err(error).with_context(|| what.to_owned()),
        };
        self.name(what, reason, words);
        Ok(())
    }

    fn name(&mut self, what: &'static str, reason: Option<String>, words: &[&str]) {
        let Some(reason) = reason else {
            self.found.faults.push(format!("{what}: no error, or one without a reason"));
            return;
        };
        let lower = reason.to_lowercase();
        if !words.iter().any(|word| lower.contains(&word.to_lowercase())) {
            self.found.faults.push(format!("{what}: {reason:?} doesn't say what it is"));
        }
        self.found.told.push(Told { what, reason });
    }

    /// Waits for ERROR_OCCURRED and a transport that is at rest; returns the reason on the page, if there is one.
    fn error_occurred(&mut self) -> Result<Option<String>> {
        let start = Instant::now();
        loop {
            let transport = self.player.renderer().transport_info()?;
            if transport.status == "ERROR_OCCURRED" && transport.state == "STOPPED" {
                let status: Value = self.player.status()?;
                return Ok(status["transport"]["error"].as_str().map(str::to_owned).filter(|text| !text.is_empty()));
            }
            if start.elapsed() > PATIENCE {
                return Ok(None);
            }
            stop::check()?;
            self.session.machine.check()?;
            std::thread::sleep(TICK);
        }
    }

    fn play_well(&mut self, when: &str) -> Result<()> {
        progress(&format!("playing a good track {when}"));
        self.player.start(&self.session.machine, &self.files.good)?;
        let played = self.player.to_the_end(&mut self.session.machine, LENGTH)?;
        self.found.faults.extend(played.fault.map(|fault| format!("{when}: {fault}")));
        self.expected.push(Piece::Whole);
        Ok(())
    }

    fn count_xruns(&mut self) -> Result<()> {
        self.found.xruns = self.player.status()?["engine"]["xruns"].as_u64().unwrap_or(0);
        Ok(())
    }
}
