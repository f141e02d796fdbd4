//! DACs of other kinds, and what is wrong with them.
use std::time::Duration;

use anyhow::{Context, Result};
use support::material::DsdWire;
use usb_dac::{Model, Stream, bus_time};

use super::album;
use super::bench::Bench;
use super::converted::converted;
use super::figures;
use super::found::Tried;
use super::interrupted::interrupt_dop;
use super::moves;
use super::narrow;
use super::pace::Pace;
use super::parts::Parts;
use super::plug::Comes;
use super::tracks::Tracks;
use super::volume;
use crate::tracks::Track;

/// What the page says where the DAC hasn't the source's rate.
const RESAMPLED: &str = "resampled: the DAC hasn't the source's rate";
/// And where it has fewer bits.
const NARROWED: &str = "the DAC has fewer bits than the source";
/// How near a clock that is off by 200 millionths is followed, in millionths: a packet is a whole frame more or less.
const NEAR: f64 = 20.0;

pub(super) fn add<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) -> Result<()> {
    parts.dac("packed-24-bits");
    parts.add("24 bits in three bytes", |bench| bench.play_one(&tracks.packed));
    parts.dac("claims-32-bits");
    let wide = tracks.formats.get(1).context("no track of 96 kHz")?;
    parts.add("a DAC that claims 32 bits", move |bench| volume::fixed(bench, wide));
    parts.add("what a DAC plays that claims 32 bits", |bench| narrow::claims(bench, &tracks.deep));
    parts.dac("dongle");
    let [slower, faster] = &tracks.foreign;
    parts.add("44.1 kHz to a dongle of 48", move |bench| converted(bench, slower, 48_000, &[RESAMPLED]));
    parts.add("96 kHz to a dongle of 48", move |bench| converted(bench, faster, 48_000, &[RESAMPLED, NARROWED]));
    parts.add("a dongle that is plugged in anew", |bench| volume::anew(bench, &tracks.steady));
    parts.add("a dongle with a mixer", |bench| volume::dongle(bench, &tracks.narrow));
    parts.add("a dongle that is muted", |bench| volume::muted(bench, &tracks.muted));
    parts.dac("dop-only");
    let dsd = tracks.formats.get(5).context("no track of DSD64")?;
    for (name, track) in ["DSD64 as DoP", "DSD64 as DoP, from DFF", "DSD128 as DoP"].into_iter().zip([
        dsd,
        &tracks.dop[0],
        &tracks.dop[1],
    ]) {
        parts.add(name, move |bench| dop(bench, track));
    }
    for (what, track) in [("DSD64", &tracks.agreeing[2]), ("DSD128", &tracks.dop[1])] {
        parts.add(format!("what the page says of {what} as DoP"), |bench| figures::agree(bench, track, Comes::OverPcm));
    }
    moves::over_pcm(parts, tracks);
    parts.add("pause, seek and stop in DoP", |bench| interrupt_dop(bench, &tracks.long_dsd));
    album::add_over_pcm(parts, tracks);
    parts.dac("dop-in-32-bits");
    parts.add("DSD64 as DoP in words of 32 bits", move |bench| dop_in_32_bits(bench, dsd));
    parts.add("a gapless album in DoP in words of 32 bits", |bench| {
        album::album_of_dsd(bench, &tracks.album_dsd, DsdWire::Dop32)
    });
    parts.dac("pcm-to-192k");
    parts.add("DSD64 to a DAC without DSD", move |bench| {
        let change = "DSD is converted to PCM: the DAC takes neither DSD nor DoP at this rate";
        converted(bench, dsd, 176_400, &[change])
    });
    parts.add("384 kHz to a DAC without it", |bench| converted(bench, &tracks.fast, 192_000, &[RESAMPLED]));
    parts.dac("slow-lock");
    parts.add("a DAC that locks after 500 ms, without a rule", move |bench| loses(bench, wide));
    for (name, ppm) in [("fast-clock", 200.0), ("slow-clock", -200.0)] {
        parts.dac(name);
        parts.add(format!("a clock that is off by {ppm} ppm"), move |bench| clock(bench, &tracks.steady, ppm));
    }
    parts.dac("drifting-clock");
    parts.add("a clock that drifts", |bench| drifting(bench, &tracks.steady));
    Ok(())
}

/// Every bit of DSD, and markers that take turns, in silence too.
fn dop(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let fault = bench.queue(&[track])?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    if let Some(stream) = tried.only(&bench.streams()?) {
        tried.over_pcm(&track.packed, stream);
    }
    Ok(tried)
}

/// The same, in words of four bytes.
fn dop_in_32_bits(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let mut tried = dop(bench, track)?;
    if bench.streams()?.iter().any(|stream| stream.setting.bytes != 4) {
        tried.faults.push("it didn't come in words of four bytes".to_owned());
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
            // Where it runs dry it begins at its nominal rate again.
            tried.torn(tried.gaps, format!("the stream is off by {seen:.0} ppm, not {ppm}"));
        }
    }
    Ok(tried)
}

