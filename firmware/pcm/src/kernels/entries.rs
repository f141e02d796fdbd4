//! The kernels of each instruction set as functions, and the tables from which they are chosen.

use super::convert::Sample;
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::room::Slope;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, sse41::Sse41};
use super::{dithered, many, pack, scale};
use crate::layout::{Layout, S16, S24, S24In32, S24Packed, S32};
use crate::{Cpu, Feature, MAX_CHANNELS, Planes, Tpdf, WireFormat};

/// Packs one plane; how many samples is the shortest slice's affair.
///
/// # Safety
/// The CPU must have the instructions of the table that it comes from.
type One<T> = unsafe fn(&[T], &mut [u8], Tpdf);
/// As [`One`], for two planes; the last argument says that they are the same, and get the same noise.
type Two<T> = unsafe fn(&[T], &[T], &mut [u8], Tpdf, bool);
/// As [`One`], for three planes or more.
type Many<T> = unsafe fn(Planes<'_, T>, &mut [u8], Tpdf);
/// Scales whole frames of the wire.
type Scale = unsafe fn(&[u8], &mut [u8], Slope, Tpdf);

/// Kernels that pack samples of one type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packs<T> {
    one: One<T>,
    two: Two<T>,
    many: Many<T>,
}

impl<T> Packs<T> {
    pub(crate) fn one(&self, src: &[T], dst: &mut [u8], noise: Tpdf) {
        // SAFETY: whoever got this from `packs` showed the CPU.
        unsafe { (self.one)(src, dst, noise) }
    }

    pub(crate) fn two(&self, left: &[T], right: &[T], dst: &mut [u8], noise: Tpdf, twins: bool) {
        // SAFETY: whoever got this from `packs` showed the CPU.
        unsafe { (self.two)(left, right, dst, noise, twins) }
    }

    pub(crate) fn many(&self, planes: Planes<'_, T>, dst: &mut [u8], noise: Tpdf) {
        // SAFETY: whoever got this from `packs` showed the CPU.
        unsafe { (self.many)(planes, dst, noise) }
    }
}

/// Kernels that pack into one format.
#[derive(Debug)]
pub(crate) struct PackSet {
    pub(crate) s16: Packs<i16>,
    pub(crate) s32: Packs<i32>,
    pub(crate) f32: Packs<f32>,
}

/// A kernel that scales samples of one format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaling(Scale);

impl Scaling {
    pub(crate) fn run(self, src: &[u8], dst: &mut [u8], slope: Slope, noise: Tpdf) {
        // SAFETY: whoever got this from `scaling` showed the CPU.
        unsafe { (self.0)(src, dst, slope, noise) }
    }
}

/// Everything of one instruction set, by format: first the lowest byte first, then the highest.
struct Table {
    plain: [PackSet; 8],
    dithered: [PackSet; 6],
    scale: [Scaling; 8],
    /// Of `S32` for a DAC that uses 24 bits of it.
    scale_24_in_32: [Scaling; 2],
}

/// Three planes or more: without dither, or just interleaved.
macro_rules! frames {
    ($name:ident, $features:literal, $simd:path) => {
        /// # Safety
        /// The CPU must have the features.
        #[target_feature(enable = $features)]
        unsafe fn $name<T: Sample, L: Layout<BYTES>, const BYTES: usize, const RAW: bool>(
            planes: Planes<'_, T>,
            dst: &mut [u8],
            _: Tpdf,
        ) {
            let mut job = many::Job { planes, dst };
            // SAFETY: the caller's.
            if !job.vectors::<$simd, L, BYTES, RAW>(unsafe { <$simd>::new() }) {
                frames_scalar::<T, L, BYTES, RAW>(job.planes, job.dst, Tpdf::new(0));
            }
        }
    };
}

#[inline(never)]
fn frames_scalar<T: Sample, L: Layout<BYTES>, const BYTES: usize, const RAW: bool>(
    planes: Planes<'_, T>,
    dst: &mut [u8],
    _: Tpdf,
) {
    many::Job { planes, dst }.scalar::<L, BYTES, RAW>();
}

