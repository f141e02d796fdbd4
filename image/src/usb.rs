//! `--usb`: plays to USB DACs, through the guest's own xHCI and snd-usb-audio, and compares what came over the bus. The DACs are
//! a program ([`usb_dac`]), which takes the place of one after the other in one boot.
use anyhow::{Context, Result};

use crate::ATTEMPTS;
use crate::build::Built;
use crate::cache::Cache;
use crate::command::progress;
use crate::machine::Sound;
use crate::session::{self, Options, Session};
use crate::tracks::Track;

mod album;
mod announced;
mod around;
mod bench;
mod bus;
mod certified;
mod converted;
mod dop;
mod dry;
mod events;
mod fade;
mod faults;
mod figures;
mod found;
mod heard;
mod interrupted;
mod kinds;
mod moments;
mod moves;
mod narrow;
mod pace;
mod parts;
mod plug;
mod position;
mod proved;
mod seams;
mod shipped;
mod stays;
mod still;
mod times;
mod tracks;
mod volume;
pub(crate) mod waits;
mod watch;

use bench::Bench;
pub(crate) use found::Tried;
pub use found::{Excused, Found, Outcome};
use parts::Parts;
use plug::Comes;
use tracks::Tracks;

/// A rule that is mistyped, one for the DAC that needs half a second to lock, and one for the DAC that has fewer bits than it
/// claims.
const ARGUMENTS: &str = "tenuto.dac=usb:1209:7e05,lock-ms=soon tenuto.dac=usb:1209:7e05,lock-ms=500 \
                         tenuto.dac=usb:1209:7e01,bits=24";
/// What the log has to say of the first one.
const REFUSED: &str = "tenuto.dac=usb:1209:7e05,lock-ms=soon is ignored";

/// Plays everything, or the parts whose names contain one of the texts, in three boots: with the settings as they come, but for the
/// card's buffer; with that, too, as it is shipped; and without a DAC at first, with rules of DACs, and a shell to hold the engine up by.
///
/// # Errors
/// When the machine doesn't boot or ends, a track can't be made, or a text is in no part's name.
pub fn run(cache: &Cache, built: &Built, options: Options, only: &[String]) -> Result<Found> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    progress("making the tracks");
    let tracks = Tracks::make(directory.path())?;
    let (mut plain, mut shipped, mut ruled) = (as_it_comes(&tracks)?, shipped::parts(&tracks)?, with_rules(&tracks)?);
    parts::select(&mut [&mut plain, &mut shipped, &mut ruled], only)?;
    let options = Options { sound: Sound::Usb, ..options };
    let mut found = Found { kernel_source: built.kernel.version.clone(), ..Found::default() };
    if !plain.is_empty() {
        session::boot(cache, built, options, |session| try_all(session, plain, &mut found))?;
    }
    if !shipped.is_empty() {
        let options = Options { buffer_ms: session::SHIPPED_BUFFER_MS, ..options };
        session::boot(cache, built, options, |session| try_all(session, shipped, &mut found))?;
    }
    if !ruled.is_empty() {
        let options = Options { arguments: ARGUMENTS, shell: true, plugged: false, ..options };
        session::boot(cache, built, options, |session| try_all(session, ruled, &mut found))?;
    }
    found.equal = found.outcomes.iter().all(|outcome| outcome.faults.is_empty());
    Ok(found)
}

/// What shows that a DAC is what it is said to be.
pub(crate) enum Shows {
    /// A track that it takes as it is.
    Playing(Track),
    /// One in which it falls off the bus and comes back. It comes once more after that.
    Vanishing(Track),
    /// One of which it loses the beginning, as it takes long to lock and there is no rule.
    Losing(Track),
    /// One of a rate that it lists and doesn't go to, and one of the rate that it stays at.
    Staying { listed: Track, own: Track },
}

impl Shows {
    /// What has to arrive whole.
    pub(crate) fn track(&self) -> &Track {
        match self {
            Self::Playing(track) | Self::Vanishing(track) | Self::Losing(track) | Self::Staying { own: track, .. } => {
                track
            }
        }
    }
}

