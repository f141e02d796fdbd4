//! `image/run`: builds the appliance's image, boots it in QEMU and plays to it.
#![forbid(unsafe_code)]
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use image::build::{self, Built};
use image::cache::Cache;
use image::command::progress;
use image::play::Player;
use image::report::Report;
use image::session::{self, Options, Session};
use image::stop::Stop;
use image::track::Track;
use image::{capture, network, proxy, survival, track};
use lexopt::prelude::*;

/// A run in which the sound card ran dry is repeated so often at most.
const ATTEMPTS: u32 = 3;

const HELP: &str = "\
Builds the appliance's image, boots it in QEMU through UEFI, and shows that it plays.

usage: image/run [--once | --kill | --build] [--port N] [--memory MIB] [--shell]

  --once        play a FLAC file over HTTP, compare what the sound card received with the decoded file, report, end.
                The last line is the report as JSON. Exit 0: equal; 1: not equal; 2: could not build or boot.
  --kill        kill each process of the appliance while it plays; each has to come back, and the music with it.
                Boots a copy with a shell as --shell does; last line and exit code as with --once
  --build       build the image, print where it is, and end
  --port N      the port of 127.0.0.1 at which the page answers; default: any free one
  --memory MIB  of the virtual machine; default 256
  --shell       boot a copy that has a shell on a second serial port (a release has none); its socket is printed
  --help        this text
  --version     the version

Otherwise the appliance stays up until Ctrl-C; its addresses are printed.
What is missing on Debian 12 or 13 is installed first (image/setup); TENUTO_SETUP=skip leaves that out.
Everything built is kept under ~/.cache/tenuto (or $XDG_CACHE_HOME/tenuto), with logs in its directory `log`:
serial.log is the guest's console, sound.wav what its sound card received. Removing that directory is safe.
Needs about 6 GB of disk the first time, 10 to 20 minutes; later runs take half a minute. No root rights are needed
beyond installing packages: the guest's network is a namespace of its own.";

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
    let (mode, options) = match arguments() {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return failed(&error),
    };
    match run(mode, options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let code = failed(&error);
            if matches!(mode, Mode::Once | Mode::Kill) {
                println!("{}", serde_json::json!({ "equal": null, "error": format!("{error:#}") }));
            }
            code
        }
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("image/run: {error:#}");
    ExitCode::from(2)
}

/// Reads the command line; nothing if it only asked for a text.
fn arguments() -> Result<Option<(Mode, Options)>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut mode, mut options) = (Mode::Stay, Options { port: 0, memory_mib: 256, shell: false });
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
            Long("shell") => {
                options.shell = true;
                continue;
            }
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            Long("version") => {
                println!("tenuto {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            other => bail!("{} (--help says what there is)", other.unexpected()),
        };
        if mode != Mode::Stay {
            bail!("only one of --once, --kill and --build");
        }
        mode = wanted;
    }
    Ok(Some((mode, options)))
}

/// Does it; whether the bits were equal.
fn run(mode: Mode, options: Options) -> Result<bool> {
    // Before the work, not after it.
    if mode != Mode::Build {
        proxy::listen(options.port)?;
    }
    let cache = Cache::open()?;
    let built = build::all(&cache, &build::repository()?)?;
    if mode == Mode::Build {
        println!("{}", built.disk.display());
        return Ok(true);
    }
    let track = track::make(&cache)?;
    // Both change the process, and want it to have one thread.
    network::become_root_of_a_namespace()?;
    let stop = Stop::on_signals()?;
    match mode {
        Mode::Once => once(&cache, built, &track, options, &stop),
        Mode::Kill => kill(&cache, &built, &track, options, &stop),
        Mode::Stay | Mode::Build => stay(&cache, &built, options, &stop),
    }
}

fn once(cache: &Cache, built: Built, track: &Track, options: Options, stop: &Stop) -> Result<bool> {
    let size = |path: &std::path::Path| std::fs::metadata(path).map(|metadata| metadata.len());
    let mut report = Report {
        image_bytes: size(&built.disk)?,
        slot_bytes: built.slot.bytes()?,
        rootfs_bytes: size(&built.root)?,
        kernel_source: built.kernel.version.clone(),
        ..Report::default()
    };
    for attempt in 1..=ATTEMPTS {
        let (comparison, played, host) = session::boot(cache, &built, options, stop, |mut session: Session| {
            progress("playing a FLAC file over HTTP");
            let player = Player::find(&session.machine, track)?;
            player.start(&session.machine)?;
            let played = player.to_the_end(&mut session.machine, stop)?;
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
        progress("the sound card ran dry: the host was too busy; once more");
    }
    report.build_s = built.took;
    print!("{report}");
    println!("{}", serde_json::to_string(&report)?);
    Ok(report.equal)
}

fn kill(cache: &Cache, built: &Built, track: &Track, options: Options, stop: &Stop) -> Result<bool> {
    let options = Options { shell: true, ..options };
    let found = session::boot(cache, built, options, stop, |session: Session| {
        progress("killing player, engine and agent while they play (two minutes)");
        survival::try_it(session, track, stop)
    })?;
    for fault in &found.faults {
        println!("{fault}");
    }
    println!("{}", serde_json::to_string(&found)?);
    Ok(found.survived)
}

fn stay(cache: &Cache, built: &Built, options: Options, stop: &Stop) -> Result<bool> {
    session::boot(cache, built, options, stop, |mut session: Session| {
        let page = &session.page;
        println!("page         {page}");
        println!("description  {page}description.xml");
        if let Some(socket) = &session.shell {
            println!("shell        {} (lines `TOKEN COMMAND`)", socket.display());
        }
        println!("Ctrl-C ends it.");
        while !stop.requested() {
            session.machine.check()?;
            std::thread::sleep(Duration::from_millis(200));
        }
        session.machine.stop()?;
        Ok(true)
    })
}
