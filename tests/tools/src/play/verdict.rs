//! Judging one file by what UPnP said and what the sink received.
use std::io;
use std::path::PathBuf;

use super::Outcome;
use super::report::{Report, Source, State, Wire};
use crate::capture::{Ending, Passage, Stream};
use crate::recover::{
    self, OneBitLayout, OneBitSource, Part, Recovered, Shared, first_sound, recover, recover_one_bit,
};
use crate::status::Track;

/// Where a track's frames went.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Which start of the chain that was.
    pub(super) start_of_chain: u32,
    /// Its passages, at least one: the player may open another stream within a track, for what shows itself only behind silence.
    pub(super) passages: Vec<Passage>,
    /// The chain's streams, as far as they were known then.
    pub(super) streams: Vec<Stream>,
    /// Bytes of one-bit tracks in words that are the next one's.
    pub(super) shared: Shared,
}

impl Place {
    pub(super) fn first(&self) -> &Passage {
        &self.passages[0]
    }

    pub(super) fn last(&self) -> &Passage {
        &self.passages[self.passages.len() - 1]
    }

    /// Bytes of each channel of the last track in the first word of one that begins with this passage.
    pub(super) fn left_to(&self, start_of_chain: u32, next: &Passage) -> u64 {
        let end = Some((next.start, Ending::Mark));
        let follows = self.start_of_chain == start_of_chain && self.last().stream == next.stream;
        if follows && self.last().end == end { self.shared.behind } else { 0 }
    }

    /// The last stream: what came before, if anything did, is silence.
    fn stream(&self) -> &Stream {
        &self.streams[self.last().stream]
    }

    /// Its frames, if all passages have ended.
    pub(super) fn frames(&self) -> Option<u64> {
        frames(&self.passages)
    }

    /// Where they are; none if one has not ended.
    fn parts(&self) -> Vec<Part<'_>> {
        let part = |passage: &Passage| {
            let (end, _) = passage.end?;
            Some(Part { stream: &self.streams[passage.stream], start: passage.start, end })
        };
        self.passages.iter().map(part).collect::<Option<_>>().unwrap_or_default()
    }
}

/// The frames of passages that have ended; `None` if one has not.
pub(super) fn frames(passages: &[Passage]) -> Option<u64> {
    passages.iter().map(|passage| passage.end.map(|(end, _)| end.saturating_sub(passage.start))).sum()
}

/// Everything that is known about one file's turn.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) file: PathBuf,
    pub(super) outcome: Outcome,
    pub(super) track: Track,
    /// CLOCK_MONOTONIC ns of its own Play request.
    pub(super) sent_ns: Option<u64>,
    /// The track that was heard before.
    pub(super) before: Option<Place>,
    /// This one, if a frame of it was heard.
    pub(super) here: Option<Place>,
    pub(super) fast: bool,
}

/// Silence before a track or within it, and what was in it instead.
#[derive(Debug, Default, PartialEq, Eq)]
struct Gap {
    frames: Option<u64>,
    sound: Option<String>,
}

