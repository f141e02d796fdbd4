//! A track that is open and planned.

use std::time::{Duration, Instant};

use media::{Cancel, Limits, Location, Wants};
use pcm::hidden::Hidden;
use pcm::{Caps, ChannelOrder, Encoding, Rules, Source, Speakers, Wire};
use ring::MarkKind;
use tracing::{debug, warn};

use super::Item;
use super::inside::{Inside, Search};
use super::order::Numbered;
use super::packing::Packing;
use crate::playback::error::{BEYOND, REFUSED};
use crate::playback::output::Stop;
use crate::playback::timeline::{frame_at, frames_to_time, time_to_frames};
use crate::playback::{Opened, Output, PlayError, Report};
use crate::transport::TrackId;

/// An open resource, and how its samples go to the wire.
pub(super) struct Loaded {
    item: Item,
    pub(super) media: media::Track,
    pub(super) packing: Packing,
    /// What is still looked for in its PCM.
    pub(super) search: Search,
    /// Which of its channels go to which of the DAC's; known when the stream is open.
    pub(super) order: ChannelOrder,
    /// The volume must have no effect on it.
    pub(super) unscaled: bool,
    /// What its PCM carries, as far as is known.
    pub(super) hidden: Option<Hidden>,
    /// It was planned before that was known, and goes on somewhere else.
    is_stale: bool,
    /// What the DAC takes that it is planned for.
    caps: Caps,
    /// Since when that DAC was waited for, if it was.
    pub(super) awaited: Option<Instant>,
    /// Where writing begins, until it has.
    pub(super) place: Option<Place>,
    /// The frame of the source that is read next.
    pub(super) next: u64,
    /// It was written to its end.
    pub(super) is_written: bool,
    /// Where it goes on after its output went: the frame of the source, until it does.
    resumes_at: Option<u64>,
    /// Frames of the source that are read before that one, for the filters of a conversion.
    lead: u64,
}

/// How a track goes to a DAC.
struct Planned {
    packing: Packing,
    search: Search,
    hidden: Option<Hidden>,
    unscaled: bool,
}

/// The beginning of a span of frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Frame of the source.
    frame: u64,
    /// As it is marked for the engine: the track's own beginning; where a seek went, and it fades in; or where another stream's end
    /// is gone on from.
    pub(super) kind: MarkKind,
}

impl Place {
    const START: Self = Self::at(0, true);

    const fn at(frame: u64, is_start: bool) -> Self {
        Self { frame, kind: if is_start { MarkKind::Start } else { MarkKind::Resume } }
    }

    /// Whether it is the track's own beginning.
    pub(super) fn is_start(&self) -> bool {
        self.kind == MarkKind::Start
    }
}

impl Loaded {
    /// Opens the resource, and plans how it goes to the DAC.
    pub(super) fn open(mut item: Item, output: &Output, cancel: &Cancel) -> Result<Self, Stop> {
        let track = item.track;
        output.report(Report::Opening { track, uri: item.media.uri.clone() });
        let replay_gain = output.replay_gain();
        let metadata = &item.media.metadata;
        let wants = Wants { texts: metadata.title.is_none(), loudness: replay_gain.is_on() };
        let location = Location { url: item.media.uri.clone(), mime: metadata.mime.clone(), wants };
        let mut media = media::open(&location, &Limits::default(), cancel).map_err(|error| media_error(&error))?;
        let info = media.info();
        let source = info.source;
        debug!("track {}: {} {source:?}, {:?} frames", track.0, info.codec.name(), info.frames);
        output.report(Report::Opened { track, opened: describe(info) });
        let (caps, awaited) = output.caps(cancel)?;
        let Planned { packing, search, hidden, unscaled } = Planned::new(track, &mut media, output, &caps, None)?;
        let at = std::mem::take(&mut item.at);
        let place = Some(Place::START);
        let order = ChannelOrder::SAME;
        let (resumes_at, lead) = (None, 0);
        let (next, is_written) = (0, false);
        let mut loaded = Self {
            item,
            media,
            packing,
            search,
            order,
            unscaled,
            hidden,
            is_stale: false,
            caps,
            awaited,
            place,
            next,
            is_written,
            resumes_at,
            lead,
        };
        if !at.is_zero() {
            loaded.seek(at)?;
        }
        Ok(loaded)
    }

