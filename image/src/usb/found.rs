//! What `--usb` has found.
use std::fmt::{self, Display, Formatter};
use std::ops::Deref;

use serde::Serialize;

use crate::dropouts::Dropouts;

/// What came of trying something once.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tried {
    /// Frames that came in order.
    pub frames: usize,
    /// What the streams took on the bus, ms.
    pub bus_ms: u64,
    /// What is worth saying of it.
    pub note: String,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// What was tried, and what came of it in the end.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// What it was.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub tried: Tried,
    /// Losses that say only that the machine was too slow.
    pub dropouts: Dropouts,
    /// How often it was tried: again only after those.
    pub attempts: u32,
}

impl Deref for Outcome {
    type Target = Tried;

    fn deref(&self) -> &Tried {
        &self.tried
    }
}

/// What `image/run --usb` found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// Everything was as it has to be.
    pub equal: bool,
    /// What was tried, in order.
    pub outcomes: Vec<Outcome>,
    /// The kernel's source package.
    pub kernel_source: String,
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let Outcome { name, tried, attempts, .. } = outcome;
            let verdict = if tried.faults.is_empty() { "well".to_owned() } else { tried.faults.join("; ") };
            let note = if tried.note.is_empty() { String::new() } else { format!(" ({})", tried.note) };
            writeln!(f, "{name:<44} {:>8} frames: {verdict}{note}, attempt {attempts}", tried.frames)?;
        }
        Ok(())
    }
}