#[cfg(target_arch = "x86_64")]
frames!(frames_sse41, "ssse3,sse4.1", Sse41);
#[cfg(target_arch = "x86_64")]
frames!(frames_avx2, "avx2", Avx2);
#[cfg(target_arch = "x86_64")]
frames!(frames_vbmi, "avx2,avx512vl,avx512vbmi", Avx2::<true>);
#[cfg(target_arch = "aarch64")]
frames!(frames_neon, "neon", Neon);

/// Samples that are interleaved at a time before they are dithered, as then it isn't loads and stores that take the time:
/// 4 KiB, so that what begins and ends each time doesn't count. A multiple of 32 frames is used, which whole blocks of the
/// kernels take.
const TILE: usize = 1024;

/// Three planes or more by way of the stack: `interleave` doesn't change them, `one` does.
///
/// # Safety
/// The CPU must have the instructions of both.
#[inline(never)]
unsafe fn by_tiles<T: Sample, const BYTES: usize>(
    (interleave, one): (Many<T>, One<T>),
    planes: Planes<'_, T>,
    dst: &mut [u8],
    mut noise: Tpdf,
) {
    let channels = planes.channels().clamp(1, MAX_CHANNELS);
    let frames = (TILE / channels) & !31;
    let mut tile = [T::ZERO; TILE];
    for (n, dst) in dst.chunks_mut(frames * channels * BYTES).enumerate() {
        let part = planes.part(n * frames, frames);
        let samples = part.frames() * channels;
        let bytes = tile.as_mut_ptr().cast::<u8>();
        // SAFETY: these are the tile's bytes, of which all mean a number.
        let bytes = unsafe { core::slice::from_raw_parts_mut(bytes, size_of_val(&tile)) };
        // SAFETY: the caller's.
        unsafe { interleave(part, bytes, noise) };
        // SAFETY: the caller's.
        unsafe { one(tile.get(..samples).unwrap_or_default(), dst, noise) };
        noise.advance(samples as u32);
    }
}

/// The functions of an instruction set, which use each `$simd` in turn for what the one before it left over, and its table.
macro_rules! table {
    ($name:ident, $features:literal, $frames:ident, $($simd:path),*) => {
        mod $name {
            use super::*;

            /// # Safety
            /// The CPU must have the features.
            #[target_feature(enable = $features)]
            unsafe fn one<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(
                src: &[T],
                dst: &mut [u8],
                noise: Tpdf,
            ) {
                if DITHER {
                    let job = dithered::Job { left: src, right: None, dst, noise, twins: false };
                    // SAFETY: the caller's.
                    return unsafe { noisy::<T, L, BYTES>(job) };
                }
                let mut job = pack::Job { left: src, right: None, dst };
                // SAFETY: the caller's.
                $(job.blocks::<$simd, L, BYTES>(unsafe { <$simd>::new() });)*
                job.scalar::<L, BYTES>();
            }

            /// # Safety
            /// The CPU must have the features.
            #[target_feature(enable = $features)]
            unsafe fn two<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(
                left: &[T],
                right: &[T],
                dst: &mut [u8],
                noise: Tpdf,
                twins: bool,
            ) {
                if DITHER {
                    let job = dithered::Job { left, right: Some(right), dst, noise, twins };
                    // SAFETY: the caller's.
                    return unsafe { noisy::<T, L, BYTES>(job) };
                }
                let mut job = pack::Job { left, right: Some(right), dst };
                // SAFETY: the caller's.
                $(job.blocks::<$simd, L, BYTES>(unsafe { <$simd>::new() });)*
                job.scalar::<L, BYTES>();
            }

            /// # Safety
            /// The CPU must have the features.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn noisy<T: Sample, L: Layout<BYTES>, const BYTES: usize>(mut job: dithered::Job<'_, T>) {
                while let Some(mut part) = job.next::<BYTES>() {
                    // SAFETY: the caller's.
                    let done = $(part.blocks::<$simd, L, BYTES>(unsafe { <$simd>::new() }))||*;
                    if !done {
                        part.scalar::<L, BYTES>();
                    }
                }
            }

            /// # Safety
            /// The CPU must have the features.
            #[target_feature(enable = $features)]
            unsafe fn scale<L: Layout<BYTES>, const BYTES: usize>(src: &[u8], dst: &mut [u8], slope: Slope, noise: Tpdf) {
                let mut work = scale::Work::new(src, dst, slope, noise);
                while let Some(mut job) = work.next::<L, BYTES>() {
                    // SAFETY: the caller's.
                    let done = $(job.blocks::<$simd, L, BYTES>(unsafe { <$simd>::new() }))||*;
                    if !done {
                        job.scalar::<L, BYTES>();
                    }
                }
            }

            tables!($frames);
        }
    };
}

