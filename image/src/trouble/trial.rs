//! The troubles of one boot, one after the other.
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use support::control_point::{Error, didl};

use super::files::{Files, frames};
use super::found::{Told, Trouble};
use super::heard::{Piece, has_come, judge};
use super::{PATIENCE, SILENCE, SOUND, TICK, wait};
use crate::command::progress;
use crate::network::HOST;
use crate::play::Player;
use crate::session::Session;
use crate::shell::Shell;
use crate::{capture, stop, survival};

/// UPnP AVTransport:1, table 2-17: transition not available.
const NOT_AVAILABLE: u16 = 701;
/// How much later than it is played a busy host may write what was played.
const LATE: Duration = Duration::from_secs(20);
/// Takes what is left of `/run`; succeeds if then nothing more can be written.
const FILL: &str = "dd if=/dev/zero of=/run/full bs=64k; ! echo more >/run/tenuto/more";

/// One boot, with what it has found so far.
pub(super) struct Trial<'a> {
    session: Session,
    player: Player,
    shell: Shell,
    files: &'a Files,
    found: Trouble,
    /// Of each sound card: where its sound goes, and what has to be in there.
    recordings: Vec<(PathBuf, Vec<Piece>)>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(session: Session, player: Player, shell: Shell, files: &'a Files, found: Trouble) -> Self {
        Self { session, player, shell, files, found, recordings: Vec::new() }
    }

    /// All of them.
    ///
    /// # Errors
    /// When the machine ends, or the renderer doesn't answer any more.
    pub(super) fn go_wrong(&mut self) -> Result<()> {
        self.nothing_to_play()?;
        let good = self.player.serve(&self.files.good);
        self.refused("no sound card", &good, &["DAC"])?;
        self.found.card_to_page_ms = self.plug()?;
        self.play_well("after the sound card came")?;
        // A port at which nobody listens: it was free a moment ago.
        let closed = TcpListener::bind((HOST, 0)).and_then(|listener| listener.local_addr()).context("a free port")?;
        self.refused("no server", &format!("http://{closed}/a.flac"), &["reached"])?;
        self.play_well("after a server that isn't there")?;
        let absent = self.player.serve(&self.files.absent);
        self.refused("no such file", &absent, &["404"])?;
        self.play_well("after a file that isn't there")?;
        let truncated = self.player.serve(&self.files.truncated);
        self.expect(Piece::Part);
        self.refused("a truncated file", &truncated, &["truncated"])?;
        self.await_recording(true)?;
        self.play_well("after a truncated file")?;
        let text = self.player.serve(&self.files.text);
        self.refused("a text file called .flac", &text, &["not recognised as audio"])?;
        self.play_well("after a text file")?;
        self.full_run()?;
        self.unplug(&good)?;
        self.plug()?;
        self.play_well("after the sound card came back")
    }

    /// What can't be done now is refused at once, by UPnP's own error.
    fn nothing_to_play(&mut self) -> Result<()> {
        let what = "nothing to play";
        progress(&format!("playing: {what}"));
        match self.player.renderer().play() {
            Err(Error::Fault { code: NOT_AVAILABLE, text, .. }) => {
                self.found.told.push(Told { what, upnp: NOT_AVAILABLE.to_string(), reason: text });
            }
            Err(Error::Fault { code, text, .. }) => {
                self.found.faults.push(format!("{what}: UPnP error {code} ({text}), not {NOT_AVAILABLE}"));
            }
            Err(error) => return Err(error).context(what),
            Ok(_) => self.found.faults.push(format!("{what}: Play is not refused")),
        }
        Ok(())
    }

    /// The sound card comes; returns after how long the page shows it, ms.
    fn plug(&mut self) -> Result<u64> {
        progress("plugging a USB sound card in");
        let plugged = Instant::now();
        let file = self.session.machine.plug_dac()?;
        self.recordings.push((file, Vec::new()));
        self.player.card(&self.session.machine)?;
        let shown = plugged.elapsed();
        // What the card can is asked a moment later; a volume that was set before that would not be the card's.
        let player = &self.player;
        wait(&mut self.session, "the sound card's mixer isn't found", |_| {
            Ok(player.status()?["volume"]["mode"] == "hardware")
        })?;
        Ok(u64::try_from(shown.as_millis())?)
    }

    /// All programs have to start again though nothing can be written.
    fn full_run(&mut self) -> Result<()> {
        progress("filling /run, and killing every program");
        if self.shell.run(FILL, PATIENCE)?.status != 0 {
            bail!("/run can't be filled");
        }
        // The engine's counters die with it.
        self.count_xruns()?;
        for name in ["engine", "player", "agent"] {
            survival::kill(&mut self.shell, name)?;
        }
        let player = &self.player;
        wait(&mut self.session, "with a full /run the player finds no sound card", |_| {
            Ok(player.status().is_ok_and(|status| status["volume"]["mode"] == "hardware"))
        })?;
        self.play_well("with a full /run")?;
        self.shell.run("rm /run/full", PATIENCE)?;
        Ok(())
    }

    /// The sound card goes while it plays.
    fn unplug(&mut self, good: &str) -> Result<()> {
        progress("pulling the sound card out while it plays");
        self.player.start(&self.session.machine, &self.files.long)?;
        self.expect(Piece::Part);
        self.await_recording(false)?;
        self.session.machine.unplug_dac()?;
        self.error_occurred("the sound card pulled out", &["unplugged"])?;
        let player = &self.player;
        wait(&mut self.session, "the page still shows the sound card that is gone", |_| {
            Ok(player.status()?["engine"]["output"].as_str().is_none_or(str::is_empty))
        })?;
        self.refused("no sound card any more", good, &["unplugged", "DAC"])?;
        if !String::from_utf8_lossy(&self.player.renderer().fetch("/")?).contains("<html") {
            self.found.faults.push("the page is no page any more".into());
        }
        Ok(())
    }

    /// Tries to play what can't be played; the reason has to hold one of `words`. Play itself is always answered well: what
    /// comes of it takes longer than a control point waits.
    fn refused(&mut self, what: &'static str, uri: &str, words: &[&str]) -> Result<()> {
        progress(&format!("playing: {what}"));
        let renderer = self.player.renderer();
        renderer.set_uri(uri, &didl(what, "audio/flac", uri)).and_then(|_| renderer.play()).context(what)?;
        self.error_occurred(what, words)
    }

    /// Waits for ERROR_OCCURRED and a transport that is at rest; the page has to say why, with one of `words`.
    fn error_occurred(&mut self, what: &'static str, words: &[&str]) -> Result<()> {
        let player = &self.player;
        let mut upnp = String::new();
        wait(&mut self.session, &format!("{what}: no ERROR_OCCURRED, or no rest after it"), |_| {
            let transport = player.renderer().transport_info()?;
            upnp = transport.status;
            Ok(upnp == "ERROR_OCCURRED" && transport.state == "STOPPED")
        })?;
        let reason = player.status()?["transport"]["error"].as_str().unwrap_or_default().to_owned();
        if !words.iter().any(|word| reason.contains(word)) {
            self.found.faults.push(format!("{what}: {reason:?} doesn't say what it is"));
        }
        self.found.told.push(Told { what, upnp, reason });
        Ok(())
    }

    fn play_well(&mut self, when: &str) -> Result<()> {
        progress(&format!("playing a good track {when}"));
        self.player.start(&self.session.machine, &self.files.good)?;
        let played = self.player.to_the_end(&mut self.session.machine, SOUND + SILENCE)?;
        self.found.faults.extend(played.fault.map(|fault| format!("{when}: {fault}")));
        self.expect(Piece::Whole);
        self.await_recording(true)
    }

    fn expect(&mut self, piece: Piece) {
        if let Some((_, expected)) = self.recordings.last_mut() {
            expected.push(piece);
        }
    }

    /// Waits until the file of the sound card that is in has every expected piece; `complete`: the last one to its end. What
    /// QEMU has not written when a card is closed or pulled out is lost.
    fn await_recording(&self, complete: bool) -> Result<()> {
        let start = Instant::now();
        while let Some((file, expected)) = self.recordings.last()
            && start.elapsed() < LATE
            && !capture::read_wav(file).is_ok_and(|heard| has_come(&heard, expected.len(), complete))
        {
            stop::check()?;
            std::thread::sleep(TICK);
        }
        // If it never comes, the judgement says so.
        Ok(())
    }

    fn count_xruns(&mut self) -> Result<()> {
        self.found.xruns += self.player.status()?["engine"]["xruns"].as_u64().unwrap_or(0);
        Ok(())
    }

    /// Switches the machine off and looks at what the sound cards got.
    pub(super) fn judge(mut self) -> Result<Trouble> {
        self.count_xruns()?;
        let Self { session, files, mut found, recordings, .. } = self;
        session.machine.stop()?;
        for (number, (file, expected)) in (1..).zip(&recordings) {
            match judge(&capture::read_wav(file)?, &files.samples, frames(SOUND) as usize, expected) {
                Ok(whole) => found.whole += whole,
                Err(fault) => found.faults.push(format!("sound card {number}: {fault}")),
            }
        }
        found.usable = found.faults.is_empty();
        Ok(found)
    }
}