impl Evidence {
    /// The line about this file.
    pub(super) fn judge(self) -> Report {
        let frames = self.here.as_ref().map_or(Some(0), Place::frames);
        let recovered = self.here.as_ref().filter(|_| frames.is_some()).map(|here| self.recover(here));
        // A track without a frame has marks in the sink, but no first frame.
        let sounding = self.here.as_ref().filter(|_| frames != Some(0));
        let mut gap = if sounding.is_some() { self.gap() } else { Gap::default() };
        gap.sound = gap.sound.or_else(|| self.within());
        let (state, error) = match self.complaint(frames, recovered.as_ref(), &gap) {
            None => (State::Played, None),
            Some((state, why)) => (state, Some(why)),
        };
        let recovered = match recovered {
            Some(Ok(recovered)) => Some(recovered),
            _ => None,
        };
        Report {
            file: self.file.display().to_string(),
            state,
            error,
            md5: recovered.as_ref().and_then(|recovered| recovered.md5.clone()),
            wire_sha256: recovered.map(|recovered| recovered.wire_sha256),
            codec: self.track.codec.clone(),
            source: self.track.source.as_ref().map(|source| Source {
                rate: source.rate,
                bits: source.bits.filter(|_| source.encoding.as_deref() != Some("lossy")),
                channels: source.channels,
            }),
            wire: self.here.as_ref().map(Place::stream).map(|stream| Wire {
                format: stream.format.clone(),
                rate: stream.rate,
                channels: stream.channels,
                dop: stream.dop,
            }),
            frames,
            xruns: (!self.fast)
                .then(|| self.here.as_ref().map_or(0, |here| here.passages.iter().map(|passage| passage.xruns).sum())),
            start_ms: sounding.zip(self.sent_ns).map(|(here, sent)| {
                let nanoseconds = here.first().start_ns.saturating_sub(sent);
                nanoseconds as f64 / 1e6
            }),
            gap_frames: gap.frames,
        }
    }

    /// Why the file wasn't `played`.
    fn complaint(
        &self,
        frames: Option<u64>,
        recovered: Option<&io::Result<Recovered>>,
        gap: &Gap,
    ) -> Option<(State, String)> {
        let failed = |why: String| Some((State::Failed, why));
        let named = self.track.error.as_ref().map(|fault| {
            let text = fault.text.clone().filter(|text| !text.is_empty());
            text.or_else(|| fault.kind.clone()).unwrap_or_else(|| "no reason given".into())
        });
        let named = match (&self.outcome, named) {
            (Outcome::Broken(why), named) => {
                let named = named.map_or(String::new(), |named| format!(" ({named})"));
                return failed(format!("{why}{named}"));
            }
            (_, Some(named)) => Some(named),
            (Outcome::Refused(words), None) => {
                Some(words.clone().unwrap_or_else(|| "TransportStatus ERROR_OCCURRED, without a reason".into()))
            }
            (Outcome::Done, None) => None,
        };
        if let Some(why) = named {
            return match frames {
                Some(0) => Some((State::Refused, why)),
                Some(frames) => failed(format!("{why} (after {frames} frames)")),
                None => failed(why),
            };
        }
        let Some(here) = &self.here else {
            return failed("the renderer stopped with TransportStatus OK, and no frame reached the sink".into());
        };
        for passage in &here.passages {
            match passage.end {
                Some((_, Ending::Mark)) => {}
                Some((_, Ending::Flush)) => return failed("the track was cut short by a flush".into()),
                Some((_, Ending::Cut)) => return failed("the track has no end in the sink's log".into()),
                None => return failed("the track has not ended in the sink's log".into()),
            }
        }
        let starved: u64 = here.passages.iter().map(|passage| passage.starved).sum();
        if starved > 0 {
            return failed(format!("the ring ran dry {starved} times"));
        }
        if let (Some(whole), Some(frames)) = (self.whole(), frames)
            && whole != frames
        {
            return failed(format!("{frames} of {whole} frames reached the sink"));
        }
        match recovered {
            Some(Ok(Recovered { fault: Some(fault), .. })) => return failed(fault.clone()),
            Some(Err(error)) => return failed(format!("the capture can't be read: {error}")),
            _ => {}
        }
        gap.sound.clone().map(|sound| (State::Failed, sound))
    }

    /// The source, if it is of integers.
    fn integer_source(&self) -> Option<recover::Source> {
        let source = self.track.source.as_ref().filter(|source| source.is_integer())?;
        Some(recover::Source { bits: source.bits?, channels: source.channels? })
    }

    /// A one-bit source, of which all is on the wire.
    fn one_bit_source(&self) -> Option<OneBitSource> {
        let source = self.track.source.as_ref().filter(|source| source.is_one_bit())?;
        Some(OneBitSource {
            rate: source.rate?,
            channels: source.channels?,
            bytes: self.track.frames,
            shared: self.here.as_ref()?.shared,
        })
    }

