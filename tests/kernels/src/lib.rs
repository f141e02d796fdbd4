//! The kernels of `pcm` with something to work on: what `tests/bench` measures and counts. A crate of its own, because
//! instructions are counted for ARM as well, where little more than `pcm` has to be built.
#![forbid(unsafe_code)]
use std::hint::black_box;

use pcm::decimate::{Conversion, Decimator, Level};
use pcm::gain::{Gain, Ramp, Scaler};
use pcm::hidden::MqaDetector;
use pcm::{
    BitOrder, ChannelMap, Cpu, Crc32c, Dsd, DsdPacker, Interleaved, MAX_CHANNELS, Number, Packer, Planes, Samples,
    Splitter, Tpdf, Wire, WireFormat, WirePlan,
};

mod buffer;
mod set;

pub use buffer::Buffer;
pub use set::{Set, run};

/// The compiler that this is built with, as `1.95`: what another makes of a kernel may take half as many instructions again.
pub const RUST: &str = env!("KERNELS_RUST");

/// A kernel, and what it is measured with.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Its name.
    pub name: &'static str,
    work: Work,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Pack(Source, Channels, WireFormat, bool),
    /// Channels, and bytes of a sample in a file, the lowest first; a sample is a number of a plane.
    Split(usize, usize),
    /// Stereo.
    Scale(WireFormat, Motion, Sound),
    /// Stereo for a DAC that uses the upper 24 of 32 bits.
    ScaleTo24(WireFormat, Motion, Sound),
    /// A sample is a word of the wire.
    Dsd(Container, Channels, WireFormat),
    /// Stereo, of which nothing is read.
    Silence(WireFormat),
    /// One channel, from this bit rate to this rate; its samples are the bytes that it reads.
    Decimate(u32, u32),
    /// Of bytes, which are its samples.
    Crc,
    /// Looking for MQA in stereo, of which nothing is written.
    Mqa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    S16,
    S32,
    F32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Mono,
    MonoToStereo,
    Stereo,
    Six,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    /// The oldest bit last in a byte, a block for each channel.
    Dsf,
    /// The oldest bit first, a byte of each channel in turn.
    Dff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Motion {
    Still,
    Ramp,
    /// At silence: of DoP the markers stay.
    Muted,
}

/// What is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    Noise,
    Silence,
    /// The lowest sample and the highest by turns.
    FullScale,
}

