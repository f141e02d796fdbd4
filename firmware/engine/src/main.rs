//! The real-time process: moves wire-format audio from the ring to the DAC.
//!
//! Four threads, each with its own rules:
//! - *rt* ([`rt`]): SCHED_FIFO on its own core; moves frames; allocates, locks and logs nothing;
//! - *control* ([`control`], the main thread): the socket, requests, logs;
//! - *follower* ([`certificate`]): hashes what was played;
//! - *device* ([`output::device`]): whatever may wait for hardware: finding, opening, probing, the mixer.
//!
//! What they share is handed over whole, through wait-free queues; figures go into the status page.
#![deny(unsafe_code)]

mod certificate;
mod clock;
mod confine;
mod control;
#[allow(unsafe_code, reason = "stands in front of the C library's allocator")]
mod guard;
mod options;
mod output;
mod rights;
mod rt;
mod rules;
#[cfg_attr(feature = "rtsan", allow(unsafe_code, reason = "stands in front of the C library's ioctl"))]
mod sanitizer;
#[allow(unsafe_code, reason = "system calls without a safe wrapper")]
mod sys;
mod wake;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use ring::StatusWriter;
use tracing_subscriber::EnvFilter;

use certificate::Follower;
use control::{Control, Door, Parts, RingSettings};
use options::{Asked, Options, Sink};
use output::Pacing;
use output::alsa::{AlsaDevice, Choice, Uevents};
use output::device::{self, Device};
use output::sim::SimDevice;
use rt::{Handle, Start, Tuning};
use rules::{Corrected, DacRules};
use wake::Doorbell;

/// Stack of the device thread; with all memory locked it is all there.
const DEVICE_STACK: usize = 512 * 1024;

fn main() -> ExitCode {
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("engine: {error}\nTry engine --help.");
            return ExitCode::from(2);
        }
    };
    if options.check {
        return match dac_rules(&options) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("engine: {error:#}");
                ExitCode::from(2)
            }
        };
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // On the appliance stderr is a pipe that doesn't wait for its reader: a line that it doesn't take is lost, and saying so there
    // would be a panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    log.log_internal_errors(false).init();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    // Blocked before the first thread starts, so that all of them inherit it.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), None).context("can't block signals")?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .context("can't receive signals")?;

    let device = Box::new(Corrected::new(make_device(options)?, dac_rules(options)?));
    let bell = Doorbell::polled().context("can't make an eventfd")?;
    let mut refused: Vec<String> = rights::lock_memory().into_iter().collect();
    let (status, status_file) = StatusWriter::create().context("the status page")?;
    let status = Arc::new(status);
    let start = Start {
        priority: options.priority,
        core: options.core.or_else(|| rights::isolated_core(Path::new("/sys"))),
        control: bell.clone(),
        confine: options.confine,
    };
    let (rt, more) = Handle::spawn(start, Arc::clone(&status)).context("can't start the real-time thread")?;
    refused.extend(more);
    if !refused.is_empty() {
        tracing::warn!("no real-time guarantee, playing as well as it goes; refused: {}", refused.join("; "));
    }

    let group = options.group.as_deref().map(rights::group_id).transpose()?;
    let mut door = Door::open(&options.socket, group)?;
    if let Some(user) = &options.user {
        rights::drop_to(user)?;
        door.belongs_to(rights::own_ids().0);
    }

    let (asks, asked) = channel();
    let (answering, answers) = channel();
    let device_bell = bell.clone();
    std::thread::Builder::new()
        .name("device".into())
        .stack_size(DEVICE_STACK)
        .spawn(move || device::run(device, &asked, &answering, &device_bell))
        .context("can't start the device thread")?;
    let hashing = options.certificate.then(|| Follower::start(Arc::clone(&status)));
    let follower = hashing.transpose().context("can't start the hashing thread")?;
    let uevents = match options.sink {
        Sink::Auto | Sink::Alsa(_) => Uevents::listen(),
        Sink::Null | Sink::File(_) => None,
    };
    tracing::info!("engine {} listens on {}", env!("CARGO_PKG_VERSION"), options.socket.display());
    let tuning =
        Tuning { period_ms: options.period_ms, preroll_ms: options.preroll_ms, dsd_silence_ms: options.dsd_silence_ms };
    let memory = RingSettings::new(options.ring_ms, options.huge_pages);
    Control::new(Parts {
        status,
        status_file,
        door,
        signals,
        bell,
        rt,
        asks,
        answers,
        uevents,
        tuning,
        memory,
        follower,
    })
    .run()
}

fn dac_rules(options: &Options) -> Result<DacRules> {
    let Some(path) = &options.dac_rules else { return DacRules::read(None).map_err(anyhow::Error::msg) };
    let named = || format!("--dac-rules {}", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    DacRules::read(Some(&text)).map_err(anyhow::Error::msg).with_context(named)
}

fn make_device(options: &Options) -> Result<Box<dyn Device>> {
    let alsa = |choice| AlsaDevice::new(choice, options.buffer_ms, options.period_ms);
    let sim = |dir| SimDevice {
        dir,
        accept: options.accept,
        max_rate: options.max_rate,
        speakers: options.speakers,
        pacing: if options.fast { Pacing::Elastic } else { Pacing::Clocked },
        buffer_ms: [options.buffer_ms, options.period_ms],
        opened: 0,
    };
    Ok(match &options.sink {
        Sink::Auto => Box::new(alsa(Choice::Auto)),
        Sink::Alsa(name) => Box::new(alsa(Choice::Named(name.clone()))),
        Sink::Null => Box::new(sim(None)),
        Sink::File(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("can't create {}", dir.display()))?;
            Box::new(sim(Some(dir.clone())))
        }
    })
}
