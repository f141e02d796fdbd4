//! The mmap path on alsa-lib's own PCMs, which every machine has: `file` over `null`. They have no clock.

use ::pcm::WireFormat;

use super::*;
use crate::output::alsa::probe;

/// The bytes that a PCM of alsa-lib's `file` plugin was given.
fn record(wire: Wire, material: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.raw");
    let name = format!("file:{},raw", path.display());
    let mut output = AlsaOutput::open(&name, wire, 100, 40).expect("alsa-lib has it");
    let frame_bytes = wire.frame_bytes();
    let mut rest = material;
    while !rest.is_empty() {
        let fill = output.poll(0).expect("it can't fail");
        let frames = fill.writable.min((rest.len() / frame_bytes) as u32).min(1_000);
        let written = output.write(frames, &mut |room| room.copy_from_slice(&rest[..room.len()])).expect("it writes");
        assert!(written > 0, "room for {} frames", fill.writable);
        rest = &rest[written as usize * frame_bytes..];
        output.start(0).expect("it starts");
    }
    output.stop(0);
    drop(output);
    std::fs::read(&path).expect("it was written")
}

#[test]
fn what_is_written_through_mmap_arrives() {
    let pcm = [
        (WireFormat::S16Le, 2),
        (WireFormat::S24_3Le, 2),
        (WireFormat::S32Le, 6),
        (WireFormat::S24_3Be, 2),
        (WireFormat::DopS24_3Le, 2),
    ];
    for (format, channels) in WireFormat::DSD.map(|format| (format, 2)).into_iter().chain(pcm) {
        let wire = Wire { format, rate: 96_000, channels };
        let material: Vec<u8> = (0..20_000 * wire.frame_bytes()).map(|n| (n * 7 + n / 251) as u8).collect();
        assert!(record(wire, &material) == material, "{wire}");
    }
}

/// Trap 3 of snd-usb-audio.
#[test]
fn an_output_that_begins_anew_has_nothing_but_silence_in_its_memory() {
    for (format, silence) in [(WireFormat::S16Le, 0), (WireFormat::DsdU32Be, 0x69)] {
        let wire = Wire { format, rate: 96_000, channels: 2 };
        let mut output = AlsaOutput::open("null", wire, 100, 40).expect("alsa-lib has it");
        let buffer = output.buffer_frames();
        let mut sound = |room: &mut [u8]| room.fill(0xaa);
        assert_eq!(output.write(buffer, &mut sound), Ok(buffer));
        output.prepare().expect("it can't fail");
        let mut clean = false;
        output.write(buffer, &mut |room| clean = room.iter().all(|&byte| byte == silence)).expect("it writes");
        assert!(clean, "{wire}");
    }
}

/// Traps 1 and 2 of snd-usb-audio, and what it drops when it runs dry.
#[test]
fn a_usb_card_wants_the_silence_of_what_its_driver_has_on_the_way() {
    let wire = Wire { format: WireFormat::DsdU32Be, rate: 705_600, channels: 2 };
    let output = AlsaOutput::open("null", wire, 100, 40).expect("alsa-lib has it");
    assert_eq!((output.least_silence(), output.dropped_frames()), (0, 0));
    let output = output.on_usb();
    assert_eq!((output.least_silence(), output.dropped_frames()), (28_224, 12_701), "40 ms, and 18 that may be lost");
}

#[test]
fn a_name_that_alsa_does_not_know_is_an_error() {
    let wire = Wire { format: WireFormat::S16Le, rate: 48_000, channels: 2 };
    let error = AlsaOutput::open("no-such-pcm-here", wire, 100, 40).map(drop).expect_err("there is none");
    assert_eq!(error.errno(), libc::ENOENT);
}

#[test]
fn probing_finds_what_a_pcm_takes() {
    let caps = probe::caps("null", "").expect("alsa-lib has it");
    assert!(WireFormat::PCM.into_iter().chain(WireFormat::DSD).all(|format| caps.formats().contains(format)));
    assert!(!WireFormat::DOP.into_iter().any(|format| caps.formats().contains(format)), "nobody can know");
    let told = probe::caps("null", "Playback:\n  Altset 1\n  Format: S32_LE\n  Bits: 24\n").expect("as before");
    let bits = |caps: &::pcm::Caps| caps.settings().map(|setting| setting.bits).collect::<Vec<_>>();
    assert_eq!(bits(&caps), [16, 16, 24, 24, 24, 24, 32, 32, 32, 32, 16, 16, 8]);
    assert_eq!(
        bits(&told),
        [16, 16, 24, 24, 24, 24, 24, 32, 32, 32, 16, 16, 8],
        "what the driver tells of its descriptors"
    );
    for format in WireFormat::PCM {
        for (rate, channels) in [(44_100, 1), (192_000, 2), (768_000, 8)] {
            assert!(caps.takes(&Wire { format, rate, channels }), "{format} {rate} {channels}");
        }
    }
}

#[test]
fn errors_are_sorted() {
    let of = |errno| trouble(alsa::Error::new("snd_pcm_avail_delay", errno));
    assert_eq!(of(libc::EPIPE), Trouble::Xrun);
    assert_eq!(of(libc::ESTRPIPE), Trouble::Xrun);
    assert_eq!(of(libc::ENODEV).to_string(), "the output was unplugged");
    assert_eq!(of(libc::EIO).to_string(), "the output failed: snd_pcm_avail_delay: Input/output error (os error 5)");
}

#[test]
fn the_map_of_a_card_is_read_as_alsa_lib_prints_it() {
    let of = |text: &str| speakers(text).to_string();
    assert_eq!(of("FL FR RL RR FC LFE"), "FL FR RL RR FC LFE");
    for text in ["", "UNKNOWN UNKNOWN", "FL FR NA NA", "MONO", "FL[INV] FR", "0x20001 FR"] {
        assert_eq!(of(text), "", "{text}: not every channel is said");
    }
}
