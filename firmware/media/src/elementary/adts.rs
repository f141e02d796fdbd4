//! AAC in ADTS (ISO 14496-3, 1.A.2).

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::AacDecoder;

use pcm::{Encoding, Source};

use super::{Elementary, Frame, Syntax, estimate, find_frame, has_sbr};
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::packets::{Demux, PacketStream, Trim};
use crate::stream::Opened;
use crate::{Codec, Tags};

/// Sampling frequencies by index (ISO 14496-3, table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// How much junk may lie before the first frame.
const MAX_JUNK: usize = 64 * 1024;

/// Frames that are looked at for SBR.
const SBR_FRAMES: usize = 8;

pub(super) struct Adts;

impl Syntax for Adts {
    const HEADER: usize = 7;
    const WARM_UP: u64 = 2;

    fn parse(header: &[u8]) -> Result<Option<Frame>, Fault> {
        let &[0xff, b, c, d, e, f, g] = header else { return Ok(None) };
        // The sync word and the layer, which is always 0.
        if b & 0xf6 != 0xf0 {
            return Ok(None);
        }
        let Some(&rate) = RATES.get(usize::from(c >> 2 & 15)) else { return Ok(None) };
        let channels = u16::from(c & 1) << 2 | u16::from(d >> 6);
        let length = usize::from(d & 3) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
        let payload = if b & 1 == 1 { 7 } else { 9 };
        if length <= payload {
            return Ok(None);
        }
        if c >> 6 != 1 {
            return Err(Fault::unsupported("AAC of another profile than Low Complexity"));
        }
        if g & 3 != 0 {
            return Err(Fault::unsupported("ADTS with several AAC frames in one"));
        }
        if !(1..=2).contains(&channels) {
            return Err(Fault::unsupported("AAC with other than one or two channels"));
        }
        Ok(Some(Frame { length, payload, samples: 1024, rate, channels }))
    }
}

/// Whether these bytes start with ADTS frames.
pub(crate) fn is_adts(bytes: &[u8]) -> bool {
    find_frame::<Adts>(bytes).is_some_and(|(at, _)| at == 0)
}

/// Opens a stream whose first frame is at the reader's position, or soon after it.
pub(crate) fn open(mut reader: ByteReader) -> Result<Opened, Fault> {
    let start = reader.position();
    let mut bytes = vec![0; MAX_JUNK];
    let read = reader.fill(&mut bytes)?;
    bytes.truncate(read);
    let Some((at, first)) = find_frame::<Adts>(&bytes) else {
        // Says what is wrong with the first header, if it is one.
        Adts::parse(bytes.get(..Adts::HEADER).unwrap_or_default())?;
        return Err(Fault::new(Kind::NotAudio, "no ADTS frame"));
    };
    let seekable = reader.is_seekable();
    let estimate = estimate::<Adts>(&bytes, at, reader.byte_len().map(|length| length.saturating_sub(start)));
    reader.seek(start + at as u64)?;
    let mut frames = Elementary::<Adts>::new(reader, first, None);
    refuse_sbr(&mut frames)?;

    let mut parameters = AudioCodecParameters::new();
    let channels = Channels::Discrete(first.channels);
    parameters.for_codec(CODEC_ID_AAC).with_sample_rate(first.rate).with_channels(channels);
    let decoder: Box<dyn AudioDecoder> = Box::new(AacDecoder::try_new(&parameters, &AudioDecoderOptions::default())?);
    let source = Source { rate: first.rate, bits: 0, channels: first.channels, encoding: Encoding::Lossy };
    let stream = PacketStream::new(frames, decoder, first.rate, first.channels, Trim::default());
    let stream = Box::new(stream);
    Ok(Opened {
        codec: Codec::Aac,
        container: "ADTS",
        source,
        frames: None,
        estimate,
        seekable,
        tags: Tags::default(),
        stream,
    })
}

/// HE-AAC in ADTS looks like AAC-LC of half the rate; only what the frames hold tells (S5).
fn refuse_sbr(frames: &mut Elementary<Adts>) -> Result<(), Fault> {
    let mut packet = Vec::new();
    let mut looked_at = Vec::new();
    while looked_at.len() < SBR_FRAMES && matches!(frames.next(&mut packet), Ok(Some(_))) {
        looked_at.push(packet.clone());
    }
    if has_sbr(looked_at.iter().map(Vec::as_slice)) {
        return Err(Fault::unsupported("HE-AAC"));
    }
    let (_, first) = frames.index.before(0);
    frames.reader.seek(first)?;
    frames.next = 0;
    Ok(())
}
