//! Every kernel equals the scalar one bit for bit: every instruction set that this CPU has, every format and number of
//! channels, every length around the blocks' borders, at every alignment, and none writes beyond its end.

mod common;

use std::fmt::Debug;

use common::plan_for;
use pcm::gain::{Gain, Ramp, Scaler};
use pcm::{ChannelMap, Cpu, Feature, Packer, Planes, Samples, Tpdf, WireFormat, WirePlan};
use proptest::prelude::*;

/// Longer than two blocks of the widest kernel, so that every remainder follows a whole block.
const LENGTHS: std::ops::RangeInclusive<usize> = 0..=if cfg!(target_arch = "x86_64") { 140 } else { 40 };
/// What lies around what is written.
const UNTOUCHED: u8 = 0x5a;
/// At which bytes of a cache line slices begin.
const ALIGNMENTS: usize = if cfg!(target_arch = "x86_64") { 64 } else { 16 };

/// What these kernels are chosen by, and what they aren't.
const VECTORS: [Feature; 4] = [Feature::Sse41, Feature::Avx2, Feature::Avx512, Feature::Neon];
const OTHERS: [Feature; 3] = [Feature::Sse42, Feature::Crc, Feature::Gfni];

/// This CPU and each that has less of what these kernels are chosen by, the scalar one excepted.
fn cpus() -> Vec<Cpu> {
    let all = OTHERS.into_iter().fold(Cpu::detect(), Cpu::without);
    let subsets = (0..1u32 << VECTORS.len()).map(|set| {
        let masked = VECTORS.into_iter().enumerate().filter(|(n, _)| set >> n & 1 == 1);
        masked.fold(all, |cpu, (_, feature)| cpu.without(feature))
    });
    let mut cpus: Vec<Cpu> = Vec::new();
    for cpu in subsets.filter(|&cpu| cpu != Cpu::BASELINE) {
        if !cpus.contains(&cpu) {
            cpus.push(cpu);
        }
    }
    cpus
}

/// On the machines that this is built for there is something to compare with, and no feature is forgotten above.
#[test]
fn this_cpu_has_more_than_the_scalar_kernels() {
    assert!(!cpus().is_empty(), "{:?}", Cpu::detect());
    assert!(Feature::ALL.iter().all(|feature| VECTORS.contains(feature) || OTHERS.contains(feature)));
}

/// Samples of each type, from the same random words; floats beyond full scale and such that aren't numbers among them.
struct Material {
    s16: Vec<Vec<i16>>,
    s32: Vec<Vec<i32>>,
    f32: Vec<Vec<f32>>,
}

impl Material {
    /// `offset` samples further on in memory than aligned.
    fn new(words: &[u32], channels: usize, frames: usize, offset: usize) -> Self {
        let word = |channel: usize, frame: usize| {
            let n = frame * channels + channel;
            words[n % words.len()].wrapping_mul(0x9e37_79b9u32.wrapping_mul(n as u32) | 1)
        };
        fn planes<T>(channels: usize, length: usize, sample: impl Fn(usize, usize) -> T) -> Vec<Vec<T>> {
            (0..channels).map(|channel| (0..length).map(|frame| sample(channel, frame)).collect()).collect()
        }
        let length = frames + offset;
        Self {
            s16: planes(channels, length, |channel, frame| word(channel, frame) as i16),
            s32: planes(channels, length, |channel, frame| edge(word(channel, frame))),
            f32: planes(channels, length, |channel, frame| float(word(channel, frame))),
        }
    }
}

/// Full scale and what is near it is more frequent than chance has it.
fn edge(word: u32) -> i32 {
    match word % 8 {
        0 => i32::MAX - (word >> 16) as i32,
        1 => i32::MIN + (word >> 16) as i32,
        2 => (word as i32) >> 20,
        _ => word as i32,
    }
}

fn float(word: u32) -> f32 {
    const STEP: f32 = 1.0 / 8_388_608.0;
    match word % 16 {
        // Any bits at all: tiny ones, huge ones, infinities, NaNs.
        0 | 1 => f32::from_bits(word),
        // Half way between two steps, at 16 and at 24 bits.
        2 => ((word >> 8) as i32 - (1 << 23)) as f32 * STEP + STEP / 2.0,
        3 => ((word >> 16) as f32 - 32_768.0 + 0.5) / 32_768.0,
        4 => 1.0,
        5 => -1.0,
        6 => 1.0 - STEP / 2.0,
        7 => f32::NAN,
        8 => 3.0 - (word >> 8) as f32 * STEP * 4.0,
        _ => (word as i32) as f32 / 2_147_483_648.0,
    }
}

fn planes<T: Debug>(channels: &[Vec<T>], offset: usize) -> Planes<'_, T> {
    Planes::new(channels.iter().map(|plane| &plane[offset..])).unwrap()
}

