//! `recorder FORMAT RATE CHANNELS SECONDS`: runs in the test image's guest and records from the loopback card what the engine
//! plays into it. The format is ALSA's name. Says `ready`; then, when the sound has been followed by a second
//! of silence, what it was as one line of JSON (`image::recording::Heard`). Fails if no sound comes within SECONDS.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::time::{Duration, Instant};

use alsa::pcm::{Access, Format, HwParams, PCM};
use alsa::{Direction, ValueOr};
use anyhow::{Context, Result, bail};
use image::recording::{Heard, READY, silence};
use nix::errno::Errno;

/// The other end of the cable whose first end is the card's first device. One subdevice: the one that everybody gets.
const DEVICE: &std::ffi::CStr = c"hw:Loopback,1,0";
/// Asked of the card; it gives less where its memory doesn't last so long.
const BUFFER_US: u32 = 1_000_000;
/// No track of the tests is larger, bytes.
const MOST: usize = 64 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, rate, channels, seconds] = arguments.as_slice() else {
        bail!("usage: recorder FORMAT RATE CHANNELS SECONDS");
    };
    let (rate, channels) = (rate.parse().context("RATE")?, channels.parse().context("CHANNELS")?);
    let patience = Duration::from_secs(seconds.parse().context("SECONDS")?);
    // What ALSA doesn't know becomes a format that can't be opened.
    let pcm = open(format.parse()?, rate, channels)?;
    let heard = record(&pcm, rate, silence(format), patience)?;
    say(&serde_json::to_string(&heard)?)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output")
}

fn open(format: Format, rate: u32, channels: u32) -> Result<PCM> {
    let pcm = PCM::new(DEVICE.to_str()?, Direction::Capture, false)?;
    {
        let params = HwParams::any(&pcm)?;
        params.set_rate_resample(false)?;
        params.set_access(Access::RWInterleaved)?;
        params.set_format(format)?;
        params.set_channels(channels)?;
        params.set_rate(rate, ValueOr::Nearest)?;
        params.set_buffer_time_near(BUFFER_US, ValueOr::Nearest)?;
        params.set_period_time_near(20_000, ValueOr::Nearest)?;
        pcm.hw_params(&params)?;
    }
    pcm.start()?;
    Ok(pcm)
}

fn record(pcm: &PCM, rate: u32, silence: u8, patience: Duration) -> Result<Heard> {
    let frame_bytes = usize::try_from(pcm.frames_to_bytes(1))?;
    let io = pcm.io_bytes();
    let mut buffer = vec![0; frame_bytes * (rate / 50) as usize];
    let (mut sound, mut silent, mut overruns) = (Vec::with_capacity(MOST / 4), 0, 0);
    let start = Instant::now();
    say(READY)?;
    while sound.is_empty() || silent < rate {
        let frames = match io.readi(&mut buffer) {
            Ok(frames) => frames,
            Err(error) if error.errno() == Errno::EPIPE as i32 => {
                overruns += 1;
                pcm.prepare()?;
                pcm.start()?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for frame in buffer[..frames * frame_bytes].chunks_exact(frame_bytes) {
            let is_silent = frame.iter().all(|byte| *byte == silence);
            silent = if is_silent { silent + 1 } else { 0 };
            if !is_silent || !sound.is_empty() {
                sound.extend_from_slice(frame);
            }
        }
        if sound.is_empty() && start.elapsed() > patience {
            bail!("no sound within {} s, {overruns} overruns", patience.as_secs());
        }
        if sound.len() > MOST {
            bail!("more than {MOST} bytes of sound");
        }
    }
    sound.truncate(sound.len() - silent as usize * frame_bytes);
    Ok(Heard::of(&sound, frame_bytes, overruns))
}
