//! What page and renderer say of the position while somebody pauses, goes on and seeks, while a DAC is pulled out and put back in, and
//! from track to track of an album.
use anyhow::{Context, Result};
use support::control_point::{ControlPoint, didl};
use usb_dac::{Device, Stream};

use super::bench::Bench;
use super::found::Tried;
use super::heard::Music;
use super::parts::Parts;
use super::plug::Comes;
use super::position::Looks;
use super::tracks::Tracks;
use crate::tracks::Track;

/// Microframes of a second.
const SECOND: usize = 8000;
/// Where it is sought while it plays, s: on, and back.
const SOUGHT: [u32; 2] = [15, 4];
/// How often it is pulled out.
const PULLED: usize = 2;

/// To the DAC that takes everything.
pub(super) fn add<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) {
    for (what, long, pulled) in [("PCM", &tracks.long, &tracks.pulled), ("DSD64", &tracks.long_dsd, &tracks.steady_dsd)]
    {
        parts.add(format!("what the page says of a pause and of seeks in {what}"), |bench| {
            interrupted(bench, long, Comes::AsItIs)
        });
        parts.add(format!("what the page says of {what} that is pulled out and put back in"), |bench| {
            pulled_out(bench, pulled, Comes::AsItIs)
        });
    }
    parts.add("what the page says from track to track", |bench| album(bench, &tracks.album));
}

/// To one that takes DSD over PCM.
pub(super) fn over_pcm<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) {
    parts.add("what the page says of a pause and of seeks in DoP", |bench| {
        interrupted(bench, &tracks.long_dsd, Comes::OverPcm)
    });
    parts.add("what the page says of DoP that is pulled out and put back in", |bench| {
        pulled_out(bench, &tracks.steady_dsd, Comes::OverPcm)
    });
}

/// Looks until so much has come over the bus since.
fn further(looks: &mut Looks, bench: &mut Bench, microframes: usize) -> Result<()> {
    let enough = bench.microframes() + microframes;
    looks.until(bench, "it doesn't get on", |bench, _| Ok(bench.microframes() > enough))
}

/// It stands still while it is paused, and is where it was sought as soon as that was answered; on the way it never goes back.
fn interrupted(bench: &mut Bench, track: &Track, comes: Comes) -> Result<Tried> {
    bench.start(track)?;
    let mut looks = Looks::new(bench);
    looks.until(bench, "nothing is played", |bench, _| Ok(bench.microframes() > SECOND))?;
    bench.player.renderer().pause()?;
    looks.until(bench, "it doesn't pause", |_, look| Ok(look.state() == "PAUSED_PLAYBACK"))?;
    let enough = bench.microframes() + SECOND;
    looks.until(bench, "the pause doesn't last", |bench, _| Ok(bench.microframes() > enough || bench.is_closed()))?;
    bench.player.renderer().play()?;
    further(&mut looks, bench, SECOND)?;
    for second in SOUGHT {
        looks.seek(bench, second)?;
        further(&mut looks, bench, 2 * SECOND)?;
    }
    stop(bench, &mut looks)?;
    told(bench, &looks, &Music::of(&[track], comes)?, &[0])
}

/// It stands still while the DAC is away, and goes on behind.
fn pulled_out(bench: &mut Bench, track: &Track, comes: Comes) -> Result<Tried> {
    bench.start(track)?;
    let mut looks = Looks::new(bench);
    let second = comes.rate(track) as usize;
    let plays = |bench: &Bench, number: usize| {
        let long = |device: &mut Device| {
            let mut streams = device.record().streams().iter().filter(|stream: &&Stream| !stream.is_silent());
            streams.nth(number).is_some_and(|stream| stream.frames() > second)
        };
        bench.dac.with(long)
    };
    for number in 0..PULLED {
        looks.until(bench, "it doesn't play", |bench, _| Ok(plays(bench, number)))?;
        bench.dac.unplug()?;
        looks.until(bench, "it isn't said that it waits for the DAC", |_, look| Ok(look.state() == "TRANSITIONING"))?;
        // It stands still.
        let mut more = 10;
        looks.until(bench, "", |_, _| {
            more -= 1;
            Ok(more == 0)
        })?;
        bench.dac.plug(None)?;
    }
    looks.until(bench, "it doesn't go on", |bench, _| Ok(plays(bench, PULLED)))?;
    stop(bench, &mut looks)?;
    let mut tried = told(bench, &looks, &Music::of(&[track], comes)?, &[0])?;
    tried.came_in(bench.streams()?.len(), PULLED + 1);
    Ok(tried)
}

/// Behind the last frame of one comes the first of the next.
fn album(bench: &mut Bench, tracks: &[Track]) -> Result<Tried> {
    let (first, rest) = tracks.split_first().context("an album")?;
    bench.start(first)?;
    let mut looks = Looks::new(bench);
    for track in rest {
        let uri = bench.player.serve(&track.file);
        bench.player.renderer().set_next(&uri, &didl("next", "audio/x", &uri))?;
        looks.until(bench, "the album doesn't go on", |_, look| {
            Ok(look.page["track"]["uri"] == uri.as_str() || look.state() == "STOPPED")
        })?;
    }
    looks.until(bench, "it plays and plays", |_, look| Ok(look.state() == "STOPPED"))?;
    let fault = bench.until_stopped()?;
    let music = Music::of(&tracks.iter().collect::<Vec<_>>(), Comes::AsItIs)?;
    let lengths = tracks.iter().map(|track| track.packed.len() / track.frame());
    let begins: Vec<_> = lengths.scan(0, |end, frames| Some(std::mem::replace(end, *end + frames))).collect();
    let mut tried = told(bench, &looks, &music, &begins)?;
    tried.faults.extend(fault);
    Ok(tried)
}

fn stop(bench: &mut Bench, looks: &mut Looks) -> Result<()> {
    ControlPoint::stop(bench.player.renderer())?;
    looks.until(bench, "it doesn't stop", |_, look| Ok(look.state() == "STOPPED"))?;
    bench.until_stopped().map(drop)
}

/// Compares what was said with what came.
fn told(bench: &mut Bench, looks: &Looks, music: &Music, begins: &[usize]) -> Result<Tried> {
    let mut tried = Tried::default();
    let streams = bench.streams()?;
    tried.positions(bench, looks, music, (begins, &streams));
    Ok(tried)
}
