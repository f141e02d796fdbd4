//! The codecs that are decoded out of MP4.

use pcm::{Encoding, MAX_CHANNELS, Source};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_ALAC};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::{AacDecoder, AlacDecoder};

use super::boxes::{Fields, Kind, find};
use super::config;
use super::demux::Packets;
use super::movie::{self, AudioTrack};
use super::tags;
use crate::elementary::has_sbr;
use crate::fault::Fault;
use crate::flac::PacketDecoder;
use crate::input::ByteReader;
use crate::packets::{Decode, Demux, PacketStream, Trim};
use crate::stream::Opened;
use crate::{Codec, Tags};

/// Packets that are looked at for SBR.
const SBR_PACKETS: usize = 8;

/// Frames of an AAC packet.
const AAC_FRAMES: u64 = 1024;

/// Opens a file whose first box is at the reader's position.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let moov = movie::read(&mut reader)?;
    let track = movie::audio_track(&moov)?;
    let tags = tags::read(&moov);
    // It may be large, and what follows takes memory as well.
    drop(moov);
    let opened = match &track.format {
        b"alac" => alac(reader, track),
        b"mp4a" => aac(reader, track),
        b"fLaC" => flac(reader, track),
        b"drms" | b"enca" => Err(Fault::unsupported("an encrypted MP4 file")),
        b"Opus" => Err(Fault::unsupported("Opus in MP4")),
        b"ac-3" | b"ec-3" => Err(Fault::unsupported("AC-3 in MP4")),
        other => Err(Fault::unsupported(format!("{} in MP4", other.escape_ascii()))),
    };
    Ok(Opened { tags, ..opened? })
}

fn alac(reader: ByteReader, track: AudioTrack) -> Result<Opened, Fault> {
    let broken = || Fault::corrupt("ALAC's configuration is missing or broken");
    let cookie = child(&track.entry, b"alac").and_then(|cookie| cookie.get(4..)).ok_or_else(broken)?;
    // ALACSpecificConfig, Apple's ALACMagicCookieDescription.txt
    let mut fields = Fields(cookie);
    let packet_frames = fields.u32().ok_or_else(broken)?;
    let [_, bits, _, _, _, channels] = fields.take().ok_or_else(broken)?;
    fields.skip(10).ok_or_else(broken)?;
    let rate = fields.u32().ok_or_else(broken)?;
    if !(1..=65_536).contains(&packet_frames) || !matches!(bits, 16 | 20 | 24 | 32) || rate == 0 {
        return Err(Fault::corrupt(format!("ALAC of {bits} bits, {rate} Hz, {packet_frames} frames a packet")));
    }
    if channels == 0 || usize::from(channels) > MAX_CHANNELS {
        return Err(Fault::unsupported(format!("ALAC with {channels} channels")));
    }
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_ALAC).with_extra_data(cookie.into());
    let decoder: Box<dyn AudioDecoder> = Box::new(AlacDecoder::try_new(&parameters, &AudioDecoderOptions::default())?);
    let source = Source { rate, bits: bits.into(), channels: channels.into(), encoding: Encoding::Integer };
    // The last packet knows how short it is, so nothing is to be cut but what an edit list says.
    let trim = trim(&track, rate);
    Ok(opened(Codec::Alac, source, packets(reader, track, packet_frames.into(), 0), decoder, trim))
}

fn aac(reader: ByteReader, track: AudioTrack) -> Result<Opened, Fault> {
    let esds = child(&track.entry, b"esds").ok_or_else(|| Fault::unsupported("mp4a without a configuration"))?;
    let config = config::from_descriptor(esds)?;
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_AAC).with_extra_data(config.bytes.into_boxed_slice());
    let decoder: Box<dyn AudioDecoder> = Box::new(AacDecoder::try_new(&parameters, &AudioDecoderOptions::default())?);
    let source = Source { rate: config.rate, bits: 0, channels: config.channels, encoding: Encoding::Lossy };
    let trim = track.itunes.unwrap_or_else(|| trim(&track, config.rate));
    let mut packets = packets(reader, track, AAC_FRAMES, 2);
    refuse_sbr(&mut packets)?;
    Ok(opened(Codec::Aac, source, packets, decoder, trim))
}

fn flac(reader: ByteReader, track: AudioTrack) -> Result<Opened, Fault> {
    // FLAC in ISOBMFF, 3.3.2: version and flags, then metadata blocks, STREAMINFO first.
    let blocks = child(&track.entry, b"dfLa").and_then(|blocks| blocks.get(8..));
    let stream_info = blocks.and_then(<[u8]>::first_chunk).ok_or_else(|| Fault::corrupt("no STREAMINFO"))?;
    let decoder = PacketDecoder::new(stream_info)?;
    let source = decoder.source();
    let trim = trim(&track, source.rate);
    let packet_frames = u64::from(track.table.first_duration).max(1);
    Ok(opened(Codec::Flac, source, packets(reader, track, packet_frames, 0), decoder, trim))
}

/// A box in the sample entry: behind the fields of its version, or in QuickTime's `wave` box there.
fn child<'a>(entry: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    let mut fields = Fields(entry);
    let extra = match fields.u16()? {
        0 => 0,
        1 => 16,
        _ => 36,
    };
    fields.skip(18 + extra)?;
    let boxes = fields.rest();
    find(boxes, kind).or_else(|| find(find(boxes, b"wave")?, kind))
}

/// What the tables and the edit list say is to be cut.
fn trim(track: &AudioTrack, rate: u32) -> Trim {
    match track.edit {
        // Times in other units than frames aren't exact enough to cut by.
        _ if track.time_scale != rate => Trim::default(),
        Some(edit) => edit.trim(track.table.duration, rate),
        None => Trim { delay: 0, frames: Some(track.table.duration) },
    }
}

fn packets(reader: ByteReader, track: AudioTrack, packet_frames: u64, warm_up: usize) -> Packets {
    Packets { reader, places: track.table.places, next: 0, packet_frames, warm_up }
}

fn opened(codec: Codec, source: Source, packets: Packets, decoder: impl Decode + 'static, trim: Trim) -> Opened {
    let seekable = packets.reader.is_seekable();
    let stream = PacketStream::new(packets, decoder, source.rate, source.channels, trim);
    let (tags, stream) = (Tags::default(), Box::new(stream));
    Opened { codec, container: "MP4", source, frames: trim.frames, estimate: None, seekable, tags, stream }
}

/// HE-AAC needn't say so in its configuration; then only the packets tell (S5).
fn refuse_sbr(packets: &mut Packets) -> Result<(), Fault> {
    let mut packet = Vec::new();
    let mut looked_at = Vec::new();
    while looked_at.len() < SBR_PACKETS && matches!(packets.next(&mut packet), Ok(Some(_))) {
        looked_at.push(packet.clone());
    }
    packets.next = 0;
    if has_sbr(looked_at.iter().map(Vec::as_slice)) { Err(Fault::unsupported("HE-AAC")) } else { Ok(()) }
}
