//! Which wire format a track is played in: one pure function, bit-perfect first.

use core::fmt;

mod convert;
mod dsd;

use crate::decimate::Conversion;
use crate::{Caps, ChannelSet, Encoding, RateSet, Source, Wire, WireFormat};

/// What the owner wants of a plan. The default is bit-perfect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The engine scales samples: open the widest format, so that scaling loses as little as possible.
    pub software_volume: bool,
    /// The DAC understands DSD over PCM; without that it is used only with DACs that are known to. (To any other it is a
    /// faint noise.)
    pub dop: bool,
    /// A rate that the DAC hasn't is turned into one that it has; without that it is refused.
    pub resample: bool,
}

/// How source channels become wire channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelMap {
    /// One to one, in order.
    Same,
    /// One channel becomes two equal ones, for DACs without mono.
    MonoToStereo,
}

/// What is to be opened, and what happens to the samples on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WirePlan {
    /// What the ring carries and the DAC is opened with.
    pub wire: Wire,
    /// Whether every source bit reaches the wire unchanged.
    pub lossless: bool,
    /// Whether TPDF dither is added; never when `lossless`.
    pub dither: bool,
    /// Where the channels go.
    pub channel_map: ChannelMap,
    /// How a one-bit stream is made PCM, if the DAC takes it in no other form.
    pub decimation: Option<Conversion>,
    /// The rate that is resampled to the wire's, Hz: the source's, or the decimation's. `None` where nothing is.
    pub resampled_from: Option<u32>,
}

/// Why a track can't be played on this DAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The source itself makes no sense: no channels, more than the appliance handles, no rate, or no bits.
    Source(Source),
    /// The DAC hasn't this rate, and nothing is resampled: it isn't allowed, or there is no rate to go to.
    Rate {
        /// What the source has, Hz.
        rate: u32,
        /// What the DAC has.
        rates: RateSet,
    },
    /// The DAC hasn't this number of channels, and nothing is mixed down.
    Channels {
        /// What the source has.
        channels: u16,
        /// What the DAC has.
        available: ChannelSet,
    },
    /// The DAC takes no format that this appliance can pack.
    NoFormat,
    /// The DAC takes this one-bit stream neither natively nor over PCM, nor any PCM that it could be converted to.
    Dsd {
        /// Bits per second and channel.
        rate: u32,
        /// What the DAC takes.
        caps: Caps,
        /// Whether DoP was allowed.
        dop: bool,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(Source { rate, bits, channels, .. }) => {
                write!(f, "a source of {channels} channels, {bits} bits, {rate} Hz can't be played")
            }
            Self::Rate { rate, rates } => {
                write!(f, "the DAC can't play {rate} Hz")?;
                rates.max().map_or(Ok(()), |max| write!(f, " (it plays up to {max} Hz)"))
            }
            Self::Channels { channels, available } => {
                write!(f, "the DAC can't play {channels} channels")?;
                available.max().map_or(Ok(()), |max| write!(f, " (it plays up to {max})"))
            }
            Self::Dsd { rate, caps, dop } => dsd::explain(f, *rate, caps, *dop),
            Self::NoFormat => f.write_str("the DAC takes none of S16_LE, S24_3LE, S24_LE, S32_LE"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Lossy decoders compute in floats of 24 significant bits; more on the wire would be noise.
const FLOAT_BITS: u16 = 24;

/// Chooses how to play `source` on a DAC that takes `caps`.
///
/// The narrowest format that holds the source is taken; of equally wide ones the one with fewer bytes. If none holds
/// it, the widest there is, with dither. With software volume always the widest. One-bit streams go out as they are, natively
/// or as DoP; to a DAC that takes neither, as PCM. Another rate than the source's is chosen only where the DAC hasn't that.
///
/// # Errors
/// [`Refusal`] names what the DAC can't do.
pub fn plan(source: &Source, caps: &Caps, rules: &Rules) -> Result<WirePlan, Refusal> {
    let Source { rate, bits, channels, encoding } = *source;
    let known_width = encoding == Encoding::Lossy || (1..=64).contains(&bits);
    let integer_fits = match encoding {
        Encoding::Integer => bits <= 32,
        Encoding::Dsd => bits == 1,
        Encoding::Float | Encoding::Lossy => true,
    };
    if rate == 0 || !ChannelSet::ALL.contains(channels) || !known_width || !integer_fits {
        return Err(Refusal::Source(*source));
    }
    if encoding != Encoding::Dsd && !rules.resample && !caps.rates.contains(rate) {
        return Err(Refusal::Rate { rate, rates: caps.rates });
    }
    let (wire_channels, channel_map) = if caps.channels.contains(channels) {
        (channels, ChannelMap::Same)
    } else if channels == 1 && caps.channels.contains(2) {
        (2, ChannelMap::MonoToStereo)
    } else {
        return Err(Refusal::Channels { channels, available: caps.channels });
    };

    if encoding == Encoding::Dsd {
        return dsd::plan(source, caps, rules, (wire_channels, channel_map));
    }
    let wanted = if encoding == Encoding::Integer { bits } else { FLOAT_BITS };
    let format = choose(wanted, caps, rules).ok_or(Refusal::NoFormat)?;
    if !caps.rates.contains(rate) {
        let resampled = convert::resampled(source, caps, rules, (wire_channels, channel_map));
        return resampled.ok_or(Refusal::Rate { rate, rates: caps.rates });
    }
    let lossless = encoding == Encoding::Integer && bits <= format.bits();
    Ok(WirePlan {
        wire: Wire { format, rate, channels: wire_channels },
        lossless,
        dither: !lossless && format.bits() <= FLOAT_BITS,
        channel_map,
        decimation: None,
        resampled_from: None,
    })
}

fn choose(bits: u16, caps: &Caps, rules: &Rules) -> Option<WireFormat> {
    let holding = pcm(caps).find(|format| format.bits() >= bits);
    if rules.software_volume { widest(caps) } else { holding.or_else(|| widest(caps)) }
}

/// The most bits; of equally wide formats the one with fewer bytes.
fn widest(caps: &Caps) -> Option<WireFormat> {
    let most = pcm(caps).map(WireFormat::bits).max()?;
    pcm(caps).find(|format| format.bits() == most)
}

/// The PCM formats that the DAC takes.
fn pcm(caps: &Caps) -> impl Iterator<Item = WireFormat> + use<> {
    let formats = caps.formats;
    WireFormat::PCM.into_iter().filter(move |&format| formats.contains(format))
}
