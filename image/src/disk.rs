//! The disk image: selector, slot A, slot B, data; made by genimage, without root or loop devices.
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::board::{Board, Loader};
use crate::cache::{Cache, Key};
use crate::command::{progress, read, run};
use crate::slot::{Slot, one_line};
use crate::{environment, pi, selector};

/// Where the FATs of selector and slot A begin in the image (`board/x86_64/genimage.cfg`), for mtools.
const SELECTOR: &str = "8M";
const SLOT_A: &str = "48M";
/// What a slot takes, and where A and B begin, MiB.
const SLOT_MIB: u64 = 64;
const SLOTS_MIB: [u64; 2] = [48, 112];

/// Finds or builds the disk image of `board` with `slot` in A; returns its path.
///
/// # Errors
/// When a tool fails.
pub fn build(cache: &Cache, repository: &Path, board: &Board, slot: &Slot) -> Result<PathBuf> {
    let map = board.file(repository, "genimage.cfg");
    let mut key = Key::default()
        .with("code", concat!(include_str!("disk.rs"), include_str!("selector.rs"), include_str!("bios.rs")))
        .with("genimage", environment::version("genimage", "--version")?)
        .with_file("map", &map)?;
    key = Selector::of(board, repository).key(key)?;
    let files = slot.files()?;
    for name in &files {
        key = key.with_file(name, &slot.directory.join(name))?;
    }
    let entry = cache.entry("disk", &key.text(), |target| {
        progress("making the disk image");
        let log = cache.log("disk")?;
        environment::need_space(target, 600, "the disk image")?;
        let scratch = tempfile::tempdir_in(target).context("making a temporary directory")?;
        // The selector's files by name, and a slot's either by name or as a whole: the map says.
        let (input, root) = (scratch.path().join("input"), scratch.path().join("root"));
        fs::create_dir(&input)?;
        fs::create_dir(&root)?;
        Selector::of(board, repository).build(&input, &log)?;
        for name in &files {
            for to in [input.join(name), root.join(name)] {
                fs::create_dir_all(to.parent().unwrap_or(&to)).with_context(|| name.clone())?;
                fs::copy(slot.directory.join(name), to).with_context(|| name.clone())?;
            }
        }
        undate(&input)?;
        undate(&root)?;
        let mut genimage = Command::new("genimage");
        genimage.arg("--config").arg(&map).arg("--inputpath").arg(&input).arg("--outputpath").arg(target);
        genimage.arg("--rootpath").arg(&root).arg("--tmppath").arg(scratch.path().join("tmp"));
        genimage.env("SOURCE_DATE_EPOCH", "315532800").env("TZ", "UTC");
        run(&mut genimage, &log, "making the disk image")?;
        for name in ["selector.vfat", "slot.vfat"] {
            fs::remove_file(target.join(name)).with_context(|| name.to_owned())?;
        }
        Ok(())
    })?;
    Ok(entry.directory.join("disk.img"))
}

/// What the selector of a board is made from.
enum Selector {
    /// GRUB's script, and the arguments of a new machine.
    Grub { script: PathBuf, arguments: PathBuf },
    /// `autoboot.txt`.
    Pi(PathBuf),
}

impl Selector {
    fn of(board: &Board, repository: &Path) -> Self {
        let file = |name| board.file(repository, name);
        match board.loader {
            Loader::Grub => Self::Grub { script: file("grub.cfg"), arguments: file("arguments") },
            Loader::Pi => Self::Pi(file("autoboot.txt")),
        }
    }

    /// Adds it to the disk image's key.
    fn key(&self, key: Key) -> Result<Key> {
        match self {
            Self::Grub { script, arguments } => key
                .with("selector", include_str!("selector.rs"))
                .with("grub", environment::version("grub-mkimage", "--version")?)
                .with_file("script", script)?
                .with_file("arguments", arguments),
            Self::Pi(autoboot) => key.with("selector", include_str!("pi.rs")).with_file("autoboot.txt", autoboot),
        }
    }

    /// Writes its files into `target`.
    fn build(&self, target: &Path, log: &Path) -> Result<()> {
        match self {
            Self::Grub { script, arguments } => selector::build(script, &one_line(&read(arguments)?), target, log),
            Self::Pi(autoboot) => {
                fs::write(target.join("autoboot.txt"), pi::autoboot(&read(autoboot)?)?).context("autoboot.txt")
            }
        }
    }
}

/// Gives everything in `directory` the first time that FAT knows, 1980: it keeps each file's time, and genimage copies it.
fn undate(directory: &Path) -> Result<()> {
    let epoch = std::time::UNIX_EPOCH + std::time::Duration::from_secs(315_532_800);
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            undate(&path)?;
        }
        fs::File::open(&path)?.set_modified(epoch)?;
    }
    Ok(())
}

