//! Packing three planes or more, for whatever instruction set: frames are put together in registers and written once.
//!
//! In each lane of 16 bytes four frames of `N` planes are `N` vectors, and become the `N` vectors of the same samples in the
//! order of the wire: pairs of neighbouring planes are zipped, then two pairs make a vector. Of an odd number of planes the
//! last of a frame makes a pair with the first of the next one.
//!
//! The limit is the shuffles, of which a core does two a cycle: two a vector (of an odd number of planes three), one or two
//! more for the wire, one for 16-bit sources that become wider. At 64 KiB of six channels integers of 32 bits cost 1.0 to 1.3
//! times what memcpy of their bytes does, with AVX2; integers of 16 bits that become wider 1.4 to 2, floats 1.6 to 2.4, where
//! conversion counts; SSE4.1 half as much again, as it copies registers. Lanes are written one after the other: by turns they
//! would cost a third more.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;
#[cfg(target_arch = "x86_64")]
pub(super) mod sse41;

use core::hint::black_box;

use super::convert::{Sample, plain};
use super::simd::Simd;
use crate::layout::Layout;
use crate::{MAX_CHANNELS, Planes};

/// Frames in a lane.
const LANE: usize = 4;

/// The bytes of four 24-bit samples that are right-justified; the last four are there twice.
const NUMBERS: [u8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 10, 12, 13, 14];

/// As they are, or `swapped`, and of left-justified samples: one further on. The compiler would make several shuffles of one whose
/// numbers it knows.
fn numbers<const N: usize>(right: [u8; N], left: bool, swapped: bool) -> [u8; N] {
    black_box(right.map(|n| {
        let byte = if swapped { 2 - n % 4 } else { n % 4 };
        n / 4 * 4 + byte + u8::from(left)
    }))
}

/// What this needs of an instruction set beyond what other kernels do.
///
/// What reads and writes memory takes pointers without an alignment. The caller promises that as much is there as it takes.
pub(super) trait Lanes: Simd {
    /// Samples in a vector, and lanes, of which there are one or two.
    const SAMPLES: usize = Self::BLOCK / 4;
    const LANES: usize = Self::SAMPLES / LANE;

    /// Samples as they lie in memory.
    unsafe fn vector(self, src: *const i32) -> Self::V;
    /// As many 16-bit samples, which come to lie in the upper half.
    unsafe fn vector_16(self, src: *const i16) -> Self::V;
    /// In each lane the lower halves of both, a sample of each in turn; then the upper ones.
    fn zip(self, a: Self::V, b: Self::V) -> [Self::V; 2];
    /// As [`zip`](Self::zip), of 16-bit samples.
    fn zip_16(self, a: Self::V, b: Self::V) -> [Self::V; 2];
    /// In each lane half `A` of `a`, then half `B` of `b`; the upper half is 1.
    fn halves<const A: u8, const B: u8>(self, a: Self::V, b: Self::V) -> Self::V;
    /// The second of each pair of samples in the place of the first.
    fn seconds(self, a: Self::V) -> Self::V;
    /// Which bytes of samples that are left-justified, or right-justified, are the three that
    /// [`store_lane`](Self::store_lane) takes; `swapped`: the highest first.
    fn numbers(self, left: bool, swapped: bool) -> Self::V;
    /// Lane `L` of `a`, then that of `b`: eight samples onto the wire, as [`Simd::store`] does it, but of 3 bytes those with
    /// these `numbers`. Unless they are the `last`, up to 8 bytes behind them may be overwritten.
    unsafe fn store_lane<const BYTES: usize, const SWAPPED: bool, const L: i32>(
        self,
        a: Self::V,
        b: Self::V,
        numbers: Self::V,
        dst: *mut u8,
        last: bool,
    );
}

/// Where samples come from, and where they go: whole frames, as many as both have.
pub(super) struct Job<'a, T> {
    /// Three or more.
    pub(super) planes: Planes<'a, T>,
    pub(super) dst: &'a mut [u8],
}

