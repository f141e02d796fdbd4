//! What differs from board to board: this table, and the files of `board/`. Everything else is the same on all of them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::machine::Platform;

/// A processor architecture, as each of the tools names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Rust's name of the processor.
    pub processor: &'static str,
    /// Rust's name of the target.
    pub target: &'static str,
    /// Debian's name, of packages.
    pub debian: &'static str,
    /// What the names of the cross tools begin with, on a machine of another architecture.
    pub cross: &'static str,
    /// What runs single programs there.
    pub emulator: &'static str,
    /// The kernel's build (`ARCH=`).
    pub kernel: &'static str,
    /// The kernel's bootable image: make's target, and the file's name.
    pub kernel_image: &'static str,
    /// Where that file is in the build's directory.
    pub kernel_boot: &'static str,
    /// Where the device trees are in the build's directory; empty: the firmware knows the hardware.
    pub device_trees: &'static str,
    /// The dynamic loader, at the place that every program of glibc names.
    pub loader: &'static str,
}

impl Architecture {
    /// Whether this machine has it.
    #[must_use]
    pub fn is_native(&self) -> bool {
        std::env::consts::ARCH == self.processor
    }

    /// What the names of compiler and linker begin with here.
    #[must_use]
    pub fn tools(&self) -> &'static str {
        if self.is_native() { "" } else { self.cross }
    }
}

/// 64-bit PCs.
pub const X86_64: Architecture = Architecture {
    processor: "x86_64",
    target: "x86_64-unknown-linux-gnu",
    debian: "amd64",
    cross: "x86_64-linux-gnu-",
    emulator: "qemu-x86_64-static",
    kernel: "x86_64",
    kernel_image: "bzImage",
    kernel_boot: "arch/x86/boot",
    device_trees: "",
    loader: "/lib64/ld-linux-x86-64.so.2",
};

/// 64-bit ARM, little-endian.
pub const ARM64: Architecture = Architecture {
    processor: "aarch64",
    target: "aarch64-unknown-linux-gnu",
    debian: "arm64",
    cross: "aarch64-linux-gnu-",
    emulator: "qemu-aarch64-static",
    kernel: "arm64",
    kernel_image: "Image",
    kernel_boot: "arch/arm64/boot",
    device_trees: "arch/arm64/boot/dts/broadcom",
    loader: "/lib/ld-linux-aarch64.so.1",
};

/// What starts the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loader {
    /// GRUB, with its state in the selector ([`crate::selector`]).
    Grub,
    /// The Raspberry Pi's firmware ([`crate::pi`]).
    Pi,
}

/// How a Raspberry Pi is called by others.
#[derive(Debug, PartialEq, Eq)]
pub struct RaspberryPi {
    /// By its owner.
    pub name: &'static str,
    /// By the Raspberry Pi Imager, where it runs 64-bit programs.
    pub imager: &'static str,
}

/// A board that the appliance runs on.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// Its name on the command line.
    pub name: &'static str,
    /// Where its files are in `board/`: in the first of these that has them.
    directories: &'static [&'static str],
    /// Its processor.
    pub architecture: &'static Architecture,
    /// What starts its kernel.
    pub loader: Loader,
    /// The virtual machine that stands for it.
    pub platform: Platform,
    /// What it is called if it is a Raspberry Pi.
    pub pi: Option<RaspberryPi>,
}

/// All boards, the one that is built if none is named first.
pub const BOARDS: [Board; 3] = [
    Board {
        name: "x86_64",
        directories: &["x86_64", "common"],
        architecture: &X86_64,
        loader: Loader::Grub,
        platform: Platform::Pc,
        pi: None,
    },
    Board {
        name: "rpi4",
        directories: &["rpi4", "rpi", "common"],
        architecture: &ARM64,
        loader: Loader::Pi,
        platform: Platform::Virt { processor: "cortex-a72" },
        pi: Some(RaspberryPi { name: "Raspberry Pi 4", imager: "pi4-64bit" }),
    },
    Board {
        name: "rpi5",
        directories: &["rpi5", "rpi", "common"],
        architecture: &ARM64,
        loader: Loader::Pi,
        platform: Platform::Virt { processor: "cortex-a76" },
        pi: Some(RaspberryPi { name: "Raspberry Pi 5", imager: "pi5-64bit" }),
    },
];

impl Board {
    /// The board of this name.
    ///
    /// # Errors
    /// With the names that there are.
    pub fn named(name: &str) -> Result<&'static Self> {
        BOARDS.iter().find(|board| board.name == name).with_context(|| {
            let names = BOARDS.each_ref().map(|board| board.name);
            format!("no board is called {name:?}; there are: {}", names.join(", "))
        })
    }

    /// One of its files in `board/`: its own, or what it has in common with others. If there is none, where its own would be.
    #[must_use]
    pub fn file(&self, repository: &Path, name: &str) -> PathBuf {
        let mut places = self.directories.iter().map(|directory| repository.join("board").join(directory).join(name));
        places.clone().find(|path| path.exists()).or_else(|| places.next()).unwrap_or_default()
    }
}

/// The lines of a file of `board/` that are neither empty nor comments.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_found_by_its_name_and_another_is_refused_with_the_list() {
        for board in &BOARDS {
            assert_eq!(Board::named(board.name).unwrap(), board);
        }
        assert!(Board::named("riscv").unwrap_err().to_string().contains("x86_64, rpi4, rpi5"));
    }

    #[test]
    fn what_boards_have_in_common_is_there_once() {
        let home = tempfile::tempdir().unwrap();
        let board = Board::named("rpi4").unwrap();
        let [own, shared] = ["rpi4", "rpi"].map(|name| home.path().join("board").join(name));
        std::fs::create_dir_all(&own).unwrap();
        std::fs::create_dir_all(&shared).unwrap();
        std::fs::write(shared.join("map"), "").unwrap();
        assert_eq!(board.file(home.path(), "map"), shared.join("map"));
        std::fs::write(own.join("map"), "").unwrap();
        assert_eq!(board.file(home.path(), "map"), own.join("map"));
        assert_eq!(board.file(home.path(), "none"), own.join("none"));
    }
}