/// Shows the DAC on a machine that goes on after that; what could not be compared is an error apart. One that falls off the bus
/// does so once, and isn't tried again.
///
/// # Errors
/// When the machine doesn't boot, or finds no DAC.
pub(crate) fn show(session: Session, shows: &Shows) -> Result<(Session, Result<Tried>)> {
    let mut bench = Bench::new(session)?;
    let tried = match shows {
        Shows::Playing(track) => return play_on(bench, track),
        Shows::Vanishing(track) => faults::vanishes(&mut bench, track, track).map(|(tried, _)| tried),
        Shows::Losing(track) => kinds::loses(&mut bench, track),
        Shows::Staying { listed, own } => bench
            .wait("no DAC is found", |bench| Ok(!bench.shown()?.is_empty()))
            .and_then(|_| stays::stays(&mut bench, listed, own)),
    };
    Ok((bench.into_session(), tried.map(Tried::judged)))
}

/// Plays one track on a machine that has announced itself and goes on after that; what could not be compared is an error apart.
///
/// # Errors
/// When it finds no DAC.
pub(crate) fn play_announced(session: Session, track: &Track) -> Result<(Session, Result<Tried>)> {
    play_on(Bench::announced(session)?, track)
}

fn play_on(mut bench: Bench, track: &Track) -> Result<(Session, Result<Tried>)> {
    let mut found = Found::default();
    let taken = found.take(&mut bench, &track.name(), |bench| bench.play_one(track));
    let tried = taken.and_then(|()| Ok(found.outcomes.pop().context("nothing was tried")?.tried));
    Ok((bench.into_session(), tried))
}

/// With the settings as they come.
fn as_it_comes(tracks: &Tracks) -> Result<Parts<'_>> {
    let mut parts = Parts::default();
    for track in &tracks.formats {
        parts.add(track.name(), |bench| bench.play_one(track));
    }
    album::add(&mut parts, tracks);
    parts.add("pause, seek and stop in PCM", |bench| interrupted::interrupt(bench, &tracks.long));
    parts.add("pause, seek and stop in DSD", |bench| interrupted::interrupt(bench, &tracks.long_dsd));
    let played = &tracks.agreeing;
    for (what, track) in
        [("48 kHz", &tracks.steady), ("44.1 kHz", &played[0]), ("192 kHz", &played[1]), ("DSD64", &played[2])]
            .into_iter()
            .chain([("768 kHz", &tracks.formats[4]), ("DSD512", &tracks.formats[8])])
    {
        parts.add(format!("what the page says of {what}"), |bench| figures::agree(bench, track, Comes::AsItIs));
    }
    moves::add(&mut parts, tracks);
    let plugs = plug::add(&mut parts, tracks)?;
    parts.behind(&plugs, "found by the kernel's announcement", |bench| announced::all(bench));
    kinds::add(&mut parts, tracks)?;
    faults::add(&mut parts, tracks)?;
    Ok(parts)
}

/// Without a DAC at first, with rules of DACs, and a shell to hold the engine up by.
fn with_rules(tracks: &Tracks) -> Result<Parts<'_>> {
    let mut parts = Parts::default();
    let first = tracks.album.first().context("an album")?;
    let shell = parts.add("the shell of a machine that stays up", shell);
    let late =
        parts.add("booted without a DAC, plugged in after Play", move |bench| plug::late(bench, first, times::FIRST));
    parts.behind(&[late], "and found by the announcement", |bench| announced::all(bench));
    parts.add("a rule that is mistyped", |bench| {
        let said = bench.console().contains(REFUSED);
        let faults = (!said).then(|| format!("the log doesn't say {REFUSED:?}")).into_iter().collect();
        Ok(Tried { faults, ..Tried::default() })
    });
    parts.behind(&[shell, late], "a card that runs dry", |bench| figures::agree_on_xruns(bench, &tracks.steady));
    kinds::lock_slowly(&mut parts, tracks)?;
    let wide = tracks.formats.get(1).context("no track of 96 kHz")?;
    parts.dac("claims-32-bits");
    parts.add("a rule that leaves 24 bits", move |bench| narrow::narrowed(bench, wide, &tracks.deep));
    Ok(parts)
}

