//! DIDL-Lite of our own, for a track that came without.

use crate::xml::Writer;

/// What a resource says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Item<'a> {
    /// Where it is.
    pub uri: &'a str,
    /// `dc:title`, which every item has.
    pub title: &'a str,
    /// `upnp:artist` and `dc:creator`; may be empty.
    pub artist: &'a str,
    /// `upnp:album`; may be empty.
    pub album: &'a str,
}

/// The document (ContentDirectory:1, 2.8): one music track with one resource, of whose type no more is said than that it is
/// fetched by HTTP.
pub fn item(item: &Item<'_>) -> String {
    let mut xml = Writer::fragment();
    let names = [
        ("xmlns", "urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/"),
        ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
        ("xmlns:upnp", "urn:schemas-upnp-org:metadata-1-0/upnp/"),
    ];
    xml.open("DIDL-Lite", &names);
    xml.open("item", &[("id", "0"), ("parentID", "-1"), ("restricted", "1")]);
    xml.leaf("dc:title", item.title).optional("dc:creator", item.artist);
    xml.optional("upnp:artist", item.artist).optional("upnp:album", item.album);
    xml.leaf("upnp:class", "object.item.audioItem.musicTrack");
    xml.leaf_with("res", &[("protocolInfo", "http-get:*:*:*")], item.uri);
    xml.close("item").close("DIDL-Lite");
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::didl::parse;

    #[test]
    fn what_is_written_is_read_again() {
        let track = Item { uri: "http://x/a?b=1&c=2", title: "A <& \"B\" 'C'", artist: "Ä", album: "" };
        let didl = parse(&item(&track));
        assert_eq!(didl.title.as_deref(), Some(track.title));
        assert_eq!((didl.performer(), didl.album.as_deref()), (Some("Ä"), None));
        assert_eq!(didl.class.as_deref(), Some("object.item.audioItem.musicTrack"));
        assert_eq!(didl.resources.len(), 1);
        assert_eq!(didl.resources[0].uri, track.uri);
    }

    #[test]
    fn characters_that_xml_forbids_are_left_out() {
        let text = item(&Item { title: "a\u{1}\u{fffe}b", ..Item::default() });
        assert_eq!(parse(&text).title.as_deref(), Some("ab"));
    }
}
