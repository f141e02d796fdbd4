//! What SetAVTransportURI and SetNextAVTransportURI name.

use std::time::Duration;

/// A resource and what its control point says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// As it was sent; never empty.
    pub(crate) uri: String,
    /// The DIDL-Lite text as it was sent, which goes back out unchanged; possibly empty or no XML at all (T26).
    pub(crate) didl: String,
    /// What could be read out of `didl`.
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
    fn t21_the_empty_uri_is_no_media() {
        assert_eq!(Media::new("", DIDL), None);
        assert_eq!(Media::new("  ", DIDL), None);
    }
}
