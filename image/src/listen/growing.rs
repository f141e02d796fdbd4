//! A file that grows, and can be read at any time: after each piece its header is put right. What ends this program in the
//! middle costs the last piece at most.
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::container::Container;

/// Frames that are written at a time: 0.2 s of a CD. As DSD it is whole blocks, however long a word is.
const PIECE: usize = 8192;

#[derive(Debug)]
pub(super) struct Growing {
    file: File,
    path: PathBuf,
    container: Container,
    /// What isn't in the file yet.
    pending: Vec<u8>,
    /// What is: frames, and the bytes that they take.
    frames: u64,
    audio: u64,
}

impl Growing {
    /// Begins a file that isn't there yet.
    ///
    /// # Errors
    /// When it is, or can't be written; there is none then that wasn't there before.
    pub(super) fn create(path: &Path, container: Container) -> io::Result<Self> {
        Self::begin(File::create_new(path)?, path, container)
    }

    /// Begins one that was just made.
    fn begin(file: File, path: &Path, container: Container) -> io::Result<Self> {
        if let Err(error) = file.write_all_at(&container.header(0, 0), 0) {
            // A disk may be too full for what says what it is. If it can't be removed, it stays.
            let _ = fs::remove_file(path);
            return Err(error);
        }
        Ok(Self { file, path: path.to_path_buf(), container, pending: Vec::new(), frames: 0, audio: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Frames that are in it.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// When they can't be written; the file is what it was before.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        let piece = PIECE * self.container.frame();
        if self.pending.len() >= piece { self.write(piece) } else { Ok(()) }
    }

    /// Writes what is left; half a frame isn't.
    ///
    /// # Errors
    /// When that can't be written; the file is what it was before.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.write(self.pending.len() / self.container.frame() * self.container.frame())
    }

    fn write(&mut self, bytes: usize) -> io::Result<()> {
        let laid_out = self.container.lay_out(&self.pending[..bytes]);
        let frames = self.frames + (bytes / self.container.frame()) as u64;
        let start = self.container.header(0, 0).len() as u64;
        let audio = self.audio + laid_out.len() as u64;
        // First what the header then says is there.
        if let Err(error) = self.file.write_all_at(&laid_out, start + self.audio) {
            // A part of it may be there. If that stays, only what reads beyond the header's sizes sees it.
            let _ = self.file.set_len(start + self.audio);
            return Err(error);
        }
        self.file.write_all_at(&self.container.header(frames, audio), 0)?;
        self.pending.drain(..bytes);
        (self.frames, self.audio) = (frames, audio);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use usb_dac::Model;

    use super::*;

    #[test]
    fn what_can_t_be_written_leaves_what_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.wav");
        let container = Container::of(Model::named("reference").unwrap().settings[0], 44_100);
        let mut growing = Growing::create(&path, container).unwrap();
        assert!(Growing::create(&path, container).is_err(), "it is there already");
        growing.push(&[1; PIECE * 8]).unwrap();
        growing.push(&[2; 8]).unwrap();
        let before = fs::read(&path).unwrap();
        assert_eq!((growing.frames(), before.len()), (PIECE as u64, container.header(0, 0).len() + PIECE * 8));
        // As a full disk, it takes nothing more.
        growing.file = File::open(&path).unwrap();
        assert!(growing.push(&[2; PIECE * 8]).is_err() && growing.finish().is_err());
        assert_eq!((growing.frames(), fs::read(&path).unwrap()), (PIECE as u64, before));
    }

    #[test]
    fn a_file_without_a_header_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.wav");
        let container = Container::of(Model::named("reference").unwrap().settings[0], 44_100);
        fs::write(&path, "").unwrap();
        // As a full disk, it takes nothing.
        assert!(Growing::begin(File::open(&path).unwrap(), &path, container).is_err());
        assert!(!path.exists());
        // What was there before stays.
        fs::write(&path, "mine").unwrap();
        assert!(Growing::create(&path, container).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }
}
