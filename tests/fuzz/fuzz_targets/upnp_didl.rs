//! A track's metadata; whatever is read is within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upnp::didl;

fuzz_target!(|data: &[u8]| {
    let didl = didl::parse(&String::from_utf8_lossy(data));
    let texts = [&didl.title, &didl.artist, &didl.creator, &didl.album, &didl.class];
    for text in texts.into_iter().flatten() {
        assert!(!text.is_empty() && text.chars().count() <= 1024);
    }
    assert!(didl.resources.len() <= 32);
});
