//! What the page says while a track plays, beside what the DAC had got by then: position, xruns, wake-ups.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use usb_dac::{Format, Kind};

use super::bench::{Bench, PATIENCE};
use super::dop::Apart;
use super::dry;
use super::fade::Faded;
use super::found::Tried;
use super::plug::Comes;
use crate::dropouts::Dropouts;
use crate::tracks::Track;

/// The engine's period, ms: between two positions, and two wake-ups.
const PERIOD_MS: f64 = 40.0;
/// What the driver has on the way to the bus, ms (`MAX_QUEUE` in sound/usb/card.h is 18): it reckons from the bus's clock what of it has
/// gone, and a bus that stands still for want of it makes that wrong by no more.
const IN_FLIGHT_MS: f64 = 20.0;
/// How often the engine is held up.
const HOLDS: usize = 2;
/// A bus that brings nothing for so long has stopped.
const STOPPED: Duration = Duration::from_secs(2);
/// The bucket of the histogram that 1 ms, a late wake-up, falls into.
const LATE: usize = 10;
/// The least that a wake-up is late that came behind such a stop, ns: the card's buffer had to be played first, and the engine was to
/// sleep for up to a period still. The guest's clock goes as the host's does, but for what a busy host takes from it.
const HELD_NS: u64 = 1_500_000_000;
/// The bucket that this falls into: bucket n ends at 2^n µs.
const HELD: usize = 21;

/// Between two looks at the page.
const TICK: Duration = Duration::from_millis(50);

/// What page and DAC said at one moment.
#[derive(Debug, Clone)]
struct Sample {
    /// Frames that the DAC had got before the page was asked, and after: of the stream at first, and of the track once it is known
    /// which of them those are.
    got: [usize; 2],
    /// When that was. The guest's clock goes as the host's does; on a busy host the bus doesn't get on as fast.
    at: [Instant; 2],
    /// Position, in frames on the bus.
    position: f64,
    engine: Value,
    /// How often the engine had been held up.
    held: usize,
}

impl Sample {
    /// How far the position is off what the DAC had got meanwhile; behind that, it is negative.
    fn off(&self, ms: impl Fn(f64) -> f64) -> f64 {
        let [least, most] = self.got.map(|got| got as f64);
        ms((self.position - least).min(0.0) + (self.position - most).max(0.0))
    }
}

/// By how much, at most, the wake-up was late that came next after look `n`, ms: its position was as old as that. None: none came.
fn late_ms(samples: &[Sample], n: usize) -> Option<f64> {
    let now = &samples.get(n)?.engine;
    let next = samples.get(n..)?.iter().find(|next| count(&next.engine, "wakeups") > count(now, "wakeups"))?;
    let counts = lateness(&next.engine).into_iter().zip(lateness(now));
    let last = counts.collect::<Vec<_>>().into_iter().rposition(|(after, before)| after > before)?;
    // Bucket n ends at 2^n µs.
    Some(f64::powi(2.0, i32::try_from(last).ok()?) / 1000.0)
}

fn sorted(values: impl Iterator<Item = f64>, by: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut all: Vec<_> = values.collect();
    all.sort_by(|a, b| by(*a).total_cmp(&by(*b)));
    all
}

/// The value that so many tenths of all lie below; ten: the last one.
fn tenth(sorted: &[f64], tenths: usize) -> Option<f64> {
    sorted.get((sorted.len() * tenths / 10).min(sorted.len().checked_sub(1)?)).copied()
}

/// Plays a track, asking the page all the time. Every frame has to come.
pub(super) fn agree(bench: &mut Bench, track: &Track, comes: Comes) -> Result<Tried> {
    compared(bench, track, comes, 0)
}

/// The same; in between the engine gets no time, so that the card runs dry. Each time is counted, and how long it was, and nothing is
/// lost of the position.
pub(super) fn agree_on_xruns(bench: &mut Bench, track: &Track) -> Result<Tried> {
    compared(bench, track, Comes::AsItIs, HOLDS)
}