/// A copy of a disk image, for one virtual machine. The image itself is not changed.
#[derive(Debug)]
pub struct Copy {
    path: PathBuf,
    log: PathBuf,
}

impl Copy {
    /// Copies `image` to `path`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn of(image: &Path, path: PathBuf, log: PathBuf) -> Result<Self> {
        let mut cp = Command::new("cp");
        cp.args(["--sparse=always", "--reflink=auto"]).arg(image).arg(&path);
        run(&mut cp, &log, "copying the disk image")?;
        Ok(Self { path, log })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the arguments of this machine in the selector's state. The slot stays as it is.
    ///
    /// # Errors
    /// When the arguments don't fit, or mtools fails.
    pub fn set_arguments(&self, arguments: &str) -> Result<()> {
        let scratch = tempfile::tempdir().context("making a temporary directory")?;
        selector::write_state(arguments, scratch.path())?;
        let files = ["slot1.env", "slot2.env"].map(|name| scratch.path().join(name));
        self.replace(SELECTOR, &files)
    }

    /// Replaces slot A's initramfs by another one.
    ///
    /// # Errors
    /// When mtools fails.
    pub fn set_initramfs(&self, initrd: &Path) -> Result<()> {
        self.replace(SLOT_A, &[initrd.to_path_buf()])
    }

    /// Puts an owner's `tenuto.toml` onto the selector.
    ///
    /// # Errors
    /// When mtools fails.
    pub fn offer(&self, file: &Path) -> Result<()> {
        self.replace(SELECTOR, &[file.to_path_buf()])
    }

    /// Replaces slot A's own arguments by these.
    ///
    /// # Errors
    /// When they don't fit, or mtools fails.
    pub fn set_slot_arguments(&self, arguments: &str) -> Result<()> {
        self.put(SLOT_A, "boot.env", &selector::block(&[("cmdline", arguments)])?)
    }

    /// Makes slot B what slot A is, as an update would.
    ///
    /// # Errors
    /// When the image can't be read or written.
    pub fn fill_slot_b(&self) -> Result<()> {
        let [from, to] = SLOTS_MIB.map(|mib| mib << 20);
        let named = || self.path.display().to_string();
        let mut file = File::options().read(true).write(true).open(&self.path).with_context(named)?;
        let mut slot = vec![0; usize::try_from(SLOT_MIB << 20)?];
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut slot)).with_context(named)?;
        file.seek(SeekFrom::Start(to)).and_then(|_| file.write_all(&slot)).with_context(named)
    }

    /// Leaves slot B as an update does that is cut short: its boot sector goes first and comes last.
    ///
    /// # Errors
    /// When the image can't be written.
    pub fn spoil_slot_b(&self) -> Result<()> {
        let named = || self.path.display().to_string();
        let mut file = File::options().write(true).open(&self.path).with_context(named)?;
        file.seek(SeekFrom::Start(SLOTS_MIB[1] << 20)).and_then(|_| file.write_all(&[0; 512])).with_context(named)
    }

    /// A file of the selector; None if it is missing.
    ///
    /// # Errors
    /// When mtools can't be started.
    pub fn selector_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut mtype = Command::new("mtype");
        let output = mtype.arg("-i").arg(self.at(SELECTOR)).arg(format!("::{name}")).output().context("mtype")?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// Replaces a file of the selector by other bytes.
    ///
    /// # Errors
    /// When mtools fails.
    pub fn put_selector_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put(SELECTOR, name, bytes)
    }

    /// Removes a file of the selector.
    ///
    /// # Errors
    /// When it isn't there, or mtools fails.
    pub fn remove_selector_file(&self, name: &str) -> Result<()> {
        let mut mdel = Command::new("mdel");
        run(
            mdel.arg("-i").arg(self.at(SELECTOR)).arg(format!("::{name}")),
            &self.log,
            "removing a file of the selector",
        )
    }

    fn put(&self, partition: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let scratch = tempfile::tempdir().context("making a temporary directory")?;
        let file = scratch.path().join(name);
        fs::write(&file, bytes).with_context(|| file.display().to_string())?;
        self.replace(partition, &[file])
    }

    /// A partition, as mtools name it.
    fn at(&self, partition: &str) -> String {
        format!("{}@@{partition}", self.path.display())
    }

    fn replace(&self, partition: &str, files: &[PathBuf]) -> Result<()> {
        let mut mcopy = Command::new("mcopy");
        mcopy.arg("-o").arg("-i").arg(self.at(partition)).args(files).arg("::");
        run(&mut mcopy, &self.log, "writing into the copied disk image")
    }
}
