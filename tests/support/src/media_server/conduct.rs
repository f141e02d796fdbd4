//! How a server behaves towards one file.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Something that holds back until opened; clones share one state.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    /// Lets everybody through, for good.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open, or until `limit` has passed.
    pub(super) async fn wait(&self, limit: Duration) {
        let mut state = self.0.subscribe();
        // Neither running out of time nor a vanished sender is an error: the bytes go on.
        let _ = tokio::time::timeout(limit, state.wait_for(|open| *open)).await;
    }
}

/// Holds a body back in the middle.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Byte of the file before which to wait.
    pub at: u64,
    /// Only bodies that begin below this byte wait: a reader that looks at a file's end first isn't meant.
    pub begins_below: u64,
    /// What to wait for.
    pub gate: Gate,
    /// How long at most.
    pub limit: Duration,
}

/// How a server behaves towards one file. The default is well.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// Answer every request with this HTTP status and no file.
    pub status: Option<u16>,
    /// The Content-Type; by default the one for the file's name.
    pub mime: Option<String>,
    /// Break the connection before this byte of the file, though Content-Length promised more.
    pub cut_at: Option<u64>,
    /// Wait in the middle.
    pub hold: Option<Hold>,
    /// Answer a Range with the whole file, and say so.
    pub no_ranges: bool,
    /// Don't say how long the file is.
    pub no_length: bool,
}
