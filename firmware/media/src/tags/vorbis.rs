//! Vorbis comments (Vorbis I specification, 5.2): a vendor's name, then `NAME=value` in UTF-8, each with its length before it.

use super::{MAX_FIELD, Tags};

/// Comments that are looked at.
const MAX_COMMENTS: u32 = 4096;

/// Takes the fields of a comment header's content; it may have been cut off.
pub(super) fn read(bytes: &[u8], tags: &mut Tags) {
    let Some((_vendor, rest)) = field(bytes) else { return };
    let Some((count, mut rest)) = rest.split_first_chunk() else { return };
    for _ in 0..u32::from_le_bytes(*count).min(MAX_COMMENTS) {
        let Some((comment, behind)) = field(rest) else { return };
        rest = behind;
        // Longer ones are pictures, and lyrics.
        let Some((name, value)) = comment.get(..comment.len().min(MAX_FIELD)).and_then(split) else { continue };
        tags.set(&String::from_utf8_lossy(name), &String::from_utf8_lossy(value));
    }
}

fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

fn split(comment: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = comment.iter().position(|&byte| byte == b'=')?;
    Some((comment.get(..at)?, comment.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(fields: &[&str]) -> Vec<u8> {
        let mut bytes = b"\x03\0\0\0abc".to_vec();
        bytes.extend((fields.len() as u32).to_le_bytes());
        for field in fields {
            bytes.extend((field.len() as u32).to_le_bytes());
            bytes.extend(field.as_bytes());
        }
        bytes
    }

    #[test]
    fn fields_are_found_between_others_and_wherever_the_header_is_cut() {
        let picture = format!("METADATA_BLOCK_PICTURE={}", "A".repeat(100_000));
        let bytes = comments(&["no name", &picture, "Title=Füße=1", "=", "replaygain_album_gain=-3.5 dB", "ARTIST="]);
        let whole = Tags::vorbis(&bytes);
        assert_eq!(whole.title.as_deref(), Some("Füße=1"));
        assert_eq!((whole.artist, whole.album_loudness.gain), (None, Some(-3.5)));
        for length in 0..bytes.len() {
            let cut = Tags::vorbis(&bytes[..length]);
            assert!(cut.title.is_none() || cut.title.as_deref() == Some("Füße=1"), "{length}");
        }
    }

    #[test]
    fn lengths_beyond_the_end_are_none() {
        for bytes in
            [&b"\xff\xff\xff\xff"[..], b"\0\0\0\0\xff\xff\xff\xff", b"\0\0\0\0\x01\0\0\0\xff\xff\xff\x7fTITLE=x"]
        {
            assert_eq!(Tags::vorbis(bytes), Tags::default());
        }
    }
}
