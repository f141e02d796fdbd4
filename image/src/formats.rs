//! `--formats`: rates and widths that no emulated sound card takes, through the real ALSA of the booted image. The sound card
//! is the kernel's loopback, whose other end is recorded in the guest.
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use support::decode::Layout;

use crate::build::Built;
use crate::cache::Cache;
use crate::command::progress;
use crate::dropouts::Dropouts;
use crate::machine::Sound;
use crate::play::Player;
use crate::recording::{self, Heard, Wire};
use crate::session::{self, Options, Session};
use crate::shell::Shell;
use crate::tracks::{Case, Container, Track};
use crate::{RAN_DRY, survival};

/// The loopback card, which the slot's arguments leave off. One subdevice, so that both ends always meet.
const ARGUMENTS: &str = "snd_aloop.enable=1 snd_aloop.pcm_substreams=1";
/// How long a sound may take to come, the engine's restart included.
const PATIENCE: Duration = Duration::from_secs(60);
/// A track is played so often at most, again only after dropouts. It takes seconds, and is up to six megabytes a second.
const ATTEMPTS: u32 = 5;
/// Rate and bits of the track during which memory is measured.
const MEASURED: (u32, u16) = (192_000, 24);

/// The 192 kHz track is longer: memory is looked at while it plays. The largest are shorter. The last one ends the engine, so
/// it is the last one.
const CASES: [Case; 11] = [
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S16),
    Case::pcm(Container::Flac, 44_100, 16, 1, Layout::S16),
    Case::pcm(Container::Flac, 96_000, 24, 2, Layout::S24Packed),
    Case::pcm(Container::Flac, MEASURED.0, MEASURED.1, 2, Layout::S24Packed).ms(6000),
    Case::pcm(Container::Flac, 384_000, 32, 2, Layout::S32),
    Case::pcm(Container::Wav, 768_000, 32, 1, Layout::S32).ms(1500),
    Case::pcm(Container::Wav, 768_000, 32, 2, Layout::S32).ms(1500),
    Case::dsd(Container::Dff, 64),
    Case::dsd(Container::Dsf, 512),
    Case::dsd(Container::Dff, 512),
    Case { only: true, ..Case::pcm(Container::Flac, 96_000, 24, 2, Layout::S24) },
];

/// What came of a track.
#[derive(Debug, Serialize)]
pub struct Tried {
    container: Container,
    rate: u32,
    bits: u16,
    channels: u16,
    /// How the sound card was opened.
    wire: Wire,
    /// What arrived is what the file holds.
    equal: bool,
    /// Frames that are equal, from the first one on, in whole blocks unless all are.
    frames: usize,
    fault: Option<String>,
    /// Losses that say only that the machine was too slow: then it is tried again.
    dropouts: Dropouts,
    attempts: u32,
}

/// What `image/run --formats` found.
#[derive(Debug, Default, Serialize)]
pub struct Formats {
    /// Every track arrived bit for bit.
    pub equal: bool,
    /// The tracks, in order.
    pub tracks: Vec<Tried>,
    /// Resident memory of each process while it played 24 bits at 192 kHz, bytes.
    pub rss_bytes: Value,
    /// `/proc/version` of the guest.
    pub kernel: Value,
    /// The kernel's source package.
    pub kernel_source: String,
}

impl Display for Formats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for tried in &self.tracks {
            let Tried { container, rate, bits, channels, wire, frames, attempts, .. } = tried;
            let verdict = tried.fault.as_deref().unwrap_or("equal, every bit");
            let source = format!("{container:?} {rate} Hz, {bits} bits, {channels} ch").to_lowercase();
            writeln!(f, "{source:<34} {:<8} {frames:>8} frames: {verdict} (attempt {attempts})", wire.format)?;
        }
        writeln!(f, "memory at 192/24: {}", self.rss_bytes)
    }
}

/// Plays all tracks in one boot.
///
/// # Errors
/// When the machine doesn't boot or ends, or a track can't be made.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Formats> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    progress("making the tracks");
    let tracks: Vec<Track> = CASES.iter().map(|case| Track::make(*case, directory.path())).collect::<Result<_>>()?;
    let options = Options { shell: true, sound: Sound::Inside, arguments: ARGUMENTS, ..options };
    let mut found = Formats { kernel_source: built.kernel.version.clone(), ..Formats::default() };
    session::boot(cache, built, options, |session| try_all(session, &tracks, &mut found))?;
    found.equal = found.tracks.len() == CASES.len() && found.tracks.iter().all(|tried| tried.equal);
    Ok(found)
}

fn try_all(mut session: Session, tracks: &[Track], found: &mut Formats) -> Result<()> {
    session.announced()?;
    let mut shell = session.shell()?;
    let player = Player::find(&session.machine)?;
    // The network comes before the engine, and a loopback that is being recorded takes nothing but what it is recorded with:
    // an engine that asks it then believes in a card with one format.
    player.card(&session.machine)?;
    for track in tracks {
        let Case { rate, bits, channels, .. } = track.case;
        progress(&format!("playing {rate} Hz, {bits} bits, {channels} channels"));
        let mut attempts = 1;
        let tried = loop {
            let (tried, during) = track.try_once(&mut session, &mut shell, &player, attempts)?;
            if (rate, bits) == MEASURED {
                found.rss_bytes = during["rss_bytes"].clone();
            }
            if tried.equal || tried.dropouts == Dropouts::default() || attempts == ATTEMPTS {
                break tried;
            }
            progress(&format!("{RAN_DRY} ({:?})", tried.dropouts));
            attempts += 1;
        };
        found.tracks.push(tried);
    }
    found.kernel = player.status()?["kernel"].clone();
    session.machine.stop().map(drop)
}

impl Track {
    /// Plays it once; returns what came of it, and the player's status meanwhile.
    fn try_once(
        &self,
        session: &mut Session,
        shell: &mut Shell,
        player: &Player,
        attempts: u32,
    ) -> Result<(Tried, Value)> {
        recording::start(shell, &self.wire, PATIENCE)?;
        if self.case.only {
            // The new one looks again at what the card takes.
            survival::kill(shell, "engine")?;
        }
        player.card(&session.machine)?;
        let before = Dropouts::counted(&player.status()?);
        player.start(&session.machine, &self.file)?;
        let played = player.to_the_end(&mut session.machine, Duration::from_millis(self.case.ms.into()))?;
        let heard = recording::finish(shell, PATIENCE);
        let mut dropouts = Dropouts::counted(&played.after).since(before);
        let (frames, mut fault) = match &heard {
            Ok(heard) => {
                dropouts.overruns = heard.overruns.into();
                heard.compare(&Heard::of(&self.packed, self.frame(), 0))
            }
            Err(error) => (0, Some(format!("{error:#}"))),
        };
        // A renderer that reports an error has not played, whatever was heard.
        fault = played.fault.or(fault);
        let Case { container, rate, bits, channels, .. } = self.case;
        let (equal, wire) = (fault.is_none(), self.wire.clone());
        Ok((Tried { container, rate, bits, channels, wire, equal, frames, fault, dropouts, attempts }, played.during))
    }
}
