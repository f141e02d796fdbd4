use proptest::prelude::*;

use super::*;
use crate::error::{self, Fault};
use crate::service::{DataType, Service};
use crate::xml::{Limits, Node, Scanner, escape};

fn envelope(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{inner}</s:Body></s:Envelope>"
    )
}

fn call(service: Service, action: &str, arguments: &[(&str, &str)]) -> Result<Request, Fault> {
    let arguments: String =
        arguments.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
    let urn = service.spec().service_type;
    let body = envelope(&format!("<u:{action} xmlns:u=\"{urn}\">{arguments}</u:{action}>"));
    parse(service, Some(&format!("\"{urn}#{action}\"")), body.as_bytes())
}

fn code(result: Result<Request, Fault>) -> u16 {
    result.unwrap_err().error.code
}

/// Elements of a document in order, with their namespace, prefix and text.
fn elements(document: &str) -> Vec<(Option<String>, String, String)> {
    let mut scanner = Scanner::new(document, Limits { depth: 16, elements: 1000, doctype: false });
    let (mut out, mut open) = (Vec::new(), Vec::new());
    while let Some(node) = scanner.next().unwrap() {
        match node {
            Node::Open { namespace, start } => {
                open.push(out.len());
                out.push((namespace, start.name().as_ref().to_owned(), String::new()));
            }
            Node::Close => drop(open.pop()),
            Node::Text(text) => {
                if let Some(entry) = open.last().and_then(|at| out.get_mut(*at)) {
                    entry.2.push_str(&text);
                }
            }
        }
    }
    out
}

#[test]
fn an_action_is_read() {
    let uri = "http://server/a.flac?x=1&y=<2>";
    let request = call(
        Service::AvTransport,
        "SetAVTransportURI",
        &[("InstanceID", "0"), ("CurrentURI", uri), ("CurrentURIMetaData", "<DIDL-Lite/>")],
    )
    .unwrap();
    assert_eq!(request.name(), "SetAVTransportURI");
    assert_eq!(request.text("CurrentURI"), uri);
    assert_eq!(request.text("CurrentURIMetaData"), "<DIDL-Lite/>");
    let request = call(
        Service::RenderingControl,
        "SetVolume",
        &[("InstanceID", "0"), ("Channel", "Master"), ("DesiredVolume", "30")],
    )
    .unwrap();
    assert_eq!(request.number("DesiredVolume"), 30);
    let request = call(
        Service::RenderingControl,
        "SetMute",
        &[("InstanceID", "0"), ("Channel", "Master"), ("DesiredMute", "true")],
    );
    assert!(request.unwrap().boolean("DesiredMute"));
}

#[test]
fn r4_other_prefixes_and_dt_attributes_are_read_by_namespace() {
    let body = "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\"><SOAP-ENV:Body>\
        <m:Play xmlns:m=\"urn:schemas-upnp-org:service:AVTransport:1\">\
        <InstanceID xmlns:dt=\"urn:schemas-microsoft-com:datatypes\" dt:dt=\"ui4\">0</InstanceID>\
        <Speed xmlns:dt=\"urn:schemas-microsoft-com:datatypes\" dt:dt=\"string\">1</Speed>\
        </m:Play></SOAP-ENV:Body></SOAP-ENV:Envelope>";
    let request = parse(Service::AvTransport, None, body.as_bytes()).unwrap();
    assert_eq!((request.name(), request.text("Speed")), ("Play", "1"));
    // the default namespace is a prefix like any other
    let body = body.replace("m:Play", "Play").replace("xmlns:m", "xmlns");
    assert_eq!(parse(Service::AvTransport, None, body.as_bytes()).unwrap().name(), "Play");
    // the same name in another service's namespace is not our action
    let body = body.replace("AVTransport", "Elsewhere");
    assert_eq!(code(parse(Service::AvTransport, None, body.as_bytes())), 401);
}

#[test]
fn sloppy_requests_are_read() {
    let stop = "<u:Stop><InstanceID> 0 </InstanceID></u:Stop>";
    let request =
        parse(Service::AvTransport, Some("urn:schemas-upnp-org:service:AVTransport:1#Stop"), envelope(stop).as_bytes());
    assert_eq!(request.unwrap().name(), "Stop", "undeclared prefix, header without quotes");
    let body = format!("\u{FEFF}{}\0\r\n", envelope(stop));
    assert!(parse(Service::AvTransport, None, body.as_bytes()).is_ok(), "byte order mark, trailing rubbish");
    let header = "<s:Envelope><s:Header><u:Play/></s:Header><s:Body><u:Stop><InstanceID>0</InstanceID></u:Stop></s:Body></s:Envelope>";
    assert_eq!(parse(Service::AvTransport, None, header.as_bytes()).unwrap().name(), "Stop");
    let mut latin = envelope(
        "<u:SetNextAVTransportURI><InstanceID>0</InstanceID><NextURI>http://h/?a=1&b=2</NextURI>\
        <NextURIMetaData>caf@</NextURIMetaData></u:SetNextAVTransportURI>",
    )
    .into_bytes();
    let at = latin.iter().position(|b| *b == b'@').unwrap();
    latin[at] = 0xE9;
    let request = parse(Service::AvTransport, None, &latin).unwrap();
    assert_eq!(request.text("NextURI"), "http://h/?a=1&b=2");
    assert_eq!(request.text("NextURIMetaData"), "caf\u{FFFD}");
}

