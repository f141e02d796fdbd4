//! One stream, from attaching it to handing it back: what goes to the output next, frames of the ring or silence.

mod flow;
mod limits;
mod one_bit;

use std::num::NonZeroUsize;

use pcm::gain::{Gain, Ramp, Scaler};
use pcm::{Cpu, Tpdf};
use ring::{Consumer, Corrupt, Mark, MarkKind, Position, State, Stream};

pub(crate) use limits::{Limits, MARGIN_MS, Tuning};

use super::report::{Kind, Reporter};
use super::timeline::Timeline;
use crate::certificate::{Tally, Why};
use crate::output::{Fill, Output, Pacing, Trouble};
use flow::{Fade, Mode, Next, Waiting};
use one_bit::OneBit;

/// Pieces that are written in one wake-up at most. Boundaries of tracks and of the output's buffer cut pieces; what
/// doesn't fit waits for the next wake-up.
const PIECES: usize = 64;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Played out, or faded out as asked.
    Finished,
    /// The output failed.
    Output(Trouble),
    /// The player's indices make no sense.
    Player(Corrupt),
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        Self::Output(trouble)
    }
}

impl From<Corrupt> for Outcome {
    fn from(corrupt: Corrupt) -> Self {
        Self::Player(corrupt)
    }
}

/// What comes after a wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Wake again after this many ns.
    Sleep(u64),
    /// It is over.
    Done(Outcome),
}

/// A stream and everything that belongs to it. *Control* makes it, the real-time thread plays it and gives it back.
pub(crate) struct Session {
    output: Box<dyn Output>,
    consumer: Consumer,
    stream: Stream,
    limits: Limits,
    volume: Gain,
    ramp: Ramp,
    dither: Tpdf,
    scaler: Scaler,
    one_bit: OneBit,
    mode: Mode,
    fade: Option<Fade>,
    timeline: Timeline,
    /// The output's clock runs.
    running: bool,
    /// Silence that still has to go in front of the ring's frames, because the output's clock is about to start.
    preroll_left: u32,
    /// The ring ran dry: it has to be fuller than at a start before it goes on.
    starved: bool,
    /// The track under way.
    track: Option<u64>,
    /// The output frame behind the newest track, if nothing but silence followed.
    ended_at: Option<u64>,
    /// The output frame behind the newest frame of the ring.
    audio_end: u64,
    /// The output frame that was heard at the last wake-up; behind an xrun, the one that comes next.
    heard: u64,
    /// The ring's frame that was published as the one that is heard.
    position: u64,
    draining: bool,
    aborting: bool,
    waiting: Option<Waiting>,
    xruns: u64,
    scaled: bool,
    /// For the tracks' certificates, if there are to be any.
    tally: Option<Tally>,
}

impl Session {
    /// A stream on an opened output. `consumer` must have begun `stream`.
    pub(crate) fn new(
        output: Box<dyn Output>,
        consumer: Consumer,
        stream: Stream,
        tuning: Tuning,
        volume: Gain,
    ) -> Self {
        let limits = Limits::new(&tuning, &stream, consumer.capacity_frames(), &*output);
        let one_bit = OneBit::new(stream.wire);
        let volume = one_bit.volume(volume);
        Self {
            output,
            consumer,
            stream,
            limits,
            volume,
            ramp: Ramp::constant(volume),
            dither: Tpdf::new(stream.epoch),
            scaler: Scaler::new(stream.wire.format, stream.wire.channels, Cpu::detect()),
            one_bit,
            mode: Mode::Silent,
            fade: None,
            timeline: Timeline::default(),
            running: false,
            preroll_left: limits.preroll,
            starved: false,
            track: None,
            ended_at: None,
            audio_end: 0,
            heard: 0,
            position: 0,
            draining: false,
            aborting: false,
            waiting: None,
            xruns: 0,
            scaled: false,
            tally: None,
        }
    }

    /// The same on an output that uses only so many bits of a sample: what is scaled is dithered at that width.
    pub(crate) fn with_bits(self, bits: u16) -> Self {
        Self { scaler: self.scaler.with_bits(bits), ..self }
    }

    /// The same, but the volume has no effect, as with a one-bit stream; mute has. Fades stay: see [`OneBit::leave_unscaled`].
    pub(crate) fn unscaled(mut self) -> Self {
        self.one_bit.leave_unscaled();
        self.volume = self.one_bit.volume(self.volume);
        self.ramp = Ramp::constant(self.volume);
        self
    }

    /// Counts what is taken for certificates, from here on.
    pub(crate) fn set_tally(&mut self, tally: Tally) {
        self.tally = Some(tally);
    }

    /// Silence in front of the ring's first frame, frames.
    pub(crate) fn preroll(&self) -> u32 {
        self.limits.preroll
    }

    /// The output and the ring, when it is over.
    pub(crate) fn into_parts(self) -> (Box<dyn Output>, Consumer) {
        (self.output, self.consumer)
    }

    /// Times that the output ran dry.
    pub(crate) fn xruns(&self) -> u64 {
        self.xruns
    }

