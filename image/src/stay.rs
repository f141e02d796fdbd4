//! Without an option that says otherwise: boots the image with a USB DAC that is a program, plays a track to it, shows that
//! what came over the bus is what was sent, and stays up, for whatever a control point sends.
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use support::decode::Layout;
use support::media_server::MediaServer;
use usb_dac::{Device, Format, Model, Setting};

use crate::build::Built;
use crate::cache::{Cache, sha256};
use crate::command::progress;
use crate::listen::Listener;
use crate::machine::Sound;
use crate::network::HOST;
use crate::session::{self, Session};
use crate::tracks::{Case, Container, Track};
use crate::usb::{self, Shows, Tried};
use crate::{stop, track};

/// How long what the machine sent before its end may take to arrive: a file that is on a slow disk takes what comes as it comes.
const ARRIVE: Duration = Duration::from_secs(20);

/// What is asked for beside the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What the DAC receives goes to files; in a directory of the cache if none is named.
    pub listen: Option<Option<PathBuf>>,
    /// The directory whose files the appliance can be told to play.
    pub serve: Option<PathBuf>,
}

impl Wanted {
    /// Whether anything is.
    #[must_use]
    pub fn is_something(&self) -> bool {
        *self != Self::default()
    }

    /// Who listens: to be asked for before the work, not after it.
    ///
    /// # Errors
    /// When nothing can be written there, or nothing can be served from there.
    pub fn prepare(&self, cache: &Cache) -> Result<Option<Listener>> {
        if let Some(directory) = &self.serve {
            std::fs::read_dir(directory).with_context(|| directory.display().to_string())?;
        }
        let directory = self.listen.as_ref().map(|named| named.clone().unwrap_or_else(|| cache.directory("listen")));
        directory.map(|directory| Listener::new(&directory)).transpose()
    }
}

/// Boots, plays, compares, and stays until it is interrupted; whether what came was what was sent.
///
/// # Errors
/// When the machine doesn't boot, finds no DAC, or ends by itself.
pub fn run(
    cache: &Cache,
    built: &Built,
    options: session::Options,
    (wanted, listener): (Wanted, Option<Listener>),
    say: impl Fn(&str) -> Result<()> + Sync,
) -> Result<bool> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    let model = Model::named(options.dac)?;
    let shows = shows(&model, directory.path())?;
    let options = session::Options { sound: Sound::Usb, ..options };
    session::boot(cache, built, options, |session| {
        let dac = session.dac.clone().context("the machine has no USB DAC")?;
        let hears = listener.as_ref().map(|listener| listener.directory().display().to_string());
        if let Some(listener) = listener {
            dac.with(|device| device.listen(Box::new(listener)));
        }
        let (session, played) = usb::show(session, &shows)?;
        stop::check()?;
        let (found, tried) = match &played {
            Ok(tried) => (Shown { model: &model, shows: &shows, tried }.to_string(), Some(tried)),
            Err(error) => (format!("frames       NOT EQUAL: it could not be compared\nfault        {error:#}\n"), None),
        };
        say(found.trim_end())?;
        // It may stay for days.
        dac.with(Device::keep_nothing);
        let music = wanted.serve.map(|root| MediaServer::start(SocketAddr::from((HOST, 0)), Some(&root)));
        let music = music.transpose().context("starting the media server")?;
        say(&addresses(&session, music.as_ref(), hears.as_deref()))?;
        let watched = watch(session);
        // The machine is gone: what it has sent is all there is, once it has arrived.
        if !dac.wait_for_end(ARRIVE) {
            progress("what the machine sent last is still on its way to the DAC: it is not all there");
        }
        dac.with(Device::reset);
        watched.map(|()| tried.is_some_and(|tried| tried.faults.is_empty()))
    })
}

/// What shows this DAC: a track that it takes as it is, and what is wrong with it.
fn shows(model: &Model, directory: &Path) -> Result<Shows> {
    let make = |rate| Track::make(case(model, rate)?, directory);
    let first = *model.rates.first().context("no rate")?;
    if let Some(own) = model.stays_at {
        let listed = model.rates.iter().max().filter(|rate| **rate != own).unwrap_or(&first);
        return Ok(Shows::Staying { listed: make(*listed)?, own: make(own)? });
    }
    let track = make(if model.rates.contains(&track::RATE) { track::RATE } else { first })?;
    Ok(if model.vanishes.is_some() {
        Shows::Vanishing(track)
    } else if model.lock_ms > 0 {
        Shows::Losing(track)
    } else {
        Shows::Playing(track)
    })
}

/// A track in the widest PCM that it takes.
fn case(model: &Model, rate: u32) -> Result<Case> {
    let setting = model.settings.iter().find(|setting| setting.format == Format::Pcm);
    let Setting { bytes, .. } = setting.context("the DAC takes no PCM")?;
    let layout = match bytes {
        2 => Layout::S16,
        3 => Layout::S24Packed,
        _ => Layout::S32,
    };
    Ok(Case::pcm(Container::Flac, rate, 16, 2, layout).ms(u32::try_from(track::LENGTH.as_millis())?))
}

