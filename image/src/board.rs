//! What differs from board to board: this table, and the files of `board/`. Everything else is the same on all of them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::machine::Platform;

/// A processor architecture, as each of the tools names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// The kernel's build (`ARCH=`).
    pub kernel: &'static str,
    /// The kernel's bootable image: make's target, and the file's name.
    pub kernel_image: &'static str,
    /// Where that file is in the build's directory.
    pub kernel_boot: &'static str,
    /// The dynamic loader, at the place that every program of glibc names.
    pub loader: &'static str,
}

/// 64-bit PCs.
pub const X86_64: Architecture = Architecture {
    kernel: "x86_64",
    kernel_image: "bzImage",
    kernel_boot: "arch/x86/boot",
    loader: "/lib64/ld-linux-x86-64.so.2",
};

/// A board that the appliance runs on.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// Its name: of its directory in `board/`, and on the command line.
    pub name: &'static str,
    /// Its processor.
    pub architecture: &'static Architecture,
    /// The virtual machine that stands for it.
    pub platform: Platform,
}

/// All boards, the one that is built if none is named first.
pub const BOARDS: [Board; 1] = [Board { name: "x86_64", architecture: &X86_64, platform: Platform::Pc }];

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

    /// One of its files in `board/`.
    #[must_use]
    pub fn file(&self, repository: &Path, name: &str) -> PathBuf {
        repository.join("board").join(self.name).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_found_by_its_name_and_another_is_refused_with_the_list() {
        for board in &BOARDS {
            assert_eq!(Board::named(board.name).unwrap(), board);
        }
        assert!(Board::named("riscv").unwrap_err().to_string().contains("x86_64"));
    }
}