/// Tries what is left of the parts.
fn try_all(session: Session, parts: Parts<'_>, found: &mut Found) -> Result<()> {
    let mut bench = Bench::new(session)?;
    parts.try_all(&mut bench, found)?;
    bench.end()
}

/// It is left to who finds the machine up, and its address is said.
fn shell(bench: &mut Bench) -> Result<Tried> {
    let said = bench.addresses();
    let mut tried = Tried::default();
    if !said.lines().any(|line| line.starts_with("shell ")) {
        tried.faults.push(format!("no shell is named: {said}"));
    }
    // It talks to one at a time.
    bench.take_shell()?;
    Ok(tried)
}

impl Found {
    /// Tries something, again where the machine was too slow for it.
    fn take(&mut self, bench: &mut Bench, name: &str, mut work: impl FnMut(&mut Bench) -> Result<Tried>) -> Result<()> {
        progress(&format!("USB: {name}"));
        let mut excused = Vec::new();
        for attempts in 1..=ATTEMPTS {
            bench.forget();
            bench.watch.forget();
            let before = bench.counted()?;
            let mut tried = work(bench)?;
            let mut seen = bench.take_seen();
            let proved = bench.proved(&before, std::mem::take(&mut seen.moments))?;
            tried.bus_ms = u64::try_from(seen.time.as_millis())?;
            tried.unfilled = seen.unfilled;
            tried.faults.extend(seen.faults);
            seen.stills.into_iter().for_each(|(own, text)| tried.doubt(found::Excuse::Held(own), text));
            // What ran dry is judged by what came; here is only that nothing else is empty.
            let xruns = proved.dropouts.xruns;
            if seen.holes.len() as u64 > xruns {
                let holes = seen.holes.join(", ");
                tried.faults.push(format!("microframes came empty, with {xruns} xruns: {holes}"));
            }
            let still = format!("the bus stood still for {} ms at most", seen.longest_wait.as_millis());
            let moments: Vec<_> = proved.moments.iter().map(ToString::to_string).collect();
            let silent = match moments.as_slice() {
                [] => String::new(),
                all => format!("where silence began: {}", all.join(", ")),
            };
            let taken_back = match seen.taken_back.as_slice() {
                [] => String::new(),
                all => format!("transfers taken back: {}", all.join(", ")),
            };
            let without = match seen.without.as_slice() {
                [] => String::new(),
                // On a host that is late by half a millisecond again and again QEMU leaves some out each time.
                [first, ..] => format!("microframes without a packet in {} places, first {first}", seen.without.len()),
            };
            tried.note = [std::mem::take(&mut tried.note), still, silent, taken_back, without]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("; ");
            let excused_now = tried.is_excused(&proved);
            // What was tried again before may be so once more.
            let patient = !excused.is_empty() || self.has_patience();
            let again = excused_now && attempts < ATTEMPTS && patient;
            let mut tried = tried.judged();
            if excused_now && !patient {
                tried.faults.push("it was the machine's pace, as too often in this run".to_owned());
            }
            let dropouts = proved.dropouts;
            let [waited_ms, held_ms] = [proved.waited, proved.held].map(|time| time.as_millis() as u64);
            if !again {
                if !tried.faults.is_empty() {
                    progress(&format!("it failed: {}", tried.faults.join("; ")));
                }
                self.push(Outcome { name: name.to_owned(), tried, dropouts, waited_ms, attempts, excused });
                break;
            }
            progress(&format!("the host was too busy, once more: {}", tried.faults.join("; ")));
            excused.push(Excused { faults: tried.faults, dropouts, waited_ms, held_ms, moments });
        }
        Ok(())
    }
}
