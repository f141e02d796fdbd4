//! `image/run`: builds the appliance's image, boots it in QEMU and plays to it.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use image::build::{self, Built};
use image::cache::Cache;
use image::command::progress;
use image::play::Player;
use image::report::Report;
use image::session::{self, Options, Session};
use image::track::Track;
use image::{capture, kernel, network, proxy, stop, survival, track};
use lexopt::prelude::*;

/// A run in which the sound card ran dry is repeated so often at most.
const ATTEMPTS: u32 = 3;

/// Why.
const RAN_DRY: &str = "the sound card ran dry: the host was too busy; once more";

/// Also what image/run prints without building anything.
const HELP: &str = include_str!("../help");

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Boot, and stay until interrupted.
    Stay,
    /// Play once and compare.
    Once,
    /// Kill each process while it plays.
    Kill,
    /// Build only.
    Build,
}

fn main() -> ExitCode {
    let (mode, source, options) = match arguments() {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return failed(&error),
    };
    match run(mode, source, options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => failed(&error),
    }
}

/// Says why; as JSON too where a program waits for that.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("image/run: {error:#}");
    if std::env::args().any(|argument| argument == "--once" || argument == "--kill") {
        // Standard output may be what failed.
        let _ = say(&serde_json::json!({ "equal": null, "error": format!("{error:#}") }).to_string());
    }
    ExitCode::from(2)
}

/// Prints to standard output.
fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output")
}

/// Reads the command line; nothing if it only asked for a text.
fn arguments() -> Result<Option<(Mode, kernel::Source, Options)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut mode, mut source) = (Mode::Stay, kernel::Source::default());
    let mut options = Options { port: 0, memory_mib: 256, shell: false };
    while let Some(argument) = parser.next()? {
        let wanted = match argument {
            Long("once") => Mode::Once,
            Long("kill") => Mode::Kill,
            Long("build") => Mode::Build,
            Long("port") => {
                options.port = parser.value()?.parse()?;
                continue;
            }
            Long("memory") => {
                options.memory_mib = parser.value()?.parse()?;
                continue;
            }
            Long("kernel") => {
                let name = parser.value()?.string()?;
                source = kernel::Source::from_name(&name).context("--kernel takes pinned or stable")?;
                continue;
            }
            Long("shell") => {
                options.shell = true;
                continue;
            }
            Long("help") | Short('h') => {
                say(HELP.trim_end())?;
                return Ok(None);
            }
            Long("version") => {
                say(concat!("tenuto ", env!("CARGO_PKG_VERSION")))?;
                return Ok(None);
            }
            other => bail!("{} (--help says what there is)", other.unexpected()),
        };
        if mode != Mode::Stay {
            bail!("only one of --once, --kill and --build");
        }
        mode = wanted;
    }
    Ok(Some((mode, source, options)))
}

/// Does it; whether the bits were equal.
fn run(mode: Mode, source: kernel::Source, options: Options) -> Result<bool> {
    stop::catch()?;
    // Before the work, not after it.
    if mode != Mode::Build {
        proxy::listen(options.port)?;
    }
    let cache = Cache::open()?;
    let built = build::all(&cache, &build::repository()?, source)?;
    if mode == Mode::Build {
        say(&built.disk.display().to_string())?;
        return Ok(true);
    }
    let track = track::make(&cache)?;
    // It changes the process, and wants it to have one thread.
    network::become_root_of_a_namespace()?;
    match mode {
        Mode::Once => once(&cache, built, &track, options),
        Mode::Kill => kill(&cache, &built, &track, options),
        Mode::Stay | Mode::Build => stay(&cache, &built, options),
    }
}

fn once(cache: &Cache, built: Built, track: &Track, options: Options) -> Result<bool> {
    let size = |path: &std::path::Path| std::fs::metadata(path).map(|metadata| metadata.len());
    let mut report = Report {
        image_bytes: size(&built.disk)?,
        slot_bytes: built.slot.bytes()?,
        rootfs_bytes: size(&built.root)?,
        kernel_source: built.kernel.version.clone(),
        ..Report::default()
    };
    for attempt in 1..=ATTEMPTS {
        let (comparison, played, host) = session::boot(cache, &built, options, |mut session: Session| {
            progress("playing a FLAC file over HTTP");
            let player = Player::find(&session.machine, track)?;
            player.start(&session.machine)?;
            let played = player.to_the_end(&mut session.machine)?;
            let host = session.announcement.after;
            let heard = capture::read_wav(&session.machine.stop()?)?;
            Ok((capture::compare(&heard, &track.samples), played, host))
        })?;
        report.attempts = attempt;
        report.boot_to_ssdp_ms.host = u64::try_from(host.as_millis())?;
        report.take(comparison, &played);
        if report.equal || !report.had_xruns() {
            break;
        }
        progress(RAN_DRY);
    }
    report.build_s = built.took;
    say(&format!("{report}{}", serde_json::to_string(&report)?))?;
    Ok(report.equal)
}

fn kill(cache: &Cache, built: &Built, track: &Track, options: Options) -> Result<bool> {
    let options = Options { shell: true, ..options };
    let mut found = survival::Survival::default();
    for attempt in 1..=ATTEMPTS {
        found = session::boot(cache, built, options, |session: Session| {
            progress("killing player, engine and agent while they play (two minutes)");
            survival::try_it(session, track)
        })?;
        found.attempts = attempt;
        if found.survived || found.xruns == 0 {
            break;
        }
        progress(RAN_DRY);
    }
    let faults: String = found.faults.iter().map(|fault| format!("{fault}\n")).collect();
    say(&format!("{faults}{}", serde_json::to_string(&found)?))?;
    Ok(found.survived)
}

fn stay(cache: &Cache, built: &Built, options: Options) -> Result<bool> {
    session::boot(cache, built, options, |mut session: Session| {
        let page = &session.page;
        say(&format!("page         {page}\ndescription  {page}description.xml"))?;
        if let Some(socket) = &session.shell {
            say(&format!("shell        {} (lines `TOKEN COMMAND`)", socket.display()))?;
        }
        say("Ctrl-C ends it.")?;
        while !stop::requested() {
            session.machine.check()?;
            std::thread::sleep(Duration::from_millis(200));
        }
        session.machine.stop()?;
        Ok(true)
    })
}
