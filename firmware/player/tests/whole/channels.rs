//! A DAC whose channels are for other loudspeakers than the track's, in another order.

use std::fs;
use std::path::PathBuf;

use crate::bench::{Bench, until};

/// Six channels in the order of HD audio and HDMI.
const HDMI: &str = "auto --speakers FL,FR,RL,RR,FC,LFE";
/// The samples of a track say which channel they are of: in all of it this is the high byte.
const FRAMES: usize = 20_000;

/// A 16-bit WAV whose header has this mask.
fn wav(bench: &Bench, name: &str, channels: u16, mask: u32) -> PathBuf {
    let data = frames((0..channels).collect::<Vec<_>>().as_slice());
    let mut fmt = Vec::new();
    let block = channels * 2;
    for word in [0xfffe, channels] {
        fmt.extend(word.to_le_bytes());
    }
    fmt.extend(44_100u32.to_le_bytes());
    fmt.extend((44_100 * u32::from(block)).to_le_bytes());
    for word in [block, 16, 22, 16] {
        fmt.extend(word.to_le_bytes());
    }
    fmt.extend(mask.to_le_bytes());
    fmt.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((20 + fmt.len() as u32 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend((fmt.len() as u32).to_le_bytes());
    bytes.extend(fmt);
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    let path = bench.path(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Frames whose channels are these.
fn frames(order: &[u16]) -> Vec<u8> {
    let sample = |frame: usize, channel: u16| ((channel + 1) << 8 | (frame % 251) as u16).to_le_bytes();
    (0..FRAMES).flat_map(|frame| order.iter().flat_map(move |&channel| sample(frame, channel))).collect()
}

#[test]
fn each_channel_goes_to_its_loudspeaker_bit_for_bit() {
    let bench = Bench::start_on(HDMI);
    // 5.1 with loudspeakers behind, and the same with ones at the sides.
    for (n, mask) in [0x3f, 0x60f].into_iter().enumerate() {
        bench.set_and_play(&bench.media.add(&wav(&bench, &format!("{mask:x}.wav"), 6, mask)));
        let heard = until("the track's end", || bench.heard().into_iter().nth(n));
        bench.until_state("STOPPED");
        assert!(heard.1 == frames(&[0, 1, 4, 5, 2, 3]), "mask {mask:#x}");
    }
}

/// A DSDIFF file of 5.1, of which each channel holds the same byte throughout.
fn dff(bench: &Bench) -> PathBuf {
    let chunk = |id: &[u8; 4], content: &[u8]| [&id[..], &(content.len() as u64).to_be_bytes()[..], content].concat();
    let names = ["MLFT", "MRGT", "C   ", "LFE ", "LS  ", "RS  "].concat();
    let properties = [
        b"SND ".to_vec(),
        chunk(b"FS  ", &2_822_400_u32.to_be_bytes()),
        chunk(b"CHNL", &[&[0, 6][..], names.as_bytes()].concat()),
        chunk(b"CMPR", b"DSD \x0enot compressed\0"),
    ];
    let audio = [0x51, 0x52, 0x53, 0x54, 0x55, 0x56].repeat(FRAMES);
    let form = [chunk(b"FVER", &[1, 5, 0, 0]), chunk(b"PROP", &properties.concat()), chunk(b"DSD ", &audio)].concat();
    let path = bench.path("six.dff");
    fs::write(&path, chunk(b"FRM8", &[&b"DSD "[..], &form].concat())).unwrap();
    path
}

#[test]
fn a_dsdiff_file_s_channels_find_their_loudspeakers_too() {
    let bench = Bench::start_on(HDMI);
    bench.set_and_play(&bench.media.add(&dff(&bench)));
    let heard = until("the track's end", || bench.heard().into_iter().next());
    bench.until_state("STOPPED");
    let frame: Vec<u8> = [0x51, 0x52, 0x55, 0x56, 0x53, 0x54].iter().flat_map(|&byte| [byte; 4]).collect();
    assert!(heard.1 == frame.repeat(FRAMES / 4), "{:x?}", &heard.1[..48.min(heard.1.len())]);
}

#[test]
fn what_the_dac_has_no_loudspeaker_for_is_refused_by_name() {
    let bench = Bench::start_on(HDMI);
    // 5.1 with a pair at the top instead of one behind.
    bench.set_and_play(&bench.media.add(&wav(&bench, "top.wav", 6, 0x500f)));
    bench.until_state("STOPPED");
    let status = bench.status();
    let error = &status["tracks"][0]["error"];
    assert_eq!(error["kind"], "Refused");
    let text = "the track's channels are FL FR FC LFE TFL TFR, and the DAC has FL FR RL RR FC LFE instead";
    assert_eq!(error["text"], text);
    assert!(bench.heard().is_empty());
}

/// Other numbers of channels than the DAC says anything of stay in their order, and so does what says nothing itself.
#[test]
fn what_nobody_says_stays_as_it_is() {
    let bench = Bench::start_on(HDMI);
    for (n, (channels, mask)) in [(2, 0x3), (4, 0x33), (6, 0)].into_iter().enumerate() {
        bench.set_and_play(&bench.media.add(&wav(&bench, &format!("{channels}.wav"), channels, mask)));
        bench.until_state("STOPPED");
        let heard = until("the track's end", || bench.heard().into_iter().nth(n));
        assert!(heard.1 == frames((0..channels).collect::<Vec<_>>().as_slice()), "{channels} channels");
    }
}
