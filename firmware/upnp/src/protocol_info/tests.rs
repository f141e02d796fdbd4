use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const FORMATS: [Format; 11] = [
    Format::Flac,
    Format::Wav,
    Format::Aiff,
    Format::Alac,
    Format::Mp3,
    Format::Vorbis,
    Format::Aac,
    Format::Opus,
    Format::Dsd,
    Format::L16,
    Format::L24,
];

fn entries(formats: &[Format], rates: &[u32], channels: &[u16]) -> Vec<ProtocolInfo> {
    let list = split_list(&sink(&Sink { formats, rates, channels }));
    list.iter().map(|entry| ProtocolInfo::parse(entry).unwrap()).collect()
}

#[test]
fn r3_every_field_reads_back() {
    let entries = entries(&FORMATS, &[44_100, 192_000], &[1, 2]);
    let unique: BTreeSet<_> = entries.iter().map(|entry| &entry.content_format).collect();
    assert_eq!(unique.len(), entries.len());
    for entry in &entries {
        assert_eq!(
            (entry.protocol.as_str(), entry.network.as_str(), entry.additional_info.as_str()),
            ("http-get", "*", "*")
        );
        let (kind, name) = entry.mime().split_once('/').unwrap();
        assert!(matches!(kind, "audio" | "application") && !name.is_empty());
        if let Some(plain) = name.strip_prefix("x-") {
            assert!(unique.contains(&format!("{kind}/{plain}")));
        } else if entry.linear_pcm().is_none() {
            assert!(unique.contains(&format!("{kind}/x-{name}")));
        }
    }
    for dsd in ["dsd", "x-dsd", "dsf", "x-dsf", "dff", "x-dff"] {
        assert!(unique.contains(&format!("audio/{dsd}")));
    }
    let linear: Vec<_> = entries.iter().filter_map(ProtocolInfo::linear_pcm).collect();
    assert_eq!(linear.len(), 8);
    assert!(linear.contains(&LinearPcm { bits: 24, rate: 192_000, channels: 1 }));
}

#[test]
fn r3_only_what_is_taken_is_offered() {
    assert_eq!(sink(&Sink { formats: &[], rates: &[44_100], channels: &[2] }), "");
    assert_eq!(
        sink(&Sink { formats: &[Format::Flac], rates: &[44_100], channels: &[2] }),
        "http-get:*:audio/flac:*,http-get:*:audio/x-flac:*"
    );
}

#[test]
fn r4_l16_is_spelt_exactly() {
    let list = sink(&Sink { formats: &[Format::L16], rates: &[44_100], channels: &[2] });
    assert_eq!(list, "http-get:*:audio/L16;rate=44100;channels=2:*");
}

#[test]
fn t6_l16_without_rate_is_44100_stereo() {
    let read = |text| LinearPcm::parse(text).map(|pcm| (pcm.bits, pcm.rate, pcm.channels));
    assert_eq!(read("audio/L16"), Some((16, 44_100, 2)));
    assert_eq!(read("Audio/l24; Channels=\"6\" ; RATE = 96000"), Some((24, 96_000, 6)));
    assert_eq!(read("audio/L16;rate=48000"), Some((16, 48_000, 1)));
    for bad in ["audio/L16;rate=0", "audio/L16;rate=x", "audio/L16;channels=70000", "audio/L20", ""] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn entries_of_others_are_read() {
    let dlna = ProtocolInfo::parse("http-get:*:audio/x-flac:DLNA.ORG_PN=A,B:C;DLNA.ORG_OP=01").unwrap();
    assert_eq!((dlna.mime(), dlna.additional_info.as_str()), ("audio/x-flac", "DLNA.ORG_PN=A,B:C;DLNA.ORG_OP=01"));
    assert_eq!(ProtocolInfo::parse("http-get:*:audio/flac").unwrap().additional_info, "*");
    assert_eq!(ProtocolInfo::parse("http-get:*"), None);
    assert_eq!(ProtocolInfo::parse(&"a:".repeat(1000)), None);
    assert_eq!(split_list("a\\,b,,c\\\\,d\\"), ["a,b", "c\\", "d"]);
}

proptest! {
    #[test]
    fn lists_read_back(entries in proptest::collection::vec("[ -~]{1,12}", 0..8)) {
        let list = join_list(entries.iter().map(String::as_str));
        prop_assert_eq!(split_list(&list), entries);
    }

    #[test]
    fn parsing_never_panics(text in any::<String>(), like in "audio/L(16|24)(;(rate|channels)=?[0-9]{0,12})*") {
        let _ = (ProtocolInfo::parse(&text), split_list(&text), LinearPcm::parse(&text), LinearPcm::parse(&like));
    }
}
