//! The ring: two files in RAM, of which the newer one grows to a fixed size and then takes the older one's place. So there is always
//! one half at least, and never more than the whole. The directory hands its group down to them: the player's.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// Relative to the root; [`crate::start`] makes it.
pub(super) const DIRECTORY: &str = "run/log/ring";
const NEW: &str = "new";
const OLD: &str = "old";
/// Bytes of a file.
const HALF: u64 = 128 << 10;

pub(super) struct Ring {
    directory: PathBuf,
    /// None: not opened, or what was written last wasn't taken.
    file: Option<File>,
    size: u64,
}

impl Ring {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, file: None, size: 0 }
    }

    /// Nothing was ever written to it.
    pub(super) fn is_new(&self) -> bool {
        !self.directory.join(NEW).exists()
    }

    /// Appends a line. Where /run is full it is lost.
    pub(super) fn push(&mut self, line: &str) {
        if self.size >= HALF {
            self.file = None;
            let _ = fs::rename(self.directory.join(NEW), self.directory.join(OLD));
        }
        if self.file.is_none() {
            let opened = OpenOptions::new().append(true).create(true).mode(0o640).open(self.directory.join(NEW));
            self.size = opened.as_ref().ok().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len());
            self.file = opened.ok();
        }
        let Some(file) = &mut self.file else { return };
        match file.write_all(line.as_bytes()) {
            Ok(()) => self.size += line.len() as u64,
            Err(_) => self.file = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_a_new_writer_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let line = "x".repeat(999) + "\n";
        for writer in 0..4 {
            let mut ring = Ring::new(directory.path().to_owned());
            assert_eq!(ring.is_new(), writer == 0);
            (0..100).for_each(|_| ring.push(&line));
        }
        let size = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
        assert!((HALF..HALF + 1000).contains(&size(OLD)), "{}", size(OLD));
        assert_eq!(size(OLD) % 1000 + size(NEW) % 1000, 0, "whole lines");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn without_a_place_lines_are_lost_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("ring");
        let mut ring = Ring::new(place.clone());
        ring.push("one\n");
        fs::create_dir(&place).unwrap();
        ring.push("two\n");
        assert_eq!(fs::read_to_string(place.join(NEW)).unwrap(), "two\n");
    }
}
