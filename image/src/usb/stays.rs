//! A DAC that acknowledges a rate that it doesn't go to: how it is found out, and what it gets before and after that.
use anyhow::Result;
use usb_dac::{Fault, Kind, Stream};

use super::bench::Bench;
use super::converted::{off, samples, without_silence};
use super::found::Tried;
use crate::tracks::Track;

/// The engine's fades, ms: what comes then isn't the track as it is.
const FADE_MS: usize = 20;
/// The most that may come twice: a wake-up of 40 ms, one that is as late, and the 20 that the driver is in doubt of.
const TWICE_MS: usize = 100;
/// How far from where the first stream ended it is looked for where the second begins, ms.
const NEAR_MS: usize = 1500;
/// What is no part of the track is looked at in steps of so many frames.
const STEP: usize = 64;
/// By so many frames it is known.
const KEY: usize = 2000;
/// How far it may be off the source, of its level: no two filters begin to cut in the same way.
const OFF: f64 = 0.02;

/// It is found out by name, what it isn't set to any more isn't offered, and the track goes on at the rate that it has; all of that
/// until it is plugged in anew.
pub(super) fn stays(bench: &mut Bench, bad: &Track, good: &Track) -> Result<Tried> {
    let wrong = bad.wire.rate;
    let offers = |bench: &Bench| -> Result<bool> {
        let takes = bench.player.status()?["engine"]["takes"].take();
        let mut rates = takes
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|setting| setting["rates"].as_array().into_iter().flatten());
        Ok(rates.any(|rate| *rate == wrong))
    };
    let fault = |bench: &Bench| -> Result<String> {
        Ok(bench.player.status()?["engine"]["fault"].as_str().unwrap_or_default().to_owned())
    };
    let product = bench.dac.with(|device| device.model().product.clone());
    let product: String = product.chars().take(31).collect();
    let mut before = Tried::default();
    if !offers(bench)? {
        before.faults.push(format!("it doesn't offer {wrong} Hz, which the DAC says that it has"));
    }
    bench.start(bad)?;
    let took = bench.wait("it isn't found out", |bench| Ok(fault(bench)?.contains("runs at 48000")))?;
    let said = fault(bench)?;
    bench.wait("it doesn't go on at the rate that it has", |bench| {
        Ok(bench.so_far().last().is_some_and(|stream| stream.rate == 48_000))
    })?;
    if !said.contains(&product) || !said.contains("without-rates=96000") {
        before.faults.push(format!("the page doesn't say what stays and what to do: {said:?}"));
    }
    if offers(bench)? {
        before.faults.push(format!("{wrong} Hz are still offered"));
    }
    before.faults.extend(bench.until_stopped()?);
    let streams = bench.streams()?;
    let goes_on = match streams.as_slice() {
        [first, second] if [first.rate, second.rate] == [wrong, 48_000] => before.goes_on(bad, [first, second]),
        _ => {
            let rates: Vec<_> = streams.iter().map(|stream| stream.rate).collect();
            before.faults.push(format!("the streams came at {rates:?} Hz"));
            String::new()
        }
    };
    let mut tried = bench.play_one(good)?;
    bench.dac.unplug()?;
    bench.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
    bench.dac.plug(None)?;
    bench.wait("plugged in anew it isn't offered again", |bench| Ok(offers(bench)? && fault(bench)?.is_empty()))?;
    tried.note = format!("{said}, after {:.1} s; {goes_on}", took.as_secs_f64());
    tried.absorb(before);
    Ok(tried)
}

