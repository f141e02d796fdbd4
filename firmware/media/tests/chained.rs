//! Ogg files one after the other in one file.

mod common;

use common::encode::{flac, run, wav_of};
use common::material::signal;
use common::{assert_same, decode, decode_into, open};
use media::Kind;

fn oggenc(frames: usize, channels: u16, rate: u32, serial: &str) -> Vec<u8> {
    let wav = wav_of(&signal(frames, usize::from(channels), 16), channels, rate, 16);
    run("oggenc", &["--quiet", "--serial", serial, "-o", "-", "-"], &wav)
}

fn ogg_flac(frames: usize, bits: u16, serial: &str) -> Vec<u8> {
    let serial = format!("--serial-number={serial}");
    flac(&signal(frames, 2, bits), 2, 44_100, bits, &["--ogg", &serial])
}

fn alone(file: &[u8]) -> Vec<i32> {
    decode(&mut open(file.to_vec()).unwrap()).unwrap()
}

#[test]
fn links_of_one_format_are_played_on_without_a_gap() {
    for serial in ["1", "2"] {
        let vorbis = [oggenc(100_123, 2, 44_100, "1"), oggenc(50_001, 2, 44_100, serial), oggenc(7, 2, 44_100, "3")];
        let flac = [ogg_flac(70_123, 16, "1"), ogg_flac(30_001, 16, serial), ogg_flac(7, 16, "3")];
        for links in [vorbis, flac] {
            let wanted: Vec<i32> = links.iter().flat_map(|link| alone(link)).collect();
            assert_same(&alone(&links.concat()), &wanted, "both parts");
            // Tags behind the last one, as some tools write.
            let tagged = [links.concat(), [&b"TAG"[..], &[0; 125]].concat()].concat();
            assert_same(&alone(&tagged), &wanted, "with a tag behind");
        }
    }
}

#[test]
fn a_link_of_another_format_ends_the_track_by_name() {
    let first = oggenc(50_000, 2, 44_100, "1");
    for (next, named) in [
        (oggenc(50_000, 2, 48_000, "2"), "48000 Hz"),
        (oggenc(50_000, 1, 44_100, "2"), "1 channels"),
        (ogg_flac(50_000, 16, "2"), "FLAC"),
    ] {
        let mut got = Vec::new();
        let mut track = open([first.clone(), next].concat()).unwrap();
        let error = decode_into(&mut track, &mut got).unwrap_err();
        assert_eq!(error.kind(), Kind::FormatChanged, "{error}");
        assert!(error.to_string().contains(named) && error.to_string().contains("chained"), "{error}");
        assert_same(&got, &alone(&first), "the first link");
        assert_eq!(track.seek(0).unwrap_err().kind(), Kind::NotSeekable);
    }
    let mut track = open([ogg_flac(50_000, 16, "1"), ogg_flac(50_000, 24, "2")].concat()).unwrap();
    assert_eq!(decode(&mut track).unwrap_err().kind(), Kind::FormatChanged);
}

#[test]
fn a_link_that_is_cut_off_is_truncated() {
    let (first, next) = (oggenc(50_000, 2, 44_100, "1"), oggenc(50_000, 2, 44_100, "2"));
    for length in [30, 4_000, next.len() - 100] {
        let mut got = Vec::new();
        let mut track = open([&first, &next[..length]].concat()).unwrap();
        let error = decode_into(&mut track, &mut got).unwrap_err();
        assert_eq!(error.kind(), Kind::Truncated, "{length}: {error}");
        assert!(got.starts_with(&alone(&first)), "{length}");
    }
}

/// Never to the wrong place: before the second link is known of, and behind it.
#[test]
fn a_chained_file_is_not_seekable_by_name_and_plays_on() {
    let links = |second: &str| {
        let vorbis = [oggenc(400_000, 2, 44_100, "1"), oggenc(400_000, 2, 44_100, second)].concat();
        let flac = [ogg_flac(400_000, 16, "1"), ogg_flac(300_000, 16, second)].concat();
        [vorbis, flac]
    };
    for file in [links("1"), links("2")].concat() {
        let wanted = alone(&file);
        let mut track = open(file).unwrap();
        for frame in [350_000, 10] {
            let error = track.seek(frame).unwrap_err();
            assert_eq!(error.kind(), Kind::NotSeekable, "{error}");
            assert!(error.to_string().contains("chained"), "{error}");
        }
        assert_same(&decode(&mut track).unwrap(), &wanted, "as before");
        assert_eq!(track.seek(10).unwrap_err().kind(), Kind::NotSeekable);
    }
}
