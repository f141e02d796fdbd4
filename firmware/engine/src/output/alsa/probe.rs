//! What a card takes, asked of its driver.

use std::ffi::{CStr, CString};

use ::pcm::{Caps, ChannelSet, RateSet, STANDARD_RATES, Setting, WireFormat};
use alsa::Direction;
use alsa::pcm::{Access, HwParams, PCM};

use super::significant::Asking;
use super::{format, stream};

/// Opens `name` and tries every format, with it every channel count, and with both every rate: a USB DAC's alternate settings
/// differ in all of them. `stream` is what snd-usb-audio tells of the card, empty for others. The mixer is left out.
pub(super) fn caps(name: &str, stream: &str) -> alsa::Result<Caps> {
    let name = CString::new(name).map_err(|_| alsa::Error::new("snd_pcm_open", libc::EINVAL))?;
    let settings = settings(&name)?;
    let mut asking = Asking::open(&name);
    let told = stream::bits(stream);
    let count = |setting: Setting| {
        let driver = asking.as_mut().and_then(|asking| asking.bits(format(setting.format)));
        let descriptor = told.iter().filter(|(format, _)| *format == setting.format).map(|(_, bits)| *bits).max();
        let known = [driver, descriptor].into_iter().flatten().min().filter(|_| setting.format.is_pcm());
        Setting { bits: known.unwrap_or(u16::MAX).min(setting.format.bits()), ..setting }
    };
    Ok(settings.into_iter().map(count).fold(Caps::default(), Caps::with))
}

fn settings(name: &CStr) -> alsa::Result<Vec<Setting>> {
    let pcm = PCM::open(name, Direction::Playback, true)?;
    let params = HwParams::any(&pcm)?;
    params.set_rate_resample(false)?;
    params.set_access(Access::MMapInterleaved)?;
    // Whether a card understands DoP can't be asked.
    let askable = WireFormat::ALL.into_iter().filter(|wire| !wire.is_dop());
    Ok(askable.flat_map(|wire| of_format(&params, wire).unwrap_or_default()).collect())
}

/// The settings in one format: channel counts that have the same rates share one.
fn of_format(any: &HwParams<'_>, wire: WireFormat) -> alsa::Result<Vec<Setting>> {
    let mut settings: Vec<Setting> = Vec::new();
    let params = any.clone();
    params.set_format(format(wire))?;
    for channels in 1..=8 {
        let Some(rates) = rates(&params, channels) else { continue };
        match settings.iter_mut().find(|setting| setting.rates == rates) {
            Some(same) => same.channels = same.channels.with(channels),
            None => settings.push(Setting::new(wire, rates, ChannelSet::EMPTY.with(channels))),
        }
    }
    Ok(settings)
}

/// The rates with this many channels; `None` if there are none.
fn rates(of_format: &HwParams<'_>, channels: u16) -> Option<RateSet> {
    of_format.test_channels(channels.into()).ok()?;
    let params = of_format.clone();
    params.set_channels(channels.into()).ok()?;
    let rates = STANDARD_RATES.into_iter().filter(|&rate| params.test_rate(rate).is_ok());
    Some(rates.collect()).filter(|&rates| rates != RateSet::EMPTY)
}
