//! A USB DAC that is a program.
//!
//! A guest's own snd-usb-audio finds it behind QEMU's xHCI, asks it what it can do, sets its clock and sends it music; what
//! arrives is recorded with its time, microframe by microframe, and can be compared with what should have. Which DAC it is,
//! and what is wrong with it, says a small description ([`Model`]); several are built in.
//!
//! The device is apart from how it is connected: [`Device`] answers requests and takes packets, whoever carries them;
//! [`redir`] carries them between it and QEMU.

mod clock;
mod descriptors;
mod device;
mod dop;
mod explain;
mod faults;
mod interrupted;
mod model;
mod record;
pub mod redir;
mod unfilled;

pub use clock::{Drift, bus_time};
pub use device::{Answer, Device, Setup};
pub use dop::{Markers, take_apart};
pub use explain::{Explained, Fault, Kind, Wanted, explain};
pub use faults::{Absence, Hunger, Refusal, Request};
pub use interrupted::{Asked, Fades, Interrupted, Lost, Passage, Piece};
pub use model::{Format, Model, ModelError, Setting, VARIANTS, Volume};
pub use record::{Packet, Record, Sink, Stream};
pub use unfilled::{Microframe, Unfilled};