/// What a packer writes, `at` so many bytes behind an alignment, with a margin.
fn packed(plan: &WirePlan, cpu: Cpu, samples: &Samples<'_>, at: usize) -> Vec<u8> {
    let bytes = samples.frames() * plan.wire.frame_bytes();
    let mut room = vec![UNTOUCHED; bytes + 3 * ALIGNMENTS];
    let begin = room.as_ptr().align_offset(ALIGNMENTS) + at;
    let mut packer = Packer::new(plan, cpu);
    // A position other than 0: what is packed before moves on.
    let mut before = [0; 64];
    let warm_up = packer.pack(samples, 0, &mut before[..plan.wire.frame_bytes().min(64)]);
    assert!(warm_up <= 1);
    assert_eq!(packer.pack(samples, 0, &mut room[begin..begin + bytes]), samples.frames());
    let (head, rest) = room.split_at(begin);
    let (written, tail) = rest.split_at(bytes);
    assert!(head.iter().chain(tail).all(|&byte| byte == UNTOUCHED), "{plan:?} {cpu:?}: written beyond the end");
    written.to_vec()
}

/// The PCM formats with the highest byte first, or last.
fn formats(highest_first: bool) -> impl Iterator<Item = WireFormat> {
    WireFormat::PCM.into_iter().filter(move |format| (format.little_endian() != *format) == highest_first)
}

fn plans(highest_first: bool, channels: u16) -> impl Iterator<Item = WirePlan> {
    let formats = formats(highest_first).flat_map(|format| [(format, false), (format, true)]);
    formats.flat_map(move |(format, dither)| {
        let same = plan_for(format, channels, dither);
        let doubled = WirePlan { channel_map: ChannelMap::MonoToStereo, ..plan_for(format, 2, dither) };
        [Some(same), (channels == 1).then_some(doubled)].into_iter().flatten()
    })
}

fn packing_equals(highest_first: bool, words: &[u32], channels: u16, frames: usize, offset: usize, at: usize) {
    let material = Material::new(words, usize::from(channels), frames, offset);
    for plan in plans(highest_first, channels) {
        for samples in [
            Samples::S16(planes(&material.s16, offset)),
            Samples::S32(planes(&material.s32, offset)),
            Samples::F32(planes(&material.f32, offset)),
        ] {
            let wanted = packed(&plan, Cpu::BASELINE, &samples, 0);
            for cpu in cpus() {
                let got = packed(&plan, cpu, &samples, at);
                let differs = got.iter().zip(&wanted).position(|(a, b)| a != b);
                assert_eq!(differs, None, "{cpu:?}, {frames} frames, {plan:?}, {samples:?}: first wrong byte");
            }
        }
    }
}

/// What a scaler writes, and what is left of its ramp and dither.
fn scaled(scaler: &Scaler, src: &[u8], ramp: Ramp, position: u32, at: usize) -> (Vec<u8>, Ramp, Tpdf) {
    let (mut ramp, mut dither) = (ramp, Tpdf::new(position));
    let mut room = vec![UNTOUCHED; src.len() + 3 * ALIGNMENTS];
    let begin = room.as_ptr().align_offset(ALIGNMENTS) + at;
    let written = scaler.copy(src, &mut room[begin..begin + src.len()], &mut ramp, &mut dither);
    let (head, rest) = room.split_at(begin);
    let (result, tail) = rest.split_at(written);
    assert!(head.iter().chain(tail).all(|&byte| byte == UNTOUCHED), "{scaler:?}: written beyond the end");
    (result.to_vec(), ramp, dither)
}

/// With dither from `position` on.
#[expect(clippy::too_many_arguments, reason = "it is the table of what may differ")]
fn scaling_equals(
    position: u32,
    highest_first: bool,
    words: &[u32],
    channels: u16,
    frames: usize,
    ramp: Ramp,
    offset: usize,
    at: usize,
) {
    for format in formats(highest_first) {
        let samples = frames * usize::from(channels);
        let src: Vec<u8> = (0..offset + samples)
            .flat_map(|n| {
                let word = edge(words[n % words.len()].wrapping_mul(n as u32 | 1));
                (word >> (32 - 8 * format.bytes())).to_le_bytes().into_iter().take(format.bytes())
            })
            .collect();
        let src = &src[offset * format.bytes()..];
        for bits in [format.bits(), 24].into_iter().take(if format.bits() == 32 { 2 } else { 1 }) {
            let scaler = |cpu| Scaler::new(format, channels, cpu).with_bits(bits);
            let wanted = scaled(&scaler(Cpu::BASELINE), src, ramp, position, 0);
            for cpu in cpus() {
                let got = scaled(&scaler(cpu), src, ramp, position, at);
                assert!(got == wanted, "{cpu:?}, {format}/{bits}, {channels} channels, {frames} frames, {ramp:?}");
            }
        }
    }
}

fn fade(from: Gain, to: Gain, frames: u32) -> Ramp {
    let mut ramp = Ramp::constant(from);
    ramp.fade_to(to, frames);
    ramp
}

