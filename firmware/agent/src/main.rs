//! The only root process: makes the machine ready for engine and player.
fn main() {}
