//! The ALSA device: found, probed, opened, found again.

use std::time::{Duration, Instant};

use ::pcm::Wire;
use ring::message::{Refused, Volume, VolumeMode};

use super::cards::{Places, Playback};
use super::mixer::CardMixer;
use super::pcm::AlsaOutput;
use super::{probe, stream};
use crate::output::device::{Device, Found, Opened, Refusal, Told};
use crate::rules::Card;

/// Which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The best there is.
    Auto,
    /// This one, by ALSA's name.
    Named(String),
}

/// An ALSA device that may come and go.
pub(crate) struct AlsaDevice {
    choice: Choice,
    buffer_ms: u32,
    period_ms: u32,
    places: Places,
    current: Option<Current>,
    /// Cards that were found so far.
    number: u64,
}

/// The device that was found.
#[derive(Clone)]
struct Current {
    /// ALSA's name.
    name: String,
    /// Where it is.
    playback: Playback,
    found: Found,
}

impl AlsaDevice {
    pub(crate) fn new(choice: Choice, buffer_ms: u32, period_ms: u32) -> Self {
        Self { choice, buffer_ms, period_ms, places: Places::default(), current: None, number: 0 }
    }

    /// The devices that would do, the best first.
    fn candidates(&self) -> Vec<(String, Playback)> {
        let all = self.places.playback();
        match &self.choice {
            Choice::Auto => all.into_iter().map(|playback| (playback.name(), playback)).collect(),
            Choice::Named(name) => {
                let Some(wanted) = hardware(name) else { return Vec::new() };
                let named = all.into_iter().filter(|playback| (playback.card, playback.device) == wanted);
                named.map(|playback| (name.clone(), playback)).collect()
            }
        }
    }

    fn mixer(&self) -> Option<CardMixer> {
        CardMixer::open(self.current.as_ref()?.playback.card).ok()
    }
}

/// Card and device of `hw:CARD[,DEV]`, where CARD is a number or the card's id.
fn hardware(name: &str) -> Option<(u32, u32)> {
    let rest = name.strip_prefix("hw:")?;
    let (card, device) = rest.split_once(',').unwrap_or((rest, "0"));
    let strip = |text: &str, key: &str| text.strip_prefix(key).unwrap_or(text).to_owned();
    let (card, device) = (strip(card, "CARD="), strip(device, "DEV="));
    let card = card.parse().ok().or_else(|| {
        let id = std::ffi::CString::new(card).ok()?;
        u32::try_from(alsa::card::Card::from_str(&id).ok()?.get_index()).ok()
    })?;
    Some((card, device.parse().ok()?))
}

/// ALSA's name of the card.
fn card_name(playback: &Playback) -> Option<String> {
    let card = i32::try_from(playback.card).ok()?;
    alsa::card::Card::new(card).get_name().ok()
}

/// How long the kernel has to take away the node of a card whose driver already fails because it was pulled out. It does that
/// first of all (`snd_card_disconnect`), but a machine may be busy.
const TAKEN_AWAY: Duration = Duration::from_millis(500);

/// How often to look whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Whether opening may fail like this because the card is being pulled out. None of them says so for sure: snd-usb-audio answers
/// a request that failed on the bus with EIO or EPROTO whatever the reason, and a clock that isn't valid with ENXIO
/// (sound/usb/clock.c, `set_sample_rate_v2v3`).
fn may_be_gone(errno: i32) -> bool {
    matches!(errno, libc::ENODEV | libc::ENOENT | libc::ENXIO | libc::ESHUTDOWN | libc::EIO | libc::EPROTO)
}

/// Calls into alsa-lib, whose own messages go to the debug log instead of stderr.
fn quietly<T>(call: impl FnOnce() -> T) -> T {
    let said = alsa::Output::local_error_handler();
    let result = call();
    if let Ok(said) = said {
        for line in said.borrow().to_string().lines() {
            tracing::debug!("alsa-lib: {line}");
        }
    }
    result
}

impl Device for AlsaDevice {
    fn scan(&mut self) -> Option<Found> {
        quietly(|| self.look())
    }

    /// In use by another program, or without the rights to it, which the node gets a moment after it is there.
    fn withheld(&self) -> bool {
        self.places.has_playback()
    }

    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        quietly(|| self.open_wire(wire))
    }

    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        quietly(|| self.set_mixer(volume))
    }

    fn clock(&mut self) -> Told {
        self.current.as_ref().map_or(Told::Nothing, |current| stream::clock(&self.places.stream(&current.playback)))
    }

    fn disprove(&mut self, wire: Wire, fault: &str) {
        if let Some(current) = &mut self.current {
            current.found.caps = current.found.caps.without_rate(wire);
            fault.clone_into(&mut current.found.fault);
        }
    }
}

