//! `--usb`: plays to USB DACs, through the guest's own xHCI and snd-usb-audio, and compares what came over the bus. The DACs are
//! a program ([`usb_dac`]), which takes the place of one after the other in one boot.
use anyhow::{Context, Result};

use crate::build::Built;
use crate::cache::Cache;
use crate::command::progress;
use crate::machine::Sound;
use crate::session::{self, Options, Session};
use crate::{ATTEMPTS, RAN_DRY};

mod album;
mod bench;
mod found;
mod kinds;
mod plug;
mod tracks;

use bench::Bench;
use found::Tried;
pub use found::{Found, Outcome};
use tracks::Tracks;

/// Half a second of silence in front of every stream, for the DAC that needs as long to lock: no rule names it.
const ARGUMENTS: &str = "tenuto.preroll_ms=500";

/// Plays everything, in two boots: with the settings as they come, and with a long pre-roll.
///
/// # Errors
/// When the machine doesn't boot or ends, or a track can't be made.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Found> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    progress("making the tracks");
    let tracks = Tracks::make(directory.path())?;
    let options = Options { sound: Sound::Usb, ..options };
    let mut found = Found { kernel_source: built.kernel.version.clone(), ..Found::default() };
    session::boot(cache, built, options, |session| as_it_comes(session, &tracks, &mut found))?;
    let options = Options { arguments: ARGUMENTS, ..options };
    session::boot(cache, built, options, |session| with_a_pre_roll(session, &tracks, &mut found))?;
    found.equal = found.outcomes.iter().all(|outcome| outcome.faults.is_empty());
    Ok(found)
}

fn as_it_comes(session: Session, tracks: &Tracks, found: &mut Found) -> Result<()> {
    let mut bench = Bench::new(session)?;
    for track in &tracks.formats {
        found.take(&mut bench, &track.name(), |bench| bench.play_one(track))?;
    }
    album::play(&mut bench, tracks, found)?;
    plug::replug(&mut bench, tracks, found)?;
    kinds::play(&mut bench, tracks, found)?;
    bench.end()
}

fn with_a_pre_roll(session: Session, tracks: &Tracks, found: &mut Found) -> Result<()> {
    let mut bench = Bench::new(session)?;
    kinds::lock_slowly(&mut bench, tracks, found)?;
    bench.end()
}

impl Found {
    /// Tries something, again where the machine was too slow for it.
    fn take(&mut self, bench: &mut Bench, name: &str, mut work: impl FnMut(&mut Bench) -> Result<Tried>) -> Result<()> {
        progress(&format!("USB: {name}"));
        for attempts in 1..=ATTEMPTS {
            let before = bench.dropouts()?;
            let tried = work(bench)?;
            let dropouts = bench.dropouts()?.since(before);
            if tried.faults.is_empty() || dropouts == Default::default() || attempts == ATTEMPTS {
                self.outcomes.push(Outcome { name: name.to_owned(), tried, dropouts, attempts });
                break;
            }
            progress(RAN_DRY);
        }
        Ok(())
    }
}
