//! DACs of other kinds, and what is wrong with them.
use std::time::Duration;

use anyhow::{Context, Result};
use usb_dac::{Model, take_apart};

use super::bench::Bench;
use super::found::{Found, Tried};
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
    bench.change("pcm-to-192k")?;
    found.take(bench, "DSD64 to a DAC without DSD", |bench| converted(bench, dsd, 176_400))?;
    found.take(bench, "384 kHz to a DAC without it", |bench| converted(bench, &tracks.fast, 192_000))?;
    for (name, ppm) in [("fast-clock", 200.0), ("slow-clock", -200.0)] {
        bench.change(name)?;
        found.take(bench, &format!("a clock that is off by {ppm} ppm"), |bench| clock(bench, &tracks.steady, ppm))?;
    }
    bench.change("hangs-at-96k")?;
    found.take(bench, "a DAC that hangs at 96 kHz", |bench| hangs(bench, wide, &tracks.steady))
}

/// The volume is the dongle's own, and the samples stay as they are.
fn dongle(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let mut tried = bench.play_one(track)?;
    let left =
        |bench: &Bench| bench.dac.with(|device| device.levels()).map(|(level, _)| level).into_iter().sum::<f32>();
    let before = left(bench);
    bench.player.renderer().set_volume(50)?;
    bench.wait("the volume doesn't come to the dongle", |bench| Ok(left(bench) < before))?;
    let after = bench.dac.with(|device| device.levels());
    tried.note = format!("master, left, right at 50 %, dB and mute: {after:?}");
    Ok(tried)
}

/// Every bit of DSD, and markers that take turns, in silence too.
fn dop(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let fault = bench.queue(&[track])?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let streams = bench.streams()?;
    let [stream] = streams.as_slice() else {
        tried.faults.push(format!("{} streams came over the bus", streams.len()));
        return Ok(tried);
    };
    tried.bus_ms = u64::try_from(stream.bus_time().as_millis())?;
    // What the driver sends of its own, before the first and behind the last frame of ours, has no markers.
    let ours = without_zeros(&stream.bytes, stream.setting.frame());
    let (bits, markers) = take_apart(ours, stream.setting.bytes.into());
    if markers != usb_dac::Markers::default() {
        tried.faults.push(format!("{markers:?}"));
    }
    // Words of 32 bits to words of 16, each channel's halves one after the other.
    let (words, _) = track.packed.as_chunks::<8>();
    let wanted: Vec<u8> = words.iter().flat_map(|[a, b, c, d, e, f, g, h]| [*a, *b, *e, *f, *c, *d, *g, *h]).collect();
    let found = usb_dac::explain(&bits, usb_dac::Wanted { bytes: &wanted, frame: 4, silence: 0x69 });
    tried.frames = found.in_order;
    tried.faults.extend(found.faults.iter().map(ToString::to_string));
    Ok(tried)
}

/// Whole frames, from the first to the last one that isn't zero.
fn without_zeros(bytes: &[u8], frame: usize) -> &[u8] {
    let sounds = |frame: &[u8]| frame.iter().any(|byte| *byte != 0);
    let first = bytes.chunks_exact(frame).position(sounds).unwrap_or(0);
    let end = bytes.chunks_exact(frame).rposition(sounds).map_or(0, |last| last + 1);
    bytes.get(first * frame..end * frame).unwrap_or_default()
}

/// What has to be converted comes at the rate that the page says; it doesn't call it bit-perfect.
fn converted(bench: &mut Bench, track: &Track, rate: u32) -> Result<Tried> {
    let fault = bench.queue(&[track])?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    match bench.streams()?.as_slice() {
        [stream] => {
            (tried.frames, tried.bus_ms) = (stream.frames(), u64::try_from(stream.bus_time().as_millis())?);
            if stream.rate != rate || stream.bytes.iter().all(|byte| *byte == 0) {
                tried.faults.push(format!("{} frames came at {} Hz", stream.frames(), stream.rate));
            }
        }
        streams => tried.faults.push(format!("{} streams came over the bus", streams.len())),
    }
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
            tried.faults.push(format!("the stream is off by {seen:.0} ppm, not {ppm}"));
        }
    }
    Ok(tried)
}

/// The rate is refused by name, and the next track plays.
fn hangs(bench: &mut Bench, bad: &Track, good: &Track) -> Result<Tried> {
    bench.start(bad)?;
    let took = bench.wait("a rate that the DAC hangs at is not refused", |bench| {
        Ok(bench.transport()?.status == "ERROR_OCCURRED")
    })?;
    let reason = bench.reason()?;
    let mut tried = bench.play_one(good)?;
    tried.note = format!("{reason}, after {:.1} s", took.as_secs_f64());
    if reason.is_empty() {
        tried.faults.push("the page doesn't say why it doesn't play".to_owned());
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
            tried.faults.extend(heard.faults.iter().map(|fault| format!("once it has locked: {fault}")));
        }
        Ok(tried)
    })
}
