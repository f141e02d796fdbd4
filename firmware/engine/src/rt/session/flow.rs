//! The decisions: what the output gets next.

use pcm::gain::{Gain, Ramp};

use super::{Due, Fill, Kind, Outcome, Pacing, Reporter, Session};

/// Where the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing of the ring is going out: there is nothing, or not enough.
    Silent,
    /// Frames of the ring are going out.
    Playing,
    /// Held for the player.
    Paused,
}

/// A fade-out under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fade {
    /// Frames of it that are still to be written.
    pub(super) left: u32,
    pub(super) then: Then,
}

/// Waiting for the output to play out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// If it doesn't get on it isn't waited for after this time, ns.
    until_ns: u64,
    /// The output frames that were heard when it last got on.
    heard: u64,
}

/// Why playing stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Pause,
    Flush,
    Starve,
    End,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write this many frames of the ring.
    Audio(u32),
    /// Write this much silence.
    Silence(u32),
    /// Look again: something has changed.
    Again,
    /// Nothing until the next wake-up.
    Nothing,
}

impl Session {
    pub(super) fn next(&mut self, fill: Fill, now: u64, report: &mut Reporter) -> Result<Next, Outcome> {
        self.pass_marks(Due::Ends, now, report)?;
        if let Some(fade) = self.fade {
            return self.fade_on(fade, fill, now, report);
        }
        let wish = self.wish()?;
        match (self.mode, wish) {
            (Mode::Playing, Some(then)) => self.fade_out(then)?,
            (Mode::Playing, None) => return self.play(fill),
            (Mode::Paused, Some(Then::Pause)) => return Ok(self.rest(fill)),
            (Mode::Silent, Some(Then::End)) if self.aborting => return Ok(self.rest(fill)),
            (Mode::Silent | Mode::Paused, Some(then)) => self.land(then, now, report)?,
            (Mode::Paused, None) => self.mode = Mode::Silent,
            (Mode::Silent, None) if self.can_start() => self.start(now, report)?,
            (Mode::Silent, None) => return Ok(self.rest(fill)),
        }
        Ok(Next::Again)
    }

    /// Why the ring's frames should not go out, whatever there is of them.
    fn wish(&mut self) -> Result<Option<Then>, Outcome> {
        Ok(if self.aborting {
            Some(Then::End)
        } else if self.consumer.pending_flush()?.is_some() {
            Some(Then::Flush)
        } else if self.consumer.paused() {
            // What is held can't be played out: a stream that is closed while paused ends there.
            Some(if self.draining { Then::End } else { Then::Pause })
        } else {
            None
        })
    }

    /// Frames of the ring, as long as there are enough.
    fn play(&mut self, fill: Fill) -> Result<Next, Outcome> {
        if self.preroll_left > 0 {
            return Ok(self.silence(fill.writable.min(self.preroll_left)));
        }
        let readable = self.consumer.readable();
        let keep = if self.draining || self.output.pacing() == Pacing::Elastic { 0 } else { self.limits.margin };
        let mut free = readable.saturating_sub(keep).max(self.consumer.readable_to_end());
        if let Some(headroom) = self.headroom() {
            if headroom == 0 && readable > 0 {
                return Ok(Next::Nothing);
            }
            free = free.min(headroom);
        }
        if free > 0 {
            return Ok(match fill.writable.min(u32::try_from(free).unwrap_or(u32::MAX)) {
                0 => Next::Nothing,
                frames => Next::Audio(frames),
            });
        }
        let between_tracks = self.track.is_none() && self.ended_at.is_some();
        if self.draining || (between_tracks && self.can_be_silent(fill)) {
            self.mode = Mode::Silent;
            return Ok(Next::Again);
        }
        if self.can_be_silent(fill) {
            self.fade_out(Then::Starve)?;
            return Ok(Next::Again);
        }
        Ok(Next::Nothing)
    }

    /// Frames that an output without a clock may take without outrunning the certificate; `None` if there is no need to ask.
    fn headroom(&self) -> Option<u64> {
        let tally = self.tally.as_ref().filter(|_| self.output.pacing() == Pacing::Elastic)?;
        Some(tally.headroom(self.consumer.read()))
    }

    /// Whether the output can't wait any longer for the ring.
    fn can_be_silent(&self, fill: Fill) -> bool {
        match self.output.pacing() {
            Pacing::Clocked => fill.queued <= self.limits.guard,
            Pacing::Elastic => self.track.is_none() && self.ended_at.is_some(),
        }
    }

    /// Silence if the output's clock runs or is about to, else nothing. Once it ran it goes on, over an xrun, too, so that the DAC
    /// stays locked; but not for the end of a stream that ran dry behind its last frame.
    fn rest(&self, fill: Fill) -> Next {
        let goes_on = self.running || fill.queued > 0 || (self.xruns > 0 && !self.is_ending());
        if goes_on && self.output.pacing() == Pacing::Clocked { self.silence(fill.writable) } else { Next::Nothing }
    }

    fn silence(&self, frames: u32) -> Next {
        if frames == 0 { Next::Nothing } else { Next::Silence(frames) }
    }

