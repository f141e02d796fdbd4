//! The kernel: Debian's packaged source of a pinned version, configured from our fragments, built reproducibly.
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};

use crate::apt::{Apt, Archive, Offer};
use crate::board::{Architecture, Board};
use crate::cache::{Cache, Key};
use crate::command::{output, progress, read, run, tied};
use crate::environment;
use crate::kconfig::{Configuration, Series};
use crate::stop;

/// The version that we want, and the package that has it.
const PINNED: (&str, &str) = ("linux-source-7.2", "7.2.13-1");
/// Where Debian's newest kernels are. Versions roll there, so another one of the series is the first fall-back.
pub const SUITES: [&str; 2] = ["sid", "forky"];
/// The second fall-back, from the machine's own suites: it stays there.
const STABLE: &str = "linux-source-6.12";
/// A fall-back is used so long before the pinned version is asked for again.
const FALL_BACK_FOR: Duration = Duration::from_hours(7 * 24);

/// Which source a kernel is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// The pinned version; a fall-back only where it can't be had.
    #[default]
    Pinned,
    /// The last fall-back, wanted for itself: the long-term kernel of the machine's own release.
    Stable,
}

impl Source {
    /// By the name that `--kernel` takes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "pinned" => Some(Self::Pinned),
            "stable" => Some(Self::Stable),
            _ => None,
        }
    }

    /// Where the choice is remembered, in the cache.
    fn file(self, cache: &Cache) -> PathBuf {
        cache.directory(match self {
            Self::Pinned => "kernel-version",
            Self::Stable => "kernel-version-stable",
        })
    }
}

/// Part of the key: to be changed with what [`compile`] does, so that kernels are built again only then.
const RECIPE: &str = "1";
/// What the source tree and the build take.
const SPACE_MIB: u64 = 4000;

/// A built kernel.
#[derive(Debug)]
pub struct Kernel {
    /// The bootable image.
    pub image: PathBuf,
    /// Holds the device trees, if the architecture has any.
    pub device_trees: PathBuf,
    /// Holds a Raspberry Pi's firmware and its overlays for this kernel, if that came with it.
    pub firmware: Option<PathBuf>,
    /// Debian's version of the source, such as 7.2.13-1.
    pub version: String,
    /// How long building took, seconds; 0: it was there.
    pub build_s: u64,
}

/// Finds or builds the kernel of `board`. `repository` holds `kernel-config/` and `board/`.
///
/// # Errors
/// When no source can be had, an option of a fragment doesn't take effect, or the build fails.
pub fn build(cache: &Cache, repository: &Path, board: &Board, source: Source) -> Result<Kernel> {
    let file = source.file(cache);
    let known = remembered(&file).and_then(|_| fs::read(&file).ok());
    let result = build_chosen(cache, repository, board, source);
    // The remembered version can't be fetched any more: whatever is on offer now, once.
    let (Err(error), Some(known), false) = (&result, known, file.exists()) else { return result };
    progress(&format!("choosing a kernel anew: {error:#}"));
    let again = build_chosen(cache, repository, board, source);
    if again.is_err() {
        // Without a network a kernel that is in the cache can still be used.
        fs::write(&file, known).with_context(|| file.display().to_string())?;
    }
    again
}

