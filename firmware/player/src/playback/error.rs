//! Why something doesn't play.

use std::fmt;

/// A reason with a name that programs may rely on, and a text for the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlayError {
    /// One word, e.g. `Truncated`: that of `media`, or one of the constants below.
    pub(crate) kind: String,
    /// What is wrong, with the name of the thing, and what to do.
    pub(crate) text: String,
}

/// A seek went beyond the end: `media`'s name of it.
pub(crate) const BEYOND: &str = "OutOfRange";
/// The DAC can't play this format.
pub(crate) const REFUSED: &str = "Refused";
/// There is no DAC, or it failed.
pub(crate) const OUTPUT: &str = "Output";
/// The audio engine isn't there, or misbehaves.
pub(crate) const ENGINE: &str = "Engine";
/// This program is at fault.
pub(crate) const INTERNAL: &str = "Internal";

impl PlayError {
    pub(crate) fn new(kind: &str, text: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), text: text.into() }
    }
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
