//! CRC-32C (Castagnoli; RFC 3720, section 12.1), as the real-time thread keeps it over what it takes from the ring.

use crate::Cpu;
use crate::kernels::{Checksum, checksum};

/// A checksum under way. How the bytes are cut into calls doesn't matter.
#[derive(Clone, Copy, Debug)]
pub struct Crc32c {
    /// Inverted.
    state: u32,
    kernel: Checksum,
}

impl Crc32c {
    /// Of nothing yet, with the best kernel that `cpu` has.
    #[must_use]
    pub fn new(cpu: Cpu) -> Self {
        Self { state: !0, kernel: checksum(cpu) }
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state = self.kernel.run(self.state, bytes);
    }

    /// The checksum of all bytes so far.
    #[must_use]
    pub const fn value(&self) -> u32 {
        !self.state
    }
}
