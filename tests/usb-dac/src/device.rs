//! The DAC itself: what it answers to requests, and what it does with packets. It knows nothing of how they come.

use std::time::Duration;

use crate::clock::feedback_every;
use crate::descriptors::{self, CLOCK, FEATURE, SELECTOR, STREAMING};
use crate::faults::{Happened, Request};
use crate::model::Model;
use crate::record::{Record, Sink};

/// A request to endpoint 0 (USB 2.0, 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// `bmRequestType`.
    pub kind: u8,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`.
    pub length: u16,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Bytes, at most as many as were asked for.
    Data(Vec<u8>),
    /// Done.
    Done,
    /// The device doesn't know the request, or not the value.
    Stall,
    /// Nothing, ever.
    Silence,
}

/// Bits of `bmRequestType`.
const TO_HOST: u8 = 0x80;
const TYPE: u8 = 0x60;
const STANDARD: u8 = 0;
const CLASS: u8 = 0x20;
const RECIPIENT: u8 = 0x1f;

/// Standard requests (USB 2.0, table 9-4).
const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;
const GET_CONFIGURATION: u8 = 8;
const SET_CONFIGURATION: u8 = 9;
const GET_INTERFACE: u8 = 10;
const SET_INTERFACE: u8 = 11;

/// Requests of the class (Audio Devices 2.0, A.14).
const CURRENT: u8 = 1;
const RANGE: u8 = 2;

/// Selectors of controls (Audio Devices 2.0, A.17).
const SAMPLE_RATE: u8 = 1;
const CLOCK_IS_VALID: u8 = 2;
const MUTE: u8 = 1;
const VOLUME: u8 = 2;

/// Master, left, right.
const CHANNELS: usize = 3;

/// A DAC that is switched on.
#[derive(Debug)]
pub struct Device {
    model: Model,
    rate: u32,
    /// Of the streaming interface.
    alternate: u8,
    mute: [bool; CHANNELS],
    /// In 1/256 dB.
    volume: [i16; CHANNELS],
    record: Record,
    /// Microframes since the setting was chosen.
    microframes: u64,
    /// How many of them when volume or mute was set last.
    levelled: u64,
    happened: Happened,
    /// It answers to nothing any more.
    hangs: bool,
}

impl Device {
    /// A DAC of this kind, at the first of its rates.
    #[must_use]
    pub fn new(model: Model) -> Self {
        let mut device = Self {
            model,
            rate: 0,
            alternate: 0,
            mute: [false; CHANNELS],
            volume: [0; CHANNELS],
            record: Record::default(),
            microframes: 0,
            levelled: 0,
            happened: Happened::default(),
            hangs: false,
        };
        device.switched_on();
        device
    }

    /// It was plugged in, which is what its power comes from: what hung begins anew, and whatever was set is forgotten. (How often it has
    /// refused something, and that it has fallen off the bus, is no memory of its own.)
    pub fn switched_on(&mut self) {
        self.reset();
        self.hangs = false;
        self.rate = self.model.rates.first().copied().unwrap_or(48_000);
        let first = self.model.volume;
        self.volume = [first.map_or(0, |volume| in_steps(volume.first_db)); CHANNELS];
        self.mute = [first.is_some_and(|volume| volume.first_muted); CHANNELS];
        (self.microframes, self.levelled) = (0, 0);
    }

    /// Whether it has hung itself up, so that no request is answered until it is plugged in anew.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.hangs
    }

    /// What it is.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What has arrived.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Forgets what has arrived. A stream that isn't over goes on as a new one.
    pub fn forget(&mut self) {
        self.record.forget();
    }

    /// From now on counts what arrives, and keeps nothing of it: for a DAC that stays plugged in.
    pub fn keep_nothing(&mut self) {
        self.record.keep_nothing();
    }

    /// Hands what arrives from now on to `sink` too, packet by packet. Of a stream that isn't over the rest is handed over, as a
    /// stream of its own: whoever wants all of it listens before anything plays. Another DAC in this one's place has no sink.
    pub fn listen(&mut self, sink: Box<dyn Sink>) {
        self.record.tell(sink);
    }

    /// The alternate setting of the streaming interface; 0 carries nothing.
    #[must_use]
    pub fn alternate(&self) -> u8 {
        self.alternate
    }

    /// Level of master, left and right in dB, and whether each is muted.
    #[must_use]
    pub fn levels(&self) -> [(f32, bool); CHANNELS] {
        std::array::from_fn(|channel| (f32::from(self.volume[channel]) / 256.0, self.mute[channel]))
    }

    /// How many microframes of the stream had come when volume or mute was set last; 0: all that is set was so before it.
    #[must_use]
    pub fn levelled(&self) -> u64 {
        self.levelled
    }

    /// It was taken off the bus, or the bus was reset: what was set of the interface is gone.
    pub fn reset(&mut self) {
        self.record.end();
        self.alternate = 0;
    }

    /// Answers a request; `data` is what the host sends with it.
    pub fn request(&mut self, setup: Setup, data: &[u8]) -> Answer {
        if self.hangs {
            return Answer::Silence;
        }
        let answer = match setup.kind & TYPE {
            STANDARD => self.standard(setup),
            CLASS if setup.kind & RECIPIENT == 1 => self.class(setup, data).unwrap_or(Answer::Stall),
            _ => Answer::Stall,
        };
        match answer {
            Answer::Data(mut bytes) => {
                bytes.truncate(setup.length.into());
                Answer::Data(bytes)
            }
            other => other,
        }
    }

    fn standard(&mut self, setup: Setup) -> Answer {
        let [low, high] = setup.value.to_le_bytes();
        match setup.request {
            GET_DESCRIPTOR => match high {
                1 => Answer::Data(descriptors::device(&self.model)),
                2 => Answer::Data(descriptors::configuration(&self.model)),
                3 => descriptors::string(&self.model, low).map_or(Answer::Stall, Answer::Data),
                // No other speed, no binary object store.
                _ => Answer::Stall,
            },
            SET_INTERFACE if setup.index == u16::from(STREAMING) => self.choose(low),
            GET_INTERFACE if setup.index == u16::from(STREAMING) => Answer::Data(vec![self.alternate]),
            GET_INTERFACE => Answer::Data(vec![0]),
            GET_CONFIGURATION => Answer::Data(vec![1]),
            GET_STATUS => Answer::Data(vec![0, 0]),
            SET_CONFIGURATION => {
                self.reset();
                Answer::Done
            }
            SET_INTERFACE | CLEAR_FEATURE | SET_FEATURE => Answer::Done,
            _ => Answer::Stall,
        }
    }

    fn choose(&mut self, alternate: u8) -> Answer {
        if self.happened.refuses(self.model.refuses, Request::Setting, alternate.into()) {
            return Answer::Stall;
        }
        let setting = match alternate {
            0 => None,
            number => match self.model.settings.get(usize::from(number) - 1) {
                Some(setting) => Some(*setting),
                None => return Answer::Stall,
            },
        };
        self.record.end();
        self.alternate = alternate;
        if let Some(setting) = setting {
            (self.microframes, self.levelled) = (0, 0);
            self.record.begin(setting, self.rate);
        }
        Answer::Done
    }

    /// None: there is no such control, or no such value of it.
    fn class(&mut self, setup: Setup, data: &[u8]) -> Option<Answer> {
        let [channel, selector] = setup.value.to_le_bytes();
        let [_, unit] = setup.index.to_le_bytes();
        let reads = setup.kind & TO_HOST != 0;
        match (unit, selector, setup.request) {
            (CLOCK, SAMPLE_RATE, CURRENT) if reads => Some(Answer::Data(self.rate.to_le_bytes().to_vec())),
            (CLOCK, SAMPLE_RATE, CURRENT) => self.set_rate(u32::from_le_bytes(data.try_into().ok()?)),
            (CLOCK, SAMPLE_RATE, RANGE) if reads => {
                let ranges = self.model.rates.iter().flat_map(|rate| [*rate, *rate, 0]).flat_map(u32::to_le_bytes);
                let count = (self.model.rates.len() as u16).to_le_bytes();
                Some(Answer::Data(count.into_iter().chain(ranges).collect()))
            }
            (CLOCK, CLOCK_IS_VALID, CURRENT) if reads => {
                Some(Answer::Data(vec![u8::from(!self.model.invalid_at.contains(&self.rate))]))
            }
            (SELECTOR, 1, CURRENT) if reads => Some(Answer::Data(vec![1])),
            (SELECTOR, 1, CURRENT) => Some(Answer::Done),
            (FEATURE, ..) => self.feature(setup, selector, channel.into(), data),
            _ => None,
        }
    }

    fn set_rate(&mut self, rate: u32) -> Option<Answer> {
        if self.model.hangs_at.contains(&rate) {
            // As of a real one, whose firmware waits for its clock: endpoint 0 is served by what waits.
            self.hangs = true;
            return Some(Answer::Silence);
        }
        let refused = self.happened.refuses(self.model.refuses, Request::Rate, rate);
        if refused || !self.model.rates.contains(&rate) {
            return None;
        }
        if self.rate != rate {
            // It locks anew.
            (self.microframes, self.levelled) = (0, 0);
        }
        self.rate = rate;
        self.record.set_rate(rate);
        Some(Answer::Done)
    }

    fn feature(&mut self, setup: Setup, selector: u8, channel: usize, data: &[u8]) -> Option<Answer> {
        let bounds = self.model.volume?;
        let reads = setup.kind & TO_HOST != 0;
        let steps = [bounds.min_db, bounds.max_db, bounds.step_db].map(in_steps);
        match (selector, setup.request) {
            (MUTE, CURRENT) if reads => Some(Answer::Data(vec![(*self.mute.get(channel)?).into()])),
            (MUTE, CURRENT) => {
                self.levelled = self.microframes;
                *self.mute.get_mut(channel)? = *data.first()? != 0;
                Some(Answer::Done)
            }
            (VOLUME, CURRENT) if reads => Some(Answer::Data(self.volume.get(channel)?.to_le_bytes().to_vec())),
            (VOLUME, CURRENT) => {
                let [min, max, _] = steps;
                self.levelled = self.microframes;
                let wanted = i16::from_le_bytes(data.try_into().ok()?);
                *self.volume.get_mut(channel)? = wanted.clamp(min, max);
                Some(Answer::Done)
            }
            (VOLUME, RANGE) if reads => {
                let bytes = steps.into_iter().flat_map(i16::to_le_bytes);
                Some(Answer::Data([1, 0].into_iter().chain(bytes).collect()))
            }
            _ => None,
        }
    }

    /// Takes what one microframe brought to the data endpoint, at this time; returns the feedback that is due then, if any.
    pub fn packet(&mut self, payload: &[u8], at: Duration) -> Option<[u8; 4]> {
        let heard = self.microframes >= self.model.lock_microframes();
        self.record.packet(payload, at, heard)?;
        self.microframes += 1;
        self.microframes.is_multiple_of(feedback_every()).then(|| self.feedback())
    }

    /// What the feedback endpoint says.
    #[must_use]
    pub fn feedback(&self) -> [u8; 4] {
        self.model.feedback(self.rate, self.microframes).to_le_bytes()
    }

    /// How many requests it has refused that its model is said to refuse.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.happened.refused()
    }

    /// For how long it falls off the bus now. To be asked after each packet.
    pub fn vanishes(&mut self) -> Option<Duration> {
        self.happened.vanishes(self.model.vanishes, self.microframes)
    }
}

/// The numbers of a volume control: 1/256 dB.
fn in_steps(db: f32) -> i16 {
    (db * 256.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u8 = 0xa1;
    const WRITE: u8 = 0x21;

    fn setup(kind: u8, request: u8, value: u16, unit: u8, length: u16) -> Setup {
        Setup { kind, request, value, index: u16::from(unit) << 8, length }
    }

    #[test]
    fn the_clock_goes_where_it_can_and_no_further() {
        let mut dac = Device::new(Model::named("reference").unwrap());
        let set = |dac: &mut Device, rate: u32| dac.request(setup(WRITE, 1, 0x100, CLOCK, 4), &rate.to_le_bytes());
        assert_eq!(set(&mut dac, 768_000), Answer::Done);
        let read = dac.request(setup(READ, 1, 0x100, CLOCK, 4), &[]);
        assert_eq!(read, Answer::Data(768_000_u32.to_le_bytes().to_vec()));
        assert_eq!(set(&mut dac, 1_536_000), Answer::Stall);
        let Answer::Data(ranges) = dac.request(setup(READ, 2, 0x100, CLOCK, 512), &[]) else { panic!() };
        assert_eq!(ranges.len(), 2 + 12 * 10);
        let first = dac.request(setup(READ, 2, 0x100, CLOCK, 2), &[]);
        assert_eq!(first, Answer::Data(vec![10, 0]), "no more than was asked for");
        let mut refusing = Device::new(Model::named("refuses-once").unwrap());
        assert_eq!([96_000, 96_000].map(|rate| set(&mut refusing, rate)), [Answer::Stall, Answer::Done]);
        assert_eq!(refusing.refused(), 1);
        let mut hanging = Device::new(Model::named("hangs-at-96k").unwrap());
        assert_eq!(set(&mut hanging, 96_000), Answer::Silence);
        hanging.reset();
        assert_eq!(set(&mut hanging, 48_000), Answer::Silence, "nor does it answer to anything else, reset or not");
        let descriptor = Setup { kind: 0x80, request: GET_DESCRIPTOR, value: 0x100, index: 0, length: 18 };
        assert_eq!((hanging.request(descriptor, &[]), hanging.hangs()), (Answer::Silence, true));
        hanging.switched_on();
        assert_eq!((set(&mut hanging, 48_000), hanging.hangs()), (Answer::Done, false));
        let mut staying = Device::new(Model::named("stays-at-48k").unwrap());
        assert_eq!(set(&mut staying, 96_000), Answer::Done);
        let read = staying.request(setup(READ, 1, 0x100, CLOCK, 4), &[]);
        assert_eq!(read, Answer::Data(96_000_u32.to_le_bytes().to_vec()), "it says that it is there");
        assert_eq!(u32::from_le_bytes(staying.feedback()), 6 << 16, "and isn't");
    }

    #[test]
    fn levels_stay_within_what_it_has() {
        let mut dac = Device::new(Model::named("dongle").unwrap());
        let to = |db: i16| (db * 256).to_le_bytes();
        assert_eq!(dac.request(setup(WRITE, 1, 0x201, FEATURE, 2), &to(-12)), Answer::Done);
        assert_eq!(dac.request(setup(WRITE, 1, 0x202, FEATURE, 2), &to(-100)), Answer::Done);
        assert_eq!(dac.request(setup(WRITE, 1, 0x100, FEATURE, 1), &[1]), Answer::Done);
        assert_eq!(dac.levels(), [(0.0, true), (-12.0, true), (-50.0, true)]);
        assert_eq!(dac.request(setup(WRITE, 1, 0x203, FEATURE, 2), &to(0)), Answer::Stall, "there is no third channel");
        let mut without = Device::new(Model::named("packed-24-bits").unwrap());
        assert_eq!(without.request(setup(READ, 1, 0x100, FEATURE, 1), &[]), Answer::Stall);
    }

    #[test]
    fn what_was_set_is_forgotten_without_power() {
        let mut dac = Device::new(Model::named("dongle").unwrap());
        let first = dac.levels();
        assert_eq!(first, [(0.0, true); 3]);
        let set = |dac: &mut Device| {
            for (value, data) in [(0x200, &[0, 0xf0][..]), (0x201, &[0, 0xf0]), (0x100, &[0]), (0x101, &[0])] {
                assert_eq!(dac.request(setup(WRITE, 1, value, FEATURE, data.len() as u16), data), Answer::Done);
            }
        };
        set(&mut dac);
        assert_eq!(dac.levels(), [(-16.0, false), (-16.0, false), (0.0, true)]);
        dac.reset();
        assert_ne!(dac.levels(), first, "a reset of the bus takes no power");
        dac.switched_on();
        assert_eq!((dac.levels(), dac.levelled()), (first, 0));
        let choose = Setup { kind: 1, request: SET_INTERFACE, value: 1, index: STREAMING.into(), length: 0 };
        dac.request(choose, &[]);
        dac.packet(&[0; 24], Duration::ZERO);
        assert_eq!(dac.levelled(), 0);
        set(&mut dac);
        assert_eq!(dac.levelled(), 1, "while it plays");
        let mut dac = Device::new(Model::named("reference").unwrap());
        dac.request(setup(WRITE, 1, 0x100, CLOCK, 4), &768_000_u32.to_le_bytes());
        dac.switched_on();
        let read = dac.request(setup(READ, 1, 0x100, CLOCK, 4), &[]);
        assert_eq!(read, Answer::Data(44_100_u32.to_le_bytes().to_vec()));
    }

    #[test]
    fn a_stream_is_what_comes_between_two_settings() {
        let mut dac = Device::new(Model::named("reference").unwrap());
        assert_eq!(dac.packet(&[1; 8], Duration::ZERO), None, "nothing is set");
        let choose = |dac: &mut Device, alternate| {
            let setup = Setup { kind: 1, request: SET_INTERFACE, value: alternate, index: STREAMING.into(), length: 0 };
            dac.request(setup, &[])
        };
        assert_eq!(choose(&mut dac, 2), Answer::Done);
        let due: Vec<bool> = (0..16).map(|n| dac.packet(&[n; 8], Duration::ZERO).is_some()).collect();
        assert_eq!(due.iter().filter(|due| **due).count(), 2);
        assert_eq!(choose(&mut dac, 0), Answer::Done);
        assert_eq!(choose(&mut dac, 3), Answer::Stall);
        let streams = dac.record().streams();
        assert_eq!((streams.len(), streams[0].bytes.len(), streams[0].packets.len()), (1, 128, 16));
        let mut refusing = Device::new(Model::named("refuses-dsd").unwrap());
        assert_eq!([1, 2].map(|alternate| choose(&mut refusing, alternate)), [Answer::Done, Answer::Stall]);
        assert_eq!(refusing.alternate(), 1, "what was chosen stays");
    }

    #[test]
    fn what_comes_before_it_has_locked_is_not_heard() {
        let choose = Setup { kind: 1, request: SET_INTERFACE, value: 1, index: STREAMING.into(), length: 0 };
        let unheard = |name: &str| {
            let mut dac = Device::new(Model::named(name).unwrap());
            for _ in 0..2 {
                dac.request(choose, &[]);
                for _ in 0..5000 {
                    dac.packet(&[7; 48], Duration::ZERO);
                }
            }
            dac.record().streams().iter().map(|stream| stream.unheard).collect::<Vec<_>>()
        };
        assert_eq!(unheard("slow-lock"), [4000 * 48; 2], "half a second of each stream");
        assert_eq!(unheard("reference"), [0; 2]);
        let mut dac = Device::new(Model::named("slow-lock").unwrap());
        dac.request(choose, &[]);
        for _ in 0..4500 {
            dac.packet(&[7; 48], Duration::ZERO);
        }
        dac.request(setup(WRITE, 1, 0x100, CLOCK, 4), &96_000_u32.to_le_bytes());
        for _ in 0..4500 {
            dac.packet(&[7; 96], Duration::ZERO);
        }
        assert_eq!(dac.record().streams()[1].unheard, 4000 * 96, "another rate, and it locks anew");
    }

    #[test]
    fn it_starves_and_vanishes_in_the_time_of_a_stream() {
        let choose = Setup { kind: 1, request: SET_INTERFACE, value: 1, index: STREAMING.into(), length: 0 };
        let mut dac = Device::new(Model::named("starves").unwrap());
        let hunger = dac.model().starves.unwrap();
        dac.request(choose, &[]);
        let plain = u32::from_le_bytes(dac.feedback());
        for _ in 0..8 * hunger.every_ms {
            dac.packet(&[0; 48], Duration::ZERO);
        }
        assert_eq!(u32::from_le_bytes(dac.feedback()), plain, "it is full again");
        for _ in 0..8 * (hunger.every_ms - hunger.for_ms) {
            dac.packet(&[0; 48], Duration::ZERO);
        }
        let asked = f64::from(u32::from_le_bytes(dac.feedback())) / f64::from(plain);
        assert!((asked - 1.0 - hunger.ppm / 1e6).abs() < 1e-4, "{asked}");

        let mut dac = Device::new(Model::named("vanishes").unwrap());
        let absence = dac.model().vanishes.unwrap();
        for _ in 0..2 {
            dac.request(choose, &[]);
            let gone = (0..8 * absence.after_ms).filter_map(|_| {
                dac.packet(&[0; 48], Duration::ZERO);
                dac.vanishes()
            });
            assert_eq!(gone.count(), usize::from(dac.record().streams().len() == 1), "once");
        }
    }
}
