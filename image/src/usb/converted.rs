//! What the DAC takes in no form as it is comes at another rate: as long as it was, and with its sound in level and in time. DSD's tone
//! is known by its formula; PCM is compared with what a filter of ours makes of the source at the moments of the new rate.
use std::f64::consts::{PI, TAU};

use anyhow::Result;
use serde_json::json;
use support::material::DsdShape;
use usb_dac::Stream;

use super::bench::Bench;
use super::found::Tried;
use crate::tracks::Track;

const CHANNELS: usize = 2;
/// A tone is looked at in pieces of so much, s,
const PIECE: f64 = 0.1;
/// but for so much at either end, where the filter has silence beside it.
const END: f64 = 0.01;
/// How far a tone's amplitude may be off, of full scale,
const LOUDER: f64 = 0.001;
/// and its phase, radians.
const LATER: f64 = 0.03;
/// What else there may be in it, root mean square: what a modulator of second order leaves below 50 kHz.
const BESIDE: f64 = 0.05;
/// How far PCM may be off, of its own level: no two filters begin to cut in the same way.
const OFF: f64 = 0.02;
/// Frames of silence that are a hole: no tone has as many, and noise hasn't.
const HOLE: usize = 64;
/// How far our filter reaches to each side, in frames of the source.
const REACH: i64 = 64;
/// The same for any filter, generously: what is kept from where two differ.
const MARGIN: f64 = 400.0;

/// A frame's samples, of full scale.
type Frame = [f64; CHANNELS];

/// The page says what is done to it and doesn't call it bit-perfect; what comes is the track's sound, and what the certificate says.
pub(super) fn converted(bench: &mut Bench, track: &Track, rate: u32, changes: &[&str]) -> Result<Tried> {
    bench.start(track)?;
    let playing = bench.playing()?;
    let fault = bench.until_stopped()?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let wire = &playing["wire"];
    let says = json!([playing["bit_perfect"], playing["changes"], wire["rate"], wire["format"]]);
    let words = bench.dac.with(|device| device.model().settings.first().map_or(4, |setting| setting.bytes));
    let wanted = json!([false, changes, rate, if words == 2 { "S16_LE" } else { "S32_LE" }]);
    if says != wanted {
        tried.faults.push(format!("the page says {says}, not {wanted}"));
    }
    let streams = bench.streams()?;
    if let Some(stream) = tried.only(&streams) {
        let frame = stream.setting.frame();
        let ours = without_silence(&stream.bytes, frame);
        if tried.sounds_like(track, stream, rate, ours) {
            tried.certified(bench, ours, frame)?;
        }
    }
    Ok(tried)
}

/// Whole frames, from the first to the last one that isn't zero.
pub(super) fn without_silence(bytes: &[u8], frame: usize) -> &[u8] {
    let sounds = |frame: &[u8]| frame.iter().any(|byte| *byte != 0);
    let frames = bytes.chunks_exact(frame);
    let first = frames.clone().position(sounds).unwrap_or(0);
    let end = frames.rev().position(sounds).map_or(0, |behind| bytes.len() / frame - behind);
    bytes.get(first * frame..end * frame).unwrap_or_default()
}

/// How often there is silence inside, of so many frames that no sound has it.
fn holes(came: &[Frame]) -> u64 {
    let silent = came.chunk_by(|a, b| (*a == [0.0; CHANNELS]) == (*b == [0.0; CHANNELS]));
    silent.filter(|run| run.len() >= HOLE && run[0] == [0.0; CHANNELS]).count() as u64
}

/// Samples of so many bytes.
pub(super) fn samples(bytes: &[u8], word: usize) -> Vec<Frame> {
    let level = |sample: &[u8]| {
        let mut wide = [0; 4];
        wide[4 - word..].copy_from_slice(sample);
        f64::from(i32::from_le_bytes(wide)) / 2_147_483_648.0
    };
    let frames = bytes.chunks_exact(CHANNELS * word);
    frames.map(|frame| std::array::from_fn(|channel| level(&frame[channel * word..][..word]))).collect()
}

impl Tried {
    /// Looks at a stream without the silence around it; whether it is as long as the track, so that the rest can be compared.
    fn sounds_like(&mut self, track: &Track, stream: &Stream, rate: u32, ours: &[u8]) -> bool {
        let came = samples(ours, stream.setting.bytes.into());
        let holes = holes(&came);
        self.frames = came.len();
        if stream.rate != rate {
            self.faults.push(format!("it came as {:?} at {} Hz", stream.setting, stream.rate));
            return false;
        }
        let dsd = track.dsd_shape();
        let (frames, of) = match dsd {
            Some(DsdShape { bytes, rate, .. }) => (bytes.into(), rate / 8),
            None => ((track.packed.len() / track.frame()) as u64, track.wire.rate),
        };
        // A track has as many frames as last as long as it does, the last one begun.
        let expected = (frames * u64::from(rate)).div_ceil(of.into());
        if came.len() as u64 != expected {
            self.torn(holes, format!("{} frames that aren't silent came, not {expected}", came.len()));
            return false;
        }
        match dsd {
            Some(shape) => self.is_tone(&came, rate.into(), &shape, holes),
            None => {
                self.is_same(&came, &samples(&track.packed, track.frame() / CHANNELS), track.wire.rate, rate, holes);
            }
        }
        true
    }

