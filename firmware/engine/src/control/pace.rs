//! Whether the DAC plays at the rate that it was set to. There are some that acknowledge every rate and stay where they are, and
//! snd-usb-audio goes on then (sound/usb/clock.c, `set_sample_rate_v2v3`: "freq mismatch" is a message for debugging).
//!
//! Only what the driver tells of the DAC's own feedback counts. How fast the card's buffer empties doesn't: on a busy machine, and
//! more so on a virtual one, that may be far too slow for seconds; and it is the driver's pace, which the DAC may not keep up with.
//! So cards without feedback aren't found out: adaptive ones have to follow the host anyway.

use ring::message::TEXT_BYTES;

use super::{Ask, Control};
use crate::clock::{MILLISECOND, now_ns};
use crate::output::device::Told;
use crate::rt::Command;
use pcm::{Content, Wire};

/// From one look at the clock to the next.
const LOOK_NS: u64 = 250 * MILLISECOND;
/// So many looks in a row have to say the same: two seconds. A DAC whose buffer runs low asks for more only until it is full.
const IN_A_ROW: u32 = 8;
/// Looks at a clock that tells nothing, or no two times the same, until it is left alone: a minute.
const MOST: u32 = 240;
/// How far a clock may be off, in millionths: 2 %. A crystal is off by 200 at most, and two rates differ by 88 000 at least.
const OFF: u64 = 20_000;
/// How far apart the looks may be that say that it is off, in millionths: a clock that stands at a wrong rate stands still.
const APART: u64 = 5_000;

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing yet.
    Open,
    /// The clock is right, or tells nothing.
    Right,
    /// It runs at so many Hz.
    Wrong(u32),
}

/// The looks at one stream's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    wire: Wire,
    /// When to look next, ns; `None` while a look is under way.
    due: Option<u64>,
    looks: u32,
    /// How many in a row have said that it is right; or that it runs at this wrong rate.
    right: u32,
    wrong: (u32, u32),
}

impl Watch {
    pub(super) fn new(wire: Wire) -> Self {
        let due = Some(now_ns().saturating_add(LOOK_NS));
        Self { wire, due, looks: 0, right: 0, wrong: (0, 0) }
    }

    fn take(&mut self, told: Told) -> Verdict {
        self.looks += 1;
        match told {
            // Held, or not begun.
            Told::Stopped => self.looks -= 1,
            Told::Nothing => (self.right, self.wrong) = (0, (0, 0)),
            Told::Clock(hz) if within(hz, self.wire.rate, OFF) => {
                self.right += 1;
                self.wrong = (0, 0);
            }
            Told::Clock(hz) => {
                self.right = 0;
                self.wrong = match self.wrong {
                    (row, first) if row > 0 && within(hz, first, APART) => (row + 1, first),
                    _ => (1, hz),
                };
            }
        }
        match self.wrong {
            (IN_A_ROW.., hz) => Verdict::Wrong(hz),
            _ if self.right >= IN_A_ROW || self.looks >= MOST => Verdict::Right,
            _ => Verdict::Open,
        }
    }
}

/// Whether two rates are no further apart than so many millionths.
fn within(hz: u32, rate: u32, millionths: u64) -> bool {
    u64::from(hz.abs_diff(rate)) * 1_000_000 <= u64::from(rate) * millionths
}

/// What is wrong, and what to do.
fn complaint(name: &str, wire: Wire, hz: u32) -> String {
    let (key, rate) = match wire.format.content() {
        Content::Dsd => ("without-dsd-rates", wire.rate.saturating_mul(wire.format.bits().into())),
        Content::Pcm | Content::Dop => ("without-rates", wire.rate),
    };
    let says = format!(
        " was set to {} Hz and runs at {hz}: it isn't set to that again until it is plugged in anew; a rule {key}={rate} keeps it so",
        wire.rate
    );
    let name = name.get(..name.floor_char_boundary(TEXT_BYTES.saturating_sub(says.len()))).unwrap_or_default();
    format!("{name}{says}")
}

