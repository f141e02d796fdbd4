//! DACs that go wrong in time: that refuse, fall off the bus, or run low.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::bench::Bench;
use super::figures;
use super::found::Tried;
use super::narrow;
use super::parts::Parts;
use super::plug::{self, Comes, From, to_the_end};
use super::stays::stays;
use super::times::{BACK, Times, Took};
use super::tracks::Tracks;
use crate::tracks::Track;

/// How long the pieces are in which the pace of a starving DAC is looked at, microframes: 100 ms.
const PIECE: usize = 800;
/// The renderer answers so soon, whatever the DAC does.
const ANSWERS: Duration = Duration::from_secs(1);
/// What the DAC doesn't do is refused so soon. The kernel waits 5 s for an answer to a control request (`USB_CTRL_GET_TIMEOUT` in
/// include/linux/usb.h), and snd-usb-audio makes some, one after the other, of one that hangs.
const REFUSED: Duration = Duration::from_secs(30);

pub(super) fn add<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) -> Result<()> {
    let wide = tracks.formats.get(1).context("no track of 96 kHz")?;
    let dsd = tracks.formats.get(5).context("no track of DSD64")?;
    let short = tracks.album.first().context("an album")?;
    parts.dac("counts-24-bits");
    parts.add("24 bits in words of 32", move |bench| narrow::narrowed(bench, wide, &tracks.deep));
    parts.dac("hangs-at-96k");
    parts.add("a DAC that hangs at 96 kHz", move |bench| hangs(bench, wide, short));
    parts.dac("refuses-96k");
    parts.add("a DAC that refuses 96 kHz", move |bench| refuses(bench, wide, short));
    parts.dac("no-clock-at-96k");
    parts.add("a DAC without a clock at 96 kHz", move |bench| refuses(bench, wide, short));
    parts.dac("refuses-dsd");
    parts.add("a DAC that refuses its DSD setting", move |bench| refuses(bench, dsd, wide));
    // Each time that it is tried the DAC has to do so anew.
    parts.add("a DAC that refuses once", move |bench| {
        bench.change("refuses-once")?;
        refuses(bench, wide, wide)
    });
    parts.add("a DAC that falls off the bus", move |bench| {
        bench.change("vanishes")?;
        let (mut tried, times) = vanishes(bench, &tracks.steady, wide)?;
        tried.in_time(&[times], BACK);
        Ok(tried)
    });
    parts.dac("starves");
    parts.add("a DAC that starves", |bench| starves(bench, &tracks.steady));
    parts.dac("stays-at-48k");
    parts.add("a DAC that stays at 48 kHz", |bench| stays(bench, &tracks.wide, &tracks.steady));
    Ok(())
}

/// It is refused by name, nothing sounds meanwhile, and the next track plays.
fn refuses(bench: &mut Bench, bad: &Track, good: &Track) -> Result<Tried> {
    let mut before = Tried::default();
    before.refused(bench, bad)?;
    let mut tried = bench.play_one(good)?;
    tried.note = std::mem::take(&mut before.note);
    tried.absorb(before);
    Ok(tried)
}

/// One that answers to nothing any more: each track is refused by name, the renderer answers all the time, and once it was pulled out
/// and put back in it plays.
fn hangs(bench: &mut Bench, bad: &Track, good: &Track) -> Result<Tried> {
    let mut before = Tried::default();
    before.refused(bench, bad)?;
    if !bench.dac.with(|device| device.hangs()) {
        before.faults.push("it doesn't hang".to_owned());
    }
    before.refused(bench, good)?;
    bench.dac.unplug()?;
    bench.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
    bench.dac.plug(None)?;
    let mut tried = bench.play_one(good)?;
    tried.note = std::mem::take(&mut before.note);
    tried.absorb(before);
    Ok(tried)
}

