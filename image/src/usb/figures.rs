//! What the page says while a track plays, beside what the DAC had got by then: position, xruns, wake-ups.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use usb_dac::{Format, Stream};

use super::bench::{Bench, PATIENCE};
use super::dop::Apart;
use super::dry;
use super::fade::Faded;
use super::found::Tried;
use super::heard::Music;
use super::plug::Comes;
use super::position::{Look, Looks, PERIOD_MS};
use crate::dropouts::Dropouts;
use crate::tracks::Track;

/// How often the engine is held up.
const HOLDS: usize = 2;
/// A bus that brings nothing for so long has stopped.
const STOPPED: Duration = Duration::from_secs(2);
/// The bucket of the histogram that 1 ms, a late wake-up, falls into.
const LATE: usize = 10;
/// What the card's buffer holds ([`crate::session`]'s arguments), ms.
const BUFFER_MS: f64 = 500.0;
/// What the driver has on its way is played behind that, ms (`MAX_QUEUE` in sound/usb/card.h is 18).
const IN_FLIGHT_MS: f64 = 20.0;
/// What the DAC gets nothing for, at least, while the engine is held up; the music is never away for so long otherwise.
const HOLE: Duration = Duration::from_secs(1);

/// Plays a track, asking the page all the time. Every frame has to come.
pub(super) fn agree(bench: &mut Bench, track: &Track, comes: Comes) -> Result<Tried> {
    compared(bench, track, comes, 0)
}

/// The same; in between the engine gets no time, so that the card runs dry. Each time is counted, and how long it was, and nothing is
/// lost of the position.
pub(super) fn agree_on_xruns(bench: &mut Bench, track: &Track) -> Result<Tried> {
    compared(bench, track, Comes::AsItIs, HOLDS)
}

/// Stops the engine until the card has run dry: by the bus, which doesn't go as the guest's clock does. Returns how long that was, surely
/// and at most, ms.
fn hold(bench: &mut Bench) -> Result<[f64; 2]> {
    let tell = |bench: &mut Bench, signal: &str| {
        let shell = bench.shell.as_mut().context("the guest has no shell")?;
        shell.run(&format!("kill -{signal} $(pidof engine)"), PATIENCE)
    };
    let first = Instant::now();
    tell(bench, "STOP")?;
    let stopped = Instant::now();
    let mut last = (bench.microframes(), Instant::now());
    bench.wait("the card doesn't run dry", |bench| {
        let now = bench.microframes();
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok(last.1.elapsed() > STOPPED)
    })?;
    let surely = stopped.elapsed();
    tell(bench, "CONT")?;
    Ok([surely, first.elapsed()].map(ms))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Holds the engine up so often; only that may make the card run dry.
fn compared(bench: &mut Bench, track: &Track, comes: Comes, holds: usize) -> Result<Tried> {
    let before = bench.player.status()?["engine"].take();
    let second = comes.rate(track) as usize;
    let mut held = Vec::new();
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(bench.sounded() > 0))?;
    let mut looks = Looks::new(bench);
    while held.len() < holds {
        let enough = (2 * held.len() + 1) * second;
        looks.until(bench, "it doesn't get on", |bench, _| Ok(bench.came() > enough))?;
        held.push(hold(bench)?);
        looks.stage = held.len();
    }
    looks.until(bench, "it plays and plays", |_, look| Ok(look.state() == "STOPPED"))?;
    let fault = bench.until_stopped()?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let certificate = bench.certificate()?;
    bench.wait("the stream isn't closed", |bench| Ok(bench.player.status()?["engine"]["state"] == "closed"))?;
    let after = bench.player.status()?["engine"].take();
    let xruns = count(&after, "xruns") - count(&before, "xruns");
    let streams = bench.streams()?;
    tried.came(&streams, track, comes, xruns);
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
    let music = Music::of(&[track], comes)?;
    tried.positions(bench, &looks, &music, (&[0], &streams));
    let stages: Vec<Vec<&Look>> =
        (0..=holds).map(|number| looks.all.iter().filter(|look| look.stage == number).collect()).collect();
    stages.iter().for_each(|looks| tried.wakeups(looks));
    tried.faults.extend(histogram(&after));
    tried.held([&before, &after], &held, &holes(&streams));
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

/// How long the DAC got nothing in the midst of a stream, each time that it was so for long, ms. Microframes that come empty bring nothing.
fn holes(streams: &[Stream]) -> Vec<f64> {
    let of = |stream: &Stream| {
        let came: Vec<_> = stream.packets.iter().filter(|packet| packet.bytes > 0).map(|packet| packet.at).collect();
        let gaps = came.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).filter(|gap| *gap >= HOLE);
        gaps.map(ms).collect::<Vec<_>>()
    };
    streams.iter().flat_map(of).collect()
}

