use std::fs::{self, File};
use std::io::Cursor;
use std::time::Duration;

use support::decode::{Layout, reference};
use support::material::{DsdShape, DsdWire, Shape};
use support::tool;
use usb_dac::{Device, Model, Setup};

use super::*;

/// A DAC whose files go to a directory.
struct Dac {
    device: Device,
    directory: tempfile::TempDir,
}

impl Dac {
    fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut device = Device::new(Model::named(name).unwrap());
        device.keep_nothing();
        device.listen(Box::new(Listener::new(directory.path()).unwrap()));
        Self { device, directory }
    }

    /// As the driver does it: the setting, then the clock.
    fn choose(&mut self, alternate: u16, rate: u32) {
        let set = |kind, request, value, index, length| Setup { kind, request, value, index, length };
        self.device.request(set(0x01, 11, alternate, 1, 0), &[]);
        self.device.request(set(0x21, 1, 0x100, 0x2900, 4), &rate.to_le_bytes());
    }

    fn send(&mut self, bytes: &[u8], packet: usize) {
        for payload in bytes.chunks(packet) {
            self.device.packet(payload, Duration::ZERO);
        }
    }

    fn stop(&mut self) {
        self.choose(0, 48_000);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// What ours says of a file: its rate, and how many frames can be read without a fault.
fn read_by_media(path: &Path) -> (u32, usize) {
    let mut track = media::open_input(Box::new(Cursor::new(fs::read(path).unwrap())), "file", None).unwrap();
    let mut frames = 0;
    while let Some(samples) = track.read().unwrap() {
        frames += samples.frames();
    }
    (track.info().source.rate, frames)
}

/// The bits of a DSF file as ffmpeg finds them: blocks of a channel each, the oldest bit least significant.
fn bits_by_ffmpeg(path: &Path) -> Vec<u8> {
    let mut arguments: Vec<_> = "-v error -nostdin -i".split(' ').map(std::ffi::OsStr::new).collect();
    arguments.push(path.as_os_str());
    arguments.extend("-map a:0 -c:a copy -f data -".split(' ').map(std::ffi::OsStr::new));
    tool::run("ffmpeg", &arguments).unwrap()
}

#[test]
fn pcm_of_every_width_is_in_a_wav_that_others_read() {
    let cases =
        [("reference", 32, Layout::S32), ("packed-24-bits", 24, Layout::S24Packed), ("dongle", 16, Layout::S16)];
    for (name, bits, layout) in cases {
        let mut dac = Dac::new(name);
        let shape = Shape::stereo(48_000, bits, 20_001);
        let sent = reference_of(&shape).packed(layout).unwrap();
        dac.choose(1, 48_000);
        // Packets needn't hold whole frames for the file to.
        dac.send(&sent, 37);
        dac.stop();
        let name = format!("001-48000-pcm{bits}.wav");
        assert_eq!(dac.files(), [name.as_str()]);
        let found = reference(&dac.file(&name)).unwrap();
        assert_eq!((found.rate, found.channels, found.bits), (48_000, 2, Some(bits)));
        assert_eq!(found.samples, shape.samples(), "{bits} bits");
        assert_eq!(read_by_media(&dac.file(&name)), (48_000, 20_001));
        let checked = dac.file("checked.flac");
        let (wav, flac) = (dac.file(&name), checked.as_os_str());
        tool::run("flac", &["--totally-silent".as_ref(), wav.as_os_str(), "-o".as_ref(), flac]).unwrap();
        assert_eq!(reference(&checked).unwrap().samples, shape.samples(), "by flac");
    }
}

fn reference_of(shape: &Shape) -> support::decode::Reference {
    let Shape { rate, channels, bits, .. } = *shape;
    support::decode::Reference { rate, channels, bits: Some(bits), samples: shape.samples() }
}

#[test]
fn native_dsd_is_in_a_dsf_that_others_read() {
    for bytes in [4, 4096, 40_000] {
        let mut dac = Dac::new("reference");
        let shape = DsdShape::stereo(64, bytes);
        dac.choose(2, 88_200);
        dac.send(&shape.wire(DsdWire::Big(4)), 88);
        dac.stop();
        assert_eq!(dac.files(), ["001-2822400-dsd.dsf"]);
        let file = dac.file("001-2822400-dsd.dsf");
        assert_eq!(read_by_media(&file), (2_822_400, bytes as usize));
        let blocks = bits_by_ffmpeg(&file);
        for channel in 0..2 {
            // Of the last blocks it gives what isn't padding.
            let groups = blocks.chunks(2 * 4096).map(|group| group.split_at(group.len() / 2));
            let plane = groups.flat_map(|(left, right)| if channel == 0 { left } else { right });
            let plane: Vec<u8> = plane.map(|byte| byte.reverse_bits()).collect();
            assert_eq!(plane, shape.channel(channel), "channel {channel} of {bytes} bytes");
        }
    }
}

#[test]
fn a_file_is_whole_while_it_grows() {
    for (alternate, rate, name) in [(1, 96_000, "001-96000-pcm32.wav"), (2, 88_200, "001-2822400-dsd.dsf")] {
        let mut dac = Dac::new("reference");
        dac.choose(alternate, rate);
        dac.send(&[0x5a; 100_000 * 8], 96);
        let file = dac.file(name);
        let (_, frames) = read_by_media(&file);
        // Of raw data a frame is 32 bits of each channel, and what is read are bytes.
        let frames = if alternate == 2 { frames / 4 } else { frames };
        assert!(frames > 90_000 && frames < 100_000, "{name}: {frames}");
    }
}

#[test]
fn each_stream_has_a_file_and_none_is_written_over() {
    let mut dac = Dac::new("reference");
    fs::write(dac.file("007-mine.wav"), "mine").unwrap();
    dac.device.listen(Box::new(Listener::new(dac.directory.path()).unwrap()));
    for (alternate, rate) in [(1, 44_100), (2, 176_400), (1, 768_000)] {
        dac.choose(alternate, rate);
        dac.send(&[1; 80], 40);
    }
    dac.device.reset();
    assert_eq!(dac.files(), ["007-mine.wav", "008-44100-pcm32.wav", "009-5644800-dsd.dsf", "010-768000-pcm32.wav"]);
    assert_eq!(fs::read(dac.file("007-mine.wav")).unwrap(), b"mine");
    assert_eq!(read_by_media(&dac.file("010-768000-pcm32.wav")), (768_000, 10));
}

#[test]
fn what_can_t_be_written_is_no_reason_to_stop() {
    let directory = tempfile::tempdir().unwrap();
    let in_the_way = directory.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let error = format!("{:#}", Listener::new(&in_the_way).unwrap_err());
    assert!(error.contains("nothing can be written there"), "{error}");
    // The directory goes while it plays: the DAC plays on, and what comes when it is back is written.
    let mut dac = Dac::new("reference");
    let place = dac.directory.path().to_path_buf();
    fs::remove_dir(&place).unwrap();
    dac.choose(1, 44_100);
    dac.send(&[1; 80], 40);
    dac.stop();
    fs::create_dir(&place).unwrap();
    dac.choose(1, 44_100);
    dac.send(&[1; 80], 40);
    dac.stop();
    assert_eq!(dac.files(), ["002-44100-pcm32.wav"]);
}

/// Beyond 4 GiB sizes stand where there is room for them. The file has a hole instead of music.
#[test]
fn a_long_wav_is_an_rf64() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("long.wav");
    let container = Container::of(Model::named("reference").unwrap().settings[0], 768_000);
    let frames = 5 << 27;
    for (frames, magic) in [(frames, b"RF64"), (1 << 27, b"RIFF")] {
        let header = container.header(frames, frames * 8);
        assert_eq!((&header[..4], header.len()), (&magic[..], container.header(0, 0).len()));
        fs::write(&path, &header).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(header.len() as u64 + frames * 8).unwrap();
        let track = media::open_input(Box::new(Cursor::new(header)), "file", None).unwrap();
        assert_eq!(track.info().frames, Some(frames));
        let arguments = "-v error -show_entries stream=duration_ts -of csv=p=0".split(' ').map(std::ffi::OsStr::new);
        let arguments: Vec<_> = arguments.chain([path.as_os_str()]).collect();
        assert_eq!(String::from_utf8(tool::run("ffprobe", &arguments).unwrap()).unwrap().trim(), frames.to_string());
    }
}
