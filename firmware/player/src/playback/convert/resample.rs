//! From rate to rate, by rubato's FFT: the ratio is exact, and so is the filter (no interpolation between its taps).
//!
//! The filter is a sinc under a squared Blackman-Harris window, [`BLOCK`] frames of the lower rate long or a little more, in
//! 64-bit floats. `tests` measures what it does between rates from 22.05 to 192 kHz: flat within 0.001 dB up to 0.453 of the lower rate
//! (20 kHz of 44.1 kHz), below -150 dB from half the lower rate on, and -160 dB below a tone is all that comes out beside it.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler as _};

/// Frames of the lower rate that are transformed at a time, at least: the filter's length.
const BLOCK: usize = 1024;

/// The most samples, of all channels, that are transformed at a time on either side: 2 MiB, of which about ten copies are held. It is
/// enough for all rates from 8 kHz to 1.536 MHz that are in use, and for odd ones whose ratio is of numbers up to 65 536 in stereo.
const LONGEST: usize = 1 << 18;

/// Resamples some channels.
pub(super) struct Resampler {
    fft: Fft<f64>,
    /// Frames that don't fill a block yet.
    input: Vec<Vec<f64>>,
    output: Vec<Vec<f64>>,
    /// Frames of the input that are transformed at a time.
    block: usize,
}

impl Resampler {
    /// From rate to rate, Hz. `None` if their ratio is of such large numbers that it would take too much memory.
    pub(super) fn new(from: u32, to: u32, channels: usize) -> Option<Self> {
        let (from, to) = (from as usize, to as usize);
        let least = BLOCK * from.max(to) / to.max(1);
        // An even number of the smallest blocks that there are, so that half of it, the filter's delay, is whole frames.
        let smallest = 2 * from.checked_div(greatest_common_divisor(from, to))?;
        let frames = least.next_multiple_of(smallest);
        let longer = frames.max(frames.checked_mul(to)? / from.max(1));
        if longer.checked_mul(channels)? > LONGEST {
            return None;
        }
        let fft = Fft::new(from, to, frames, channels, FixedSync::Both).ok()?;
        let block = fft.input_frames_next();
        let output = vec![vec![0.0; fft.output_frames_max()]; channels];
        Some(Self { fft, input: vec![Vec::new(); channels], output, block })
    }

    /// Frames of the input that make a whole number of frames, and that the filter reaches over.
    pub(super) fn block(&self) -> usize {
        self.block
    }

    /// Forgets what came before. Returns the frames of the output that come before the input's first.
    pub(super) fn reset(&mut self) -> usize {
        self.fft.reset();
        self.input.iter_mut().for_each(Vec::clear);
        self.fft.output_delay()
    }

    /// Appends what the input becomes, as left-justified integers, to `out`; `false` if rubato refuses it, and nothing comes of it.
    pub(super) fn feed(&mut self, planes: &[Vec<f64>], out: &mut [Vec<i32>]) -> bool {
        for (input, plane) in self.input.iter_mut().zip(planes) {
            input.extend_from_slice(plane);
        }
        let channels = self.input.len();
        while self.input.iter().all(|input| input.len() >= self.block) {
            let room = self.output.first().map_or(0, Vec::len);
            let from = SequentialSliceOfVecs::new(&self.input, channels, self.block);
            let to = SequentialSliceOfVecs::new_mut(&mut self.output, channels, room);
            let (Ok(from), Ok(mut to)) = (from, to) else { return self.give_up() };
            let Ok((taken, made)) = self.fft.process_into_buffer(&from, &mut to, None) else { return self.give_up() };
            for (output, out) in self.output.iter().zip(&mut *out) {
                out.extend(output.iter().take(made).map(|&level| integer(level)));
            }
            for input in &mut self.input {
                input.drain(..taken.max(1));
            }
        }
        true
    }

    /// What can't be resampled mustn't pile up.
    fn give_up(&mut self) -> bool {
        self.input.iter_mut().for_each(Vec::clear);
        false
    }

    /// Makes it refuse everything from now on.
    #[cfg(test)]
    pub(super) fn sabotage(&mut self) {
        self.output.iter_mut().for_each(Vec::clear);
    }
}

/// Rounds, and limits what a filter makes of a full-scale input.
fn integer(level: f64) -> i32 {
    // The conversion saturates.
    (level * 2_147_483_648.0).round() as i32
}

pub(super) fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
