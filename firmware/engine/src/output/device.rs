//! The device side of an output: finding it, probing it, opening it, its mixer. Everything here may allocate and wait,
//! and runs on a thread of its own, because a DAC may take 20 s to refuse a rate.

use std::sync::mpsc::{Receiver, Sender};

use pcm::{Caps, Wire};
use ring::message::{Refused, Volume};

use super::Output;
use super::sim::Capture;
use crate::rules::Card;
use crate::wake::Doorbell;

/// An output that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Counts the cards that came: what has another number is another card, or the same one plugged in anew, however alike they are.
    pub(crate) number: u64,
    /// Its name for a human.
    pub(crate) name: String,
    /// What rules know it by.
    pub(crate) card: Card,
    /// What it takes.
    pub(crate) caps: Caps,
    /// How long it needs to lock to a stream, ms; 0 if that isn't known.
    pub(crate) lock_ms: u32,
    /// What was found to be wrong with it since it was plugged in; empty if nothing was.
    pub(crate) fault: String,
}

/// What an output tells of its clock while it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It doesn't play now.
    Stopped,
    /// It can't tell, or not yet.
    Nothing,
    /// The rate that it really runs at, Hz.
    Clock(u32),
}

/// An opened output on its way to the real-time thread.
pub(crate) struct Opened {
    /// The output itself.
    pub(crate) output: Box<dyn Output>,
    /// Where a simulated card's log is written.
    pub(crate) capture: Option<Capture>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The kind of reason.
    pub(crate) code: Refused,
    /// The reason.
    pub(crate) text: String,
}

/// A kind of output.
pub(crate) trait Device: Send {
    /// Looks for the output; cheap if it is the same as before.
    fn scan(&mut self) -> Option<Found>;

    /// Where the last look has found none: whether there is one that can't be had at present. Nobody says when it can.
    fn withheld(&self) -> bool {
        false
    }

    /// Opens the output with exactly `wire`.
    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal>;

    /// Sets the output's own volume, or, unless the mode is hardware, puts it out of the way.
    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal>;

    /// What it tells of its clock, which is open.
    fn clock(&mut self) -> Told {
        Told::Nothing
    }

    /// It has acknowledged the rate of `wire` and plays at another. Until it is plugged in anew it hasn't that rate, and `fault` is
    /// what is wrong with it.
    fn disprove(&mut self, _wire: Wire, _fault: &str) {}
}

/// What *control* asks of the device thread.
pub(crate) enum Ask {
    /// Look for the output.
    Scan,
    /// Open it.
    Open(Wire),
    /// Drop what was opened: closing a device may wait.
    Close(Opened),
    /// Set its volume.
    Volume(Volume),
    /// Look at its clock.
    Clock,
    /// Forget this rate of it, for this reason.
    Disprove(Wire, String),
}

/// What the device thread answers: one for each [`Ask`] but `Disprove`.
pub(crate) enum Answer {
    /// To `Scan`.
    Scanned {
        /// The output.
        found: Option<Box<Found>>,
        /// There is none, but [one that can't be had](Device::withheld).
        withheld: bool,
    },
    /// To `Open`.
    Opened(Result<Opened, Refusal>),
    /// To `Close`.
    Closed,
    /// To `Volume`.
    VolumeSet(Volume, Result<(), Refusal>),
    /// To `Clock`.
    Told(Told),
}

/// The device thread. Ends when *control* hangs up.
pub(crate) fn run(mut device: Box<dyn Device>, asks: &Receiver<Ask>, answers: &Sender<Answer>, control: &Doorbell) {
    for ask in asks {
        let answer = match ask {
            Ask::Scan => {
                let found = device.scan().map(Box::new);
                Answer::Scanned { withheld: found.is_none() && device.withheld(), found }
            }
            Ask::Open(wire) => Answer::Opened(device.open(wire)),
            Ask::Close(opened) => {
                drop(opened);
                Answer::Closed
            }
            Ask::Volume(volume) => Answer::VolumeSet(volume, device.set_volume(volume)),
            Ask::Clock => Answer::Told(device.clock()),
            Ask::Disprove(wire, fault) => {
                device.disprove(wire, &fault);
                continue;
            }
        };
        if answers.send(answer).is_err() {
            return;
        }
        control.ring();
    }
}
