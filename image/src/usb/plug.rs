//! A DAC that is pulled out while it plays, put back in, exchanged, or that comes only after Play.
use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use support::control_point::didl;
use usb_dac::{Device, Model, Stream};

use super::bench::Bench;
use super::dop::{Apart, SILENCE, as_words_of_16};
use super::events::Events;
use super::found::Tried;
use super::parts::{Id, Parts};
use super::seams::{Whole, Wide, join, wide};
use super::times::{BACK, Times, Took};
use super::tracks::Tracks;
use super::waits::Waits;
use crate::tracks::Track;

/// How often.
const TIMES: usize = 10;
/// How often in DSD, and in DoP.
const FEWER: usize = 3;
/// Another DAC, with other formats.
const OTHER: &str = "packed-24-bits";
/// One that refuses the rate of [`Tracks::wide`] the first time: ALSA can't open it.
const REFUSES: &str = "refuses-once";
/// The one that is there first.
const FIRST: &str = "reference";
/// One that takes DSD over PCM alone.
const OVER_PCM: &str = "dop-only";

/// How a track of DSD comes; one of PCM comes as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comes {
    AsItIs,
    OverPcm,
}

/// Returns those that plug a DAC in.
pub(super) fn add<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) -> Result<Vec<Id>> {
    let dsd = &tracks.steady_dsd;
    let first = tracks.album.first().context("an album")?;
    let mut plugs = vec![
        parts.add(format!("pulled out and put back in, {TIMES} times"), |bench| {
            again_and_again(bench, &tracks.pulled, Comes::AsItIs, TIMES)
        }),
        parts.add(format!("pulled out and put back in, in DSD, {FEWER} times"), |bench| {
            again_and_again(bench, dsd, Comes::AsItIs, FEWER)
        }),
        parts.add("another DAC in the other port", |bench| exchange(bench, &tracks.steady)),
    ];
    parts.dac(FIRST);
    plugs.push(parts.add("switched on after Play", move |bench| late(bench, first, BACK)));
    parts.add("a track after that", move |bench| bench.play_one(first));
    parts.add("an ALSA error while opening behind a replug", |bench| refused(bench, &tracks.wide));
    parts.dac(OVER_PCM);
    plugs.push(parts.add(format!("pulled out and put back in, in DoP, {FEWER} times"), |bench| {
        again_and_again(bench, dsd, Comes::OverPcm, FEWER)
    }));
    Ok(plugs)
}

/// One track, in a stream more than it is pulled out.
pub(super) fn again_and_again(bench: &mut Bench, track: &Track, comes: Comes, count: usize) -> Result<Tried> {
    let events = bench.events()?;
    let mut times = Vec::new();
    bench.start(track)?;
    for number in 1..=count {
        playing(bench, number, track)?;
        times.push(once(bench, &events, number, comes)?);
    }
    let mut tried = to_the_end(bench, track, comes)?;
    tried.came_in(bench.so_far().len(), count + 1);
    tried.in_time(&times, BACK);
    Ok(tried)
}

/// A moment from which something is waited for.
pub(super) struct From {
    host: Instant,
    waits: Waits,
    /// What was waited for a core by the last look at which it wasn't so yet: what comes after that may not have held it up.
    waited: Cell<Duration>,
}

impl From {
    fn now(bench: &Bench) -> Self {
        Self { host: Instant::now(), waits: bench.waits(), waited: Cell::default() }
    }

    /// The moment at which the DAC was plugged in that has just been so.
    pub(super) fn plugged(bench: &Bench) -> Self {
        let ago = bench.dac.now().saturating_sub(bench.dac.plugged_at());
        let now = Self::now(bench);
        Self { host: now.host.checked_sub(ago).unwrap_or(now.host), ..now }
    }

    /// Whether it is so, which is looked at again and again.
    fn look(&self, bench: &Bench, so: bool) -> bool {
        if !so {
            self.waited.set(bench.waits().since(&self.waits));
        }
        so
    }

    /// What it took until then, which the last look has found.
    fn until(&self, then: Instant) -> Took {
        Took { time: then.saturating_duration_since(self.host), waited: self.waited.get() }
    }
}

/// Returns how long it took.
fn once(bench: &mut Bench, events: &Events, number: usize, comes: Comes) -> Result<Times> {
    let [state, event] = pull(bench, events)?;
    Ok(Times { state, event, ..put(bench, events, None, number, comes)? })
}

/// Pulls it out; returns how long state and event took.
fn pull(bench: &mut Bench, events: &Events) -> Result<[Took; 2]> {
    events.forget();
    let pulled = From::now(bench);
    bench.dac.unplug()?;
    let [mut state, mut event] = [None; 2];
    bench.wait("it isn't said that it waits for the DAC", |bench| {
        if state.is_none() && bench.transport()?.state == "TRANSITIONING" {
            state = Some(pulled.until(Instant::now()));
        }
        if event.is_none() {
            event = events.said("TRANSITIONING").map(|at| pulled.until(at));
        }
        Ok(pulled.look(bench, state.is_some() && event.is_some()))
    })?;
    Ok([state, event].map(Option::unwrap_or_default))
}