#[test]
fn t26_metadata_that_was_not_escaped_is_kept() {
    let didl = "<DIDL-Lite xmlns=\"urn:x\"><item><dc:title>A &amp; B</dc:title><empty/></item></DIDL-Lite>";
    let body = envelope(&format!(
        "<u:SetAVTransportURI><InstanceID>0</InstanceID><CurrentURI>http://h/a</CurrentURI>\
         <CurrentURIMetaData>{didl}</CurrentURIMetaData></u:SetAVTransportURI>"
    ));
    let request = parse(Service::AvTransport, None, body.as_bytes()).unwrap();
    assert_eq!(request.text("CurrentURIMetaData"), didl);
    assert_eq!(request.text("CurrentURI"), "http://h/a");
}

#[test]
fn t29_faults_by_cause() {
    let avt = Service::AvTransport;
    assert_eq!(code(call(avt, "Stop", &[("InstanceID", "1")])), 718);
    assert_eq!(code(call(avt, "Explode", &[("InstanceID", "0")])), 401);
    assert_eq!(code(call(avt, "Record", &[("InstanceID", "0")])), 401);
    assert_eq!(code(call(avt, "Stop", &[])), 402);
    assert_eq!(code(call(avt, "Stop", &[("InstanceID", "zero")])), 402);
    assert_eq!(code(call(avt, "Play", &[("InstanceID", "0")])), 402);
    assert_eq!(code(call(avt, "Play", &[("InstanceID", "0"), ("Speed", "2")])), 717);
    let rcs = Service::RenderingControl;
    assert_eq!(code(call(rcs, "GetVolume", &[("InstanceID", "1"), ("Channel", "Master")])), 702);
    assert_eq!(code(call(rcs, "GetVolume", &[("InstanceID", "0"), ("Channel", "LF")])), 601);
    let volume = [("InstanceID", "0"), ("Channel", "Master"), ("DesiredVolume", "101")];
    assert_eq!(code(call(rcs, "SetVolume", &volume)), 601);
    let cm = Service::ConnectionManager;
    assert_eq!(code(call(cm, "GetCurrentConnectionInfo", &[("ConnectionID", "7")])), 706);
    for body in ["", "Play", "<a/>", "<s:Envelope/>", "<s:Envelope><s:Body></s:Body></s:Envelope>", "<s:Envelope>"] {
        assert_eq!(code(parse(avt, None, body.as_bytes())), 402, "{body}");
    }
}

#[test]
fn t29_a_fault_is_a_upnp_error() {
    let refused = call(Service::AvTransport, "Play", &[("InstanceID", "0"), ("Speed", "<\u{1}2>")]).unwrap_err();
    let elements = elements(&fault(&refused));
    let names: Vec<_> = elements.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "s:Envelope",
            "s:Body",
            "s:Fault",
            "faultcode",
            "faultstring",
            "detail",
            "UPnPError",
            "errorCode",
            "errorDescription"
        ]
    );
    assert_eq!(elements[4].2, "UPnPError");
    assert_eq!(elements[6].0.as_deref(), Some("urn:schemas-upnp-org:control-1-0"));
    assert_eq!(elements[7].2, "717");
    assert_eq!(elements[8].2, "Play speed not supported: Speed is \"<2>\"");
    let long = Fault::new(error::ACTION_FAILED, "x".repeat(1000));
    assert!(fault(&long).len() < 1000);
}

#[test]
fn t27_other_seek_units_are_710() {
    for unit in ["X_DLNA_REL_BYTE", "FRAME", ""] {
        let arguments = [("InstanceID", "0"), ("Unit", unit), ("Target", "0:00:10")];
        assert_eq!(code(call(Service::AvTransport, "Seek", &arguments)), 710);
    }
    for unit in ["REL_TIME", "ABS_TIME", "TRACK_NR"] {
        let arguments = [("InstanceID", "0"), ("Unit", unit), ("Target", "1")];
        assert!(call(Service::AvTransport, "Seek", &arguments).is_ok());
    }
}

