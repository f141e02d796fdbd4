//! `--assemble`: slot and disk image from what Buildroot has built, by the same code as without it.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::base::Base;
use crate::board::Board;
use crate::cache::Cache;
use crate::kernel::Kernel;
use crate::{disk, slot};

/// Where Buildroot has its target directory, for its scripts.
const TARGET: &str = "TARGET_DIR";
/// The root file system, as Buildroot calls it.
const ROOT: &str = "rootfs.squashfs";
/// Where its package of the Raspberry Pi's firmware puts that.
const FIRMWARE: &str = "rpi-firmware";

/// Assembles the image of `board` from Buildroot's directory of `images`, and writes it there; returns its path.
///
/// # Errors
/// When it isn't called by Buildroot, a part is missing, or a tool fails.
pub fn run(repository: &Path, board: &'static Board, hat: Option<&str>, images: &Path) -> Result<PathBuf> {
    let target = std::env::var_os(TARGET).with_context(|| format!("{TARGET} is not set: Buildroot calls this"))?;
    let base = Base::at(board.architecture, PathBuf::from(target));
    let part = |name: &str| {
        let path = images.join(name);
        if path.exists() { Ok(path) } else { bail!("{}: Buildroot has not built it", path.display()) }
    };
    let kernel = Kernel {
        image: part(board.architecture.kernel_image)?,
        device_trees: images.to_path_buf(),
        firmware: Some(images.join(FIRMWARE)),
        version: "Buildroot's".to_owned(),
        build_s: 0,
    };
    // What is made is kept beside what it is made from.
    let cache = Cache::at(images.join("tenuto"))?;
    let slot = slot::build(&cache, repository, (board, hat), &base, &kernel, &part(ROOT)?)?;
    let made = disk::build(&cache, repository, board, &slot)?;
    let image = images.join(format!("tenuto-{}.img", board.name));
    fs::copy(&made, &image).with_context(|| image.display().to_string())?;
    Ok(image)
}
