//! De-interleaving: every kernel equals what is plain to see, at every length, alignment and layout, and writes nothing else.

use pcm::{Cpu, Feature, Interleaved, MAX_CHANNELS, Number, Splitter};
use proptest::prelude::*;

/// This CPU, those with less, and the scalar one.
fn cpus() -> Vec<Cpu> {
    let all = Cpu::detect();
    let less = all.without(Feature::Avx512).without(Feature::Avx2);
    vec![all, all.without(Feature::Avx512), less, Cpu::BASELINE]
}

/// Every layout of so many channels.
fn layouts(channels: usize) -> impl Iterator<Item = Interleaved> {
    let widths =
        [(1, 8), (1, 5), (2, 16), (2, 8), (2, 12), (3, 24), (3, 20), (3, 16), (4, 32), (4, 24), (4, 16), (4, 31)];
    widths.into_iter().flat_map(move |(bytes, bits)| {
        [(false, false), (true, false), (false, true)].map(|(highest_first, is_unsigned)| Interleaved {
            channels,
            bytes,
            bits,
            highest_first,
            is_unsigned,
        })
    })
}

/// A sample, left-justified in 32 bits.
fn sample(layout: &Interleaved, bytes: &[u8]) -> u32 {
    let highest_first: Vec<u8> =
        if layout.highest_first { bytes.to_vec() } else { bytes.iter().rev().copied().collect() };
    let word = highest_first.iter().chain([0; 4].iter()).take(4).fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    (word ^ if layout.is_unsigned { 1 << 31 } else { 0 }) >> (32 - layout.bits) << (32 - layout.bits)
}

/// `offset` bytes into `material`, to planes that begin `at` numbers behind an allocation.
fn equals<T: Number + Default + PartialEq + std::fmt::Debug>(
    layout: Interleaved,
    material: &[u8],
    frames: usize,
    (offset, at): (usize, usize),
    number: impl Fn(u32) -> T,
    untouched: T,
) {
    let src = &material[offset..offset + frames * layout.channels * layout.bytes];
    let wanted: Vec<Vec<T>> = (0..layout.channels)
        .map(|channel| {
            let samples = src.chunks(layout.bytes).skip(channel).step_by(layout.channels);
            samples.map(|bytes| number(sample(&layout, bytes))).collect()
        })
        .collect();
    for cpu in cpus() {
        let splitter = Splitter::new(layout, cpu).expect("a possible layout");
        let mut planes: [Vec<T>; MAX_CHANNELS] = std::array::from_fn(|_| vec![untouched; at + frames + 40]);
        let mut rooms = planes.each_mut().map(|plane| &mut plane[at..at + frames]);
        assert_eq!(splitter.split(src, &mut rooms), frames);
        for (channel, plane) in planes.iter().enumerate() {
            let own = wanted.get(channel).map_or(&[][..], Vec::as_slice);
            let around = plane[..at].iter().chain(&plane[at + own.len()..]);
            assert!(around.copied().all(|number| number == untouched), "{cpu:?}, {layout:?}: written elsewhere");
            assert!(plane[at..at + own.len()] == *own, "{cpu:?}, {layout:?}, {frames} frames, channel {channel}");
        }
    }
}

fn all(layout: Interleaved, material: &[u8], frames: usize, place: (usize, usize)) {
    equals(layout, material, frames, place, |word| (word >> 16) as i16, 0x5a5a);
    equals(layout, material, frames, place, |word| word as i32, 0x5a5a_5a5a);
}

fn material() -> Vec<u8> {
    (0..20_000u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect()
}

#[test]
fn every_length_and_alignment_comes_apart() {
    let material = material();
    for channels in 1..=MAX_CHANNELS {
        for layout in layouts(channels) {
            for frames in (0..=70).chain([127, 128, 129, 255, 300]) {
                all(layout, &material, frames, (frames % 33, frames * 7 % 17));
            }
        }
    }
}

/// A float's bits are nobody's business.
#[test]
fn floats_come_apart_as_they_are() {
    let floats: Vec<f32> = (0..514).map(|n| (n as f32 * 0.37).sin() * 2.0).collect();
    for highest_first in [false, true] {
        let layout = Interleaved { channels: 2, bytes: 4, bits: 32, highest_first, is_unsigned: false };
        let bytes = floats.iter().flat_map(|x| if highest_first { x.to_be_bytes() } else { x.to_le_bytes() });
        let bytes: Vec<u8> = bytes.collect();
        for cpu in cpus() {
            let mut planes: [Vec<f32>; MAX_CHANNELS] = std::array::from_fn(|_| vec![0.0; 257]);
            let splitter = Splitter::new(layout, cpu).expect("possible");
            assert_eq!(splitter.split(&bytes, &mut planes.each_mut().map(Vec::as_mut_slice)), 257);
            assert!(
                planes[0].iter().eq(floats.iter().step_by(2)) && planes[1].iter().eq(floats[1..].iter().step_by(2))
            );
        }
    }
}

#[test]
fn what_nothing_can_lie_like_has_no_splitter() {
    let good = Interleaved { channels: 2, bytes: 3, bits: 24, highest_first: false, is_unsigned: false };
    assert!(Splitter::new(good, Cpu::BASELINE).is_some());
    for bad in [
        Interleaved { channels: 0, ..good },
        Interleaved { channels: 9, ..good },
        Interleaved { bytes: 0, ..good },
        Interleaved { bytes: 5, ..good },
        Interleaved { bits: 0, ..good },
        Interleaved { bits: 25, ..good },
    ] {
        assert!(Splitter::new(bad, Cpu::BASELINE).is_none(), "{bad:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "x86_64") { 256 } else { 16 }))]

    #[test]
    fn any_bytes_come_apart(
        material in prop::collection::vec(any::<u8>(), 8 * 4 * 100 + 64),
        channels in 1..=8usize,
        frames in 0..100usize,
        offset in 0..64usize,
        at in 0..17usize,
    ) {
        for layout in layouts(channels) {
            all(layout, &material, frames, (offset, at));
        }
    }
}
