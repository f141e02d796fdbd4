//! A whole frame: header, channels, check sum.

use pcm::{MAX_CHANNELS, Planes, Source};

use super::bits::{Bad, Bits};
use super::crc::crc16;
use super::header::{Channels, Header};
use super::subframe;

/// Decodes frames of one stream, and holds the last one's samples.
pub(crate) struct Decoder {
    source: Source,
    /// Left-justified samples.
    planes: [Vec<i32>; MAX_CHANNELS],
    /// The difference channel of 32-bit stereo.
    side: Vec<i64>,
    frames: usize,
}

/// What a frame turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    pub(super) header: Header,
    /// Bytes of the whole frame.
    pub(super) length: usize,
}

/// Why a frame isn't one of this stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Bad(Bad),
    /// Its header says something else than STREAMINFO.
    Format,
}

impl From<Bad> for Wrong {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl Decoder {
    pub(super) fn new(source: Source) -> Self {
        Self { source, planes: Default::default(), side: Vec::new(), frames: 0 }
    }

    /// Reads the header at the start of `bytes`, if it is one of this stream.
    pub(super) fn header(&self, bytes: &[u8]) -> Result<Header, Wrong> {
        let header = Header::parse(bytes)?;
        let Source { rate, bits, channels, .. } = self.source;
        let same = header.rate.is_none_or(|other| other == rate)
            && header.bits.is_none_or(|other| other == bits)
            && header.channels.count() == channels;
        if same { Ok(header) } else { Err(Wrong::Format) }
    }

    /// Decodes the frame at the start of `bytes`.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<Decoded, Wrong> {
        self.frames = 0;
        let header = self.header(bytes)?;
        let block = header.block as usize;
        let bits = u32::from(self.source.bits);
        let mut reader = Bits::new(bytes.get(header.length..).unwrap_or_default());
        for plane in self.planes.iter_mut().take(usize::from(header.channels.count())) {
            plane.resize(block, 0);
        }
        let [first, second, ..] = &mut self.planes;
        match header.channels {
            Channels::Independent(count) => {
                for plane in self.planes.iter_mut().take(count.into()) {
                    subframe::decode(&mut reader, bits, plane)?;
                }
            }
            // The difference of 32-bit channels has 33 bits.
            stereo if bits == 32 => {
                self.side.resize(block, 0);
                if stereo == Channels::SideRight {
                    subframe::decode(&mut reader, 33, &mut self.side)?;
                    subframe::decode(&mut reader, 32, second)?;
                } else {
                    subframe::decode(&mut reader, 32, first)?;
                    subframe::decode(&mut reader, 33, &mut self.side)?;
                }
                for ((first, second), &side) in first.iter_mut().zip(second).zip(&self.side) {
                    let (a, b) = (i64::from(*first), i64::from(*second));
                    let (left, right) = match stereo {
                        Channels::LeftSide => (a, a.wrapping_sub(side)),
                        Channels::SideRight => (b.wrapping_add(side), b),
                        _ => {
                            let sum = a << 1 | side & 1;
                            (sum.wrapping_add(side) >> 1, sum.wrapping_sub(side) >> 1)
                        }
                    };
                    (*first, *second) = (left as i32, right as i32);
                }
            }
            stereo => {
                let (first_bits, second_bits) = if stereo == Channels::SideRight { (1, 0) } else { (0, 1) };
                subframe::decode(&mut reader, bits + first_bits, first)?;
                subframe::decode(&mut reader, bits + second_bits, second)?;
                let pairs = first.iter_mut().zip(second);
                match stereo {
                    Channels::LeftSide => pairs.for_each(|(left, side)| *side = left.wrapping_sub(*side)),
                    Channels::SideRight => pairs.for_each(|(side, right)| *side = side.wrapping_add(*right)),
                    _ => pairs.for_each(|(mid, side)| {
                        let sum = *mid << 1 | *side & 1;
                        (*mid, *side) = (sum.wrapping_add(*side) >> 1, sum.wrapping_sub(*side) >> 1);
                    }),
                }
            }
        }
        let length = header.length + reader.align() + 2;
        if crc16(bytes.get(..length).ok_or(Bad::End)?) != 0 {
            return Err(Wrong::Bad(Bad::Invalid("the frame's check sum is wrong")));
        }
        let unused = 32 - bits;
        for plane in self.planes.iter_mut().take(usize::from(header.channels.count())) {
            plane.iter_mut().for_each(|sample| *sample <<= unused);
        }
        self.frames = block;
        Ok(Decoded { header, length })
    }

    /// The last frame's samples, left-justified.
    pub(super) fn planes(&self) -> Option<Planes<'_, i32>> {
        let channels = usize::from(self.source.channels);
        Planes::new(self.planes.iter().take(channels).map(|plane| plane.get(..self.frames).unwrap_or_default())).ok()
    }
}
