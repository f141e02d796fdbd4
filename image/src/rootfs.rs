//! The root file system: busybox, our programs, the libraries they need, and the overlay's files, as one squashfs.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::base::Base;
use crate::cache::{Cache, Entry, Key, sha256};
use crate::command::{progress, read, run};

/// Debian's statically linked busybox (package busybox-static).
pub const BUSYBOX: &str = "/bin/busybox";
/// Our programs on the appliance.
pub const PROGRAMS: [&str; 3] = ["agent", "engine", "player"];
/// ALSA's configuration, without which `hw:0` is unknown to libasound. Of the directories that it names none is needed for
/// hw: devices, and they differ from machine to machine; what is missing there is passed over.
const ALSA: &str = "/usr/share/alsa/alsa.conf";
/// Mount points, and what must be there though nothing is put into it.
const DIRECTORIES: [&str; 6] = ["proc", "sys", "dev", "run", "tmp", "mnt"];

/// What a path of the root file system is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// A copy of a file that is here.
    File { from: PathBuf, executable: bool },
    /// A symbolic link to this.
    Link(PathBuf),
}

/// Everything that goes into the root file system, by absolute path. Sorted, so that equal inputs give equal images.
#[derive(Debug, Default)]
pub struct Contents(BTreeMap<PathBuf, Item>);

impl Contents {
    /// Collects the contents. `programs` is the directory of our release binaries.
    ///
    /// # Errors
    /// When something is missing here.
    pub fn collect(repository: &Path, base: &Base, programs: &Path) -> Result<Self> {
        let mut contents = Self::default();
        contents.file(BUSYBOX.into(), base.path(BUSYBOX), true);
        for applet in read(&repository.join("image/applets"))?.lines().filter(|line| line.starts_with('/')) {
            contents.0.insert(applet.into(), Item::Link(BUSYBOX.into()));
        }
        let ours: Vec<PathBuf> = PROGRAMS.iter().map(|name| programs.join(name)).collect();
        for (name, path) in PROGRAMS.iter().zip(&ours) {
            contents.file(Path::new("/usr/bin").join(name), path.clone(), true);
        }
        let loader = base.architecture().loader;
        contents.file(loader.into(), base.path(loader), true);
        for (library, from) in base.libraries(&ours)? {
            contents.file(library, from, false);
        }
        contents.file(ALSA.into(), base.path(ALSA), false);
        let overlay = repository.join("overlays/rootfs");
        contents.tree(&overlay, Path::new("/"))?;
        Ok(contents)
    }

    fn file(&mut self, path: PathBuf, from: PathBuf, executable: bool) {
        self.0.insert(path, Item::File { from, executable });
    }

    /// Adds all files and links under `from`, at `to`.
    fn tree(&mut self, from: &Path, to: &Path) -> Result<()> {
        for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
            let entry = entry?;
            let (source, path) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.tree(&source, &path)?;
            } else if kind.is_symlink() {
                self.0.insert(path, Item::Link(fs::read_link(&source)?));
            } else if kind.is_file() {
                let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
                self.file(path, source, executable);
            } else {
                bail!("{}: neither a file nor a link nor a directory", source.display());
            }
        }
        Ok(())
    }

    /// The key of these contents: every path, its kind and its content.
    fn key(&self) -> Result<String> {
        let mut key = Key::default().with("squashfs", crate::environment::version("mksquashfs", "-version")?);
        key = key.with("code", include_str!("rootfs.rs"));
        for (path, item) in &self.0 {
            let named = path.display().to_string();
            key = match item {
                Item::File { from, executable } => {
                    key.with_file(&named, from)?.with("executable", [u8::from(*executable)])
                }
                Item::Link(target) => key.with(&named, target.as_os_str().as_encoded_bytes()),
            };
        }
        Ok(key.text())
    }

    /// Copies everything into `staging`, with the modes that it shall have.
    fn stage(&self, staging: &Path) -> Result<()> {
        for name in DIRECTORIES {
            fs::create_dir_all(staging.join(name))?;
        }
        for (path, item) in &self.0 {
            let target = staging.join(path.strip_prefix("/").unwrap_or(path));
            let named = || format!("{} → root file system", path.display());
            fs::create_dir_all(target.parent().unwrap_or(staging)).with_context(named)?;
            match item {
                Item::File { from, executable } => {
                    fs::copy(from, &target).with_context(named)?;
                    let mode = if *executable { 0o755 } else { 0o644 };
                    fs::set_permissions(&target, fs::Permissions::from_mode(mode)).with_context(named)?;
                }
                Item::Link(to) => symlink(to, &target).with_context(named)?,
            }
        }
        directories_readable(staging)
    }
}

/// Whatever this user's umask says.
fn directories_readable(directory: &Path) -> Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            directories_readable(&entry.path())?;
        }
    }
    Ok(())
}

/// Everything root's, no time of day, no extended attributes; zstd reads faster than xz for 2 % more bytes.
const OPTIONS: [&str; 12] = [
    "-all-root",
    "-all-time",
    "0",
    "-mkfs-time",
    "0",
    "-no-xattrs",
    "-no-exports",
    "-noappend",
    "-comp",
    "zstd",
    "-Xcompression-level",
    "19",
];

/// Finds or builds `root.squashfs`.
///
/// # Errors
/// When something to put into it is missing, or mksquashfs fails.
pub fn build(cache: &Cache, repository: &Path, base: &Base, programs: &Path) -> Result<Entry> {
    let contents = Contents::collect(repository, base, programs)?;
    cache.entry("rootfs", &contents.key()?, |target| {
        progress("packing the root file system");
        let staging = tempfile::tempdir_in(target).context("making the staging directory")?;
        contents.stage(staging.path())?;
        let mut mksquashfs = Command::new("mksquashfs");
        mksquashfs.arg(staging.path()).arg(target.join("root.squashfs")).args(OPTIONS).env_remove("SOURCE_DATE_EPOCH");
        run(&mut mksquashfs, &cache.log("rootfs")?, "packing the root file system")
    })
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When it can't be read.
pub fn sha256_of(path: &Path) -> Result<String> {
    Ok(sha256(&fs::read(path).with_context(|| path.display().to_string())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_holds_files_links_and_mount_points() {
        let home = tempfile::tempdir().unwrap();
        let overlay = home.path().join("overlay");
        fs::create_dir_all(overlay.join("etc")).unwrap();
        fs::write(overlay.join("etc/inittab"), "x").unwrap();
        symlink("../proc/self/mounts", overlay.join("etc/mtab")).unwrap();
        let mut contents = Contents::default();
        contents.tree(&overlay, Path::new("/")).unwrap();
        let staging = home.path().join("staging");
        contents.stage(&staging).unwrap();
        assert_eq!(fs::read(staging.join("etc/inittab")).unwrap(), b"x");
        assert_eq!(fs::metadata(staging.join("etc/inittab")).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_link(staging.join("etc/mtab")).unwrap(), Path::new("../proc/self/mounts"));
        assert!(staging.join("proc").is_dir());
    }
}
