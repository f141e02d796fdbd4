//! A pull reader over untrusted XML: bounded depth and element count, no entity is ever expanded into more than
//! itself, forgiving where control points are sloppy (bare `&`, unknown entities, undeclared prefixes).
use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

/// The document can't be read; says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) String);

impl Malformed {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What a document may have at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Elements inside each other.
    pub(crate) depth: usize,
    /// Elements in all.
    pub(crate) elements: usize,
    /// Whether a `<!DOCTYPE>` is skipped (its entities stay unknown) or an error.
    pub(crate) doctype: bool,
}

/// One step through the document.
pub(crate) enum Node<'x> {
    /// A start tag; an empty element is a start followed by an end.
    Open { namespace: Option<String>, start: BytesStart<'x> },
    /// An end tag.
    Close,
    /// Character data, a CDATA section or one resolved reference; text may come in several pieces.
    Text(Cow<'x, str>),
}

pub(crate) struct Scanner<'x> {
    reader: NsReader<&'x [u8]>,
    limits: Limits,
    depth: usize,
    elements: usize,
}

impl<'x> Scanner<'x> {
    pub(crate) fn new(document: &'x str, limits: Limits) -> Self {
        let mut reader = NsReader::from_str(document);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.allow_dangling_amp = true;
        reader.resolver_mut().set_max_namespace_bindings(64);
        Self { reader, limits, depth: 0, elements: 0 }
    }

    /// Byte offset of what comes next in the document.
    pub(crate) fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The next node; `None` at the end of a complete document.
    pub(crate) fn next(&mut self) -> Result<Option<Node<'x>>, Malformed> {
        loop {
            let (resolved, event) = self.reader.read_resolved_event().map_err(|e| Malformed::new(e.to_string()))?;
            match event {
                Event::Start(start) => {
                    let namespace = match resolved {
                        ResolveResult::Bound(Namespace(uri)) => Some(uri.to_owned()),
                        ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
                    };
                    self.depth += 1;
                    self.elements += 1;
                    if self.depth > self.limits.depth {
                        return Err(Malformed::new("elements nested too deeply"));
                    }
                    if self.elements > self.limits.elements {
                        return Err(Malformed::new("too many elements"));
                    }
                    return Ok(Some(Node::Open { namespace, start }));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Node::Close));
                }
                Event::Text(text) => return Ok(Some(Node::Text(text.xml10_content()))),
                Event::CData(text) => return Ok(Some(Node::Text(text.xml10_content()))),
                Event::GeneralRef(reference) => return Ok(Some(Node::Text(resolve(&reference)))),
                Event::DocType(_) if !self.limits.doctype => {
                    return Err(Malformed::new("a document type declaration is not allowed"));
                }
                Event::Eof if self.depth > 0 => return Err(Malformed::new("the document ends inside an element")),
                Event::Eof => return Ok(None),
                // quick-xml splits empty elements, see `new`
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }
}

/// A character reference or one of XML's five entities; anything else stays as it was written, since it is most
/// likely the `&` of an unescaped URL.
fn resolve<'x>(reference: &BytesRef<'_>) -> Cow<'x, str> {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return Cow::Owned(c.to_string());
    }
    match resolve_predefined_entity(reference) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(format!("&{};", &**reference)),
    }
}

/// Undoes one level of escaping; what isn't a known reference stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        // the longest reference of interest is &#x10FFFF;, and a longer search would make many & a quadratic effort
        let end = from.bytes().take(11).position(|byte| byte == b';');
        match end.and_then(|end| from.get(1..end)) {
            Some(name) => {
                out.push_str(&resolve(&BytesRef::new(name)));
                rest = from.get(name.len() + 2..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}
