//! Lossless formats, written by their own encoders, come out bit for bit.

mod common;

use common::encode::{ffmpeg, flac, wav_of};
use common::material::{aiff, big_endian, little_endian, signal, wav, wave_format};
use common::{assert_same, decode, open};
use media::Codec;
use pcm::{Encoding, Speakers};

#[track_caller]
fn check(file: Vec<u8>, samples: &[i32], channels: u16, rate: u32, bits: u16, what: &str) {
    let mut track = open(file).unwrap_or_else(|error| panic!("{what}: {error}"));
    let info = track.info().clone();
    let source = (info.source.rate, info.source.channels, info.source.bits, info.source.encoding);
    assert_eq!(source, (rate, channels, bits, Encoding::Integer), "{what}");
    assert_eq!(info.frames, Some((samples.len() / usize::from(channels)) as u64), "{what}");
    let decoded = decode(&mut track).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_same(&decoded, samples, what);
}

#[test]
fn flac_of_every_width_and_channel_count() {
    for bits in [4, 8, 12, 16, 20, 24, 32] {
        for channels in [1, 2] {
            let samples = signal(10_007, usize::from(channels), bits);
            let file = flac(&samples, channels, 44_100, bits, &[]);
            check(file, &samples, channels, 44_100, bits, &format!("{bits} bits, {channels} channels"));
        }
    }
    for channels in 3..=8 {
        let samples = signal(5_003, usize::from(channels), 24);
        let file = flac(&samples, channels, 96_000, 24, &[]);
        check(file, &samples, channels, 96_000, 24, &format!("{channels} channels"));
    }
}

#[test]
fn flac_of_every_rate_and_length() {
    for rate in [8_000, 44_100, 48_000, 176_400, 192_000, 384_000, 655_350] {
        let samples = signal(4_999, 2, 24);
        check(flac(&samples, 2, rate, 24, &[]), &samples, 2, rate, 24, &format!("{rate} Hz"));
    }
    for frames in [1, 15, 16, 4095, 4096, 4097] {
        let samples = signal(frames, 2, 16);
        check(flac(&samples, 2, 44_100, 16, &["-8"]), &samples, 2, 44_100, 16, &format!("{frames} frames"));
    }
}

#[test]
fn flac_s_comments_say_which_channel_is_which() {
    let samples = signal(5_000, 6, 16);
    let speakers = |options: &[&str]| open(flac(&samples, 6, 48_000, 16, options)).unwrap().speakers();
    assert_eq!(speakers(&[]), Speakers::usual(6));
    let mask = "--tag=WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x060F";
    assert_eq!(speakers(&[mask]), Speakers::of_mask(0x60f, 6));
    assert_eq!(speakers(&[mask, "--ogg"]), Speakers::of_mask(0x60f, 6));
    // Fewer bits than channels.
    assert_eq!(speakers(&["--tag=WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x3"]), Speakers::UNKNOWN);
}

/// Full-scale signals that are nearly equal or opposite in both channels make the encoder code their difference, which
/// needs 33 bits.
#[test]
fn flac_of_32_bits_with_correlated_channels() {
    let mono = signal(20_000, 1, 32);
    for opposite in [false, true] {
        let samples: Vec<i32> = mono.iter().flat_map(|&x| [x, if opposite { !x } else { x ^ 1 }]).collect();
        check(flac(&samples, 2, 44_100, 32, &["-8"]), &samples, 2, 44_100, 32, &format!("opposite: {opposite}"));
    }
}

#[test]
fn wav_of_every_width_and_channel_count() {
    for bits in [8, 12, 16, 20, 24, 32] {
        for channels in 1..=8 {
            let samples = signal(5_001, usize::from(channels), bits);
            let what = format!("{bits} bits, {channels} channels");
            check(wav_of(&samples, channels, 48_000, bits), &samples, channels, 48_000, bits, &what);
        }
    }
}

#[test]
fn wav_and_its_kin_by_ffmpeg() {
    for (codec, bits) in [("pcm_u8", 8), ("pcm_s16le", 16), ("pcm_s24le", 24), ("pcm_s32le", 32)] {
        // ffmpeg counts Wave64's padding as data, so there is none.
        let samples = signal(5_000, 2, bits);
        let wav = wav_of(&samples, 2, 192_000, bits);
        for (extension, options) in [("wav", &[][..]), ("wav", &["-rf64", "always"]), ("w64", &[])] {
            let file = ffmpeg(&wav, extension, &[&["-c:a", codec], options].concat());
            check(file, &samples, 2, 192_000, bits, &format!("{codec} {extension} {options:?}"));
        }
    }
}

