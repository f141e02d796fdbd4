//! The bytes of samples in the other order, in place: what makes a big-endian wire of a little-endian one, and back.
//!
//! A pass of its own over bytes that are in the first-level cache, rather than another set of all the kernels that write them:
//! few DACs want it, and it costs a load, a shuffle and a store for 15 or 16 bytes,
//! which is about as much again as packing costs.

#[cfg(target_arch = "aarch64")]
use core::arch::aarch64::{vld1q_u8, vqtbl1q_u8, vst1q_u8};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{_mm_loadu_si128, _mm_shuffle_epi8, _mm_storeu_si128};

use crate::{Cpu, Feature, WireFormat};

/// Bytes of a vector.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const VECTOR: usize = 16;

/// Swaps whole samples; a part of one at the end stays as it is.
///
/// # Safety
/// The CPU must have the instructions for which it was chosen.
type Run = unsafe fn(&mut [u8]);

/// A kernel that swaps the bytes of samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swap(Run);

impl Swap {
    pub(crate) fn run(self, bytes: &mut [u8]) {
        // SAFETY: whoever got this from `swap` showed the CPU.
        unsafe { (self.0)(bytes) }
    }
}

/// The kernel between `format` and the little-endian format that the other kernels know; `None` if it is one of those.
pub(crate) fn swap(cpu: Cpu, format: WireFormat) -> Option<Swap> {
    (format.little_endian() != format).then(|| match format.bytes() {
        2 => chosen::<2>(cpu),
        3 => chosen::<3>(cpu),
        _ => chosen::<4>(cpu),
    })
}

fn chosen<const BYTES: usize>(cpu: Cpu) -> Swap {
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Sse41) {
        return Swap(vectors::<BYTES>);
    }
    #[cfg(target_arch = "aarch64")]
    if cpu.has(Feature::Neon) {
        return Swap(vectors::<BYTES>);
    }
    Swap(scalar::<BYTES>)
}

fn scalar<const BYTES: usize>(bytes: &mut [u8]) {
    for sample in bytes.as_chunks_mut::<BYTES>().0 {
        sample.reverse();
    }
}

/// From where each byte of a vector comes. What makes no whole sample at its end stays where it is.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const fn places<const BYTES: usize>() -> [u8; VECTOR] {
    let (mut places, mut n) = ([0; VECTOR], 0);
    while n < VECTOR {
        let sample = n / BYTES * BYTES;
        let whole = sample + BYTES <= VECTOR;
        places[n] = if whole { 2 * sample + BYTES - 1 - n } else { n } as u8;
        n += 1;
    }
    places
}

/// # Safety
/// The CPU must have SSSE3, or NEON.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "ssse3"))]
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
unsafe fn vectors<const BYTES: usize>(bytes: &mut [u8]) {
    let places = const { places::<BYTES>() };
    let step = const { VECTOR / BYTES * BYTES };
    let mut at = 0;
    let mut next = bytes.first_chunk::<VECTOR>().copied();
    while let Some(vector) = next {
        // Vectors of 3-byte samples overlap: one that is read after the one before it was written waits for that.
        next = bytes.get(at + step..).and_then(|rest| rest.first_chunk()).copied();
        if let Some(room) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *room = shuffled(&vector, &places);
        }
        at += step;
    }
    scalar::<BYTES>(bytes.get_mut(at..).unwrap_or_default());
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "ssse3")]
#[inline]
fn shuffled(bytes: &[u8; VECTOR], places: &[u8; VECTOR]) -> [u8; VECTOR] {
    let mut swapped = [0; VECTOR];
    instructions!({
        let bytes = _mm_shuffle_epi8(_mm_loadu_si128(bytes.as_ptr().cast()), _mm_loadu_si128(places.as_ptr().cast()));
        _mm_storeu_si128(swapped.as_mut_ptr().cast(), bytes);
    });
    swapped
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
#[inline]
fn shuffled(bytes: &[u8; VECTOR], places: &[u8; VECTOR]) -> [u8; VECTOR] {
    let mut swapped = [0; VECTOR];
    instructions!({
        let bytes = vqtbl1q_u8(vld1q_u8(bytes.as_ptr()), vld1q_u8(places.as_ptr()));
        vst1q_u8(swapped.as_mut_ptr(), bytes);
    });
    swapped
}
