//! Host programs behind `tests/play` and `tests/bench`, and the tests that cross crates.
//!
//! - [`chain`]: engine and player as processes on loopback, with a sink that captures.
//! - [`capture`]: what the sink wrote down.
//! - [`recover`]: the source's samples, out of captured bytes.
//! - [`status`]: the player's `/status.json`, as far as it matters here.
//! - [`mod@bench`]: what `tests/bench` measures.
//! - [`on_device`]: what can be found out about a flashed appliance over the network.
//! - [`play`]: files one after the other, or as a gapless queue; one report each.
#![deny(unsafe_code)]

pub mod bench;
pub mod capture;
pub mod chain;
pub mod on_device;
pub mod play;
pub mod recover;
pub mod status;
