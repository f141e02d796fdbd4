//! ID3v2 (id3.org: "ID3 tag version 2.2.0", "2.3.0", "2.4.0 Structure" and "Native Frames"): the text frames that are wanted;
//! everything else is passed over, and so is what is compressed or encrypted.

mod body;

use self::body::{Body, resynchronise};
use super::{MAX_FIELD, Tags};
use crate::fault::Fault;
use crate::input::ByteReader;

/// Frames that are looked at.
const MAX_FRAMES: usize = 1024;

/// The length of a tag that starts here, header and footer included ("2.4.0 Structure", 3.1 and 3.4).
pub(crate) fn length(head: &[u8]) -> Option<u64> {
    let &[b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = head else { return None };
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + syncsafe([a, b, c, d]) + footer)
}

/// Seven bits of each byte.
fn syncsafe(bytes: [u8; 4]) -> u64 {
    bytes.into_iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f))
}

/// Takes the frames of a tag that starts at the reader's position.
pub(super) fn read(reader: &mut ByteReader, tags: &mut Tags) -> Result<(), Fault> {
    let [b'I', b'D', b'3', version, _, flags, size @ ..] = reader.array::<10>()? else { return Ok(()) };
    // The compression of 2.2 was never defined.
    if !(2..=4).contains(&version) || version == 2 && flags & 0x40 != 0 {
        return Ok(());
    }
    let mut body = Body::new(reader, syncsafe(size), flags & 0x80 != 0 && version < 4);
    if version > 2 && flags & 0x40 != 0 && !skip_extended_header(&mut body, version)? {
        return Ok(());
    }
    for _ in 0..MAX_FRAMES {
        let Some(frame) = Frame::read(&mut body, version)? else { break };
        let Some(wanted) = wanted(&frame.id).filter(|_| frame.is_plain) else {
            body.skip(frame.size)?;
            continue;
        };
        let kept = frame.size.min(MAX_FIELD as u64);
        let Some(mut bytes) = body.take(kept as usize)? else { break };
        body.skip(frame.size - kept)?;
        if frame.unsynchronised {
            resynchronise(&mut bytes);
        }
        let Some((&encoding, text)) = bytes.get(frame.extra..).and_then(<[u8]>::split_first) else { continue };
        let text = decode(encoding, text);
        match (wanted, text.split_once('\0')) {
            (Wanted::Field(name), _) => tags.set(name, &text),
            (Wanted::Named, Some((name, value))) => tags.set(name, value),
            (Wanted::Named, None) => {}
        }
    }
    Ok(())
}

/// `false` if there is none that makes sense.
fn skip_extended_header(body: &mut Body<'_>, version: u8) -> Result<bool, Fault> {
    let Some(size) = body.array()? else { return Ok(false) };
    let rest = match version {
        3 => Some(u32::from_be_bytes(size).into()),
        // It counts itself.
        _ => syncsafe(size).checked_sub(4),
    };
    let Some(rest) = rest else { return Ok(false) };
    body.skip(rest)?;
    Ok(true)
}