    /// Whether any frame of the ring was scaled on its way.
    pub(crate) fn scaled(&self) -> bool {
        self.scaled
    }

    /// Goes to this volume without a click.
    pub(super) fn set_volume(&mut self, volume: Gain) {
        let volume = self.one_bit.volume(volume);
        self.volume = volume;
        if self.mode == Mode::Playing && self.fade.is_none() {
            self.ramp.fade_to(volume, self.limits.fade);
        }
    }

    /// Plays out what is queued, then ends.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// Fades out, then ends.
    pub(super) fn abort(&mut self) {
        self.aborting = true;
    }

    /// One wake-up.
    pub(super) fn step(&mut self, now: u64, report: &mut Reporter) -> Step {
        let filled = match self.fill_output(now, report) {
            // It may run dry at any moment, so any call may say so.
            Err(Outcome::Output(Trouble::Xrun)) => self.recover(now, report),
            filled => filled,
        };
        match filled {
            Ok(fill) => {
                self.publish(fill, now, report);
                if !self.is_over(fill, now) {
                    return Step::Sleep(self.tick_ns());
                }
                // Tracks without a frame, at the very end.
                let outcome = self.pass_marks(Due::All, now, report).map_or_else(Outcome::from, |()| Outcome::Finished);
                self.end(now, outcome, report)
            }
            Err(outcome) => self.end(now, outcome, report),
        }
    }

    fn end(&mut self, now: u64, outcome: Outcome, report: &Reporter) -> Step {
        if outcome != Outcome::Finished || self.heard < self.audio_end {
            // What is on its way is dropped, whoever has it.
            self.count_lost(u64::MAX, Why::Stopped);
        }
        self.output.stop(now);
        if let Some(tally) = &mut self.tally {
            tally.cut(self.consumer.read(), report.troubles());
        }
        Step::Done(outcome)
    }

    /// Tops the output's buffer up.
    fn fill_output(&mut self, now: u64, report: &mut Reporter) -> Result<Fill, Outcome> {
        let mut fill = match self.output.poll(now) {
            // Filled again in this wake-up.
            Err(Trouble::Xrun) => self.recover(now, report)?,
            fill => fill?,
        };
        self.consumer.refresh()?;
        if self.mode == Mode::Playing && self.consumer.readable_to_end() < self.consumer.readable().max(1) {
            report.ring_fill(self.consumer.readable());
        }
        for _ in 0..PIECES {
            let written = match self.next(fill, now, report)? {
                Next::Again => continue,
                Next::Nothing => break,
                Next::Audio(frames) => self.write_audio(frames, now, report)?,
                Next::Silence(frames) => self.write_silence(frames)?,
            };
            fill.writable = fill.writable.saturating_sub(written);
            fill.queued = fill.queued.saturating_add(u64::from(written));
            if written == 0 {
                break;
            }
        }
        if !self.running && fill.queued > 0 {
            self.output.start(now)?;
            self.running = true;
        }
        Ok(fill)
    }

    /// After the output ran dry: everything written was heard, but for what its driver had on its way and dropped; it begins anew,
    /// with a fade; if one was just taking it to silence, it is there. The next frame that is heard is the ring's next one, and that
    /// becomes the position: there is no way back to what was dropped, as the room in the ring is the player's again.
    fn recover(&mut self, now: u64, report: &mut Reporter) -> Result<Fill, Outcome> {
        self.xruns = self.xruns.saturating_add(1);
        report.event(Kind::Xrun, self.timeline.written(), now);
        self.count_lost(self.output.dropped_frames().into(), Why::Xrun);
        self.output.prepare()?;
        self.one_bit.restart();
        self.running = false;
        self.preroll_left = self.limits.preroll;
        if let Some(fade) = self.fade.take() {
            // It is silent already: what is left of the fade would begin at part level.
            self.land(fade.then, now, report)?;
        } else if self.mode == Mode::Playing {
            self.ramp = Ramp::constant(Gain::SILENCE);
            self.ramp.fade_to(self.volume, self.limits.fade);
        }
        Ok(self.output.poll(now)?)
    }

    /// Tells the certificates what may not have been heard when the output ran dry or was stopped: of the last frames written those
    /// that may have been `dropped`, unless they had been heard before.
    ///
    /// That is never less than was lost. Only what is on its way is dropped; of all that was written, what the DAC had by the last
    /// wake-up had arrived, and what it got since can only have been more. How much it had the driver reckons in whole frames of the
    /// bus, so that may be a millisecond too much. And no frame is counted twice: if the output runs dry again at once, nothing was
    /// on its way but what was written since.
    fn count_lost(&mut self, dropped: u64, why: Why) {
        let doubt = u64::from(self.stream.wire.rate / 1000);
        let unheard = self.timeline.written().saturating_sub(self.heard);
        let most = if unheard > 0 { unheard.saturating_add(doubt) } else { 0 };
        let dropped = most.min(dropped);
        self.heard = self.timeline.written();
        if let Some(tally) = &mut self.tally {
            let most = self.timeline.audio_in_last(dropped);
            tally.lose(self.timeline.heard(dropped), self.consumer.read(), most, why);
        }
    }

