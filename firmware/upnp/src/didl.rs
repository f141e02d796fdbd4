//! DIDL-Lite: what a control point says of a track.
//!
//! For showing and as a hint only; nothing is refused for its metadata. So [`parse`] takes whatever it gets and returns
//! what could be read.
mod item;

use std::time::Duration;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;

use crate::protocol_info::ProtocolInfo;
use crate::time;
use crate::xml::{Limits, Node, Scanner, unescape};

pub use item::{Item, item};

/// What is read of a document; the rest is ignored.
const MAX_BYTES: usize = 64 * 1024;
const LIMITS: Limits = Limits { depth: 16, elements: 2048, doctype: true };

/// Characters of one text; no title is longer.
const MAX_TEXT: usize = 1024;

/// Characters of one URL.
const MAX_URL: usize = 4096;

/// Resources that are kept.
const MAX_RESOURCES: usize = 32;

/// Levels of escaping that are undone: some control points escape twice.
const MAX_ESCAPED: usize = 3;

/// What could be read of a track's metadata. Texts are trimmed, never empty, and at most 1024 characters long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Didl {
    /// `dc:title`.
    pub title: Option<String>,
    /// `upnp:artist`, the performer's if several are named with roles.
    pub artist: Option<String>,
    /// `dc:creator`.
    pub creator: Option<String>,
    /// `upnp:album`.
    pub album: Option<String>,
    /// `upnp:albumArtURI`, the first.
    pub album_art: Option<String>,
    /// `upnp:class`.
    pub class: Option<String>,
    /// `res`, in order.
    pub resources: Vec<Resource>,
}

impl Didl {
    /// Whom to show as the artist: the artist, or else the creator.
    pub fn performer(&self) -> Option<&str> {
        self.artist.as_deref().or(self.creator.as_deref())
    }

    /// The resource with that URI; the first one if none has it, since what else could be meant?
    pub fn resource(&self, uri: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.uri == uri).or(self.resources.first())
    }
}

/// One way to get the track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// Where; may be empty.
    pub uri: String,
    /// What; `None` if it isn't said or can't be read.
    pub protocol_info: Option<ProtocolInfo>,
    /// How long it plays.
    pub duration: Option<Duration>,
    /// Bytes (sic) a second.
    pub bitrate: Option<u32>,
    /// Length in bytes.
    pub size: Option<u64>,
    /// Hz.
    pub sample_frequency: Option<u32>,
    /// Bits a sample.
    pub bits_per_sample: Option<u32>,
    /// Channels.
    pub channels: Option<u32>,
}

/// Reads metadata. What is escaped once more than it should be is read all the same; of what can't be read to its end
/// the beginning counts; from nothing comes nothing.
pub fn parse(metadata: &str) -> Didl {
    let mut text = std::borrow::Cow::Borrowed(cut(metadata, MAX_BYTES));
    for _ in 0..MAX_ESCAPED {
        if text.contains('<') || !text.contains('&') {
            break;
        }
        text = unescape(&text).into();
    }
    let mut reading = Reading::default();
    // an error ends the reading; what came before it stays
    let _ = reading.read(&text);
    let Reading { mut didl, credited, .. } = reading;
    didl.artist = didl.artist.or(credited);
    didl
}

/// A document that is being read.
#[derive(Default)]
struct Reading {
    didl: Didl,
    /// An artist in a role other than the performer's, who is better than none.
    credited: Option<String>,
    /// Of the open `artist`: whether it has such a role.
    has_role: bool,
    /// Of the open `res`: its attributes.
    resource: Resource,
}

impl Reading {
    fn read(&mut self, document: &str) -> Result<(), crate::xml::Malformed> {
        let mut scanner = Scanner::new(document, LIMITS);
        // local names of the open elements; the scanner bounds their number
        let mut open: Vec<String> = Vec::new();
        let mut text = String::new();
        while let Some(node) = scanner.next()? {
            match node {
                Node::Open { start, .. } => {
                    let name = start.local_name().as_ref().to_owned();
                    match name.as_str() {
                        "res" => self.resource = read_resource(&start),
                        "artist" => self.has_role = attribute(&start, "role").is_some_and(|role| role != "Performer"),
                        _ => {}
                    }
                    text.clear();
                    open.push(name);
                }
                Node::Text(piece) => text.push_str(&piece),
                Node::Close => {
                    let name = open.pop().unwrap_or_default();
                    // a title inside `desc` is somebody else's
                    if matches!(open.last().map(String::as_str), Some("item" | "container")) {
                        self.property(&name, &text);
                    }
                }
            }
        }
        Ok(())
    }

    /// An element of the item has ended.
    fn property(&mut self, name: &str, text: &str) {
        let didl = &mut self.didl;
        let (slot, max) = match name {
            "title" => (&mut didl.title, MAX_TEXT),
            "creator" => (&mut didl.creator, MAX_TEXT),
            "artist" if self.has_role => (&mut self.credited, MAX_TEXT),
            "artist" => (&mut didl.artist, MAX_TEXT),
            "album" => (&mut didl.album, MAX_TEXT),
            "albumArtURI" => (&mut didl.album_art, MAX_URL),
            "class" => (&mut didl.class, MAX_TEXT),
            "res" => {
                if didl.resources.len() < MAX_RESOURCES {
                    let uri = tidy(text, MAX_URL).unwrap_or_default();
                    didl.resources.push(Resource { uri, ..std::mem::take(&mut self.resource) });
                }
                return;
            }
            _ => return,
        };
        if slot.is_none() {
            *slot = tidy(text, max);
        }
    }
}

fn read_resource(start: &BytesStart<'_>) -> Resource {
    fn number<N: std::str::FromStr>(start: &BytesStart<'_>, name: &str) -> Option<N> {
        attribute(start, name)?.trim().parse().ok()
    }
    Resource {
        uri: String::new(),
        protocol_info: attribute(start, "protocolInfo").and_then(|text| ProtocolInfo::parse(&text)),
        duration: attribute(start, "duration").and_then(|text| time::parse(&text)),
        bitrate: number(start, "bitrate"),
        size: number(start, "size"),
        sample_frequency: number(start, "sampleFrequency"),
        bits_per_sample: number(start, "bitsPerSample"),
        channels: number(start, "nrAudioChannels"),
    }
}

/// The attribute of that local name.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = start.attributes();
    // finding duplicates takes quadratic time
    let found = attributes.with_checks(false).filter_map(Result::ok).take(64);
    let attribute = found.into_iter().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    // a bare & isn't normalized but is no reason to lose the value
    let value = attribute.normalized_value(XmlVersion::Implicit1_0);
    Some(value.map_or_else(|_| unescape(&attribute.value), std::borrow::Cow::into_owned))
}

/// Trimmed and cut; `None` if nothing is left.
fn tidy(text: &str, max: usize) -> Option<String> {
    let text: String = text.trim().chars().take(max).collect();
    (!text.is_empty()).then_some(text)
}

/// The first `max` bytes, or a little less to end at a character.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