    fn is_tone(&mut self, came: &[Frame], rate: f64, shape: &DsdShape, holes: u64) {
        let [length, end] = [PIECE, END].map(|seconds| (seconds * rate) as usize);
        let inside = came.get(end..came.len().saturating_sub(end)).unwrap_or_default();
        let mut worst = [0.0_f64; 3];
        for (number, piece) in inside.chunks_exact(length).enumerate() {
            for channel in 0..CHANNELS {
                let (pitch, start) = shape.tone(channel as u16);
                let turn = pitch * TAU / rate;
                let start = start + (end + number * length) as f64 * turn;
                let (amplitude, phase, beside) = fit(piece, channel, turn, start);
                for (worst, off) in worst.iter_mut().zip([(amplitude - 0.5).abs(), phase.abs(), beside]) {
                    *worst = worst.max(off);
                }
            }
        }
        let [louder, later, beside] = worst;
        self.note = format!("the tone is off by {louder:.5} of full scale, {later:.4} rad; {beside:.4} beside it");
        if inside.len() < length || louder > LOUDER || later > LATER || beside > BESIDE {
            self.torn(holes, format!("it isn't its tone: {}", self.note));
        }
    }

    fn is_same(&mut self, came: &[Frame], source: &[Frame], from: u32, rate: u32, holes: u64) {
        let (off, frames) = off(came, source, 0.0, f64::from(from) / f64::from(rate));
        self.note = format!("{frames} frames are off by {:.2} % of their level", off * 100.0);
        // Not a number: there was nothing to compare.
        if off.is_nan() || off > OFF {
            self.torn(holes, format!("it isn't what is left of the source: {}", self.note));
        }
    }
}

/// How far what came is off what is left of a source, of its level, whose frame `first` it begins with, and of which it takes so many
/// frames for each; and how many were compared.
pub(super) fn off(came: &[Frame], source: &[Frame], first: f64, step: f64) -> (f64, usize) {
    let filter = Filter::new((1.0 / step).min(1.0));
    // Every fourth 1024 frames are noise, of which a filter's edge shows; triangles have little there.
    let is_steady = |at: f64| {
        at >= MARGIN
            && at + MARGIN < source.len() as f64
            && [at - MARGIN, at + MARGIN].iter().all(|at| *at as usize / 1024 % 4 != 3)
    };
    let ([mut off, mut level], mut frames) = ([0.0; 2], 0);
    for (n, came) in came.iter().enumerate() {
        let at = first + n as f64 * step;
        if !is_steady(at) {
            continue;
        }
        for (wanted, came) in filter.at(source, at).iter().zip(came) {
            off += (wanted - came).powi(2);
            level += wanted.powi(2);
        }
        frames += 1;
    }
    ((off / level).sqrt(), frames)
}

/// Amplitude of a sine at so many radians a frame, how far its phase is from `start`, and what else there is, as root mean square.
fn fit(frames: &[Frame], channel: usize, turn: f64, start: f64) -> (f64, f64, f64) {
    let length = frames.len() as f64;
    let levels = || frames.iter().map(|frame| frame[channel]).zip((0..).map(|n| f64::from(n) * turn + start));
    let window = |n: usize| 1.0 - (n as f64 * TAU / length).cos();
    let sum = |wave: fn(f64) -> f64| {
        levels().enumerate().map(|(n, (level, at))| window(n) * level * wave(at)).sum::<f64>() * 2.0 / length
    };
    let (sin, cos) = (sum(f64::sin), sum(f64::cos));
    let rest = levels().map(|(level, at)| (level - sin * at.sin() - cos * at.cos()).powi(2)).sum::<f64>();
    (sin.hypot(cos), cos.atan2(sin), (rest / length).sqrt())
}

/// A filter of linear phase that leaves the lower part of the spectrum.
struct Filter {
    /// Where it cuts, of the highest frequency that the source has.
    cut: f64,
}

impl Filter {
    fn new(cut: f64) -> Self {
        Self { cut }
    }

    /// A sinc within a Hann window.
    fn tap(&self, at: f64) -> f64 {
        let turn = PI * at * self.cut;
        let sinc = if turn.abs() < 1e-9 { self.cut } else { self.cut * turn.sin() / turn };
        sinc * (1.0 + (PI * at / (REACH + 1) as f64).cos()) / 2.0
    }