    /// The length that the file promises, where a promise is exact: lossy files may only estimate theirs.
    fn whole(&self) -> Option<u64> {
        let source = self.track.source.as_ref()?;
        let stream = self.here.as_ref().map(Place::stream)?;
        let frames = self.track.frames.filter(|_| source.encoding.as_deref() != Some("lossy"))?;
        // Frames of one-bit sources are bytes; of what is converted as many reach the sink as last as long, the last one begun.
        let source_rate = u64::from(if source.is_one_bit() { source.rate? / 8 } else { source.rate? });
        match OneBitLayout::of(stream) {
            Some(layout) if source.is_one_bit() => {
                let Shared { before, behind } = self.here.as_ref()?.shared;
                Some((before + frames - behind).div_ceil(layout.word_bytes()))
            }
            _ => (frames * u64::from(stream.rate)).div_ceil(source_rate.max(1)).into(),
        }
    }

    fn recover(&self, here: &Place) -> io::Result<Recovered> {
        let (stream, parts) = (here.stream(), here.parts());
        let one_bit = self.one_bit_source();
        if let ([part], Some(_)) = (&parts[..], one_bit)
            && OneBitLayout::of(stream).is_some()
        {
            let whole = one_bit.filter(|_| stream.scaled != Some(true));
            return recover_one_bit(stream, part.start, part.end, whole);
        }
        let rate = self.track.source.as_ref().and_then(|source| source.rate);
        let resampled = parts.iter().any(|part| rate != Some(part.stream.rate));
        let mut scaled = false;
        for part in &parts {
            // Silence that was scaled is the same silence.
            let sounds = || first_sound(part.stream, part.start, part.end).map(|sound| sound.is_some());
            scaled |= part.stream.scaled == Some(true) && (parts.len() == 1 || sounds()?);
        }
        let changed = self.track.error.as_ref().and_then(|fault| fault.kind.as_deref()) == Some("FormatChanged");
        let source = self.integer_source().filter(|_| !resampled && !scaled && !changed);
        recover(&parts, source)
    }

    /// Sound between the track's own passages.
    fn within(&self) -> Option<String> {
        let here = self.here.as_ref()?;
        let gaps = here.passages.iter().zip(here.passages.iter().skip(1));
        gaps.filter_map(|(before, behind)| {
            let (end, _) = before.end?;
            between(&here.streams, (before.stream, end), (behind.stream, behind.start), true).sound
        })
        .next()
    }

    /// The silence between the last frame of the track before and the first of this one.
    fn gap(&self) -> Gap {
        let (Some(before), Some(here)) = (&self.before, &self.here) else {
            return Gap::default();
        };
        let Some((end, ending)) = before.last().end else {
            return Gap::default();
        };
        if before.start_of_chain != here.start_of_chain {
            return Gap::default();
        }
        // After a flush the sink fades out what was on its way.
        let silent = ending == Ending::Mark;
        between(&here.streams, (before.last().stream, end), (here.first().stream, here.first().start), silent)
    }
}

/// The frames between two places, each a stream and a frame of it, and the sound among them if they are to be `silent`.
fn between(streams: &[Stream], (first, end): (usize, u64), (last, start): (usize, u64), silent: bool) -> Gap {
    let (mut gap, mut sound) = (0, None);
    for (index, stream) in streams.iter().enumerate().take(last + 1).skip(first) {
        let from = if index == first { end } else { 0 };
        let to = if index == last { Some(start) } else { stream.frames };
        let Some(to) = to else {
            return Gap::default();
        };
        gap += to.saturating_sub(from);
        if !silent {
            continue;
        }
        match first_sound(stream, from, to) {
            Ok(None) => {}
            Ok(Some(frame)) => {
                sound = Some(format!(
                    "sound between the tracks: frame {frame} of {} belongs to none",
                    stream.file.display()
                ));
            }
            Err(error) => sound = Some(format!("the capture can't be read: {error}")),
        }
    }
    Gap { frames: Some(gap), sound }
}

#[cfg(test)]
mod tests;
