//! The booted appliance with a USB DAC at it, a control point and a media server.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use support::control_point::{Transport, didl};
use usb_dac::redir::Dac;
use usb_dac::{Device, Explained, Format, Model, Stream, Wanted, explain};

use super::found::Tried;
use crate::cache::sha256;
use crate::dropouts::Dropouts;
use crate::play::Player;
use crate::session::Session;
use crate::tracks::Track;
use crate::{recording, stop};

/// How long anything may take that takes seconds on an idle machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at whether something is so.
const TICK: Duration = Duration::from_millis(25);

pub(super) struct Bench {
    session: Session,
    pub(super) player: Player,
    pub(super) dac: Dac,
}

impl Bench {
    /// Waits for the appliance.
    ///
    /// # Errors
    /// When it doesn't boot, or shows no sound card.
    pub(super) fn new(mut session: Session) -> Result<Self> {
        session.announced()?;
        let dac = session.dac.clone().context("the machine has no USB DAC")?;
        let player = Player::find(&session.machine)?;
        player.card(&session.machine)?;
        Ok(Self { session, player, dac })
    }

    pub(super) fn end(self) -> Result<()> {
        self.session.machine.stop().map(drop)
    }

    /// Losses of the engine so far.
    pub(super) fn dropouts(&self) -> Result<Dropouts> {
        Ok(Dropouts::counted(&self.player.status()?))
    }

    /// Waits until something is so.
    pub(super) fn wait(&mut self, not: &str, mut so: impl FnMut(&Self) -> Result<bool>) -> Result<Duration> {
        let start = Instant::now();
        while !so(self)? {
            stop::check()?;
            self.session.machine.check()?;
            if start.elapsed() > PATIENCE {
                bail!("{not}; {}", self.session.machine.last_words());
            }
            std::thread::sleep(TICK);
        }
        Ok(start.elapsed())
    }

    /// Puts another DAC in place of the one that is plugged in, and waits until the appliance has it.
    pub(super) fn change(&mut self, name: &str) -> Result<()> {
        let model = Model::named(name)?;
        let product = model.product.clone();
        self.dac.unplug()?;
        self.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
        self.dac.plug(Some(model))?;
        self.wait(&format!("the page never shows {product}"), |bench| Ok(bench.shown()?.contains(&product)))?;
        // What it can is asked a moment later; until then a volume goes nowhere.
        let mixer = self.dac.with(|device| device.model().volume.is_some());
        let mode = if mixer { "hardware" } else { "fixed" };
        self.wait("its mixer isn't found", |bench| Ok(bench.player.status()?["volume"]["mode"] == mode)).map(drop)
    }

