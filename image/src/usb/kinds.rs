//! DACs of other kinds, and what is wrong with them.
use std::time::Duration;

use anyhow::{Context, Result};
use usb_dac::Model;

use super::bench::Bench;
use super::converted::converted;
use super::dop::Apart;
use super::faults::refuses;
use super::found::{Excuse, Found, Tried};
use super::interrupted::interrupt_dop;
use super::tracks::Tracks;
use crate::tracks::Track;

/// How near a clock that is off by 200 millionths is followed, in millionths: a packet is a whole frame more or less.
const NEAR: f64 = 20.0;

pub(super) fn play(bench: &mut Bench, tracks: &Tracks, found: &mut Found) -> Result<()> {
    bench.change("packed-24-bits")?;
    found.take(bench, "24 bits in three bytes", |bench| bench.play_one(&tracks.packed))?;
    bench.change("claims-32-bits")?;
    let wide = tracks.formats.get(1).context("no track of 96 kHz")?;
    found.take(bench, "a DAC that claims 32 bits", |bench| bench.play_one(wide))?;
    bench.change("dongle")?;
    found.take(bench, "a dongle with a mixer", |bench| dongle(bench, &tracks.narrow))?;
    bench.change("dop-only")?;
    let dsd = tracks.formats.get(5).context("no track of DSD64")?;
    found.take(bench, "DSD64 as DoP", |bench| dop(bench, dsd))?;
    found.take(bench, "pause, seek and stop in DoP", |bench| interrupt_dop(bench, &tracks.long_dsd))?;
    bench.change("pcm-to-192k")?;
    found.take(bench, "DSD64 to a DAC without DSD", |bench| {
        converted(bench, dsd, 176_400, "DSD is converted to PCM: the DAC takes neither DSD nor DoP at this rate")
    })?;
    found.take(bench, "384 kHz to a DAC without it", |bench| {
        converted(bench, &tracks.fast, 192_000, "resampled: the DAC hasn't the source's rate")
    })?;
    for (name, ppm) in [("fast-clock", 200.0), ("slow-clock", -200.0)] {
        bench.change(name)?;
        found.take(bench, &format!("a clock that is off by {ppm} ppm"), |bench| clock(bench, &tracks.steady, ppm))?;
    }
    bench.change("hangs-at-96k")?;
    found.take(bench, "a DAC that hangs at 96 kHz", |bench| refuses(bench, wide, &tracks.steady))
}

/// The volume is the dongle's own: at 50 % the samples stay as they are, as at 100 %.
fn dongle(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let whole = bench.play_one(track)?;
    let left =
        |bench: &Bench| bench.dac.with(|device| device.levels()).map(|(level, _)| level).into_iter().sum::<f32>();
    let before = left(bench);
    // Whatever starts a track sets 100 %.
    bench.start(track)?;
    bench.player.renderer().set_volume(50)?;
    bench.wait("the volume doesn't come to the dongle", |bench| Ok(left(bench) < before))?;
    let levels = bench.dac.with(|device| device.levels());
    let early = bench.sounded() < track.packed.len() / track.frame() / 2;
    let fault = bench.until_stopped()?;
    let mut tried = Tried { frames: whole.frames, bus_ms: whole.bus_ms, ..Tried::default() };
    tried.absorb(whole);
    tried.faults.extend(fault);
    if !early {
        tried.doubt(Excuse::Slow, "the volume came when half of the track was over");
    }
    tried.whole(bench, track)?;
    tried.note = format!("master, left, right at 50 %, dB and mute: {levels:?}");
    Ok(tried)
}

/// Every bit of DSD, and markers that take turns, in silence too.
fn dop(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let fault = bench.queue(&[track])?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let streams = bench.streams()?;
    let Some(stream) = tried.only(&streams) else { return Ok(tried) };
    tried.bus_ms = u64::try_from(stream.bus_time().as_millis())?;
    let apart = Apart::of(stream);
    let (found, faults) = apart.compare(&track.packed, stream.rate);
    tried.frames = found.in_order;
    tried.note = format!(
        "{} frames of the driver's zeros before, {} behind; {} and {} of DSD silence",
        apart.before, apart.behind, found.before, found.behind
    );
    tried.differs(&found.faults, stream.rate);
    tried.doubt_all(Excuse::Torn, faults);
    Ok(tried)
}

/// As many frames come in a microframe as the clock takes.
fn clock(bench: &mut Bench, track: &Track, ppm: f64) -> Result<Tried> {
    let mut tried = bench.play_one(track)?;
    if let [stream] = bench.streams()?.as_slice() {
        // The driver takes a moment to hear of it.
        let settled = stream.packets.len() / 4;
        let bytes: usize = stream.packets.iter().skip(settled).map(|packet| usize::from(packet.bytes)).sum();
        let frames = bytes as f64 / track.frame() as f64 / (stream.packets.len() - settled) as f64 * 8000.0;
        let seen = (frames / f64::from(track.wire.rate) - 1.0) * 1e6;
        tried.note = format!("followed at {seen:.0} ppm");
        if (seen - ppm).abs() > NEAR {
            // Where it runs dry it begins at its nominal rate again.
            tried.doubt(Excuse::Torn, format!("the stream is off by {seen:.0} ppm, not {ppm}"));
        }
    }
    Ok(tried)
}

/// What the DAC plays once it has locked is the whole track.
pub(super) fn lock_slowly(bench: &mut Bench, tracks: &Tracks, found: &mut Found) -> Result<()> {
    bench.change("slow-lock")?;
    let lock = Duration::from_millis(Model::named("slow-lock")?.lock_ms.into());
    let wide = tracks.formats.get(1).context("no track of 96 kHz")?;
    found.take(bench, "a DAC that locks after 500 ms", |bench| {
        let mut tried = bench.play_one(wide)?;
        if let [stream] = bench.streams()?.as_slice() {
            let microframes = usize::try_from(lock.as_micros() / 125)?;
            let heard = stream.bytes.get(stream.after_microframes(microframes)..).unwrap_or_default();
            let wanted = usb_dac::Wanted { bytes: &wide.packed, frame: wide.frame(), silence: 0 };
            let heard = usb_dac::explain(heard, wanted);
            tried.note += "; compared once it has locked, too";
            tried.differs(&heard.faults, stream.rate);
        }
        Ok(tried)
    })
}
