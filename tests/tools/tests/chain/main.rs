//! The whole chain on loopback, from the control point to the sink. Needs `engine` and `player` beside `play`:
//! `cargo build --bins -p engine -p player` (`tests/run` does it).
#![forbid(unsafe_code)]

mod common;
mod convert;
mod dsd;
mod ending;
mod formats;
mod gapless;
mod inside;
mod replay_gain;
mod states;
mod trouble;
