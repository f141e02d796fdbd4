//! Tracks that follow each other.
use anyhow::Result;

use super::bench::Bench;
use super::found::Tried;
use super::parts::Parts;
use super::tracks::Tracks;
use crate::tracks::Track;

pub(super) fn add<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) {
    parts.add("a gapless album", |bench| album(bench, &tracks.album));
    parts.add("from format to format", |bench| switches(bench, &tracks.switches));
}

/// No frame between: the album is one stream. Each track has a certificate of its own.
fn album(bench: &mut Bench, tracks: &[Track]) -> Result<Tried> {
    let fault = bench.queue(&tracks.iter().collect::<Vec<_>>())?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let whole: Vec<u8> = tracks.iter().flat_map(|track| track.packed.iter().copied()).collect();
    let streams = bench.streams()?;
    if let (Some(stream), Some(track)) = (tried.only(&streams), tracks.first())
        && let Some(found) = tried.compare(&whole, track, stream)
    {
        tried.frames = found.in_order;
        tried.differs(&found, stream.rate);
    }
    tried.all_certified(bench, &tracks.iter().collect::<Vec<_>>())?;
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
    tried.all_certified(bench, &tracks.iter().collect::<Vec<_>>())?;
    Ok(tried)
}
