//! A slot: kernel, initramfs, command line, what the board's firmware wants beside them, and a manifest; what the boot loader
//! reads, and what an update replaces.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::base::Base;
use crate::board::{Board, Loader, lines};
use crate::cache::{Cache, Key};
use crate::command::{progress, read};
use crate::environment;
use crate::kernel::Kernel;
use crate::rootfs::{BUSYBOX, sha256_of};
use crate::{initramfs, pi, selector};

/// The kernel's name in every slot.
pub const KERNEL: &str = "vmlinuz";
/// The initramfs' name in every slot.
pub const INITRAMFS: &str = "initrd";
/// Lists the other files, with their hashes.
pub const MANIFEST: &str = "manifest";

/// A complete slot.
#[derive(Debug)]
pub struct Slot {
    /// Holds its files.
    pub directory: PathBuf,
}

impl Slot {
    /// Its files, by their names in it, sorted.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn files(&self) -> Result<Vec<String>> {
        files_in(&self.directory)
    }

    /// What its files take, bytes.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn bytes(&self) -> Result<u64> {
        self.files()?.iter().try_fold(0, |sum, name| {
            let path = self.directory.join(name);
            Ok(sum + fs::metadata(&path).with_context(|| path.display().to_string())?.len())
        })
    }
}

/// The files under a directory, by their names in it, sorted.
fn files_in(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut places = vec![PathBuf::new()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(directory.join(&place)).with_context(|| directory.display().to_string())? {
            let entry = entry?;
            let path = place.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                places.push(path);
            } else {
                found
                    .push(path.to_str().with_context(|| format!("{}: no name for a slot", path.display()))?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Finds or builds the slot of a board, with a HAT if one is named, from a kernel and a root file system.
///
/// # Errors
/// When a tool fails.
pub fn build(
    cache: &Cache,
    repository: &Path,
    (board, hat): (&Board, Option<&str>),
    base: &Base,
    kernel: &Kernel,
    root: &Path,
) -> Result<Slot> {
    let init = repository.join("image/initramfs/init");
    let key = Key::default()
        .with("code", concat!(include_str!("slot.rs"), include_str!("initramfs.rs")))
        .with("cpio", environment::version("cpio", "--version")?)
        .with("zstd", environment::version("zstd", "--version")?)
        .with_file("cmdline", &board.file(repository, "cmdline"))?
        .with_file("init", &init)?
        .with_file("busybox", &base.path(BUSYBOX))?
        .with_file("kernel", &kernel.image)?
        .with_file("root", root)?;
    let beside = match board.loader {
        Loader::Grub if hat.is_some() => bail!("{} has no HATs: --hat is for a Raspberry Pi", board.name),
        Loader::Grub => None,
        Loader::Pi => Some(pi::Files::find(cache, repository, (board, hat), kernel)?),
    };
    let key = match &beside {
        None => key.with("selector", include_str!("selector.rs")),
        Some(files) => files.key(key)?,
    };
    let entry = cache.entry("slot", &key.text(), |target| {
        progress("assembling the slot");
        fs::copy(&kernel.image, target.join(KERNEL)).with_context(|| kernel.image.display().to_string())?;
        initramfs::release(repository, base, root, &target.join(INITRAMFS), &cache.log("slot")?)?;
        match &beside {
            None => {
                let arguments = one_line(&read(&board.file(repository, "cmdline"))?);
                fs::write(target.join("boot.env"), selector::block(&[("cmdline", &arguments)])?)?;
            }
            Some(files) => files.write(target)?,
        }
        // What is this machine's own is not the slot's to vouch for.
        let listed = files_in(target)?.into_iter().filter(|name| !pi::LOCAL.contains(&name.as_str()));
        let sums: Result<String> =
            listed.map(|name| Ok(format!("{}  {name}\n", sha256_of(&target.join(&name))?))).collect();
        fs::write(target.join(MANIFEST), sums?).context("manifest")
    })?;
    Ok(Slot { directory: entry.directory })
}

/// The arguments of a file that has one or more to a line, and comments.
#[must_use]
pub fn one_line(text: &str) -> String {
    lines(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_arguments() {
        assert_eq!(one_line("# why\nquiet\n\n  panic=10  \n"), "quiet panic=10");
    }

    #[test]
    fn a_slots_files_are_found_in_its_directories_too() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("overlays")).unwrap();
        for name in ["overlays/a.dtbo", "vmlinuz", "initrd"] {
            fs::write(home.path().join(name), "xy").unwrap();
        }
        let slot = Slot { directory: home.path().to_path_buf() };
        assert_eq!(slot.files().unwrap(), ["initrd", "overlays/a.dtbo", "vmlinuz"]);
        assert_eq!(slot.bytes().unwrap(), 6);
    }
}
