//! Volume and mute where they are the DAC's own, and where there is none: what comes to its feature unit, and what to the samples.
use std::time::Duration;

use anyhow::Result;
use usb_dac::{Explained, Kind, Stream};

use super::bench::Bench;
use super::found::{Excuse, Tried};
use super::plug::{Comes, to_the_end};
use crate::tracks::Track;

/// What is asked for: 29.4 dB quieter, which a control of whole decibels has not.
const PERCENT: u8 = 51;
/// What a percent is worth, dB (README).
const STEP_DB: f32 = 0.6;
/// What half of the track takes less than; whoever asks later was held up.
const HALF: Duration = Duration::from_millis(300);

/// Master, left and right: dB, and whether each is muted.
type Levels = [(f32, bool); 3];

/// The level of left and right, dB.
fn heard([master, left, right]: Levels) -> [f32; 2] {
    [left, right].map(|(level, _)| master.0 + level)
}

fn levels(bench: &Bench) -> Levels {
    bench.dac.with(|device| device.levels())
}

/// What a percent comes to with a control of such steps: rounded so that it is never louder.
fn decibels(percent: u8, step: f32) -> f32 {
    // The control's own steps are hundredths of a dB apart at least.
    let wanted = -STEP_DB * f32::from(100 - percent);
    ((wanted / step + 1e-3).floor()) * step
}

impl Tried {
    /// The feature unit has to be so loud, in both channels, and unmuted: mute is the engine's, which fades.
    fn stands_at(&mut self, now: Levels, percent: u8, step: f32) {
        let wanted = decibels(percent, step);
        let is_near = heard(now).iter().all(|level| (level - wanted).abs() < 0.01);
        if !is_near || now.iter().any(|(_, mute)| *mute) {
            self.faults
                .push(format!("at {percent} % master, left, right, dB and mute are {now:?}, not {wanted} dB in all"));
        }
    }
}

/// The volume is the dongle's own: whatever it is, the samples stay as they are.
pub(super) fn dongle(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let step = bench.dac.with(|device| device.model().volume.map_or(1.0, |volume| volume.step_db));
    let mut whole = bench.play_one(track)?;
    whole.stands_at(levels(bench), 100, step);
    // Whatever starts a track sets 100 %.
    bench.start(track)?;
    bench.player.renderer().set_volume(PERCENT)?;
    bench.wait("the volume doesn't come to the dongle", |bench| Ok(heard(levels(bench)) != [0.0; 2]))?;
    let early = bench.sounded() < track.packed.len() / track.frame() / 2;
    let fault = bench.until_stopped()?;
    let mut tried = Tried { frames: whole.frames, ..Tried::default() };
    tried.absorb(whole);
    tried.faults.extend(fault);
    tried.stands_at(levels(bench), PERCENT, step);
    if !early {
        tried.doubt(Excuse::Waited(HALF), "the volume came when half of the track was over");
    }
    tried.whole(bench, track)?;
    tried.note = format!("master, left, right at {PERCENT} %, dB and mute: {:?}", levels(bench));
    Ok(tried)
}

