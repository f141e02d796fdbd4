//! The networks that this machine is in, and being found in them.

mod interfaces;
mod ssdp;
mod station;
mod watch;

pub(crate) use interfaces::Wanted;
pub(crate) use ssdp::{Discovery, Place, Presence};

/// A random number that nothing secret depends on: it spreads answers and announcements in time.
fn random() -> u32 {
    // The low half of a version 4 UUID is random throughout.
    let bits = uuid::Uuid::new_v4().as_u128();
    u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0)
}
