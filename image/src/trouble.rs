//! `--trouble`: what goes wrong in a household, one after the other, in a booted image: no network, no sound card, servers and
//! files that aren't there or aren't what they say, a full `/run`, and a sound card that is pulled out. Each has to be named,
//! and nothing may keep the next good track from being played bit for bit.
//!
//! `/run` is the only place on the appliance that its programs write to while they run; the data partition is `--settings`'s.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::build::Built;
use crate::cache::Cache;
use crate::command::progress;
use crate::machine::Sound;
use crate::play::Player;
use crate::session::{self, Options, Session};
use crate::{ATTEMPTS, RAN_DRY, stop};

mod files;
mod found;
mod heard;
mod trial;

use files::Files;
pub use found::{Told, Trouble};
use trial::Trial;

/// What QEMU's USB sound card plays, Hz.
const RATE: u32 = 48_000;
/// What is heard of the good track.
const SOUND: Duration = Duration::from_secs(3);
/// The good track's end: QEMU writes late what is played, and drops what it hasn't written when the card is closed.
const SILENCE: Duration = Duration::from_secs(2);
/// The track during which the card is pulled out: its beginning may be written late, too.
const LONG: Duration = Duration::from_secs(24);
/// What the boot loader says on the console.
const LOADER: &str = "Tenuto: slot";
/// Between two looks at whether something is so.
const TICK: Duration = Duration::from_millis(50);
/// How long anything may take that takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);

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
    let mut trial = Trial::new(session, player, shell, files, found);
    trial.go_wrong()?;
    trial.judge()
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
