//! The message that tells subscribers a change (UDA section 4.3).
use crate::xml::Writer;

/// The body of a NOTIFY: the properties and their values.
pub fn property_set<'p>(properties: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut xml = Writer::document();
    xml.open("e:propertyset", &[("xmlns:e", "urn:schemas-upnp-org:event-1-0")]);
    for (name, value) in properties {
        xml.open("e:property", &[]).leaf(name, value).close("e:property");
    }
    xml.close("e:propertyset");
    xml.finish()
}

/// The headers of a NOTIFY besides HOST and CONTENT-LENGTH.
pub fn notify_headers(sid: &str, seq: u32) -> [(&'static str, String); 5] {
    [
        ("CONTENT-TYPE", "text/xml; charset=\"utf-8\"".to_owned()),
        ("NT", "upnp:event".to_owned()),
        ("NTS", "upnp:propchange".to_owned()),
        ("SID", sid.to_owned()),
        ("SEQ", seq.to_string()),
    ]
}
