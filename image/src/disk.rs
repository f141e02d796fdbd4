//! The disk image: selector, slot A, slot B, data; made by genimage, without root or loop devices.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, Key};
use crate::command::{progress, read, run};
use crate::slot::{FILES, Slot, one_line};
use crate::{environment, selector};

/// Where the selector's FAT begins in the image (`board/x86_64/genimage.cfg`), for mtools.
const SELECTOR_OFFSET: &str = "4M";

/// Finds or builds the disk image of `board` with `slot` in A; returns its path.
///
/// # Errors
/// When a tool fails.
pub fn build(cache: &Cache, repository: &Path, board: &str, slot: &Slot) -> Result<PathBuf> {
    let board = repository.join("board").join(board);
    let (script, map, arguments) = (board.join("grub.cfg"), board.join("genimage.cfg"), board.join("arguments"));
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

/// Copies the image to `copy`, and adds `more` to the arguments that its selector gives to the kernel: what only a virtual
/// machine needs. Neither the slot nor the image itself is changed.
///
/// # Errors
/// When there is no room, or mtools fails.
pub fn copy_with_arguments(image: &Path, copy: &Path, arguments: &str, log: &Path) -> Result<()> {
    let mut cp = Command::new("cp");
    cp.args(["--sparse=always", "--reflink=auto"]).arg(image).arg(copy);
    run(&mut cp, log, "copying the disk image")?;
    let scratch = tempfile::tempdir().context("making a temporary directory")?;
    selector::write_state(arguments, scratch.path())?;
    let mut mcopy = Command::new("mcopy");
    mcopy.arg("-o").arg("-i").arg(format!("{}@@{SELECTOR_OFFSET}", copy.display()));
    mcopy.arg(scratch.path().join("slot1.env")).arg(scratch.path().join("slot2.env")).arg("::");
    run(&mut mcopy, log, "writing the boot arguments of the virtual machine")
}