/// All that player and engine run often, named after what goes in and what comes out.
pub const KERNELS: [Kernel; 65] = {
    use Channels::{Mono, MonoToStereo, Six, Stereo};
    use Container::{Dff, Dsf};
    use Motion::{Muted, Ramp, Still};
    use Sound::Noise;
    use Source::{F32, S16, S32};
    use WireFormat::{DopS24_3Le, DopS24Le, DopS32Le, DsdU8, DsdU16Be, DsdU16Le, DsdU32Be, DsdU32Le};
    use WireFormat::{S16Be, S16Le, S24_3Be, S24_3Le, S24Be, S24Le, S32Be, S32Le};
    [
        kernel("pack_16_s16", Work::Pack(S16, Stereo, S16Le, false)),
        kernel("pack_16_s24_3", Work::Pack(S16, Stereo, S24_3Le, false)),
        kernel("pack_16_s24", Work::Pack(S16, Stereo, S24Le, false)),
        kernel("pack_16_s32", Work::Pack(S16, Stereo, S32Le, false)),
        kernel("pack_32_s24_3", Work::Pack(S32, Stereo, S24_3Le, false)),
        kernel("pack_32_s24", Work::Pack(S32, Stereo, S24Le, false)),
        kernel("pack_32_s32", Work::Pack(S32, Stereo, S32Le, false)),
        kernel("pack_f32_s16", Work::Pack(F32, Stereo, S16Le, false)),
        kernel("pack_f32_s24", Work::Pack(F32, Stereo, S24Le, false)),
        kernel("pack_f32_s32", Work::Pack(F32, Stereo, S32Le, false)),
        kernel("pack_mono_32_s24_3", Work::Pack(S32, Mono, S24_3Le, false)),
        kernel("pack_twins_16_s32", Work::Pack(S16, MonoToStereo, S32Le, false)),
        kernel("pack_six_32_s24_3", Work::Pack(S32, Six, S24_3Le, false)),
        kernel("pack_16_s16_be", Work::Pack(S16, Stereo, S16Be, false)),
        kernel("pack_32_s24_3_be", Work::Pack(S32, Stereo, S24_3Be, false)),
        kernel("pack_32_s24_be", Work::Pack(S32, Stereo, S24Be, false)),
        kernel("pack_32_s32_be", Work::Pack(S32, Stereo, S32Be, false)),
        kernel("split_16", Work::Split(2, 2)),
        kernel("split_24", Work::Split(2, 3)),
        kernel("split_32", Work::Split(2, 4)),
        kernel("split_mono_24", Work::Split(1, 3)),
        kernel("split_six_24", Work::Split(6, 3)),
        kernel("dither_32_s16", Work::Pack(S32, Stereo, S16Le, true)),
        kernel("dither_32_s24_3", Work::Pack(S32, Stereo, S24_3Le, true)),
        kernel("dither_32_s24", Work::Pack(S32, Stereo, S24Le, true)),
        kernel("dither_f32_s16", Work::Pack(F32, Stereo, S16Le, true)),
        kernel("dither_f32_s24_3", Work::Pack(F32, Stereo, S24_3Le, true)),
        kernel("gain_s16", Work::Scale(S16Le, Still, Noise)),
        kernel("gain_s24_3", Work::Scale(S24_3Le, Still, Noise)),
        kernel("gain_s24", Work::Scale(S24Le, Still, Noise)),
        kernel("gain_s32", Work::Scale(S32Le, Still, Noise)),
        kernel("gain_s32_24", Work::ScaleTo24(S32Le, Still, Noise)),
        kernel("ramp_s16", Work::Scale(S16Le, Ramp, Noise)),
        kernel("ramp_s24_3", Work::Scale(S24_3Le, Ramp, Noise)),
        kernel("ramp_s24", Work::Scale(S24Le, Ramp, Noise)),
        kernel("ramp_s32", Work::Scale(S32Le, Ramp, Noise)),
        kernel("ramp_s32_24", Work::ScaleTo24(S32Le, Ramp, Noise)),
        kernel("gain_s16_be", Work::Scale(S16Be, Still, Noise)),
        kernel("gain_s24_3_be", Work::Scale(S24_3Be, Still, Noise)),
        kernel("gain_s24_be", Work::Scale(S24Be, Still, Noise)),
        kernel("gain_s32_be", Work::Scale(S32Be, Still, Noise)),
        kernel("dsf_dsd_u8", Work::Dsd(Dsf, Stereo, DsdU8)),
        kernel("dsf_dsd_u16_le", Work::Dsd(Dsf, Stereo, DsdU16Le)),
        kernel("dsf_dsd_u16_be", Work::Dsd(Dsf, Stereo, DsdU16Be)),
        kernel("dff_dsd_u16_be", Work::Dsd(Dff, Stereo, DsdU16Be)),
        kernel("dsf_dsd_u32_be", Work::Dsd(Dsf, Stereo, DsdU32Be)),
        kernel("dff_dsd_u32_be", Work::Dsd(Dff, Stereo, DsdU32Be)),
        kernel("dff_dsd_u32_le", Work::Dsd(Dff, Stereo, DsdU32Le)),
        kernel("dsf_mono_dsd_u32_be", Work::Dsd(Dsf, Mono, DsdU32Be)),
        kernel("dff_six_dsd_u32_be", Work::Dsd(Dff, Six, DsdU32Be)),
        kernel("dsf_dop_s24_3", Work::Dsd(Dsf, Stereo, DopS24_3Le)),
        kernel("dff_dop_s24_3", Work::Dsd(Dff, Stereo, DopS24_3Le)),
        kernel("dff_dop_s24", Work::Dsd(Dff, Stereo, DopS24Le)),
        kernel("dsf_dop_s24", Work::Dsd(Dsf, Stereo, DopS24Le)),
        kernel("dff_dop_s32", Work::Dsd(Dff, Stereo, DopS32Le)),
        kernel("dff_six_dop_s32", Work::Dsd(Dff, Six, DopS32Le)),
        kernel("mute_dop_s24_3", Work::Scale(DopS24_3Le, Muted, Noise)),
        kernel("mute_dop_s24", Work::Scale(DopS24Le, Muted, Noise)),
        kernel("mute_dop_s32", Work::Scale(DopS32Le, Muted, Noise)),
        kernel("silence_dop_s24_3", Work::Silence(DopS24_3Le)),
        kernel("silence_dop_s24", Work::Silence(DopS24Le)),
        kernel("silence_dop_s32", Work::Silence(DopS32Le)),
        kernel("dsd512_to_176", Work::Decimate(22_579_200, 176_400)),
        kernel("crc32c", Work::Crc),
        kernel("find_mqa", Work::Mqa),
    ]
};