/// Plugs it in, or another one; returns how long it took until it sounded, behind so many streams that did, and until state and event
/// said so.
fn put(bench: &mut Bench, events: &Events, model: Option<Model>, number: usize, comes: Comes) -> Result<Times> {
    events.forget();
    let plugged = From::now(bench);
    bench.dac.plug(model)?;
    goes_on(bench, events, &plugged, number, comes)
}

/// How long it took from then, when the DAC was plugged in.
pub(super) fn goes_on(
    bench: &mut Bench,
    events: &Events,
    plugged: &From,
    number: usize,
    comes: Comes,
) -> Result<Times> {
    let on_the_bus = bench.dac.plugged_at();
    let [mut packet, mut sound, mut playing, mut said] = [None; 4];
    bench.wait("it doesn't go on by itself", |bench| {
        // Whoever asks the renderer keeps it from its work.
        let Some(first) = sounds_at(bench, number, comes) else { return Ok(plugged.look(bench, false)) };
        // When the microframes came, not when they were found.
        let [opened, sounded] = first.map(|at| plugged.until(plugged.host + at.saturating_sub(on_the_bus)));
        packet.get_or_insert(opened);
        sound.get_or_insert(sounded);
        if said.is_none() {
            said = events.said("PLAYING").map(|at| plugged.until(at));
        }
        if playing.is_none() && bench.transport()?.state == "PLAYING" {
            playing = Some(plugged.until(Instant::now()));
        }
        Ok(plugged.look(bench, said.is_some() && playing.is_some()))
    })?;
    Ok(Times::back([packet, sound, playing, said].map(Option::unwrap_or_default)))
}

/// When the stream behind so many that sound began, and began to sound itself, since the DAC's program began.
fn sounds_at(bench: &Bench, number: usize, comes: Comes) -> Option<[Duration; 2]> {
    let sounds = |stream: &Stream| Some([stream.came_at(0)?, stream.came_at(comes.first_sound(stream)?)?]);
    bench.dac.with(|device| device.record().streams().iter().filter_map(sounds).nth(number))
}

impl Comes {
    /// Frames a second on the bus.
    pub(super) fn rate(self, track: &Track) -> u32 {
        track.wire.rate * if self == Self::OverPcm { 2 } else { 1 }
    }

    /// The first byte that is neither the driver's silence nor DSD's.
    fn first_sound(self, stream: &Stream) -> Option<usize> {
        match self {
            Self::AsItIs => stream.bytes.iter().position(|byte| *byte != stream.setting.format.silence()),
            // Words of three bytes, the marker above.
            Self::OverPcm => {
                let (words, _) = stream.bytes.as_chunks::<3>();
                let sounds = |[newer, older, _]: &[u8; 3]| ![[0, 0], [SILENCE, SILENCE]].contains(&[*newer, *older]);
                words.iter().position(sounds).map(|word| 3 * word)
            }
        }
    }
}

/// Waits until stream `number` has brought a second.
fn playing(bench: &mut Bench, number: usize, track: &Track) -> Result<()> {
    let second = |device: &mut Device| {
        let mut streams = device.record().streams().iter().filter(|stream| !stream.is_silent());
        streams.nth(number - 1).is_some_and(|stream| stream.frames() > track.wire.rate as usize)
    };
    bench.wait("nothing is played", |bench| Ok(bench.dac.with(second))).map(drop)
}

/// Waits for its end as long as it gets on: a busy machine takes minutes for half a minute of music.
fn stopped(bench: &mut Bench, track: &Track) -> Result<Option<String>> {
    let frames =
        |bench: &Bench| bench.dac.with(|device| device.record().streams().iter().map(Stream::frames).sum::<usize>());
    let mut over = false;
    while !over {
        let further = frames(bench) + 5 * track.wire.rate as usize;
        bench.wait("it doesn't get on", |bench| {
            over = bench.transport()?.state == "STOPPED";
            Ok(over || frames(bench) > further)
        })?;
    }
    bench.until_stopped()
}