    /// Plans it anew if this isn't the DAC that it was planned for, or it goes on somewhere else and is known better now.
    pub(super) fn fit(&mut self, output: &Output, caps: Caps) -> Result<(), Stop> {
        if caps == self.caps && !self.is_stale {
            return Ok(());
        }
        self.caps = caps;
        self.plan_again(output)?;
        Ok(self.settle()?)
    }

    /// Looks at what comes next, if that has to be known before it is written; `true` if something was found there, or before, and what
    /// follows goes to the DAC otherwise than what came before.
    ///
    /// # Errors
    /// The DAC can't take what was found.
    pub(super) fn look(&mut self, output: &Output) -> Result<bool, PlayError> {
        match self.search.look(&mut self.media, 0) {
            Some(hidden) => self.hidden = Some(hidden),
            None if self.search.may_turn(self.media.info().source.rate) => {}
            None => return Ok(false),
        }
        self.plan_again(output)?;
        Ok(true)
    }

    /// Writing stops at the frame that is read next, and goes on there in another stream.
    pub(super) fn cut(&mut self) {
        let kind = if self.next == 0 { MarkKind::Start } else { MarkKind::Join };
        self.place = Some(Place { frame: self.next, kind });
    }

    fn plan_again(&mut self, output: &Output) -> Result<(), PlayError> {
        let Planned { packing, search, hidden, unscaled } =
            Planned::new(self.item.track, &mut self.media, output, &self.caps, self.hidden)?;
        search.replace(&mut self.search);
        (self.packing, self.hidden, self.unscaled, self.is_stale) = (packing, hidden, unscaled, false);
        Ok(())
    }

    pub(super) fn wire(&self) -> Wire {
        self.packing.wire()
    }

    /// Which of its channels go to which of the DAC's, whose loudspeakers these are.
    ///
    /// # Errors
    /// The DAC has others than the track.
    pub(super) fn order_on(&self, dac: &Speakers) -> Result<ChannelOrder, PlayError> {
        if self.media.info().source.channels != self.wire().channels {
            // Mono goes to both.
            return Ok(ChannelOrder::SAME);
        }
        let track = self.media.speakers();
        let more = track.count() == 0 && self.wire().channels > 2;
        if more && dac.count() > 0 {
            warn!("track {}: it doesn't say which channel is which; they go to {dac} in their order", self.track().0);
        }
        let text = || format!("the track's channels are {track}, and the DAC has {dac} instead");
        dac.order_of(&track).ok_or_else(|| PlayError::new(REFUSED, text()))
    }

    /// The track, if it can still be kept out of the ring.
    pub(super) fn unqueueable(&self) -> Option<TrackId> {
        self.place.filter(Place::is_start).map(|_| self.track())
    }

    /// Goes to a moment of the track. One that turned out not to be seekable, after the wish, begins at its beginning.
    pub(super) fn seek(&mut self, to: Duration) -> Result<(), PlayError> {
        if self.place.is_some() && !self.media.info().seekable {
            return Ok(());
        }
        let rate = self.media.info().source.frame_rate();
        let frame = self.media.seek(time_to_frames(to, rate)).map_err(|error| media_error(&error))?;
        self.jumped();
        self.next = frame;
        self.place = Some(Place::at(frame, false));
        (self.resumes_at, self.lead) = (None, 0);
        Ok(())
    }

    /// Goes back to a moment that was written already, because its output went. One that isn't seekable goes on with what comes
    /// next of it.
    ///
    /// # Errors
    /// What seeking gives; [`BEYOND`] if nothing comes next.
    pub(super) fn resume(&mut self, from: Duration) -> Result<(), PlayError> {
        if self.media.info().seekable {
            self.resumes_at = Some(frame_at(from, self.media.info().source.frame_rate()));
            return self.settle();
        }
        if self.is_written {
            return Err(PlayError::new(BEYOND, "its last frames were in the ring, and can't be had again"));
        }
        self.go_on();
        Ok(())
    }

