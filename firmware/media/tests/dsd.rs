//! DSF and DSDIFF: what comes out is what the file holds, wherever one seeks; damage ends a track, it never passes as audio.

use std::io::Cursor;

use media::{Codec, Error, Kind, Track};
use pcm::{Encoding, Samples};

/// A block of one channel in DSF.
const BLOCK: usize = 4096;

fn open(bytes: Vec<u8>) -> Result<Track, Error> {
    media::open_input(Box::new(Cursor::new(bytes)), "test", None)
}

/// The bytes of one channel, the oldest bit most significant: all different.
fn channel(channel: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n * 7 + n / 251 + channel * 101) as u8).collect()
}

/// A channel each, right to the end or to an error.
fn read_all(track: &mut Track) -> (Vec<Vec<u8>>, Option<Error>) {
    let mut channels = vec![Vec::new(); track.info().source.channels.into()];
    loop {
        match track.read() {
            Ok(Some(Samples::Dsd(dsd))) => {
                assert!(dsd.frames() > 0 && dsd.channels() == channels.len());
                for (n, channel) in channels.iter_mut().enumerate() {
                    channel.extend(dsd.channel(n));
                }
            }
            Ok(Some(other)) => panic!("{} frames of PCM", other.frames()),
            Ok(None) => return (channels, None),
            Err(error) => return (channels, Some(error)),
        }
    }
}

/// What a DSF header says.
#[derive(Clone, Copy)]
struct Dsf {
    channels: usize,
    bytes: usize,
    rate: u32,
    bits: u32,
    samples: u64,
    data_size: Option<u64>,
    format: u32,
    block: u32,
    /// Of the last blocks.
    padded: bool,
}

impl Dsf {
    fn new(channels: usize, bytes: usize) -> Self {
        let samples = bytes as u64 * 8;
        Self {
            channels,
            bytes,
            rate: 2_822_400,
            bits: 1,
            samples,
            data_size: None,
            format: 0,
            block: 4096,
            padded: true,
        }
    }

    fn file(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for group in 0..self.bytes.div_ceil(BLOCK) {
            for n in 0..self.channels {
                let own = channel(n, self.bytes);
                let turned = own.iter().map(|byte| if self.bits == 1 { byte.reverse_bits() } else { *byte });
                let mut block: Vec<u8> = turned.skip(group * BLOCK).take(BLOCK).collect();
                if self.padded {
                    block.resize(BLOCK, 0xee);
                }
                data.extend(block);
            }
        }
        let mut file = b"DSD ".to_vec();
        file.extend([28u64, 92 + data.len() as u64, 0].map(u64::to_le_bytes).concat());
        file.extend(b"fmt ");
        file.extend(52u64.to_le_bytes());
        let numbers = [1, self.format, self.channels as u32, self.channels as u32, self.rate, self.bits];
        file.extend(numbers.map(u32::to_le_bytes).concat());
        file.extend(self.samples.to_le_bytes());
        file.extend([self.block, 0].map(u32::to_le_bytes).concat());
        file.extend(b"data");
        file.extend(self.data_size.unwrap_or(data.len() as u64 + 12).to_le_bytes());
        file.extend(data);
        file.extend(b"ID3 and whatever follows the audio");
        file
    }
}

