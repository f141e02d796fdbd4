//! What SetAVTransportURI and SetNextAVTransportURI name.

use std::borrow::Cow;
use std::time::Duration;

use upnp::didl::{self, Item};

/// A resource and what its control point says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// As it was sent; never empty.
    pub(crate) uri: String,
    /// The DIDL-Lite text as it was sent, which goes back out unchanged; possibly empty or no XML at all (T26).
    pub(crate) didl: String,
    /// What could be read out of `didl`, and what the resource says where that has no title.
    pub(crate) metadata: Metadata,
}

/// The part of DIDL-Lite that this renderer uses itself. All of it is a hint: the resource's content decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) title: Option<String>,
    pub(crate) artist: Option<String>,
    pub(crate) album: Option<String>,
    /// `res@duration`, until the resource itself has been opened (T2: a control point may ask only once, right after Play).
    pub(crate) duration: Option<Duration>,
    /// The content type of `res@protocolInfo`.
    pub(crate) mime: Option<String>,
}

impl Media {
    /// `None` for the empty URI. Whatever the metadata is, it is no reason to refuse the resource (T26).
    pub(crate) fn new(uri: &str, didl: &str) -> Option<Self> {
        let uri = uri.trim();
        let parsed = upnp::didl::parse(didl);
        let resource = parsed.resource(uri);
        let metadata = Metadata {
            title: parsed.title.clone(),
            artist: parsed.performer().map(str::to_owned),
            album: parsed.album.clone(),
            duration: resource.and_then(|resource| resource.duration),
            mime: resource.and_then(|resource| resource.protocol_info.as_ref()).map(|info| info.content_format.clone()),
        };
        (!uri.is_empty()).then(|| Self { uri: uri.to_owned(), didl: didl.to_owned(), metadata })
    }

    /// Takes what the resource says of itself, if the control point said no title.
    pub(crate) fn describe(&mut self, own: Metadata) {
        let known = &mut self.metadata;
        if known.title.is_none() && own.title.is_some() {
            known.title = own.title;
            known.artist = known.artist.take().or(own.artist);
            known.album = known.album.take().or(own.album);
        }
    }

    /// CurrentTrackMetaData: the text as it was sent; where none was, what is known meanwhile. (AVTransportURIMetaData is the
    /// control point's own, and stays as it is.)
    pub(crate) fn track_metadata(&self) -> Cow<'_, str> {
        let Metadata { title: Some(title), artist, album, .. } = &self.metadata else {
            return self.didl.as_str().into();
        };
        if !self.didl.trim().is_empty() {
            return self.didl.as_str().into();
        }
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let (artist, album) = (text(artist), text(album));
        didl::item(&Item { uri: &self.uri, title, artist: &artist, album: &album }).into()
    }

    /// Whether a SetNext of `other` while `self` plays is the mistake of T13: the same resource with the same description.
    pub(crate) fn is_repeated_by(&self, other: &Self) -> bool {
        self.uri == other.uri && self.didl == other.didl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIDL: &str = "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
        <item><dc:title>A &amp;amp; B</dc:title><res protocolInfo=\"http-get:*:audio/L16;rate=44100;channels=2:*\" \
        duration=\"0:01:01.5\">http://x/a</res></item></DIDL-Lite>";

    #[test]
    fn t26_metadata_is_read_as_far_as_it_goes_and_never_a_reason_to_refuse() {
        let escaped = DIDL.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        for didl in [DIDL, &escaped] {
            let media = Media::new(" http://x/a ", didl).unwrap();
            assert_eq!((media.uri.as_str(), media.didl.as_str()), ("http://x/a", didl));
            assert_eq!(media.metadata.duration, Some(Duration::from_millis(61_500)));
            assert_eq!(media.metadata.mime.as_deref(), Some("audio/L16;rate=44100;channels=2"));
        }
        for didl in ["", "no <xml", "<DIDL-Lite/>", "<DIDL-Lite><item><res>http://x/a</res></item></DIDL-Lite>"] {
            assert_eq!(Media::new("http://x/a", didl).unwrap().metadata, Metadata::default(), "{didl}");
        }
    }

    #[test]
    fn what_the_resource_says_counts_where_the_control_point_said_no_title() {
        let own = Metadata { title: Some("A & B".into()), artist: Some("C".into()), ..Metadata::default() };
        let mut bare = Media::new("http://x/a?b&c", " ").unwrap();
        assert_eq!(bare.track_metadata(), " ");
        bare.describe(own.clone());
        assert_eq!((bare.metadata.title.as_deref(), bare.metadata.artist.as_deref()), (Some("A & B"), Some("C")));
        let didl = upnp::didl::parse(&bare.track_metadata());
        assert_eq!((didl.title.as_deref(), didl.performer()), (Some("A & B"), Some("C")));
        assert_eq!(didl.resource("http://x/a?b&c").unwrap().uri, "http://x/a?b&c");
        assert_eq!(bare.didl, " ", "what was sent stays what it is");

        let mut told = Media::new("http://x/a", DIDL).unwrap();
        let before = told.clone();
        told.describe(own.clone());
        assert_eq!(told, before);
        // Something without a title goes back out as it came, but is shown with one.
        let mut other = Media::new("http://x/a", "<DIDL-Lite><item/></DIDL-Lite>").unwrap();
        other.describe(own);
        assert_eq!((other.track_metadata().as_ref(), other.metadata.title.is_some()), (other.didl.as_str(), true));
    }

    #[test]
    fn t21_the_empty_uri_is_no_media() {
        assert_eq!(Media::new("", DIDL), None);
        assert_eq!(Media::new("  ", DIDL), None);
    }
}
