//! The kernels of each instruction set as functions, and the tables from which they are chosen.

use super::convert::Sample;
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, sse41::Sse41};
use super::{pack, scale};
use crate::layout::{Layout, S16, S24, S24Packed, S32};
use crate::{Cpu, Feature, Tpdf, WireFormat};

/// Packs one plane; how many samples is the shortest slice's affair.
///
/// # Safety
/// The CPU must have the instructions of the table that it comes from.
type One<T> = unsafe fn(&[T], &mut [u8], Tpdf);
/// As [`One`], for two planes; the last argument says that they are the same, and get the same noise.
type Two<T> = unsafe fn(&[T], &[T], &mut [u8], Tpdf, bool);
/// Scales samples of the wire by a gain each.
type Scale = unsafe fn(&[u8], &[i32], &mut [u8], Tpdf);

/// Kernels that pack samples of one type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packs<T> {
    one: One<T>,
    two: Two<T>,
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
    pub(crate) fn run(self, src: &[u8], gains: &[i32], dst: &mut [u8], noise: Tpdf) {
        // SAFETY: whoever got this from `scaling` showed the CPU.
        unsafe { (self.0)(src, gains, dst, noise) }
    }
}

/// Everything of one instruction set, by format.
struct Table {
    plain: [PackSet; 4],
    dithered: [PackSet; 3],
    scale: [Scaling; 4],
}

/// The functions of an instruction set, which use each `$simd` in turn for what the one before it left over, and its table.
macro_rules! table {
    ($name:ident, $features:literal, $($simd:path),*) => {
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
                let mut job = pack::Job { left: src, right: None, dst, noise, twins: false };
                // SAFETY: the caller's.
                $(job.blocks::<$simd, L, BYTES, DITHER>(unsafe { <$simd>::new() });)*
                scalar::one::<T, L, BYTES, DITHER>(job.left, job.dst, job.noise);
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
                let mut job = pack::Job { left, right: Some(right), dst, noise, twins };
                // SAFETY: the caller's.
                $(job.blocks::<$simd, L, BYTES, DITHER>(unsafe { <$simd>::new() });)*
                scalar::two::<T, L, BYTES, DITHER>(job.left, job.right.unwrap_or_default(), job.dst, job.noise, twins);
            }

            /// # Safety
            /// The CPU must have the features.
            #[target_feature(enable = $features)]
            unsafe fn scale<L: Layout<BYTES>, const BYTES: usize>(
                src: &[u8],
                gains: &[i32],
                dst: &mut [u8],
                noise: Tpdf,
            ) {
                let mut job = scale::Job { src, gains, dst, noise };
                // SAFETY: the caller's.
                $(job.blocks::<$simd, L, BYTES>(unsafe { <$simd>::new() });)*
                scalar::scale::<L, BYTES>(job.src, job.gains, job.dst, job.noise);
            }

            tables!();
        }
    };
}

/// The table of the functions beside it.
macro_rules! tables {
    () => {
        const fn set<L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>() -> PackSet {
            PackSet {
                s16: Packs { one: one::<i16, L, BYTES, DITHER>, two: two::<i16, L, BYTES, DITHER> },
                s32: Packs { one: one::<i32, L, BYTES, DITHER>, two: two::<i32, L, BYTES, DITHER> },
                f32: Packs { one: one::<f32, L, BYTES, DITHER>, two: two::<f32, L, BYTES, DITHER> },
            }
        }

        pub(super) static TABLE: Table = Table {
            plain: [
                set::<S16, 2, false>(),
                set::<S24Packed, 3, false>(),
                set::<S24, 4, false>(),
                set::<S32, 4, false>(),
            ],
            dithered: [set::<S16, 2, true>(), set::<S24Packed, 3, true>(), set::<S24, 4, true>()],
            scale: [
                Scaling(scale::<S16, 2>),
                Scaling(scale::<S24Packed, 3>),
                Scaling(scale::<S24, 4>),
                Scaling(scale::<S32, 4>),
            ],
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
        pack::Job { left: src, right: None, dst, noise, twins: false }.scalar::<L, BYTES, DITHER>();
    }

    #[inline(never)]
    pub(super) fn two<T: Sample, L: Layout<BYTES>, const BYTES: usize, const DITHER: bool>(
        left: &[T],
        right: &[T],
        dst: &mut [u8],
        noise: Tpdf,
        twins: bool,
    ) {
        pack::Job { left, right: Some(right), dst, noise, twins }.scalar::<L, BYTES, DITHER>();
    }

    #[inline(never)]
    pub(super) fn scale<L: Layout<BYTES>, const BYTES: usize>(src: &[u8], gains: &[i32], dst: &mut [u8], noise: Tpdf) {
        scale::Job { src, gains, dst, noise }.scalar::<L, BYTES>();
    }

    tables!();
}

#[cfg(target_arch = "x86_64")]
table!(sse41, "ssse3,sse4.1", Sse41);
#[cfg(target_arch = "x86_64")]
table!(avx2, "avx2", Avx2, Sse41);
#[cfg(target_arch = "x86_64")]
table!(avx512, "avx512f,avx512bw,avx512vbmi", Avx512, Avx2, Sse41);
#[cfg(target_arch = "aarch64")]
table!(neon, "neon", Neon);

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

/// The kernels that pack into `format`, into what carries it if it is DoP, or into a big-endian one's little-endian twin; none if
/// it is DSD. 32 bits aren't dithered: what is cut off there is below everything.
pub(crate) fn packs(cpu: Cpu, format: WireFormat, dither: bool) -> Option<&'static PackSet> {
    let Table { plain: [s16, s24_3, s24, s32], dithered: [dithered_s16, dithered_s24_3, dithered_s24], .. } =
        table(cpu);
    match (format.carrier().little_endian(), dither) {
        (WireFormat::S16Le, false) => Some(s16),
        (WireFormat::S16Le, true) => Some(dithered_s16),
        (WireFormat::S24_3Le, false) => Some(s24_3),
        (WireFormat::S24_3Le, true) => Some(dithered_s24_3),
        (WireFormat::S24Le, false) => Some(s24),
        (WireFormat::S24Le, true) => Some(dithered_s24),
        (WireFormat::S32Le, _) => Some(s32),
        _ => None,
    }
}

/// The kernel that scales samples of `format`, or of a big-endian one's little-endian twin; none if that isn't PCM.
pub(crate) fn scaling(cpu: Cpu, format: WireFormat) -> Option<Scaling> {
    let [s16, s24_3, s24, s32] = table(cpu).scale;
    match format.little_endian() {
        WireFormat::S16Le => Some(s16),
        WireFormat::S24_3Le => Some(s24_3),
        WireFormat::S24Le => Some(s24),
        WireFormat::S32Le => Some(s32),
        _ => None,
    }
}