/// The bucket that so many ms fall into.
fn bucket(ms: f64) -> usize {
    let us = (ms.max(0.0) * 1000.0) as u64;
    (u64::BITS - us.leading_zeros()) as usize
}

impl Tried {
    /// As many gaps have to come as xruns were counted, and nothing else may be missing but what was on its way.
    fn came(&mut self, streams: &[Stream], track: &Track, comes: Comes, xruns: u64) {
        let Some(stream) = self.only(streams) else { return };
        let (found, total) = match comes {
            Comes::AsItIs => {
                let Some(found) = self.compare(&track.packed, track, stream) else { return };
                (found, track.packed.len() / track.frame())
            }
            Comes::OverPcm => {
                let apart = Apart::of(stream);
                let (found, faults) = apart.compare(&track.packed, stream.rate);
                self.markers(&apart);
                self.faults.extend(faults);
                (found, 2 * track.packed.len() / track.frame())
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
    }

    /// Each time that the engine was held up, for so long by the host's clock, surely and at most, is in the histogram once, or twice if
    /// it has slept through what would have been its next time as well; and the DAC got nothing meanwhile, but what the card held.
    fn held(&mut self, [before, after]: [&Value; 2], held: &[[f64; 2]], holes: &[f64]) {
        if holes.len() != held.len() {
            self.faults.push(format!(
                "held up {} times, the DAC got nothing for a second {} times",
                held.len(),
                holes.len()
            ));
        }
        let Some(shortest) = held.iter().map(|[surely, _]| *surely).reduce(f64::min) else { return };
        // It was to sleep for up to a period still, and then for another.
        let first = bucket(shortest - 2.0 * PERIOD_MS);
        let long = |engine: &Value| lateness(engine).iter().skip(first).sum::<u64>();
        let counted = long(after) - long(before);
        let worst = |engine: &Value| count(engine, "worst_lateness_ns") as f64 / 1e6;
        let longest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let [surely, most] = [0, 1].map(|n| longest(&mut held.iter().map(|hold| hold[n])));
        let hole = longest(&mut holes.iter().copied());
        let bounds = [surely - PERIOD_MS, most.min(hole + BUFFER_MS + IN_FLIGHT_MS)];
        self.note += &format!(
            "; held up for {surely:.0} to {most:.0} ms, the DAC got nothing for {hole:.0}; {counted} wake-ups so late, the worst by {:.0} ms",
            worst(after)
        );
        let times = held.len() as u64;
        let is_worst = worst(after) >= bounds[0] && (worst(after) <= bounds[1] || worst(after) == worst(before));
        if !(times..=2 * times).contains(&counted) || !is_worst {
            self.faults.push(format!(
                "held up {times} times, {counted} wake-ups were that late, the worst by {:.0} ms, not {:.0} to {:.0}",
                worst(after),
                bounds[0],
                bounds[1]
            ));
        }
    }

    /// In so much time the engine has to have woken up once a period; but for those points of its grid that a late
    /// wake-up has passed over. It wasn't held up meanwhile.
    fn wakeups(&mut self, looks: &[&Look]) {
        // It wakes more often while it plays nothing, as it does behind the track's last frame.
        let playing: Vec<_> = looks.iter().filter(|look| look.engine()["state"] == "playing").collect();
        let [first, .., last] = playing.as_slice() else {
            return self.faults.push(format!("{} looks at the page while it played, too few to count", playing.len()));
        };
        let woken = count(last.engine(), "wakeups") - count(first.engine(), "wakeups");
        let periods = |time: Duration| ms(time) / PERIOD_MS;
        let least = periods(last.asked[0].saturating_duration_since(first.asked[1]));
        let most = periods(last.asked[1].saturating_duration_since(first.asked[0]));
        self.note += &format!("; {woken} wake-ups for {least:.0} to {most:.0} periods");
        let late = last.lateness().zip(first.lateness()).map(|(after, before)| after - before);
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
    use serde_json::json;
    use usb_dac::{Packet, Setting};

    use super::*;

    #[test]
    fn each_hold_is_in_the_histogram_and_no_other() {
        let engine = |long: u64, worst_ms: u64| {
            let mut late = vec![0; 32];
            (late[5], late[22]) = (100, long);
            json!({ "lateness": late, "worst_lateness_ns": worst_ms * 1_000_000 })
        };
        let before = engine(1, 2400);
        let faults = |after: &Value, held: &[[f64; 2]], holes: &[f64]| {
            let mut tried = Tried::default();
            tried.held([&before, after], held, holes);
            tried.faults.len()
        };
        let (held, holes) = ([[2500.0, 2700.0], [2600.0, 2800.0]], [2100.0, 2200.0]);
        assert_eq!([3, 4, 5].map(|long| faults(&engine(long, 2650), &held, &holes)), [0; 3]);
        assert_eq!(
            [2, 6].map(|long| faults(&engine(long, 2650), &held, &holes)),
            [1; 2],
            "each at least once, and at most twice"
        );
        assert_eq!([2550, 2750].map(|worst| faults(&engine(3, worst), &held, &holes)), [1; 2]);
        assert_eq!(faults(&engine(3, 2650), &held, &[2100.0, 2000.0]), 1, "the card holds less than that");
        assert_eq!(faults(&engine(3, 2650), &held, &[2200.0]), 1);
        assert_eq!([faults(&before, &[], &[]), faults(&before, &[], &[1100.0])], [0, 1]);
    }

    #[test]
    fn what_the_dac_got_nothing_for_is_measured() {
        let packet = |(at, bytes)| Packet { at: Duration::from_millis(at), bytes };
        let stream = Stream {
            setting: Setting { format: Format::Pcm, bytes: 4, bits: 32 },
            rate: 48_000,
            before: 0,
            microframes: 0,
            received: 0,
            unheard: 0,
            packets: [(0, 48), (900, 48), (1000, 0), (2100, 48), (4000, 48)].map(packet).to_vec(),
            bytes: Vec::new(),
            ended: true,
        };
        assert_eq!(holes(&[stream]), [1200.0, 1900.0]);
        assert_eq!([0.0, 0.001, 1.0, 2600.0].map(bucket), [0, 1, 10, 22]);
    }

    #[test]
    fn wake_ups_are_counted_between_the_holds() {
        let start = Instant::now();
        let sample = |ms: u64, wakeups: u64, late: [u64; 2]| {
            let mut lateness = vec![0; 32];
            (lateness[5], lateness[18]) = (late[0], late[1]);
            let at = start + Duration::from_millis(ms);
            Look::of(at, json!({ "engine": { "state": "playing", "wakeups": wakeups, "lateness": lateness } }))
        };
        let faults = |last: Look| {
            let mut tried = Tried::default();
            tried.wakeups(&[&sample(0, 0, [0; 2]), &last]);
            tried.faults.len()
        };
        assert_eq!(faults(sample(4000, 100, [100, 0])), 0);
        assert_eq!(faults(sample(4000, 95, [100, 0])), 1, "what is late by less than a period passes over nothing");
        assert_eq!(faults(sample(4000, 95, [99, 1])), 0, "262 ms late");
        assert_eq!(faults(sample(4000, 105, [100, 0])), 1);
        let mut tried = Tried::default();
        tried.wakeups(&[&sample(0, 0, [0; 2])]);
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
