//! The plan for PCM: the setting of the DAC that holds the source, at its rate and with its channels.

use super::{ChannelMap, Refusal};
use crate::{Caps, ChannelSet, RateSet, Setting, Source, WireFormat};

/// How a source goes into a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) format: WireFormat,
    /// Significant bits that the DAC has there.
    pub(super) bits: u16,
    pub(super) channels: u16,
    pub(super) channel_map: ChannelMap,
}

/// Wire channels for `channels` of the source; mono becomes stereo where it has to.
pub(super) fn map(channels: u16, available: ChannelSet) -> Option<(u16, ChannelMap)> {
    match channels {
        _ if available.contains(channels) => Some((channels, ChannelMap::Same)),
        1 if available.contains(2) => Some((2, ChannelMap::MonoToStereo)),
        _ => None,
    }
}

/// The narrowest setting that takes the source's rate and channels and holds `bits`; if none does, or with `widest`, the one
/// with the most bits. Of equally wide ones the one with fewer bytes, and of one format the one that keeps mono as it is.
pub(super) fn choose(source: &Source, bits: u16, caps: &Caps, widest: bool) -> Result<Fit, Refusal> {
    let fits = || WireFormat::PCM.into_iter().filter_map(|format| fit(source, format, caps));
    let holding = fits().find(|fit| fit.bits >= bits && !widest);
    let most = fits().map(|fit| fit.bits).max();
    holding.or_else(|| fits().find(|fit| Some(fit.bits) == most)).ok_or_else(|| refusal(source, caps))
}

/// The best setting in this format.
fn fit(source: &Source, format: WireFormat, caps: &Caps) -> Option<Fit> {
    let settings = caps.of(format).filter(|setting| setting.rates.contains(source.rate));
    let fits = settings.filter_map(|setting| {
        let (channels, channel_map) = map(source.channels, setting.channels)?;
        Some(Fit { format, bits: setting.bits, channels, channel_map })
    });
    fits.max_by_key(|fit| (fit.bits, fit.channel_map == ChannelMap::Same))
}

/// What stands in the way: the first of format, channels and rate that no setting has.
fn refusal(source: &Source, caps: &Caps) -> Refusal {
    if !caps.formats().iter().any(WireFormat::is_pcm) {
        return Refusal::NoFormat;
    }
    let Source { rate, channels, .. } = *source;
    let fits = |setting: &&Setting| setting.format.is_pcm() && map(channels, setting.channels).is_some();
    let rates = caps.settings().filter(fits).fold(RateSet::EMPTY, |rates, setting| rates.and(setting.rates));
    if rates == RateSet::EMPTY {
        return Refusal::Channels { channels, available: caps.channels() };
    }
    Refusal::Rate { rate, rates }
}
