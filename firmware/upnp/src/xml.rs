//! What the protocols need of XML: escaping, a small writer, and a bounded reader.
mod scan;

use std::borrow::Cow;

pub(crate) use scan::{Limits, Malformed, Node, Scanner, unescape};

/// Whether XML 1.0 lets a document contain the character at all (XML 1.0, production 2).
///
/// A title from a stream or a tag may hold anything; one control character would make a whole event unparsable.
const fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn escape_with<'t>(text: &'t str, replace: impl Fn(char) -> Option<&'static str>) -> Cow<'t, str> {
    let Some(first) = text.find(|c| !is_legal(c) || replace(c).is_some()) else { return Cow::Borrowed(text) };
    let (plain, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    out.push_str(plain);
    for c in rest.chars() {
        match replace(c) {
            Some(entity) => out.push_str(entity),
            None if is_legal(c) => out.push(c),
            None => {}
        }
    }
    Cow::Owned(out)
}

const fn markup(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}

/// `text` as XML character data: markup escaped, characters that XML 1.0 forbids left out.
///
/// The apostrophe stays: it needs no escape here, and some control points don't know `&apos;`.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, markup)
}

/// `text` as an XML attribute's value between double quotes.
///
/// Unlike in [`escape`], tabs and line ends become character references: a reader would turn them into spaces
/// otherwise (XML 1.0 section 3.3.3), which would change metadata inside a LastChange.
pub fn escape_attribute(text: &str) -> Cow<'_, str> {
    escape_with(text, |c| match c {
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        c => markup(c),
    })
}

/// Writes a document. Names and attribute *names* are ours and written as they are; all text is escaped.
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    /// A document that starts with the XML declaration.
    pub(crate) fn document() -> Self {
        Self { out: String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n") }
    }

    /// A fragment without declaration, to be carried inside another document as text.
    pub(crate) const fn fragment() -> Self {
        Self { out: String::new() }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            self.out.push_str(&escape_attribute(value));
            self.out.push('"');
        }
    }

    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.out.push('>');
        self
    }

    pub(crate) fn close(&mut self, name: &str) -> &mut Self {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self
    }

    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.out.push_str("/>");
        self
    }

    pub(crate) fn leaf(&mut self, name: &str, text: &str) -> &mut Self {
        self.leaf_with(name, &[], text)
    }

    pub(crate) fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> &mut Self {
        self.open(name, attributes);
        self.out.push_str(&escape(text));
        self.close(name)
    }

    /// A leaf, unless there is nothing to say.
    pub(crate) fn optional(&mut self, name: &str, text: &str) -> &mut Self {
        if text.is_empty() { self } else { self.leaf(name, text) }
    }

    /// Text that is XML already.
    pub(crate) fn raw(&mut self, xml: &str) -> &mut Self {
        self.out.push_str(xml);
        self
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests;
