//! Two files that hold two copies of one thing. The older one is overwritten, in place: a save changes no list of blocks and
//! needs no room, so it works on a full file system, and a power cut can't damage anything but that copy.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::record::{self, HEADER, Record};

/// Where the two are and how large each is.
#[derive(Clone, Debug)]
pub(crate) struct Copies<'a> {
    pub(crate) directory: &'a Path,
    /// The files are called `NAME.0` and `NAME.1`.
    pub(crate) name: &'static str,
    /// Bytes of each, header included.
    pub(crate) size: usize,
}

impl Copies<'_> {
    /// The newest content that is whole. None: there is none yet, or both copies are damaged.
    ///
    /// # Errors
    /// A copy can't be read, and the other one isn't there or isn't whole.
    pub(crate) fn load(&self) -> io::Result<Option<Vec<u8>>> {
        let read = [0, 1].map(|place| self.read(place));
        let copies = read.each_ref().map(|read| read.as_ref().ok().and_then(Clone::clone));
        match record::newest(&copies) {
            Some((_, record)) => Ok(Some(record.content)),
            None => read.into_iter().find_map(Result::err).map_or(Ok(None), Err),
        }
    }

    /// Writes `content` over the older copy, and returns when the medium has it. The first time both files are made.
    ///
    /// # Errors
    /// It doesn't fit, or the medium is full, read-only or broken. What was saved before is still there.
    pub(crate) fn save(&self, content: &[u8]) -> io::Result<()> {
        // One that can't be read may be overwritten: the other one is the newest that is known.
        let copies = [0, 1].map(|place| self.read(place).unwrap_or_default());
        let (place, generation) = record::next(&copies);
        let record = Record { generation, content: content.to_vec() };
        let room = self.size.saturating_sub(HEADER);
        let bytes = record.encode(self.size).ok_or_else(|| {
            let text = format!("{} bytes don't fit into a copy, which has room for {room}", content.len());
            io::Error::new(io::ErrorKind::FileTooLarge, text)
        })?;
        self.write(place, &bytes)?;
        let other = 1 - place;
        if copies[other].as_ref().is_none_or(|copy| copy.len() < self.size) && record::newest(&copies).is_none() {
            // Room for the next save. There is nothing in it yet that could be lost.
            self.write(other, &vec![0; self.size])?;
        }
        File::open(self.directory)?.sync_all()
    }

    /// A copy's bytes as they are, at most `size`; None if there is no such file.
    fn read(&self, place: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(place)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(self.size as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn write(&self, place: usize, bytes: &[u8]) -> io::Result<()> {
        // Not truncated: its blocks stay what they are.
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(self.path(place))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn path(&self, place: usize) -> PathBuf {
        self.directory.join(format!("{}.{place}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(directory: &Path) -> Copies<'_> {
        Copies { directory, name: "settings", size: 256 }
    }

    #[test]
    fn saves_take_turns() {
        let directory = tempfile::tempdir().unwrap();
        let copies = copies(directory.path());
        assert_eq!(copies.load().unwrap(), None);
        for (content, place) in [(&b"one"[..], 0), (b"two", 1), (b"three", 0)] {
            copies.save(content).unwrap();
            assert_eq!(copies.load().unwrap().as_deref(), Some(content));
            let written = fs::read(copies.path(place)).unwrap();
            assert_eq!(Record::decode(&written).unwrap().content, content);
            assert_eq!(fs::metadata(copies.path(1 - place)).unwrap().len(), 256, "both are there from the first save");
        }
    }

    #[test]
    fn a_damaged_copy_is_the_one_that_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let copies = copies(directory.path());
        copies.save(b"one").unwrap();
        copies.save(b"two").unwrap();
        fs::write(copies.path(1), b"torn").unwrap();
        assert_eq!(copies.load().unwrap().as_deref(), Some(&b"one"[..]));
        copies.save(b"three").unwrap();
        assert_eq!(Record::decode(&fs::read(copies.path(0)).unwrap()).unwrap().content, b"one");
        assert_eq!(copies.load().unwrap().as_deref(), Some(&b"three"[..]));
        fs::write(copies.path(0), b"").unwrap();
        fs::write(copies.path(1), b"").unwrap();
        assert_eq!(copies.load().unwrap(), None);
    }

    #[test]
    fn what_cannot_be_saved_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let copies = copies(directory.path());
        copies.save(b"one").unwrap();
        let error = copies.save(&[0; 256]).unwrap_err().to_string();
        assert_eq!(error, "256 bytes don't fit into a copy, which has room for 232");
        fs::remove_file(copies.path(1)).unwrap();
        // As on a full medium.
        std::os::unix::fs::symlink("/dev/full", copies.path(1)).unwrap();
        assert!(copies.save(b"two").is_err());
        fs::remove_file(copies.path(1)).unwrap();
        assert_eq!(copies.load().unwrap().as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn a_copy_that_cannot_be_read_is_an_error_only_if_the_other_is_no_help() {
        let directory = tempfile::tempdir().unwrap();
        let copies = copies(directory.path());
        fs::create_dir(copies.path(1)).unwrap();
        assert!(copies.load().is_err());
        fs::write(copies.path(0), Record { generation: 1, content: b"one".to_vec() }.encode(256).unwrap()).unwrap();
        assert_eq!(copies.load().unwrap().as_deref(), Some(&b"one"[..]));
    }
}
