//! The kernels of `pcm`: against memcpy of the bytes that they move, and against the scalar kernel where calls are short.
use std::hint::black_box;

use kernels::{Bench, Buffer, KERNELS, Kernel, Set};
use pcm::Cpu;

use super::instructions;
use super::{Line, compare};

/// Bytes that a call writes (a checksum: reads): a small core's first-level cache, its second, and what lies behind.
pub(super) const SIZES: [(usize, &str); 3] = [(4 << 10, "4 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB")];
/// The size whose lines also say how many instructions a sample takes.
const COUNTED: usize = 64 << 10;
/// Samples of short calls: a period of 1 ms has 88 to 3072.
const SHORT: [usize; 5] = [16, 32, 64, 128, 256];

/// Lines for each kernel: three sizes against memcpy, short calls against the scalar kernel.
#[must_use]
pub fn lines() -> Vec<Line> {
    let cpu = Cpu::detect();
    let mut lines = Vec::new();
    for kernel in &KERNELS {
        lines.extend(SIZES.iter().map(|&(bytes, size)| against_memcpy(kernel, bytes, size, cpu)));
        lines.extend(SHORT.iter().map(|&samples| against_scalar(kernel, samples, cpu)));
    }
    lines
}

/// memcpy of half the bytes that a call moves, which reads and writes as many as the kernel does.
pub(super) fn memcpy(bench: &Bench) -> impl FnMut() + use<> {
    let length = bench.moved() / 2;
    let (from, mut to) = (Buffer::new(length, |_| 1_u8), Buffer::empty(length));
    move || black_box(&mut to[..]).copy_from_slice(black_box(&from))
}

fn against_memcpy(kernel: &Kernel, bytes: usize, size: &str, cpu: Cpu) -> Line {
    let mut bench = Bench::new(kernel, kernel.samples_in(bytes), cpu);
    let samples = bench.samples() as f64;
    let mut copy = memcpy(&bench);
    let what = format!("{}, {size}, against memcpy of the bytes that it moves", kernel.name);
    let mut line = compare(kernel.name, &what, "ns/sample", samples, &mut || bench.run(), ("memcpy", &mut copy));
    // Only of what was timed: another set's code has other instructions.
    if let Some(set) = Set::all_of(cpu).filter(|_| bytes == COUNTED) {
        line.instructions = instructions::per_sample(kernel, set, None);
        line.what = format!("{what}, with {}", set.name());
    }
    line
}

fn against_scalar(kernel: &Kernel, samples: usize, cpu: Cpu) -> Line {
    let mut ours = Bench::new(kernel, samples, cpu);
    let mut scalar = Bench::new(kernel, samples, Cpu::BASELINE);
    let samples = ours.samples();
    let what = format!("{}, a call of {samples} samples, against the scalar kernel", kernel.name);
    let per_sample = samples as f64;
    compare(kernel.name, &what, "ns/sample", per_sample, &mut || ours.run(), ("scalar", &mut || scalar.run()))
}