/// Packets follow a clock that goes faster and slower all the time: frames that came so far are those that its feedback has asked for
/// ([`Pace`], to which every stream is held). Here is said how far off they were, and how far a host would be that doesn't listen.
fn drifting(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let mut tried = bench.play_one(track)?;
    let mut model = bench.dac.with(|device| device.model().clone());
    if let [stream] = bench.streams()?.as_slice() {
        let Pace { off, most } = Pace::of(&model, stream);
        model.drifts = None;
        let deaf = Pace::of(&model, stream).off;
        tried.note += &format!(
            "; its frames are {off:.1} off what the feedback asked for so far, of {most:.1} that may be, and {deaf:.1} off an even clock"
        );
        if deaf <= most {
            tried.torn(
                tried.gaps,
                "it doesn't tell a host that listens to the feedback from one that doesn't".to_owned(),
            );
        }
    }
    Ok(tried)
}

/// What was lost of a stream that begins with so many frames of silence: a DAC that has yet to lock plays nothing.
pub(super) fn lost(stream: &Stream, before: usize) -> Option<String> {
    let unheard = stream.unheard as usize / stream.setting.frame();
    let lost = unheard.checked_sub(before).filter(|lost| *lost > 0)?;
    let [ms, lock] = [lost, unheard].map(|frames| frames as f64 * 1000.0 / f64::from(stream.rate));
    Some(format!(
        "the DAC played nothing of the first {lost} frames of the music ({ms:.0} ms): it takes {lock:.0} ms of a stream to lock, \
         which a rule with lock-ms has to say"
    ))
}

/// Without the rule for it all of a track is on the bus, and the DAC plays nothing of its beginning.
pub(super) fn loses(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let fault = bench.queue(&[track])?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    if let Some(stream) = tried.only(&bench.streams()?)
        && let Some(found) = tried.comes(track, stream)
    {
        match lost(stream, found.before) {
            Some(text) => tried.note += &format!("; {text}"),
            None => tried.faults.push("it takes long to lock, and nothing was lost without a rule".to_owned()),
        }
    }
    tried.certified(bench, &track.packed, track.frame())?;
    Ok(tried)
}

/// What the DAC plays once it has locked is the whole track: the rule for it puts as much silence in front, and none of the music is on
/// the bus before.
pub(super) fn lock_slowly<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) -> Result<()> {
    parts.dac("slow-lock");
    let lock = Duration::from_millis(Model::named("slow-lock")?.lock_ms.into());
    let wide = tracks.formats.get(1).context("no track of 96 kHz")?;
    parts.add("a DAC that locks after 500 ms, by a rule", move |bench| {
        bench.start(wide)?;
        let mut preroll = None;
        bench.wait("the page doesn't say how much silence is in front", |bench| {
            preroll = bench.player.status()?["engine"]["preroll_frames"].as_u64();
            Ok(preroll.is_some())
        })?;
        let fault = bench.until_stopped()?;
        let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
        tried.whole(bench, wide)?;
        if let [stream] = bench.streams()?.as_slice() {
            tried.locked(stream, preroll.unwrap_or_default(), lock);
        }
        Ok(tried)
    });
    Ok(())
}

impl Tried {
    /// The engine says that so many frames of silence were in front, and no music came while the DAC had yet to lock.
    fn locked(&mut self, stream: &Stream, preroll: u64, lock: Duration) {
        let said = Duration::from_secs_f64(preroll as f64 / f64::from(stream.rate));
        let silence = stream.setting.format.silence();
        let first = stream.bytes.iter().position(|byte| *byte != silence).unwrap_or(stream.bytes.len());
        let came = bus_time(stream.microframe_of(first) as u64);
        self.note +=
            &format!("; {} ms of silence said to be in front, music after {}", said.as_millis(), came.as_millis());
        if said < lock || came < lock {
            self.faults.push(format!(
                "it locks after {} ms, and the music came sooner: {}",
                lock.as_millis(),
                self.note
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Packet, Setting};

    use super::*;

    #[test]
    fn a_dac_that_locks_slowly_loses_what_comes_sooner() {
        let setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };
        let stream =
            Stream { microframes: 8000, received: 96 * 8000, unheard: 96 * 4000, ..Stream::new(setting, 96_000) };
        let text = lost(&stream, 3840).unwrap();
        assert!(text.contains("the first 44160 frames of the music (460 ms)"), "{text}");
        assert!(lost(&stream, 47_999).unwrap().contains("the first 1 frames"));
        assert_eq!(lost(&stream, 48_000), None);
        assert_eq!(lost(&Stream { unheard: 0, ..stream }, 0), None);
    }

    #[test]
    fn music_before_the_lock_is_a_fault_whatever_put_silence_in_front() {
        let packet = |n: u64| Packet { at: Duration::from_micros(125 * n), bytes: 96 };
        let setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };
        let stream = |silent: usize| Stream {
            microframes: 6000,
            received: 96 * 6000,
            unheard: 96 * 4000,
            packets: (0..6000).map(packet).collect(),
            bytes: [vec![0; 96 * silent], vec![7; 96 * (6000 - silent)]].concat(),
            ..Stream::new(setting, 96_000)
        };
        let faults = |silent, preroll| {
            let mut tried = Tried::default();
            tried.locked(&stream(silent), preroll, Duration::from_millis(500));
            tried.faults.len()
        };
        assert_eq!(faults(4000, 48_000), 0);
        assert_eq!(faults(3999, 48_000), 1);
        assert_eq!(faults(4100, 3840), 1, "that was the driver's");
    }
}
