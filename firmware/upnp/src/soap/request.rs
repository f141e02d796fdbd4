//! Reads and validates a request.
use super::MAX_BODY;
use crate::error::{self, Fault};
use crate::service::{Action, Service, Value};
use crate::xml::{Limits, Malformed, Node, Scanner};

/// Envelope, body, action, argument, and metadata that was forgotten to be escaped. SOAP forbids a document type
/// declaration (SOAP 1.1 section 3), so no entity can be declared.
const LIMITS: Limits = Limits { depth: 24, elements: 1024, doctype: false };

/// Arguments of one request that are looked at; no action has half as many.
const MAX_ARGUMENTS: usize = 32;

/// A valid request: the action exists, its arguments are all there, of their types and inside their ranges.
#[derive(Debug, Clone)]
pub struct Request {
    service: Service,
    action: &'static Action,
    /// In the order of `action.inputs`, one for each.
    values: Vec<Value>,
}

impl Request {
    /// The service that is asked.
    pub const fn service(&self) -> Service {
        self.service
    }

    /// The action's table entry.
    pub const fn action(&self) -> &'static Action {
        self.action
    }

    /// The action's name, to match on.
    pub const fn name(&self) -> &'static str {
        self.action.name
    }

    fn value(&self, argument: &str) -> Option<&Value> {
        let found = self.action.inputs.iter().position(|input| input.name == argument);
        debug_assert!(found.is_some(), "{} has no argument {argument}", self.action.name);
        self.values.get(found?)
    }

    /// The text of a `string` argument; empty for an argument that the action hasn't got or that isn't text.
    pub fn text(&self, argument: &str) -> &str {
        match self.value(argument) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The value of an integer argument; 0 for an argument that the action hasn't got or that isn't a number.
    pub fn number(&self, argument: &str) -> i64 {
        match self.value(argument) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// The value of a `boolean` argument; `false` for an argument that the action hasn't got or that isn't boolean.
    pub fn boolean(&self, argument: &str) -> bool {
        matches!(self.value(argument), Some(Value::Boolean(true)))
    }
}

/// Reads a request to `service`, which the control URL has named.
///
/// The action is the first element in the body. It is recognised by namespace, whatever prefix it has; a client that
/// forgot to declare the prefix is believed. `soap_action` is the `SOAPACTION` header if there is one; it must name the
/// same action. Attributes, unknown arguments and the arguments' order don't matter.
///
/// # Errors
/// 401 unknown action or one of another service; 402 not a SOAP request, header and body disagree, an argument is
/// missing or not of its type; 601 or the service's own code (710, 717, 718 …) a value isn't allowed.
pub fn parse(service: Service, soap_action: Option<&str>, body: &[u8]) -> Result<Request, Fault> {
    if body.len() > MAX_BODY {
        return Err(Fault::new(error::INVALID_ARGS, format!("the request is longer than {MAX_BODY} bytes")));
    }
    let document = String::from_utf8_lossy(body);
    let document = document.trim_start_matches('\u{FEFF}');
    let call = read(document).map_err(|Malformed(why)| Fault::new(error::INVALID_ARGS, why))?;
    let spec = service.spec();
    if call.namespace.as_deref().is_some_and(|namespace| !same_service(namespace, spec.service_type)) {
        return Err(Fault::new(
            error::INVALID_ACTION,
            format!("{} is not an action of this service", brief(&call.name)),
        ));
    }
    if let Some((named, action)) = soap_action.and_then(split_soap_action)
        && (action != call.name || !same_service(named, spec.service_type))
    {
        let detail = format!("SOAPACTION says {}, the body {}", brief(action), brief(&call.name));
        return Err(Fault::new(error::INVALID_ARGS, detail));
    }
    let action =
        spec.action(&call.name).ok_or_else(|| Fault::new(error::INVALID_ACTION, brief(&call.name).to_owned()))?;
    let mut texts = Vec::with_capacity(action.inputs.len());
    for input in action.inputs {
        let given = call.arguments.iter().find(|(name, _)| name == input.name);
        texts.push(
            given
                .map(|(_, text)| text)
                .ok_or_else(|| Fault::new(error::INVALID_ARGS, format!("{} is missing", input.name)))?,
        );
    }
    let mut values = Vec::with_capacity(texts.len());
    for (input, text) in action.inputs.iter().zip(texts) {
        let value = input.variable.parse(text);
        values.push(value.map_err(|f| Fault::new(f.error, format!("{} is \"{}\"", input.name, brief(text))))?);
    }
    Ok(Request { service, action, values })
}

/// The start of a text that somebody sent, short enough for a message.
fn brief(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| text.split_at(end).0)
}

