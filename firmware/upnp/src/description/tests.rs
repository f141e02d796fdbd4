use proptest::prelude::*;

use super::*;
use crate::service::Allowed;
use crate::xml::{Limits, Node, Scanner};

fn sample() -> Device {
    Device {
        uuid: "2f402f80-da50-11e1-9b23-001788255acc".into(),
        friendly_name: "Tom & Jerry's <Tenuto>".into(),
        manufacturer: "Tenuto".into(),
        manufacturer_url: String::new(),
        model_description: "Bit-perfect renderer".into(),
        model_name: "Tenuto".into(),
        model_number: "1.2.3".into(),
        serial_number: String::new(),
        presentation_url: "/".into(),
        room: "Käthe & Jo's".into(),
        icons: vec![Icon { mime: "image/png", width: 48, height: 48, depth: 24, url: "/icon.png".into() }],
    }
}

/// `(path of local names, text)` of every element, in document order of their ends.
fn leaves(document: &str) -> Vec<(String, String)> {
    let mut scanner = Scanner::new(document, Limits { depth: 16, elements: 4096, doctype: false });
    let (mut path, mut text, mut out) = (Vec::new(), String::new(), Vec::new());
    while let Some(node) = scanner.next().unwrap() {
        match node {
            Node::Open { start, .. } => {
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
            }
            Node::Text(piece) => text.push_str(&piece),
            Node::Close => {
                out.push((path.join("/"), std::mem::take(&mut text)));
                path.pop();
            }
        }
    }
    out
}

fn texts<'l>(leaves: &'l [(String, String)], path: &str) -> Vec<&'l str> {
    leaves.iter().filter(|(at, _)| at == path).map(|(_, text)| text.as_str()).collect()
}

#[test]
fn d6_type_dlna_class_icons_and_page() {
    let leaves = leaves(&device(&sample()));
    let of = |name: &str| texts(&leaves, &format!("root/device/{name}"));
    assert_eq!(of("deviceType"), ["urn:schemas-upnp-org:device:MediaRenderer:1"]);
    assert_eq!(of("X_DLNADOC"), ["DMR-1.50"]);
    assert_eq!(of("iconList/icon/url"), ["/icon.png"]);
    assert_eq!(of("presentationURL"), ["/"]);
    assert_eq!(of("modelNumber"), ["1.2.3"]);
    assert_eq!(of("X_room"), ["Käthe & Jo's"]);
    assert!(!device(&Device { room: String::new(), ..sample() }).contains("X_room"));
    assert_eq!(of("serialNumber"), Vec::<&str>::new());
    assert_eq!(
        of("serviceList/service/serviceType"),
        [
            "urn:schemas-upnp-org:service:AVTransport:1",
            "urn:schemas-upnp-org:service:RenderingControl:1",
            "urn:schemas-upnp-org:service:ConnectionManager:1"
        ]
    );
}

#[test]
fn d3_udn_is_the_uuid_and_names_are_escaped() {
    let leaves = leaves(&device(&sample()));
    assert_eq!(texts(&leaves, "root/device/UDN"), ["uuid:2f402f80-da50-11e1-9b23-001788255acc"]);
    assert_eq!(texts(&leaves, "root/device/friendlyName"), ["Tom & Jerry's <Tenuto>"]);
}

#[test]
fn config_id_follows_the_description() {
    let (one, other) = (sample(), Device { friendly_name: "Other".into(), ..sample() });
    assert_eq!(config_id(&one), config_id(&one.clone()));
    assert_ne!(config_id(&one), config_id(&other));
    assert!(config_id(&one) < 1 << 24);
    assert!(device(&one).contains(&format!("configId=\"{}\"", config_id(&one))));
}

#[test]
fn t1_every_scpd_declares_what_the_table_has() {
    for service in Service::ALL {
        let (spec, leaves) = (service.spec(), leaves(&scpd(service)));
        let actions: Vec<_> = spec.actions.iter().map(|action| action.name).collect();
        assert_eq!(texts(&leaves, "scpd/actionList/action/name"), actions);
        let arguments: Vec<_> =
            spec.actions.iter().flat_map(|a| a.inputs.iter().chain(a.outputs)).map(|a| a.name).collect();
        assert_eq!(texts(&leaves, "scpd/actionList/action/argumentList/argument/name"), arguments);
        let variables: Vec<_> = spec.variables.iter().map(|variable| variable.name).collect();
        assert_eq!(texts(&leaves, "scpd/serviceStateTable/stateVariable/name"), variables);
        let values: Vec<_> = spec
            .variables
            .iter()
            .flat_map(|v| if let Allowed::Values(values) = v.allowed { values } else { &[] })
            .copied()
            .collect();
        assert_eq!(texts(&leaves, "scpd/serviceStateTable/stateVariable/allowedValueList/allowedValue"), values);
    }
}

#[test]
fn only_last_change_and_the_connection_properties_are_evented() {
    let evented = |service| scpd(service).matches("sendEvents=\"yes\"").count();
    assert_eq!(Service::ALL.map(evented), [1, 1, 3]);
}

proptest! {
    #[test]
    fn any_name_gives_a_readable_description(name in any::<String>()) {
        let leaves = leaves(&device(&Device { friendly_name: name, ..sample() }));
        prop_assert_eq!(texts(&leaves, "root/device/friendlyName").len(), 1);
        prop_assert_eq!(texts(&leaves, "root/device/presentationURL"), vec!["/"]);
    }
}
