//! Ending cleanly on Ctrl-C and SIGTERM: what was started goes first.
//!
//! Signals are the process's, so this is, too. They are blocked and looked at now and then, without a thread that waits for
//! them: an ordinary user's network needs a process with one thread ([`crate::network`]).
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Where the signals arrive; empty until [`catch`].
static SIGNALS: OnceLock<SignalFd> = OnceLock::new();
/// One has come.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP only ask to end. To be called before other threads are started: they inherit
/// it. Programs that are started don't (the standard library gives them an empty mask).
///
/// # Errors
/// When signals can't be blocked.
pub fn catch() -> Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("blocking signals")?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let file = SignalFd::with_flags(&signals, flags).context("waiting for signals")?;
    // A second call changes nothing.
    let _ = SIGNALS.set(file);
    Ok(())
}

/// Whether signals are looked at here; else they end the process at once.
#[must_use]
pub fn caught() -> bool {
    SIGNALS.get().is_some()
}

/// Whether we are to end.
#[must_use]
pub fn requested() -> bool {
    if SIGNALS.get().is_some_and(|signals| matches!(signals.read_signal(), Ok(Some(_)))) {
        REQUESTED.store(true, Ordering::Relaxed);
    }
    REQUESTED.load(Ordering::Relaxed)
}

/// Fails if we are to end.
///
/// # Errors
/// Says `interrupted`.
pub fn check() -> Result<()> {
    if requested() {
        bail!("interrupted");
    }
    Ok(())
}