/// Whether both are the same service type. The version isn't compared: a request to a later version of an action that
/// we have carries what ours needs, and validation decides.
fn same_service(one: &str, other: &str) -> bool {
    fn base(urn: &str) -> &str {
        urn.trim().rsplit_once(':').map_or(urn, |(base, _)| base)
    }
    base(one).eq_ignore_ascii_case(base(other))
}

/// `"urn:…:service:AVTransport:1#Play"`, with or without quotes; `None` if the header isn't of that form, because the
/// body says it all.
fn split_soap_action(header: &str) -> Option<(&str, &str)> {
    header.trim().trim_matches('"').trim().rsplit_once('#')
}

/// A request before validation.
struct Call {
    namespace: Option<String>,
    name: String,
    arguments: Vec<(String, String)>,
}

/// Envelope, Body, action, argument: the depth of each.
const ENVELOPE: usize = 1;
const BODY: usize = 2;
const ACTION: usize = 3;
const ARGUMENT: usize = 4;

fn read(document: &str) -> Result<Call, Malformed> {
    let mut scanner = Scanner::new(document, LIMITS);
    let mut call = None::<Call>;
    let (mut depth, mut in_body, mut in_action) = (0, false, false);
    // the argument that is being read: its text so far, where its content starts, whether it has elements inside
    let (mut text, mut content_start, mut has_elements) = (String::new(), 0, false);
    loop {
        let before = scanner.position();
        let Some(node) = scanner.next()? else { break };
        match node {
            Node::Open { namespace, start } => {
                depth += 1;
                let name = start.local_name();
                match depth {
                    ENVELOPE if name.as_ref() != "Envelope" => {
                        return Err(Malformed("the request is not a SOAP envelope".to_owned()));
                    }
                    BODY => in_body = name.as_ref() == "Body",
                    ACTION if in_body && call.is_none() => {
                        in_action = true;
                        call = Some(Call { namespace, name: name.as_ref().to_owned(), arguments: Vec::new() });
                    }
                    ARGUMENT if in_action => {
                        if let Some(call) = &mut call {
                            if call.arguments.len() == MAX_ARGUMENTS {
                                return Err(Malformed("too many arguments".to_owned()));
                            }
                            call.arguments.push((name.as_ref().to_owned(), String::new()));
                        }
                        text.clear();
                        (content_start, has_elements) = (scanner.position(), false);
                    }
                    _ => has_elements = true,
                }
            }
            Node::Text(piece) if in_action && depth >= ARGUMENT => text.push_str(&piece),
            Node::Text(_) => {}
            Node::Close => {
                if in_action
                    && depth == ARGUMENT
                    && let Some((_, value)) = call.as_mut().and_then(|call| call.arguments.last_mut())
                {
                    *value = if has_elements {
                        // metadata that the client forgot to escape: taken as it was written
                        document.get(content_start..before).unwrap_or_default().to_owned()
                    } else {
                        std::mem::take(&mut text)
                    };
                }
                in_action &= depth != ACTION;
                depth = depth.saturating_sub(1);
            }
        }
    }
    call.ok_or_else(|| Malformed("the request has no action".to_owned()))
}
