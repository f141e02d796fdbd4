//! The booted appliance with a USB DAC at it, a control point and a media server.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use support::control_point::{Transport, didl};
use usb_dac::redir::Dac;
use usb_dac::{Device, Explained, Fault, Format, Kind, Model, Stream, Wanted, explain};

use super::bus::Seen;
use super::events::Events;
use super::found::Tried;
use super::moments::Moment;
use super::proved::{Counted, HELD_WITHIN, Proved};
use super::waits::Waits;
use super::watch::Watch;
use super::{around, kinds};
use crate::play::Player;
use crate::session::Session;
use crate::shell::Shell;
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
    /// The one that lies beside the other port.
    other: Dac,
    /// If it was booted with one, and asked for it.
    pub(super) shell: Option<Shell>,
    /// What the card's buffer holds.
    pub(super) buffer: Duration,
    /// What the host took, at each look at whether something is so.
    pub(super) watch: Watch,
    /// The renderer's, once they were asked for.
    events: Option<Events>,
    /// Bytes of each stream when all was to have been over and was compared.
    taken: Option<Vec<usize>>,
    /// What was seen of the bus since the last time that something was tried.
    seen: Seen,
}

impl Bench {
    /// Waits for the appliance. It may not have found the DAC yet.
    ///
    /// # Errors
    /// When it doesn't boot.
    pub(super) fn new(mut session: Session) -> Result<Self> {
        session.announced()?;
        Self::announced(session)
    }

    /// With an appliance that has announced itself.
    ///
    /// # Errors
    /// When it can't be found.
    pub(super) fn announced(session: Session) -> Result<Self> {
        let dacs = session.dac.clone().zip(session.other_dac.clone());
        let (dac, other) = dacs.context("the machine has no USB DAC")?;
        let player = Player::find(&session.machine)?;
        let watch = Watch::new(session.machine.process());
        let buffer = Duration::from_millis(session.buffer_ms.into());
        Ok(Self {
            session,
            player,
            dac,
            other,
            buffer,
            watch,
            shell: None,
            events: None,
            taken: None,
            seen: Seen::default(),
        })
    }

    /// Connects to the guest's shell, which talks to one at a time: of a machine that stays up it is the user's.
    ///
    /// # Errors
    /// When it has none, or that doesn't answer.
    pub(super) fn take_shell(&mut self) -> Result<()> {
        self.shell = Some(self.session.shell()?);
        Ok(())
    }

    /// What AVTransport sends. It is subscribed to once.
    ///
    /// # Errors
    /// When the renderer refuses.
    pub(super) fn events(&mut self) -> Result<Events> {
        let events = self.events.take().map_or_else(Events::subscribe, Ok)?;
        Ok(self.events.insert(events).clone())
    }

    /// The lines that are printed for who finds the machine up.
    pub(super) fn addresses(&self) -> String {
        crate::stay::addresses(&self.session, None, None)
    }

    /// Leaves the machine running.
    pub(super) fn into_session(self) -> Session {
        self.session
    }

    pub(super) fn end(self) -> Result<()> {
        self.session.machine.stop().map(drop)
    }

    /// What the engine lost and the host took so far.
    pub(super) fn counted(&self) -> Result<Counted> {
        Ok(Counted::new(self.player.status()?, self.waits()))
    }

    /// What is proved by what was counted since, by the watch, which was told then to forget what was before, and by the moments at
    /// which silence began.
    pub(super) fn proved(&self, before: &Counted, moments: Vec<Moment>) -> Result<Proved> {
        let counted = self.counted()?;
        let held = self.watch.held_within(HELD_WITHIN);
        Ok(Proved { held, moments, buffer: self.buffer, ..counted.since(before) })
    }

    /// How long the machine has waited for a core so far.
    pub(super) fn waits(&self) -> Waits {
        self.watch.look()
    }

    /// How often a DAC was plugged in since the machine was started.
    pub(super) fn plugs(&self) -> usize {
        self.dac.plugs() + self.other.plugs()
    }

    /// Looks at what has come over the bus in the bus's own time, and forgets it.
    pub(super) fn forget(&mut self) {
        self.watch.look();
        let leftover = self.leftover().map(|what| format!("behind what was played came {what} that aren't silent"));
        self.seen.faults.extend(leftover);
        self.taken = None;
        for dac in [&self.dac, &self.other] {
            let since = Instant::now().checked_sub(dac.now());
            dac.with(|device| {
                self.seen.look(device.model(), device.record().streams(), (&self.watch, since), self.buffer);
                device.forget();
            });
        }
    }

    /// What was seen of the bus, of all that has come since this was asked last.
    pub(super) fn take_seen(&mut self) -> Seen {
        self.forget();
        std::mem::take(&mut self.seen)
    }

    /// Goes to the other port.
    pub(super) fn swap_ports(&mut self) {
        std::mem::swap(&mut self.dac, &mut self.other);
        self.taken = None;
    }

