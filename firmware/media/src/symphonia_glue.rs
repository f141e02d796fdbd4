//! Symphonia's buffers as ours.

use pcm::{MAX_CHANNELS, Planes, Samples};
use symphonia::core::audio::sample::Sample;
use symphonia::core::audio::{Audio, AudioBuffer, GenericAudioBufferRef};

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

fn planes<S: Sample>(buffer: &AudioBuffer<S>) -> Option<Planes<'_, S>> {
    Planes::new((0..=MAX_CHANNELS).map_while(|channel| buffer.plane(channel))).ok()
}
