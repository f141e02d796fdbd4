//! The player as a process, with a real engine, on loopback: what its own modules' tests can't show.

mod bench;
mod certificate;
mod channels;
mod dac;
mod engine;
mod fake;
mod health;
mod memory;
mod network;
mod raw;
mod session;
mod settings;
mod sources;
mod startup;
