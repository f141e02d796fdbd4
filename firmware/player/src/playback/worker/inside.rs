//! What a track's PCM carries, and what that does to the plan: neither gain nor dither may touch it (F5).
//!
//! Digital silence at a track's beginning says nothing and can't be harmed, so it doesn't count as looked at. A second of it is decoded
//! beforehand; behind more, looking goes on while the silence goes out as PCM by the plan for PCM, scaled and dithered as that says. No
//! block with a sound in it is written before the verdict: DoP takes 32 frames for that, MQA, where gain or dither would harm it, three
//! seconds. What was found then is planned anew from its block on. If that takes another stream (DoP always does, MQA where the volume is
//! software's), the silence is played to its end first, and that stream opened: the silence lasts as much longer, nothing is left out,
//! and either part has a certificate. DoP that the DAC hasn't the bits for ends the track there, with the reason.
//!
//! MQA is looked for up to the end: a beginning may have been faded in, and a live stream's songs take turns. Found that late, it is
//! named at once, and is no more dithered from the next block on, which nobody hears. But its level, if that was changed, stays: full
//! scale in the midst of quiet music would startle, or worse. It goes once half a second of digital silence was written, as between
//! the songs of a live stream, or where a seek begins anew; and the page says so until then.

use pcm::hidden::{Detector, Hidden, silent_frames_at_end};
use pcm::{Caps, Rules, WirePlan};

use crate::playback::PlayError;
use crate::playback::error::REFUSED;

/// Digital silence at the beginning of a track that is decoded beforehand, s: what lies behind it is known before anything is
/// written. Behind more of it looking goes on while the track is written.
const SILENCE: u64 = 1;
/// The level changes behind so much digital silence: this part of a second.
const TURNING: u64 = 2;

/// What was found before the track begins.
pub(super) struct Inside {
    pub(super) hidden: Option<Hidden>,
    /// The volume must have no effect on its PCM.
    pub(super) unscaled: bool,
    /// Goes on looking while the track is written.
    pub(super) search: Search,
}

impl Inside {
    /// Looks into the beginning of the track. DoP shows in the first frames that aren't silent; then the plan is for DoP, which
    /// isn't scaled, and whose silence is DSD's. MQA may take seconds to show, so
    /// those are decoded beforehand where gain or dither would harm it: a volume that changed in the middle of the track would
    /// startle. (A live stream begins so much later, unless its server sends some seconds at once.) `scaled`: it will be, unless something is found. What is `known` to be in there isn't looked for again.
    ///
    /// # Errors
    /// DoP that the DAC hasn't the bits for: what is left of it would be noise.
    pub(super) fn look(
        media: &mut media::Track,
        plan: &mut WirePlan,
        caps: &Caps,
        rules: &Rules,
        (scaled, known): (bool, Option<Hidden>),
    ) -> Result<Self, PlayError> {
        let source = media.info().source;
        // Where the rate is changed there is nothing left to be harmed.
        let harm = match plan.resampled_from {
            Some(_) => Harm::None,
            None if rules.software_volume || scaled => Harm::Level,
            None if plan.dither => Harm::Dither,
            None => Harm::None,
        };
        let detector = Detector::new(&source).filter(|_| known.is_none());
        let dop = detector.is_some_and(|detector| detector.wanted() == Hidden::Dop);
        let mut search = Search { detector, beforehand: dop || harm != Harm::None, ahead: 0, harm, silence: None };
        let hidden = known.or_else(|| search.look(media, u64::from(source.rate) * SILENCE));
        let mut unscaled = false;
        match hidden {
            Some(Hidden::Dop) => *plan = plan.with_dop(caps).ok_or_else(|| PlayError::new(REFUSED, no_room(plan)))?,
            Some(Hidden::Mqa) if harm != Harm::None => {
                unscaled = rules.software_volume;
                plan.dither = false;
            }
            Some(Hidden::Mqa) | None => {}
        }
        Ok(Self { hidden, unscaled, search })
    }
}

/// What is done to the samples that would destroy what they may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    None,
    /// Noise is added.
    Dither,
    /// They are made quieter, and perhaps dithered.
    Level,
}

/// What is looked for in a track that is being written.
#[derive(Debug)]
pub(super) struct Search {
    /// None once that is known.
    detector: Option<Detector>,
    /// It has to be known before it is written.
    beforehand: bool,
    /// Frames that were looked at, and haven't been read yet.
    ahead: u64,
    harm: Harm,
    /// What was found while it was written: frames of digital silence that came last.
    silence: Option<u64>,
}

impl Search {
    /// Looks at what is to be read next, as far as it has to be known beforehand: up to a verdict, or to the end of `silence` frames
    /// that are silent and come first. The frames are kept in memory: of DoP a few, of MQA seconds.
    pub(super) fn look(&mut self, media: &mut media::Track, mut silence: u64) -> Option<Hidden> {
        let detector = self.detector.as_mut().filter(|_| self.beforehand)?;
        let mut found = false;
        media.look_ahead(|samples| {
            self.ahead = self.ahead.saturating_add(samples.frames() as u64);
            found = detector.feed(samples);
            if detector.is_waiting() {
                silence = silence.saturating_sub(samples.frames() as u64);
                return silence > 0;
            }
            !detector.is_late()
        });
        let hidden = found.then_some(detector.wanted());
        self.beforehand = !detector.is_late();
        self.detector.take_if(|detector| detector.is_done());
        hidden
    }

    /// Looks at what was read, unless it was looked at before.
    pub(super) fn feed(&mut self, samples: &pcm::Samples<'_>) -> Option<Hidden> {
        let frames = samples.frames() as u64;
        let known = self.ahead.min(frames);
        self.ahead -= known;
        if let Some(silence) = &mut self.silence {
            let last = silent_frames_at_end(samples) as u64;
            *silence = if last == frames { silence.saturating_add(last) } else { last };
        }
        let detector = self.detector.as_mut().filter(|_| !self.beforehand)?;
        let news = samples.part(usize::try_from(known).unwrap_or(usize::MAX), usize::MAX);
        let hidden = detector.feed(&news).then_some(detector.wanted());
        self.detector.take_if(|detector| detector.is_done());
        if hidden.is_some() && self.harm != Harm::None {
            self.silence = Some(silent_frames_at_end(samples) as u64);
        }
        hidden
    }

    /// Whether what was found while the track was written is still harmed.
    pub(super) fn is_late(&self) -> bool {
        self.silence.is_some()
    }

    /// Whether that may end with the next frame, of a source of `rate` Hz.
    pub(super) fn may_turn(&self, rate: u32) -> bool {
        self.silence.is_some_and(|silence| self.harm == Harm::Dither || silence >= u64::from(rate) / TURNING)
    }

    /// The track goes on somewhere else.
    pub(super) fn jump(&mut self) {
        self.ahead = 0;
    }

    /// Takes the place of `other`, where that had come to.
    pub(super) fn replace(self, other: &mut Self) {
        let ahead = self.ahead.saturating_add(other.ahead);
        *other = Self { ahead, ..self };
    }
}

fn no_room(plan: &WirePlan) -> String {
    if plan.resampled_from.is_some() {
        return "this is DSD over PCM (DoP), and the DAC hasn't its rate".to_owned();
    }
    format!(
        "this is DSD over PCM (DoP), and the DAC has no 24 bits, the lowest byte first, for it, only {}",
        plan.wire.format
    )
}
