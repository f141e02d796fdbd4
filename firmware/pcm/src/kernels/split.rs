//! De-interleaving: samples as a file lays them out become planes of left-justified ones.
//!
//! Of one or two channels a lane of 16 bytes is made by one shuffle of as many whole frames as it holds: in its first half the left
//! channel's samples, in its second the right one's. The halves of two lanes are then a lane of either plane. Of more channels
//! see [`mod@more`]. The widths, the order of the bytes and which of them count are all in the shuffle's table. What isn't a whole
//! number of lanes is the scalar reference's.

mod more;

#[cfg(target_arch = "aarch64")]
use core::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use crate::{Cpu, Feature};

pub(crate) use more::{Frames, GROUP};
use more::{Planes, more};

/// Bytes of a lane.
pub(crate) const LANE: usize = 16;
/// The number of a byte that is 0.
pub(crate) const NONE: u8 = 0x80;

/// How lanes are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shuffle {
    /// Which byte of those read goes where.
    pub(crate) numbers: [u8; LANE],
    /// Bytes of whole frames that are read for a lane, 16 at most. The rest of 16 isn't used, but has to be there. 0: none is made so.
    pub(crate) step: usize,
}

/// De-interleaves two channels as far as whole vectors reach; returns the bytes that each plane got.
pub(crate) fn two(cpu: Cpu, shuffle: &Shuffle, src: &[u8], left: &mut [u8], right: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Avx2) {
        // SAFETY: the CPU has it.
        return unsafe { two_avx2(shuffle, src, left, right) };
    }
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Sse41) {
        // SAFETY: the CPU has it.
        return unsafe { two_sse41(shuffle, src, left, right) };
    }
    #[cfg(target_arch = "aarch64")]
    if cpu.has(Feature::Neon) {
        // SAFETY: the CPU has it.
        return unsafe { two_neon(shuffle, src, left, right) };
    }
    let _ = (cpu, shuffle, src, left, right, Feature::ALL);
    0
}

/// The same of one channel.
pub(crate) fn one(cpu: Cpu, shuffle: &Shuffle, src: &[u8], dst: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Avx2) {
        // SAFETY: the CPU has it.
        return unsafe { one_avx2(shuffle, src, dst) };
    }
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Sse41) {
        // SAFETY: the CPU has it.
        return unsafe { one_sse41(shuffle, src, dst) };
    }
    #[cfg(target_arch = "aarch64")]
    if cpu.has(Feature::Neon) {
        // SAFETY: the CPU has it.
        return unsafe { one_neon(shuffle, src, dst) };
    }
    let _ = (cpu, shuffle, src, dst);
    0
}

/// The same of three channels or more.
pub(crate) fn many(cpu: Cpu, shuffle: &Shuffle, frames: &Frames, src: &[u8], planes: Planes<'_>) -> usize {
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Avx2) {
        // SAFETY: the CPU has it.
        return unsafe { many_avx2(shuffle, frames, src, planes) };
    }
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Sse41) {
        // SAFETY: the CPU has it.
        return unsafe { many_sse41(shuffle, frames, src, planes) };
    }
    #[cfg(target_arch = "aarch64")]
    if cpu.has(Feature::Neon) {
        // SAFETY: the CPU has it.
        return unsafe { many_neon(shuffle, frames, src, planes) };
    }
    let _ = (cpu, shuffle, frames, src, planes);
    0
}

/// Vectors of lanes. Holding one proves that the CPU has its instructions.
trait Lanes: Copy {
    const LANES: usize;

    /// Lanes from `src` on that begin `step` bytes apart.
    unsafe fn load(self, src: *const u8, step: usize) -> Self;
    /// In each lane the bytes with these numbers, and 0 for [`NONE`].
    fn shuffle(self, numbers: Self) -> Self;
    /// In each lane the first halves of the lanes of both, and the second halves.
    fn halves(self, other: Self) -> [Self; 2];
    /// In each lane the lower two 32-bit numbers of both, by turns, and the upper two.
    fn zip(self, other: Self) -> [Self; 2];
    /// In each lane the lower four 16-bit numbers of both, by turns.
    fn zip_16(self, other: Self) -> Self;
    unsafe fn store(self, dst: *mut u8);
}

