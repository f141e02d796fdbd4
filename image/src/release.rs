//! What owners write to a medium: the disk image, compressed, with its block map, its checksum, signatures if there is a key, and
//! of a Raspberry Pi's an entry in the list that the Raspberry Pi Imager offers.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::board::Board;
use crate::build::Built;
use crate::cache::{Cache, Entry, Key};
use crate::command::{progress, run};
use crate::environment;
use crate::rootfs::sha256_of;

mod bmap;
mod imager;
mod signature;

pub use signature::Key as SigningKey;

/// A disk image that is to be published.
#[derive(Debug)]
pub struct Disk<'a> {
    /// For which board.
    pub board: &'static Board,
    /// Where it is, not compressed.
    pub path: &'a Path,
    /// Its file's name as owners see it, not compressed: `tenuto-rpi4.img`.
    pub name: String,
}

impl<'a> Disk<'a> {
    /// The one that was built.
    #[must_use]
    pub fn of(built: &'a Built) -> Self {
        Self { board: built.board, path: &built.disk, name: format!("tenuto-{}.img", built.board.name) }
    }

    /// One that was built elsewhere: it keeps its name.
    ///
    /// # Errors
    /// When it is no file with a name of UTF-8.
    pub fn at(board: &'static Board, path: &'a Path) -> Result<Self> {
        let named = || format!("{}: no disk image", path.display());
        fs::metadata(path).with_context(named)?;
        Ok(Self { board, path, name: path.file_name().and_then(|name| name.to_str()).with_context(named)?.to_owned() })
    }

    /// Finds or makes the compressed image and the block map, named `NAME.xz` and `NAME.bmap`, in the cache.
    fn packed(&self, cache: &Cache) -> Result<Entry> {
        let key = Key::default()
            .with("code", concat!(include_str!("release.rs"), include_str!("release/bmap.rs")))
            .with("name", &self.name)
            .with("xz", environment::version("xz", "--version")?)
            .with("bmaptool", environment::version("bmaptool", "--version")?)
            .with("disk", sha256_of(self.path)?);
        cache.entry("release", &key.text(), |target| {
            progress("compressing the image");
            environment::need_space(target, 600, "compressing the image")?;
            let log = cache.log("release")?;
            bmap::write(self.path, &target.join(format!("{}.bmap", self.name)), &log)?;
            let image = target.join(&self.name);
            let mut cp = Command::new("cp");
            cp.args(["--sparse=always", "--reflink=auto"]).arg(self.path).arg(&image);
            run(&mut cp, &log, "copying the disk image")?;
            // One thread: how many there are would show in the result.
            let mut xz = Command::new("xz");
            xz.args(["--threads=1", "-6"]).arg(&image);
            run(&mut xz, &log, "compressing the image")
        })
    }
}

/// Compresses the disk image, unless that was done before; returns the compressed one's path, in the cache.
///
/// # Errors
/// When xz or bmaptool fails.
pub fn compressed(cache: &Cache, built: &Built) -> Result<PathBuf> {
    let disk = Disk::of(built);
    Ok(disk.packed(cache)?.directory.join(disk.name + ".xz"))
}

/// Where the files go, and what is wanted beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The directory, if not the usual one.
    pub output: Option<PathBuf>,
    /// The secret key of whoever publishes them.
    pub sign: Option<PathBuf>,
    /// Where they will be published; for trying it out, the directory itself.
    pub url: Option<String>,
}

/// Writes the compressed image, its block map and checksum into `directory`, and what `wanted` asks for; returns the image's path.
///
/// # Errors
/// When they can't be written, or a program fails.
pub fn write(
    cache: &Cache,
    repository: &Path,
    disk: &Disk<'_>,
    (wanted, key): (&Wanted, Option<&SigningKey>),
) -> Result<PathBuf> {
    let packed = disk.packed(cache)?.directory;
    let directory = wanted.output.clone().unwrap_or_else(|| repository.join("target/images"));
    let named = || directory.display().to_string();
    fs::create_dir_all(&directory).with_context(named)?;
    let names = ["xz", "bmap"].map(|kind| format!("{}.{kind}", disk.name));
    let files = names.each_ref().map(|name| directory.join(name));
    for (name, file) in names.iter().zip(&files) {
        fs::copy(packed.join(name), file).with_context(named)?;
        // Of an image that isn't signed now, no signature may stay.
        signature::remove(file)?;
        if let Some(key) = key {
            key.sign(file, &format!("Tenuto {}, {name}", env!("CARGO_PKG_VERSION")))?;
        }
    }
    let [image, _] = files;
    let sum = sha256_of(&image)?;
    // As sha256sum --check takes it.
    fs::write(directory.join(format!("{}.sha256", names[0])), format!("{sum}  {}\n", names[0])).with_context(named)?;
    if let Some(pi) = &disk.board.pi {
        let entry = imager::Entry::new(repository, pi, disk.path, (&image, sum))?;
        imager::publish(&directory, entry, wanted.url.as_deref())?;
    }
    Ok(image)
}
