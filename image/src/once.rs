//! `--once`: boots the image, plays a track, compares, reports.
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use support::decode::Layout;

use crate::board::Loader;
use crate::build::Built;
use crate::cache::Cache;
use crate::capture::Comparison;
use crate::command::progress;
use crate::machine::Sound;
use crate::play::{self, Played, Player};
use crate::report::{Report, Writes};
use crate::session::{self, Options, Session};
use crate::track::{LENGTH, RATE, Track};
use crate::tracks::{self, Case, Container};
use crate::{ATTEMPTS, RAN_DRY, capture, machine, stop, usb};

/// How long a guest may take to let a disk go; a slot of PCI Express takes five seconds for it.
const GONE: Duration = Duration::from_secs(30);
/// What the agent says of settings that are where they stay; a Pi's kernel knows none of the emulated board's media.
const KEPT: [&str; 4] = ["kept", "made", "repaired", "no_medium"];
/// How long that may take.
const SETTLED: Duration = Duration::from_secs(60);

/// Plays the track, again after xruns.
///
/// # Errors
/// When the machine doesn't boot, or ends.
pub fn run(cache: &Cache, built: &Built, track: &Track, options: Options) -> Result<Report> {
    let size = |path: &Path| fs::metadata(path).map(|file| file.len()).with_context(|| path.display().to_string());
    let mut report = Report {
        image_bytes: size(&built.disk)?,
        slot_bytes: built.slot.bytes()?,
        rootfs_bytes: size(&built.root)?,
        kernel_source: built.kernel.version.clone(),
        build_s: built.took,
        ..Report::default()
    };
    // A Pi has no sound card that QEMU could be: its DAC is on the USB.
    let usb = built.board.loader == Loader::Pi;
    let options = Options { sound: if usb { Sound::Usb } else { Sound::Board(RATE) }, ..options };
    for attempt in 1..=ATTEMPTS {
        report.attempts = attempt;
        session::boot(cache, built, options, |session| {
            if usb { play_to_usb(session, &mut report) } else { play_once(session, track, options.pull, &mut report) }
        })?;
        if report.equal || !report.had_xruns() {
            break;
        }
        progress(RAN_DRY);
    }
    Ok(report)
}

fn play_once(mut session: Session, track: &Track, pull: bool, report: &mut Report) -> Result<()> {
    let announcement = session.announced()?;
    report.boot_to_ssdp_ms.host = u64::try_from(announcement.after.as_millis())?;
    // From here on it has booted: what goes wrong now is in the report.
    if let Err(error) = compare(session, track, pull, report) {
        stop::check()?;
        report.refuse(&error);
    }
    Ok(())
}

/// The same through the USB's driver, to a DAC that takes the file's words as 32 bits.
fn play_to_usb(mut session: Session, report: &mut Report) -> Result<()> {
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    let case = Case::pcm(Container::Flac, RATE, 16, 2, Layout::S32).ms(u32::try_from(LENGTH.as_millis())?);
    let track = tracks::Track::make(case, directory.path())?;
    let announcement = session.announced()?;
    report.boot_to_ssdp_ms.host = u64::try_from(announcement.after.as_millis())?;
    let announced = settled(&mut session)?;
    let (mut session, tried) = usb::play_announced(session, &track)?;
    let played = tried.and_then(|tried| {
        let writes = Writes::between(announced, session.machine.writes()?);
        let after = Player::find(&session.machine)?.status()?;
        let comparison =
            Comparison { equal: tried.faults.is_empty(), frames: tried.frames, fault: tried.faults.first().cloned() };
        report.take(comparison, &Played { during: after.clone(), after, fault: None }, writes);
        Ok(())
    });
    if let Err(error) = played {
        stop::check()?;
        report.refuse(&error);
    }
    session.machine.stop().map(drop)
}

fn compare(mut session: Session, track: &Track, pull: bool, report: &mut Report) -> Result<()> {
    let announced = settled(&mut session)?;
    progress("playing a FLAC file over HTTP");
    let player = Player::find(&session.machine)?;
    player.start(&session.machine, &track.file)?;
    // Of a disk that is gone nobody counts the writes any more.
    let pulled = pull.then(|| pull_out(&mut session)).transpose()?;
    let played = player.to_the_end(&mut session.machine, LENGTH)?;
    play::tail();
    let writes = Writes::between(announced, pulled.map_or_else(|| session.machine.writes(), Ok)?);
    let heard = capture::read_wav(&session.machine.stop()?)?;
    report.take(capture::compare(&heard, &track.samples), &played, writes);
    Ok(())
}

/// What has been written when the agent has its settings where it keeps them: a first start makes a file system for them, behind the
/// first announcement.
///
/// # Errors
/// When that takes too long.
fn settled(session: &mut Session) -> Result<machine::Writes> {
    let player = Player::find(&session.machine)?;
    let start = Instant::now();
    loop {
        let all = player.diagnostics()?;
        if KEPT.iter().any(|kept| all["system"]["settings"]["keeping"] == *kept) {
            return session.machine.writes();
        }
        stop::check()?;
        session.machine.check()?;
        if start.elapsed() > SETTLED {
            bail!("the settings are not kept within {} s; {}", SETTLED.as_secs(), session.machine.last_words());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Pulls the disk out after a quarter of the track, and waits until it is gone; returns what had been written to it.
fn pull_out(session: &mut Session) -> Result<machine::Writes> {
    std::thread::sleep(LENGTH / 4);
    let written = session.machine.writes()?;
    progress("pulling the disk out while it plays");
    session.machine.pull_disk()?;
    let asked = Instant::now();
    while session.machine.has_disk()? {
        stop::check()?;
        if asked.elapsed() > GONE {
            bail!("the guest has not let the disk go within {} s", GONE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(written)
}