    /// Where writing begins: with what comes next, if nothing else was asked for.
    pub(super) fn go_on(&mut self) -> Place {
        *self.place.get_or_insert(Place::at(self.next, self.next == 0))
    }

    /// Stands where it resumes, with the packing that it has: at a whole block of a conversion, and before that, what that has to
    /// know. (All of it if it is interrupted and resumed again.)
    fn settle(&mut self) -> Result<(), PlayError> {
        let Some(frame) = self.resumes_at else { return Ok(()) };
        let (block, lead) = self.packing.block_and_lead();
        let frame = frame - frame % block.max(1);
        self.lead = lead.min(frame);
        self.next = frame - self.lead;
        self.media.seek(self.next).map_err(|error| media_error(&error))?;
        self.jumped();
        self.place = Some(Place::at(frame, frame == 0));
        Ok(())
    }

    /// What comes next isn't what would have come.
    fn jumped(&mut self) {
        self.search.jump();
        self.is_stale |= self.search.is_late();
    }

    /// Writing begins: how many frames come before its place.
    pub(super) fn take_lead(&mut self) -> u64 {
        self.resumes_at = None;
        std::mem::take(&mut self.lead)
    }

    /// Back to the first frame; `false` if that takes opening it again.
    pub(super) fn rewind(&mut self) -> bool {
        if self.unqueueable().is_none() {
            if self.media.seek(0).is_err() {
                return false;
            }
            self.jumped();
            self.next = 0;
            self.place = Some(Place::START);
            (self.resumes_at, self.lead) = (None, 0);
        }
        true
    }

    pub(super) fn into_item(self) -> Item {
        self.item
    }

    /// The moment of the track at a place.
    pub(super) fn moment(&self, place: Place) -> Duration {
        frames_to_time(place.frame, self.media.info().source.frame_rate())
    }
}

impl Numbered for Loaded {
    fn track(&self) -> TrackId {
        self.item.track
    }
}

impl Planned {
    /// For a DAC that takes `caps`. `known`: what was found in its PCM before.
    fn new(
        track: TrackId,
        media: &mut media::Track,
        output: &Output,
        caps: &Caps,
        known: Option<Hidden>,
    ) -> Result<Self, PlayError> {
        let source = media.info().source;
        let (rules, replay_gain) = (output.rules(), output.replay_gain());
        // As with software volume the widest format: also for what isn't scaled, so that it follows without a gap.
        let wide = Rules { software_volume: rules.software_volume || replay_gain.is_on(), ..rules };
        let plan = pcm::plan(&source, caps, &wide);
        let mut plan = plan.map_err(|refusal| PlayError::new(REFUSED, refusal.to_string()))?;
        let attenuation = replay_gain.of(&media.info().tags).filter(|_| source.encoding != Encoding::Dsd);
        let Inside { hidden, unscaled, search } =
            Inside::look(media, &mut plan, caps, &rules, (attenuation.is_some(), known))?;
        let attenuation = attenuation.filter(|_| hidden.is_none());
        if attenuation.is_some() {
            // Samples that are computed go to the wire as those of a decoder that computes do.
            let computed = Source { encoding: Encoding::Float, bits: 32, ..source };
            plan = pcm::plan(&computed, caps, &wide).unwrap_or(plan);
        }
        if let Some(hidden) = hidden {
            output.report(Report::Recognised { track, hidden });
        }
        output.report(Report::Planned { track, plan, unscaled, attenuation });
        let packing = Packing::new(&source, &plan, attenuation).ok_or_else(|| {
            let (from, to) = (source.rate, plan.wire.rate);
            PlayError::new(
                REFUSED,
                format!("the DAC can't play {from} Hz, and there is no good way from that to {to} Hz"),
            )
        })?;
        Ok(Self { packing, search, hidden, unscaled })
    }
}

fn describe(info: &media::Info) -> Opened {
    Opened {
        codec: info.codec.name().to_owned(),
        source: info.source,
        frames: info.frames,
        estimate: info.estimate,
        seekable: info.seekable,
        tags: info.tags.clone(),
    }
}

/// The reason of `media`, by its own name.
pub(super) fn media_error(error: &media::Error) -> PlayError {
    PlayError::new(&format!("{:?}", error.kind()), error.to_string())
}