/// FFmpeg ends it with a packet of no bytes.
#[test]
fn flac_in_ogg_by_ffmpeg() {
    for frames in [1, 10_001, 200_000] {
        let samples = signal(frames, 2, 16);
        let mut track = open(ffmpeg(&wav_of(&samples, 2, 44_100, 16), "ogg", &["-c:a", "flac"])).unwrap();
        assert_eq!(track.info().codec, Codec::Flac);
        assert_same(&decode(&mut track).unwrap(), &samples, &format!("{frames} frames"));
    }
}

#[test]
fn aiff_and_aiff_c_by_ffmpeg() {
    for (codec, bits) in [("pcm_s8", 8), ("pcm_s16be", 16), ("pcm_s16le", 16), ("pcm_s24be", 24), ("pcm_s32be", 32)] {
        let samples = signal(5_001, 2, bits);
        let file = ffmpeg(&wav_of(&samples, 2, 88_200, bits), "aiff", &["-c:a", codec]);
        check(file, &samples, 2, 88_200, bits, codec);
    }
}

#[test]
fn aiff_c_codings_of_quicktime() {
    for bits in [12, 16, 20, 24, 32] {
        let samples = signal(1_001, 2, bits);
        let bytes = usize::from(bits.div_ceil(8));
        let shift = bytes as u32 * 8 - u32::from(bits);
        let little = little_endian(&samples, bytes, shift);
        let big = big_endian(&samples, bytes, shift);
        for (compression, data) in
            [(Some(b"sowt"), &little), (Some(b"NONE"), &big), (Some(b"twos"), &big), (None, &big)]
        {
            let file = aiff(2, 44_100, bits, compression, data);
            check(file, &samples, 2, 44_100, bits, &format!("{compression:?} {bits}"));
        }
    }
}

#[test]
fn float_samples_keep_their_bits() {
    let floats: Vec<f32> = signal(3_000, 2, 24).iter().map(|&x| x as f32 / 8_388_608.0).collect();
    let wanted: Vec<i32> = floats.iter().map(|x| x.to_bits() as i32).collect();
    let f32_data: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
    let f64_data: Vec<u8> = floats.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
    let f32_wav = wav(&wave_format(3, 2, 96_000, 32, None), &f32_data);
    let f64_wav = wav(&wave_format(3, 2, 96_000, 64, Some(64)), &f64_data);
    let aiff = ffmpeg(&f32_wav, "aiff", &["-c:a", "pcm_f32be"]);
    for (file, bits) in [(f32_wav, 32), (f64_wav, 64), (aiff, 32)] {
        let mut track = open(file).unwrap();
        let source = track.info().source;
        assert_eq!((source.encoding, source.bits, source.rate), (Encoding::Float, bits, 96_000));
        assert_eq!(track.info().codec, Codec::Pcm);
        assert_same(&decode(&mut track).unwrap(), &wanted, "floats");
    }
}

#[test]
fn alac_of_every_width_and_channel_count() {
    for (bits, format) in [(16, "s16p"), (24, "s32p")] {
        for channels in [1, 2] {
            let samples = signal(20_011, usize::from(channels), bits);
            let file =
                ffmpeg(&wav_of(&samples, channels, 96_000, bits), "m4a", &["-c:a", "alac", "-sample_fmt", format]);
            check(file, &samples, channels, 96_000, bits, &format!("ALAC, {bits} bits, {channels} channels"));
        }
    }
}

#[test]
fn alac_with_its_index_in_front() {
    let samples = signal(50_000, 2, 16);
    let options = ["-c:a", "alac", "-movflags", "+faststart"];
    let file = ffmpeg(&wav_of(&samples, 2, 44_100, 16), "m4a", &options);
    check(file, &samples, 2, 44_100, 16, "faststart");
}

#[test]
fn flac_in_ogg_and_in_mp4() {
    let samples = signal(50_007, 2, 24);
    let file = flac(&samples, 2, 96_000, 24, &["--ogg"]);
    check(file, &samples, 2, 96_000, 24, "Ogg FLAC");
    let wav = wav_of(&samples, 2, 96_000, 24);
    let file = ffmpeg(&wav, "mp4", &["-c:a", "flac", "-sample_fmt", "s32", "-strict", "-2"]);
    check(file, &samples, 2, 96_000, 24, "FLAC in MP4");
}