/// A running ramp over different sound, by format: a ramp's instructions don't depend on the samples.
pub const RAMPS: [[Kernel; 3]; 4] = {
    use WireFormat::{S16Le, S24_3Le, S24Le, S32Le};
    const fn over(names: [&'static str; 3], format: WireFormat) -> [Kernel; 3] {
        let [noise, silence, full_scale] = names;
        [
            kernel(noise, Work::Scale(format, Motion::Ramp, Sound::Noise)),
            kernel(silence, Work::Scale(format, Motion::Ramp, Sound::Silence)),
            kernel(full_scale, Work::Scale(format, Motion::Ramp, Sound::FullScale)),
        ]
    }
    [
        over(["ramp_s16", "ramp_s16_silence", "ramp_s16_full_scale"], S16Le),
        over(["ramp_s24_3", "ramp_s24_3_silence", "ramp_s24_3_full_scale"], S24_3Le),
        over(["ramp_s24", "ramp_s24_silence", "ramp_s24_full_scale"], S24Le),
        over(["ramp_s32", "ramp_s32_silence", "ramp_s32_full_scale"], S32Le),
    ]
};

const fn kernel(name: &'static str, work: Work) -> Kernel {
    Kernel { name, work }
}

impl Kernel {
    /// By its name, those of [`RAMPS`] included.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        KERNELS.iter().chain(RAMPS.as_flattened()).find(|kernel| kernel.name == name)
    }

    /// Samples that take so many bytes on the wire, or so many bytes that are read where those are what counts.
    #[must_use]
    pub const fn samples_in(&self, bytes: usize) -> usize {
        match self.work {
            Work::Pack(_, _, format, _)
            | Work::Scale(format, ..)
            | Work::ScaleTo24(format, ..)
            | Work::Dsd(_, _, format)
            | Work::Silence(format) => bytes / format.bytes(),
            Work::Split(_, sample) => bytes / plane_bytes(sample),
            Work::Decimate(..) | Work::Crc => bytes,
            Work::Mqa => bytes / size_of::<i32>(),
        }
    }
}

/// Bytes of a number of the plane that samples of so many bytes go to.
const fn plane_bytes(sample: usize) -> usize {
    if sample <= 2 { 2 } else { 4 }
}

impl Channels {
    /// Of the wire.
    const fn count(self) -> u16 {
        match self {
            Self::Mono => 1,
            Self::MonoToStereo | Self::Stereo => 2,
            Self::Six => 6,
        }
    }
}

/// A kernel with its buffers.
pub struct Bench {
    samples: usize,
    moved: usize,
    state: State,
    out: Buffer<u8>,
}

enum State {
    Pack { packer: Packer, planes: Material },
    Split { splitter: Splitter, src: Buffer<u8>, planes: Separate },
    Scale { scaler: Scaler, motion: Motion, src: Buffer<u8>, dither: Tpdf },
    Dsd { packer: DsdPacker, channels: usize, src: OneBit },
    Silence { format: WireFormat },
    Decimate { decimator: Box<Decimator>, src: Buffer<u8>, out: Buffer<i32> },
    Crc { crc: Crc32c, src: Buffer<u8> },
    Mqa { detector: MqaDetector, planes: Material },
}

enum Material {
    S16(Vec<Buffer<i16>>),
    S32(Vec<Buffer<i32>>),
    F32(Vec<Buffer<f32>>),
}

/// Room for what was interleaved.
enum Separate {
    S16(Vec<Buffer<i16>>),
    S32(Vec<Buffer<i32>>),
}

/// As a file lays it out.
enum OneBit {
    Dsf(Vec<Buffer<u8>>),
    Dff(Buffer<u8>),
}