/// How many vectors there are if each reads `lanes` lanes and the last one reads beyond its frames, and has room.
#[inline(always)]
fn vectors(shuffle: &Shuffle, lanes: usize, src: usize, room: usize) -> usize {
    let beyond = LANE.saturating_sub(shuffle.step);
    let there = src.saturating_sub(beyond).checked_div(shuffle.step * lanes).unwrap_or(0);
    there.min(room)
}

#[inline(always)]
fn split<V: Lanes>(v: V, shuffle: &Shuffle, src: &[u8], left: &mut [u8], right: &mut [u8]) -> usize {
    let bytes = V::LANES * LANE;
    let steps = vectors(shuffle, 2 * V::LANES, src.len(), left.len().min(right.len()) / bytes);
    let (mut from, step) = (src.as_ptr(), shuffle.step);
    let (left, right) = (left.as_mut_ptr(), right.as_mut_ptr());
    // SAFETY: it is a lane, taken for each.
    let numbers = unsafe { v.load(shuffle.numbers.as_ptr(), 0) };
    for n in 0..steps {
        // The lanes of either take turns, as their halves do.
        // SAFETY: `vectors` counts what is there.
        let a = unsafe { v.load(from, 2 * step) }.shuffle(numbers);
        // SAFETY: as above.
        let b = unsafe { v.load(from.wrapping_add(step), 2 * step) }.shuffle(numbers);
        let [l, r] = a.halves(b);
        // SAFETY: so does it the room.
        unsafe { l.store(left.wrapping_add(n * bytes)) };
        // SAFETY: as above.
        unsafe { r.store(right.wrapping_add(n * bytes)) };
        from = from.wrapping_add(2 * V::LANES * step);
    }
    steps * bytes
}

#[inline(always)]
fn widen<V: Lanes>(v: V, shuffle: &Shuffle, src: &[u8], dst: &mut [u8]) -> usize {
    let bytes = V::LANES * LANE;
    let steps = vectors(shuffle, V::LANES, src.len(), dst.len() / bytes);
    let (from, to) = (src.as_ptr(), dst.as_mut_ptr());
    // SAFETY: it is a lane, taken for each.
    let numbers = unsafe { v.load(shuffle.numbers.as_ptr(), 0) };
    for n in 0..steps {
        // SAFETY: `vectors` counts what is there.
        let x = unsafe { v.load(from.wrapping_add(n * V::LANES * shuffle.step), shuffle.step) };
        // SAFETY: so does it the room.
        unsafe { x.shuffle(numbers).store(to.wrapping_add(n * bytes)) };
    }
    steps * bytes
}

/// The functions of an instruction set.
macro_rules! functions {
    ($two:ident, $one:ident, $many:ident, $features:literal, $v:expr) => {
        #[target_feature(enable = $features)]
        fn $two(shuffle: &Shuffle, src: &[u8], left: &mut [u8], right: &mut [u8]) -> usize {
            split($v, shuffle, src, left, right)
        }

        #[target_feature(enable = $features)]
        fn $one(shuffle: &Shuffle, src: &[u8], dst: &mut [u8]) -> usize {
            widen($v, shuffle, src, dst)
        }

        #[target_feature(enable = $features)]
        fn $many(shuffle: &Shuffle, frames: &Frames, src: &[u8], planes: Planes<'_>) -> usize {
            more($v, shuffle, frames, src, planes)
        }
    };
}

#[cfg(target_arch = "x86_64")]
functions!(two_sse41, one_sse41, many_sse41, "ssse3,sse4.1", Sse41(_mm_setzero_si128()));
#[cfg(target_arch = "x86_64")]
functions!(two_avx2, one_avx2, many_avx2, "avx2", Avx2(_mm256_setzero_si256()));
#[cfg(target_arch = "aarch64")]
functions!(two_neon, one_neon, many_neon, "neon", Neon(vdupq_n_u8(0)));

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Sse41(__m128i);

