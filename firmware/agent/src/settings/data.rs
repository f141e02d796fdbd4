//! The data partition: made at the first boot, made again when it is damaged, with whatever copies of the settings are still
//! found in it.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::errno::Errno;

use super::{
    copies::Copies,
    medium::{Access, EXT, Mounted, Partition},
    record::Record,
};
use crate::{root::Root, sys};

/// Bytes of a file system's block, and of a copy: four of them, one after the other in a new file system.
const BLOCK: usize = 4096;
const COPY: usize = 4 * BLOCK;
/// What is looked through for copies in a damaged partition at most; ours is 32 MiB, on a large card it may be more.
const SEARCHED: u64 = 64 << 20;

/// Where the agent keeps things.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// A partition of the running machine.
    Partition(PathBuf),
    /// A directory in a copy of a machine's files.
    Directory(PathBuf),
}

/// The settings as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Whole.
    Kept(Vec<u8>),
    /// None yet, in a file system that is well.
    Nothing,
    /// The file system is blank or damaged, for this reason.
    Damaged(String),
}

impl Data {
    /// None: there is no such partition.
    pub(crate) fn find(root: &Root) -> Option<Self> {
        if root.is_machine() {
            Partition::Data.find(root).map(Self::Partition)
        } else {
            Some(Self::Directory(root.path("data"))).filter(|_| root.path("data").is_dir())
        }
    }

    /// Runs `work` on its directory, mounted meanwhile.
    fn with<T>(&self, root: &Root, access: Access, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Partition(device) => work(Mounted::new(root, device, EXT, access)?.path()),
            Self::Directory(directory) => work(directory),
        }
    }

    /// Reads `name`'s newest copy.
    ///
    /// # Errors
    /// The medium can't be used at all.
    pub(crate) fn load(&self, root: &Root, name: &'static str) -> io::Result<Found> {
        match self.with(root, Access::Read, |directory| copies(directory, name).load()) {
            Ok(Some(content)) => Ok(Found::Kept(content)),
            Ok(None) => Ok(Found::Nothing),
            Err(error) if is_damage(&error) => Ok(Found::Damaged(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Saves `content` as `name`.
    ///
    /// # Errors
    /// Full, read-only, damaged, gone. What was saved before is still there.
    pub(crate) fn save(&self, root: &Root, name: &'static str, content: &[u8]) -> io::Result<()> {
        self.with(root, Access::Write, |directory| copies(directory, name).save(content))
    }

    /// Makes a new file system in place of the damaged one.
    ///
    /// # Errors
    /// The partition can't be written, or the program that makes it isn't there.
    pub(crate) fn make(&self) -> io::Result<()> {
        let Self::Partition(device) = self else { return Ok(()) };
        let mut command = Command::new("mke2fs");
        command.args(["-F", "-b", &BLOCK.to_string(), "-m", "0", "-L", "tenuto-data"]).arg(device).stdin(Stdio::null());
        let output = sys::tie_to_parent(&mut command).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("mke2fs: {}", said.lines().next().unwrap_or("it doesn't say why"))));
        }
        File::open(device)?.sync_all()
    }

    /// Whether nothing was ever written to it, as far as its beginning tells.
    pub(crate) fn is_blank(&self) -> bool {
        let Self::Partition(device) = self else { return false };
        let mut beginning = [0; 16 * BLOCK];
        let read = File::open(device).and_then(|mut device| device.read_exact(&mut beginning));
        read.is_ok() && beginning.iter().all(|byte| *byte == 0)
    }

    /// What a damaged partition still holds: every copy that is whole and that `is` one of those that are looked for, the newest
    /// of them.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn rescue(&self, is: impl Fn(&[u8]) -> bool) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Partition(device) => rescue(&File::open(device)?, is),
            Self::Directory(_) => Ok(None),
        }
    }
}

fn copies<'a>(directory: &'a Path, name: &'static str) -> Copies<'a> {
    Copies { directory, name, size: COPY }
}