impl AlsaDevice {
    /// The best device that can be opened. The one in use isn't opened to know that: it might be playing.
    fn look(&mut self) -> Option<Found> {
        let old = self.current.take();
        for (name, playback) in self.candidates() {
            if let Some(old) = old.as_ref().filter(|old| old.name == name && old.playback == playback) {
                self.current = Some(old.clone());
                break;
            }
            match probe::caps(&name, &self.places.stream(&playback)) {
                Ok(mut caps) => {
                    caps.mixer = CardMixer::open(playback.card).is_ok_and(|mixer| mixer.has_volume());
                    let card_name = card_name(&playback);
                    let title = card_name.as_ref().map_or_else(|| name.clone(), |card| format!("{card} ({name})"));
                    let card =
                        Card { usb: self.places.usb_id(&playback), name: card_name.unwrap_or_else(|| name.clone()) };
                    self.number += 1;
                    let number = self.number;
                    let found = Found { number, name: title, card, caps, lock_ms: 0, fault: String::new() };
                    self.current = Some(Current { name, playback, found });
                    break;
                }
                Err(error) => tracing::debug!("can't probe {name}: {error}"),
            }
        }
        self.current.as_ref().map(|current| current.found.clone())
    }

    fn open_wire(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        let Some(current) = &self.current else {
            let text = match &self.choice {
                Choice::Auto => "there is no sound card".to_owned(),
                Choice::Named(name) => format!("there is no {name}"),
            };
            return Err(Refusal { code: Refused::NoOutput, text });
        };
        let caps = &current.found.caps;
        let refuse = |code, what: String| Refusal { code, text: format!("{}: {what}", current.found.name) };
        if !caps.takes(&wire) {
            return Err(refuse(Refused::Format, format!("doesn't take {wire}")));
        }
        match AlsaOutput::open(&current.name, wire, self.buffer_ms, self.period_ms) {
            Ok(output) => {
                let output = if current.playback.usb { output.on_usb() } else { output };
                Ok(Opened { output: Box::new(output), capture: None })
            }
            Err(error) => {
                let refusal = match error.errno() {
                    errno if may_be_gone(errno) && self.goes(&current.playback) => {
                        refuse(Refused::NoOutput, format!("was unplugged, or switched off: {error}"))
                    }
                    libc::ENXIO if current.playback.usb => {
                        refuse(Refused::Output, format!("its clock is not valid at {} Hz", wire.rate))
                    }
                    libc::EBUSY => refuse(Refused::Output, "is in use by another program".to_owned()),
                    libc::EINVAL => refuse(Refused::Format, format!("doesn't take {wire}: {error}")),
                    _ => refuse(Refused::Output, format!("can't open {wire}: {error}")),
                };
                if refusal.code == Refused::NoOutput {
                    self.current = None;
                }
                Err(refusal)
            }
        }
    }