fn chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = [&id[..], &(content.len() as u64).to_be_bytes(), content].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// A DSDIFF file; `size` is what its audio chunk says.
fn dff(channels: usize, bytes: usize, compression: &[u8; 4], size: Option<u64>) -> Vec<u8> {
    let own: Vec<_> = (0..channels).map(|n| channel(n, bytes)).collect();
    let audio: Vec<u8> = (0..bytes).flat_map(|n| own.iter().map(move |channel| channel[n])).collect();
    let mut properties = b"SND ".to_vec();
    properties.extend(chunk(b"FS  ", &5_644_800u32.to_be_bytes()));
    properties.extend(chunk(b"CHNL", &[&(channels as u16).to_be_bytes()[..], &b"SLFT".repeat(channels)].concat()));
    properties.extend(chunk(b"CMPR", &[&compression[..], b"\x03odd"].concat()));
    properties.extend(chunk(b"ABSS", &[0; 8]));
    let mut form = b"DSD ".to_vec();
    form.extend(chunk(b"FVER", &[1, 5, 0, 0]));
    form.extend(chunk(b"COMT", &[1, 2, 3]));
    form.extend(chunk(b"PROP", &properties));
    let mut audio = chunk(b"DSD ", &audio);
    if let Some(size) = size {
        audio[4..12].copy_from_slice(&size.to_be_bytes());
    }
    form.extend(audio);
    chunk(b"FRM8", &form)
}

/// What no specification allows: the last block of every channel ends with the audio.
#[test]
fn a_dsf_whose_last_blocks_are_not_padded() {
    for channels in [1, 2, 6] {
        for bytes in [1, 4095, 4096, 4097, 3 * BLOCK + 17, 40 * BLOCK + 1] {
            let own: Vec<_> = (0..channels).map(|n| channel(n, bytes)).collect();
            let short = Dsf { padded: false, ..Dsf::new(channels, bytes) };
            let mut track = open(short.file()).unwrap();
            let (heard, error) = read_all(&mut track);
            assert!(error.is_none() && heard == own, "{channels} × {bytes}: {error:?}");
            // Into the last block, and back to what lies before it.
            for from in [bytes - 1, bytes / 2, 0] {
                track.seek(from as u64).unwrap();
                let (heard, error) = read_all(&mut track);
                let rest: Vec<_> = own.iter().map(|channel| channel[from..].to_vec()).collect();
                assert!(error.is_none() && heard == rest, "{channels} × {bytes} from {from}: {error:?}");
            }
            // The bits of the last byte that aren't counted are silence here, too.
            let (heard, error) = read_all(&mut open(Dsf { samples: bytes as u64 * 8 - 3, ..short }.file()).unwrap());
            let last = |channel: &Vec<u8>| channel[bytes - 1] & 0b1111_1000 | 0x69 & 0b111;
            assert!(error.is_none() && heard.iter().zip(&own).all(|(heard, own)| heard[bytes - 1] == last(own)));
            // Cut off, it is truncated.
            let mut cut = short.file();
            cut.truncate(cut.len() - b"ID3 and whatever follows the audio".len() - 1);
            assert_eq!(read_all(&mut open(cut).unwrap()).1.map(|error| error.kind()), Some(Kind::Truncated));
        }
    }
}

#[test]
fn dsf_of_every_channel_count_bit_order_and_length() {
    for channels in 1..=8 {
        for bytes in [1, 4095, 4096, 4097, 3 * BLOCK + 17] {
            for bits in [1, 8] {
                let mut track = open(Dsf { bits, ..Dsf::new(channels, bytes) }.file()).unwrap();
                let info = track.info().clone();
                assert_eq!((info.codec, info.container, info.frames), (Codec::Dsd, "DSF", Some(bytes as u64)));
                let source = info.source;
                assert_eq!((source.rate, source.bits, source.channels), (2_822_400, 1, channels as u16));
                assert_eq!((source.encoding, source.frame_rate()), (Encoding::Dsd, 352_800));
                let (read, error) = read_all(&mut track);
                assert!(error.is_none(), "{channels} channels, {bytes} bytes: {error:?}");
                for (n, read) in read.iter().enumerate() {
                    assert!(*read == channel(n, bytes), "{channels} channels, {bytes} bytes, {bits}: channel {n}");
                }
            }
        }
    }
}

