//! Tracks that follow each other, and what a listener does while one plays.
use anyhow::Result;
use usb_dac::{Explained, Kind};

use super::bench::Bench;
use super::found::{Found, Tried};
use super::tracks::Tracks;
use crate::tracks::Track;

/// What the engine's fades take, with room: 40 ms, as frames a second are counted.
const FADE: u32 = 25;

pub(super) fn play(bench: &mut Bench, tracks: &Tracks, found: &mut Found) -> Result<()> {
    found.take(bench, "a gapless album", |bench| album(bench, &tracks.album))?;
    found.take(bench, "from format to format", |bench| switches(bench, &tracks.switches))?;
    found.take(bench, "pause, seek and stop in PCM", |bench| interrupt(bench, &tracks.long))?;
    found.take(bench, "pause, seek and stop in DSD", |bench| interrupt(bench, &tracks.long_dsd))
}

/// No frame between: the album is one stream.
fn album(bench: &mut Bench, tracks: &[Track]) -> Result<Tried> {
    let fault = bench.queue(&tracks.iter().collect::<Vec<_>>())?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let whole: Vec<u8> = tracks.iter().flat_map(|track| track.packed.iter().copied()).collect();
    match (bench.streams()?.as_slice(), tracks.first()) {
        ([stream], Some(track)) => {
            if let Some(found) = tried.compare(&whole, track, stream) {
                tried.frames = found.in_order;
                tried.faults.extend(found.faults.iter().map(ToString::to_string));
            }
        }
        (streams, _) => tried.faults.push(format!("{} streams came over the bus", streams.len())),
    }
    Ok(tried)
}

/// A stream for each, whole, with nothing but silence around it.
fn switches(bench: &mut Bench, tracks: &[Track]) -> Result<Tried> {
    let fault = bench.queue(&tracks.iter().collect::<Vec<_>>())?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let streams = bench.streams()?;
    if streams.len() != tracks.len() {
        tried.faults.push(format!("{} streams came over the bus", streams.len()));
    }
    tracks.iter().zip(&streams).for_each(|(track, stream)| tried.take(track, stream));
    Ok(tried)
}

/// Plays, pauses, goes on, seeks and stops.
fn interrupt(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let frames = |bench: &Bench| bench.so_far().iter().map(usb_dac::Stream::frames).sum::<usize>();
    let second = track.wire.rate as usize;
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(frames(bench) > second))?;
    bench.player.renderer().pause()?;
    bench.wait("it doesn't pause", |bench| Ok(bench.transport()?.state == "PAUSED_PLAYBACK"))?;
    let paused = frames(bench);
    bench.player.renderer().play()?;
    bench.wait("it doesn't go on", |bench| Ok(frames(bench) > paused + second))?;
    bench.player.renderer().seek("REL_TIME", "0:00:20")?;
    let sought = frames(bench);
    bench.wait("nothing is played behind the seek", |bench| Ok(frames(bench) > sought + 2 * second))?;
    bench.player.renderer().stop()?;
    let fault = bench.until_stopped()?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    // The pause may have closed the card.
    let mut found = Vec::new();
    for stream in bench.streams()? {
        found.extend(tried.compare(&track.packed, track, &stream));
    }
    tried.frames = found.iter().map(|found| found.in_order).sum();
    for found in &found {
        tried.faults.extend(unexpected(found, track));
    }
    Ok(tried)
}

/// Interrupted music is silence between whole frames; of PCM a fade lies on both sides, and of DSD nothing.
fn unexpected(found: &Explained, track: &Track) -> Vec<String> {
    let fade = track.wire.rate / FADE;
    let scaled = !track.wire.format.starts_with("DSD");
    let allowed = found.faults.iter().filter(|fault| match fault.kind {
        // What was skipped.
        Kind::Dropped | Kind::Gap => false,
        Kind::Foreign(_) => !scaled || fault.frames > fade as usize,
        _ => true,
    });
    allowed.map(ToString::to_string).collect()
}
