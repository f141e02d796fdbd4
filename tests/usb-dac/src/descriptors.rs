//! Descriptors of a high-speed device of USB Audio Class 2: a clock source with a selector before it, an input terminal, a
//! feature unit if there is a volume control, an output terminal, and one streaming interface whose alternate settings each
//! have a data endpoint and one for feedback.
//!
//! Sources: USB 2.0, 9.6; Universal Serial Bus Device Class Definition for Audio Devices 2.0, 4.7 and 4.9; the same for
//! Audio Data Formats 2.0, 2.3.1.

use crate::clock::FEEDBACK_INTERVAL;
use crate::model::{Format, Model};

/// Numbers of the units.
pub(crate) const CLOCK: u8 = 0x29;
pub(crate) const SELECTOR: u8 = 0x28;
pub(crate) const FEATURE: u8 = 0x0a;
const INPUT: u8 = 0x02;
const OUTPUT: u8 = 0x14;

/// The streaming interface.
pub(crate) const STREAMING: u8 = 1;
/// Where samples go.
pub(crate) const DATA: u8 = 0x01;
/// Where feedback comes from.
pub(crate) const FEEDBACK: u8 = 0x81;
/// The most bytes of a packet that one transaction of a microframe carries.
pub(crate) const MAX_PACKET: u16 = 1024;

/// Descriptor types.
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const ASSOCIATION: u8 = 11;
const CLASS_INTERFACE: u8 = 0x24;
const CLASS_ENDPOINT: u8 = 0x25;
/// Class, and the protocol that is version 2 of it.
const AUDIO: u8 = 1;
const VERSION_2: u8 = 0x20;

/// A descriptor: its length in front.
fn descriptor(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[body.len() as u8 + 1], body.as_slice()].concat()
}

/// The device's.
pub(crate) fn device(model: &Model) -> Vec<u8> {
    descriptor(&[
        &[1, 0x00, 0x02, 0xef, 0x02, 0x01, 64],
        &model.vendor().to_le_bytes(),
        &model.product_id().to_le_bytes(),
        &[0x00, 0x01, 1, 2, 3, 1],
    ])
}

/// The configuration's, with all that belongs to it.
pub(crate) fn configuration(model: &Model) -> Vec<u8> {
    let settings = (1..).zip(&model.settings).map(|(number, setting)| {
        let formats: u32 = match setting.format {
            Format::Pcm => 1,
            Format::Raw => 1 << 31,
        };
        let general = [&[1, INPUT, 0, 1], formats.to_le_bytes().as_slice(), &[2, 3, 0, 0, 0, 0]].concat();
        [
            interface(STREAMING, number, 2, 2),
            descriptor(&[&[CLASS_INTERFACE], &general]),
            descriptor(&[&[CLASS_INTERFACE, 2, 1, setting.bytes, setting.bits]]),
            // Isochronous, asynchronous, data, each microframe.
            descriptor(&[&[ENDPOINT, DATA, 0x05], &MAX_PACKET.to_le_bytes(), &[1]]),
            descriptor(&[&[CLASS_ENDPOINT, 1, 0, 0, 2, 8, 0]]),
            // Isochronous, feedback.
            descriptor(&[&[ENDPOINT, FEEDBACK, 0x11, 4, 0, FEEDBACK_INTERVAL]]),
        ]
        .concat()
    });
    let body = [
        descriptor(&[&[ASSOCIATION, 0, 2, AUDIO, 0, VERSION_2, 0]]),
        interface(0, 0, 0, 1),
        control(model),
        interface(STREAMING, 0, 0, 2),
        settings.collect::<Vec<_>>().concat(),
    ]
    .concat();
    let total = (9 + body.len()) as u16;
    [&[9, 2], total.to_le_bytes().as_slice(), &[2, 1, 0, 0x80, 250], &body].concat()
}

fn interface(number: u8, alternate: u8, endpoints: u8, subclass: u8) -> Vec<u8> {
    descriptor(&[&[INTERFACE, number, alternate, endpoints, AUDIO, subclass, VERSION_2, 0]])
}

/// Header and units of the control interface.
fn control(model: &Model) -> Vec<u8> {
    let unit = |parts: &[&[u8]]| descriptor(&[&[CLASS_INTERFACE], &parts.concat()]);
    let mut units = [
        // An internal clock whose rate can be set, and whose validity be read.
        unit(&[&[0x0a, CLOCK, 3, 7, 0, 0]]),
        unit(&[&[0x0b, SELECTOR, 1, CLOCK, 3, 0]]),
        // Streams from the host, front left and right.
        unit(&[&[0x02, INPUT, 0x01, 0x01, 0, SELECTOR, 2, 3, 0, 0, 0, 0, 0, 0, 0]]),
    ]
    .concat();
    let mut source = INPUT;
    if model.volume.is_some() {
        // Mute and volume, of all and of each channel.
        let controls = 0x0f_u32.to_le_bytes();
        units.extend(unit(&[&[0x06, FEATURE, INPUT], &controls, &controls, &controls, &[0]]));
        source = FEATURE;
    }
    // A loudspeaker.
    units.extend(unit(&[&[0x03, OUTPUT, 0x01, 0x03, 0, source, SELECTOR, 0, 0, 0]]));
    let header = unit(&[&[0x01, 0x00, 0x02, 8], &(9 + units.len() as u16).to_le_bytes(), &[0]]);
    [header, units].concat()
}

/// String `number`; 0 is the list of languages. None: there is none of that number.
pub(crate) fn string(model: &Model, number: u8) -> Option<Vec<u8>> {
    let text = match number {
        0 => return Some(vec![4, 3, 0x09, 0x04]),
        1 => "Tenuto",
        2 => &model.product,
        3 => "1",
        _ => return None,
    };
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Some(descriptor(&[&[3], &units]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_add_up() {
        for (name, text) in crate::VARIANTS {
            let model = Model::parse(text).unwrap();
            assert_eq!(device(&model).len(), 18, "{name}");
            let all = configuration(&model);
            let total = u16::from_le_bytes([all[2], all[3]]);
            assert_eq!(usize::from(total), all.len(), "{name}");
            let (mut rest, mut endpoints) = (all.as_slice(), 0);
            while let Some(&length) = rest.first() {
                assert!(length >= 2, "{name}");
                endpoints += usize::from(rest[1] == ENDPOINT);
                rest = &rest[usize::from(length)..];
            }
            assert_eq!(endpoints, 2 * model.settings.len(), "{name}");
        }
    }

    #[test]
    fn strings_say_who_it_is() {
        let model = Model::named("dongle").unwrap();
        let name = string(&model, 2).unwrap();
        assert_eq!((usize::from(name[0]), name[1], name[2]), (2 + 2 * "Tenuto dongle".len(), 3, b'T'));
        assert!(string(&model, 0).is_some() && string(&model, 9).is_none());
    }
}