impl Tried {
    /// A track has to be refused, with the DAC's name, and nothing but silence may come of it.
    fn refused(&mut self, bench: &mut Bench, track: &Track) -> Result<()> {
        bench.start(track)?;
        let what = "what the DAC doesn't do is not refused";
        let mut answer = Took::default();
        let took = bench.wait(what, |bench| {
            let (asked, waits) = (Instant::now(), bench.waits());
            let status = bench.transport()?.status;
            let now = Took { time: asked.elapsed(), waited: bench.waits().since(&waits) };
            answer = if now.own() > answer.own() { now } else { answer };
            Ok(status == "ERROR_OCCURRED")
        })?;
        let reason = bench.reason()?;
        let product = bench.dac.with(|device| device.model().product.clone());
        let divided = if self.note.is_empty() { "" } else { "; " };
        let [longest, waited] = [answer.time, answer.waited].map(|time| time.as_millis());
        self.note += &format!(
            "{divided}{reason}, after {:.1} s, in which the renderer took {longest} ms to answer at most, of which the \
             machine waited {waited}",
            took.as_secs_f64()
        );
        if answer.own() > ANSWERS {
            self.faults.push(format!("the renderer took {longest} ms to answer, of which the machine waited {waited}"));
        }
        if took > REFUSED {
            self.faults.push(format!("it was refused only after {:.1} s", took.as_secs_f64()));
        }
        if !reason.contains(&product) {
            self.faults.push(format!("the page doesn't say what refuses: {reason:?}"));
        }
        for stream in bench.streams()? {
            let (frames, rate) = (stream.frames(), stream.rate);
            self.faults.push(format!("{frames} frames that aren't silent came at {rate} Hz of what was refused"));
        }
        Ok(())
    }
}

/// The page follows, what came before is right, and once it is back the music goes on by itself, to its end and with no frame
/// missing; what is played next comes whole. Returns how soon it went on, too.
pub(super) fn vanishes(bench: &mut Bench, track: &Track, next: &Track) -> Result<(Tried, Times)> {
    let events = bench.events()?;
    let plugs = bench.plugs();
    bench.start(track)?;
    let gone = bench.wait("the page still shows the DAC that has gone", |bench| {
        Ok(bench.shown()?.is_empty() && bench.transport()?.state == "TRANSITIONING")
    })?;
    let mut before = Tried::default();
    match bench.so_far().first() {
        Some(stream) => before.until_the_end(track, stream),
        None => before.faults.push("nothing came before it went".to_owned()),
    }
    events.forget();
    let away = bench.wait("it doesn't come back", |bench| Ok(bench.plugs() > plugs))?;
    let plugged = From::plugged(bench);
    let times = plug::goes_on(bench, &events, &plugged, 1, Comes::AsItIs)?;
    let whole = to_the_end(bench, track, Comes::AsItIs)?;
    before.came_in(bench.so_far().len(), 2);
    let mut tried = bench.play_one(next)?;
    tried.note = format!(
        "{} frames before, gone after {:.1} s, back after another {:.1}, found again after another {:.1}; {}",
        before.frames,
        gone.as_secs_f64(),
        away.as_secs_f64(),
        times.packet.own().as_secs_f64(),
        whole.note
    );
    tried.frames += whole.frames;
    tried.absorb(before);
    tried.absorb(whole);
    Ok((tried, times))
}

/// More comes while it asks for more, nothing is lost, and the page's position goes as fast as the DAC plays.
fn starves(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let asked = bench.dac.with(|device| device.model().starves).context("it doesn't starve")?;
    let mut tried = figures::agree(bench, track, Comes::AsItIs)?;
    if let [stream] = bench.streams()?.as_slice() {
        let bytes = |packets: &[usb_dac::Packet]| packets.iter().map(|packet| usize::from(packet.bytes)).sum::<usize>();
        let pace = |packets: &[usb_dac::Packet]| {
            bytes(packets) as f64 / track.frame() as f64 / PIECE as f64 * 8000.0 / f64::from(track.wire.rate) * 100.0
        };
        let most = stream.packets.chunks_exact(PIECE).map(pace).fold(0.0, f64::max);
        tried.note += &format!("; the host brought {most:.0} % at most");
        // A piece is shorter than it asks, but not in step with it.
        if most < 100.0 + asked.ppm / 1e4 * 0.8 {
            tried.torn(tried.gaps, format!("it asked for {} % more, and never got it", asked.ppm / 1e4));
        }
    }
    Ok(tried)
}