    /// What is left of the source at a moment between two of its frames.
    fn at(&self, source: &[Frame], at: f64) -> Frame {
        let middle = at.floor() as i64;
        let mut sum = [0.0; CHANNELS];
        for n in middle - REACH + 1..=middle + REACH {
            let tap = self.tap(at - n as f64);
            let frame = usize::try_from(n).ok().and_then(|n| source.get(n)).copied().unwrap_or_default();
            sum.iter_mut().zip(frame).for_each(|(sum, level)| *sum += tap * level);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Setting};

    use super::*;
    use crate::tracks::{Case, Container};

    fn words(frames: &[Frame]) -> Vec<u8> {
        frames.as_flattened().iter().flat_map(|level| ((level * 2_147_483_648.0) as i32).to_le_bytes()).collect()
    }

    #[test]
    fn silence_inside_is_counted() {
        let with = |runs: &[(usize, f64)]| {
            let all = runs.iter().flat_map(|(frames, level)| vec![[*level; CHANNELS]; *frames]);
            holes(&all.collect::<Vec<_>>())
        };
        assert_eq!(with(&[(500, 0.5), (63, 0.0), (500, 0.5)]), 0);
        assert_eq!(with(&[(500, 0.5), (64, 0.0), (500, 0.5), (900, 0.0), (1, 0.1)]), 2);
    }

    /// What is found of a track of which this came, at 44.1 kHz or 48 times four.
    fn tried(track: &Track, rate: u32, came: &[Frame]) -> Tried {
        let silence = vec![0; 8 * 5000];
        let bytes = [silence.clone(), words(came), silence].concat();
        let setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };
        let received = bytes.len() as u64;
        let stream = Stream { received, bytes, ..Stream::new(setting, rate) };
        let mut tried = Tried::default();
        tried.sounds_like(track, &stream, rate, without_silence(&stream.bytes, 8));
        tried.judged()
    }

    /// Ways in which what came is not what it should be.
    fn broken(right: &[Frame]) -> Vec<(&'static str, Vec<Frame>)> {
        let each = |of: fn(&Frame) -> Frame| right.iter().map(of).collect();
        let mut hole = right.to_vec();
        hole[20_000..22_000].fill([0.0; CHANNELS]);
        vec![
            ("silence", vec![[0.0; CHANNELS]; right.len()]),
            ("a click", vec![[0.5; CHANNELS]]),
            ("quieter", each(|frame| frame.map(|level| level * 0.9))),
            ("the other way round", each(|[left, right]| [*right, *left])),
            ("upside down", each(|frame| frame.map(|level| -level))),
            ("half of it", right[..right.len() / 2].to_vec()),
            ("a frame less", right[1..].to_vec()),
            ("at twice the pitch", right.iter().step_by(2).copied().collect()),
            ("a hole", hole),
        ]
    }

    #[test]
    fn a_tone_of_dsd_is_known_by_level_length_and_time() {
        let directory = tempfile::tempdir().unwrap();
        let track = Track::make(Case::dsd(Container::Dsf, 64).ms(400), directory.path()).unwrap();
        let shape = track.dsd_shape().unwrap();
        let frames = (shape.bytes / 2 + 1) as usize;
        let level = |n: usize, channel: u16| {
            let (pitch, start) = shape.tone(channel);
            0.5 * (start + pitch * TAU * n as f64 / 176_400.0).sin()
        };
        let right: Vec<Frame> = (0..frames).map(|n| [level(n, 0), level(n, 1)]).collect();
        let well = tried(&track, 176_400, &right);
        assert!(well.faults.is_empty() && well.frames == frames, "{well:?}");
        for (what, came) in broken(&right) {
            assert!(!tried(&track, 176_400, &came).faults.is_empty(), "{what}");
        }
        assert!(!tried(&track, 88_200, &right).faults.is_empty(), "at another rate");
    }

    #[test]
    fn what_is_left_of_pcm_at_half_its_rate_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let case = Case::pcm(Container::Wav, 384_000, 24, 2, support::decode::Layout::S32).ms(300);
        let track = Track::make(case, directory.path()).unwrap();
        let source = samples(&track.packed, 4);
        // Another filter than ours: three frames.
        let at = |n: usize, channel: usize| source.get(n).map_or(0.0, |frame| frame[channel]);
        let halved = |n: usize| -> Frame {
            std::array::from_fn(|channel| {
                let near = [n.saturating_sub(1), n, n, n + 1].map(|n| at(n, channel));
                near.iter().sum::<f64>() / 4.0
            })
        };
        let right: Vec<Frame> = (0..source.len()).step_by(2).map(halved).collect();
        let well = tried(&track, 192_000, &right);
        assert!(well.faults.is_empty() && well.frames == source.len() / 2, "{well:?}");
        for (what, came) in broken(&right) {
            assert!(!tried(&track, 192_000, &came).faults.is_empty(), "{what}");
        }
    }
}