    /// The DAC that the page shows; empty: none.
    pub(super) fn shown(&self) -> Result<String> {
        Ok(self.player.status()?["engine"]["output"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn transport(&self) -> Result<Transport> {
        Ok(self.player.renderer().transport_info()?)
    }

    /// Waits until nothing but silence comes: the renderer has stopped before the last of it is over the bus.
    fn silence(&mut self) -> Result<()> {
        let silent = |device: &mut Device| device.record().streams().last().is_none_or(Stream::has_fallen_silent);
        self.wait("it doesn't fall silent", |bench| Ok(bench.dac.with(silent))).map(drop)
    }

    /// Begins to play.
    pub(super) fn start(&mut self, track: &Track) -> Result<()> {
        self.silence()?;
        self.dac.with(Device::forget);
        self.player.start(&self.session.machine, &track.file)
    }

    /// Plays tracks one after the other, each set as the next one of the one before; returns what the renderer complains of.
    pub(super) fn queue(&mut self, tracks: &[&Track]) -> Result<Option<String>> {
        let mut rest = tracks.iter();
        let first = rest.next().context("an empty queue")?;
        self.start(first)?;
        for track in rest {
            let uri = self.player.serve(&track.file);
            self.player.renderer().set_next(&uri, &didl("next", "audio/x", &uri))?;
            let mut ended = false;
            self.wait("the queue doesn't go on", |bench| {
                ended = bench.transport()?.status != "OK";
                Ok(ended || bench.player.renderer().position_info()?.uri == uri)
            })?;
            if ended {
                break;
            }
        }
        self.until_stopped()
    }

    /// Waits until it has stopped; returns what the renderer complains of.
    pub(super) fn until_stopped(&mut self) -> Result<Option<String>> {
        let mut last = None;
        self.wait("it plays and plays", |bench| {
            let transport = bench.transport()?;
            let over = transport.state == "STOPPED";
            last = Some(transport);
            Ok(over)
        })?;
        let complains = last.is_some_and(|transport| transport.status != "OK");
        complains.then(|| self.reason()).transpose()
    }

    /// Why the renderer has stopped, as the page says it.
    pub(super) fn reason(&self) -> Result<String> {
        Ok(self.player.status()?["transport"]["error"].as_str().unwrap_or_default().to_owned())
    }

    /// What has come over the bus since something began to play, once it is over. What was played before may still end in
    /// silence.
    ///
    /// # Errors
    /// When it is never over.
    pub(super) fn streams(&mut self) -> Result<Vec<Stream>> {
        self.silence()?;
        Ok(self.so_far())
    }

    /// The same, as it is now.
    pub(super) fn so_far(&self) -> Vec<Stream> {
        self.dac.with(|device| device.record().streams().iter().filter(|stream| !stream.is_silent()).cloned().collect())
    }

    /// Plays a track; every bit of it has to come, and the page's counts have to be what came.
    pub(super) fn play_one(&mut self, track: &Track) -> Result<Tried> {
        let fault = self.queue(&[track])?;
        let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
        match self.streams()?.as_slice() {
            [stream] => tried.take(track, stream),
            streams => tried.faults.push(format!("{} streams came over the bus", streams.len())),
        }
        tried.faults.extend(self.certified(track)?);
        Ok(tried)
    }

    /// What is wrong with the certificate of the track that was played last: it has to say what came over the bus.
    fn certified(&mut self, track: &Track) -> Result<Option<String>> {
        let mut certificate = Value::Null;
        self.wait("there is no certificate", |bench| {
            certificate =
                bench.player.status()?["tracks"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
            certificate = certificate["certificate"].take();
            Ok(!certificate.is_null())
        })?;
        let frames = track.packed.len() / track.frame();
        let crc = format!("{:08x}", crc32c(&track.packed));
        let mut wanted = json!({ "frames": frames, "crc32c": crc, "whole": true, "scaled": false, "xruns": 0 });
        // A machine that is too slow to hash what it plays says so.
        if !certificate["sha256"].is_null() {
            wanted["sha256"] = sha256(&track.packed).into();
        }
        let differs = wanted.as_object().is_some_and(|all| all.iter().any(|(name, value)| certificate[name] != *value));
        Ok(differs.then(|| format!("its certificate is {certificate}, not {wanted}")))
    }
}

/// CRC-32C, bit by bit: nothing of what is tested.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

impl Tried {
    /// Compares a stream that should be all of a track.
    pub(super) fn take(&mut self, track: &Track, stream: &Stream) {
        if let Some(found) = self.compare(&track.packed, track, stream) {
            self.frames += found.in_order;
            self.note = format!("{} frames of silence before, {} behind", found.before, found.behind);
            self.faults.extend(found.faults.iter().map(ToString::to_string));
        }
    }

    /// Compares a stream with bytes of a track's format; None: it came in another one.
    pub(super) fn compare(&mut self, bytes: &[u8], track: &Track, stream: &Stream) -> Option<Explained> {
        self.bus_ms += u64::try_from(stream.bus_time().as_millis()).unwrap_or(u64::MAX);
        let raw = track.wire.format.starts_with("DSD");
        if (stream.setting.format == Format::Raw) != raw || stream.rate != track.wire.rate {
            self.faults.push(format!("it came as {:?} at {} Hz", stream.setting, stream.rate));
            return None;
        }
        let silence = recording::silence(track.wire.format);
        Some(explain(&stream.bytes, Wanted { bytes, frame: track.frame(), silence }))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_sum_is_castagnoli_s() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(super::crc32c(&[0; 32]), 0x8a91_36aa);
    }
}
