//! What owners write to a medium: the disk image, compressed, with its checksum.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::Built;
use crate::cache::{Cache, Key};
use crate::command::{progress, run};
use crate::environment;
use crate::rootfs::sha256_of;

/// Compresses the disk image, unless that was done before; returns the compressed one's path, in the cache.
///
/// # Errors
/// When xz fails.
pub fn compressed(cache: &Cache, built: &Built) -> Result<PathBuf> {
    let name = format!("tenuto-{}.img", built.board.name);
    let key = Key::default()
        .with("code", include_str!("release.rs"))
        .with("name", &name)
        .with("xz", environment::version("xz", "--version")?)
        .with("disk", sha256_of(&built.disk)?);
    let entry = cache.entry("release", &key.text(), |target| {
        progress("compressing the image");
        environment::need_space(target, 600, "compressing the image")?;
        let log = cache.log("release")?;
        let image = target.join(&name);
        let mut cp = Command::new("cp");
        cp.args(["--sparse=always", "--reflink=auto"]).arg(&built.disk).arg(&image);
        run(&mut cp, &log, "copying the disk image")?;
        // One thread: how many there are would show in the result.
        let mut xz = Command::new("xz");
        xz.args(["--threads=1", "-6"]).arg(&image);
        run(&mut xz, &log, "compressing the image")
    })?;
    Ok(entry.directory.join(name + ".xz"))
}

/// Writes the compressed image and its checksum into `directory`; returns the image's path.
///
/// # Errors
/// When they can't be written.
pub fn write(cache: &Cache, built: &Built, directory: &Path) -> Result<PathBuf> {
    let from = compressed(cache, built)?;
    let named = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(named)?;
    let name = from.file_name().context("the image has a name")?.to_string_lossy().into_owned();
    let image = directory.join(&name);
    fs::copy(&from, &image).with_context(named)?;
    // As sha256sum --check takes it.
    let sum = format!("{}  {name}\n", sha256_of(&image)?);
    fs::write(directory.join(name + ".sha256"), sum).with_context(named)?;
    Ok(image)
}
