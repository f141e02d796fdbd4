//! Scaled samples for a DAC that uses fewer bits than the format has: rounded to those, with noise of their size.
//!
//! Without it the DAC would cut the lower bits off: an error that follows the signal, where dither is meant to leave none.

use crate::dither::WIDE;
use crate::layout::{Layout, S16, S24, S24Packed, S32};
use crate::{Tpdf, WireFormat};

/// Noise of another part of the table than the kernels': those have dithered 16 and 24 bits already.
const ELSEWHERE: u32 = 1 << 31;

/// Rounds the samples of `dst`, which are scaled, to their upper `bits` bits. The last sample may be a part of one.
pub(super) fn round(format: WireFormat, bits: u16, dst: &mut [u8], dither: Tpdf) {
    let noise = Tpdf::new(dither.position().wrapping_add(ELSEWHERE));
    match format {
        WireFormat::S16Le => round_as::<S16, 2>(bits, dst, noise),
        WireFormat::S16Be => round_as::<S16<true>, 2>(bits, dst, noise),
        WireFormat::S24_3Le => round_as::<S24Packed, 3>(bits, dst, noise),
        WireFormat::S24_3Be => round_as::<S24Packed<true>, 3>(bits, dst, noise),
        WireFormat::S24Le => round_as::<S24, 4>(bits, dst, noise),
        WireFormat::S24Be => round_as::<S24<true>, 4>(bits, dst, noise),
        WireFormat::S32Le => round_as::<S32, 4>(bits, dst, noise),
        WireFormat::S32Be => round_as::<S32<true>, 4>(bits, dst, noise),
        // Not scaled.
        _ => {}
    }
}

fn round_as<L: Layout<BYTES>, const BYTES: usize>(bits: u16, dst: &mut [u8], mut noise: Tpdf) {
    let dropped = L::BITS.saturating_sub(bits.into());
    if dropped == 0 {
        return;
    }
    // Noise with `WIDE` bits behind the point, to as many as are dropped.
    let (more, fewer) = (dropped.saturating_sub(WIDE), WIDE.saturating_sub(dropped));
    let step = 1_i64 << dropped;
    let most = i64::from(L::MAX) & -step;
    let mut rest = dst.as_chunks_mut::<BYTES>().0;
    while !rest.is_empty() {
        let [levels, signs] = noise.rows_in_32_bits();
        let (row, behind) = rest.split_at_mut(levels.len().min(rest.len()));
        rest = behind;
        noise.advance(row.len() as u32);
        for ((sample, level), sign) in row.iter_mut().zip(levels).zip(signs) {
            let noise = i64::from(level ^ sign) << more >> fewer;
            let near = i64::from(L::load(*sample)) + noise + step / 2;
            // A power of two, and two's complement: this rounds down.
            let rounded = (near & -step).clamp(L::MIN.into(), most);
            *sample = L::store(rounded as i32);
        }
        if levels.is_empty() {
            return;
        }
    }
}
