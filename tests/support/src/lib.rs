//! What tests and the image tool share. Host only: linked into nothing on the appliance.
//!
//! - [`material`]: deterministic test files, made by real encoders.
//! - [`decode`]: reference decoding by independent programs (`flac`, `ffmpeg`).
//! - [`digest`]: the MD5 that a FLAC file's STREAMINFO would hold, and SHA-256 of raw bytes.
//! - [`media_server`]: HTTP with ranges, and the ways in which real servers misbehave.
//! - [`control_point`]: drives a renderer through the third-party `rupnp`.
//! - [`tool`]: runs a host program, with an error that says which package has it.
#![forbid(unsafe_code)]

pub mod control_point;
pub mod decode;
pub mod digest;
pub mod material;
pub mod media_server;
pub mod tool;

/// CLOCK_MONOTONIC in nanoseconds: the clock of the engine's capture log.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // Both parts are non-negative on this clock.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
