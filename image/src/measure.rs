//! `--measure`: the proof of the tuning. In a booted image that plays and is loaded: the engine's wake-ups beside cyclictest's
//! ([`wakeups`]), and what the network's knobs are for ([`datagrams`]).
//!
//! Of an emulated machine the latencies mean nothing: what is judged is that the procedure measures what it says. What isn't
//! emulated is what the kernel has no room for; with the knobs nothing may be dropped.
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use support::decode::Layout;

use crate::build::Built;
use crate::cache::Cache;
use crate::command::progress;
use crate::machine::Sound;
use crate::play::Player;
use crate::session::{self, Options, Session};
use crate::tracks::{Case, Container, Track};

pub mod datagrams;
mod guest;
pub mod wakeups;

use datagrams::Tried;
use guest::Guest;
use wakeups::Wakeups;

/// How long wake-ups are counted, if nothing else is asked for.
pub const LENGTH: Duration = Duration::from_secs(60);
/// The program that receives.
const RECEIVER: &str = "receiver";
/// What is played is so long at most; then it begins again.
const TRACK: Duration = Duration::from_secs(120);
const RATE: u32 = 44_100;
/// MiB of memory for the programs beside what an appliance has.
const MEMORY: u32 = 512;
/// Between undoing the knobs and sending.
const UNDO: &str = "agent knobs --undo >/dev/null && sleep 3";
const APPLY: &str = "agent knobs --apply >/dev/null";

/// What `image/run --measure` found.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// It was a measurement, and with the network's knobs nothing was dropped.
    pub well: bool,
    /// Why not.
    pub faults: Vec<String>,
    /// The engine's beside cyclictest's.
    pub wakeups: Wakeups,
    /// Ten seconds of datagrams.
    pub with_knobs: Tried,
    /// The same without the knobs.
    pub without_knobs: Tried,
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Wakeups { seconds, engine, cyclictest, ratio, load, .. } = &self.wakeups;
        writeln!(f, "{seconds} s under load ({load:?}):")?;
        writeln!(
            f,
            "  the engine's worst wake-up {:.0} µs of {}, {} late by a period; {} xruns",
            engine.worst_us, engine.wakeups, engine.late_by_a_period, engine.xruns
        )?;
        writeln!(f, "  cyclictest's {:.0} µs of {}; ratio {ratio:.2}", cyclictest.worst_us, cyclictest.cycles)?;
        for (how, tried) in [("with", &self.with_knobs), ("without", &self.without_knobs)] {
            writeln!(
                f,
                "{} of {} datagrams {how} knobs: {} without room in the socket, {} in the backlog, {} turns too short; buffer {} KiB",
                tried.received.datagrams,
                tried.sent,
                tried.no_room,
                tried.dropped,
                tried.squeezed,
                tried.received.buffer_bytes >> 10
            )?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "FAULT  {fault}"))
    }
}

/// Boots a copy with a shell, and measures for `length`.
///
/// # Errors
/// When the machine doesn't boot, a program is missing, or one fails.
pub fn run(cache: &Cache, built: &Built, options: Options, length: Duration) -> Result<Measured> {
    ensure!(
        built.base.sysroot().is_none(),
        "--measure takes cyclictest and stress-ng from this machine, which can't run on a {}",
        built.board.name
    );
    let memory_mib = options.memory_mib.max(MEMORY);
    let options = Options { shell: true, sound: Sound::Unheard(RATE), memory_mib, ..options };
    let receiver = session::beside(cache, built, RECEIVER)?;
    session::boot(cache, built, options, |session| measure(session, built, &receiver, length))
}

fn measure(mut session: Session, built: &Built, receiver: &Path, length: Duration) -> Result<Measured> {
    session.announced()?;
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    let ms = u32::try_from((length + Duration::from_secs(60)).min(TRACK).as_millis())?;
    let track = Track::make(Case::pcm(Container::Flac, RATE, 16, 2, Layout::S16).ms(ms), directory.path())?;
    let player = Player::find(&session.machine)?;
    let mut guest = Guest::new(session.shell()?, &player, &built.base, receiver)?;
    let plan = guest.ask("agent plan --json")?;
    let plan: Value = serde_json::from_str(&plan).with_context(|| format!("agent plan --json says {plan}"))?;
    let core = plan["now"]["audio"].as_u64().context("the plan has no core for the engine")?;
    let decoder = plan["now"]["decoder"].as_array().context("the plan has no cores for the player")?;
    let list = decoder.iter().map(Value::to_string).collect::<Vec<_>>().join(",");

    player.start(&session.machine, &track.file)?;
    progress("10 s of datagrams, with the knobs");
    let with_knobs = datagrams::run(&mut guest, &list)?;
    progress("the same without them");
    guest.ask(UNDO)?;
    let without_knobs = datagrams::run(&mut guest, &list)?;
    guest.ask(APPLY)?;
    progress(&format!("measuring wake-ups under load: {} s", length.as_secs()));
    let wakeups = wakeups::run((&mut session.machine, &player, &mut guest), &track.file, (core, &list), length)?;
    session.machine.stop()?;
    let mut faults = with_knobs.faults();
    faults.extend(wakeups.faults(core));
    Ok(Measured { well: faults.is_empty(), faults, wakeups, with_knobs, without_knobs })
}