/// Pulled out and put back in, a dongle has forgotten all: it is as loud as it gets, and muted. Before it gets a frame of music it has to
/// stand where it stood. Then the same while the appliance is muted: nothing is heard of it until that is over.
pub(super) fn anew(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let step = bench.dac.with(|device| device.model().volume.map_or(1.0, |volume| volume.step_db));
    let second = track.wire.rate as usize;
    bench.start(track)?;
    bench.player.renderer().set_volume(PERCENT)?;
    bench.wait("nothing is played", |bench| Ok(bench.sounded() > second))?;
    let mut faults = Tried::default();
    faults.stands_at(levels(bench), PERCENT, step);
    let first = replug(bench)?;
    bench.wait("it doesn't go on by itself", |bench| Ok(bench.so_far().len() > 1))?;
    let stream = bench.so_far().pop();
    faults.stands_at(levels(bench), PERCENT, step);
    let set = bench.dac.with(|device| device.levelled());
    let sounds = stream.as_ref().map(sounds_at);
    if sounds.is_none_or(|sounds| set > sounds) {
        faults
            .faults
            .push(format!("it was set {set} microframes after the stream began, and sounded after {sounds:?}"));
    }
    let mut tried = to_the_end(bench, track, Comes::AsItIs)?;
    tried.absorb(faults);
    // Muted. Whatever starts a track sets 100 %, and lifts that.
    bench.start(track)?;
    bench.player.renderer().set_volume(PERCENT)?;
    bench.wait("nothing is played", |bench| Ok(bench.sounded() > 0))?;
    bench.player.renderer().set_mute(true)?;
    bench.wait("it isn't silent", |bench| Ok(bench.is_silent_now()))?;
    replug(bench)?;
    bench.forget();
    let came =
        |bench: &Bench| bench.dac.with(|device| device.record().streams().iter().map(Stream::frames).sum::<usize>());
    bench.wait("it doesn't go on by itself", |bench| Ok(came(bench) > second))?;
    tried.stands_at(levels(bench), PERCENT, step);
    match bench.sounded() {
        0 => {}
        frames => tried.faults.push(format!("{frames} frames sounded of a DAC that came back while it was muted")),
    }
    bench.player.renderer().set_mute(false)?;
    bench.wait("it isn't heard again", |bench| Ok(bench.sounded() > 0 || bench.transport()?.state == "STOPPED"))?;
    if bench.sounded() == 0 {
        tried.faults.push("it was never heard again".to_owned());
    }
    tried.faults.extend(bench.until_stopped()?);
    tried.stands_at(levels(bench), PERCENT, step);
    let sounds = sounds.unwrap_or_default();
    tried.note += &format!(
        "; switched on at {first:?}, set before it began to play or {set} microframes after, sounded after {sounds}"
    );
    Ok(tried)
}

/// Pulls it out while it plays and puts it back in; returns what it stood at without anybody having set it.
fn replug(bench: &mut Bench) -> Result<Levels> {
    bench.dac.unplug()?;
    bench.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
    bench.dac.plug(None)?;
    Ok(bench.dac.with(|device| {
        device.model().volume.map_or([(0.0, false); 3], |volume| [(volume.first_db, volume.first_muted); 3])
    }))
}

/// How many microframes of a stream came before the first one that sounds.
fn sounds_at(stream: &Stream) -> u64 {
    let first = stream.bytes.iter().position(|byte| *byte != stream.setting.format.silence());
    stream.microframe_of(first.unwrap_or(stream.bytes.len())) as u64
}

/// Muted, there is silence on the bus, within fades; the track goes on below it, and its feature unit is left alone.
pub(super) fn muted(bench: &mut Bench, track: &Track) -> Result<Tried> {
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(bench.sounded() > 0))?;
    let before = levels(bench);
    let mut touched = Vec::new();
    let mut look = |bench: &Bench| {
        let now = levels(bench);
        if now != before {
            touched.push(format!("the feature unit went from {before:?} to {now:?}"));
        }
    };
    bench.player.renderer().set_mute(true)?;
    bench.wait("it isn't silent", |bench| {
        look(bench);
        Ok(bench.is_silent_now())
    })?;
    let says = bench.player.status()?["volume"]["mute"].take();
    bench.player.renderer().set_mute(false)?;
    let silent = bench.sounded();
    bench.wait("it isn't heard again", |bench| {
        look(bench);
        Ok(bench.sounded() > silent || bench.transport()?.state == "STOPPED")
    })?;
    let fault = bench.until_stopped()?;
    look(bench);
    let mut tried = Tried { faults: fault.into_iter().chain(touched.pop()).collect(), ..Tried::default() };
    if says != true {
        tried.faults.push(format!("the page says mute: {says}"));
    }
    let streams = bench.streams()?;
    if let Some(stream) = tried.only(&streams)
        && let Some(found) = tried.compare(&track.packed, track, stream)
    {
        tried.frames = found.in_order;
        tried.silent_once(&found, stream.rate);
    }
    Ok(tried)
}

/// The engine's fade, ms.
const FADE_MS: usize = 20;
/// What is no part of the track is looked at in steps of so many frames.
const STEP: usize = 64;

