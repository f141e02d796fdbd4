//! What `tests/bench` measures: ours against a named peer in one run, taking turns, so that whatever else the machine does
//! meets both.
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

pub mod against;
pub mod decimate;
mod dsf;
pub mod instructions;
pub mod path;
pub mod peers;
pub mod rings;
#[expect(unsafe_code, reason = "a C library, opened at run time")]
mod swresample;
pub mod table;
mod usage;

/// A line of `tests/bench`.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// What was measured, in a word.
    pub name: String,
    /// In a sentence.
    pub what: String,
    /// Of `ours` and `peer`.
    pub unit: &'static str,
    /// Our figure, the median of all runs.
    pub ours: f64,
    /// The peer's, likewise.
    pub peer: Option<f64>,
    /// Who that is.
    pub peer_name: Option<String>,
    /// Ours divided by the peer's: less is better.
    pub ratio: Option<f64>,
    /// How many turns each had.
    pub runs: usize,
    /// Half the distance between the quartiles of our figures, as a part of the median.
    pub spread: f64,
    /// Instructions a sample of the code that was timed, where that can be counted; `what` names the instruction set.
    pub instructions: Option<f64>,
}

/// Turns that each side has.
const RUNS: usize = 21;
/// How long a turn of something short is.
const TURN: Duration = Duration::from_millis(4);

/// Nanoseconds of this thread's CPU time that one call takes, over a turn: what others do meanwhile doesn't count.
pub fn turn(work: &mut dyn FnMut()) -> f64 {
    let begin = Instant::now();
    let cpu = cpu_time();
    let mut calls = 0_u32;
    while begin.elapsed() < TURN {
        for _ in 0..16 {
            work();
        }
        calls += 16;
    }
    (cpu_time() - cpu).as_secs_f64() * 1e9 / f64::from(calls)
}

/// This thread's CPU time.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Lets all take turns; the figures of each, per `units` (samples, bytes, calls) of a call.
fn take_turns(units: f64, sides: &mut [&mut dyn FnMut()]) -> Vec<Vec<f64>> {
    let mut figures = vec![Vec::with_capacity(RUNS); sides.len()];
    for _ in 0..RUNS {
        for (figures, side) in figures.iter_mut().zip(sides.iter_mut()) {
            figures.push(turn(*side) / units);
        }
    }
    figures
}

/// Lets both take turns; medians of their figures per `units` (samples, bytes, calls) of a call.
pub fn compare(
    name: &str,
    what: &str,
    unit: &'static str,
    units: f64,
    ours: &mut dyn FnMut(),
    peer: (&str, &mut dyn FnMut()),
) -> Line {
    let (peer_name, peer) = peer;
    let mut figures = take_turns(units, &mut [ours, peer]).into_iter();
    let (ours, peer) = (figures.next().unwrap_or_default(), figures.next().unwrap_or_default());
    line(name, what, unit, ours, Some((peer_name, peer)))
}

/// A line of figures of both sides.
pub fn line(name: &str, what: &str, unit: &'static str, mut ours: Vec<f64>, peer: Option<(&str, Vec<f64>)>) -> Line {
    let median = quantile(&mut ours, 0.5);
    let spread = (quantile(&mut ours, 0.75) - quantile(&mut ours, 0.25)) / 2.0 / median;
    let peer = peer.map(|(name, mut figures)| (name.to_owned(), quantile(&mut figures, 0.5)));
    Line {
        name: name.into(),
        what: what.into(),
        unit,
        ours: median,
        ratio: peer.as_ref().map(|(_, peer)| median / peer),
        peer: peer.as_ref().map(|(_, peer)| *peer),
        peer_name: peer.map(|(name, _)| name),
        runs: ours.len(),
        spread,
        instructions: None,
    }
}

fn quantile(figures: &mut [f64], part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    figures.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_medians_and_their_ratio() {
        let line = line("n", "w", "ns", vec![9.0, 1.0, 2.0], Some(("p", vec![4.0, 4.0, 8.0])));
        assert_eq!((line.ours, line.peer, line.ratio), (2.0, Some(4.0), Some(0.5)));
        assert_eq!((line.runs, line.spread), (3, 1.75));
    }
}
