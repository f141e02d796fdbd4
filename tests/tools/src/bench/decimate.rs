//! DSD to PCM: the filters against their own scalar reference, and a whole file against ffmpeg.
use std::fs::File;
use std::hint::black_box;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use pcm::decimate::{Conversion, Decimator, Level};
use pcm::{
    BitOrder, Caps, ChannelSet, Cpu, Encoding, FormatSet, Packer, Planes, RateSet, Rules, Samples, Source, WireFormat,
    plan,
};

use super::usage::whole_ms;
use super::{Line, compare, dsf, line};

/// Bytes of a channel that a call converts.
const BYTES: usize = 64 * 1024;
/// Turns of what takes seconds.
const RUNS: usize = 5;
/// Seconds of the file.
const SECONDS: u32 = 30;
/// What it is converted to.
const RATE: u32 = 176_400;

/// All lines.
///
/// # Errors
/// The file can't be written, or ffmpeg fails.
pub fn lines() -> anyhow::Result<Vec<Line>> {
    let mut lines = filters();
    lines.push(whole_file()?);
    Ok(lines)
}

/// Nanoseconds for each byte, for the slowest conversion, the usual one and the one with the most bits.
fn filters() -> Vec<Line> {
    let dsd = dsf::noise(BYTES);
    let mut lines = Vec::new();
    for (name, bit_rate, rate) in [
        ("dsd64_to_352", 2_822_400, 352_800),
        ("dsd64_to_176", 2_822_400, 176_400),
        ("dsd512_to_176", 22_579_200, 176_400),
        ("dsd512_to_88", 22_579_200, 88_200),
        ("dsd1024_to_176", 45_158_400, 176_400),
    ] {
        let Some(conversion) = Conversion::new(bit_rate, rate) else { continue };
        let mut out = vec![0; BYTES];
        let mut reference = out.clone();
        let decimator = |cpu| Decimator::new(conversion, BitOrder::LsbFirst, Level::Modulation, cpu);
        let (mut ours, mut scalar) = (decimator(Cpu::detect()), decimator(Cpu::BASELINE));
        let what = format!("a byte of DSD at {bit_rate} Hz to PCM at {rate} Hz, 64 KiB at a time");
        let mut run = || assert_eq!(ours.convert(black_box(&dsd), black_box(&mut out)).bytes, BYTES);
        let mut run_scalar = || assert_eq!(scalar.convert(black_box(&dsd), black_box(&mut reference)).bytes, BYTES);
        lines.push(compare(name, &what, "ns/byte", BYTES as f64, &mut run, ("scalar", &mut run_scalar)));
    }
    lines
}

/// CPU time from a DSF file to packed frames.
fn whole_file() -> anyhow::Result<Line> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("dsd512.dsf");
    dsf::write(&path, SECONDS).context("writing a DSF file")?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let before = thread_ms()?;
        convert(&path)?;
        ours.push(thread_ms()? - before);
        let input = ["-v", "error", "-nostdin", "-threads", "1", "-i"];
        let output = ["-ar", "176400", "-c:a", "pcm_s24le", "-f", "null", "-"];
        peer.push(whole_ms(Command::new("ffmpeg").args(input).arg(&path).args(output)).context("ffmpeg")?);
    }
    let what = format!("CPU for {SECONDS} s of stereo DSD512, from a DSF file to 176.4 kHz in S24_3LE");
    Ok(line("dsf512_to_176_24", &what, "ms", ours, Some(("ffmpeg", peer))))
}

/// Converts the file, and packs with dither; the frames go nowhere.
fn convert(path: &Path) -> anyhow::Result<()> {
    let conversion = Conversion::new(dsf::BIT_RATE, RATE).context("no conversion")?;
    let source = Source { rate: RATE, bits: 32, channels: 2, encoding: Encoding::Integer };
    let formats = FormatSet::EMPTY.with(WireFormat::S24_3Le);
    let caps = Caps::uniform(formats, RateSet::any(1, 1_536_000), ChannelSet::ALL);
    let plan = plan(&source, &caps, &Rules::default()).context("no plan")?;
    let mut packer = Packer::new(&plan, Cpu::detect());
    let decimator = Decimator::new(conversion, BitOrder::LsbFirst, Level::Modulation, Cpu::detect());
    let mut channels = [decimator.clone(), decimator];
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(dsf::HEADER))?;
    // Eight blocks of both channels.
    let mut dsd = vec![0; 16 * dsf::BLOCK];
    let mut planes = [[0; dsf::BLOCK / 8]; 2];
    let mut wire = vec![0; 2 * 3 * dsf::BLOCK / 8];
    while file.read_exact(&mut dsd).is_ok() {
        for blocks in dsd.chunks_exact(2 * dsf::BLOCK) {
            let mut frames = 0;
            for ((channel, dsd), plane) in channels.iter_mut().zip(blocks.chunks_exact(dsf::BLOCK)).zip(&mut planes) {
                frames = channel.convert(dsd, plane).frames;
            }
            let [left, right] = &planes;
            let samples = Planes::new([left.get(..frames).unwrap_or(&[]), right.get(..frames).unwrap_or(&[])])?;
            black_box(packer.pack(&Samples::S32(samples), 0, black_box(&mut wire)));
        }
    }
    Ok(())
}

/// CPU milliseconds that this thread has used, from the first field of /proc/thread-self/schedstat (nanoseconds).
fn thread_ms() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = stat.split_whitespace().next().context("an empty schedstat")?.parse()?;
    Ok(nanoseconds / 1e6)
}