    fn can_start(&self) -> bool {
        let readable = self.consumer.readable();
        let enough = match self.output.pacing() {
            _ if self.draining => 1,
            Pacing::Elastic => 1,
            Pacing::Clocked if self.starved => self.limits.resume,
            Pacing::Clocked => self.limits.start,
        };
        readable >= enough || self.consumer.readable_to_end() > 0
    }

    /// The ring's frames begin: a track's first at once, as those of one that comes from another stream; any other with a
    /// fade-in.
    fn start(&mut self, now: u64, report: &mut Reporter) -> Result<(), Outcome> {
        self.mode = Mode::Playing;
        self.starved = false;
        // Behind a seek to the very end of a track the next one begins.
        self.pass_marks(Due::Inside, now, report)?;
        let read = self.consumer.read();
        let fresh = self.consumer.next_mark()?.is_some_and(|mark| mark.kind.begins() && mark.frame <= read);
        if fresh {
            self.ramp = Ramp::constant(self.volume);
        } else {
            self.ramp = Ramp::constant(Gain::SILENCE);
            self.ramp.fade_to(self.volume, self.limits.fade);
            let preroll = u64::from(self.preroll_left);
            report.event(Kind::Resume, self.timeline.written().saturating_add(preroll), now);
        }
        Ok(())
    }

    /// Over what the ring holds, if that is shorter; of what is to be flushed, as what follows may be there already.
    fn fade_out(&mut self, then: Then) -> Result<(), Outcome> {
        let flush = self.consumer.pending_flush()?;
        let to_flush = flush.map_or(u64::MAX, |flush| flush.frame.saturating_sub(self.consumer.read()));
        let there = self.consumer.readable().min(to_flush);
        let left = self.limits.fade.min(u32::try_from(there).unwrap_or(u32::MAX));
        // Silence has still to come first: nothing of the ring was heard yet.
        let left = if self.preroll_left > 0 { 0 } else { left };
        self.ramp.fade_to(Gain::SILENCE, left);
        self.fade = Some(Fade { left, then });
        Ok(())
    }

    fn fade_on(&mut self, fade: Fade, fill: Fill, now: u64, report: &mut Reporter) -> Result<Next, Outcome> {
        let left = u64::from(fade.left).min(self.consumer.readable());
        if left == 0 {
            self.fade = None;
            self.land(fade.then, now, report)?;
            return Ok(Next::Again);
        }
        if self.preroll_left > 0 {
            return Ok(self.silence(fill.writable.min(self.preroll_left)));
        }
        // `left` came from a u32.
        Ok(match fill.writable.min(left as u32) {
            0 => Next::Nothing,
            frames => Next::Audio(frames),
        })
    }

    /// The output is silent now.
    pub(super) fn land(&mut self, then: Then, now: u64, report: &mut Reporter) -> Result<(), Outcome> {
        let frame = self.timeline.written();
        self.mode = Mode::Silent;
        match then {
            Then::Pause => {
                self.mode = Mode::Paused;
                report.event(Kind::Pause, frame, now);
            }
            Then::Flush => {
                if let Some(flush) = self.consumer.pending_flush()? {
                    let from = self.consumer.read();
                    self.consumer.finish_flush(flush);
                    if let Some(tally) = &mut self.tally {
                        tally.jump(from, self.consumer.read());
                    }
                }
                self.track = None;
                self.ended_at = None;
                self.starved = false;
                report.event(Kind::Flush, frame, now);
            }
            Then::Starve => {
                self.starved = true;
                report.event(Kind::Starved, frame, now);
            }
            Then::End => {
                self.aborting = true;
            }
        }
        Ok(())
    }

    /// Whether nothing of the ring is to be heard any more, but what is on its way.
    fn is_ending(&self) -> bool {
        self.aborting || (self.draining && self.consumer.readable() == 0)
    }

    /// Whether everything was heard that is to be heard.
    pub(super) fn is_over(&mut self, fill: Fill, now: u64) -> bool {
        if !self.is_ending() || self.mode != Mode::Silent || self.fade.is_some() {
            return false;
        }
        if !self.running {
            return true;
        }
        let heard = self.timeline.written().saturating_sub(fill.queued);
        let give_up = match self.waiting {
            Some(Waiting { until_ns, heard: before }) if heard < before.saturating_add(self.limits.progress) => {
                until_ns
            }
            // A slow output that gets on isn't cut off.
            _ => {
                let until_ns = now.saturating_add(self.limits.patience_ns);
                self.waiting = Some(Waiting { until_ns, heard });
                until_ns
            }
        };
        let tail = match self.output.pacing() {
            Pacing::Clocked => self.limits.tail,
            Pacing::Elastic => 0,
        };
        heard >= self.audio_end.saturating_add(tail) || now >= give_up
    }

    /// Until the next wake-up, ns.
    pub(super) fn tick_ns(&self) -> u64 {
        match (self.output.pacing(), self.mode) {
            (Pacing::Elastic, _) => self.limits.ready_ns,
            (Pacing::Clocked, _) if !self.running => self.limits.ready_ns,
            (Pacing::Clocked, Mode::Playing) => self.limits.period_ns,
            (Pacing::Clocked, Mode::Silent | Mode::Paused) => self.limits.idle_ns,
        }
    }
}