impl Control {
    /// When the clock is to be looked at, ns.
    pub(super) fn look_due(&self) -> Option<u64> {
        self.watch.and_then(|watch| watch.due)
    }

    /// Looks at the clock, if it is time to.
    pub(super) fn look_at_clock(&mut self) {
        if let Some(watch) = &mut self.watch
            && watch.due.is_some_and(|due| now_ns() >= due)
        {
            watch.due = None;
            self.ask(Ask::Clock);
        }
    }

    /// The answer to a look. One at a stream that is over by now is worth nothing, but only that one could be under way.
    pub(super) fn told(&mut self, told: Told) {
        let Some(watch) = self.watch.as_mut().filter(|watch| watch.due.is_none()) else { return };
        let wire = watch.wire;
        match watch.take(told) {
            Verdict::Open => watch.due = Some(now_ns().saturating_add(LOOK_NS)),
            Verdict::Right => self.watch = None,
            Verdict::Wrong(hz) => {
                self.watch = None;
                let name = self.found.as_ref().map_or("the output", |found| &found.name);
                self.disproved = Some((wire, complaint(name, wire, hz)));
                self.command(Command::Abort);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcm::WireFormat;

    const WIRE: Wire = Wire { format: WireFormat::S32Le, rate: 96_000, channels: 2 };

    /// What comes of these looks, and after how many.
    fn verdict(looks: impl IntoIterator<Item = Told>) -> (Verdict, usize) {
        let mut watch = Watch::new(WIRE);
        let mut last = (Verdict::Open, 0);
        for told in looks {
            last = (watch.take(told), last.1 + 1);
            if last.0 != Verdict::Open {
                break;
            }
        }
        last
    }

    #[test]
    fn a_clock_that_stands_at_another_rate_is_found_out() {
        for hz in [44_100, 48_000, 48_010, 88_200, 192_000] {
            let begins = [Told::Stopped, Told::Nothing, Told::Clock(96_000)];
            assert_eq!(verdict(begins.into_iter().chain([Told::Clock(hz); 9])), (Verdict::Wrong(hz), 11));
        }
    }

    #[test]
    fn a_clock_that_drifts_asks_for_more_or_leaps_is_not() {
        for hz in [96_000, 96_020, 95_980, 97_900, 94_100] {
            assert_eq!(verdict([Told::Clock(hz); 9]), (Verdict::Right, 8));
        }
        // A quarter more, for as long as half a second of each second, and at worst whenever it is looked at.
        let hungry = [96_000, 96_000, 120_000, 120_000].map(Told::Clock);
        assert_eq!(verdict(hungry.into_iter().cycle().take(1000)), (Verdict::Right, 240));
        let leaping = [Told::Clock(48_000), Told::Clock(48_400)];
        assert_eq!(verdict(leaping.into_iter().cycle().take(1000)), (Verdict::Right, 240));
        let once = [Told::Clock(48_000); 7].into_iter().chain([Told::Nothing]);
        assert_eq!(verdict(once.cycle().take(1000)), (Verdict::Right, 240));
    }

    #[test]
    fn a_clock_that_tells_nothing_is_left_alone_and_one_that_stands_still_is_waited_for() {
        assert_eq!(verdict([Told::Nothing; 300]), (Verdict::Right, 240));
        assert_eq!(verdict([Told::Stopped; 300]), (Verdict::Open, 300));
    }

    #[test]
    fn the_complaint_says_what_to_do_whatever_the_name_is() {
        let text = complaint("DAC (hw:1,0)", WIRE, 48_000);
        assert_eq!(
            text,
            "DAC (hw:1,0) was set to 96000 Hz and runs at 48000: it isn't set to that again until it is plugged in anew; a rule \
             without-rates=96000 keeps it so"
        );
        let dsd = Wire { format: WireFormat::DsdU32Be, rate: 88_200, channels: 2 };
        let text = complaint(&"é".repeat(100), dsd, 44_100);
        assert!(text.len() <= TEXT_BYTES && text.ends_with("a rule without-dsd-rates=2822400 keeps it so"), "{text}");
    }
}