impl Bench {
    /// Ready for calls of at most so many samples of the wire.
    #[must_use]
    pub fn new(kernel: &Kernel, samples: usize, cpu: Cpu) -> Self {
        let word = |n: usize| (n as i32).wrapping_mul(0x9e37_79b9_u32 as i32);
        let bytes = |length| Buffer::new(length, |n| (word(n) >> 24) as u8);
        match kernel.work {
            Work::Pack(source, map, format, dither) => {
                let channels = map.count();
                let frames = samples / usize::from(channels);
                let (source_channels, channel_map) = match map {
                    Channels::MonoToStereo => (1, ChannelMap::MonoToStereo),
                    Channels::Mono | Channels::Stereo | Channels::Six => (usize::from(channels), ChannelMap::Same),
                };
                let wire = Wire { format, rate: 192_000, channels };
                let packer = Packer::new(
                    &WirePlan {
                        wire,
                        lossless: !dither,
                        exact_bits: None,
                        dither,
                        channel_map,
                        decimation: None,
                        resampled_from: None,
                    },
                    cpu,
                );
                let (planes, read) = material(source, source_channels, frames, word);
                let written = frames * wire.frame_bytes();
                let samples = frames * usize::from(channels);
                Self {
                    samples,
                    moved: read + written,
                    state: State::Pack { packer, planes },
                    out: Buffer::empty(written),
                }
            }
            Work::Split(channels, sample) => {
                let bits = (8 * sample) as u16;
                let layout = Interleaved { channels, bytes: sample, bits, highest_first: false, is_unsigned: false };
                let splitter = Splitter::new(layout, cpu).expect("samples can lie so");
                let frames = samples / channels;
                let planes = if plane_bytes(sample) == 2 {
                    Separate::S16((0..channels).map(|_| Buffer::new(frames, |_| 0)).collect())
                } else {
                    Separate::S32((0..channels).map(|_| Buffer::new(frames, |_| 0)).collect())
                };
                let (samples, read) = (frames * channels, frames * channels * sample);
                let state = State::Split { splitter, src: bytes(read), planes };
                Self { samples, moved: read + samples * plane_bytes(sample), state, out: Buffer::empty(0) }
            }
            Work::Scale(format, motion, sound) | Work::ScaleTo24(format, motion, sound) => {
                let written = samples / 2 * 2 * format.bytes();
                let bits = if matches!(kernel.work, Work::ScaleTo24(..)) { 24 } else { format.bits() };
                let (scaler, dither) = (Scaler::new(format, 2, cpu).with_bits(bits), Tpdf::new(0));
                let src = match sound {
                    Sound::Noise => bytes(written),
                    Sound::Silence => Buffer::empty(written),
                    Sound::FullScale => full_scale(format.bytes(), written),
                };
                let state = State::Scale { scaler, motion, src, dither };
                Self { samples: samples / 2 * 2, moved: 2 * written, state, out: Buffer::empty(written) }
            }
            Work::Dsd(container, map, format) => {
                let wire = Wire { format, rate: 88_200, channels: map.count() };
                let plan = WirePlan {
                    wire,
                    exact_bits: None,
                    lossless: true,
                    dither: false,
                    channel_map: ChannelMap::Same,
                    decimation: None,
                    resampled_from: None,
                };
                let channels = usize::from(wire.channels);
                let frames = samples / channels;
                let samples = frames * channels;
                let (read, written) = (samples * usize::from(format.bits()) / 8, frames * wire.frame_bytes());
                let src = match container {
                    Container::Dsf => OneBit::Dsf((0..channels).map(|_| bytes(read / channels)).collect()),
                    Container::Dff => OneBit::Dff(bytes(read)),
                };
                let state = State::Dsd { packer: DsdPacker::new(&plan, cpu), channels, src };
                Self { samples, moved: read + written, state, out: Buffer::empty(written) }
            }
            Work::Silence(format) => {
                let written = samples / 2 * 2 * format.bytes();
                Self {
                    samples: samples / 2 * 2,
                    moved: written,
                    state: State::Silence { format },
                    out: Buffer::empty(written),
                }
            }
            Work::Decimate(bit_rate, rate) => {
                let conversion = Conversion::new(bit_rate, rate).expect("rates of the same family");
                let decimator = Box::new(Decimator::new(conversion, BitOrder::LsbFirst, Level::Modulation, cpu));
                let out = Buffer::empty(samples);
                let moved = samples + (samples as u64 * 8 * u64::from(rate) / u64::from(bit_rate)) as usize * 4;
                let state = State::Decimate { decimator, src: bytes(samples), out };
                Self { samples, moved, state, out: Buffer::empty(0) }
            }
            Work::Mqa => {
                let (planes, read) = material(Source::S32, 2, samples / 2, word);
                let state = State::Mqa { detector: MqaDetector::new(96_000), planes };
                Self { samples: samples / 2 * 2, moved: read, state, out: Buffer::empty(0) }
            }
            Work::Crc => {
                let state = State::Crc { crc: Crc32c::new(cpu), src: bytes(samples) };
                Self { samples, moved: samples, state, out: Buffer::empty(0) }
            }
        }
    }

