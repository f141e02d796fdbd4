//! With the card's buffer as it is shipped, 100 ms, where all else is played with 500: an emulated machine on a busy host is late by more
//! than that holds now and then.
use anyhow::{Context, Result};

use super::interrupted;
use super::parts::Parts;
use super::plug::{self, Comes};
use super::tracks::Tracks;

/// How often it is pulled out.
const TIMES: usize = 3;

pub(super) fn parts(tracks: &Tracks) -> Result<Parts<'_>> {
    let mut parts = Parts::default();
    for number in [0, 4, 8] {
        let track = tracks.formats.get(number).context("a track of each format")?;
        parts.add(format!("{} with the buffer as shipped", track.name()), |bench| bench.play_one(track));
    }
    parts.add("pause, seek and stop in PCM with the buffer as shipped", |bench| {
        interrupted::interrupt(bench, &tracks.long)
    });
    parts.add("pause, seek and stop in DSD with the buffer as shipped", |bench| {
        interrupted::interrupt(bench, &tracks.long_dsd)
    });
    parts.add(format!("pulled out and put back in, {TIMES} times, with the buffer as shipped"), |bench| {
        plug::again_and_again(bench, &tracks.steady, Comes::AsItIs, TIMES)
    });
    Ok(parts)
}
