//! The chunks of IFF's kin that say what the file is: RIFF's `LIST` of kind `INFO` (Microsoft, "Multimedia Programming Interface
//! and Data Specifications 1.0", 2-14), AIFF's `NAME` and `AUTH`, DSDIFF's `DIIN` with `DITI` and `DIAR` (1.5, 3.5), and in all of
//! them an ID3v2 tag.

use super::{MAX_FIELD, Tags, id3};
use crate::fault::Fault;
use crate::input::ByteReader;

/// The longest chunk whose content is read as a whole.
const MAX_CHUNK: u64 = 64 * 1024;

/// Chunks that are looked at behind the audio, and in a chunk of chunks.
const MAX_CHUNKS: usize = 256;

/// How a file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Little-endian, 32 bits.
    Riff,
    /// Big-endian, 32 bits.
    Aiff,
    /// Big-endian, 64 bits.
    Dff,
}

impl Form {
    /// Takes what the chunks from the reader's position on say, to the end of the input.
    ///
    /// # Errors
    /// Those of the reader; the end, too, if it comes inside a header.
    pub(super) fn read(self, reader: &mut ByteReader, tags: &mut Tags) -> Result<(), Fault> {
        self.walk(reader, |id, size, reader| self.chunk(id, size, reader, tags))
    }

    /// Shows the name and size of each chunk from the reader's position on, the reader being at its content.
    fn walk(
        self,
        reader: &mut ByteReader,
        mut show: impl FnMut([u8; 4], u64, &mut ByteReader) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for _ in 0..MAX_CHUNKS {
            let id = reader.array()?;
            let size = match self {
                Self::Riff => u32::from_le_bytes(reader.array()?).into(),
                Self::Aiff => u32::from_be_bytes(reader.array()?).into(),
                Self::Dff => u64::from_be_bytes(reader.array()?),
            };
            let next = reader.position().saturating_add(size).saturating_add(size % 2);
            show(id, size, reader)?;
            reader.seek(next)?;
        }
        Ok(())
    }

    /// Takes what the chunk of this name and size says whose content is at the reader's position; leaves the reader somewhere
    /// in it.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn chunk(self, id: [u8; 4], size: u64, reader: &mut ByteReader, tags: &mut Tags) -> Result<(), Fault> {
        match (self, &id) {
            (_, b"ID3 " | b"id3 ") => {
                let mut own = Tags::default();
                id3::read(reader, &mut own)?;
                tags.complete(own);
            }
            (Self::Riff, b"LIST") | (Self::Dff, b"DIIN") if size <= MAX_CHUNK => {
                let content = reader.up_to(size as usize)?;
                let content = if self == Self::Riff { content.strip_prefix(b"INFO") } else { Some(&content[..]) };
                if let Some(content) = content {
                    let mut parts = ByteReader::of(content.to_vec());
                    // A part that is cut off ends it. What is nested deeper isn't looked into.
                    let _ = self.walk(&mut parts, |id, size, reader| self.text(id, size, reader, tags));
                }
            }
            _ => self.text(id, size, reader, tags)?,
        }
        Ok(())
    }

    /// Takes the text of a chunk that has one.
    fn text(self, id: [u8; 4], size: u64, reader: &mut ByteReader, tags: &mut Tags) -> Result<(), Fault> {
        if let Some(name) = self.field(&id) {
            let content = reader.up_to(size.min(MAX_FIELD as u64) as usize)?;
            // DSDIFF's texts have their length before them.
            let text = if self == Self::Dff { content.get(4..).unwrap_or_default() } else { &content };
            tags.set(name, &decode(text));
        }
        Ok(())
    }

    /// What a chunk with a text in it says.
    fn field(self, id: &[u8; 4]) -> Option<&'static str> {
        match (self, id) {
            (Self::Riff, b"INAM") | (Self::Aiff, b"NAME") | (Self::Dff, b"DITI") => Some("title"),
            (Self::Riff, b"IART") | (Self::Aiff, b"AUTH") | (Self::Dff, b"DIAR") => Some("artist"),
            (Self::Riff, b"IPRD") => Some("album"),
            _ => None,
        }
    }
}

/// None of the formats says how it is written; UTF-8 isn't mistaken for anything else.
fn decode(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form, bytes: &[u8]) -> Tags {
        let mut tags = Tags::default();
        let _ = form.read(&mut ByteReader::of(bytes.to_vec()), &mut tags);
        tags
    }

    #[test]
    fn each_form_counts_in_its_own_way() {
        let riff = b"LIST\x1c\0\0\0INFOINAM\x05\0\0\0A \xe4 B\0IART\x01\0\0\0Cfact\x01\0\0\0x\0";
        let tags = read(Form::Riff, riff);
        assert_eq!(tags.title.as_deref(), Some("A ä B"));
        let aiff = b"NAME\0\0\0\x03T\xc3\xa4\0AUTH\0\0\0\x01A\0ANNO\0\0\0\x01x\0";
        let tags = read(Form::Aiff, aiff);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Tä"), Some("A")));
        let mut dff = b"COMT\0\0\0\0\0\0\0\x01x\0DIIN\0\0\0\0\0\0\0\x24".to_vec();
        dff.extend(b"DIAR\0\0\0\0\0\0\0\x05\0\0\0\x01B\0DITI\0\0\0\0\0\0\0\x06\0\0\0\x02TT");
        let tags = read(Form::Dff, &dff);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("TT"), Some("B")));
    }

    #[test]
    fn an_id3_chunk_completes_the_others() {
        let mut aiff = b"NAME\0\0\0\x01T\0ID3 \0\0\0\x2aID3\x03\0\0\0\0\0\x20".to_vec();
        aiff.extend(b"TIT2\0\0\0\x02\0\0\0XTALB\0\0\0\x02\0\0\0Y");
        let tags = read(Form::Aiff, &aiff);
        assert_eq!((tags.title.as_deref(), tags.album.as_deref()), (Some("T"), Some("Y")));
    }

    #[test]
    fn sizes_without_sense_end_it() {
        for form in [Form::Riff, Form::Aiff, Form::Dff] {
            assert_eq!(read(form, &[0xff; 64]), Tags::default());
            assert_eq!(read(form, b"LIST\xff\xff\xff\xffINFO"), Tags::default());
        }
    }
}