impl Tried {
    /// The first stream has to be the track as it is, up to where it was cut off; the second one, at half its rate, what is left of the
    /// source from there on to its end, with nothing missing between them. Says what was seen.
    fn goes_on(&mut self, track: &Track, [first, second]: [&Stream; 2]) -> String {
        let (frame, rate) = (track.frame(), track.wire.rate as usize);
        let Some(found) = self.compare(&track.packed, track, first) else { return String::new() };
        let (total, in_order, fade) = (track.packed.len() / frame, found.in_order, rate * FADE_MS / 1000);
        // The end is missing; and what came last may be faded out.
        let is_end = |fault: &&Fault| fault.kind == Kind::Dropped && fault.at + fault.frames == total;
        let (faded, others): (Vec<_>, Vec<_>) = found
            .faults
            .iter()
            .filter(|fault| !is_end(fault))
            .partition(|fault| matches!(fault.kind, Kind::Foreign(_)) && fault.at >= in_order);
        self.faults.extend(others.iter().map(|fault| format!("before it is found out: {fault}")));
        let faded: usize = faded.iter().map(|fault| fault.frames).sum();
        if faded > fade + STEP {
            self.faults.push(format!("before it is found out: {faded} frames of something else at its end"));
        }
        let wide = samples(&track.packed, frame / 2);
        let second_frame = second.setting.frame();
        let came = samples(without_silence(&second.bytes, second_frame), second_frame / 2);
        let faded = second.rate as usize * FADE_MS / 1000 + 1;
        let behind = came.get(faded..).unwrap_or_default();
        let near = rate * NEAR_MS / 1000;
        let places = in_order.saturating_sub(near) + 2 * faded..in_order + near + 2 * faded;
        let Some(place) = aligned(behind, &wide, places) else {
            self.faults.push("what came after it was found out is too short to be the rest of the track".to_owned());
            return String::new();
        };
        let start = place.saturating_sub(2 * faded);
        let (off, frames) = off(behind, &wide, place as f64, 2.0);
        if off.is_nan() || off > OFF {
            self.faults.push(format!("after it was found out, {:.2} % of its level are not the source's", off * 100.0));
        }
        if start > in_order {
            self.faults.push(format!("{} frames are missing where it was found out", start - in_order));
        }
        let twice = in_order.saturating_sub(start);
        if twice > rate * TWICE_MS / 1000 {
            self.faults.push(format!("{twice} frames came twice where it was found out"));
        }
        // A track has as many frames as last as long as it does, the last one begun.
        let (rest, wanted) = (came.len(), (total - start).div_ceil(2));
        if rest.abs_diff(wanted) > 1 {
            self.faults.push(format!("{rest} frames came after it was found out, and not the {wanted} that are left"));
        }
        format!(
            "{in_order} frames came as they are before, {rest} of half the rate after, of which {frames} are off the source by {:.2} % of \
             its level; {twice} came twice",
            off * 100.0
        )
    }
}

/// The frame of the source, within these, that what came begins with, at half the rate: where it differs least.
fn aligned(came: &[[f64; 2]], source: &[[f64; 2]], places: std::ops::Range<usize>) -> Option<usize> {
    let key = came.get(..KEY)?;
    let distance = |place: &usize| {
        let near = source.get(*place..*place + 2 * KEY)?.iter().step_by(2);
        Some(near.zip(key).map(|(a, b)| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sum::<f64>())
    };
    places
        .filter_map(|place| Some((place, distance(&place)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use support::decode::Layout;
    use usb_dac::{Format, Setting};

    use super::*;
    use crate::tracks::{Case, Container};

    #[test]
    fn what_comes_before_and_after_is_held_to_the_source() {
        let directory = tempfile::tempdir().unwrap();
        let case = Case::pcm(Container::Wav, 96_000, 24, 2, Layout::S32).ms(2000);
        let track = Track::make(case, directory.path()).unwrap();
        let source = samples(&track.packed, 4);
        let setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };
        let stream = |rate, bytes: Vec<u8>| Stream {
            received: bytes.len() as u64,
            bytes: [vec![0; 8000], bytes, vec![0; 8000]].concat(),
            ..Stream::new(setting, rate)
        };
        let at = |n: usize, channel: usize| source.get(n).map_or(0.0, |frame| frame[channel]);
        // Another filter than ours, of three frames; faded in.
        let halved = |from: usize, to: usize, gain: f64| -> Vec<u8> {
            let frames = (from..to).step_by(2).enumerate();
            let sample = |(number, n): (usize, usize), channel: usize| {
                let level = [n.saturating_sub(1), n, n, n + 1].iter().map(|n| at(*n, channel)).sum::<f64>() / 4.0;
                let fade = ((number + 1) as f64 / 960.0).min(1.0);
                ((level * fade * gain * 2_147_483_648.0) as i32).to_le_bytes()
            };
            frames.flat_map(|frame| [sample(frame, 0), sample(frame, 1)].concat()).collect()
        };
        let total = source.len();
        let faults = |first: Vec<u8>, second: Vec<u8>| {
            let mut tried = Tried::default();
            tried.goes_on(&track, [&stream(96_000, first), &stream(48_000, second)]);
            tried.faults
        };
        let before = track.packed[..8 * 100_000].to_vec();
        assert_eq!(faults(before.clone(), halved(98_000, total, 1.0)), [""; 0]);
        assert_eq!(faults(before.clone(), halved(97_001, total, 1.0)), [""; 0], "an odd frame");
        let mut broken = before.clone();
        broken.drain(8 * 5000..8 * 5100);
        for (what, first, second) in [
            ("frames that never came", before.clone(), halved(101_000, total, 1.0)),
            ("too many twice", before.clone(), halved(89_000, total, 1.0)),
            ("no end", before.clone(), halved(98_000, total - 4000, 1.0)),
            ("quieter", before.clone(), halved(98_000, total, 0.9)),
            ("nothing", before.clone(), halved(98_000, 98_100, 1.0)),
            ("lost before", broken, halved(98_000, total, 1.0)),
        ] {
            assert!(!faults(first, second).is_empty(), "{what}");
        }
    }
}