/// What is said to who finds the machine up.
pub(crate) fn addresses(session: &Session, music: Option<&MediaServer>, hears: Option<&str>) -> String {
    let page = &session.page;
    let mut text = format!("page         {page}\ndescription  {page}description.xml\n");
    if let Some(music) = music {
        text +=
            &format!("music        {} and a file's name: its address in the appliance's network\n", music.url_of(""));
    }
    if let Some(directory) = hears {
        text += &format!("listens      {directory}: a file for each stream\n");
    }
    if let Some(socket) = &session.shell {
        text += &format!("shell        {} (lines `TOKEN COMMAND`)\n", socket.display());
    }
    text + "Ctrl-C ends it."
}

/// Until we are to end, or the machine does by itself.
fn watch(mut session: Session) -> Result<()> {
    while !stop::requested() {
        session.machine.check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    session.machine.stop().map(drop)
}

/// What came of the track, for people.
struct Shown<'a> {
    model: &'a Model,
    shows: &'a Shows,
    tried: &'a Tried,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { model, shows, tried } = self;
        let track = shows.track();
        writeln!(f, "DAC          {}, on a USB bus: {} at {} Hz", model.product, track.wire.format, track.wire.rate)?;
        if tried.faults.is_empty() {
            let (digest, total) = (sha256(&track.packed), track.packed.len() / track.frame());
            let came = match (shows, model.plays_bits) {
                (Shows::Playing(_), None) => "equal, every bit".to_owned(),
                (Shows::Playing(_), Some(bits)) => {
                    format!("equal on the bus, every bit, of which the DAC plays the upper {bits}")
                }
                (Shows::Vanishing(_), _) => {
                    "each came, bit for bit, and some twice, where it was gone; then once more, all equal".to_owned()
                }
                (Shows::Losing(_), _) => "equal on the bus, every bit, and the DAC didn't play them all".to_owned(),
                (Shows::Staying { own, .. }, _) => {
                    format!("equal, every bit, at {} Hz, behind what came of another rate", own.wire.rate)
                }
            };
            writeln!(f, "frames       {total}: {came}; SHA-256 {digest}")?;
        } else {
            writeln!(f, "frames       {}: NOT EQUAL", tried.frames)?;
        }
        let note = match shows {
            Shows::Playing(_) | Shows::Losing(_) => "around them",
            Shows::Vanishing(_) => "interrupted",
            Shows::Staying { .. } => "found out",
        };
        writeln!(f, "{note:<12} {}", tried.note)?;
        tried.faults.iter().try_for_each(|fault| writeln!(f, "fault        {fault}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dac_gets_a_track_that_it_takes_as_it_is_and_shows_what_is_wrong_with_it() {
        let directory = tempfile::tempdir().unwrap();
        for (name, _) in usb_dac::VARIANTS {
            let model = Model::named(name).unwrap();
            let shows = shows(&model, directory.path()).unwrap();
            let Case { rate, ms, .. } = shows.track().case;
            assert!(model.rates.contains(&rate) && !model.hangs_at.contains(&rate), "{name}");
            match &shows {
                // So that a second comes before it goes, and the rest when it is back.
                Shows::Vanishing(_) => assert!(model.vanishes.unwrap().after_ms + 1000 < ms, "{name}"),
                Shows::Staying { listed, .. } => {
                    let other = listed.case.rate;
                    assert!(model.stays_at == Some(rate) && other != rate && model.rates.contains(&other), "{name}");
                }
                Shows::Losing(_) => assert!(model.lock_ms > 0, "{name}"),
                Shows::Playing(_) => {
                    assert!(model.vanishes.is_none() && model.stays_at.is_none() && model.lock_ms == 0, "{name}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_equal_is_said_plainly() {
        let directory = tempfile::tempdir().unwrap();
        let model = Model::named("reference").unwrap();
        let shows = shows(&model, directory.path()).unwrap();
        let shown = |faults: Vec<String>| {
            let tried = Tried { frames: 4410, faults, ..Tried::default() };
            Shown { model: &model, shows: &shows, tried: &tried }.to_string()
        };
        let well = shown(Vec::new());
        assert!(well.contains("441000: equal, every bit") && well.contains(&sha256(&shows.track().packed)), "{well}");
        let broken = shown(vec!["7 frames are missing".to_owned()]);
        assert!(broken.contains("NOT EQUAL") && broken.contains("7 frames are missing"), "{broken}");
        assert!(!broken.contains("every bit"), "{broken}");
    }

    #[test]
    fn of_what_was_lost_it_is_not_said_that_all_was_heard() {
        let directory = tempfile::tempdir().unwrap();
        for (name, says) in [
            ("reference", "441000: equal, every bit; SHA"),
            ("vanishes", "441000: each came, bit for bit, and some twice"),
            ("slow-lock", "441000: equal on the bus, every bit, and the DAC didn't play them all"),
            ("claims-32-bits", "441000: equal on the bus, every bit, of which the DAC plays the upper 24"),
            ("stays-at-48k", "480000: equal, every bit, at 48000 Hz, behind what came of another rate"),
        ] {
            let own = directory.path().join(name);
            std::fs::create_dir(&own).unwrap();
            let model = Model::named(name).unwrap();
            let shows = shows(&model, &own).unwrap();
            // Of a DAC that vanishes the track is played twice.
            let tried = Tried { frames: 882_000, ..Tried::default() };
            let shown = Shown { model: &model, shows: &shows, tried: &tried }.to_string();
            assert!(shown.contains(says), "{shown}");
        }
    }
}
