//! The owner's rules for DACs: any text is understood, or refused with the line; and no rule makes a card more than it is.
#![no_main]

#[path = "../engine.rs"]
mod engine;

// The engine's modules look for each other here.
use engine::output::device::{Device, Found, Opened, Refusal};
use engine::rules::{Card, Corrected, DacRules};
use engine::*;
use libfuzzer_sys::fuzz_target;
use pcm::{Caps, ChannelSet, RateSet, STANDARD_RATES, WireFormat};
use ring::message::Volume;

/// Takes every format, at every standard rate.
struct Anything(Card);

impl Device for Anything {
    fn scan(&mut self) -> Option<Found> {
        let formats = WireFormat::ALL.into_iter().filter(|format| !format.is_dop()).collect();
        let rates = STANDARD_RATES.into_iter().fold(RateSet::EMPTY, RateSet::with);
        let caps = Caps::uniform(formats, rates, ChannelSet::from_mask(2)).with_mixer(true);
        Some(Found { name: "any".to_owned(), card: self.0.clone(), caps, lock_ms: 0 })
    }

    fn open(&mut self, _: pcm::Wire) -> Result<Opened, Refusal> {
        unreachable!("nobody opens it")
    }

    fn set_volume(&mut self, _: Volume) -> Result<(), Refusal> {
        Ok(())
    }
}

fn read(text: &str) {
    let rules = match DacRules::read(Some(text)) {
        Ok(rules) => rules,
        Err(error) => {
            let line = error.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
            let (line, why) = line.expect("a line, and what is wrong there");
            assert!(
                (1..=text.lines().count().max(1) + 1).contains(&line.parse().expect("a number")) && !why.is_empty()
            );
            return;
        }
    };
    for card in [Card { usb: Some((0x20b1, 0x0f00)), name: "My DAC".to_owned() }, Card::default()] {
        let mut plain = Anything(card.clone());
        let before = plain.scan().expect("it is there").caps;
        let after = Corrected::new(Box::new(plain), rules.clone()).scan().expect("it is there");
        assert!(after.lock_ms <= 5000);
        for setting in after.caps.settings() {
            let carrier = setting.format.carrier();
            let was =
                before.settings().find(|was| was.format == carrier).expect("it had the format, or what carries it");
            assert!(setting.bits <= was.bits);
            assert!(setting.rates.iter().all(|rate| was.rates.contains(rate)));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    read(text);
    // Most texts are for no DAC, so the interesting one is tried, too.
    read(&format!("[[dac]]\nusb = \"20b1:*\"\n{text}"));
});
