//! Real encoders and independent decoders, as Debian packages them. A missing one fails the test: what isn't tested
//! isn't known to work.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::material::{little_endian, wav, wave_format};

/// Runs a program with `input` on stdin; returns its stdout.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{program}: {error}; install Debian's package of it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that has read enough closes its end.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{message}", output.status);
    output.stdout
}

/// Runs ffmpeg from a file to a file, for formats that can't be written to a pipe.
pub fn ffmpeg(input: &[u8], extension: &str, arguments: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).into_os_string().into_string().unwrap();
    let (from, to) = (file("in"), file(&format!("out.{extension}")));
    std::fs::write(&from, input).unwrap();
    let mut all = vec!["-nostdin", "-v", "error", "-i", &from];
    all.extend(arguments);
    all.push(&to);
    run("ffmpeg", &all, &[]);
    std::fs::read(Path::new(&to)).unwrap()
}

/// Frames that ffmpeg decodes.
pub fn ffmpeg_frames(file: &[u8], channels: usize) -> usize {
    ffmpeg(file, "raw", &["-f", "s16le"]).len() / 2 / channels
}

/// A WAV file of right-justified samples.
pub fn wav_of(samples: &[i32], channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let container = bits.div_ceil(8) * 8;
    let data = if bits <= 8 {
        samples.iter().map(|&sample| ((sample << (8 - bits)) + 128) as u8).collect()
    } else {
        little_endian(samples, usize::from(container / 8), u32::from(container - bits))
    };
    let valid = (!bits.is_multiple_of(8) || channels > 2).then_some(bits);
    wav(&wave_format(1, channels, rate, container, valid), &data)
}

/// A FLAC file, by the reference encoder.
pub fn flac(samples: &[i32], channels: u16, rate: u32, bits: u16, options: &[&str]) -> Vec<u8> {
    // From a file, so that the encoder can go back and write STREAMINFO.
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("in.wav"), dir.path().join("out.flac"));
    std::fs::write(&from, wav_of(samples, channels, rate, bits)).unwrap();
    let mut all = vec!["--silent", "--lax", "--channel-map=none"];
    all.extend(options);
    all.extend(["-o", to.to_str().unwrap(), from.to_str().unwrap()]);
    run("flac", &all, &[]);
    std::fs::read(to).unwrap()
}
