//! The disk image: selector, slot A, slot B, data; made by genimage, without root or loop devices.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::board::Board;
use crate::cache::{Cache, Key};
use crate::command::{progress, read, run};
use crate::slot::{FILES, Slot, one_line};
use crate::{environment, selector};

/// Where the FATs of selector and slot A begin in the image (`board/x86_64/genimage.cfg`), for mtools.
const SELECTOR: &str = "4M";
const SLOT_A: &str = "44M";

/// Finds or builds the disk image of `board` with `slot` in A; returns its path.
///
/// # Errors
/// When a tool fails.
pub fn build(cache: &Cache, repository: &Path, board: &Board, slot: &Slot) -> Result<PathBuf> {
    let [script, map, arguments] = ["grub.cfg", "genimage.cfg", "arguments"].map(|name| board.file(repository, name));
    let mut key = Key::default()
        .with("code", concat!(include_str!("disk.rs"), include_str!("selector.rs")))
        .with("grub", environment::version("grub-mkimage", "--version")?)
        .with("genimage", environment::version("genimage", "--version")?)
        .with_file("script", &script)?
        .with_file("map", &map)?
        .with_file("arguments", &arguments)?;
    for name in FILES.iter().chain(&["manifest"]) {
        key = key.with_file(name, &slot.directory.join(name))?;
    }
    let entry = cache.entry("disk", &key.text(), |target| {
        progress("making the disk image");
        let log = cache.log("disk")?;
        environment::need_space(target, 600, "the disk image")?;
        let scratch = tempfile::tempdir_in(target).context("making a temporary directory")?;
        let input = scratch.path().join("input");
        fs::create_dir(&input)?;
        selector::build(&script, &one_line(&read(&arguments)?), &input, &log)?;
        for name in FILES.iter().chain(&["manifest"]) {
            fs::copy(slot.directory.join(name), input.join(name)).with_context(|| (*name).to_owned())?;
        }
        // FAT keeps each file's time; genimage copies it.
        for entry in fs::read_dir(&input)? {
            let epoch = std::time::UNIX_EPOCH + std::time::Duration::from_secs(315_532_800); // 1980: FAT's first
            fs::File::open(entry?.path())?.set_modified(epoch)?;
        }
        let mut genimage = Command::new("genimage");
        let root = scratch.path().join("root");
        fs::create_dir(&root)?;
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

    fn replace(&self, partition: &str, files: &[PathBuf]) -> Result<()> {
        let mut mcopy = Command::new("mcopy");
        mcopy.arg("-o").arg("-i").arg(format!("{}@@{partition}", self.path.display())).args(files).arg("::");
        run(&mut mcopy, &self.log, "writing into the copied disk image")
    }
}
