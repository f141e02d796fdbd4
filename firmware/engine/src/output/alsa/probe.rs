//! What a card takes, asked of its driver.

use std::ffi::{CStr, CString};

use ::pcm::{Caps, ChannelSet, RateSet, STANDARD_RATES, Setting, WireFormat};
use alsa::Direction;
use alsa::pcm::{Access, HwParams, PCM};

use super::significant::Asking;
use super::stream::Alternate;
use super::{format, stream};

/// Opens `name` and tries every format, with it every channel count, and with both every rate: a USB DAC's alternate settings
/// differ in all of them. `stream` is what snd-usb-audio tells of the card, empty for others. The mixer is left out.
pub(super) fn caps(name: &str, stream: &str) -> alsa::Result<Caps> {
    let name = CString::new(name).map_err(|_| alsa::Error::new("snd_pcm_open", libc::EINVAL))?;
    let settings = settings(&name)?;
    let mut asking = Asking::open(&name);
    let told = stream::alternates(stream);
    let counted = settings.into_iter().flat_map(|setting| {
        let driver = asking.as_mut().and_then(|asking| asking.bits(format(setting.format)));
        by_bits(setting, driver, &told)
    });
    Ok(counted.fold(Caps::default(), Caps::with))
}

/// The setting with its significant bits; several settings if those differ from rate to rate. `driver`: as the driver knows them for
/// the format. Where a stream can be played in several alternate settings, the one with the fewest counts: none has more for sure.
fn by_bits(setting: Setting, driver: Option<u16>, told: &[Alternate]) -> Vec<Setting> {
    let Setting { format, channels, .. } = setting;
    let most = format.bits();
    let mut parts: Vec<Setting> = Vec::new();
    for rate in setting.rates.iter() {
        let descriptors = told.iter().filter_map(|alternate| alternate.bits(format, rate, channels));
        let known = descriptors.chain(driver).min().filter(|_| format.is_pcm());
        let bits = known.unwrap_or(most).min(most);
        match parts.iter_mut().find(|part| part.bits == bits) {
            Some(part) => part.rates = part.rates.with(rate),
            None => parts.push(Setting { bits, rates: RateSet::EMPTY.with(rate), ..setting }),
        }
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_alternate_settings_that_have_the_rate() {
        let text = "Playback:\n  Interface 1\n    Altset 1\n    Format: S32_LE\n    Channels: 2\n    Rates: 44100, 48000\n    Bits: 32\n  \
                    Interface 1\n    Altset 2\n    Format: S32_LE\n    Channels: 2\n    Rates: 48000, 192000\n    Bits: 24\n";
        let rates = [44_100, 48_000, 96_000, 192_000].into_iter().collect();
        let setting = Setting::new(WireFormat::S32Le, rates, ChannelSet::STEREO);
        let parts = by_bits(setting, None, &stream::alternates(text));
        let shown: Vec<_> = parts.iter().map(|part| (part.bits, part.rates.iter().collect::<Vec<_>>())).collect();
        assert_eq!(shown, [(32, vec![44_100, 96_000]), (24, vec![48_000, 192_000])]);
        let [all] = by_bits(setting, Some(20), &[])[..] else { panic!("one setting") };
        assert_eq!((all.bits, all.rates), (20, rates), "as the driver knows them");
    }
}
