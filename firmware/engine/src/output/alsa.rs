//! ALSA: a card's PCM through `mmap`, its mixer, finding it and noticing when cards come and go.

mod cards;
mod device;
mod mixer;
mod pcm;
mod probe;
mod uevent;

pub(crate) use device::{AlsaDevice, Choice};
pub(crate) use uevent::Uevents;

use ::pcm::WireFormat;
use alsa::pcm::Format;

/// ALSA's number for a wire format; it doesn't know DoP, which is PCM to it.
const fn format(format: WireFormat) -> Format {
    match format {
        WireFormat::S16Le => Format::S16LE,
        WireFormat::S24_3Le | WireFormat::DopS24_3Le => Format::S243LE,
        WireFormat::S24Le | WireFormat::DopS24Le => Format::S24LE,
        WireFormat::S32Le | WireFormat::DopS32Le => Format::S32LE,
        WireFormat::DsdU8 => Format::DSDU8,
        WireFormat::DsdU16Le => Format::DSDU16LE,
        WireFormat::DsdU16Be => Format::DSDU16BE,
        WireFormat::DsdU32Le => Format::DSDU32LE,
        WireFormat::DsdU32Be => Format::DSDU32BE,
    }
}
