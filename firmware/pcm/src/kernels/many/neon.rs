//! NEON: one lane.

use core::arch::aarch64::*;

use super::super::neon::Neon;
use super::super::simd::Simd as _;
use super::{Lanes, NUMBERS, numbers};

impl Lanes for Neon {
    #[inline(always)]
    unsafe fn vector(self, src: *const i32) -> int32x4_t {
        instructions!(vld1q_s32(src))
    }

    #[inline(always)]
    unsafe fn vector_16(self, src: *const i16) -> int32x4_t {
        instructions!(vshll_n_s16::<16>(vld1_s16(src)))
    }

    #[inline(always)]
    fn zip(self, a: int32x4_t, b: int32x4_t) -> [int32x4_t; 2] {
        instructions!([vzip1q_s32(a, b), vzip2q_s32(a, b)])
    }

    #[inline(always)]
    fn zip_16(self, a: int32x4_t, b: int32x4_t) -> [int32x4_t; 2] {
        instructions!({
            let (a, b) = (vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
            [vreinterpretq_s32_s16(vzip1q_s16(a, b)), vreinterpretq_s32_s16(vzip2q_s16(a, b))]
        })
    }

    #[inline(always)]
    fn halves<const A: u8, const B: u8>(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        instructions!({
            let (x, y) = (vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b));
            match (A, B) {
                (0, 0) => vreinterpretq_s32_s64(vtrn1q_s64(x, y)),
                (0, _) => vreinterpretq_s32_s64(vcopyq_laneq_s64::<1, 1>(x, y)),
                (_, 0) => vextq_s32::<2>(a, b),
                _ => vreinterpretq_s32_s64(vtrn2q_s64(x, y)),
            }
        })
    }

    #[inline(always)]
    fn seconds(self, a: int32x4_t) -> int32x4_t {
        instructions!(vrev64q_s32(a))
    }

    #[inline(always)]
    fn numbers(self, left: bool, swapped: bool) -> int32x4_t {
        instructions!(vreinterpretq_s32_u8(vld1q_u8(numbers(NUMBERS, left, swapped).as_ptr())))
    }

    #[inline(always)]
    unsafe fn store_lane<const BYTES: usize, const SWAPPED: bool, const L: i32>(
        self,
        a: int32x4_t,
        b: int32x4_t,
        numbers: int32x4_t,
        dst: *mut u8,
        last: bool,
    ) {
        instructions!(match BYTES {
            2 => {
                let x = vreinterpretq_s32_s16(vqmovn_high_s32(vqmovn_s32(a), b));
                vst1q_s32(dst.cast(), if SWAPPED { self.swap::<BYTES>(x) } else { x });
            }
            3 => {
                let numbers = vreinterpretq_u8_s32(numbers);
                let [a, b] = each!([a, b], |x| vqtbl1q_u8(vreinterpretq_u8_s32(x), numbers));
                vst1q_u8(dst, a);
                if last { vst1q_u8(dst.add(8), vextq_u8::<12>(a, b)) } else { vst1q_u8(dst.add(12), b) }
            }
            _ => {
                each!([(0, a), (16, b)], |(n, x)| {
                    let x = if SWAPPED { self.swap::<BYTES>(x) } else { x };
                    vst1q_u8(dst.add(n), vreinterpretq_u8_s32(x));
                });
            }
        });
    }
}
