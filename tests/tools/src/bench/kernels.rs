//! The packing kernels against memcpy of as many bytes as they write.
use std::hint::black_box;

use pcm::{Caps, ChannelSet, Encoding, FormatSet, Packer, Planes, RateSet, Rules, Samples, Source, WireFormat, plan};

use super::{Line, compare};

/// Bytes that a call writes: what fits into a small core's second-level cache.
const BYTES: usize = 64 * 1024;

/// A kernel: stereo planes of this depth into a DAC's only format.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Its name.
    pub name: &'static str,
    bits: u16,
    format: WireFormat,
}

/// All of them.
pub const KERNELS: [Kernel; 6] = [
    kernel("pack_16_s16", 16, WireFormat::S16Le),
    kernel("pack_24_s24_3", 24, WireFormat::S24_3Le),
    kernel("pack_24_s24", 24, WireFormat::S24Le),
    kernel("pack_32_s32", 32, WireFormat::S32Le),
    kernel("pack_16_s32", 16, WireFormat::S32Le),
    kernel("dither_24_s16", 24, WireFormat::S16Le),
];

const fn kernel(name: &'static str, bits: u16, format: WireFormat) -> Kernel {
    Kernel { name, bits, format }
}

/// A kernel with its buffers.
pub struct Bench {
    packer: Packer,
    narrow: bool,
    short: [Vec<i16>; 2],
    long: [Vec<i32>; 2],
    out: Vec<u8>,
}

impl Bench {
    /// Ready to run; `None` if the plan refuses, which is a bug.
    #[must_use]
    pub fn new(kernel: &Kernel) -> Option<Self> {
        let source = Source { rate: 192_000, bits: kernel.bits, channels: 2, encoding: Encoding::Integer };
        let caps = Caps {
            formats: [kernel.format].into_iter().collect::<FormatSet>(),
            rates: RateSet::any(1, 1_536_000),
            channels: ChannelSet::ALL,
            mixer: false,
        };
        let plan = plan(&source, &caps, &Rules::default()).ok()?;
        let frames = BYTES / plan.wire.frame_bytes();
        let noise = |frame: usize| (frame as i32).wrapping_mul(0x9e37_79b9_u32 as i32);
        let plane = |offset: usize| (0..frames).map(|frame| noise(frame + offset) >> 8 << 8).collect();
        let short = |offset: usize| (0..frames).map(|frame| (noise(frame + offset) >> 16) as i16).collect();
        Some(Self {
            packer: Packer::new(&plan),
            narrow: kernel.bits <= 16,
            short: [short(0), short(7)],
            long: [plane(0), plane(7)],
            out: vec![0; frames * plan.wire.frame_bytes()],
        })
    }

    /// Samples of a call.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.long[0].len() * 2
    }

    /// One call.
    pub fn run(&mut self) {
        let [left, right] = &self.short;
        let short = Planes::new([left.as_slice(), right.as_slice()]);
        let [left, right] = &self.long;
        let long = Planes::new([left.as_slice(), right.as_slice()]);
        if let (Ok(short), Ok(long)) = (short, long) {
            let samples = if self.narrow { Samples::S16(short) } else { Samples::S32(long) };
            black_box(self.packer.pack(black_box(&samples), 0, black_box(&mut self.out)));
        }
    }
}

/// A line for each kernel.
#[must_use]
pub fn lines() -> Vec<Line> {
    let measure = |kernel: &Kernel| {
        let mut bench = Bench::new(kernel)?;
        let samples = bench.samples() as f64;
        let what = format!("{} of stereo planes into 64 KiB", kernel.name);
        let from = vec![1_u8; BYTES];
        let mut to = vec![0_u8; BYTES];
        let length = bench.out.len();
        let mut copy = || black_box(&mut to)[..length].copy_from_slice(&black_box(&from)[..length]);
        let mut line = compare(kernel.name, &what, "ns/sample", samples, &mut || bench.run(), ("memcpy", &mut copy));
        line.instructions = super::instructions::per_sample(kernel.name, samples);
        Some(line)
    };
    KERNELS.iter().filter_map(measure).collect()
}
