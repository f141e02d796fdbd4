//! The engine's times as the kernel's command line sets them: `tenuto.buffer_ms=500`.

use std::ops::RangeInclusive;

/// Times in ms. None: the engine's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Timing {
    /// What the sound card's buffer holds, 2..=2000 and at least two periods.
    pub(crate) buffer_ms: Option<u16>,
    /// Between two wake-ups, 1..=1000.
    pub(crate) period_ms: Option<u16>,
    /// What the player may write ahead, 50..=10000 and at least two periods and [`MARGIN_MS`].
    pub(crate) ring_ms: Option<u16>,
    /// Silence in front of every stream, for DACs that need time to lock, 0..=5000.
    pub(crate) preroll_ms: Option<u16>,
    /// DSD silence in front of and behind every stream of DSD or DoP, 0..=5000.
    pub(crate) dsd_silence_ms: Option<u16>,
}

/// The engine's own defaults.
const BUFFER_MS: u16 = 100;
const PERIOD_MS: u16 = 40;
const RING_MS: u16 = 1000;
/// What the engine keeps back in the ring.
const MARGIN_MS: u16 = 10;

impl Timing {
    /// What the engine would refuse is left out, and said: it must start, whatever was mistyped there.
    pub(crate) fn of(command_line: &str) -> Self {
        let mut timing = Self {
            buffer_ms: milliseconds(command_line, "tenuto.buffer_ms", 2..=2000),
            period_ms: milliseconds(command_line, "tenuto.period_ms", 1..=1000),
            ring_ms: milliseconds(command_line, "tenuto.ring_ms", 50..=10_000),
            preroll_ms: milliseconds(command_line, "tenuto.preroll_ms", 0..=5000),
            dsd_silence_ms: milliseconds(command_line, "tenuto.dsd_silence_ms", 0..=5000),
        };
        let (buffer, period) = (timing.buffer_ms.unwrap_or(BUFFER_MS), timing.period_ms.unwrap_or(PERIOD_MS));
        if buffer < 2 * period {
            tracing::warn!(
                "kernel command line: a buffer of {buffer} ms is less than two periods of {period} ms; both are ignored"
            );
            (timing.buffer_ms, timing.period_ms) = (None, None);
        }
        let (ring, period) = (timing.ring_ms.unwrap_or(RING_MS), timing.period_ms.unwrap_or(PERIOD_MS));
        if ring < 2 * period + MARGIN_MS {
            tracing::warn!(
                "kernel command line: a ring of {ring} ms is less than two periods of {period} ms and {MARGIN_MS} ms; both are \
                 ignored"
            );
            (timing.ring_ms, timing.period_ms) = (None, None);
            // It was long enough for the period, but need not be for the default.
            timing.buffer_ms = timing.buffer_ms.filter(|&buffer| buffer >= 2 * PERIOD_MS);
        }
        timing
    }

    /// The time that the engine calls so.
    pub(crate) fn by_name(&mut self, name: &str) -> Option<&mut Option<u16>> {
        Some(match name {
            "buffer-ms" => &mut self.buffer_ms,
            "period-ms" => &mut self.period_ms,
            "ring-ms" => &mut self.ring_ms,
            "preroll-ms" => &mut self.preroll_ms,
            "dsd-silence-ms" => &mut self.dsd_silence_ms,
            _ => return None,
        })
    }

    /// Those that are set, by the engine's names.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, String)> {
        [
            ("buffer-ms", self.buffer_ms),
            ("period-ms", self.period_ms),
            ("ring-ms", self.ring_ms),
            ("preroll-ms", self.preroll_ms),
            ("dsd-silence-ms", self.dsd_silence_ms),
        ]
        .into_iter()
        .filter_map(|(name, ms)| Some((name, ms?.to_string())))
    }
}

