//! What a board's root file system takes from Debian: busybox, the C library, ALSA's. They come from this machine if its
//! processor is the board's, else from the packages that this machine's release has for the board's, unpacked in the cache.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::{Apt, Archive};
use crate::board::Architecture;
use crate::cache::{Cache, Key};
use crate::command::{output, progress};

/// What is unpacked: of each line the first package that is on offer (names differ between Debian 12 and 13). The last one is
/// for the engine to be linked with.
const PACKAGES: [&[&str]; 6] = [
    &["busybox-static"],
    &["libc6"],
    &["libgcc-s1"],
    &["libasound2t64", "libasound2"],
    &["libasound2-data"],
    &["libasound2-dev"],
];
/// Of this machine's own packages those whose versions say that there are newer ones on offer for other architectures, too.
const UPDATED: [&str; 3] = ["libc6", "busybox-static", "libasound2-dev"];
/// Loaded by glibc itself when the first thread is cancelled or ends; no program names it.
const UNNAMED: &str = "libgcc_s.so.1";

/// Files of Debian for one architecture.
#[derive(Debug)]
pub struct Base {
    architecture: &'static Architecture,
    root: PathBuf,
}

impl Base {
    /// Finds or fetches them.
    ///
    /// # Errors
    /// When the packages can't be fetched.
    pub fn of(cache: &Cache, architecture: &'static Architecture) -> Result<Self> {
        if architecture.is_native() {
            return Ok(Self { architecture, root: "/".into() });
        }
        let release = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
        let mut key = Key::default().with("code", include_str!("base.rs")).with("release", release);
        for package in UPDATED {
            let mut query = Command::new("dpkg-query");
            query.args(["--show", "--showformat=${Version}", package]);
            key = key.with(package, output(&mut query, &format!("asking for the version of {package}"))?);
        }
        let debian = architecture.debian;
        let entry = cache.entry(&format!("base-{debian}"), &key.text(), |target| {
            progress(&format!("fetching Debian's packages for {debian}"));
            let log = cache.log("base")?;
            let archive = Archive { architecture: Some(debian), ..Archive::default() };
            let apt = Apt::update(&cache.directory(&format!("apt-{debian}")), &archive, &log)?;
            for names in PACKAGES {
                let offers: Result<Vec<_>> = names.iter().map(|name| apt.offers(name)).collect();
                let newest = offers?.into_iter().flatten().next();
                let newest = newest.with_context(|| format!("{} for {debian} is not on offer", names.join(" or ")))?;
                apt.unpack(&newest, target, &log)?;
            }
            Ok(())
        })?;
        Ok(Self { architecture, root: entry.directory })
    }

    /// Those of a directory that somebody else has filled.
    #[must_use]
    pub fn at(architecture: &'static Architecture, root: PathBuf) -> Self {
        Self { architecture, root }
    }

    /// Where a file of the board's is here.
    #[must_use]
    pub fn path(&self, on_board: &str) -> PathBuf {
        self.root.join(on_board.trim_start_matches('/'))
    }

    /// Of which architecture they are.
    #[must_use]
    pub fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    /// The directory in which the board's file system is mimicked; `None`: this machine's own is taken.
    #[must_use]
    pub fn sysroot(&self) -> Option<&Path> {
        (!self.architecture.is_native()).then_some(self.root.as_path())
    }

    /// The libraries of all `programs`, as the board's own dynamic loader finds them: where they are on the board, and here.
    ///
    /// # Errors
    /// When a library is missing here.
    pub fn libraries(&self, programs: &[PathBuf]) -> Result<BTreeMap<PathBuf, PathBuf>> {
        let mut found = BTreeMap::new();
        for program in programs {
            let listed = output(self.loader().arg("--list").arg(program), "listing shared libraries")?;
            for path in parse(&listed, self.architecture.loader).with_context(|| program.display().to_string())? {
                let on_board = path.strip_prefix(&self.root).unwrap_or(&path);
                found.insert(Path::new("/").join(on_board), path);
            }
        }
        let beside = found.iter().find_map(|(on_board, path)| {
            let unnamed = path.with_file_name(UNNAMED);
            unnamed.exists().then(|| (on_board.with_file_name(UNNAMED), unnamed))
        });
        found.extend(beside);
        Ok(found)
    }

    /// The dynamic loader, to be run here.
    fn loader(&self) -> Command {
        let loader = self.path(self.architecture.loader);
        if self.architecture.is_native() {
            return Command::new(loader);
        }
        let mut command = Command::new(self.architecture.emulator);
        let multiarch = self.architecture.cross.trim_end_matches('-');
        let [first, second] = ["lib", "usr/lib"].map(|lib| self.root.join(lib).join(multiarch).display().to_string());
        command.arg(loader).arg("--library-path").arg(format!("{first}:{second}"));
        command
    }
}

/// Reads what `ld.so --list` prints: `name => path (address)`, and for the loader and the vDSO only a name and address.
fn parse(listed: &str, loader: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in listed.lines().map(str::trim) {
        let Some((name, target)) = line.split_once(" => ") else { continue };
        let path = target.split(" (").next().unwrap_or_default();
        if !Path::new(path).is_absolute() {
            bail!("{name} is not installed here: run image/setup build");
        }
        if !path.ends_with(loader) {
            found.push(PathBuf::from(path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_list_is_read() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibasound.so.2 => /lib/x86_64-linux-gnu/libasound.so.2 (0x1)\n\
                      \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let loader = "/lib64/ld-linux-x86-64.so.2";
        let found = parse(listed, loader).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("libasound.so.2"));
        assert!(parse("libx.so.1 => not found\n", loader).is_err());
        let listed = "\tlibc.so.6 => /cache/base/lib/aarch64-linux-gnu/libc.so.6 (0x2)\n\
                      \t/lib/ld-linux-aarch64.so.1 => /cache/base/lib/ld-linux-aarch64.so.1 (0x3)\n";
        assert_eq!(parse(listed, "/lib/ld-linux-aarch64.so.1").unwrap().len(), 1);
    }
}
