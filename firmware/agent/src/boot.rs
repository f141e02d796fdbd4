//! Which slot runs, which one is tried next, and which one stays.
//!
//! An update, or another set of kernel arguments, is *tried*: armed for one boot. A trial that comes up well ([`health`]) is
//! committed by the agent ([`keeper`]); whatever else happens to it (a panic, a hang that the hardware watchdog ends, a power
//! cut), the next boot is the committed slot's again. There are no counters, and a healthy boot writes nothing.
//!
//! What is decided is pure ([`state`] for a PC, [`pi::Autoboot`] for a Raspberry Pi) and tested over every order in which
//! things can happen; the two back ends read what it needs and write what it says. Both keep their state in whole sectors of
//! files in the selector partition, which is never mounted ([`selector`]).

mod fat;
mod grub;
mod health;
pub(crate) mod keeper;
mod pc;
mod pi;
mod selector;
mod state;
mod watchdog;

use std::fmt;

use anyhow::{Result, ensure};

use crate::root::Root;

/// One of the two places for the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Slot {
    /// The second partition.
    A,
    /// The third one.
    B,
}

impl Slot {
    /// `a` or `b`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "a" => Some(Self::A),
            "b" => Some(Self::B),
            _ => None,
        }
    }

    /// As in GRUB's environment files and on the kernel's command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// By its partition's number: the selector is the first one.
    pub(crate) fn from_partition(number: u32) -> Option<Self> {
        match number {
            2 => Some(Self::A),
            3 => Some(Self::B),
            _ => None,
        }
    }

    /// Its partition's number.
    pub(crate) fn partition(self) -> u32 {
        match self {
            Self::A => 2,
            Self::B => 3,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the machine has to be restarted for an armed trial to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// In any way: the medium says that there is a trial.
    Plain,
    /// With the word that the Raspberry Pi's firmware waits for; it forgets it with the power.
    Tryboot,
}

/// What every board's boot loader can be asked and told.
pub(crate) trait BootControl {
    /// The slot that runs.
    fn booted(&self) -> Slot;

    /// Whether it was booted by a one-shot trial, committed by now or not.
    fn is_trial(&self) -> bool;

    /// This machine's own arguments of the kernel, as they are committed.
    ///
    /// # Errors
    /// The medium isn't there, or this isn't where they are kept.
    fn arguments(&self) -> Result<String>;

    /// The next boot tries `slot`, with `arguments` for the kernel in place of this machine's own; None keeps those. Returns
    /// how to restart.
    ///
    /// # Errors
    /// An uncommitted trial runs, the arguments don't fit, or the medium isn't there.
    fn arm(&self, slot: Slot, arguments: Option<&str>) -> Result<Restart>;

    /// What runs is what is booted from now on. Also mends the state's copies, if one was damaged. Returns how many sectors
    /// were written; none if all is as it should be.
    ///
    /// # Errors
    /// The medium isn't there, or isn't the one that this system was booted from.
    fn commit(&self) -> Result<usize>;
}

/// The boot control of the machine; None if it wasn't booted by one (a kernel that was started directly).
pub(crate) fn control(root: &Root) -> Option<Box<dyn BootControl + '_>> {
    match pi::Pi::of(root) {
        Some(pi) => Some(Box::new(pi)),
        None => Some(Box::new(pc::Pc::of(root)?)),
    }
}

/// `agent try`: arms a trial and restarts the machine into it.
///
/// # Errors
/// As [`BootControl::arm`], and when the machine doesn't restart.
pub(crate) fn try_slot(root: &Root, slot: Slot, arguments: Option<&str>) -> Result<()> {
    let control = control(root);
    let control = control.ok_or_else(|| anyhow::anyhow!("this system was not booted from a slot"))?;
    let restart = control.arm(slot, arguments)?;
    ensure!(root.is_machine(), "armed, but this is not the machine itself: not restarted");
    tracing::info!("slot {slot} is tried at the next boot; restarting");
    keeper::restart(restart)
}
