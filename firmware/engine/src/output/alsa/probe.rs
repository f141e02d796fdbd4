//! What a card takes, asked of its driver.

use std::ffi::CString;

use ::pcm::{Caps, ChannelSet, FormatSet, RateSet, STANDARD_RATES, WireFormat};
use alsa::Direction;
use alsa::pcm::{Access, HwParams, PCM};

use super::format;

/// Opens `name` and tries every format, rate and channel count. The mixer is left out.
pub(super) fn caps(name: &str) -> alsa::Result<Caps> {
    let unknown = |_| alsa::Error::new("snd_pcm_open", libc::EINVAL);
    let pcm = PCM::open(&CString::new(name).map_err(unknown)?, Direction::Playback, true)?;
    let params = HwParams::any(&pcm)?;
    params.set_rate_resample(false)?;
    params.set_access(Access::MMapInterleaved)?;
    // Whether a card understands DoP can't be asked.
    let askable = WireFormat::ALL.into_iter().filter(|wire| !wire.is_dop());
    let formats = askable.filter(|&wire| params.test_format(format(wire)).is_ok());
    let rates = STANDARD_RATES.into_iter().filter(|&rate| params.test_rate(rate).is_ok());
    let channels = (1..=8u16).filter(|&channels| params.test_channels(u32::from(channels)).is_ok());
    Ok(Caps {
        formats: formats.collect::<FormatSet>(),
        rates: rates.fold(RateSet::EMPTY, RateSet::with),
        channels: channels.fold(ChannelSet::EMPTY, ChannelSet::with),
        mixer: false,
    })
}