#[test]
fn header_and_body_must_agree() {
    let body = envelope("<u:Stop><InstanceID>0</InstanceID></u:Stop>");
    let header = "\"urn:schemas-upnp-org:service:AVTransport:1#Play\"";
    assert_eq!(code(parse(Service::AvTransport, Some(header), body.as_bytes())), 402);
    let header = "\"urn:schemas-upnp-org:service:RenderingControl:1#Stop\"";
    assert_eq!(code(parse(Service::AvTransport, Some(header), body.as_bytes())), 402);
    let header = "\"urn:schemas-upnp-org:service:AVTransport:2#Stop\"";
    assert!(parse(Service::AvTransport, Some(header), body.as_bytes()).is_ok());
    assert!(parse(Service::AvTransport, Some("\"\""), body.as_bytes()).is_ok());
}

#[test]
fn requests_are_bounded() {
    let avt = Service::AvTransport;
    assert_eq!(code(parse(avt, None, &vec![b' '; MAX_BODY + 1])), 402);
    assert_eq!(code(parse(avt, None, "<a>".repeat(20_000).as_bytes())), 402);
    let many = envelope(&format!("<u:Stop>{}</u:Stop>", "<InstanceID>0</InstanceID>".repeat(40)));
    assert_eq!(code(parse(avt, None, many.as_bytes())), 402);
    let bomb = format!(
        "<!DOCTYPE a [<!ENTITY a \"{}\">]>{}",
        "&a;".repeat(10),
        envelope("<u:Stop><InstanceID>&a;</InstanceID></u:Stop>")
    );
    assert_eq!(code(parse(avt, None, bomb.as_bytes())), 402);
}

#[test]
fn t1_response_has_the_prefix_and_scpd_order() {
    let request = call(Service::AvTransport, "GetTransportInfo", &[("InstanceID", "0")]).unwrap();
    let values = Values::new()
        .with("CurrentSpeed", 1)
        .with("CurrentTransportStatus", "OK")
        .with("CurrentTransportState", "PLAYING");
    let elements = elements(&response(&request, &values).unwrap());
    let names: Vec<_> = elements.iter().map(|(_, name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        names[2..],
        [
            ("u:GetTransportInfoResponse", ""),
            ("CurrentTransportState", "PLAYING"),
            ("CurrentTransportStatus", "OK"),
            ("CurrentSpeed", "1")
        ]
    );
    assert_eq!(elements[2].0.as_deref(), Some("urn:schemas-upnp-org:service:AVTransport:1"));
}

#[test]
fn a_response_without_all_values_is_refused() {
    let request = call(Service::AvTransport, "GetTransportInfo", &[("InstanceID", "0")]).unwrap();
    let fault = response(&request, &Values::new().with("CurrentSpeed", 1)).unwrap_err();
    assert_eq!(fault.error, error::ACTION_FAILED);
}

#[test]
fn every_action_can_be_called_and_answered() {
    for service in Service::ALL {
        for action in service.spec().actions {
            let sample = |variable: &crate::service::Variable| match (variable.allowed, variable.data_type) {
                (crate::service::Allowed::Values(values), _) => values[0],
                (_, DataType::String) => "some <text>",
                _ => "0",
            };
            let arguments: Vec<_> = action.inputs.iter().map(|i| (i.name, sample(i.variable))).collect();
            let request = call(service, action.name, &arguments).unwrap();
            let values = action.outputs.iter().rev().fold(Values::new(), |v, o| v.with(o.name, sample(o.variable)));
            let elements = elements(&response(&request, &values).unwrap());
            let names: Vec<_> = elements.iter().skip(3).map(|(_, name, _)| name.as_str()).collect();
            assert_eq!(names, action.outputs.iter().map(|output| output.name).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #[test]
    fn any_text_survives_request_and_response(uri in "\\PC*", meta in "\\PC*") {
        let arguments = [("InstanceID", "0"), ("CurrentURI", uri.as_str()), ("CurrentURIMetaData", meta.as_str())];
        let request = call(Service::AvTransport, "SetAVTransportURI", &arguments).unwrap();
        prop_assert_eq!(request.text("CurrentURI"), &uri);
        prop_assert_eq!(request.text("CurrentURIMetaData"), &meta);
        let request = call(Service::ConnectionManager, "GetProtocolInfo", &[]).unwrap();
        let body = response(&request, &Values::new().with("Source", &uri).with("Sink", &meta)).unwrap();
        let elements = elements(&body);
        prop_assert_eq!((&elements[3].2, &elements[4].2), (&uri, &meta));
    }

    #[test]
    fn parsing_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..512),
        inner in "(<[a-zA-Z:/]{0,12}>|&[a-z#0-9]{0,6};?|[ -~]{0,8}){0,24}",
        header in any::<Option<String>>(),
    ) {
        for service in Service::ALL {
            let _ = parse(service, header.as_deref(), &bytes);
            let _ = parse(service, header.as_deref(), envelope(&inner).as_bytes());
        }
    }
}
