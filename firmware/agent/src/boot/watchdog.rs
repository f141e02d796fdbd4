//! The hardware watchdog: resets the machine unless it is fed.
//! Source: the kernel's Documentation/watchdog/watchdog-api.rst.
//!
//! It is opened once and never closed in order: an agent that dies leaves it running, and the next one goes on feeding it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
};

use crate::{root::Root, sys};

/// How long a machine that hangs may stay so, seconds. What a chip can't wait for (the Raspberry Pi's waits 15 s at most)
/// stays at the driver's own time.
const TIMEOUT: i32 = 30;

/// The device, open; it bites from now on.
#[derive(Debug)]
pub(super) struct Watchdog(File);

impl Watchdog {
    /// None if this machine has none, which is said.
    pub(super) fn open(root: &Root) -> Option<Self> {
        let file = match OpenOptions::new().write(true).open(root.path("dev/watchdog")) {
            Ok(file) => file,
            Err(error) => {
                tracing::info!("no hardware watchdog ({error}): a kernel that hangs has to be switched off by hand");
                return None;
            }
        };
        match sys::set_watchdog_timeout(&file, TIMEOUT) {
            Ok(seconds) => tracing::info!("the hardware watchdog resets this machine after {seconds} s without a sign"),
            Err(error) => tracing::warn!("the hardware watchdog keeps its own time: {error}"),
        }
        Some(Self(file))
    }

    /// Gives it another [`TIMEOUT`].
    ///
    /// # Errors
    /// The driver's.
    pub(super) fn feed(&mut self) -> io::Result<()> {
        // Any byte but `V`, which would be the word for an orderly close.
        self.0.write_all(b"\0")
    }
}
