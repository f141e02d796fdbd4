//! From a resource to the ring: what carries out the transport's effects.
//!
//! One thread per load ([`worker`]) opens, decodes and packs straight into the ring. It may hang in the network as long as it
//! likes: nobody waits for it. [`Deck`] is the side that acts on control points' wishes; it pauses and flushes the ring itself,
//! at once, and takes away a worker's right to write by raising the *generation* that the worker's writes carry.
//! [`link`] keeps the connection to the engine. All three meet in [`Output`], under a lock that is only ever held for moments.

mod convert;
mod deck;
mod error;
mod flow;
mod link;
mod output;
mod replay_gain;
mod report;
mod timeline;
mod worker;

use std::time::Duration;

pub(crate) use deck::Deck;
pub(crate) use error::PlayError;
pub(crate) use link::start as start_link;
pub(crate) use output::Output;
pub(crate) use replay_gain::{Attenuation, ReplayGain};
pub(crate) use report::{Opened, Report};

/// How long an engine may take to come, or to come back, before a track fails for want of it and the log says so. At boot it waits
/// for the knobs, which wait until the player has announced itself: a control point that plays at once is early by seconds.
const ENGINE_PATIENCE: Duration = Duration::from_secs(10);
