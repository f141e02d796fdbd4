//! Which wire format a track is played in: one pure function, bit-perfect first.

use core::fmt;

mod convert;
mod dsd;
mod pcm;

use crate::decimate::Conversion;
use crate::{Caps, ChannelSet, Encoding, RateSet, Source, Wire};

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
    /// Whether every bit that such a source can hold reaches the wire unchanged, and the DAC is known to use it. Of floats nobody can
    /// know beforehand: see `exact_bits`.
    pub lossless: bool,
    /// Whether TPDF dither is added; never when `lossless`. (Floats that happen to be whole numbers of the wire's steps are left alone
    /// up to the first that isn't one: [`Packer`](crate::Packer).)
    pub dither: bool,
    /// Bits whose whole steps reach the DAC unchanged, of a source of floats that goes out as it is; `None` for every other source. How
    /// it went with a track its packer knows: [`Packer::has_rounded`](crate::Packer::has_rounded).
    pub exact_bits: Option<u16>,
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
        /// What the DAC has with the source's number of channels.
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
        /// The DAC takes DSD at other rates, or with other channels.
        native: bool,
        /// It takes the PCM that would carry this stream as DoP.
        carrier: bool,
        /// DoP was allowed, or the DAC is known to understand it.
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
                match available.max() {
                    None => Ok(()),
                    Some(max) if max < *channels => write!(f, " (it plays up to {max})"),
                    Some(max) => write!(f, " (it plays other numbers of them, up to {max})"),
                }
            }
            Self::Dsd { rate, native, carrier, dop } => dsd::explain(f, *rate, *native, *carrier, *dop),
            Self::NoFormat => f.write_str("the DAC takes no PCM of 16, 24 or 32 bits"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Lossy decoders compute in floats of 24 significant bits; more on the wire would be noise.
const FLOAT_BITS: u16 = 24;

/// Floats that are the source itself have 24 significant bits at every level: a quiet one lies in the lower ones of the wire, and
/// there is no width below the widest that holds them all.
const STORED_FLOAT_BITS: u16 = 32;

/// Chooses how to play `source` on a DAC that takes `caps`.
///
/// Of the formats that the DAC takes at the source's rate and with its channels, the narrowest that holds the source; of equally
/// wide ones the one with fewer bytes. If none holds it, the widest there is, with dither. With software volume always the
/// widest. How wide a format is, is counted in the bits that the DAC uses of it. One-bit streams go out as they are, natively or
/// as DoP; to a DAC that takes neither, as PCM. Another rate than the source's is chosen only where the DAC hasn't that, and then the
/// narrowest format with 24 bits, with dither (`plan/convert.rs` says why not 32).
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
    if encoding == Encoding::Dsd {
        return dsd::plan(source, caps, rules);
    }
    let wanted = match encoding {
        Encoding::Integer => bits,
        Encoding::Float => STORED_FLOAT_BITS,
        Encoding::Lossy | Encoding::Dsd => FLOAT_BITS,
    };
    let fit = match pcm::choose(source, wanted, caps, rules.software_volume) {
        Ok(fit) => fit,
        Err(refusal) => return convert::resampled(source, caps, rules).ok_or(refusal),
    };
    let pcm::Fit { format, bits: true_bits, channels, channel_map } = fit;
    let lossless = encoding == Encoding::Integer && bits <= true_bits;
    // What the DAC itself drops below its true bits stays on the wire, and needs no dither.
    let narrowed = encoding != Encoding::Integer || bits > format.bits();
    // Floats of 64 bits were rounded to 32 when they were decoded.
    let exact_bits = (encoding == Encoding::Float && bits <= 32).then_some(true_bits.min(format.bits()));
    Ok(WirePlan {
        wire: Wire { format, rate, channels },
        exact_bits,
        lossless,
        dither: narrowed && format.bits() <= FLOAT_BITS,
        channel_map,
        decimation: None,
        resampled_from: None,
    })
}
