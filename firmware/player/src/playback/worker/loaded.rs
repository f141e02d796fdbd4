//! A track that is open and planned.

use std::time::Duration;

use media::{Cancel, Limits, Location, Wants};
use pcm::hidden::{Hidden, MqaDetector};
use pcm::{ChannelOrder, Encoding, Rules, Source, Speakers, Wire};
use tracing::{debug, warn};

use super::Item;
use super::inside::Inside;
use super::packing::Packing;
use crate::playback::error::REFUSED;
use crate::playback::output::Stop;
use crate::playback::timeline::{frames_to_time, time_to_frames};
use crate::playback::{Opened, Output, PlayError, Report};
use crate::transport::TrackId;

/// An open resource, and how its samples go to the wire.
pub(super) struct Loaded {
    item: Item,
    pub(super) media: media::Track,
    pub(super) packing: Packing,
    pub(super) mqa: MqaDetector,
    /// Which of its channels go to which of the DAC's; known when the stream is open.
    pub(super) order: ChannelOrder,
    /// The volume must have no effect on it.
    pub(super) unscaled: bool,
    /// Where writing begins, until it has.
    pub(super) place: Option<Place>,
}

/// The beginning of a span of frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Frame of the source.
    frame: u64,
    /// The track's own beginning, which is marked for the engine. Where a seek went isn't: the engine fades in there.
    pub(super) is_start: bool,
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
        let caps = output.caps(cancel)?;
        let rules = output.rules();
        // As with software volume the widest format: also for what isn't scaled, so that it follows without a gap.
        let wide = Rules { software_volume: rules.software_volume || replay_gain.is_on(), ..rules };
        let plan = pcm::plan(&source, &caps, &wide);
        let mut plan = plan.map_err(|refusal| PlayError::new(REFUSED, refusal.to_string()))?;
        let attenuation = replay_gain.of(&media.info().tags).filter(|_| may_be_scaled(media.info()));
        let Inside { hidden, unscaled, mqa } =
            Inside::look(&mut media, &mut plan, &caps, &rules, attenuation.is_some())?;
        let attenuation = attenuation.filter(|_| hidden.is_none());
        if attenuation.is_some() {
            // Samples that are computed go to the wire as those of a decoder that computes do.
            let computed = Source { encoding: Encoding::Float, bits: 32, ..source };
            plan = pcm::plan(&computed, &caps, &wide).unwrap_or(plan);
        }
        if let Some(hidden) = hidden {
            output.report(Report::Recognised { track, hidden });
        }
        output.report(Report::Planned { track, plan, unscaled, attenuation });
        let packing = Packing::new(&source, &plan, attenuation);
        let packing = packing.ok_or_else(|| {
            let (from, to) = (source.rate, plan.wire.rate);
            PlayError::new(
                REFUSED,
                format!("the DAC can't play {from} Hz, and there is no good way from that to {to} Hz"),
            )
        })?;
        let at = std::mem::take(&mut item.at);
        let place = Some(Place { frame: 0, is_start: true });
        let order = ChannelOrder::SAME;
        let mut loaded = Self { item, media, packing, mqa, order, unscaled, place };
        if !at.is_zero() {
            loaded.seek(at)?;
        }
        Ok(loaded)
    }

    pub(super) fn track(&self) -> TrackId {
        self.item.track
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
        self.place.filter(|place| place.is_start).map(|_| self.track())
    }

    /// Goes to a moment of the track. One that turned out not to be seekable, after the wish, begins at its beginning.
    pub(super) fn seek(&mut self, to: Duration) -> Result<(), PlayError> {
        if self.place.is_some() && !self.media.info().seekable {
            return Ok(());
        }
        let rate = self.media.info().source.frame_rate();
        let frame = self.media.seek(time_to_frames(to, rate)).map_err(|error| media_error(&error))?;
        self.place = Some(Place { frame, is_start: false });
        Ok(())
    }

    /// Back to the first frame; `false` if that takes opening it again.
    pub(super) fn rewind(&mut self) -> bool {
        let untouched = self.place.is_some_and(|place| place.is_start);
        self.place = Some(Place { frame: 0, is_start: true });
        untouched || self.media.seek(0).is_ok()
    }

    pub(super) fn into_item(self) -> Item {
        self.item
    }

    /// The moment of the track at a place.
    pub(super) fn moment(&self, place: Place) -> Duration {
        frames_to_time(place.frame, self.media.info().source.frame_rate())
    }
}

/// Whether its samples are levels, and it can be known in time that they are nothing else: a live stream isn't looked into.
fn may_be_scaled(info: &media::Info) -> bool {
    info.source.encoding != Encoding::Dsd && (info.frames.is_some() || !Hidden::Mqa.may_be_in(&info.source))
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