impl<T: Sample> Job<'_, T> {
    /// All frames, if they are as many as a vector takes; otherwise none. `RAW`: samples of 4 bytes lie on the wire as they do in
    /// memory.
    #[inline(always)]
    pub(super) fn vectors<S: Lanes, L: Layout<BYTES>, const BYTES: usize, const RAW: bool>(&mut self, s: S) -> bool {
        if T::BITS == 16 && L::BITS == 16 {
            let done = match self.planes.channels() {
                4 => self.pairs::<S, L, BYTES, 2>(s),
                6 => self.pairs::<S, L, BYTES, 3>(s),
                8 => self.pairs::<S, L, BYTES, 4>(s),
                _ => false,
            };
            if done {
                return true;
            }
        }
        match self.planes.channels() {
            3 => self.steps::<S, L, BYTES, RAW, 3>(s),
            4 => self.steps::<S, L, BYTES, RAW, 4>(s),
            5 => self.steps::<S, L, BYTES, RAW, 5>(s),
            6 => self.steps::<S, L, BYTES, RAW, 6>(s),
            7 => self.steps::<S, L, BYTES, RAW, 7>(s),
            8 => self.steps::<S, L, BYTES, RAW, 8>(s),
            _ => false,
        }
    }

    /// [`vectors`](Self::vectors) of `N` planes.
    #[inline(always)]
    fn steps<S: Lanes, L: Layout<BYTES>, const BYTES: usize, const RAW: bool, const N: usize>(&mut self, s: S) -> bool {
        let Some(last) = self.frames(N * BYTES).checked_sub(S::SAMPLES) else { return false };
        let (sources, dst) = (self.sources(), self.dst.as_mut_ptr());
        // Of left-justified integers these 3 bytes are taken from where they are.
        let left = !T::IS_FLOAT && BYTES == 3;
        let numbers = s.numbers(left, L::SWAPPED);
        let mut at = 0;
        loop {
            let planes = each!([0, 1, 2, 3, 4, 5, 6, 7], |n| {
                if n >= N {
                    s.splat(0)
                } else {
                    let src = sources[n].wrapping_add(at);
                    let x = if T::BITS == 16 {
                        // SAFETY: each plane has the samples of a vector from `last` on.
                        unsafe { s.vector_16(src.cast()) }
                    } else {
                        // SAFETY: as above.
                        unsafe { s.vector(src.cast()) }
                    };
                    if RAW || left { x } else { plain::<S, T, L, BYTES>(s, x) }
                }
            });
            let (dst, stride) = (dst.wrapping_add(at * N * BYTES), LANE * N * BYTES);
            if L::SWAPPED {
                // SAFETY: and `dst` has the room for as many frames.
                unsafe { put::<S, BYTES, true, N>(s, planes, numbers, dst, stride) }
            } else {
                // SAFETY: as above.
                unsafe { put::<S, BYTES, false, N>(s, planes, numbers, dst, stride) }
            }
            if at == last {
                return true;
            }
            // The last vector may do frames again.
            at = last.min(at + S::SAMPLES);
        }
    }

    /// As [`steps`](Self::steps), 16-bit samples as they are, of twice `N` planes. A sample of each of two is handled as one of
    /// 32 bits.
    #[inline(always)]
    fn pairs<S: Lanes, L: Layout<BYTES>, const BYTES: usize, const N: usize>(&mut self, s: S) -> bool {
        /// Bytes of two samples.
        const PAIR: usize = 4;
        let Some(last) = self.frames(N * PAIR).checked_sub(2 * S::SAMPLES) else { return false };
        let (sources, dst) = (self.sources(), self.dst.as_mut_ptr());
        let mut at = 0;
        loop {
            let zipped = each!([0, 1, 2, 3], |n| {
                if n >= N {
                    [s.splat(0); 2]
                } else {
                    let (a, b) = (sources[2 * n].wrapping_add(at), sources[2 * n + 1].wrapping_add(at));
                    // SAFETY: each plane has twice the samples of a vector from `last` on, as they are of 16 bits.
                    let [a, b] = each!([a, b], |src| unsafe { s.vector(src.cast()) });
                    let [a, b] = each!([a, b], |x| if L::SWAPPED { s.swap::<BYTES>(x) } else { x });
                    s.zip_16(a, b)
                }
            });
            let [[a, e], [b, f], [c, g], [d, h]] = zipped;
            let (dst, zero, stride) = (dst.wrapping_add(at * N * PAIR), s.splat(0), 2 * LANE * N * PAIR);
            // SAFETY: and `dst` has the room for as many frames.
            unsafe { put::<S, PAIR, false, N>(s, [a, b, c, d, zero, zero, zero, zero], zero, dst, stride) };
            let dst = dst.wrapping_add(stride / 2);
            // SAFETY: as above.
            unsafe { put::<S, PAIR, false, N>(s, [e, f, g, h, zero, zero, zero, zero], zero, dst, stride) };
            if at == last {
                return true;
            }
            at = last.min(at + 2 * S::SAMPLES);
        }
    }

    /// All frames.
    #[inline(always)]
    pub(super) fn scalar<L: Layout<BYTES>, const BYTES: usize, const RAW: bool>(self) {
        let frames = self.frames(self.planes.channels() * BYTES);
        let (samples, _) = self.dst.as_chunks_mut::<BYTES>();
        for (channel, plane) in self.planes.iter().enumerate() {
            let places = samples.iter_mut().skip(channel).step_by(self.planes.channels().max(1));
            for (place, x) in places.zip(plane).take(frames) {
                *place = if RAW {
                    // SAFETY: a raw sample has the bytes that it takes on the wire.
                    unsafe { (&raw const *x).cast::<[u8; BYTES]>().read() }
                } else {
                    L::store(x.plain::<L, BYTES>())
                };
            }
        }
    }

    fn frames(&self, frame_bytes: usize) -> usize {
        self.planes.frames().min(self.dst.len().checked_div(frame_bytes).unwrap_or(0))
    }

    fn sources(&self) -> [*const T; MAX_CHANNELS] {
        let mut sources = [core::ptr::null(); MAX_CHANNELS];
        for (source, plane) in sources.iter_mut().zip(self.planes.iter()) {
            *source = plane.as_ptr();
        }
        sources
    }
}

