//! CRC-32C: by tables, and with the instructions that x86 and ARM have for it.
//!
//! The instructions take three cycles for eight bytes, but one can begin every cycle: long inputs are cut in three, and the
//! three checksums joined.

use crate::{Cpu, Feature};

/// Takes a state (the inverted checksum) and bytes; returns the next state.
///
/// # Safety
/// The CPU must have the instructions.
type Update = unsafe fn(u32, &[u8]) -> u32;

/// A kernel that computes the checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checksum(Update);

impl Checksum {
    pub(crate) fn run(self, state: u32, bytes: &[u8]) -> u32 {
        // SAFETY: whoever got this from `checksum` showed the CPU.
        unsafe { (self.0)(state, bytes) }
    }
}

/// The best that `cpu` has.
pub(crate) fn checksum(cpu: Cpu) -> Checksum {
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Sse42) {
        return Checksum(sse42);
    }
    #[cfg(target_arch = "aarch64")]
    if cpu.has(Feature::Crc) {
        return Checksum(arm);
    }
    let _ = (cpu, Feature::ALL);
    Checksum(by_table)
}

/// The polynomial, the lowest power at the top.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What a byte does to the state that is `n` bytes further on: eight bytes are looked up at once.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut state = byte as u32;
        let mut n = 0;
        while n < 8 {
            state = shifted(state, 8);
            tables[n][byte] = state;
            n += 1;
        }
        byte += 1;
    }
    tables
};

/// The state so many zero bits later.
const fn shifted(mut state: u32, bits: usize) -> u32 {
    let mut bit = 0;
    while bit < bits {
        state = state >> 1 ^ if state & 1 == 1 { POLYNOMIAL } else { 0 };
        bit += 1;
    }
    state
}

fn by_table(mut state: u32, bytes: &[u8]) -> u32 {
    let look = |table: usize, byte: u32| TABLES[7 - table % 8][(byte & 0xff) as usize];
    let (words, rest) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in words {
        let low = u32::from_le_bytes([a, b, c, d]) ^ state;
        let first = look(0, low) ^ look(1, low >> 8) ^ look(2, low >> 16) ^ look(3, low >> 24);
        state = first ^ look(4, e.into()) ^ look(5, f.into()) ^ look(6, g.into()) ^ look(7, h.into());
    }
    for &byte in rest {
        state = state >> 8 ^ look(7, state ^ u32::from(byte));
    }
    state
}

/// Bytes of each of the three parts.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const PART: usize = 512;

/// What each half-byte of a state becomes [`PART`] zero bytes later.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static LATER: [[u32; 16]; 8] = {
    let mut tables = [[0; 16]; 8];
    let mut bit = 0;
    while bit < 32 {
        let moved = shifted(1 << bit, 8 * PART);
        let mut n = 0;
        while n < 16 {
            if n >> (bit % 4) & 1 == 1 {
                tables[bit / 4][n] ^= moved;
            }
            n += 1;
        }
        bit += 1;
    }
    tables
};

/// A state [`PART`] zero bytes later.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
fn later(state: u32) -> u32 {
    let look = |n: usize| LATER[n % 8][(state >> (4 * n) & 15) as usize];
    look(0) ^ look(1) ^ look(2) ^ look(3) ^ look(4) ^ look(5) ^ look(6) ^ look(7)
}

/// With an instruction for eight bytes and one for a single byte.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! by_instruction {
    ($name:ident, $feature:literal, $state:ty, $eight:path, $one:path) => {
        /// # Safety
        /// The CPU must have the feature.
        #[target_feature(enable = $feature)]
        unsafe fn $name(state: u32, bytes: &[u8]) -> u32 {
            let mut state = state as $state;
            let mut rest = bytes;
            while let Some((parts, behind)) = rest.split_first_chunk::<{ 3 * PART }>() {
                let (mut second, mut third): ($state, $state) = (0, 0);
                let (words, _) = parts.as_chunks::<8>();
                let (a, others) = words.split_at_checked(PART / 8).unwrap_or_default();
                let (b, c) = others.split_at_checked(PART / 8).unwrap_or_default();
                for ((a, b), c) in a.iter().zip(b).zip(c) {
                    state = $eight(state, u64::from_le_bytes(*a));
                    second = $eight(second, u64::from_le_bytes(*b));
                    third = $eight(third, u64::from_le_bytes(*c));
                }
                let two = later(state as u32) ^ second as u32;
                state = (later(two) ^ third as u32) as $state;
                rest = behind;
            }
            let (words, bytes) = rest.as_chunks::<8>();
            for word in words {
                state = $eight(state, u64::from_le_bytes(*word));
            }
            let mut state = state as u32;
            for &byte in bytes {
                state = $one(state, byte);
            }
            state
        }
    };
}

#[cfg(target_arch = "x86_64")]
by_instruction!(sse42, "sse4.2", u64, core::arch::x86_64::_mm_crc32_u64, core::arch::x86_64::_mm_crc32_u8);
#[cfg(target_arch = "aarch64")]
by_instruction!(arm, "crc", u32, core::arch::aarch64::__crc32cd, core::arch::aarch64::__crc32cb);