/// What the tests below cut their material from.
fn words() -> Vec<u32> {
    (0..997u32).map(|n| n.wrapping_mul(0x85eb_ca6b) ^ n << 7).collect()
}

#[test]
fn packing_equals_the_scalar_kernel_at_every_length_and_alignment() {
    let words = words();
    for frames in LENGTHS {
        for at in 0..ALIGNMENTS {
            // The planes' own alignment goes through its values, too, as 17 and 19 divide neither.
            packing_equals(false, &words[frames..], 1, frames, (frames + at) % 17, at);
            packing_equals(false, &words[frames..], 2, frames, (frames + at) % 19, at);
        }
        // The same kernels wrote what is swapped: it has to be so at every length, and begin somewhere.
        packing_equals(true, &words[frames..], 1, frames, frames % 17, frames % ALIGNMENTS);
        packing_equals(true, &words[frames..], 2, frames, frames % 19, frames % ALIGNMENTS);
    }
}

#[test]
fn packing_many_channels_equals_the_scalar_kernel_at_every_length() {
    let words = words();
    // The longest vectors hold 16 frames (of 16 bits), the tile 128 frames of eight channels.
    for frames in (0..=50).chain([127, 128, 129, 140, 256, 300]) {
        for channels in 3..=8 {
            let at = (7 * frames + usize::from(channels)) % ALIGNMENTS;
            packing_equals(false, &words[frames..], channels, frames, (frames + usize::from(channels)) % 17, at);
            packing_equals(true, &words[frames..], channels, frames, usize::from(channels), at);
        }
    }
}

/// Noise comes in rows: every end of those beside the ends of the blocks.
#[test]
fn packing_long_pieces_equals_the_scalar_kernel() {
    let words = words();
    for channels in 1..=8 {
        for frames in [500, 511, 512, 513, 527, 543, 1022, 1023, 1024, 1025, 1100, 2500] {
            packing_equals(frames == 1100, &words, channels, frames, frames % 5, frames % ALIGNMENTS);
        }
    }
}

#[test]
fn scaling_equals_the_scalar_kernel_at_every_length_and_alignment() {
    let words = words();
    let ramps = [
        Ramp::constant(Gain::from_percent(70)),
        fade(Gain::UNITY, Gain::SILENCE, 100),
        fade(Gain::SILENCE, Gain::from_percent(99), 50),
    ];
    for frames in LENGTHS {
        for at in 0..ALIGNMENTS {
            scaling_equals(words[frames], false, &words[frames..], 1, frames, ramps[at % 3], (frames + at) % 5, at);
        }
        scaling_equals(
            words[frames],
            true,
            &words[frames..],
            1,
            frames,
            ramps[frames % 3],
            frames % 5,
            frames % ALIGNMENTS,
        );
    }
    for channels in 2..=8 {
        for (frames, ramp) in [(9, ramps[0]), (64, ramps[1]), (129, ramps[2]), (300, ramps[1])] {
            for highest_first in [false, true] {
                let at = frames % ALIGNMENTS;
                scaling_equals(words[frames], highest_first, &words[frames..], channels, frames, ramp, frames % 7, at);
            }
        }
    }
}

/// Gains and noise are prepared so many at a time: every end of those beside every other.
#[test]
fn scaling_long_pieces_equals_the_scalar_kernel() {
    let words = words();
    let ramps = [
        Ramp::constant(Gain::from_percent(50)),
        fade(Gain::UNITY, Gain::from_percent(20), 100_000),
        fade(Gain::SILENCE, Gain::UNITY, 700),
    ];
    for channels in 1..=8 {
        for frames in [63, 64, 128, 255, 256, 257, 512, 513, 1023, 1100, 2500] {
            for (n, position) in [0, 1, 500, 1000, 1023, u32::MAX - 1000].into_iter().enumerate() {
                let (ramp, at) = (ramps[(n + frames) % 3], (frames + n) % ALIGNMENTS);
                scaling_equals(position, n == 3, &words[n..], channels, frames, ramp, n, at);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "x86_64") { 128 } else { 16 }))]

    #[test]
    fn packing_equals_the_scalar_kernel(
        highest_first: bool,
        words in prop::collection::vec(any::<u32>(), 1..400),
        channels in 1..=8u16,
        frames in 0..300usize,
        offset in 0..33usize,
        at in 0..ALIGNMENTS,
    ) {
        packing_equals(highest_first, &words, channels, frames, offset, at);
    }

    #[test]
    fn scaling_equals_the_scalar_kernel(
        highest_first: bool,
        words in prop::collection::vec(any::<u32>(), 1..400),
        channels in 1..=8u16,
        frames in 0..300usize,
        (from, to, length) in (0..=100u8, 0..=100u8, 0..400u32),
        offset in 0..33usize,
        at in 0..ALIGNMENTS,
    ) {
        let ramp = fade(Gain::from_percent(from), Gain::from_percent(to), length);
        scaling_equals(words[0], highest_first, &words, channels, frames, ramp, offset, at);
    }
}