/// The table of the functions beside it.
macro_rules! tables {
    ($frames:ident) => {
        unsafe fn many<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(
            planes: Planes<'_, T>,
            dst: &mut [u8],
            noise: Tpdf,
        ) {
            let interleave = if T::BITS == 16 { $frames::<T, S16, 2, false> } else { $frames::<T, S32, 4, true> };
            // SAFETY: the caller's.
            unsafe { by_tiles::<T, BYTES>((interleave, one::<T, L, BYTES, DITHER>), planes, dst, noise) }
        }

        const fn packs<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>() -> Packs<T> {
            Packs {
                one: one::<T, L, BYTES, DITHER>,
                two: two::<T, L, BYTES, DITHER>,
                many: if DITHER { many::<T, L, BYTES, DITHER> } else { $frames::<T, L, BYTES, false> },
            }
        }

        const fn set<L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>() -> PackSet {
            PackSet {
                s16: packs::<i16, L, BYTES, DITHER>(),
                s32: packs::<i32, L, BYTES, DITHER>(),
                f32: packs::<f32, L, BYTES, DITHER>(),
            }
        }

        pub(super) static TABLE: Table = Table {
            plain: [
                set::<S16, 2, false>(),
                set::<S24Packed, 3, false>(),
                set::<S24, 4, false>(),
                set::<S32, 4, false>(),
                set::<S16<true>, 2, false>(),
                set::<S24Packed<true>, 3, false>(),
                set::<S24<true>, 4, false>(),
                set::<S32<true>, 4, false>(),
            ],
            dithered: [
                set::<S16, 2, true>(),
                set::<S24Packed, 3, true>(),
                set::<S24, 4, true>(),
                set::<S16<true>, 2, true>(),
                set::<S24Packed<true>, 3, true>(),
                set::<S24<true>, 4, true>(),
            ],
            scale: [
                Scaling(scale::<S16, 2>),
                Scaling(scale::<S24Packed, 3>),
                Scaling(scale::<S24, 4>),
                Scaling(scale::<S32, 4>),
                Scaling(scale::<S16<true>, 2>),
                Scaling(scale::<S24Packed<true>, 3>),
                Scaling(scale::<S24<true>, 4>),
                Scaling(scale::<S32<true>, 4>),
            ],
            scale_24_in_32: [Scaling(scale::<S24In32, 4>), Scaling(scale::<S24In32<true>, 4>)],
        };
    };
}

/// The reference: what every other table's functions equal bit for bit.
mod scalar {
    use super::*;

    #[inline(never)]
    pub(super) fn one<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(
        src: &[T],
        dst: &mut [u8],
        noise: Tpdf,
    ) {
        if DITHER {
            return noisy::<T, L, BYTES>(dithered::Job { left: src, right: None, dst, noise, twins: false });
        }
        pack::Job { left: src, right: None, dst }.scalar::<L, BYTES>();
    }

    #[inline(never)]
    pub(super) fn two<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(
        left: &[T],
        right: &[T],
        dst: &mut [u8],
        noise: Tpdf,
        twins: bool,
    ) {
        if DITHER {
            return noisy::<T, L, BYTES>(dithered::Job { left, right: Some(right), dst, noise, twins });
        }
        pack::Job { left, right: Some(right), dst }.scalar::<L, BYTES>();
    }

    fn noisy<T: Sample, L: Layout<BYTES>, const BYTES: usize>(mut job: dithered::Job<'_, T>) {
        while let Some(part) = job.next::<BYTES>() {
            part.scalar::<L, BYTES>();
        }
    }