/// As [`build`], with what is remembered or chosen now. The choice is forgotten if its source can't be fetched.
fn build_chosen(cache: &Cache, repository: &Path, board: &Board, source: Source) -> Result<Kernel> {
    let offer = choose(cache, source)?;
    let list = board.file(repository, "kernel-fragments");
    let series = Series::parse(&offer.version)?;
    let configuration = Configuration::load(&list, &repository.join("kernel-config"), series)?;
    let tool = |name| Command::new(format!("{}{name}", board.architecture.tools()));
    let key = Key::default()
        .with("recipe", RECIPE)
        .with("version", &offer.version)
        .with("configuration", configuration.text())
        .with("compiler", output(tool("gcc").arg("--version"), "looking for a compiler")?)
        .with("linker", output(tool("ld").arg("--version"), "looking for a linker")?);
    let key = format!("{}-{}", offer.version, key.text());
    let start = Instant::now();
    let entry = cache.entry("kernel", &key, |target| {
        let log = cache.log("kernel")?;
        progress(&format!("building the kernel {} (6 to 12 min, once; log {})", offer.version, log.display()));
        environment::need_space(target, SPACE_MIB, "building the kernel")?;
        let tree = target.join("tree");
        let fetched = fetch(cache, &offer, &tree, &log);
        if fetched.is_err() {
            let file = source.file(cache);
            fs::remove_file(&file).with_context(|| file.display().to_string())?;
        }
        let result = fetched.and_then(|unpacked| {
            compile(board.architecture, (&unpacked, &tree.join("build")), &configuration, target, &log)
        });
        // Whoever interrupts doesn't want to wait until 90 000 files are gone; the next run removes them.
        if !stop::requested() {
            crate::cache::remove(&tree)?;
        }
        result
    })?;
    let build_s = if entry.fresh { start.elapsed().as_secs() } else { 0 };
    let device_trees = entry.directory.join("device-trees");
    Ok(Kernel {
        device_trees,
        firmware: None,
        image: entry.directory.join(board.architecture.kernel_image),
        version: offer.version,
        build_s,
    })
}

/// Which version to build: the pinned one, or what there is instead. The choice is remembered, so that a warm run needs no
/// network; the pinned one for ever, another one for a week.
fn choose(cache: &Cache, source: Source) -> Result<Offer> {
    let file = source.file(cache);
    if let Some(offer) = remembered(&file) {
        return Ok(offer);
    }
    // apt hangs on a full disk.
    environment::need_space(&cache.directory("log"), SPACE_MIB, "building the kernel")?;
    let log = cache.log("apt")?;
    let offer = match source {
        Source::Pinned => pinned(cache, &log)?,
        Source::Stable => stable(cache, &log)?,
    };
    fs::write(&file, format!("{} {}\n{} {}\n", PINNED.0, PINNED.1, offer.package, offer.version))
        .with_context(|| file.display().to_string())?;
    Ok(offer)
}

/// The pinned version, or the newest of its series, or the stable one.
fn pinned(cache: &Cache, log: &Path) -> Result<Offer> {
    progress(&format!("looking for {} {} in Debian {}", PINNED.0, PINNED.1, SUITES.join(" and ")));
    let newest = Archive { suites: &SUITES, ..Archive::default() };
    let offers = Apt::update(&cache.directory("apt"), &newest, log).and_then(|apt| apt.offers(PINNED.0));
    let offer = match offers.as_deref() {
        Ok([newest, ..]) => {
            let pinned = offers.iter().flatten().find(|offer| offer.version == PINNED.1);
            pinned.unwrap_or(newest).clone()
        }
        Ok([]) | Err(_) => {
            if let Err(error) = &offers {
                progress(&format!("falling back: {error:#}"));
            }
            stable(cache, log).with_context(|| format!("nor is {} on offer", PINNED.0))?
        }
    };
    if offer.version != PINNED.1 {
        progress(&format!("{} is not on offer; taking {} {}", PINNED.1, offer.package, offer.version));
    }
    Ok(offer)
}

/// The newest long-term kernel of the machine's own suites.
fn stable(cache: &Cache, log: &Path) -> Result<Offer> {
    let own = Apt::update(&cache.directory("apt"), &Archive::default(), log)?;
    match own.offers(STABLE)?.into_iter().next() {
        Some(offer) => Ok(offer),
        None => bail!("{STABLE} is not on offer: is this Debian 12 or newer, with its security suite?"),
    }
}

/// The remembered choice, if it was made for the same pin and is not too old.
fn remembered(file: &Path) -> Option<Offer> {
    let text = fs::read_to_string(file).ok()?;
    let (pin, chosen) = text.trim_end().split_once('\n')?;
    let (package, version) = chosen.split_once(' ')?;
    let age = SystemTime::now().duration_since(fs::metadata(file).ok()?.modified().ok()?).unwrap_or_default();
    let current = pin == format!("{} {}", PINNED.0, PINNED.1);
    let fine = current && (version == PINNED.1 || age < FALL_BACK_FOR);
    fine.then(|| Offer { package: package.to_owned(), version: version.to_owned() })
}