/// What a file system says that is none, or whose own records are wrong; anything else (no memory, a medium that was pulled,
/// one that can't be read) is no reason to make a new one.
fn is_damage(error: &io::Error) -> bool {
    const EFSBADCRC: Errno = Errno::EBADMSG;
    let damage = [Errno::EINVAL, Errno::EUCLEAN, EFSBADCRC, Errno::ENOTDIR, Errno::EISDIR, Errno::ELOOP];
    error.raw_os_error().is_some_and(|code| damage.contains(&Errno::from_raw(code)))
}

fn rescue(device: &File, is: impl Fn(&[u8]) -> bool) -> io::Result<Option<Vec<u8>>> {
    let mut newest: Option<Record> = None;
    let mut copy = vec![0; COPY];
    let mut block = [0; BLOCK];
    let mut reader = device.take(SEARCHED);
    let mut at = 0;
    while let Ok(()) = reader.read_exact(&mut block) {
        // Most blocks are no copy's first one; its checksum covers what lies in the next ones.
        if block.starts_with(Record::MAGIC) {
            let length = device.read_at(&mut copy, at)?;
            let whole = Record::decode(&copy[..length]).filter(|record| is(&record.content));
            newest = newest.into_iter().chain(whole).max_by_key(|record| record.generation);
        }
        at += BLOCK as u64;
    }
    Ok(newest.map(|record| record.content))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn image(copies: &[(usize, u64, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        for (block, generation, content) in copies {
            let bytes = Record { generation: *generation, content: content.to_vec() }.encode(COPY).unwrap();
            file.as_file().write_all_at(&bytes, (block * BLOCK) as u64).unwrap();
        }
        file
    }

    fn rescued(image: &tempfile::NamedTempFile) -> Option<Vec<u8>> {
        rescue(&File::open(image.path()).unwrap(), |content| content.starts_with(b"{")).unwrap()
    }

    #[test]
    fn the_newest_copy_that_is_whole_is_rescued() {
        let long = [&b"{"[..], &[b'x'; 3 * BLOCK]].concat();
        let image = image(&[(9, 3, b"{old"), (20, 4, &long), (40, 9, b"1700000000"), (252, 1, b"{last block")]);
        assert_eq!(rescued(&image).as_deref(), Some(long.as_slice()));
        image.as_file().write_all_at(b"y", (20 * BLOCK + 2 * BLOCK) as u64).unwrap();
        assert_eq!(rescued(&image).as_deref(), Some(&b"{old"[..]));
        image.as_file().write_all_at(&[0; BLOCK], (9 * BLOCK) as u64).unwrap();
        assert_eq!(rescued(&image).as_deref(), Some(&b"{last block"[..]));
    }

    #[test]
    fn a_blank_partition_holds_nothing() {
        assert_eq!(rescued(&image(&[])), None);
    }

    #[test]
    fn a_directory_is_damaged_if_something_else_has_the_names() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert!(Data::find(&root).is_none());
        fs::create_dir(root.path("data")).unwrap();
        let data = Data::find(&root).unwrap();
        assert_eq!(data.load(&root, "settings").unwrap(), Found::Nothing);
        data.save(&root, "settings", b"{}").unwrap();
        assert_eq!(data.load(&root, "settings").unwrap(), Found::Kept(b"{}".to_vec()));
        for place in [0, 1] {
            fs::remove_file(root.path(format!("data/settings.{place}"))).unwrap();
            fs::create_dir(root.path(format!("data/settings.{place}"))).unwrap();
        }
        assert!(matches!(data.load(&root, "settings").unwrap(), Found::Damaged(_)));
    }

    #[test]
    fn a_medium_that_does_not_answer_is_not_taken_for_a_blank_one() {
        for code in [Errno::EIO, Errno::ENOMEM, Errno::ENODEV, Errno::ENXIO, Errno::EBUSY, Errno::EPERM, Errno::EROFS] {
            assert!(!is_damage(&io::Error::from(code)), "{code}");
        }
        assert!(is_damage(&io::Error::from(Errno::EINVAL)) && is_damage(&io::Error::from(Errno::EUCLEAN)));
    }
}
