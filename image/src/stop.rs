//! Ending cleanly on Ctrl-C and SIGTERM: the virtual machine and its network go first.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};

/// Whether somebody wants us to end.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on SIGINT, SIGTERM and SIGHUP only ask to end. To be called before other threads are started.
    ///
    /// # Errors
    /// When signals can't be blocked.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            signals.add(signal);
        }
        signals.thread_block().context("blocking signals")?;
        let flag = Arc::clone(&stop.0);
        let wait = move || {
            // A second signal finds nobody waiting: it is not needed, everybody looks at the flag.
            let _ = signals.wait();
            flag.store(true, Ordering::Relaxed);
        };
        std::thread::Builder::new().name("signals".into()).spawn(wait).context("starting a thread")?;
        Ok(stop)
    }

    /// Whether we are to end.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails if we are to end.
    ///
    /// # Errors
    /// Says `interrupted`.
    pub fn check(&self) -> Result<()> {
        if self.requested() {
            bail!("interrupted");
        }
        Ok(())
    }
}
