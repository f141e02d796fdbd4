//! `--usb`: plays to USB DACs, through the guest's own xHCI and snd-usb-audio, and compares what came over the bus. The DACs are
//! a program ([`usb_dac`]), which takes the place of one after the other in one boot.
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use support::decode::Layout;
use usb_dac::redir::Dac;
use usb_dac::{Format, Stream, Wanted, explain};

use crate::build::Built;
use crate::cache::Cache;
use crate::command::progress;
use crate::dropouts::Dropouts;
use crate::machine::Sound;
use crate::play::Player;
use crate::recording;
use crate::session::{self, Options, Session};
use crate::tracks::{Case, Container, Track};
use crate::{ATTEMPTS, RAN_DRY};

/// What is played to the DAC that takes everything.
const CASES: [Case; 9] = [
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S32),
    Case::pcm(Container::Flac, 96_000, 24, 2, Layout::S32),
    Case::pcm(Container::Flac, 192_000, 24, 2, Layout::S32),
    Case::pcm(Container::Flac, 384_000, 32, 2, Layout::S32).ms(1500),
    Case::pcm(Container::Wav, 768_000, 32, 2, Layout::S32).ms(1500),
    Case::dsd(Container::Dsf, 64),
    Case::dsd(Container::Dff, 128),
    Case::dsd(Container::Dsf, 256),
    Case::dsd(Container::Dff, 512),
];

/// What came of a track.
#[derive(Debug, Serialize)]
pub struct Tried {
    container: Container,
    rate: u32,
    bits: u16,
    /// Every frame of the file came over the bus, in order, with nothing but silence around it.
    equal: bool,
    /// Frames that came in order, from the first one on.
    in_order: usize,
    /// Frames of silence before and behind them.
    silence: [usize; 2],
    /// What the stream took on the bus, ms.
    bus_ms: u128,
    /// What is wrong.
    faults: Vec<String>,
    /// Losses that say only that the machine was too slow: then it is tried again.
    dropouts: Dropouts,
    attempts: u32,
}

/// What `image/run --usb` found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// All tracks arrived bit for bit.
    pub equal: bool,
    /// The tracks, in order.
    pub tracks: Vec<Tried>,
    /// `/proc/version` of the guest.
    pub kernel: Value,
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for Tried { container, rate, bits, in_order, silence, faults, attempts, .. } in &self.tracks {
            let verdict = if faults.is_empty() { "equal, every bit".to_owned() } else { faults.join("; ") };
            let source = format!("{container:?} {rate} Hz, {bits} bits").to_lowercase();
            writeln!(f, "{source:<28} {in_order:>8} frames (silence {silence:?}): {verdict} (attempt {attempts})")?;
        }
        Ok(())
    }
}

/// Plays all tracks in one boot.
///
/// # Errors
/// When the machine doesn't boot or ends, or a track can't be made.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Found> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    progress("making the tracks");
    let tracks: Vec<Track> = CASES.iter().map(|case| Track::make(*case, directory.path())).collect::<Result<_>>()?;
    let options = Options { sound: Sound::Usb, ..options };
    let mut found = Found::default();
    session::boot(cache, built, options, |session| try_all(session, &tracks, &mut found))?;
    found.equal = found.tracks.len() == CASES.len() && found.tracks.iter().all(|tried| tried.equal);
    Ok(found)
}

fn try_all(mut session: Session, tracks: &[Track], found: &mut Found) -> Result<()> {
    session.announced()?;
    let dac = session.dac.clone().context("there is no USB DAC")?;
    let player = Player::find(&session.machine)?;
    for track in tracks {
        let Case { rate, bits, .. } = track.case;
        progress(&format!("playing {rate} Hz, {bits} bits"));
        for attempts in 1.. {
            let tried = try_once(track, &mut session, &dac, &player, attempts)?;
            let again = !tried.equal && tried.dropouts != Dropouts::default() && attempts < ATTEMPTS;
            if again {
                progress(RAN_DRY);
                continue;
            }
            found.tracks.push(tried);
            break;
        }
    }
    found.kernel = player.status()?["kernel"].clone();
    session.machine.stop().map(drop)
}

fn try_once(track: &Track, session: &mut Session, dac: &Dac, player: &Player, attempts: u32) -> Result<Tried> {
    let Case { container, rate, bits, ms, .. } = track.case;
    player.card(&session.machine)?;
    dac.with(usb_dac::Device::forget);
    let before = Dropouts::counted(&player.status()?);
    player.start(&session.machine, &track.file)?;
    let played = player.to_the_end(&mut session.machine, Duration::from_millis(ms.into()))?;
    let dropouts = Dropouts::counted(&played.after).since(before);
    let streams = dac.with(|device| device.record().streams().to_vec());
    let mut tried = Tried {
        container,
        rate,
        bits,
        equal: false,
        in_order: 0,
        silence: [0; 2],
        bus_ms: 0,
        faults: Vec::new(),
        dropouts,
        attempts,
    };
    tried.faults.extend(played.fault);
    match streams.as_slice() {
        [stream] => tried.compare(track, stream),
        streams => tried.faults.push(format!("{} streams came over the bus", streams.len())),
    }
    tried.equal = tried.faults.is_empty();
    Ok(tried)
}

impl Tried {
    fn compare(&mut self, track: &Track, stream: &Stream) {
        let raw = track.wire.format.starts_with("DSD");
        if (stream.setting.format == Format::Raw) != raw || stream.rate != track.wire.rate {
            self.faults.push(format!("it came as {:?} at {} Hz", stream.setting, stream.rate));
            return;
        }
        let silence = recording::silence(track.wire.format);
        let found = explain(&stream.bytes, Wanted { bytes: &track.packed, frame: track.frame(), silence });
        (self.in_order, self.silence) = (found.in_order, [found.before, found.behind]);
        self.bus_ms = stream.bus_time().as_millis();
        self.faults.extend(found.faults.iter().map(ToString::to_string));
    }
}
