//! DSD to PCM: the response of the filters as they run, noise, level, and streaming.

#[path = "../../examples/decimate/design.rs"]
mod design;
#[path = "../../examples/decimate/file.rs"]
mod file;
#[path = "../../examples/decimate/plot.rs"]
mod plot;

mod arithmetic;
mod fourier;
mod generated;
mod modulator;
mod response;
mod stream;
mod tones;

use pcm::decimate::{Conversion, Decimator, Level};
use pcm::{BitOrder, Cpu, Feature};

/// Multiples of 44.1 kHz: bit rates and PCM rates.
const BIT_RATES: [u32; 5] = [64, 128, 256, 512, 1024];
const RATES: [u32; 3] = [2, 4, 8];

/// A conversion in the 44.1 kHz family.
fn conversion(bit_rate: u32, rate: u32) -> Conversion {
    Conversion::new(44_100 * bit_rate, 44_100 * rate).unwrap()
}

/// All of them, as multiples.
fn all() -> impl Iterator<Item = (u32, u32)> {
    BIT_RATES.into_iter().flat_map(|bit_rate| RATES.map(|rate| (bit_rate, rate)))
}

/// The instruction sets that the filters know, each as the best that there is.
fn cpus() -> [Cpu; 3] {
    let all = Cpu::detect();
    [Cpu::BASELINE, all.without(Feature::Avx2), all]
}

/// A track from its first to its last frame.
fn track(mut decimator: Decimator, conversion: Conversion, dsd: &[u8]) -> Vec<i32> {
    let mut frames = vec![0; conversion.frames(dsd.len() as u64) as usize];
    let progress = decimator.convert(dsd, &mut frames);
    assert_eq!(progress.bytes, dsd.len());
    let rest = &mut frames[progress.frames..];
    assert_eq!(decimator.finish(rest), rest.len());
    assert_eq!(decimator.finish(&mut [0]), 0, "there are more frames than there should be");
    frames
}

/// MSB first, in plain Rust, without gain.
fn plain(conversion: Conversion) -> Decimator {
    Decimator::new(conversion, BitOrder::MsbFirst, Level::Modulation, Cpu::BASELINE)
}

/// Bytes that look random.
fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2) + 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