/// Downloads and unpacks the source; returns its top directory.
fn fetch(cache: &Cache, offer: &Offer, tree: &Path, log: &Path) -> Result<PathBuf> {
    let suites: &[&str] = if offer.package == PINNED.0 { &SUITES } else { &[] };
    let apt = Apt::update(&cache.directory("apt"), &Archive { suites, ..Archive::default() }, log)?;
    apt.unpack(offer, tree, log)?;
    let archive = tree.join(format!("usr/src/{}.tar.xz", offer.package));
    let mut unpack = tied("tar");
    unpack.arg("-xf").arg(&archive).arg("-C").arg(tree);
    run(&mut unpack, log, "unpacking the kernel's source")?;
    fs::remove_file(&archive).with_context(|| archive.display().to_string())?;
    Ok(tree.join(&offer.package))
}

/// Configures, checks and compiles in the directory `build`; puts the bootable image, `config` and the device trees into `target`.
fn compile(
    architecture: &Architecture,
    (source, build): (&Path, &Path),
    wanted: &Configuration,
    target: &Path,
    log: &Path,
) -> Result<()> {
    fs::create_dir_all(build).with_context(|| build.display().to_string())?;
    let fragment = target.join("fragment");
    fs::write(&fragment, wanted.text()).with_context(|| fragment.display().to_string())?;
    let make = || {
        let mut make = tied("make");
        make.arg("-C").arg(source).arg(format!("O={}", build.display())).arg(format!("ARCH={}", architecture.kernel));
        make.arg(format!("CROSS_COMPILE={}", architecture.tools()));
        // Who, where and when must not be in the image.
        make.env("KBUILD_BUILD_USER", "tenuto").env("KBUILD_BUILD_HOST", "tenuto");
        make.env("KBUILD_BUILD_VERSION", "1").env("KBUILD_BUILD_TIMESTAMP", "1970-01-01T00:00:00Z").env("LC_ALL", "C");
        make
    };
    run(make().arg("alldefconfig").env("KCONFIG_ALLCONFIG", &fragment), log, "configuring the kernel")?;
    let dot_config = build.join(".config");
    wanted.check(&read(&dot_config)?)?;
    let image = architecture.kernel_image;
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut compile = make();
    compile.arg(format!("-j{jobs}")).arg(image);
    let device_trees = build.join(architecture.device_trees);
    if !architecture.device_trees.is_empty() {
        compile.arg("dtbs");
    }
    run(&mut compile, log, "building the kernel")?;
    for (from, to) in [(build.join(architecture.kernel_boot).join(image), image), (dot_config, "config")] {
        fs::copy(&from, target.join(to)).with_context(|| from.display().to_string())?;
    }
    if architecture.device_trees.is_empty() {
        return Ok(());
    }
    let kept = target.join("device-trees");
    fs::create_dir(&kept).with_context(|| kept.display().to_string())?;
    for entry in fs::read_dir(&device_trees).with_context(|| device_trees.display().to_string())? {
        let from = entry?.path();
        if let (Some("dtb"), Some(name)) = (from.extension().and_then(OsStr::to_str), from.file_name()) {
            fs::copy(&from, kept.join(name)).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_for_another_pin_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("kernel-version");
        assert_eq!(remembered(&file), None);
        fs::write(&file, "linux-source-7.1 7.1.1-1\nlinux-source-7.1 7.1.1-1\n").unwrap();
        assert_eq!(remembered(&file), None);
        fs::write(&file, format!("{} {}\n{STABLE} 6.12.1-1\n", PINNED.0, PINNED.1)).unwrap();
        assert_eq!(remembered(&file), Some(Offer { package: STABLE.into(), version: "6.12.1-1".into() }));
    }
}