    /// Waits until something is so.
    pub(super) fn wait(&mut self, not: &str, mut so: impl FnMut(&Self) -> Result<bool>) -> Result<Duration> {
        let start = Instant::now();
        self.waits();
        while !so(self)? {
            stop::check()?;
            self.session.machine.check()?;
            if start.elapsed() > PATIENCE {
                bail!("{not}; {}", self.session.machine.last_words());
            }
            std::thread::sleep(TICK);
            self.waits();
        }
        Ok(start.elapsed())
    }

    /// Puts another DAC in place of the one that is plugged in, and waits until the appliance has it.
    pub(super) fn change(&mut self, name: &str) -> Result<()> {
        let model = Model::named(name)?;
        let product = model.product.clone();
        self.dac.unplug()?;
        self.wait("the page still shows the DAC that is gone", |bench| Ok(bench.shown()?.is_empty()))?;
        self.forget();
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

    /// Whether nothing but silence comes just now.
    pub(super) fn is_silent_now(&self) -> bool {
        self.dac.with(|device| device.record().streams().last().is_none_or(Stream::has_fallen_silent))
    }

    /// Waits until nothing but silence comes: the renderer has stopped before the last of it is over the bus.
    fn silence(&mut self) -> Result<()> {
        self.wait("it doesn't fall silent", |bench| Ok(bench.is_silent_now())).map(drop)
    }

    /// Begins to play; DSD in a stream of its own, with all the silence around it.
    pub(super) fn start(&mut self, track: &Track) -> Result<()> {
        self.silence()?;
        if track.wire.format.starts_with("DSD") {
            self.wait("the stream isn't closed", |bench| Ok(bench.is_closed()))?;
        }
        self.forget();
        self.player.card(&self.session.machine)?;
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
        let taken = |device: &mut Device| device.record().streams().iter().map(|stream| stream.bytes.len()).collect();
        self.taken = Some(self.dac.with(taken));
        Ok(self.so_far())
    }

    /// What has come since everything was to have been over.
    fn leftover(&self) -> Option<String> {
        let taken = self.taken.as_ref()?;
        let behind = |(number, stream): (usize, &Stream)| {
            let rest = stream.bytes.get(taken.get(number).copied().unwrap_or_default()..).unwrap_or_default();
            let sounds = rest.iter().filter(|byte| **byte != stream.setting.format.silence()).count();
            (sounds > 0 && !stream.is_silent()).then(|| format!("{sounds} bytes of {} Hz", stream.rate))
        };
        self.dac.with(|device| device.record().streams().iter().enumerate().find_map(behind))
    }

    /// The same, as it is now.
    pub(super) fn so_far(&self) -> Vec<Stream> {
        self.dac.with(|device| device.record().streams().iter().filter(|stream| !stream.is_silent()).cloned().collect())
    }

    /// What the guest has said on its console.
    pub(super) fn console(&self) -> String {
        self.session.machine.console()
    }

    /// Microframes that have come since something began to play, of streams that aren't silent.
    pub(super) fn microframes(&self) -> usize {
        let sounding = |device: &mut Device| {
            let streams = device.record().streams().iter().filter(|stream| !stream.is_silent());
            streams.map(|stream| stream.packets.len()).sum()
        };
        self.dac.with(sounding)
    }

    /// Whether nothing comes at all.
    pub(super) fn is_closed(&self) -> bool {
        self.dac.with(|device| device.alternate() == 0)
    }

    /// Frames of the stream that isn't silent, so far.
    pub(super) fn came(&self) -> usize {
        let sounding = |device: &mut Device| {
            device.record().streams().iter().find(|stream| !stream.is_silent()).map_or(0, Stream::frames)
        };
        self.dac.with(sounding)
    }

    /// Frames that have come since, without those of silence: of PCM, those of the track.
    pub(super) fn sounded(&self) -> usize {
        self.dac.with(|device| {
            let streams = device.record().streams().iter();
            // The end of what was played before may still come: DSD's silence isn't 0.
            let sounds = |stream: &Stream| {
                let frames = stream.bytes.chunks_exact(stream.setting.frame());
                frames.filter(|frame| frame.iter().any(|byte| *byte != stream.setting.format.silence())).count()
            };
            streams.map(sounds).sum()
        })
    }

    /// Plays a track; every bit of it has to come, and the page's counts have to be what came.
    pub(super) fn play_one(&mut self, track: &Track) -> Result<Tried> {
        let fault = self.queue(&[track])?;
        let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
        // What was refused has no certificate.
        if tried.faults.is_empty() {
            tried.whole(self, track)?;
        }
        Ok(tried)
    }

    /// What the page says of the track that plays, as soon as it knows what happens to it.
    pub(super) fn playing(&mut self) -> Result<Value> {
        let mut playing = Value::Null;
        self.wait("nothing is played", |bench| {
            playing = bench.player.status()?["track"].take();
            Ok(!playing["bit_perfect"].is_null())
        })?;
        Ok(playing)
    }

    /// The certificate of the track that was played last, as soon as there is one.
    pub(super) fn certificate(&mut self) -> Result<Value> {
        self.certificates(1)?.pop().context("a certificate")
    }

    /// Those of the tracks that were played last, so many, in their order, as soon as each has one.
    pub(super) fn certificates(&mut self, count: usize) -> Result<Vec<Value>> {
        let mut certificates = Vec::new();
        self.wait("there is no certificate", |bench| {
            let tracks = bench.player.status()?["tracks"].take();
            let last = tracks.as_array().into_iter().flatten().rev().take(count);
            certificates = last.map(|track| track["certificate"].clone()).collect();
            certificates.reverse();
            Ok(certificates.len() == count && certificates.iter().all(|certificate| !certificate.is_null()))
        })?;
        Ok(certificates)
    }
}

impl Tried {
    /// Compares what came of a track that was just played, and what its certificate says.
    pub(super) fn whole(&mut self, bench: &mut Bench, track: &Track) -> Result<()> {
        if let Some(stream) = self.only(&bench.streams()?) {
            self.take(track, stream);
        }
        self.certified(bench, &track.packed, track.frame())
    }