/// Four frames in each lane of `N` planes, onto the wire.
///
/// # Safety
/// There must be room for them at `dst`, and as many bytes for each further lane after `stride`.
#[inline(always)]
unsafe fn put<S: Lanes, const BYTES: usize, const SWAPPED: bool, const N: usize>(
    s: S,
    planes: [S::V; MAX_CHANNELS],
    numbers: S::V,
    dst: *mut u8,
    stride: usize,
) {
    let [first, ..] = planes;
    let next = s.seconds(first);
    let vectors = each!([0, 1, 2, 3, 4, 5, 6, 7], |n| {
        if n >= N {
            first
        } else {
            let (a, b) = (LANE * n, LANE * n + 2);
            let (pairs, others) = (pair::<S, N>(s, planes, next, a), pair::<S, N>(s, planes, next, b));
            match (a / N % 2, b / N % 2) {
                (0, 0) => s.halves::<0, 0>(pairs, others),
                (0, _) => s.halves::<0, 1>(pairs, others),
                (_, 0) => s.halves::<1, 0>(pairs, others),
                _ => s.halves::<1, 1>(pairs, others),
            }
        }
    });
    // What lies together is written together.
    // SAFETY: the caller's.
    unsafe { store::<S, BYTES, SWAPPED, N, 0>(s, vectors, numbers, dst) };
    if S::LANES > 1 {
        // SAFETY: the caller's.
        unsafe { store::<S, BYTES, SWAPPED, N, 1>(s, vectors, numbers, dst.wrapping_add(stride)) };
    }
}

/// Lane `L` of `N` vectors.
///
/// # Safety
/// There must be room for it.
#[inline(always)]
unsafe fn store<S: Lanes, const BYTES: usize, const SWAPPED: bool, const N: usize, const L: i32>(
    s: S,
    vectors: [S::V; MAX_CHANNELS],
    numbers: S::V,
    dst: *mut u8,
) {
    each!([0, 2, 4, 6], |n| {
        if n < N {
            // The last two again if their number is odd.
            let first = n.min(N - 2);
            let (a, b, dst) = (vectors[first], vectors[first + 1], dst.wrapping_add(LANE * first * BYTES));
            // SAFETY: the caller's.
            unsafe { s.store_lane::<BYTES, SWAPPED, L>(a, b, numbers, dst, n + 2 >= N) };
        }
    });
}

/// A vector that holds this sample of `N` planes, and the next, in the half that its frame has. `next` holds the first
/// plane's next frames.
#[inline(always)]
fn pair<S: Lanes, const N: usize>(s: S, planes: [S::V; MAX_CHANNELS], next: S::V, sample: usize) -> S::V {
    let (frame, plane) = (sample / N, sample % N);
    let [lower, upper] = s.zip(planes[plane], if plane + 1 < N { planes[plane + 1] } else { next });
    if frame < 2 { lower } else { upper }
}
