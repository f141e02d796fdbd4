//! Writes responses and faults.
use std::fmt::Display;

use super::Request;
use crate::error::{self, Fault};
use crate::xml::Writer;

const ENVELOPE: [(&str, &str); 2] = [
    ("xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/"),
    ("s:encodingStyle", "http://schemas.xmlsoap.org/soap/encoding/"),
];

/// The longest `errorDescription`: UDA section 3.2.2 wants it shorter than 256 characters.
const MAX_DESCRIPTION: usize = 255;

/// The values of a response, collected in any order.
#[derive(Debug, Default)]
pub struct Values(Vec<(&'static str, String)>);

impl Values {
    /// No values yet; enough for actions without output.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Gives the output argument `name` its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.0.push((name, value.to_string()));
        self
    }

    /// Gives a `boolean` output its value, written as `1` or `0` as some control points want it.
    #[must_use]
    pub fn with_boolean(self, name: &'static str, value: bool) -> Self {
        self.with(name, u8::from(value))
    }
}

/// The body of the successful response to `request`: all declared outputs, in SCPD order, in the service's namespace
/// with the prefix `u:`. To be sent with HTTP 200 and [`super::CONTENT_TYPE`].
///
/// # Errors
/// 501 if a declared output has no value.
pub fn response(request: &Request, values: &Values) -> Result<String, Fault> {
    let action = request.action();
    let undeclared = values.0.iter().find(|(name, _)| !action.outputs.iter().any(|output| output.name == *name));
    debug_assert!(undeclared.is_none(), "{} has no output {undeclared:?}", action.name);
    let element = format!("u:{}Response", action.name);
    let mut xml = Writer::document();
    xml.open("s:Envelope", &ENVELOPE).open("s:Body", &[]);
    xml.open(&element, &[("xmlns:u", request.service().spec().service_type)]);
    for output in action.outputs {
        let Some((_, value)) = values.0.iter().find(|(name, _)| *name == output.name) else {
            return Err(Fault::new(error::ACTION_FAILED, format!("{} has no value", output.name)));
        };
        debug_assert!(output.variable.parse(value).is_ok(), "{} can't be {value}", output.name);
        xml.leaf(output.name, value);
    }
    xml.close(&element).close("s:Body").close("s:Envelope");
    Ok(xml.finish())
}

/// The body that tells a fault, to be sent with HTTP 500 and [`super::CONTENT_TYPE`] (UDA section 3.2.2).
pub fn fault(fault: &Fault) -> String {
    let description: String = fault.to_string().chars().take(MAX_DESCRIPTION).collect();
    let mut xml = Writer::document();
    xml.open("s:Envelope", &ENVELOPE).open("s:Body", &[]).open("s:Fault", &[]);
    xml.leaf("faultcode", "s:Client").leaf("faultstring", "UPnPError").open("detail", &[]);
    xml.open("UPnPError", &[("xmlns", "urn:schemas-upnp-org:control-1-0")]);
    xml.leaf("errorCode", &fault.error.code.to_string()).leaf("errorDescription", &description);
    xml.close("UPnPError").close("detail").close("s:Fault").close("s:Body").close("s:Envelope");
    xml.finish()
}