/// What a frame holds that is wanted.
#[derive(Clone, Copy)]
enum Wanted {
    /// A text.
    Field(&'static str),
    /// A text, and its name before it.
    Named,
}

fn wanted(id: &[u8; 4]) -> Option<Wanted> {
    match id {
        b"TIT2" | b"TT2\0" => Some(Wanted::Field("title")),
        b"TPE1" | b"TP1\0" => Some(Wanted::Field("artist")),
        b"TALB" | b"TAL\0" => Some(Wanted::Field("album")),
        b"TXXX" | b"TXX\0" => Some(Wanted::Named),
        _ => None,
    }
}

/// A frame's header.
struct Frame {
    id: [u8; 4],
    /// Bytes that follow.
    size: u64,
    /// Bytes of those before the content.
    extra: usize,
    /// Neither compressed nor encrypted.
    is_plain: bool,
    unsynchronised: bool,
}

impl Frame {
    /// `None` at the padding, and behind the last frame.
    fn read(body: &mut Body<'_>, version: u8) -> Result<Option<Self>, Fault> {
        if version == 2 {
            let Some([a, b, c, size @ ..]) = body.array::<6>()? else { return Ok(None) };
            let size = size.into_iter().fold(0, |size, byte| size << 8 | u64::from(byte));
            let frame = Self { id: [a, b, c, 0], size, extra: 0, is_plain: true, unsynchronised: false };
            return Ok(Some(frame).filter(|_| is_id(&[a, b, c])));
        }
        let Some([a, b, c, d, s0, s1, s2, s3, _, flags]) = body.array::<10>()? else { return Ok(None) };
        let (id, size) = ([a, b, c, d], [s0, s1, s2, s3]);
        let flag = |bit: u8| usize::from(flags & bit != 0);
        let frame = if version == 3 {
            let size = u32::from_be_bytes(size).into();
            Self { id, size, extra: flag(0x20), is_plain: flags & 0xc0 == 0, unsynchronised: false }
        } else {
            // Old versions of iTunes write sizes as in 2.3, which shows in those that use the eighth bit.
            let size =
                if size.iter().any(|byte| byte & 0x80 != 0) { u32::from_be_bytes(size).into() } else { syncsafe(size) };
            let extra = flag(0x40) + 4 * flag(0x01);
            Self { id, size, extra, is_plain: flags & 0x0c == 0, unsynchronised: flags & 0x02 != 0 }
        };
        Ok(Some(frame).filter(|_| is_id(&id)))
    }
}

fn is_id(id: &[u8]) -> bool {
    id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Text by its encoding ("2.4.0 Structure", 4).
fn decode(encoding: u8, bytes: &[u8]) -> String {
    match (encoding, bytes) {
        (0, bytes) => bytes.iter().copied().map(char::from).collect(),
        (1, [0xfe, 0xff, rest @ ..]) | (2, rest) => utf_16(rest, u16::from_be_bytes),
        (1, [0xff, 0xfe, rest @ ..]) | (1, rest) => utf_16(rest, u16::from_le_bytes),
        (_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks().0.iter().map(|&bytes| unit(bytes));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let size = body.len() as u32;
        let size = [size >> 21, size >> 14, size >> 7, size].map(|part| (part & 0x7f) as u8);
        [b"ID3", &[version, 0, flags][..], &size, body].concat()
    }

    fn frame(id: &str, content: &[u8], flags: u8) -> Vec<u8> {
        [id.as_bytes(), &(content.len() as u32).to_be_bytes(), &[0, flags], content].concat()
    }

    fn parse(bytes: &[u8]) -> Tags {
        let mut tags = Tags::default();
        // A tag that is cut off has what came before.
        let _ = read(&mut ByteReader::of(bytes.to_vec()), &mut tags);
        tags
    }

    fn utf_16_text(text: &str) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_version_and_encoding_is_read() {
        let old = tag(
            2,
            0,
            b"TT2\0\0\x05\0T\xe9l\0TP1\0\0\x02\0APIC\0\0\x03xyzTXX\0\0\x1f\0replaygain_track_gain\0-4.5 dB\0",
        );
        let tags = parse(&old);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Tél"), Some("A")));
        assert_eq!(tags.track_loudness.gain, Some(-4.5));

        let named = [&[1][..], &utf_16_text("REPLAYGAIN_ALBUM_PEAK\0"), &utf_16_text("0.75")].concat();
        let body = [
            frame("APIC", &[0xff; 3_000], 0),
            frame("TIT2", &[&[1][..], &utf_16_text("Füße 𝄞")].concat(), 0),
            frame("TALB", b"\x02\0A\0l", 0),
            frame("TXXX", &named, 0),
            frame("TPE1", b"\0grouped", 0x20),
        ]
        .concat();
        let tags = parse(&tag(3, 0, &body));
        assert_eq!((tags.title.as_deref(), tags.album.as_deref()), (Some("Füße 𝄞"), Some("Al")));
        // Its first byte is the group's, the encoding comes behind it.
        assert_eq!((tags.artist.as_deref(), tags.album_loudness.peak), (Some("rouped"), Some(0.75)));

        let body =
            [frame("TIT2", b"\x03caf\xc3\xa9\0two", 0), frame("TALB", b"\0\0\0\x05\x03\xff\0\xe0x", 0x03)].concat();
        let tags = parse(&tag(4, 0x80, &body));
        assert_eq!((tags.title.as_deref(), tags.album.as_deref()), (Some("café"), Some("\u{fffd}\u{fffd}x")));
    }

    #[test]
    fn what_is_compressed_encrypted_or_no_frame_is_passed_over() {
        let body =
            [frame("TIT2", b"\0zip", 0x80), frame("TIT2", b"\0key", 0x40), frame("TIT2", b"\0plain", 0)].concat();
        assert_eq!(parse(&tag(3, 0, &body)).title.as_deref(), Some("plain"));
        let padded = [frame("TIT2", b"\0a", 0), vec![0; 20], frame("TALB", b"\0b", 0)].concat();
        assert_eq!(parse(&tag(3, 0, &padded)), Tags { title: Some("a".into()), ..Tags::default() });
        assert_eq!(parse(&tag(5, 0, &frame("TIT2", b"\0a", 0))), Tags::default());
        assert_eq!(parse(b"no tag at all"), Tags::default());
    }

    #[test]
    fn an_unsynchronised_tag_is_read_as_it_was() {
        // Its frames' sizes are those of what was before.
        let plain = [frame("APIC", &[0xff, 0, 0xff, 0xe0, 0xff], 0), frame("TIT2", b"\0a\xffb", 0)].concat();
        let mut body = Vec::new();
        for (n, &byte) in plain.iter().enumerate() {
            body.push(byte);
            if byte == 0xff && plain.get(n + 1).is_some_and(|&next| next == 0 || next >= 0xe0) {
                body.push(0);
            }
        }
        assert!(body.len() > plain.len());
        assert_eq!(parse(&tag(3, 0x80, &body)).title.as_deref(), Some("aÿb"));
    }

    #[test]
    fn extended_headers_are_passed_over() {
        let title = frame("TIT2", b"\0a", 0);
        let old = [&b"\0\0\0\x06\0\0\0\0\0\0"[..], &title].concat();
        let new = [&b"\0\0\0\x06\x01\0"[..], &title].concat();
        assert_eq!(parse(&tag(3, 0x40, &old)).title.as_deref(), Some("a"));
        assert_eq!(parse(&tag(4, 0x40, &new)).title.as_deref(), Some("a"));
        assert_eq!(parse(&tag(4, 0x40, b"\0\0\0\x01\x01\0")), Tags::default());
    }

    #[test]
    fn wherever_it_is_cut_what_came_before_is_there() {
        let body = [frame("TIT2", b"\0title", 0), frame("TALB", b"\0album", 0)].concat();
        let whole = tag(3, 0, &body);
        for length in 0..whole.len() {
            let tags = parse(&whole[..length]);
            assert_eq!(tags.title.is_some(), length >= 26, "{length}");
            assert_eq!(tags.album, None);
        }
        // A frame that is longer than the tag is none.
        let mut beyond = tag(3, 0, &body);
        beyond[14..18].fill(0xff);
        assert_eq!(parse(&beyond), Tags::default());
    }

    #[test]
    fn lengths_count_header_and_footer() {
        assert_eq!(length(&tag(3, 0, &[0; 300])), Some(310));
        assert_eq!(length(&tag(4, 0x10, &[])), Some(20));
        assert_eq!(length(b"ID3"), None);
    }
}
