//! The plan for one-bit sources: native DSD, else DSD over PCM, else PCM.

use super::{ChannelMap, Refusal, Rules, WirePlan, convert};
use crate::{Caps, Source, Wire, WireFormat};

/// Chooses how to play a one-bit `source` with `channels` wire channels.
///
/// Native DSD if the DAC has it at this rate, with the longest words that it takes. Else DoP, in the narrowest format with 24
/// bits, if the DAC is known to understand it or the owner says so: to any other DAC it is noise. Else it is converted.
pub(super) fn plan(
    source: &Source,
    caps: &Caps,
    rules: &Rules,
    (channels, channel_map): (u16, ChannelMap),
) -> Result<WirePlan, Refusal> {
    let native = WireFormat::DSD.into_iter().filter(|&format| caps.formats.contains(format));
    let carried = WireFormat::DOP
        .into_iter()
        .filter(|&format| caps.formats.contains(format) || (rules.dop && caps.formats.contains(format.carrier())));
    let mut wires = native.chain(carried).filter_map(|format| {
        let bits = u32::from(format.bits());
        let rate = source.rate.is_multiple_of(bits).then_some(source.rate / bits)?;
        Some(Wire { format, rate, channels }).filter(|wire| caps.takes(wire))
    });
    match wires.next() {
        Some(wire) => {
            Ok(WirePlan { wire, lossless: true, dither: false, channel_map, decimation: None, resampled_from: None })
        }
        None => convert::decimated(source, caps, rules, (channels, channel_map)).ok_or(Refusal::Dsd {
            rate: source.rate,
            caps: *caps,
            dop: rules.dop,
        }),
    }
}

/// Says what is missing.
pub(super) fn explain(
    f: &mut core::fmt::Formatter<'_>,
    rate: u32,
    caps: &Caps,
    dop_allowed: bool,
) -> core::fmt::Result {
    let has = |formats: &[WireFormat]| formats.iter().any(|&format| caps.formats.contains(format));
    match rate / 44_100 {
        multiple if multiple * 44_100 == rate => write!(f, "the DAC can't play DSD{multiple}: ")?,
        _ => write!(f, "the DAC can't play DSD at {rate} Hz: ")?,
    }
    f.write_str(if has(&WireFormat::DSD) { "it has DSD, but not at that rate" } else { "it has no DSD" })?;
    f.write_str(", and no PCM that this could be converted to")?;
    let carrier = rate / 16;
    if !has(&[WireFormat::S24_3Le, WireFormat::S24Le, WireFormat::S32Le]) || !caps.rates.contains(carrier) {
        return write!(f, ", and for DSD over PCM it would need 24 bits at {carrier} Hz");
    }
    if dop_allowed || has(&WireFormat::DOP) {
        return Ok(());
    }
    f.write_str("; if it understands DSD over PCM (DoP), allow that in the settings")
}
