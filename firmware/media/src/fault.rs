//! What can go wrong, named so that a listener knows what to do about it.

use std::fmt;
use std::io;
use std::sync::Arc;

/// The kind of an [`Error`], for deciding what to do; the error's `Display` is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The address isn't an `http:` or `https:` URL.
    BadUrl,
    /// The server answered that it hasn't (or won't give) this resource.
    NotFound,
    /// The server can't be reached: name, connection, TLS, or an answer that isn't HTTP.
    Unreachable,
    /// The server stopped sending, and asking again didn't help.
    Stalled,
    /// The resource isn't audio, or nothing that can be recognised.
    NotAudio,
    /// The resource is audio of a kind that isn't decoded.
    Unsupported,
    /// The resource ended before its own end.
    Truncated,
    /// The resource holds bytes that its format forbids or its check sums disprove.
    Corrupt,
    /// Rate, width or channels change inside the track.
    FormatChanged,
    /// The position asked for isn't inside the track.
    OutOfRange,
    /// The source can't be read from another position.
    NotSeekable,
    /// [`Cancel`](crate::Cancel) was used.
    Cancelled,
}

impl Kind {
    /// A few words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadUrl => "not a usable address",
            Self::NotFound => "the server doesn't give it",
            Self::Unreachable => "the server can't be reached",
            Self::Stalled => "the server stopped sending",
            Self::NotAudio => "not recognised as audio",
            Self::Unsupported => "not supported",
            Self::Truncated => "truncated",
            Self::Corrupt => "damaged",
            Self::FormatChanged => "the format changes inside the track",
            Self::OutOfRange => "beyond the end of the track",
            Self::NotSeekable => "the source can't be sought in",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a track can't be opened, read or sought in. `Display` names the URL, what is wrong and the detail.
#[derive(Clone, Debug)]
pub struct Error {
    url: Arc<str>,
    fault: Fault,
}

impl Error {
    pub(crate) fn new(url: &Arc<str>, fault: Fault) -> Self {
        Self { url: Arc::clone(url), fault }
    }

    /// What kind of error this is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.fault.kind
    }

    /// What exactly was found, without the URL; may be empty.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.fault.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.fault)
    }
}

impl std::error::Error for Error {}

/// An [`Error`] without its URL: what the parts of this crate give each other. It travels through `io::Error`, because
/// the readers between a parser and the network speak `io`.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub(crate) fn truncated(detail: impl Into<String>) -> Self {
        Self::new(Kind::Truncated, detail)
    }

    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, detail)
    }

    pub(crate) fn format_changed(detail: impl Into<String>) -> Self {
        Self::new(Kind::FormatChanged, detail)
    }

    /// A track that begins and ends well, and has nothing in between.
    pub(crate) fn no_frames() -> Self {
        Self::new(Kind::NotAudio, "no audio frames")
    }

    pub(crate) fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, detail)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

impl From<io::Error> for Fault {
    /// Gives back the fault that was put in; an end of file in the middle of something is a truncation.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(fault) => fault.clone(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::truncated(""),
            None => Self::corrupt(error.to_string()),
        }
    }
}

impl From<symphonia::core::errors::Error> for Fault {
    fn from(error: symphonia::core::errors::Error) -> Self {
        use symphonia::core::errors::Error as E;
        match error {
            E::IoError(error) => error.into(),
            E::Unsupported(what) => Self::unsupported(what),
            E::SeekError(kind) => Self::new(Kind::NotSeekable, format!("{kind:?}")),
            error => Self::corrupt(error.to_string()),
        }
    }
}
