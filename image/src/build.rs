//! Everything that has to be built, in order.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::board::Board;
use crate::cache::Cache;
use crate::command::{progress, run};
use crate::kernel::Kernel;
use crate::slot::Slot;
use crate::{disk, kernel, report, rootfs, slot};

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// For which board.
    pub board: &'static Board,
    /// The disk image.
    pub disk: PathBuf,
    /// The slot in it.
    pub slot: Slot,
    /// The root file system in that.
    pub root: PathBuf,
    /// The kernel.
    pub kernel: Kernel,
    /// How long it took.
    pub took: report::Build,
}

/// Builds programs, kernel and disk image.
///
/// # Errors
/// Names what failed.
pub fn all(cache: &Cache, repository: &Path, board: &'static Board, source: kernel::Source) -> Result<Built> {
    let start = Instant::now();
    let binaries = programs(cache, repository)?;
    let programs_s = start.elapsed().as_secs();
    let kernel = kernel::build(cache, repository, board, source)?;
    let root = rootfs::build(cache, repository, board, &binaries)?.directory.join("root.squashfs");
    let slot = slot::build(cache, repository, board, &kernel.image, &root)?;
    let disk = disk::build(cache, repository, board, &slot)?;
    let took = report::Build { kernel: kernel.build_s, programs: programs_s, all: start.elapsed().as_secs() };
    Ok(Built { board, disk, slot, root, kernel, took })
}

/// Builds our programs; returns the directory of the binaries.
fn programs(cache: &Cache, repository: &Path) -> Result<PathBuf> {
    let log = cache.log("cargo")?;
    progress(&format!("building the programs (2 to 5 min the first time; log {})", log.display()));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository).args(["build", "--release", "--locked"]);
    cargo.args(rootfs::PROGRAMS.iter().flat_map(|name| ["-p", name]));
    run(&mut cargo, &log, "building the programs")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(repository.join(target).join("release"))
}

/// The repository that this tool was built from, or that it is called in.
///
/// # Errors
/// When it isn't there any more.
pub fn repository() -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).context("no repository")?;
    if !path.join("board").is_dir() {
        bail!("{} has moved or is gone: build this tool again (image/run does)", path.display());
    }
    Ok(path)
}