impl Tried {
    /// There is silence once, for as long as the track's frames that aren't heard, with a fade before it and behind.
    fn silent_once(&mut self, found: &Explained, rate: u32) {
        let of = |wanted: fn(&Kind) -> bool| {
            let all: Vec<_> = found.faults.iter().filter(|fault| wanted(&fault.kind)).collect();
            (all.len(), all.iter().map(|fault| fault.frames).sum::<usize>())
        };
        let (gaps, silent) = of(|kind| *kind == Kind::Gap);
        let (fades, faded) = of(|kind| matches!(kind, Kind::Foreign(_)));
        let (holes, missing) = of(|kind| *kind == Kind::Dropped);
        let fade = rate as usize * FADE_MS / 1000;
        self.note = format!("{silent} frames of silence, {faded} faded, for {missing} of the track");
        let is_well = found.faults.len() == gaps + fades + holes
            && (gaps, holes) == (1, 1)
            && silent + faded == missing
            && (fade..=2 * (fade + STEP)).contains(&faded);
        if !is_well {
            let faults: Vec<_> = found.faults.iter().map(ToString::to_string).collect();
            self.faults.push(format!("muted once, {}: {}", self.note, faults.join("; ")));
        }
    }
}

/// A DAC without a volume control says that it has none, and every bit comes.
pub(super) fn fixed(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let refused = bench.player.renderer().set_volume(PERCENT).is_err();
    let mut tried = bench.play_one(track)?;
    let volume = bench.player.status()?["volume"].take();
    if !refused || volume["mode"] != "fixed" || volume["percent"] != 100 {
        tried.faults.push(format!("{PERCENT} % were taken by a DAC that has no volume: {volume}"));
    }
    Ok(tried)
}

#[cfg(test)]
mod tests {
    use usb_dac::{Wanted, explain};

    use super::*;

    #[test]
    fn a_level_is_never_louder_than_was_asked_for() {
        for (percent, step, db) in
            [(100, 1.0, 0.0), (51, 1.0, -30.0), (50, 1.0, -30.0), (51, 0.5, -29.5), (75, 0.25, -15.0)]
        {
            assert!((decibels(percent, step) - db).abs() < 1e-3, "{percent} % in steps of {step}");
        }
        let faults = |now| {
            let mut tried = Tried::default();
            tried.stands_at(now, 51, 1.0);
            tried.faults.len()
        };
        let plain = (0.0, false);
        assert_eq!(faults([(-30.0, false), plain, plain]), 0);
        assert_eq!(faults([plain, (-30.0, false), (-30.0, false)]), 0);
        assert_eq!(faults([plain, (-30.0, false), plain]), 1, "one channel");
        assert_eq!(faults([(-29.0, false), plain, plain]), 1, "louder");
        assert_eq!(faults([(-30.0, true), plain, plain]), 1, "muted");
    }

    #[test]
    fn mute_takes_the_track_s_own_time() {
        let track: Vec<u8> = (1..=9000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let part = |from: usize, to: usize| track[4 * from..4 * to].to_vec();
        let faded = |from, to| -> Vec<u8> { part(from, to).iter().map(|byte| byte ^ 0x5a).collect() };
        let faults = |parts: &[Vec<u8>]| {
            let found = explain(&parts.concat(), Wanted { bytes: &track, frame: 4, silence: 0 }, 48_000);
            let mut tried = Tried::default();
            tried.silent_once(&found, 48_000);
            tried.faults.len()
        };
        let [out, silent, back] = [faded(2000, 2960), vec![0; 4 * 1000], faded(3960, 4920)];
        let well = [part(0, 2000), out.clone(), silent.clone(), back.clone(), part(4920, 9000)];
        assert_eq!(faults(&well), 0);
        for (what, parts) in [
            ("never", vec![part(0, 9000)]),
            ("a frame lost", vec![part(0, 2000), out.clone(), silent.clone(), back.clone(), part(4921, 9000)]),
            ("it waited meanwhile", vec![part(0, 2000), out.clone(), silent.clone(), part(2960, 9000)]),
            ("without a fade", vec![part(0, 2000), vec![0; 4 * 2920], part(4920, 9000)]),
            ("twice", vec![part(0, 1000), silent.clone(), part(2000, 5000), silent.clone(), part(6000, 9000)]),
        ] {
            assert_eq!(faults(&parts), 1, "{what}");
        }
    }
}
