//! A DAC that is pulled out and put back in while it plays.
use std::time::Duration;

use anyhow::Result;

use super::bench::Bench;
use super::found::{Found, Tried};
use super::tracks::Tracks;
use crate::tracks::Track;

/// How often.
const TIMES: usize = 10;

pub(super) fn replug(bench: &mut Bench, tracks: &Tracks, found: &mut Found) -> Result<()> {
    found.take(bench, &format!("pulled out and put back in, {TIMES} times"), |bench| {
        let mut tried = Tried::default();
        let (mut gone, mut back) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..TIMES {
            let (this_gone, this_back) = once(bench, &tracks.long, &mut tried)?;
            (gone, back) = (gone.max(this_gone), back.max(this_back));
        }
        tried.note =
            format!("shown after {:.1} s at most, found again after {:.1}", gone.as_secs_f64(), back.as_secs_f64());
        Ok(tried)
    })?;
    let album = &tracks.album;
    found.take(bench, "a track after that", |bench| match album.first() {
        Some(track) => bench.play_one(track),
        None => Ok(Tried::default()),
    })
}

/// Returns how long it took until the page shows that it is gone, and that it is back.
fn once(bench: &mut Bench, track: &Track, tried: &mut Tried) -> Result<(Duration, Duration)> {
    let heard = |bench: &Bench| bench.so_far().iter().map(usb_dac::Stream::frames).sum::<usize>();
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(heard(bench) > track.wire.rate as usize / 2))?;
    bench.dac.unplug()?;
    let gone = bench.wait("the page still shows the DAC that is gone", |bench| {
        Ok(bench.shown()?.is_empty() && bench.transport()?.state != "PLAYING")
    })?;
    let streams = bench.streams()?;
    if let Some(found) = streams.first().and_then(|stream| tried.compare(&track.packed, track, stream)) {
        // It ends somewhere: with what was in order.
        tried.frames += found.in_order;
        let before_the_end = found.faults.iter().filter(|fault| fault.at < found.in_order);
        tried.faults.extend(before_the_end.map(ToString::to_string));
    }
    bench.dac.plug(None)?;
    let back = bench.wait("the DAC isn't found again", |bench| Ok(!bench.shown()?.is_empty()))?;
    Ok((gone, back))
}
