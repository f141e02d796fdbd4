//! What is wrong with a DAC in time: requests that it refuses, its falling off the bus, its buffer that runs low.

use std::time::Duration;

use serde::Deserialize;

use crate::clock::bus_time;

/// A request that it answers with STALL (USB 2.0, 8.5.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Which.
    pub request: Request,
    /// What it asks for: the rate, Hz, or the number of the setting.
    pub value: u32,
    /// How often it refuses; missing: always.
    pub times: Option<u32>,
}

/// Requests that can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// To set the clock.
    Rate,
    /// To choose an alternate setting of the streaming interface.
    Setting,
}

/// It falls off the bus once, as in a brown-out, and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// How much of a stream comes before, ms of the bus.
    pub after_ms: u32,
    /// How long it is away, ms; 1 to 60 000.
    pub for_ms: u32,
}

/// Its buffer runs low again and again, and it asks for more than it plays until it is full. (Nothing else is left to a DAC:
/// isochronous packets aren't acknowledged, so that it can't make the host wait.)
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hunger {
    /// From one time to the next, ms of the bus; to 60 000.
    pub every_ms: u32,
    /// How long it asks, at the end of that, ms.
    pub for_ms: u32,
    /// For how much more, in millionths. From -120 000 to 480 000: what is off by more than an eighth below and a half above
    /// isn't believed by the host's driver (sound/usb/endpoint.c, `snd_usb_handle_sync_urb`).
    pub ppm: f64,
}

impl Absence {
    pub(crate) fn is_possible(&self) -> bool {
        (1..=60_000).contains(&self.for_ms)
    }
}

impl Hunger {
    pub(crate) fn is_possible(&self) -> bool {
        self.every_ms <= 60_000 && (1..=self.every_ms).contains(&self.for_ms) && (-12e4..=48e4).contains(&self.ppm)
    }

    /// What it asks for on top, so many microframes after the start of a stream.
    pub(crate) fn ppm(&self, microframes: u64) -> f64 {
        let every = u128::from(self.every_ms);
        let asks = bus_time(microframes).as_millis() % every >= every - u128::from(self.for_ms);
        if asks { self.ppm } else { 0.0 }
    }
}

/// What has happened of it.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    refused: u32,
    vanished: bool,
}

impl Happened {
    /// Whether a request for `value` is refused now.
    pub(crate) fn refuses(&mut self, refusal: Option<Refusal>, request: Request, value: u32) -> bool {
        let of_it = refusal.filter(|refusal| (refusal.request, refusal.value) == (request, value));
        let refused = of_it.is_some_and(|refusal| refusal.times.is_none_or(|times| self.refused < times));
        self.refused += u32::from(refused);
        refused
    }

    /// How many it has refused.
    pub(crate) fn refused(&self) -> u32 {
        self.refused
    }

    /// For how long it falls off the bus now, so many microframes after the start of a stream.
    pub(crate) fn vanishes(&mut self, absence: Option<Absence>, microframes: u64) -> Option<Duration> {
        let absence = absence.filter(|_| !self.vanished)?;
        if bus_time(microframes) < Duration::from_millis(absence.after_ms.into()) {
            return None;
        }
        self.vanished = true;
        Some(Duration::from_millis(absence.for_ms.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_refuses_what_it_is_said_to_and_no_more_often() {
        let once = Refusal { request: Request::Rate, value: 96_000, times: Some(1) };
        for (refusal, expected) in [
            (Some(once), [false, false, true, false]),
            (Some(Refusal { times: None, ..once }), [false, false, true, true]),
            (None, [false; 4]),
        ] {
            let mut happened = Happened::default();
            let asked =
                [(Request::Rate, 48_000), (Request::Setting, 96_000), (Request::Rate, 96_000), (Request::Rate, 96_000)];
            let refused = asked.map(|(request, value)| happened.refuses(refusal, request, value));
            assert_eq!(refused, expected, "{refusal:?}");
        }
    }

    #[test]
    fn it_vanishes_once_and_when_it_is_time() {
        let absence = Some(Absence { after_ms: 10, for_ms: 300 });
        let mut happened = Happened::default();
        let gone: Vec<_> = (0..200).filter_map(|n| Some((n, happened.vanishes(absence, n)?))).collect();
        assert_eq!(gone, [(80, Duration::from_millis(300))]);
        assert_eq!(Happened::default().vanishes(None, 1 << 40), None);
    }

    #[test]
    fn it_asks_for_more_at_the_end_of_each_time() {
        let hunger = Hunger { every_ms: 10, for_ms: 3, ppm: 2e5 };
        let asks: Vec<u64> = (0..160).filter(|n| hunger.ppm(*n) > 0.0).collect();
        let expected: Vec<u64> = (56..80).chain(136..160).collect();
        assert_eq!(asks, expected);
    }
}
