//! MP3.

use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::MpaDecoder;

use pcm::{Encoding, Source};

use super::mpeg_header::{Layer3, is_other_layer};
use super::xing::Tag;
use super::{Elementary, estimate, find_frame};
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::packets::PacketStream;
use crate::stream::Opened;
use crate::{Codec, Tags};

/// How much junk may lie before the first frame.
const MAX_JUNK: usize = 64 * 1024;

/// Whether these bytes start with Layer III frames.
pub(crate) fn is_mp3(bytes: &[u8]) -> bool {
    find_frame::<Layer3>(bytes).is_some_and(|(at, _)| at == 0)
}

/// Opens a stream whose first frame is at the reader's position, or soon after it.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let start = reader.position();
    let mut bytes = vec![0; MAX_JUNK];
    let read = reader.fill(&mut bytes)?;
    bytes.truncate(read);
    let Some((at, first)) = find_frame::<Layer3>(&bytes) else {
        return Err(if is_other_layer(&bytes) {
            Fault::unsupported("MPEG audio Layer I or II")
        } else {
            Fault::new(Kind::NotAudio, "no MP3 frame")
        });
    };
    let packet = bytes.get(at..).unwrap_or_default();
    let packet = packet.get(..first.length).unwrap_or(packet);
    let tag = Tag::parse(packet);
    let at = at + tag.map_or(0, |_| first.length);
    reader.seek(start + at as u64)?;

    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_MP3).with_sample_rate(first.rate);
    let decoder = MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default().gapless(false))?;
    let decoder: Box<dyn AudioDecoder> = Box::new(decoder);
    let trim = tag.map(|tag| tag.trim(&first)).unwrap_or_default();
    let packets = tag.and_then(|tag| tag.packets);
    let frames = trim.frames.or_else(|| packets.map(|packets| packets * first.samples));
    let bytes_in_all = reader.byte_len().map(|length| length.saturating_sub(start));
    let estimate = frames.is_none().then(|| estimate::<Layer3>(&bytes, at, bytes_in_all)).flatten();
    let source = Source { rate: first.rate, bits: 0, channels: first.channels, encoding: Encoding::Lossy };
    let seekable = reader.is_seekable();
    let frames_demux = Elementary::<Layer3>::new(reader, first, packets);
    let stream = PacketStream::new(frames_demux, decoder, first.rate, first.channels, trim);
    let (tags, stream) = (Tags::default(), Box::new(stream));
    Ok(Opened { codec: Codec::Mp3, container: "MP3", source, frames, estimate, seekable, tags, stream })
}