#[cfg(target_arch = "x86_64")]
impl Lanes for Sse41 {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(self, src: *const u8, _: usize) -> Self {
        Self(instructions!(_mm_loadu_si128(src.cast())))
    }

    #[inline(always)]
    fn shuffle(self, numbers: Self) -> Self {
        Self(instructions!(_mm_shuffle_epi8(self.0, numbers.0)))
    }

    #[inline(always)]
    fn halves(self, other: Self) -> [Self; 2] {
        instructions!([Self(_mm_unpacklo_epi64(self.0, other.0)), Self(_mm_unpackhi_epi64(self.0, other.0))])
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        instructions!([Self(_mm_unpacklo_epi32(self.0, other.0)), Self(_mm_unpackhi_epi32(self.0, other.0))])
    }

    #[inline(always)]
    fn zip_16(self, other: Self) -> Self {
        Self(instructions!(_mm_unpacklo_epi16(self.0, other.0)))
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm_storeu_si128(dst.cast(), self.0));
    }
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx2(__m256i);

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const LANES: usize = 2;

    #[inline(always)]
    unsafe fn load(self, src: *const u8, step: usize) -> Self {
        Self(instructions!(_mm256_loadu2_m128i(src.wrapping_add(step).cast(), src.cast())))
    }

    #[inline(always)]
    fn shuffle(self, numbers: Self) -> Self {
        Self(instructions!(_mm256_shuffle_epi8(self.0, numbers.0)))
    }

    #[inline(always)]
    fn halves(self, other: Self) -> [Self; 2] {
        instructions!([Self(_mm256_unpacklo_epi64(self.0, other.0)), Self(_mm256_unpackhi_epi64(self.0, other.0))])
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        instructions!([Self(_mm256_unpacklo_epi32(self.0, other.0)), Self(_mm256_unpackhi_epi32(self.0, other.0))])
    }

    #[inline(always)]
    fn zip_16(self, other: Self) -> Self {
        Self(instructions!(_mm256_unpacklo_epi16(self.0, other.0)))
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(_mm256_storeu_si256(dst.cast(), self.0));
    }
}

#[cfg(target_arch = "aarch64")]
#[derive(Clone, Copy)]
struct Neon(uint8x16_t);

#[cfg(target_arch = "aarch64")]
impl Lanes for Neon {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(self, src: *const u8, _: usize) -> Self {
        Self(instructions!(vld1q_u8(src)))
    }

    #[inline(always)]
    fn shuffle(self, numbers: Self) -> Self {
        Self(instructions!(vqtbl1q_u8(self.0, numbers.0)))
    }

    #[inline(always)]
    fn halves(self, other: Self) -> [Self; 2] {
        instructions!({
            let [a, b] = [vreinterpretq_u64_u8(self.0), vreinterpretq_u64_u8(other.0)];
            [Self(vreinterpretq_u8_u64(vzip1q_u64(a, b))), Self(vreinterpretq_u8_u64(vzip2q_u64(a, b)))]
        })
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        instructions!({
            let [a, b] = [vreinterpretq_u32_u8(self.0), vreinterpretq_u32_u8(other.0)];
            [Self(vreinterpretq_u8_u32(vzip1q_u32(a, b))), Self(vreinterpretq_u8_u32(vzip2q_u32(a, b)))]
        })
    }

    #[inline(always)]
    fn zip_16(self, other: Self) -> Self {
        instructions!({
            let [a, b] = [vreinterpretq_u16_u8(self.0), vreinterpretq_u16_u8(other.0)];
            Self(vreinterpretq_u8_u16(vzip1q_u16(a, b)))
        })
    }

    #[inline(always)]
    unsafe fn store(self, dst: *mut u8) {
        instructions!(vst1q_u8(dst, self.0));
    }
}

/// A plane's bytes.
pub(crate) fn bytes<T: crate::split::Number>(plane: &mut [T]) -> &mut [u8] {
    // SAFETY: these are its bytes, and any are a number (which is why nobody else can implement the trait).
    unsafe { core::slice::from_raw_parts_mut(plane.as_mut_ptr().cast(), size_of_val(plane)) }
}
