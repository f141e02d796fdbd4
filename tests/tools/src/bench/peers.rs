//! The kernels of `pcm` that another library has as well, against that: stereo, at the sizes of [`against`](super::against).
use std::hint::black_box;

use kernels::{Bench, KERNELS};
use pcm::Cpu;

use super::against::SIZES;
use super::swresample::{Conversion, Format, Swresample};
use super::{Line, compare};

/// Our kernel, and the peer's formats, whether it dithers, and its gain.
const SAME: [(&str, Format, Format, bool, f64); 8] = {
    use Format::{FltP, S16, S16P, S32, S32P};
    [
        ("pack_f32_s16", FltP, S16, false, 1.0),
        ("dither_f32_s16", FltP, S16, true, 1.0),
        ("dither_32_s16", S32P, S16, true, 1.0),
        ("pack_16_s16", S16P, S16, false, 1.0),
        ("pack_16_s32", S16P, S32, false, 1.0),
        ("pack_32_s32", S32P, S32, false, 1.0),
        // Ours is multiplied in 64 bits and rounded, theirs goes by way of floats of 32 bits.
        ("gain_s32", S32, S32, false, 0.7),
        // Ours is dithered, from a product with 13 bits behind the point; theirs is rounded.
        ("gain_s16", S16, S16, false, 0.7),
    ]
};

/// All lines; none without the library.
#[must_use]
pub fn lines() -> Vec<Line> {
    let library = match Swresample::load() {
        Ok(library) => library,
        Err(error) => {
            eprintln!("bench: without libswresample: {error:#}");
            return Vec::new();
        }
    };
    let mut lines = Vec::new();
    for (name, from, to, dither, gain) in SAME {
        let Some(kernel) = KERNELS.iter().find(|kernel| kernel.name == name) else { continue };
        for (bytes, size) in SIZES {
            let mut ours = Bench::new(kernel, kernel.samples_in(bytes), Cpu::detect());
            let samples = ours.samples();
            let mut peer = match Conversion::new(&library, (from, to), &source(from, samples), dither, gain) {
                Ok(peer) => peer,
                Err(error) => {
                    eprintln!("bench: without libswresample's {from:?} to {to:?}: {error:#}");
                    continue;
                }
            };
            let what = format!("{name}, {size}, against the same from {from:?} to {to:?}");
            let mut run = || {
                peer.run();
                black_box(peer.out());
            };
            let peer = ("libswresample", &mut run as &mut dyn FnMut());
            lines.push(compare(name, &what, "ns/sample", samples as f64, &mut || ours.run(), peer));
        }
    }
    lines
}

/// Samples that look random, in the machine's order.
fn source(format: Format, samples: usize) -> Vec<u8> {
    let word = |n: usize| (n as i32).wrapping_mul(0x9e37_79b9_u32.cast_signed());
    match format {
        Format::S16 | Format::S16P => (0..samples).flat_map(|n| ((word(n) >> 16) as i16).to_ne_bytes()).collect(),
        Format::S32 | Format::S32P => (0..samples).flat_map(|n| word(n).to_ne_bytes()).collect(),
        Format::FltP => (0..samples).flat_map(|n| (word(n) as f32 / 2_147_483_648.0).to_ne_bytes()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That both do the same. Without the library there is nothing to compare.
    #[test]
    fn the_peer_converts_as_ours_does() {
        let Ok(library) = Swresample::load() else { return };
        let run = |formats, source: Vec<u8>| {
            let mut conversion = Conversion::new(&library, formats, &source, false, 1.0).unwrap();
            conversion.run();
            conversion.out().to_vec()
        };
        let words = |words: [i32; 4]| words.map(i32::to_ne_bytes).concat();
        let planes = words([1 << 16, 2 << 16, 3 << 16, 4 << 16]);
        assert_eq!(run((Format::S32P, Format::S32), planes), words([1 << 16, 3 << 16, 2 << 16, 4 << 16]));
        let halves = |halves: [i16; 4]| halves.map(i16::to_ne_bytes).concat();
        assert_eq!(run((Format::S16P, Format::S32), halves([1, 2, 3, 4])), words([1 << 16, 3 << 16, 2 << 16, 4 << 16]));
        let floats = [0.5_f32, -0.5, 0.25, 0.0].map(f32::to_ne_bytes).concat();
        assert_eq!(run((Format::FltP, Format::S16), floats), halves([16384, 8192, -16384, 0]));
    }
}
