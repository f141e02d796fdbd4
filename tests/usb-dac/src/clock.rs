//! The DAC's own clock, and what it tells the host of it.

use std::time::Duration;

use serde::Deserialize;

/// Microframes of a bus at high speed, a second (USB 2.0, 8.4.3.1).
const MICROFRAMES: u32 = 8000;
/// A feedback value is sent each 2^(this - 1) microframes.
pub(crate) const FEEDBACK_INTERVAL: u8 = 4;

/// A clock that is off by so many millionths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// What it is set to, Hz.
    pub(crate) rate: u32,
    pub(crate) ppm: f64,
}

impl Clock {
    /// Frames that it takes in a microframe, with 16 bits behind the point (USB 2.0, 5.12.4.2).
    pub(crate) fn feedback(self) -> u32 {
        let frames = f64::from(self.rate) * (1.0 + self.ppm / 1e6) / f64::from(MICROFRAMES);
        (frames * 65_536.0).round() as u32
    }
}

/// A clock whose pace goes up and down evenly, as one does that warms up and cools down: from right to too fast, over right to too
/// slow, and back.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// How far it goes to each side, in millionths; at most 1000.
    pub ppm: f64,
    /// How long that takes, there and back, ms of the bus; 1 to 60 000.
    pub every_ms: u32,
}

impl Drift {
    pub(crate) fn is_possible(self) -> bool {
        self.ppm.abs() <= 1000.0 && (1..=60_000).contains(&self.every_ms)
    }

    /// How far it is off, so many microframes after the start of a stream.
    pub(crate) fn ppm(self, microframes: u64) -> f64 {
        let every = f64::from(self.every_ms) * f64::from(MICROFRAMES) / 1000.0;
        let turn = (microframes as f64 / every + 0.25).fract();
        self.ppm * (1.0 - 4.0 * (turn - 0.5).abs())
    }
}

/// How often a feedback value is due, in microframes.
pub(crate) const fn feedback_every() -> u64 {
    1 << (FEEDBACK_INTERVAL - 1)
}

/// The time that so many microframes take on the bus.
#[must_use]
pub fn bus_time(microframes: u64) -> Duration {
    Duration::from_micros(microframes * u64::from(1_000_000 / MICROFRAMES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feedback_is_frames_of_a_microframe() {
        let value = |rate, ppm| Clock { rate, ppm }.feedback();
        assert_eq!(value(48_000, 0.0), 6 << 16);
        assert_eq!(value(44_100, 0.0), 361_267);
        assert_eq!(value(768_000, 200.0), (96 << 16) + 1258);
        assert!(value(44_100, -200.0) < value(44_100, 0.0));
        assert_eq!(bus_time(8000), Duration::from_secs(1));
        assert_eq!(feedback_every(), 8);
    }

    #[test]
    fn a_drift_goes_up_and_down_and_comes_back() {
        let drift = Drift { ppm: 200.0, every_ms: 4000 };
        let ppm = [0, 4000, 8000, 16_000, 20_000, 24_000, 32_000].map(|n| drift.ppm(n));
        assert_eq!(ppm, [0.0, 100.0, 200.0, 0.0, -100.0, -200.0, 0.0]);
    }
}