    /// Whether the card isn't there, or soon isn't: what fails on one that stays is a fault of its own.
    fn goes(&self, card: &Playback) -> bool {
        let until = Instant::now() + TAKEN_AWAY;
        loop {
            if !self.places.playback().contains(card) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
    }

    fn set_mixer(&self, volume: Volume) -> Result<(), Refusal> {
        let name = self.current.as_ref().map_or("the output", |current| &current.found.name).to_owned();
        let Some(mixer) = self.mixer().filter(CardMixer::has_volume) else {
            return match volume.mode {
                VolumeMode::Hardware => {
                    Err(Refusal { code: Refused::NoMixer, text: format!("{name} has no volume control") })
                }
                VolumeMode::Fixed | VolumeMode::Software => Ok(()),
            };
        };
        mixer.set(volume).map_err(|error| Refusal { code: Refused::Output, text: format!("{name}: mixer: {error}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_names_are_understood() {
        assert_eq!(hardware("hw:1"), Some((1, 0)));
        assert_eq!(hardware("hw:1,3"), Some((1, 3)));
        assert_eq!(hardware("hw:CARD=2,DEV=1"), Some((2, 1)));
        assert_eq!(hardware("default"), None);
        assert_eq!(hardware("hw:NoSuchCardHere"), None);
    }

    #[test]
    fn a_card_that_is_not_there_is_not_found_and_not_opened() {
        let mut device = AlsaDevice::new(Choice::Named("hw:31,9".to_owned()), 100, 40);
        assert_eq!(device.scan(), None);
        let wire = Wire { format: ::pcm::WireFormat::S16Le, rate: 48_000, channels: 2 };
        let refusal = device.open(wire).err().expect("there is no such card");
        assert_eq!((refusal.code, refusal.text.as_str()), (Refused::NoOutput, "there is no hw:31,9"));
    }

    #[test]
    fn a_card_that_is_gone_when_it_is_opened_is_no_card_that_fails() {
        let mut device = AlsaDevice::new(Choice::Auto, 100, 40);
        let format = ::pcm::WireFormat::S16Le;
        let (formats, rates) = ([format].into_iter().collect(), ::pcm::RateSet::any(8_000, 48_000));
        let caps = ::pcm::Caps::uniform(formats, rates, ::pcm::ChannelSet::STEREO);
        let (name, card) = ("gone".to_owned(), Card::default());
        let found = Found { number: 1, name, card, caps, lock_ms: 0, fault: String::new() };
        let playback = Playback { card: 31, device: 9, identity: (1, 0, 0), usb: true, hdmi: false };
        device.current = Some(Current { name: playback.name(), playback, found });
        let refusal = device.open(Wire { format, rate: 48_000, channels: 2 }).err().expect("there is no such card");
        assert_eq!(refusal.code, Refused::NoOutput, "{}", refusal.text);
        assert!(refusal.text.starts_with("gone: was unplugged"), "{}", refusal.text);
        assert_eq!(device.mixer().map(drop), None, "it isn't the card any more");
    }

    /// Trap 6 of snd-usb-audio: what a card that is gone says.
    #[test]
    fn a_card_that_fails_and_stays_is_not_gone_and_one_that_goes_meanwhile_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let node = dir.path().join("pcmC31D0p");
        std::fs::write(&node, "").expect("a file");
        let (class, told) = (dir.path().join("class"), dir.path().join("proc"));
        let places = Places { nodes: dir.path().to_owned(), class, told };
        let device = AlsaDevice { places, ..AlsaDevice::new(Choice::Auto, 100, 40) };
        let playback = device.places.playback().pop().expect("the node");
        assert!(!device.goes(&playback));
        std::thread::scope(|scope| {
            let goes = scope.spawn(|| device.goes(&playback));
            std::fs::remove_file(&node).expect("the node");
            assert!(goes.join().expect("an answer"));
        });
    }

    /// Trap 6 of snd-usb-audio: probing sets clock and mixer.
    #[test]
    fn the_card_in_use_is_not_probed_again_but_one_that_was_plugged_in_anew_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let node = dir.path().join("pcmC31D0p");
        let told = dir.path().join("proc");
        let places = Places { nodes: dir.path().to_owned(), class: dir.path().join("class"), told };
        let mut device = AlsaDevice { places, ..AlsaDevice::new(Choice::Auto, 100, 40) };
        assert!(!device.withheld(), "there is none");
        std::fs::write(&node, "").expect("a file");
        assert_eq!(device.scan(), None, "there is no card behind the node: probing it fails");
        assert!(device.withheld());
        let playback = device.places.playback().pop().expect("the node");
        let found = Found {
            number: 1,
            name: "in use".to_owned(),
            card: Card::default(),
            caps: ::pcm::Caps::default(),
            lock_ms: 0,
            fault: String::new(),
        };
        device.current = Some(Current { name: playback.name(), playback, found: found.clone() });
        assert_eq!(device.scan(), Some(found));
        std::fs::remove_file(&node).expect("a file");
        std::fs::write(&node, "").expect("a file");
        assert_eq!(device.scan(), None);
    }

    #[test]
    fn a_rate_that_the_card_does_not_go_to_is_none_of_its_rates_until_it_is_plugged_in_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let (node, told) = (dir.path().join("pcmC31D0p"), dir.path().join("proc"));
        std::fs::write(&node, "").expect("a file");
        std::fs::create_dir_all(told.join("card31")).expect("a directory");
        let running =
            "Playback:\n  Status: Running\n    Momentary freq = 48003 Hz (0x6.001a)\n    Feedback Format = 16.16\n";
        std::fs::write(told.join("card31/stream0"), running).expect("a file");
        let places = Places { nodes: dir.path().to_owned(), class: dir.path().join("class"), told };
        let mut device = AlsaDevice { places, ..AlsaDevice::new(Choice::Auto, 100, 40) };
        assert_eq!(device.clock(), Told::Nothing, "there is no card yet");
        let playback = device.places.playback().pop().expect("the node");
        let format = ::pcm::WireFormat::S32Le;
        let rates = [44_100, 48_000].into_iter().collect();
        let caps = ::pcm::Caps::uniform([format].into_iter().collect(), rates, ::pcm::ChannelSet::STEREO);
        let (name, card) = ("lies".to_owned(), Card::default());
        let found = Found { number: 1, name, card, caps, lock_ms: 0, fault: String::new() };
        device.current = Some(Current { name: playback.name(), playback, found });
        assert_eq!(device.clock(), Told::Clock(48_003));
        let [wrong, right] = [44_100, 48_000].map(|rate| Wire { format, rate, channels: 2 });
        device.disprove(wrong, "stays at 48 kHz");
        let found = device.scan().expect("the card");
        assert!(!found.caps.takes(&wrong) && found.caps.takes(&right));
        assert_eq!(found.fault, "stays at 48 kHz");
        let refusal = device.open(wrong).err().expect("it hasn't that rate");
        assert_eq!(refusal.code, Refused::Format);
        std::fs::remove_file(&node).expect("a file");
        assert_eq!(device.scan(), None, "what was found out is forgotten with it");
    }
}
