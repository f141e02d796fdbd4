//! What is done where the DAC takes a source in no form as it is: one-bit streams become PCM, and rates others.

use super::{ChannelMap, FLOAT_BITS, Rules, WirePlan, choose, widest};
use crate::decimate::Conversion;
use crate::{Caps, Source, Wire, WireFormat};

/// Below this no rate is gone to from a higher one unless there is nothing else, Hz: it would cut what can be heard.
const AUDIBLE: u32 = 44_100;

/// The plan for a one-bit `source` as PCM in the widest format; `None` if there is no rate for it.
///
/// Four times the base rate (44.1 or 48 kHz) comes first: it has all that the filter for eight times has, in half the data.
/// Then eight times, then twice; and if the DAC has none of them, what twice the base rate is resampled to.
pub(super) fn decimated(
    source: &Source,
    caps: &Caps,
    rules: &Rules,
    (channels, channel_map): (u16, ChannelMap),
) -> Option<WirePlan> {
    let format = widest(caps)?;
    let base = if source.rate.is_multiple_of(44_100) { 44_100 } else { 48_000 };
    let takes = |rate: u32| caps.takes(&Wire { format, rate, channels });
    let plan = |middle: u32, rate: u32| {
        Some(WirePlan {
            wire: Wire { format, rate, channels },
            lossless: false,
            dither: format.bits() <= FLOAT_BITS,
            channel_map,
            decimation: Some(Conversion::new(source.rate, middle)?),
            resampled_from: (middle != rate).then_some(middle),
        })
    };
    if let Some(rate) = [4 * base, 8 * base, 2 * base].into_iter().find(|&rate| takes(rate)) {
        return plan(rate, rate);
    }
    let rate = rules.resample.then(|| nearest(2 * base, caps, format, channels)).flatten()?;
    plan(2 * base, rate)
}

/// The plan for PCM of a rate that the DAC hasn't; `None` if there is no other for it, or none is allowed.
pub(super) fn resampled(
    source: &Source,
    caps: &Caps,
    rules: &Rules,
    (channels, channel_map): (u16, ChannelMap),
) -> Option<WirePlan> {
    // A resampler computes: what comes out of it has no fewer bits than a lossy decoder's output.
    let format = choose(FLOAT_BITS, caps, rules).filter(|_| rules.resample)?;
    let rate = nearest(source.rate, caps, format, channels)?;
    Some(WirePlan {
        wire: Wire { format, rate, channels },
        lossless: false,
        dither: format.bits() <= FLOAT_BITS,
        channel_map,
        decimation: None,
        resampled_from: Some(source.rate),
    })
}

/// The rate to resample `rate` to: a multiple, the lowest; else a whole part of it that cuts nothing audible, the highest;
/// else the next one above, which cuts nothing either; else the highest below.
fn nearest(rate: u32, caps: &Caps, format: WireFormat, channels: u16) -> Option<u32> {
    let rates = || caps.rates.iter().filter(move |&other| caps.takes(&Wire { format, rate: other, channels }));
    let multiple = rates().find(|other| other.is_multiple_of(rate));
    let part = || rates().rfind(|&other| other >= AUDIBLE && rate.is_multiple_of(other));
    multiple.or_else(part).or_else(|| rates().find(|&other| other > rate)).or_else(|| rates().next_back())
}
