//! A slot: kernel, initramfs, command line and a manifest of all three; what GRUB reads, and what an update replaces.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::board::Board;
use crate::cache::{Cache, Key};
use crate::command::{progress, read};
use crate::environment;
use crate::rootfs::sha256_of;
use crate::{initramfs, selector};

/// The slot's files, in the order of the manifest.
pub const FILES: [&str; 3] = ["vmlinuz", "initrd", "boot.env"];

/// A complete slot.
#[derive(Debug)]
pub struct Slot {
    /// Holds [`FILES`] and `manifest`.
    pub directory: PathBuf,
}

impl Slot {
    /// What its files take, bytes.
    ///
    /// # Errors
    /// When one is missing.
    pub fn bytes(&self) -> Result<u64> {
        FILES.iter().try_fold(0, |sum, name| {
            let path = self.directory.join(name);
            Ok(sum + fs::metadata(&path).with_context(|| path.display().to_string())?.len())
        })
    }
}

/// Finds or builds the slot of `board` from a kernel and a root file system.
///
/// # Errors
/// When a tool fails.
pub fn build(cache: &Cache, repository: &Path, board: &Board, kernel: &Path, root: &Path) -> Result<Slot> {
    let cmdline = board.file(repository, "cmdline");
    let init = repository.join("image/initramfs/init");
    let key = Key::default()
        .with("code", concat!(include_str!("slot.rs"), include_str!("initramfs.rs"), include_str!("selector.rs")))
        .with("cpio", environment::version("cpio", "--version")?)
        .with("zstd", environment::version("zstd", "--version")?)
        .with_file("cmdline", &cmdline)?
        .with_file("init", &init)?
        .with_file("busybox", Path::new(crate::rootfs::BUSYBOX))?
        .with_file("kernel", kernel)?
        .with_file("root", root)?;
    let entry = cache.entry("slot", &key.text(), |target| {
        progress("assembling the slot");
        fs::copy(kernel, target.join("vmlinuz")).with_context(|| kernel.display().to_string())?;
        initramfs::release(repository, root, &target.join("initrd"), &cache.log("slot")?)?;
        let arguments = one_line(&read(&cmdline)?);
        fs::write(target.join("boot.env"), selector::block(&[("cmdline", &arguments)])?)?;
        let sums: Result<String> =
            FILES.iter().map(|name| Ok(format!("{}  {name}\n", sha256_of(&target.join(name))?))).collect();
        fs::write(target.join("manifest"), sums?).context("manifest")
    })?;
    Ok(Slot { directory: entry.directory })
}

/// The arguments of a file that has one or more to a line, and comments.
#[must_use]
pub fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_arguments() {
        assert_eq!(one_line("# why\nquiet\n\n  panic=10  \n"), "quiet panic=10");
    }
}