    /// The only stream there is.
    pub(super) fn only<'a>(&mut self, streams: &'a [Stream]) -> Option<&'a Stream> {
        if streams.len() != 1 {
            self.faults.push(format!("{} streams came over the bus", streams.len()));
        }
        streams.first().filter(|_| streams.len() == 1)
    }

    /// Compares a stream that should be all of a track, of which the DAC has to have played everything.
    pub(super) fn take(&mut self, track: &Track, stream: &Stream) {
        if let Some(found) = self.comes(track, stream) {
            self.faults.extend(kinds::lost(stream, found.before));
        }
    }

    /// Compares a stream that should be all of a track, whatever the DAC made of it.
    pub(super) fn comes(&mut self, track: &Track, stream: &Stream) -> Option<Explained> {
        let found = self.compare(&track.packed, track, stream)?;
        self.frames += found.in_order;
        self.note = format!("{} frames of silence before, {} behind", found.before, found.behind);
        self.differs(&found, stream.rate);
        if track.wire.format.starts_with("DSD") {
            self.faults.extend(around::missing([found.before, found.behind], stream.rate));
        }
        Some(found)
    }

    /// Compares a stream that was cut off: the end may be missing, and nothing else. A second has to have come.
    pub(super) fn until_the_end(&mut self, track: &Track, stream: &Stream) {
        if let Some(found) = self.compare(&track.packed, track, stream) {
            self.frames += found.in_order;
            self.cut_off(&found, track.packed.len() / track.frame(), track.wire.rate);
        }
    }

    /// What is wrong with a stream that was cut off, of a track of so many frames: a second of them has to be there.
    fn cut_off(&mut self, found: &Explained, total: usize, rate: u32) {
        let is_end = |fault: &Fault| fault.kind == Kind::Dropped && fault.at + fault.frames == total;
        let mut found = found.clone();
        found.faults.retain(|fault| !is_end(fault));
        self.differs(&found, rate);
        if found.in_order < rate as usize && found.faults.is_empty() {
            self.faults.push(format!("{} frames came in order, not {rate}", found.in_order));
        }
    }

    /// Compares a stream with bytes of a track's format; None: it came in another one.
    pub(super) fn compare(&mut self, bytes: &[u8], track: &Track, stream: &Stream) -> Option<Explained> {
        let raw = track.wire.format.starts_with("DSD");
        if (stream.setting.format == Format::Raw) != raw || stream.rate != track.wire.rate {
            self.faults.push(format!("it came as {:?} at {} Hz", stream.setting, stream.rate));
            return None;
        }
        let silence = recording::silence(track.wire.format);
        Some(explain(&stream.bytes, Wanted { bytes, frame: track.frame(), silence }, stream.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stream_that_was_cut_off_only_the_end_may_be_missing() {
        let track: Vec<u8> = (1..=5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let part = |from: usize, to: usize| track[4 * from..4 * to].to_vec();
        let faults = |parts: &[Vec<u8>]| {
            let found = explain(&parts.concat(), Wanted { bytes: &track, frame: 4, silence: 0 }, 1000);
            let mut tried = Tried::default();
            tried.cut_off(&found, 5000, 1000);
            tried.judged().faults
        };
        let silence = vec![0; 1200];
        assert_eq!(faults(&[silence.clone(), part(0, 3000)]), [""; 0]);
        assert_eq!(faults(&[part(0, 5000)]), [""; 0], "to the very end");
        for (what, parts) in [
            ("nothing", vec![silence.clone()]),
            ("too little", vec![part(0, 999)]),
            ("frames lost", vec![part(0, 1100), part(2100, 3000)]),
            ("a hole", vec![part(0, 1100), silence.clone(), part(1100, 3000)]),
            ("noise", vec![part(0, 1100), track[16_000..].iter().map(|byte| byte ^ 0xa5).collect()]),
            ("twice", vec![part(0, 1100), part(1000, 3000)]),
            ("early", vec![part(100, 3000)]),
        ] {
            assert!(!faults(&parts).is_empty(), "{what}");
        }
    }
}