    /// Writes frames of the ring, up to the next mark. At most `frames`, which are there.
    fn write_audio(&mut self, frames: u32, now: u64, report: &mut Reporter) -> Result<u32, Outcome> {
        if !self.one_bit.follows(self.consumer.read_area(1)) {
            return self.write_silence(1);
        }
        self.pass_marks(Due::All, now, report)?;
        let first = self.consumer.read();
        let frames = match self.consumer.next_mark()? {
            Some(mark) => frames.min(u32::try_from(mark.frame.saturating_sub(first)).unwrap_or(u32::MAX)),
            None => frames,
        };
        let untouched = self.ramp.is_unity();
        let frame_bytes = NonZeroUsize::new(self.stream.frame_bytes()).unwrap_or(NonZeroUsize::MIN);
        let Self { output, consumer, ramp, dither, scaler, one_bit, .. } = self;
        let written = output.write(frames, &mut |room| {
            let source = consumer.read_area((room.len() / frame_bytes) as u64);
            let copied = scaler.copy(source, room, ramp, dither);
            if let Some(rest) = room.get_mut(copied..) {
                one_bit.fill_silence(rest);
            }
        })?;
        let taken = self.consumer.read_area(u64::from(written));
        self.one_bit.follow(taken);
        if let Some(tally) = &mut self.tally {
            tally.take(taken, written, !untouched);
        }
        self.consumer.advance(u64::from(written))?;
        self.timeline.audio(first, written);
        self.audio_end = self.timeline.written();
        self.scaled |= !untouched && written > 0;
        if let Some(fade) = &mut self.fade {
            fade.left = fade.left.saturating_sub(written);
        }
        Ok(written)
    }

    fn write_silence(&mut self, frames: u32) -> Result<u32, Outcome> {
        let Self { output, one_bit, .. } = self;
        let written = output.write(frames, &mut |room| one_bit.fill_silence(room))?;
        self.one_bit.advance(written);
        self.timeline.silence(self.consumer.read(), written);
        self.preroll_left = self.preroll_left.saturating_sub(written);
        Ok(written)
    }

    /// Takes the marks that the stream has reached.
    fn pass_marks(&mut self, due: Due, now: u64, report: &mut Reporter) -> Result<(), Corrupt> {
        for _ in 0..ring::MARKS {
            match self.consumer.next_mark()? {
                Some(mark) if mark.frame <= self.consumer.read() && due.includes(mark.kind) => {
                    self.consumer.take_mark();
                    self.pass(mark, now, report);
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn pass(&mut self, mark: Mark, now: u64, report: &mut Reporter) {
        let frame = self.timeline.written();
        match mark.kind {
            MarkKind::Start => {
                if let Some(end) = self.ended_at.take() {
                    report.gap(mark.track, frame.saturating_sub(end));
                }
                self.track = Some(mark.track);
                if let Some(tally) = &mut self.tally {
                    tally.start(mark.track, self.consumer.read(), report.troubles());
                }
                report.event(Kind::Start(mark.track), frame, now);
            }
            MarkKind::Resume | MarkKind::Join => {
                self.track = Some(mark.track);
                self.ended_at = None;
                if let Some(tally) = &mut self.tally {
                    tally.resume(mark.track, self.consumer.read(), report.troubles());
                }
                if mark.kind == MarkKind::Join {
                    report.event(Kind::Join(mark.track), frame, now);
                }
            }
            MarkKind::Leave => {
                self.track = None;
                if let Some(tally) = &mut self.tally {
                    tally.cut(self.consumer.read(), report.troubles());
                }
                self.ended_at = Some(frame);
                report.event(Kind::Leave(mark.track), frame, now);
            }
            MarkKind::End => {
                self.track = None;
                if let Some(tally) = &mut self.tally {
                    tally.end(mark.track, self.consumer.read(), report.troubles());
                }
                self.ended_at = Some(frame);
                report.event(Kind::End(mark.track), frame, now);
            }
        }
    }

    fn publish(&mut self, fill: Fill, now: u64, report: &mut Reporter) {
        report.state(match self.mode {
            _ if self.draining => State::Draining,
            Mode::Silent => State::Silent,
            Mode::Playing => State::Playing,
            Mode::Paused => State::Paused,
        });
        // What the driver has on its way it only reckons: what it says next may be less.
        self.position = self.timeline.heard(fill.queued).max(self.position);
        let heard = self.position;
        self.heard = self.timeline.written().saturating_sub(fill.queued);
        if let Some(tally) = &self.tally {
            tally.publish(self.consumer.read(), heard);
        }
        report.position(Position { epoch: self.stream.epoch, taken: self.consumer.read(), heard, at_ns: now });
    }
}

/// Which marks are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Ends: they are due when the last frame was written. A beginning waits until its first frame is.
    Ends,
    /// All but beginnings.
    Inside,
    /// All.
    All,
}

impl Due {
    fn includes(self, kind: MarkKind) -> bool {
        match self {
            Self::Ends => kind.ends(),
            Self::Inside => !kind.begins(),
            Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests;
