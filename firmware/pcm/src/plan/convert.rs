//! What is done where the DAC takes a source in no form as it is: one-bit streams become PCM, and rates others.
//!
//! Filters and resamplers compute: what comes out of them has as many bits as a lossy decoder's output. So of the settings that
//! take the source's channels, those come first that hold these bits, or the deepest; then the rate is chosen among theirs.
//!
//! **24 bits with dither, where the DAC takes 32 as well**, is what a resampled track gets, a source of 32 bits included (but with
//! software volume, which takes the widest there is). That dither lies 141 dB below a tone at full scale, below the noise of any
//! DAC's own output, so more bits would carry nothing; and no wider than needed is the rule of the whole plan. A DAC that takes 32
//! bits and drops eight without a word would cut them off, where 24 with dither arrive whole. One-bit streams take the widest: what
//! comes out of `decimate` was rounded to 32 bits already.

use super::pcm::{Fit, choose};
use super::{FLOAT_BITS, Rules, WirePlan};
use crate::decimate::Conversion;
use crate::{Caps, Source, Wire};

/// Below this no rate is gone to from a higher one unless there is nothing else, Hz: it would cut what can be heard.
const AUDIBLE: u32 = 44_100;

/// The plan for a one-bit `source` as PCM in the widest format; `None` if there is no rate for it.
///
/// Four times the base rate (44.1 or 48 kHz) comes first: it has all that the filter for eight times has, in half the data.
/// Then eight times, then twice; and if the DAC has none of them, what twice the base rate is resampled to.
pub(super) fn decimated(source: &Source, caps: &Caps, rules: &Rules) -> Option<WirePlan> {
    let base = if source.rate.is_multiple_of(44_100) { 44_100 } else { 48_000 };
    let straight = deepest(source, caps, true, [4 * base, 8 * base, 2 * base].into_iter()).next();
    let (middle, rate, fit) = match straight {
        Some((rate, fit)) => (rate, rate, fit),
        None => {
            let middle = 2 * base;
            let (rate, fit) = nearest(&Source { rate: middle, ..*source }, caps, true).filter(|_| rules.resample)?;
            (middle, rate, fit)
        }
    };
    let decimation = Some(Conversion::new(source.rate, middle)?);
    Some(WirePlan { decimation, resampled_from: (middle != rate).then_some(middle), ..computed(rate, fit) })
}

/// The plan for PCM of a rate that the DAC hasn't; `None` if there is no other for it, or none is allowed.
pub(super) fn resampled(source: &Source, caps: &Caps, rules: &Rules) -> Option<WirePlan> {
    let (rate, fit) = nearest(source, caps, rules.software_volume).filter(|_| rules.resample)?;
    Some(WirePlan { resampled_from: Some(source.rate), ..computed(rate, fit) })
}

/// The plan for samples that are computed, to be completed by how.
const fn computed(rate: u32, fit: Fit) -> WirePlan {
    let Fit { format, channels, channel_map, .. } = fit;
    WirePlan {
        wire: Wire { format, rate, channels },
        lossless: false,
        exact_bits: None,
        dither: format.bits() <= FLOAT_BITS,
        channel_map,
        decimation: None,
        resampled_from: None,
    }
}

/// The rate to resample to, and what the result goes into: a multiple of the source's rate, the lowest; else a whole part of it
/// that cuts nothing audible, the highest; else the next one above, which cuts nothing either; else the highest below.
fn nearest(source: &Source, caps: &Caps, widest: bool) -> Option<(u32, Fit)> {
    let (own, rates) = (source.rate, caps.rates());
    let fits = || deepest(source, caps, widest, rates.iter());
    let multiple = fits().find(|(rate, _)| rate.is_multiple_of(own));
    let part = || fits().rfind(|&(rate, _)| rate >= AUDIBLE && own.is_multiple_of(rate));
    multiple.or_else(part).or_else(|| fits().find(|&(rate, _)| rate > own)).or_else(|| fits().next_back())
}

/// Those of `rates` at which the DAC has the most bits for the source's channels (above [`FLOAT_BITS`] none is counted), in the
/// same order, and what they go into.
fn deepest<R>(source: &Source, caps: &Caps, widest: bool, rates: R) -> impl DoubleEndedIterator<Item = (u32, Fit)>
where
    R: DoubleEndedIterator<Item = u32> + Clone,
{
    let fits = rates.filter_map(move |rate| {
        choose(&Source { rate, ..*source }, FLOAT_BITS, caps, widest).ok().map(|fit| (rate, fit))
    });
    let bits = |fit: &Fit| fit.bits.min(FLOAT_BITS);
    let most = fits.clone().map(|(_, fit)| bits(&fit)).max();
    fits.filter(move |(_, fit)| Some(bits(fit)) == most)
}
