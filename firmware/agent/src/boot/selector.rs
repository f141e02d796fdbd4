//! The selector partition of the medium that this system was booted from: one-sector files, read and written where they lie.
//!
//! It is never mounted. Each file has an erase-safe block of its own (the file system's clusters are 4 KiB), so that writing
//! one can't harm another.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{fat::Fat, grub::SECTOR};
use crate::root::Root;

/// The file system's label, which no other medium of the house should have.
const LABEL: [u8; 11] = *b"SELECTOR   ";

/// The partition, open.
#[derive(Debug)]
pub(crate) struct Selector {
    device: File,
    path: PathBuf,
    fat: Fat,
}

impl Selector {
    /// Finds it: the first partition of a disk, with a FAT of that label.
    ///
    /// # Errors
    /// There is none (the medium was pulled out, or isn't there yet), or more than one: then nobody can tell which one this
    /// system was booted from.
    pub(crate) fn open(root: &Root) -> Result<Self> {
        let first = |name: &String| root.text(format!("sys/class/block/{name}/partition")).as_deref() == Some("1");
        let names = root.names("sys/class/block").into_iter().filter(first);
        let mut found: Vec<PathBuf> = names.map(|name| root.path("dev").join(name)).filter(is_selector).collect();
        let path = found.pop().context("no medium with a selector partition is there")?;
        if !found.is_empty() {
            bail!(
                "there are several media with a selector partition: pull out those that this system was not booted from"
            );
        }
        let named = || path.display().to_string();
        // Exclusive: the kernel refuses a block device that is mounted.
        let flags = if root.is_machine() { libc::O_EXCL | libc::O_SYNC } else { libc::O_SYNC };
        let mut options = OpenOptions::new();
        let mut device = options.read(true).write(true).custom_flags(flags).open(&path).with_context(named)?;
        let fat = Fat::read(&mut device).with_context(named)?;
        Ok(Self { device, path, fat })
    }

    /// A file's sector.
    ///
    /// # Errors
    /// It isn't there, isn't one sector, or can't be read.
    pub(crate) fn read(&mut self, name: &str) -> Result<[u8; SECTOR]> {
        let at = self.fat.sector_of(&mut self.device, name)?;
        let mut sector = [0; SECTOR];
        self.device.seek(SeekFrom::Start(at))?;
        self.device.read_exact(&mut sector).with_context(|| format!("{name} in {}", self.path.display()))?;
        Ok(sector)
    }

    /// Writes a file's sector; it is on the medium when this returns.
    ///
    /// # Errors
    /// As [`Selector::read`], the medium refuses, or gives something else back.
    pub(crate) fn write(&mut self, name: &str, sector: &[u8; SECTOR]) -> Result<()> {
        let at = self.fat.sector_of(&mut self.device, name)?;
        let named = || format!("{name} in {}", self.path.display());
        self.device.seek(SeekFrom::Start(at))?;
        self.device.write_all(sector).with_context(named)?;
        self.device.sync_data().with_context(named)?;
        ensure!(self.read(name)? == *sector, "{name} in {}: the medium gives something else back", self.path.display());
        Ok(())
    }
}

fn is_selector(path: &PathBuf) -> bool {
    File::open(path).is_ok_and(|mut device| Fat::read(&mut device).is_ok_and(|fat| fat.label == LABEL))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::{super::fat::tests::image, *};

    /// A machine with one medium that has these files in its selector.
    pub(crate) fn machine(files: &[(&str, [u8; SECTOR])]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        plug(&root, "sda", &image(b"SELECTOR   ", files));
        (directory, root)
    }

    fn plug(root: &Root, disk: &str, first: &[u8]) {
        for (number, content) in [(1, first), (2, &[][..])] {
            let name = format!("{disk}{number}");
            fs::create_dir_all(root.path(format!("sys/class/block/{name}"))).unwrap();
            fs::write(root.path(format!("sys/class/block/{name}/partition")), format!("{number}\n")).unwrap();
            fs::create_dir_all(root.path("dev")).unwrap();
            fs::write(root.path("dev").join(name), content).unwrap();
        }
        fs::create_dir_all(root.path(format!("sys/class/block/{disk}"))).unwrap();
    }

    #[test]
    fn a_sector_is_written_and_nothing_else() {
        let files = [("slot1.env", [1; SECTOR]), ("slot2.env", [2; SECTOR]), ("trial.env", [3; SECTOR])];
        let (_keep, root) = machine(&files);
        let before = fs::read(root.path("dev/sda1")).unwrap();
        let mut selector = Selector::open(&root).unwrap();
        selector.write("slot2.env", &[9; SECTOR]).unwrap();
        assert_eq!(selector.read("slot2.env").unwrap(), [9; SECTOR]);
        let after = fs::read(root.path("dev/sda1")).unwrap();
        let differing = before.chunks(SECTOR).zip(after.chunks(SECTOR)).filter(|(a, b)| a != b).count();
        assert_eq!((differing, before.len()), (1, after.len()));
        assert!(selector.write("slot3.env", &[9; SECTOR]).is_err());
    }

    #[test]
    fn another_medium_is_not_taken_for_it_and_two_of_a_kind_are_refused() {
        let (_keep, root) = machine(&[("slot1.env", [1; SECTOR])]);
        plug(&root, "sdb", &image(b"MUSIC      ", &[("slot1.env", [7; SECTOR])]));
        plug(&root, "sdc", b"nothing");
        assert_eq!(Selector::open(&root).unwrap().read("slot1.env").unwrap(), [1; SECTOR]);
        plug(&root, "sdd", &image(b"SELECTOR   ", &[]));
        assert!(Selector::open(&root).unwrap_err().to_string().contains("several media"));
    }

    #[test]
    fn a_medium_that_is_gone_is_said() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Selector::open(&Root::new(directory.path())).unwrap_err().to_string().contains("no medium"));
    }
}
