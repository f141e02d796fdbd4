//! What Vorbis (Vorbis I specification, A) and FLAC (RFC 9639, 10.1) put into Ogg.

use pcm::{Encoding, MAX_CHANNELS, Source};
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::VorbisDecoder;

use super::chain::{Chain, Link};
use super::packets::Packets;
use super::setup;
use crate::fault::Fault;
use crate::flac::PacketDecoder;
use crate::input::ByteReader;
use crate::packets::{PacketStream, Trim};
use crate::stream::Opened;
use crate::{Codec, Tags};

/// The largest Vorbis setup header that is taken; real ones have 3 to 10 KB.
const MAX_SETUP: usize = 256 * 1024;

/// Bytes of a comment header that are kept: pictures usually come last in it.
const MAX_COMMENTS: usize = 256 * 1024;

/// A logical stream that was understood.
pub(super) struct Described {
    pub(super) codec: Codec,
    pub(super) source: Source,
    /// Of this link, where its headers say it.
    frames: Option<u64>,
    /// The most frames that one of its packets decodes to.
    largest: u64,
    tags: Tags,
    pub(super) link: Box<dyn Link>,
}

/// Opens a file whose first page is at the reader's position.
pub(crate) fn open(reader: ByteReader) -> Result<Opened, Fault> {
    let seekable = reader.is_seekable();
    let Described { codec, source, frames, largest, tags, mut link } = open_link(reader)?;
    let frames = frames.or_else(|| link.packets().length(largest));
    let stream = Box::new(Chain::new(link, codec, source));
    Ok(Opened { codec, container: "Ogg", source, frames, estimate: None, seekable, tags, stream })
}

/// Opens the logical stream whose first page is at the reader's position.
pub(super) fn open_link(reader: ByteReader) -> Result<Described, Fault> {
    let (packets, first) = Packets::open(reader, |packet| vorbis(packet).is_some() || flac(packet).is_some())?;
    match (vorbis(&first), flac(&first)) {
        (Some((channels, rate)), _) => open_vorbis(packets, first, channels, rate),
        (_, Some(stream_info)) => open_flac(packets, stream_info),
        _ => Err(Fault::unsupported("Ogg without Vorbis or FLAC")),
    }
}

/// Channels and rate, if it is a Vorbis identification header.
fn vorbis(packet: &[u8]) -> Option<(u16, u32)> {
    match packet {
        &[1, b'v', b'o', b'r', b'b', b'i', b's', 0, 0, 0, 0, channels, a, b, c, d, ..] => {
            Some((channels.into(), u32::from_le_bytes([a, b, c, d])))
        }
        _ => None,
    }
}

/// STREAMINFO, if it is the first packet of FLAC in Ogg.
fn flac(packet: &[u8]) -> Option<&[u8; 34]> {
    packet.strip_prefix(b"\x7fFLAC\x01")?.get(3..)?.strip_prefix(b"fLaC\0\0\0\x22")?.first_chunk()
}

fn open_vorbis(mut packets: Packets, first: Vec<u8>, channels: u16, rate: u32) -> Result<Described, Fault> {
    // The decoder's buffers grow with the channels, and there may be 64 of each.
    if usize::from(channels) > MAX_CHANNELS {
        return Err(Fault::unsupported(format!("Vorbis with {channels} channels")));
    }
    let mut packet = Vec::new();
    packets.packet(&mut packet, MAX_COMMENTS)?;
    let tags = packet.strip_prefix(b"\x03vorbis").map(Tags::vorbis).unwrap_or_default();
    packets.packet(&mut packet, MAX_SETUP)?;
    if packet.len() >= MAX_SETUP {
        return Err(Fault::corrupt("a Vorbis setup header of more than 256 KiB"));
    }
    setup::check(&packet)?;
    packets.begin_audio();
    // Two halves of half a block; the identification header says how large the long ones are (Vorbis I specification, 4.2.2
    // and 4.3.8).
    let largest = first.get(28).map_or(0, |&sizes| 1 << (sizes >> 4) >> 1);
    let mut headers = first;
    headers.append(&mut packet);
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_VORBIS).with_extra_data(headers.into_boxed_slice());
    let decoder = VorbisDecoder::try_new(&parameters, &AudioDecoderOptions::default())?;
    let decoder: Box<dyn AudioDecoder> = Box::new(decoder);
    let source = Source { rate, bits: 0, channels, encoding: Encoding::Lossy };
    let stream = PacketStream::new(packets, decoder, rate, channels, Trim::default());
    Ok(Described { codec: Codec::Vorbis, source, frames: None, largest, tags, link: Box::new(stream) })
}

fn open_flac(mut packets: Packets, stream_info: &[u8; 34]) -> Result<Described, Fault> {
    let mut decoder = PacketDecoder::new(stream_info)?;
    let (source, frames) = (decoder.source(), decoder.frames());
    // STREAMINFO says how large a block is at most (RFC 9639, 8.2).
    let &[_, _, high, low, ..] = stream_info;
    let largest = u16::from_be_bytes([high, low]).into();
    let (mut packet, mut tags) = (Vec::new(), Tags::default());
    // The other metadata blocks; the last one's first bit is set.
    while packets.packet(&mut packet, MAX_COMMENTS)?.is_some() {
        if let [4 | 0x84, _, _, _, comments @ ..] = &packet[..] {
            tags.complete(Tags::vorbis(comments));
        }
        if packet.first().is_none_or(|&kind| kind & 0x80 != 0) {
            break;
        }
    }
    decoder.take_speakers(&tags);
    packets.begin_audio();
    let stream = PacketStream::new(packets, decoder, source.rate, source.channels, Trim { delay: 0, frames });
    Ok(Described { codec: Codec::Flac, source, frames, largest, tags, link: Box::new(stream) })
}