/// Lets it play to its end, and puts the streams together.
pub(super) fn to_the_end(bench: &mut Bench, track: &Track, comes: Comes) -> Result<Tried> {
    let fault = stopped(bench, track)?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let streams = bench.streams()?;
    let dsd = track.wire.format.starts_with("DSD");
    let (packed, frame, rate) = match comes {
        Comes::AsItIs => (track.packed.clone(), track.frame(), track.wire.rate),
        Comes::OverPcm => (as_words_of_16(&track.packed), track.frame() / 2, 2 * track.wire.rate),
    };
    let other = streams.iter().find(|stream| stream.rate != rate);
    tried.faults.extend(other.map(|stream| format!("a stream came at {} Hz", stream.rate)));
    let bytes: Vec<_> = match comes {
        Comes::AsItIs => streams.iter().map(wide).collect(),
        Comes::OverPcm => {
            let apart: Vec<_> = streams.iter().map(Apart::of).collect();
            tried.faults.extend(apart.iter().flat_map(|stream| stream.faults.iter().cloned()));
            apart.iter().for_each(|apart| tried.markers(apart));
            apart.into_iter().map(|stream| Wide { bytes: stream.bits, bits: 16 }).collect()
        }
    };
    let seams = join(&bytes, Whole { track: &packed, frame, rate, dsd });
    tried.frames = seams.frames;
    let faded = if dsd { "" } else { ", beside 20 ms that are faded in" };
    tried.note = format!("{} streams; what came twice{faded}: ", streams.len());
    tried.joined(&seams, rate);
    Ok(tried)
}

impl Tried {
    /// It came in so many streams that sound: one that is played into and left again is heard.
    pub(super) fn came_in(&mut self, streams: usize, wanted: usize) {
        if streams != wanted {
            self.faults.push(format!("it came in {streams} streams, not {wanted}"));
        }
    }

    /// These streams put together are a track of PCM, and what came back sounded in time.
    fn went_on<'s>(&mut self, streams: impl Iterator<Item = &'s Stream>, track: &Track, times: Times) {
        let bytes: Vec<_> = streams.map(wide).collect();
        self.came_in(bytes.len(), 2);
        let whole = Whole { track: &track.packed, frame: track.frame(), rate: track.wire.rate, dsd: false };
        let seams = join(&bytes, whole);
        self.frames = seams.frames;
        self.note = "what came twice: ".to_owned();
        self.joined(&seams, track.wire.rate);
        self.in_time(&[times], BACK);
    }
}

/// The rest goes to another DAC in another port, in a format that it takes.
fn exchange(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let events = bench.events()?;
    bench.start(track)?;
    playing(bench, 1, track)?;
    let [state, event] = pull(bench, &events)?;
    let first = bench.so_far();
    bench.swap_ports();
    let back = put(bench, &events, Some(Model::named(OTHER)?), 0, Comes::AsItIs)?;
    let fault = stopped(bench, track)?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let second = bench.streams()?;
    if second.iter().any(|stream| stream.setting.bytes == 4) {
        tried.faults.push("it went on in the format of the DAC that is gone".to_owned());
    }
    tried.went_on(first.iter().chain(&second), track, Times { state, event, ..back });
    bench.dac.unplug()?;
    bench.swap_ports();
    // One at a time: what is pulled out before the kernel has seen it is never announced.
    bench.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
    bench.dac.plug(None)?;
    bench.wait("the page never shows the DAC that is back", |bench| Ok(!bench.shown()?.is_empty()))?;
    Ok(tried)
}

/// What is put in its place can't be opened the first time: the appliance tries again by itself, and the music goes on to its end.
fn refused(bench: &mut Bench, track: &Track) -> Result<Tried> {
    // Tried again, it begins with one that refuses nothing.
    if bench.dac.with(|device| device.model().refuses.is_some()) {
        bench.change(FIRST)?;
    }
    let events = bench.events()?;
    bench.start(track)?;
    playing(bench, 1, track)?;
    let [state, event] = pull(bench, &events)?;
    let first = bench.so_far();
    // What came goes with the one that is gone.
    bench.forget();
    let back = put(bench, &events, Some(Model::named(REFUSES)?), 0, Comes::AsItIs)?;
    let fault = stopped(bench, track)?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let times = bench.dac.with(|device| device.refused());
    if times != 1 {
        tried.faults.push(format!("it was refused {times} times, not once"));
    }
    let second = bench.streams()?;
    tried.went_on(first.iter().chain(&second), track, Times { state, event, ..back });
    Ok(tried)
}

/// Play while there is none: it begins, whole, when one is switched on, and `sounds` that long after that at most.
pub(super) fn late(bench: &mut Bench, track: &Track, sounds: Duration) -> Result<Tried> {
    let events = bench.events()?;
    bench.dac.unplug()?;
    bench.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
    bench.forget();
    let uri = bench.player.serve(&track.file);
    bench.player.renderer().set_uri(&uri, &didl("late", "audio/flac", &uri))?;
    bench.player.renderer().play()?;
    bench.wait("it isn't said what it waits for", |bench| {
        Ok(bench.player.status()?["transport"]["waits"].is_string())
    })?;
    let mut tried = Tried::default();
    let state = bench.transport()?.state;
    if state != "TRANSITIONING" {
        tried.faults.push(format!("it is {state} while there is no DAC"));
    }
    let back = put(bench, &events, None, 0, Comes::AsItIs)?;
    tried.faults.extend(bench.until_stopped()?);
    tried.whole(bench, track)?;
    tried.in_time(&[back], sounds);
    Ok(tried)
}