/// Stops the engine until the card has run dry: by the bus, which doesn't go as the guest's clock does.
fn hold(bench: &mut Bench) -> Result<()> {
    let tell = |bench: &mut Bench, signal: &str| {
        let shell = bench.shell.as_mut().context("the guest has no shell")?;
        shell.run(&format!("kill -{signal} $(pidof engine)"), PATIENCE)
    };
    tell(bench, "STOP")?;
    let mut last = (bench.microframes(), Instant::now());
    bench.wait("the card doesn't run dry", |bench| {
        let now = bench.microframes();
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok(last.1.elapsed() > STOPPED)
    })?;
    tell(bench, "CONT").map(drop)
}

/// Holds the engine up so often; only that may make the card run dry.
fn compared(bench: &mut Bench, track: &Track, comes: Comes, holds: usize) -> Result<Tried> {
    let before = bench.player.status()?["engine"].take();
    let bus = comes.rate(track);
    let (second, rate) = (bus as usize, f64::from(bus));
    let mut held = 0;
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(bench.sounded() > 0))?;
    let mut samples = Vec::new();
    loop {
        bench.waits();
        let first = (bench.came(), Instant::now());
        let mut page = bench.player.status()?;
        let last = (Instant::now(), bench.came());
        let state = page["transport"]["state"].take();
        if state == "STOPPED" {
            break;
        }
        std::thread::sleep(TICK);
        if state != "PLAYING" {
            continue;
        }
        let position = page["track"]["position"].as_f64().context("the page has no position")? * rate;
        let (got, at) = ([first.0, last.1], [first.1, last.0]);
        samples.push(Sample { got, at, position, engine: page["engine"].take(), held });
        if held < holds && got[1] > (2 * held + 1) * second {
            held += 1;
            hold(bench)?;
        }
    }
    let fault = bench.until_stopped()?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let certificate = bench.certificate()?;
    bench.wait("the stream isn't closed", |bench| Ok(bench.player.status()?["engine"]["state"] == "closed"))?;
    let after = bench.player.status()?["engine"].take();
    let xruns = count(&after, "xruns") - count(&before, "xruns");
    let frames = tried.came(bench, track, comes, xruns)?;
    samples.iter_mut().for_each(|sample| sample.got = sample.got.map(|came| frames.of_the_track(came)));
    if xruns < holds as u64 {
        tried.faults.push(format!("held up {holds} times, it ran dry {xruns} times"));
    } else if xruns > holds as u64 {
        let more = xruns - holds as u64;
        tried.torn(more, format!("held up {holds} times, it ran dry {xruns} times"));
    }
    // Held up it has slept too long, too: once till then, and once for what would have been its next time.
    tried.provoked = Dropouts { xruns: holds as u64, stalls: 2 * holds as u64, ..Dropouts::default() };
    if certificate["xruns"] != xruns {
        tried.faults.push(format!("{xruns} xruns on the page, {} in the certificate", certificate["xruns"]));
    }
    tried.position(&samples, rate, frames.total);
    for number in 0..=holds {
        tried.wakeups(samples.iter().filter(|sample| sample.held == number));
    }
    tried.faults.extend(histogram(&after));
    tried.faults.extend(holds_counted(&before, &after, holds));
    Ok(tried)
}

fn count(engine: &Value, name: &str) -> u64 {
    engine[name].as_u64().unwrap_or_default()
}

