//! iTunes' items (Apple, "QuickTime File Format", metadata; the list `ilst` as iTunes writes it).

use super::boxes::{boxes, find, find_path};
use crate::Tags;

/// Items that are looked at.
const MAX_ITEMS: usize = 1024;
/// Bytes of a text.
const MAX_TEXT: usize = 4096;

/// The list of items of a movie.
pub(super) fn items(moov: &[u8]) -> Option<&[u8]> {
    let meta = find_path(moov, &[b"udta", b"meta"])?;
    // In MP4 `meta` has version and flags, in QuickTime it hasn't.
    meta.get(4..).and_then(|boxes| find(boxes, b"ilst")).or_else(|| find(meta, b"ilst"))
}

/// What the items say.
pub(super) fn read(moov: &[u8]) -> Tags {
    let mut tags = Tags::default();
    for (kind, item) in boxes(items(moov).unwrap_or_default()).take(MAX_ITEMS) {
        let name = match &kind {
            b"\xa9nam" => Some(&b"title"[..]),
            b"\xa9ART" => Some(&b"artist"[..]),
            b"\xa9alb" => Some(&b"album"[..]),
            // Behind version and flags.
            b"----" => find(item, b"name").and_then(|name| name.get(4..)),
            _ => None,
        };
        // Behind type and locale.
        let value = find(item, b"data").and_then(|data| data.get(8..));
        if let (Some(name), Some(value)) = (name, value) {
            let [name, value] = [name, value].map(|text| text.get(..text.len().min(MAX_TEXT)).unwrap_or_default());
            tags.set(&String::from_utf8_lossy(name), &String::from_utf8_lossy(value));
        }
    }
    tags
}
