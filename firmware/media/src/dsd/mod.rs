//! Containers of one-bit streams: DSF and DSDIFF. Both give bytes as they lie in the file; what the wire needs of them is
//! `pcm`'s. A frame is a byte of each channel: eight samples.

mod dff;
mod dsf;

pub(crate) use self::dff::open as open_dff;
pub(crate) use self::dsf::open as open_dsf;

use pcm::{Encoding, MAX_CHANNELS, Source};

use crate::fault::Fault;

/// Sizes from here on are those of a writer that didn't know.
const NO_SIZE: u64 = 1 << 62;

/// The lowest rate that is believed, bits per second and channel: DSD64, the lowest that there is. At lower ones
/// the noise of one bit would lie in what is heard.
const MIN_RATE: u32 = 44_100 * 64;

/// The highest rate that is believed, bits per second and channel: DSD2048 of the 48 kHz family.
const MAX_RATE: u32 = 48_000 * 2048;

/// Takes what a header says, if it makes sense.
fn source(rate: u32, channels: u32) -> Result<Source, Fault> {
    // A whole number of bytes a second: every rate there is is a multiple of 44.1 or 48 kHz.
    if !(MIN_RATE..=MAX_RATE).contains(&rate) || !rate.is_multiple_of(8) || channels == 0 {
        return Err(Fault::corrupt(format!("DSD at {rate} Hz, {channels} channels")));
    }
    match u16::try_from(channels) {
        Ok(channels) if usize::from(channels) <= MAX_CHANNELS => {
            Ok(Source { rate, bits: 1, channels, encoding: Encoding::Dsd })
        }
        _ => Err(Fault::unsupported(format!("{channels} channels; at most {MAX_CHANNELS} are played"))),
    }
}