    #[inline(never)]
    pub(super) fn scale<L: Layout<BYTES>, const BYTES: usize>(src: &[u8], dst: &mut [u8], slope: Slope, noise: Tpdf) {
        let mut work = scale::Work::new(src, dst, slope, noise);
        while let Some(job) = work.next::<L, BYTES>() {
            job.scalar::<L, BYTES>();
        }
    }

    tables!(frames_scalar);
}

#[cfg(target_arch = "x86_64")]
table!(sse41, "ssse3,sse4.1", frames_sse41, Sse41);
#[cfg(target_arch = "x86_64")]
table!(avx2, "avx2", frames_avx2, Avx2, Sse41);
#[cfg(target_arch = "x86_64")]
table!(avx512, "avx512f,avx512bw,avx512vl,avx512vbmi", frames_vbmi, Avx512, Avx2, Sse41);
#[cfg(target_arch = "aarch64")]
table!(neon, "neon", frames_neon, Neon);

/// The best that `cpu` has.
fn table(cpu: Cpu) -> &'static Table {
    #[cfg(target_arch = "x86_64")]
    if cpu.has(Feature::Avx512) {
        return &avx512::TABLE;
    } else if cpu.has(Feature::Avx2) {
        return &avx2::TABLE;
    } else if cpu.has(Feature::Sse41) {
        return &sse41::TABLE;
    }
    #[cfg(target_arch = "aarch64")]
    if cpu.has(Feature::Neon) {
        return &neon::TABLE;
    }
    &scalar::TABLE
}

/// The kernels that pack into `format`, or into what carries it if it is DoP; none if it is DSD. 32 bits aren't dithered: what is
/// cut off there is below everything.
pub(crate) fn packs(cpu: Cpu, format: WireFormat, dither: bool) -> Option<&'static PackSet> {
    let Table { plain, dithered, .. } = table(cpu);
    let [s16, s24_3, s24, s32, s16_be, s24_3_be, s24_be, s32_be] = plain;
    let [noisy_s16, noisy_s24_3, noisy_s24, noisy_s16_be, noisy_s24_3_be, noisy_s24_be] = dithered;
    match (format.carrier(), dither) {
        (WireFormat::S16Le, false) => Some(s16),
        (WireFormat::S16Le, true) => Some(noisy_s16),
        (WireFormat::S24_3Le, false) => Some(s24_3),
        (WireFormat::S24_3Le, true) => Some(noisy_s24_3),
        (WireFormat::S24Le, false) => Some(s24),
        (WireFormat::S24Le, true) => Some(noisy_s24),
        (WireFormat::S32Le, _) => Some(s32),
        (WireFormat::S16Be, false) => Some(s16_be),
        (WireFormat::S16Be, true) => Some(noisy_s16_be),
        (WireFormat::S24_3Be, false) => Some(s24_3_be),
        (WireFormat::S24_3Be, true) => Some(noisy_s24_3_be),
        (WireFormat::S24Be, false) => Some(s24_be),
        (WireFormat::S24Be, true) => Some(noisy_s24_be),
        (WireFormat::S32Be, _) => Some(s32_be),
        _ => None,
    }
}

/// The kernel that scales samples of 32 bits for a DAC that uses the upper 24, with noise of their size; none if `format` has others.
pub(crate) fn scaling_24_in_32(cpu: Cpu, format: WireFormat) -> Option<Scaling> {
    let [s32, s32_be] = table(cpu).scale_24_in_32;
    match format {
        WireFormat::S32Le => Some(s32),
        WireFormat::S32Be => Some(s32_be),
        _ => None,
    }
}

/// The kernel that scales samples of `format`; none if that isn't PCM.
pub(crate) fn scaling(cpu: Cpu, format: WireFormat) -> Option<Scaling> {
    let [s16, s24_3, s24, s32, s16_be, s24_3_be, s24_be, s32_be] = table(cpu).scale;
    match format {
        WireFormat::S16Le => Some(s16),
        WireFormat::S24_3Le => Some(s24_3),
        WireFormat::S24Le => Some(s24),
        WireFormat::S32Le => Some(s32),
        WireFormat::S16Be => Some(s16_be),
        WireFormat::S24_3Be => Some(s24_3_be),
        WireFormat::S24Be => Some(s24_be),
        WireFormat::S32Be => Some(s32_be),
        _ => None,
    }
}
