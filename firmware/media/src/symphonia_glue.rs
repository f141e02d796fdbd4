//! Symphonia's buffers as ours.

use pcm::{MAX_CHANNELS, Planes, Samples, Speakers};
use symphonia::core::audio::sample::Sample;
use symphonia::core::audio::{Audio, AudioBuffer, Channels, GenericAudioBufferRef};

/// A decoder's output; `None` if it is of a kind that no decoder used here gives, or has too many channels.
pub(crate) fn samples<'a>(buffer: &GenericAudioBufferRef<'a>) -> Option<Samples<'a>> {
    match *buffer {
        GenericAudioBufferRef::S16(buffer) => planes(buffer).map(Samples::S16),
        GenericAudioBufferRef::S32(buffer) => planes(buffer).map(Samples::S32),
        GenericAudioBufferRef::F32(buffer) => planes(buffer).map(Samples::F32),
        _ => None,
    }
}

/// How much a decoder put out.
pub(crate) fn frames(buffer: &GenericAudioBufferRef<'_>) -> usize {
    buffer.frames()
}

/// What a decoder puts out.
pub(crate) fn rate_and_channels(buffer: &GenericAudioBufferRef<'_>) -> (u32, usize) {
    (buffer.spec().rate(), buffer.spec().channels().count())
}

/// Which loudspeakers a decoder's channels are for. The first 18 of Symphonia's positions are the bits of `dwChannelMask`.
pub(crate) fn speakers(buffer: &GenericAudioBufferRef<'_>) -> Speakers {
    let channels = buffer.spec().channels();
    let mask = match channels {
        Channels::Positioned(positions) => u32::try_from(positions.bits()).ok().filter(|mask| mask >> 18 == 0),
        _ => None,
    };
    let count = u16::try_from(channels.count()).ok();
    mask.zip(count).map_or(Speakers::UNKNOWN, |(mask, count)| Speakers::of_mask(mask, count))
}

fn planes<S: Sample>(buffer: &AudioBuffer<S>) -> Option<Planes<'_, S>> {
    Planes::new((0..=MAX_CHANNELS).map_while(|channel| buffer.plane(channel))).ok()
}
