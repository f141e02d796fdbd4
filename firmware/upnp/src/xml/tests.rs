use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { depth: 8, elements: 32, doctype: false };

fn text_of(document: &str) -> Result<String, Malformed> {
    let mut scanner = Scanner::new(document, LIMITS);
    let mut out = String::new();
    while let Some(node) = scanner.next()? {
        if let Node::Text(text) = node {
            out.push_str(&text);
        }
    }
    Ok(out)
}

#[test]
fn plain_text_is_not_copied() {
    assert!(matches!(escape("it's plain"), Cow::Borrowed("it's plain")));
}

#[test]
fn markup_is_escaped_and_forbidden_characters_are_left_out() {
    assert_eq!(escape("<a href=\"x\">\u{1}&\u{FFFF}</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
    assert_eq!(escape_attribute("a\tb\nc\r"), "a&#9;b&#10;c&#13;");
}

#[test]
fn sloppy_text_survives() {
    assert_eq!(text_of("<a>http://x/?a=1&b=2&copy;&amp;</a>").unwrap(), "http://x/?a=1&b=2&copy;&");
    assert_eq!(text_of("<undeclared:a>x</undeclared:a>").unwrap(), "x");
    assert_eq!(text_of("<a><![CDATA[<b>&amp;]]></a>").unwrap(), "<b>&amp;");
}

#[test]
fn bounds_hold() {
    assert!(text_of(&"<a>".repeat(9)).is_err());
    assert!(text_of(&format!("<a>{}</a>", "<b/>".repeat(40))).is_err());
    assert!(text_of("<a><b></b>").is_err(), "unfinished document");
    assert!(text_of("<!DOCTYPE x [<!ENTITY e \"boom\">]><x>&e;</x>").is_err());
}

#[test]
fn a_skipped_doctype_defines_nothing() {
    let mut scanner = Scanner::new("<!DOCTYPE x [<!ENTITY e \"boom\">]><x>&e;</x>", Limits { doctype: true, ..LIMITS });
    let mut out = String::new();
    while let Some(node) = scanner.next().unwrap() {
        if let Node::Text(text) = node {
            out.push_str(&text);
        }
    }
    assert_eq!(out, "&e;");
}

#[test]
fn unescape_undoes_one_level() {
    assert_eq!(unescape("&lt;a b=&quot;&amp;amp;&quot;&#x41;&#65; & &unknown; &"), "<a b=\"&amp;\"AA & &unknown; &");
}

proptest! {
    #[test]
    fn escaped_text_reads_back(text in "[\\PC\\t\\n]*") {
        prop_assert_eq!(text_of(&format!("<a>{}</a>", escape(&text))).unwrap(), text.clone());
        prop_assert_eq!(unescape(&escape(&text)), text);
    }

    #[test]
    fn unescape_never_grows_and_never_panics(text in any::<String>()) {
        prop_assert!(unescape(&text).len() <= text.len());
    }

    #[test]
    fn scanning_never_panics(text in any::<String>(), markup in "[<>/a&;:='\" !\\[\\]-]{0,64}") {
        let _ = text_of(&text);
        let _ = text_of(&markup);
    }
}
