//! The player's sandbox: what the one program that meets the network may still do once it has started.
//!
//! Both lists are what its tests have it do, and what the C library does for it. They are checked by tests/hostile from the other
//! side: a program behind the same bars tries everything else. Reasons: docs/privileges.md.

use std::path::{Path, PathBuf};

mod calls;
mod files;

use crate::Mode;

/// What it may reach, of the file system.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it keeps its own state, the one place where it may write.
    pub state_dir: PathBuf,
    /// What it reads, with everything below; where there is nothing yet, nothing will be read.
    pub read: Vec<PathBuf>,
    /// The directories of the sockets that it connects to.
    pub sockets: Vec<PathBuf>,
    /// A file of its own that it writes once, next to which a second one is made and renamed. For tests.
    pub ready_file: Option<PathBuf>,
}

/// How it is confined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confined {
    /// The system calls are limited, to the list.
    pub calls: bool,
    /// The version of the kernel's Landlock; `None`: the files are not limited.
    pub landlock: Option<i32>,
    /// What this machine's kernel can't, for a human; empty: nothing.
    pub missing: Vec<String>,
}

/// Why it isn't confined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is missing that had to be there: see [`Mode::On`].
    #[error("--confine on: {0}; --confine auto goes on without")]
    Missing(String),
    /// A mistake of ours.
    #[error("{0}")]
    Calls(#[from] crate::Error),
    /// A mistake of ours.
    #[error("the list of files: {0}")]
    Files(#[from] landlock::RulesetError),
}

impl Policy {
    /// Confines this process, for good. It must have no other thread yet: Landlock is given to one only, and to those that it starts
    /// from then on.
    ///
    /// # Errors
    /// With [`Mode::On`] a kernel that can't do all of it; else a mistake in the lists.
    pub fn confine(&self, mode: Mode) -> Result<Confined, Error> {
        if mode == Mode::Off {
            return Ok(Confined::default());
        }
        let mut confined = Confined { landlock: files::confine(self)?, ..Confined::default() };
        if confined.landlock.is_none() {
            confined.missing.push("this kernel has no Landlock: the player may read what its user may".to_owned());
        }
        // Last: what the above takes isn't on the list.
        match calls::confine() {
            Ok(()) => confined.calls = true,
            Err(error @ (crate::Error::Kernel(_) | crate::Error::Signal(_))) => {
                confined.missing.push(format!("the player may make any system call: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
        if mode == Mode::On && !confined.missing.is_empty() {
            return Err(Error::Missing(confined.missing.join("; ")));
        }
        Ok(confined)
    }
}

/// The directory that a path lies in.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}
