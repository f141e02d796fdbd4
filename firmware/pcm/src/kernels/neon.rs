//! NEON, which every ARMv8 has that this appliance runs on.

use core::arch::aarch64::*;

use super::simd::Simd;
use super::swapped::widened;

#[derive(Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// # Safety
    /// The CPU must have NEON.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

#[inline(always)]
fn bytes(bytes: [u8; 16]) -> uint8x16_t {
    instructions!(vld1q_u8(bytes.as_ptr()))
}

/// Of two vectors, the first of which holds the samples from `4 * third` on, the bytes that go to this third of 48.
const fn packed(third: usize, swapped: bool) -> [u8; 16] {
    let (mut numbers, mut n) = ([0; 16], 0);
    while n < 16 {
        let byte = third * 16 + n;
        let (sample, byte) = (byte / 3 - third * 4, byte % 3);
        numbers[n] = (sample * 4 + if swapped { 2 - byte } else { byte }) as u8;
        n += 1;
    }
    numbers
}

impl Simd for Neon {
    type V = int32x4_t;

    const BLOCK: usize = 16;

    #[inline(always)]
    fn splat(self, x: i32) -> int32x4_t {
        instructions!(vdupq_n_s32(x))
    }

    #[inline(always)]
    fn add(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        instructions!(vaddq_s32(a, b))
    }

    #[inline(always)]
    fn xor(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        instructions!(veorq_s32(a, b))
    }

    #[inline(always)]
    fn shift_left<const N: i32>(self, a: int32x4_t) -> int32x4_t {
        instructions!(vshlq_n_s32::<N>(a))
    }

    #[inline(always)]
    fn shift_right_signed<const N: i32>(self, a: int32x4_t) -> int32x4_t {
        instructions!(vshrq_n_s32::<N>(a))
    }

    #[inline(always)]
    fn clamp(self, a: int32x4_t, low: int32x4_t, high: int32x4_t) -> int32x4_t {
        instructions!(vminq_s32(vmaxq_s32(a, low), high))
    }

    #[inline(always)]
    fn odd(self, a: int32x4_t) -> int32x4_t {
        a
    }

    #[inline(always)]
    fn multiply_high(self, a: int32x4_t, [b, _]: [int32x4_t; 2]) -> int32x4_t {
        instructions!({
            let low = vreinterpretq_s32_s64(vmull_s32(vget_low_s32(a), vget_low_s32(b)));
            vuzp2q_s32(low, vreinterpretq_s32_s64(vmull_high_s32(a, b)))
        })
    }

    #[inline(always)]
    fn multiply_rounded(self, a: int32x4_t, [b, _]: [int32x4_t; 2]) -> int32x4_t {
        instructions!(vqrdmulhq_s32(a, b))
    }

    /// Rounding the first product to whole numbers and keeping what that takes away leaves room for carries in 16 bits. The
    /// second product is doubled on the way.
    #[inline(always)]
    fn scale_16(self, sample: int32x4_t, [upper, twice, lower]: [int32x4_t; 3], noise: int32x4_t) -> int32x4_t {
        instructions!({
            let [sample, upper, twice, lower, noise] =
                each!([sample, upper, twice, lower, noise], |x| vreinterpretq_s16_s32(x));
            let rest = vmulq_s16(sample, twice);
            let sum = vsraq_n_s16::<1>(vsraq_n_s16::<3>(noise, rest), vqdmulhq_s16(sample, lower));
            vreinterpretq_s32_s16(vqaddq_s16(vqrdmulhq_s16(sample, upper), vrshrq_n_s16::<13>(sum)))
        })
    }

    #[inline(always)]
    fn round_16(self, even: int32x4_t, odd: int32x4_t, noise: int32x4_t) -> int32x4_t {
        instructions!({
            let [even, odd, noise] = each!([even, odd, noise], |x| vreinterpretq_s16_s32(x));
            let cut = vreinterpretq_u16_s16(vtrn1q_s16(even, odd));
            let sum = vreinterpretq_s16_u16(vsraq_n_u16::<3>(vreinterpretq_u16_s16(noise), cut));
            vreinterpretq_s32_s16(vqaddq_s16(vtrn2q_s16(even, odd), vrshrq_n_s16::<13>(sum)))
        })
    }

    #[inline(always)]
    fn round(self, x: int32x4_t, factor: f32, low: i32, high: i32) -> int32x4_t {
        let rounded = instructions!(vcvtnq_s32_f32(vmulq_n_f32(vreinterpretq_f32_s32(x), factor)));
        self.clamp(rounded, self.splat(low), self.splat(high))
    }

    #[inline(always)]
    fn round_to_32_bits(self, x: int32x4_t) -> int32x4_t {
        instructions!(vcvtnq_s32_f32(vmulq_n_f32(vreinterpretq_f32_s32(x), 2_147_483_648.0)))
    }

    #[inline(always)]
    fn upper_16(self, even: int32x4_t, odd: int32x4_t) -> int32x4_t {
        instructions!(vreinterpretq_s32_s16(vtrn2q_s16(vreinterpretq_s16_s32(even), vreinterpretq_s16_s32(odd))))
    }

    /// By way of 32 bits of fixed point would be rounding twice.
    #[inline(always)]
    fn round_to_16_bits(self, even: int32x4_t, odd: int32x4_t) -> int32x4_t {
        instructions!({
            let [even, odd] = each!([even, odd], |x| {
                let rounded = self.round(x, 32_768.0, i16::MIN.into(), i16::MAX.into());
                vreinterpretq_s16_s32(rounded)
            });
            vreinterpretq_s32_s16(vtrn1q_s16(even, odd))
        })
    }

