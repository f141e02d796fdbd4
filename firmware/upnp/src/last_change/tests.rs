use proptest::prelude::*;
use quick_xml::XmlVersion;

use super::*;
use crate::xml::{Limits, Node, Scanner};

/// `(variable, channel, value)` of everything in an event.
fn read(event: &str) -> Vec<(String, Option<String>, String)> {
    let mut scanner = Scanner::new(event, Limits { depth: 4, elements: 64, doctype: false });
    let mut out = Vec::new();
    while let Some(node) = scanner.next().unwrap() {
        let Node::Open { start, .. } = node else { continue };
        let attribute = |name: &str| {
            let attribute = start.try_get_attribute(name).unwrap()?;
            Some(attribute.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned())
        };
        let name = start.local_name().as_ref().to_owned();
        match (name.as_str(), attribute("val")) {
            ("Event", None) => {}
            ("InstanceID", Some(id)) => assert_eq!(id, "0"),
            (_, value) => out.push((name, attribute("channel"), value.unwrap())),
        }
    }
    out
}

fn names(event: &str) -> Vec<String> {
    read(event).into_iter().map(|(name, ..)| name).collect()
}

#[test]
fn t4_changes_within_200_ms_are_one_event() {
    let (start, mut changes) = (Instant::now(), LastChange::av_transport());
    let at = |ms| start + Duration::from_millis(ms);
    changes.set("TransportState", "TRANSITIONING", at(0));
    changes.set("CurrentTransportActions", "Stop", at(100));
    changes.set("TransportState", "PLAYING", at(199));
    assert_eq!((changes.due(), changes.take(at(199))), (Some(at(200)), None));
    let event = read(&changes.take(at(200)).unwrap());
    let want = |name: &str, value: &str| (name.to_owned(), None, value.to_owned());
    assert_eq!(event, [want("TransportState", "PLAYING"), want("CurrentTransportActions", "Stop")]);
    assert_eq!((changes.due(), changes.take(at(9999))), (None, None));
    changes.set("TransportState", "PLAYING", at(10_000));
    assert_eq!(changes.due(), None, "nothing new");
}

#[test]
fn t4_set_next_alone_causes_no_event() {
    let (now, mut changes) = (Instant::now(), LastChange::av_transport());
    changes.set("NextAVTransportURI", "http://h/2.flac", now);
    changes.set("NextAVTransportURIMetaData", "<DIDL-Lite/>", now);
    assert_eq!((changes.due(), changes.take(now + MODERATION * 9)), (None, None));
    changes.set("CurrentTrackURI", "http://h/1.flac", now);
    let event = changes.take(now + MODERATION).unwrap();
    assert_eq!(names(&event), ["CurrentTrackURI", "NextAVTransportURI", "NextAVTransportURIMetaData"]);
}

#[test]
fn t4_values_are_escaped_text() {
    let (now, mut changes) = (Instant::now(), LastChange::av_transport());
    let didl = "<DIDL-Lite>\n\t<a b=\"c\">&amp; 'x'</a></DIDL-Lite>";
    changes.set("CurrentTrackMetaData", didl, now);
    let event = changes.take(now + MODERATION).unwrap();
    assert_eq!(read(&event)[0].2, didl);
    assert_eq!(event.matches('<').count(), 5);
}

#[test]
fn d4_the_initial_event_has_all_variables_and_no_position() {
    let changes = LastChange::av_transport();
    let all = names(&changes.initial());
    assert_eq!(all.len(), 22);
    for position in
        ["RelativeTimePosition", "AbsoluteTimePosition", "RelativeCounterPosition", "AbsoluteCounterPosition"]
    {
        assert!(!all.iter().any(|name| name == position));
    }
    assert!(!all.iter().any(|name| name.starts_with("A_ARG_TYPE") || name == "LastChange"));
    let now = Instant::now();
    let mut changes = LastChange::rendering_control();
    changes.set("Volume", "30", now);
    let _ = changes.initial();
    assert_eq!(changes.due(), Some(now + MODERATION), "a new subscriber doesn't take the others' event");
}

#[test]
fn r1_volume_and_mute_are_of_the_master_channel() {
    let (now, mut changes) = (Instant::now(), LastChange::rendering_control());
    changes.set("PresetNameList", "FactoryDefaults", now);
    changes.set("Volume", "42", now);
    changes.set("Mute", "0", now);
    assert_eq!(changes.value("Volume"), Some("42"));
    let master = || Some("Master".to_owned());
    assert_eq!(
        read(&changes.take(now + MODERATION).unwrap()),
        [
            ("PresetNameList".into(), None, "FactoryDefaults".into()),
            ("Mute".into(), master(), "0".into()),
            ("Volume".into(), master(), "42".into())
        ]
    );
}

proptest! {
    #[test]
    fn any_value_reads_back(value in "[\\PC\\t\\n]*") {
        let (now, mut changes) = (Instant::now(), LastChange::av_transport());
        changes.set("CurrentTrackMetaData", value.as_str(), now);
        let initial = read(&changes.initial());
        prop_assert_eq!(&initial.iter().find(|(name, ..)| name == "CurrentTrackMetaData").unwrap().2, &value);
    }
}