fn lateness(engine: &Value) -> Vec<u64> {
    engine["lateness"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

/// What contradicts itself in the figures of an engine that is idle.
fn histogram(engine: &Value) -> Option<String> {
    let late = lateness(engine);
    let above = |bucket: usize| late.iter().skip(bucket).sum::<u64>();
    let (wakeups, late_wakeups) = (count(engine, "wakeups"), count(engine, "late_wakeups"));
    let worst_us = count(engine, "worst_lateness_ns") / 1000;
    let last = late.iter().rposition(|count| *count > 0).unwrap_or_default();
    let of_worst = ((u64::BITS - worst_us.leading_zeros()) as usize).min(late.len().saturating_sub(1));
    let agree = above(0) == wakeups && (above(LATE + 1)..=above(LATE)).contains(&late_wakeups) && last == of_worst;
    (!agree).then(|| {
        format!(
            "{wakeups} wake-ups, {late_wakeups} of them late, the worst by {worst_us} µs, aren't what {late:?} says"
        )
    })
}

/// Which frames of a stream are a track's.
#[derive(Debug, Default)]
struct Frames {
    /// In front of the first one.
    before: usize,
    /// Silence in between: before which frame of the track, and how much.
    gaps: Vec<(usize, usize)>,
    /// Those of the track.
    total: usize,
}

impl Frames {
    /// How many of the track's there are among the first ones.
    fn of_the_track(&self, came: usize) -> usize {
        let whole = came.saturating_sub(self.before);
        let behind = |got: usize, (at, silent): &(usize, usize)| got.min((*at).max(got.saturating_sub(*silent)));
        self.gaps.iter().fold(whole, behind).min(self.total)
    }
}

/// What is missing of so many times that the engine was held up.
fn holds_counted(before: &Value, after: &Value, holds: usize) -> Option<String> {
    let long = |engine: &Value| lateness(engine).iter().skip(HELD).sum::<u64>();
    let (counted, worst_ns) = (long(after) - long(before), count(after, "worst_lateness_ns"));
    let well = counted >= holds as u64 && (holds == 0 || worst_ns >= HELD_NS);
    (!well).then(|| {
        format!("held up {holds} times, {counted} wake-ups were that late, the worst by {} ms", worst_ns / 1_000_000)
    })
}

impl Tried {
    /// As many gaps have to come as xruns were counted, and nothing else may be missing but what was on its way. Returns which frames are
    /// the track's.
    fn came(&mut self, bench: &mut Bench, track: &Track, comes: Comes, xruns: u64) -> Result<Frames> {
        let streams = bench.streams()?;
        let Some(stream) = self.only(&streams) else { return Ok(Frames::default()) };
        let (found, total, driver_s) = match comes {
            Comes::AsItIs => {
                let Some(found) = self.compare(&track.packed, track, stream) else { return Ok(Frames::default()) };
                (found, track.packed.len() / track.frame(), 0)
            }
            Comes::OverPcm => {
                let apart = Apart::of(stream);
                let (found, faults) = apart.compare(&track.packed, stream.rate);
                self.markers(&apart);
                self.faults.extend(faults);
                (found, 2 * track.packed.len() / track.frame(), apart.before)
            }
        };
        let dry = dry::explain(&found, stream.rate);
        self.frames = total - dry.lost;
        if dry.gaps != xruns {
            self.faults.push(format!("{} gaps on the bus, and {xruns} xruns", dry.gaps));
        }
        self.faults.extend(dry.others.iter().map(ToString::to_string));
        // DSD isn't faded.
        if stream.setting.format == Format::Pcm && comes == Comes::AsItIs {
            let faded = Faded { track: &track.packed, frame: track.frame(), rate: stream.rate, bits: 32 };
            self.faults.extend(dry.resumed.iter().filter_map(|at| faded.fault_before(&stream.bytes, *at)));
        }
        self.note = format!("{xruns} xruns, {} gaps, {} frames lost in them", dry.gaps, dry.lost);
        let gaps = found.faults.iter().filter(|fault| fault.kind == Kind::Gap);
        let gaps = gaps.map(|gap| (gap.at, gap.frames)).collect();
        Ok(Frames { before: driver_s + found.before, gaps, total })
    }

    /// The page's position is what the DAC had got at the last wake-up. Behind, it may be a period, and what the next wake-up was late
    /// by the engine's own count; half of all looks by no more than that, and nine of ten. (A busy host holds single ones up.)
    fn position(&mut self, samples: &[Sample], rate: f64, frames: usize) {
        let ms = |frames: f64| frames / rate * 1000.0;
        let looks = samples.iter().enumerate().filter(|(_, sample)| (1..frames).contains(&sample.got[1]));
        let looks: Vec<_> = looks.filter_map(|(n, sample)| Some((sample.off(ms), late_ms(samples, n)?))).collect();
        let beyond = looks.iter().map(|(off, late)| {
            let most = if *off < 0.0 { PERIOD_MS + late + IN_FLIGHT_MS } else { IN_FLIGHT_MS };
            off.abs() - most
        });
        let offs = sorted(looks.iter().map(|(off, _)| *off), f64::abs);
        let (beyond, lates) =
            (sorted(beyond, |beyond| beyond), sorted(looks.iter().map(|(_, late)| *late), |late| late));
        let [Some(middle), Some(most), Some(worst)] = [5, 9, 10].map(|tenths| tenth(&offs, tenths)) else {
            return self.faults.push("the page was never asked".to_owned());
        };
        let late = [5, 9, 10].map(|tenths| format!("{:.0}", tenth(&lates, tenths).unwrap_or_default())).join(", ");
        self.note += &format!(
            "; position off by {middle:.0} ms, nine of ten by {most:.0} at most, at worst {worst:.0}, of {} samples, with \
             wake-ups late by {late} ms",
            offs.len()
        );
        for (tenths, off) in [(5, middle), (9, most)] {
            if tenth(&beyond, tenths).is_some_and(|beyond| beyond > 0.0) {
                let text = format!(
                    "the page's position is off by {off:.0} ms in {tenths} of ten looks, with wake-ups late by {late} ms"
                );
                self.faults.push(text);
            }
        }
    }

    /// In so much time the engine has to have woken up once a period; but for those points of its grid that a late
    /// wake-up has passed over. It wasn't held up meanwhile.
    fn wakeups<'a>(&mut self, samples: impl Iterator<Item = &'a Sample>) {
        // It wakes more often while it plays nothing, as it does behind the track's last frame.
        let playing: Vec<_> = samples.filter(|sample| sample.engine["state"] == "playing").collect();
        let [first, .., last] = playing.as_slice() else {
            return self.faults.push(format!("{} looks at the page while it played, too few to count", playing.len()));
        };
        let woken = count(&last.engine, "wakeups") - count(&first.engine, "wakeups");
        let periods = |time: Duration| time.as_secs_f64() * 1000.0 / PERIOD_MS;
        let least = periods(last.at[0].saturating_duration_since(first.at[1]));
        let most = periods(last.at[1].saturating_duration_since(first.at[0]));
        self.note += &format!("; {woken} wake-ups for {least:.0} to {most:.0} periods");
        let late =
            lateness(&last.engine).into_iter().zip(lateness(&first.engine)).map(|(after, before)| after - before);
        // Bucket n ends at 2^n µs.
        let passed: f64 =
            (0..).zip(late).map(|(n, late)| late as f64 * (f64::powi(2.0, n) / 1000.0 / PERIOD_MS).floor()).sum();
        if !(least - passed - 3.0..=most + 3.0).contains(&(woken as f64)) {
            self.faults.push(format!("{woken} wake-ups in {least:.0} to {most:.0} periods, {passed:.0} passed over"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Looks each 50 ms at an engine that wakes once in between, so late (bucket of the histogram), its position off by so much, ms.
    fn looks(offs: impl Iterator<Item = f64>, bucket: usize) -> Vec<Sample> {
        let now = Instant::now();
        let look = |(n, off): (usize, f64)| {
            let mut late = [0; 32];
            late[bucket] = n;
            let got = [n * 2400 + 10_000, n * 2400 + 10_048];
            let position = if off < 0.0 { got[0] as f64 + off * 48.0 } else { got[1] as f64 + off * 48.0 };
            Sample { got, at: [now, now], position, engine: json!({ "wakeups": n, "lateness": late }), held: 0 }
        };
        offs.enumerate().map(look).collect()
    }

    #[test]
    fn a_position_is_as_old_as_the_last_wake_up() {
        let faults = |off: fn(usize) -> f64, bucket: usize| {
            let mut tried = Tried::default();
            tried.position(&looks((0..102).map(off), bucket), 48_000.0, 10_000_000);
            tried.judged().faults.len()
        };
        assert_eq!(faults(|n| -((n % 60) as f64), 4), 0, "a period and what is on its way");
        assert_eq!(faults(|_| 19.0, 4), 0, "ahead by what is on its way");
        assert_eq!(faults(|n| if n % 20 == 7 { -200.0 } else { -20.0 }, 4), 0, "single looks");
        assert_eq!(faults(|_| -81.0, 4), 2, "always");
        assert_eq!(faults(|n| if n % 5 == 2 { -81.0 } else { 0.0 }, 4), 1, "one time of five");
        assert_eq!(faults(|_| 25.0, 4), 2, "ahead");
        assert_eq!(faults(|_| -81.0, 15), 0, "the engine says that it was 33 ms late");
        assert_eq!(faults(|_| 25.0, 15), 2, "which doesn't make it ahead");
        let mut tried = Tried::default();
        tried.position(&[], 48_000.0, 1);
        assert_eq!(tried.judged().faults, ["the page was never asked"]);
    }

    #[test]
    fn of_what_came_only_the_track_s_frames_count() {
        let frames = Frames { before: 100, gaps: vec![(50, 30), (80, 10)], total: 200 };
        let came = [0, 100, 110, 150, 151, 180, 181, 210, 215, 220, 221, 340, 999];
        assert_eq!(came.map(|came| frames.of_the_track(came)), [0, 0, 10, 50, 50, 50, 51, 80, 80, 80, 81, 200, 200]);
    }

    #[test]
    fn each_hold_is_in_the_histogram() {
        let engine = |long: u64, worst: u64| {
            let mut late = vec![0; 32];
            (late[5], late[22]) = (100, long);
            json!({ "lateness": late, "worst_lateness_ns": worst })
        };
        let before = engine(1, 2_000_000_000);
        let counted = |long, worst| holds_counted(&before, &engine(long, worst), 2);
        assert_eq!(counted(3, 2_000_000_000), None);
        assert_eq!(holds_counted(&before, &before, 0), None);
        assert!(counted(2, 2_000_000_000).is_some() && counted(3, 900_000_000).is_some());
    }

    #[test]
    fn wake_ups_are_counted_between_the_holds() {
        let start = Instant::now();
        let sample = |ms: u64, wakeups: u64, late: [u64; 2]| {
            let mut lateness = vec![0; 32];
            (lateness[5], lateness[18]) = (late[0], late[1]);
            let at = start + Duration::from_millis(ms);
            let engine = json!({ "state": "playing", "wakeups": wakeups, "lateness": lateness });
            Sample { got: [0; 2], at: [at; 2], position: 0.0, engine, held: 0 }
        };
        let faults = |last: Sample| {
            let mut tried = Tried::default();
            tried.wakeups([sample(0, 0, [0; 2]), last].iter());
            tried.faults.len()
        };
        assert_eq!(faults(sample(4000, 100, [100, 0])), 0);
        assert_eq!(faults(sample(4000, 95, [100, 0])), 1, "what is late by less than a period passes over nothing");
        assert_eq!(faults(sample(4000, 95, [99, 1])), 0, "262 ms late");
        assert_eq!(faults(sample(4000, 105, [100, 0])), 1);
        let mut tried = Tried::default();
        tried.wakeups([sample(0, 0, [0; 2])].iter());
        assert_eq!(tried.faults.len(), 1, "one look counts nothing");
    }

    #[test]
    fn figures_that_contradict_each_other_are_found() {
        let engine = |wakeups: u64, late: u64, worst: u64| {
            let mut lateness = [0; 32];
            (lateness[3], lateness[10], lateness[12]) = (90, 4, 2);
            let engine = json!({
                "wakeups": wakeups, "late_wakeups": late, "worst_lateness_ns": worst, "lateness": lateness,
            });
            histogram(&engine)
        };
        assert_eq!(engine(96, 2, 2_500_000), None);
        assert_eq!(engine(96, 5, 4_000_000), None);
        for (wakeups, late, worst) in [(95, 2, 2_500_000), (96, 1, 2_500_000), (96, 7, 2_500_000), (96, 2, 500_000)] {
            assert!(engine(wakeups, late, worst).is_some(), "{wakeups} {late} {worst}");
        }
    }
}