    #[inline(always)]
    unsafe fn load<const BYTES: usize>(self, src: *const i32) -> [int32x4_t; 4] {
        instructions!(each!([0, 4, 8, 12], |n| vld1q_s32(src.add(n))))
    }

    #[inline(always)]
    unsafe fn load_two<const BYTES: usize>(self, left: *const i32, right: *const i32) -> [int32x4_t; 4] {
        instructions!({
            let [[l, m], [r, t]] = each!([left, right], |plane| each!([0, 4], |n| vld1q_s32(plane.add(n))));
            [vzip1q_s32(l, r), vzip2q_s32(l, r), vzip1q_s32(m, t), vzip2q_s32(m, t)]
        })
    }

    #[inline(always)]
    unsafe fn load_by_turns(self, src: *const i32) -> [int32x4_t; 2] {
        instructions!({
            let int32x4x2_t(even, odd) = vld2q_s32(src);
            [even, odd]
        })
    }

    #[inline(always)]
    unsafe fn load_16<const BYTES: usize>(self, src: *const i16) -> [int32x4_t; 4] {
        instructions!({
            let [a, b] = each!([0, 8], |n| vld1q_s16(src.add(n)));
            [
                vshll_n_s16::<16>(vget_low_s16(a)),
                vshll_high_n_s16::<16>(a),
                vshll_n_s16::<16>(vget_low_s16(b)),
                vshll_high_n_s16::<16>(b),
            ]
        })
    }

    #[inline(always)]
    unsafe fn load_two_16<const BYTES: usize>(self, left: *const i16, right: *const i16) -> [int32x4_t; 4] {
        instructions!({
            let zero = vdupq_n_s16(0);
            let (l, r) = (vld1q_s16(left), vld1q_s16(right));
            let (a, b) = (vzip1q_s16(l, r), vzip2q_s16(l, r));
            each!([vzip1q_s16(zero, a), vzip2q_s16(zero, a), vzip1q_s16(zero, b), vzip2q_s16(zero, b)], |x| {
                vreinterpretq_s32_s16(x)
            })
        })
    }

    #[inline(always)]
    unsafe fn interleave_16(self, left: *const i16, right: *const i16) -> [int32x4_t; 2] {
        instructions!({
            let [l, r] = each!([left, right], |plane| vld1q_s16(plane));
            each!([vzip1q_s16(l, r), vzip2q_s16(l, r)], |x| vreinterpretq_s32_s16(x))
        })
    }

    #[inline(always)]
    fn swap<const BYTES: usize>(self, x: int32x4_t) -> int32x4_t {
        instructions!({
            let x = vreinterpretq_u8_s32(x);
            vreinterpretq_s32_u8(if BYTES == 2 { vrev16q_u8(x) } else { vrev32q_u8(x) })
        })
    }

    #[inline(always)]
    unsafe fn load_wire<const BYTES: usize, const SWAPPED: bool>(self, src: *const u8) -> [int32x4_t; 4] {
        instructions!(match BYTES {
            3 => {
                let [a, b, c] = each!([0, 16, 32], |n| vld1q_u8(src.add(n)));
                let (low, high) = (bytes(const { widened(0, SWAPPED) }), bytes(const { widened(4, SWAPPED) }));
                each!(
                    [
                        vqtbl1q_u8(a, low),
                        vqtbl1q_u8(vextq_u8::<12>(a, b), low),
                        vqtbl1q_u8(vextq_u8::<8>(b, c), low),
                        vqtbl1q_u8(c, high),
                    ],
                    |x| vreinterpretq_s32_u8(x)
                )
            }
            _ => each!([0, 16, 32, 48], |n| {
                let x = vreinterpretq_s32_u8(vld1q_u8(src.add(n)));
                if SWAPPED { self.swap::<BYTES>(x) } else { x }
            }),
        })
    }

    #[inline(always)]
    unsafe fn load_vector(self, src: *const u8) -> int32x4_t {
        instructions!(vreinterpretq_s32_u8(vld1q_u8(src)))
    }

    #[inline(always)]
    unsafe fn store_vector(self, x: int32x4_t, dst: *mut u8) {
        instructions!(vst1q_u8(dst, vreinterpretq_u8_s32(x)));
    }

    #[inline(always)]
    unsafe fn store_twins_16(self, x: int32x4_t, dst: *mut u8) {
        instructions!({
            let x = vreinterpretq_s16_s32(x);
            vst2q_s16(dst.cast(), int16x8x2_t(x, x));
        });
    }

    #[inline(always)]
    unsafe fn store<const BYTES: usize, const SWAPPED: bool>(self, samples: [int32x4_t; 4], dst: *mut u8) {
        instructions!({
            let [a, b, c, d] = samples;
            match BYTES {
                3 => {
                    let [a, b, c, d] = each!([a, b, c, d], |x| vreinterpretq_u8_s32(x));
                    let first = bytes(const { packed(0, SWAPPED) });
                    let second = bytes(const { packed(1, SWAPPED) });
                    let third = bytes(const { packed(2, SWAPPED) });
                    vst1q_u8(dst, vqtbl2q_u8(uint8x16x2_t(a, b), first));
                    vst1q_u8(dst.add(16), vqtbl2q_u8(uint8x16x2_t(b, c), second));
                    vst1q_u8(dst.add(32), vqtbl2q_u8(uint8x16x2_t(c, d), third));
                }
                _ => {
                    each!([(0, a), (16, b), (32, c), (48, d)], |(n, x)| {
                        let x = if SWAPPED { self.swap::<BYTES>(x) } else { x };
                        vst1q_u8(dst.add(n), vreinterpretq_u8_s32(x));
                    });
                }
            }
        });
    }
}
