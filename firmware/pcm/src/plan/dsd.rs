//! The plan for one-bit sources: native DSD, else DSD over PCM, else PCM.

use super::{Refusal, Rules, WirePlan, convert, pcm::map};
use crate::{Caps, ChannelMap, ChannelSet, Source, Wire, WireFormat};

/// Significant bits that DoP takes: a marker and 16 bits of the stream.
const DOP_BITS: u16 = 24;

/// Chooses how to play a one-bit `source`.
///
/// Native DSD if the DAC has it at this rate, with the longest words that it takes. Else DoP, in the narrowest format with 24
/// bits, if the DAC is known to understand it or the owner says so: to any other DAC it is noise. Else it is converted.
pub(super) fn plan(source: &Source, caps: &Caps, rules: &Rules) -> Result<WirePlan, Refusal> {
    let formats = WireFormat::DSD.into_iter().chain(dop(caps, rules));
    let mut wires = formats.filter_map(|format| open(source, format, caps));
    match wires.next() {
        Some((wire, channel_map)) => Ok(WirePlan {
            wire,
            lossless: true,
            dither: false,
            exact_bits: None,
            channel_map,
            decimation: None,
            resampled_from: None,
        }),
        None => convert::decimated(source, caps, rules).ok_or_else(|| refusal(source, caps, rules)),
    }
}

impl WirePlan {
    /// The same for a source whose PCM carries DoP: in the plan's own format if that can, else in the narrowest that the DAC has
    /// at this rate. There is none with the highest byte first.
    #[must_use]
    pub fn with_dop(&self, caps: &Caps) -> Option<Self> {
        let Wire { rate, channels, .. } = self.wire;
        let takes = |format: &WireFormat| {
            caps.of(format.carrier()).any(|setting| setting.takes(rate, channels) && setting.bits >= DOP_BITS)
        };
        let own = self.wire.format.with_dop();
        let format = own.into_iter().chain(WireFormat::DOP).find(takes).filter(|_| self.resampled_from.is_none())?;
        let wire = Wire { format, ..self.wire };
        Some(Self { wire, lossless: true, dither: false, ..*self })
    }
}

/// The formats of DoP that the DAC may be sent.
fn dop(caps: &Caps, rules: &Rules) -> impl Iterator<Item = WireFormat> {
    let (formats, allowed) = (caps.formats(), rules.dop);
    WireFormat::DOP.into_iter().filter(move |&format| allowed || formats.contains(format))
}

/// The wire for `source` in this format, if the DAC takes it.
fn open(source: &Source, format: WireFormat, caps: &Caps) -> Option<(Wire, ChannelMap)> {
    let bits = u32::from(format.bits());
    let rate = source.rate.is_multiple_of(bits).then_some(source.rate / bits)?;
    let settings = caps.of(format.carrier()).filter(|setting| !format.is_dop() || setting.bits >= DOP_BITS);
    let mapped = settings.filter(|setting| setting.rates.contains(rate));
    let maps = mapped.filter_map(|setting| map(source.channels, setting.channels));
    let (channels, channel_map) = maps.max_by_key(|(_, channel_map)| *channel_map == ChannelMap::Same)?;
    Some((Wire { format, rate, channels }, channel_map))
}

/// What stands in the way.
fn refusal(source: &Source, caps: &Caps, rules: &Rules) -> Refusal {
    let Source { rate, channels, .. } = *source;
    let available = caps.settings().map(|setting| setting.channels).reduce(ChannelSet::and);
    let available = available.unwrap_or_default();
    if map(channels, available).is_none() {
        return Refusal::Channels { channels, available };
    }
    let formats = caps.formats();
    Refusal::Dsd {
        rate,
        native: WireFormat::DSD.into_iter().any(|format| formats.contains(format)),
        carrier: WireFormat::DOP.into_iter().any(|format| open(source, format, caps).is_some()),
        dop: dop(caps, rules).next().is_some(),
    }
}

/// Says what is missing.
pub(super) fn explain(
    f: &mut core::fmt::Formatter<'_>,
    rate: u32,
    native: bool,
    carrier: bool,
    dop: bool,
) -> core::fmt::Result {
    match rate / 44_100 {
        multiple if multiple * 44_100 == rate => write!(f, "the DAC can't play DSD{multiple}: ")?,
        _ => write!(f, "the DAC can't play DSD at {rate} Hz: ")?,
    }
    f.write_str(if native { "it has DSD, but not at that rate" } else { "it has no DSD" })?;
    f.write_str(", and no PCM that this could be converted to")?;
    if !carrier {
        return write!(f, ", and for DSD over PCM it would need 24 bits, the lowest byte first, at {} Hz", rate / 16);
    }
    if dop {
        return Ok(());
    }
    f.write_str("; if it understands DSD over PCM (DoP), allow that in the settings")
}