    /// Samples of a call, as the wire counts them.
    #[must_use]
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// Bytes that a call reads and writes.
    #[must_use]
    pub const fn moved(&self) -> usize {
        self.moved
    }

    /// One call.
    pub fn run(&mut self) {
        let out = black_box(&mut self.out);
        match &mut self.state {
            State::Pack { packer, planes } => {
                black_box(packer.pack(&black_box(planes).samples(), 0, out));
            }
            State::Split { splitter, src, planes } => match black_box(planes) {
                Separate::S16(planes) => split(splitter, black_box(src), planes),
                Separate::S32(planes) => split(splitter, black_box(src), planes),
            },
            State::Scale { scaler, motion, src, dither } => {
                let mut ramp = Ramp::constant(Gain::from_percent(70));
                match motion {
                    Motion::Still => {}
                    Motion::Ramp => ramp.fade_to(Gain::from_percent(90), u32::MAX),
                    Motion::Muted => ramp = Ramp::constant(Gain::SILENCE),
                }
                black_box(scaler.copy(black_box(src), out, &mut ramp, dither));
            }
            State::Dsd { packer, channels, src } => {
                let stream = match black_box(src) {
                    OneBit::Dff(bytes) => Dsd::interleaved(bytes, *channels, BitOrder::MsbFirst),
                    OneBit::Dsf(planes) => Planes::new(planes.iter().map(|plane| &plane[..]))
                        .map(|planes| Dsd::planar(planes, BitOrder::LsbFirst)),
                };
                black_box(packer.pack(&stream.expect("channels of one length"), 0, out));
            }
            State::Silence { format } => pcm::fill_silence(*format, 2, pcm::Marker::Odd, out),
            State::Decimate { decimator, src, out } => {
                black_box(decimator.convert(black_box(src), black_box(out)));
            }
            State::Mqa { detector, planes } => {
                black_box((*detector).feed(&black_box(planes).samples()));
            }
            State::Crc { crc, src } => {
                crc.update(black_box(src));
                black_box(crc.value());
            }
        }
    }
}

fn split<T: Number>(splitter: &Splitter, src: &[u8], planes: &mut [Buffer<T>]) {
    let mut rooms: [&mut [T]; MAX_CHANNELS] = Default::default();
    for (room, plane) in rooms.iter_mut().zip(planes) {
        *room = &mut plane[..];
    }
    black_box(splitter.split(src, &mut rooms));
}

/// The lowest and the highest sample of so many bytes each, by turns.
fn full_scale(bytes: usize, length: usize) -> Buffer<u8> {
    let sample = |highest: bool| {
        let (rest, top) = if highest { (0xff, 0x7f) } else { (0, 0x80) };
        (1..=bytes).map(move |n| if n == bytes { top } else { rest })
    };
    let pair: Vec<u8> = sample(false).chain(sample(true)).collect();
    Buffer::new(length, |n| pair[n % pair.len()])
}

/// Planes, and the bytes that they take.
fn material(source: Source, channels: usize, frames: usize, word: impl Fn(usize) -> i32) -> (Material, usize) {
    fn planes<T: Copy + Default>(channels: usize, frames: usize, sample: impl Fn(usize) -> T) -> Vec<Buffer<T>> {
        (0..channels).map(|channel| Buffer::new(frames, |frame| sample(frame + 7 * channel))).collect()
    }
    match source {
        Source::S16 => (Material::S16(planes(channels, frames, |n| (word(n) >> 16) as i16)), channels * frames * 2),
        Source::S32 => (Material::S32(planes(channels, frames, &word)), channels * frames * 4),
        Source::F32 => {
            let float = |n| word(n) as f32 / 2_147_483_648.0;
            (Material::F32(planes(channels, frames, float)), channels * frames * 4)
        }
    }
}

impl Material {
    /// As a decoder hands it out.
    fn samples(&self) -> Samples<'_> {
        const EMPTY: &str = "there are channels, all of one length";
        match self {
            Self::S16(planes) => Samples::S16(Planes::new(planes.iter().map(|plane| &plane[..])).expect(EMPTY)),
            Self::S32(planes) => Samples::S32(Planes::new(planes.iter().map(|plane| &plane[..])).expect(EMPTY)),
            Self::F32(planes) => Samples::F32(Planes::new(planes.iter().map(|plane| &plane[..])).expect(EMPTY)),
        }
    }
}