#[test]
fn dff_of_every_channel_count_and_length() {
    for channels in 1..=8 {
        for bytes in [1, 2, 8191, 8192, 8193, 20_001] {
            let mut track = open(dff(channels, bytes, b"DSD ", None)).unwrap();
            let info = track.info();
            assert_eq!((info.codec, info.container, info.source.rate), (Codec::Dsd, "DSDIFF", 5_644_800));
            assert_eq!(info.frames, Some(bytes as u64));
            let (read, error) = read_all(&mut track);
            assert!(error.is_none(), "{channels} channels, {bytes} bytes: {error:?}");
            assert!(read.iter().enumerate().all(|(n, read)| *read == channel(n, bytes)), "{channels} {bytes}");
        }
    }
}

#[test]
fn seeking_is_exact_to_the_byte() {
    let bytes = 3 * BLOCK + 1000;
    for file in [Dsf::new(2, bytes).file(), dff(2, bytes, b"DSD ", None)] {
        let mut track = open(file).unwrap();
        for frame in [0, 1, 4095, 4096, 4097, 12_288, bytes - 1, bytes, 5] {
            assert_eq!(track.seek(frame as u64).unwrap(), frame as u64);
            let (read, error) = read_all(&mut track);
            assert!(error.is_none());
            assert!(read[1] == channel(1, bytes)[frame..], "from {frame} on");
        }
        assert_eq!(track.seek(bytes as u64 + 1).unwrap_err().kind(), Kind::OutOfRange);
    }
}

#[test]
fn what_was_looked_at_is_read() {
    let mut track = open(dff(2, 10_000, b"DSD ", None)).unwrap();
    for _ in 0..2 {
        let mut seen = Vec::new();
        track.look_ahead(|samples| {
            seen.push(samples.frames());
            true
        });
        assert_eq!(seen, [8192], "one block: more isn't kept of what isn't PCM");
    }
    let (read, _) = read_all(&mut track);
    assert!(read[0] == channel(0, 10_000));
    track.look_ahead(|_| panic!("nothing is left"));
    track.seek(7).unwrap();
    track.look_ahead(|_| false);
    track.seek(9).unwrap();
    assert!(read_all(&mut track).0[0] == channel(0, 10_000)[9..]);
}

#[test]
fn truncated_files_give_what_they_have_and_then_say_so() {
    let bytes = 2 * BLOCK + 500;
    let dsf = Dsf::new(2, bytes).file();
    for (cut, whole) in
        [(92, 0), (92 + BLOCK, 0), (92 + BLOCK + 1, 1), (92 + 3 * BLOCK, BLOCK), (92 + 5 * BLOCK, 2 * BLOCK)]
    {
        let mut track = open(dsf[..cut].to_vec()).unwrap();
        let (read, error) = read_all(&mut track);
        assert_eq!(error.map(|error| error.kind()), Some(Kind::Truncated), "at {cut}");
        assert!(read.iter().enumerate().all(|(n, read)| *read == channel(n, bytes)[..whole]), "at {cut}");
    }
    // Writers that don't pad the last block: it is whole as far as the samples go.
    let (read, error) = read_all(&mut open(dsf[..92 + 5 * BLOCK + 500].to_vec()).unwrap());
    assert!(error.is_none() && read[1] == channel(1, bytes));
    let file = dff(2, bytes, b"DSD ", None);
    let (read, error) = read_all(&mut open(file[..file.len() - 3].to_vec()).unwrap());
    assert_eq!(error.map(|error| error.kind()), Some(Kind::Truncated));
    assert!(read[0] == channel(0, bytes)[..bytes - 2]);
    for cut in 0..92 {
        assert!(open(dsf[..cut].to_vec()).is_err(), "{cut} bytes of a header");
    }
}

