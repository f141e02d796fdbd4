//! A SOAP call that keeps what `rupnp` drops: the fault of a refused action (UPnP Device Architecture 1.1, 3.2.5).
use std::collections::HashMap;

use roxmltree::{Document, Node};

use super::{Answer, Error, http};

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// Escapes text for an XML element.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The control URLs in the description at `location`, by service type.
pub(super) async fn control_urls(location: &str) -> Result<HashMap<String, String>, Error> {
    let broken = |what: &str| Error::Broken(location.to_owned(), what.to_owned());
    let reply = http::get(location).await?;
    let text = String::from_utf8(reply.body).map_err(|_| broken("not UTF-8"))?;
    let document = Document::parse(&text).map_err(|error| broken(&error.to_string()))?;
    let origin: String = location.split('/').take(3).collect::<Vec<_>>().join("/");
    let services =
        document.descendants().filter(|node| node.has_tag_name(("urn:schemas-upnp-org:device-1-0", "service")));
    let mut urls = HashMap::new();
    for service in services {
        let kind = child_text(service, "serviceType").ok_or_else(|| broken("no serviceType"))?;
        let path = child_text(service, "controlURL").ok_or_else(|| broken("no controlURL"))?;
        let url = if path.starts_with("http://") { path } else { format!("{origin}/{}", path.trim_start_matches('/')) };
        urls.insert(kind, url);
    }
    Ok(urls)
}

/// Invokes `action` of the service `kind` at its control URL.
pub(super) async fn call(url: &str, kind: &str, action: &str, payload: &str) -> Result<Answer, Error> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <s:Envelope xmlns:s=\"{ENVELOPE}\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">\
         <s:Body><u:{action} xmlns:u=\"{kind}\">{payload}</u:{action}></s:Body></s:Envelope>\n"
    );
    let reply = http::post(url, &format!("\"{kind}#{action}\""), body).await?;
    let text = String::from_utf8_lossy(&reply.body);
    let arguments = parse(&text, kind, action, reply.status)?;
    Ok(Answer { arguments, sent_ns: reply.sent_ns })
}

/// Reads an answer: out arguments, or the fault.
fn parse(text: &str, kind: &str, action: &str, status: u16) -> Result<HashMap<String, String>, Error> {
    let broken = |what: String| Error::Broken(action.to_owned(), what);
    let unexplained = || Error::Status { action: action.to_owned(), status };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(_) if status != 200 => return Err(unexplained()),
        Err(error) => return Err(broken(error.to_string())),
    };
    let body = document.root_element().children().find(|node| node.has_tag_name((ENVELOPE, "Body")));
    let first = body.and_then(|body| body.first_element_child());
    let Some(first) = first else {
        return Err(if status == 200 { broken("no SOAP body".into()) } else { unexplained() });
    };
    if first.has_tag_name((ENVELOPE, "Fault")) {
        let find = |name: &str| {
            let node = first.descendants().find(|node| node.tag_name().name() == name);
            node.and_then(|node| node.text()).unwrap_or_default().to_owned()
        };
        let code = find("errorCode").parse().map_err(|_| unexplained())?;
        return Err(Error::Fault { action: action.to_owned(), code, text: find("errorDescription") });
    }
    let name = format!("{action}Response");
    if status != 200 || !first.has_tag_name((kind, name.as_str())) {
        return Err(broken(format!("HTTP status {status} with <{}>", first.tag_name().name())));
    }
    let arguments = first.children().filter(Node::is_element).map(|node| {
        let value = node.text().unwrap_or_default();
        (node.tag_name().name().to_owned(), value.to_owned())
    });
    Ok(arguments.collect())
}

fn child_text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let child = node.children().find(|child| child.tag_name().name() == name)?;
    Some(child.text()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "urn:schemas-upnp-org:service:AVTransport:1";

    fn envelope(body: &str) -> String {
        format!("<s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Body>{body}</s:Body></s:Envelope>")
    }

    #[test]
    fn a_fault_gives_code_and_text() {
        let text = envelope(
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
             <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>716</errorCode>\
             <errorDescription>Resource not found</errorDescription></UPnPError></detail></s:Fault>",
        );
        let error = parse(&text, KIND, "Play", 500).expect_err("a fault");
        assert_eq!(error.fault_code(), Some(716));
        assert_eq!(error.to_string(), "Play: UPnP error 716: Resource not found");
    }

    #[test]
    fn an_answer_must_be_of_its_service_and_action() {
        let right = envelope(&format!("<u:StopResponse xmlns:u=\"{KIND}\"><A>1 &lt; 2</A><B/></u:StopResponse>"));
        let arguments = parse(&right, KIND, "Stop", 200).expect("an answer");
        assert_eq!(arguments["A"], "1 < 2");
        assert_eq!(arguments["B"], "");
        assert!(parse(&right, KIND, "Play", 200).is_err());
        assert!(parse(&right, "urn:other", "Stop", 200).is_err());
        assert!(matches!(parse("no XML", KIND, "Stop", 404), Err(Error::Status { status: 404, .. })));
    }
}