/// `name=N` of a kernel command line; the last one counts, as with the kernel's own.
fn milliseconds(command_line: &str, name: &str, bounds: RangeInclusive<u16>) -> Option<u16> {
    let word = command_line.split_whitespace().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    let value = word.parse().ok().filter(|ms| bounds.contains(ms));
    if value.is_none() {
        let (least, most) = bounds.into_inner();
        tracing::warn!("kernel command line: {name}={word} is ignored; it takes {least} to {most}");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_may_set_every_time() {
        let all = "quiet tenuto.buffer_ms=500 tenuto.period_ms=100 console=ttyS0 tenuto.ring_ms=2000 tenuto.preroll_ms=0 \
                   tenuto.dsd_silence_ms=5000";
        let expected = Timing {
            buffer_ms: Some(500),
            period_ms: Some(100),
            ring_ms: Some(2000),
            preroll_ms: Some(0),
            dsd_silence_ms: Some(5000),
        };
        assert_eq!(Timing::of(all), expected);
        assert_eq!(Timing::of("tenuto.ring_ms=500 tenuto.ring_ms=100").ring_ms, Some(100), "the last one");
    }

    #[test]
    fn what_is_no_time_or_out_of_bounds_is_left_out() {
        for line in [
            "",
            "tenuto.buffer_ms",
            "tenuto.buffer_ms=",
            "tenuto.buffer_ms=1",
            "tenuto.buffer_ms=2001",
            "tenuto.buffer_msx=500",
            "tenuto.period_ms=0",
            "tenuto.period_ms=1001",
            "tenuto.ring_ms=49",
            "tenuto.ring_ms=10001",
            "tenuto.preroll_ms=-1",
            "tenuto.preroll_ms=5001",
            "tenuto.dsd_silence_ms=5001",
        ] {
            assert_eq!(Timing::of(line), Timing::default(), "{line}");
        }
    }

    #[test]
    fn a_buffer_of_less_than_two_periods_is_left_out() {
        for (line, wanted) in [
            ("tenuto.buffer_ms=2 tenuto.period_ms=1", (Some(2), Some(1))),
            ("tenuto.period_ms=50", (None, Some(50))),
            ("tenuto.period_ms=51", (None, None)),
            ("tenuto.buffer_ms=79", (None, None)),
            ("tenuto.buffer_ms=2000 tenuto.period_ms=1001", (Some(2000), None)),
        ] {
            let timing = Timing::of(line);
            assert_eq!((timing.buffer_ms, timing.period_ms), wanted, "{line}");
        }
    }

    #[test]
    fn a_ring_of_less_than_two_periods_and_the_margin_is_left_out() {
        let timing = |buffer_ms, period_ms, ring_ms| Timing { buffer_ms, period_ms, ring_ms, ..Timing::default() };
        for (line, wanted) in [
            ("tenuto.ring_ms=90", timing(None, None, Some(90))),
            ("tenuto.ring_ms=89", timing(None, None, None)),
            ("tenuto.ring_ms=50 tenuto.period_ms=20", timing(None, Some(20), Some(50))),
            ("tenuto.ring_ms=50 tenuto.period_ms=21", timing(None, None, None)),
            ("tenuto.period_ms=1000 tenuto.buffer_ms=2000", timing(Some(2000), None, None)),
            (
                "tenuto.period_ms=1000 tenuto.buffer_ms=2000 tenuto.ring_ms=2010",
                timing(Some(2000), Some(1000), Some(2010)),
            ),
        ] {
            assert_eq!(Timing::of(line), wanted, "{line}");
        }
    }

    /// Whatever is left out, what is left is what the engine takes.
    #[test]
    fn no_three_times_together_keep_the_engine_from_starting() {
        let times = [1, 2, 20, 21, 39, 40, 41, 50, 79, 80, 89, 90, 100, 495, 496, 1000, 1001, 2000, 2010, 10_000];
        for period in times {
            for buffer in times {
                for ring in times {
                    let line = format!("tenuto.period_ms={period} tenuto.buffer_ms={buffer} tenuto.ring_ms={ring}");
                    let timing = Timing::of(&line);
                    let period = timing.period_ms.unwrap_or(PERIOD_MS);
                    let (buffer, ring) = (timing.buffer_ms.unwrap_or(BUFFER_MS), timing.ring_ms.unwrap_or(RING_MS));
                    assert!(buffer >= 2 * period && ring >= 2 * period + MARGIN_MS, "{line}: {timing:?}");
                }
            }
        }
    }
}
