//! What the tests of this crate share: the wire, read the slow and obvious way.
#![allow(dead_code, unreachable_pub, reason = "every test crate uses a part of it")]

use pcm::{Caps, ChannelMap, ChannelSet, Encoding, FormatSet, RateSet, Source, Wire, WireFormat, WirePlan};

/// Interleaved, right-justified samples.
pub fn unpack(format: WireFormat, bytes: &[u8]) -> Vec<i64> {
    bytes
        .chunks(format.bytes())
        .map(|sample| {
            let mut sample = sample.to_vec();
            if format.little_endian() != format {
                sample.reverse();
            }
            let word = sample.iter().rev().fold(0i64, |word, &byte| word << 8 | i64::from(byte));
            let unused = 64 - 8 * sample.len() as u32;
            word << unused >> unused
        })
        .collect()
}

/// A DAC that takes everything of these formats.
pub fn caps(formats: FormatSet, channels: ChannelSet) -> Caps {
    Caps::uniform(formats, RateSet::any(1, 1_536_000), channels)
}

pub fn source(bits: u16, channels: u16, encoding: Encoding) -> Source {
    Source { rate: 44_100, bits, channels, encoding }
}

/// A plan as `pcm::plan` would never make it.
pub fn plan_for(format: WireFormat, channels: u16, dither: bool) -> WirePlan {
    let wire = Wire { format, rate: 44_100, channels };
    WirePlan {
        wire,
        lossless: !dither,
        exact_bits: None,
        dither,
        channel_map: ChannelMap::Same,
        decimation: None,
        resampled_from: None,
    }
}
