//! The real-time process: moves wire-format audio from the ring to the DAC.
fn main() {}
