//! Everything that has to be built, in order.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::base::Base;
use crate::board::{Architecture, Board};
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
    /// What of Debian is in it.
    pub base: Base,
    /// Where our programs are.
    pub programs: PathBuf,
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

/// Builds programs, kernel and disk image; for a board with a HAT, if one is named.
///
/// # Errors
/// Names what failed.
pub fn all(
    cache: &Cache,
    repository: &Path,
    board: &'static Board,
    hat: Option<&str>,
    source: kernel::Source,
) -> Result<Built> {
    let start = Instant::now();
    let base = Base::of(cache, board.architecture)?;
    let packages: Vec<&str> = rootfs::PROGRAMS.iter().flat_map(|name| ["-p", name]).collect();
    let binaries = cargo(cache, repository, &base, &packages)?;
    let programs_s = start.elapsed().as_secs();
    let kernel = kernel::build(cache, repository, board, source)?;
    let root = rootfs::build(cache, repository, &base, &binaries)?.directory.join("root.squashfs");
    let slot = slot::build(cache, repository, (board, hat), &base, &kernel, &root)?;
    let disk = disk::build(cache, repository, board, &slot)?;
    let took = report::Build { kernel: kernel.build_s, programs: programs_s, all: start.elapsed().as_secs() };
    Ok(Built { board, base, programs: binaries, disk, slot, root, kernel, took })
}

/// Where Rust's library for another architecture is, if it isn't beside rustc's own (`image/arm64`).
const SYSROOT: &str = "TENUTO_RUST_SYSROOT";

/// Builds programs for the board, those that `what` names to cargo; returns the directory of the binaries.
///
/// # Errors
/// When they can't be built.
pub fn cargo(cache: &Cache, repository: &Path, base: &Base, what: &[&str]) -> Result<PathBuf> {
    let log = cache.log("cargo")?;
    progress(&format!("building the programs (2 to 5 min the first time; log {})", log.display()));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository).args(["build", "--release", "--locked"]);
    cargo.args(what);
    let mut target = repository.join(target());
    if let Some(sysroot) = base.sysroot() {
        cross(&mut cargo, base.architecture(), sysroot);
        target.push(base.architecture().target);
    }
    run(&mut cargo, &log, "building the programs")?;
    Ok(target.join("release"))
}

/// Lets cargo build for another architecture, whose libraries are in `sysroot`.
fn cross(cargo: &mut Command, architecture: &Architecture, sysroot: &Path) {
    let target = architecture.target;
    let name = target.replace('-', "_");
    cargo.args(["--target", target]);
    cargo.env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), format!("{}gcc", architecture.cross));
    let multiarch = architecture.cross.trim_end_matches('-');
    let libraries = format!("usr/lib/{multiarch}");
    if let Some(rust) = std::env::var_os(SYSROOT) {
        let flags = format!("--sysroot {}", PathBuf::from(rust).display());
        cargo.env(format!("CARGO_TARGET_{}_RUSTFLAGS", name.to_uppercase()), flags);
    }
    cargo.env(format!("PKG_CONFIG_ALLOW_CROSS_{name}"), "1");
    cargo.env(format!("PKG_CONFIG_SYSROOT_DIR_{name}"), sysroot);
    cargo.env(format!("PKG_CONFIG_LIBDIR_{name}"), sysroot.join(libraries).join("pkgconfig"));
}

/// One of our programs as it was built for the image; it runs here as well.
///
/// # Errors
/// When the repository isn't there any more.
pub fn program(name: &str) -> Result<PathBuf> {
    Ok(repository()?.join(target()).join("release").join(name))
}

/// Where cargo builds, if relative: below the repository.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from)
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