#[test]
fn sizes_that_contradict_each_other_never_pass_as_audio() {
    // More samples than the data chunk has room for: what follows it is no audio.
    let short = Dsf { samples: 8 * 20_000, ..Dsf::new(2, 2 * BLOCK) };
    let (read, error) = read_all(&mut open(short.file()).unwrap());
    assert_eq!(error.map(|error| error.kind()), Some(Kind::Truncated));
    assert!(read[0] == channel(0, 2 * BLOCK));
    // No samples said: all that the data chunk holds. No size either: to the end, in whole blocks.
    for data_size in [None, Some(0), Some(u64::MAX)] {
        let unknown = Dsf { samples: 0, data_size, ..Dsf::new(2, 2 * BLOCK) };
        let (read, error) = read_all(&mut open(unknown.file()).unwrap());
        assert!(error.is_none() && read[0] == channel(0, 2 * BLOCK), "{data_size:?}: {error:?}");
    }
    // A length in bits that is no whole byte: what the file has behind it there isn't audio, and silence comes instead.
    for (bytes, bits) in [1, 5000, 4096, 3 * BLOCK].into_iter().flat_map(|bytes| (1..=8).map(move |bits| (bytes, bits)))
    {
        for order in [1, 8] {
            let odd = Dsf { samples: 8 * (bytes as u64 - 1) + bits, bits: order, ..Dsf::new(2, bytes) };
            let mut track = open(odd.file()).unwrap();
            assert_eq!(track.info().frames, Some(bytes as u64));
            let (read, error) = read_all(&mut track);
            assert!(error.is_none(), "{bytes} bytes, {bits} bits: {error:?}");
            let audio = !(0xffu16 >> bits) as u8;
            for (n, read) in read.iter().enumerate() {
                let mut wanted = channel(n, bytes);
                wanted[bytes - 1] = wanted[bytes - 1] & audio | 0x69 & !audio;
                assert!(*read == wanted, "{bytes} bytes, {bits} bits of the last one, order {order}, channel {n}");
            }
        }
    }
    // A streamed DSDIFF.
    let streamed = dff(2, 10_000, b"DSD ", Some(u64::MAX));
    let (read, error) = read_all(&mut open(streamed).unwrap());
    assert!(error.is_none() && read[0] == channel(0, 10_000));
}

#[test]
fn headers_that_make_no_sense_are_refused_and_dst_by_name() {
    let good = Dsf::new(2, 100);
    for (bad, kind) in [
        (Dsf { rate: 0, ..good }, Kind::Corrupt),
        (Dsf { rate: 2_822_401, ..good }, Kind::Corrupt),
        // Below DSD64.
        (Dsf { rate: 2_822_392, ..good }, Kind::Corrupt),
        (Dsf { rate: 8, ..good }, Kind::Corrupt),
        (Dsf { rate: u32::MAX - 7, ..good }, Kind::Corrupt),
        (Dsf { bits: 16, ..good }, Kind::Corrupt),
        (Dsf { block: 0, ..good }, Kind::Corrupt),
        (Dsf { block: 1 << 20, ..good }, Kind::Corrupt),
        (Dsf { channels: 0, ..good }, Kind::Corrupt),
        (Dsf { channels: 9, ..good }, Kind::Unsupported),
        (Dsf { format: 1, ..good }, Kind::Unsupported),
    ] {
        assert_eq!(open(bad.file()).unwrap_err().kind(), kind);
    }
    for empty in [Dsf::new(2, 0).file(), dff(2, 0, b"DSD ", None)] {
        assert_eq!(open(empty).unwrap_err().kind(), Kind::NotAudio);
    }
    let dst = open(dff(2, 100, b"DST ", None)).unwrap_err();
    assert_eq!((dst.kind(), dst.detail()), (Kind::Unsupported, "DSDIFF compressed with DST"));
    assert_eq!(open(chunk(b"FRM8", b"AIFF    ")).unwrap_err().kind(), Kind::Unsupported);
    let audio_first = chunk(b"FRM8", &[b"DSD ".to_vec(), chunk(b"DSD ", &[0; 100])].concat());
    assert_eq!(open(audio_first).unwrap_err().kind(), Kind::Corrupt);
}
