use proptest::prelude::*;

use super::*;
use crate::xml::escape;

const GOOD: &str = "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" \
    xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\">\
    <item id=\"1\" parentID=\"0\" restricted=\"1\"><dc:title>Träumerei &amp; more</dc:title>\
    <dc:creator>Somebody</dc:creator><upnp:artist role=\"Composer\">Schumann</upnp:artist>\
    <upnp:artist role=\"Performer\">Horowitz</upnp:artist><upnp:album> Kinderszenen </upnp:album>\
    <upnp:albumArtURI dlna:profileID=\"JPEG_TN\">http://h/art?a=1&amp;b=2</upnp:albumArtURI>\
    <upnp:class>object.item.audioItem.musicTrack</upnp:class>\
    <res protocolInfo=\"http-get:*:audio/x-flac:DLNA.ORG_OP=01\" duration=\"0:02:51.600\" bitrate=\"176400\" size=\"30270240\" \
    sampleFrequency=\"44100\" bitsPerSample=\"16\" nrAudioChannels=\"2\">http://h/1.flac</res>\
    <res>http://h/1.mp3</res></item></DIDL-Lite>";

#[test]
fn all_of_it_is_read() {
    let didl = parse(GOOD);
    assert_eq!(didl.title.as_deref(), Some("Träumerei & more"));
    assert_eq!(didl.performer(), Some("Horowitz"));
    assert_eq!(didl.creator.as_deref(), Some("Somebody"));
    assert_eq!(didl.album.as_deref(), Some("Kinderszenen"));
    assert_eq!(didl.album_art.as_deref(), Some("http://h/art?a=1&b=2"));
    assert_eq!(didl.class.as_deref(), Some("object.item.audioItem.musicTrack"));
    let resource = didl.resource("http://h/1.flac").unwrap();
    assert_eq!(resource.protocol_info.as_ref().unwrap().mime(), "audio/x-flac");
    assert_eq!(resource.duration, Some(Duration::from_millis(171_600)));
    assert_eq!((resource.bitrate, resource.size), (Some(176_400), Some(30_270_240)));
    assert_eq!(
        (resource.sample_frequency, resource.bits_per_sample, resource.channels),
        (Some(44_100), Some(16), Some(2))
    );
    assert_eq!(didl.resource("http://h/1.mp3").unwrap().duration, None);
    assert_eq!(didl.resource("http://elsewhere/").unwrap().uri, "http://h/1.flac");
}

#[test]
fn t26_double_escaped_is_read_as_if_it_were_not() {
    let once = escape(GOOD).into_owned();
    assert_eq!(parse(&once), parse(GOOD));
    assert_eq!(parse(&escape(&once)), parse(GOOD));
}

#[test]
fn t26_unparsable_gives_its_beginning() {
    let cut = GOOD.find("<upnp:album>").unwrap();
    let didl = parse(GOOD.get(..cut).unwrap());
    assert_eq!(
        (didl.title.as_deref(), didl.performer(), didl.album.as_deref()),
        (Some("Träumerei & more"), Some("Horowitz"), None)
    );
    let undeclared =
        "<DIDL-Lite><item><dc:title>A & B</dc:title><res protocolInfo=\"x\" duration=\"y\" size=\"a&b\"/></wrong>";
    let didl = parse(undeclared);
    assert_eq!(didl.title.as_deref(), Some("A & B"));
    assert_eq!(didl.resources, [Resource::default()]);
}

#[test]
fn t26_nothing_gives_nothing() {
    for nothing in ["", " ", "NOT_IMPLEMENTED", "<DIDL-Lite/>", "&lt;", "<", "no metadata", "<item/>"] {
        assert_eq!(parse(nothing), Didl::default(), "{nothing}");
    }
}

#[test]
fn texts_elsewhere_are_not_the_items() {
    let didl =
        parse("<DIDL-Lite><item><desc><title>No</title></desc><title></title><title>Yes</title></item></DIDL-Lite>");
    assert_eq!(didl.title.as_deref(), Some("Yes"));
}

#[test]
fn the_first_artist_without_another_role_is_shown() {
    let artists = |list: &str| parse(&format!("<item>{list}</item>")).artist;
    let composer = "<artist role=\"Composer\">C</artist>";
    assert_eq!(artists(&format!("{composer}<artist>A</artist><artist>B</artist>")).as_deref(), Some("A"));
    assert_eq!(artists(composer).as_deref(), Some("C"));
}

#[test]
fn it_is_bounded() {
    let long = "x".repeat(100_000);
    assert_eq!(parse(&format!("<item><title>{long}</title></item>")).title, None, "cut off before its end");
    let title = parse(&format!("<item><title>{}</title></item>", &long[..60_000])).title.unwrap();
    assert_eq!(title.len(), MAX_TEXT);
    assert_eq!(parse(&format!("<item>{}</item>", "<res>u</res>".repeat(100))).resources.len(), MAX_RESOURCES);
    let attributes: String = (0..5000).map(|n| format!("a{n}=\"\" ")).collect();
    assert_eq!(parse(&format!("<item><res {attributes}>u</res></item>")).resources.len(), 1);
    assert_eq!(cut("aä", 2), "a");
}

proptest! {
    #[test]
    fn any_title_reads_back(title in "[!-~\u{A1}-\u{FFFD}]{1,64}") {
        let didl = parse(&format!("<DIDL-Lite><item><dc:title>{}</dc:title></item></DIDL-Lite>", escape(&title)));
        prop_assert_eq!(didl.title.as_deref(), Some(title.trim()).filter(|title| !title.is_empty()));
    }

    #[test]
    fn parsing_never_panics(text in any::<String>(), at in any::<prop::sample::Index>(), with in any::<char>()) {
        let _ = parse(&text);
        let mut broken: Vec<_> = GOOD.chars().collect();
        let at = at.index(broken.len());
        broken[at] = with;
        let _ = parse(&broken.into_iter().collect::<String>());
    }
}
