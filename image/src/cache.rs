//! What was built is kept under `~/.cache/tenuto` (or `$XDG_CACHE_HOME/tenuto`), each thing under a key of its inputs.
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command::progress;
use crate::stop;

/// Of each kind of thing so many are kept: those of the branches that somebody switches between.
const KEPT: usize = 4;

/// The cache's directory.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// A thing in the cache.
#[derive(Debug)]
pub struct Entry {
    /// Its directory, complete.
    pub directory: PathBuf,
    /// It was made now, not found.
    pub fresh: bool,
}

impl Cache {
    /// Opens the cache of this user, making it if needed.
    ///
    /// # Errors
    /// When there is no home directory, or it can't be written.
    pub fn open() -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let base = match base.or_else(|| set("HOME").map(|home| home.join(".cache"))) {
            Some(base) => base,
            None => bail!("neither HOME nor XDG_CACHE_HOME is set: nowhere to keep what is built"),
        };
        Self::at(base.join("tenuto"))
    }

    /// Opens the cache at `root`.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn at(root: PathBuf) -> Result<Self> {
        let cache = Self { root };
        fs::create_dir_all(cache.directory("log"))
            .with_context(|| format!("{}: making the cache", cache.root.display()))?;
        Ok(cache)
    }

    /// The path of one of the cache's directories.
    #[must_use]
    pub fn directory(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// An emptied log file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        let path = self.directory("log").join(format!("{name}.log"));
        File::create(&path).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// The thing of `kind` with `key`; if there is none, `make` fills an empty directory with it. Two runs at a time don't
    /// make the same thing twice, and an interrupted one leaves nothing that looks complete.
    ///
    /// # Errors
    /// `make`'s, and those of the file system.
    pub fn entry(&self, kind: &str, key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<Entry> {
        let kinds = self.directory(kind);
        let directory = kinds.join(key);
        let named = || directory.display().to_string();
        fs::create_dir_all(&kinds).with_context(named)?;
        let lock = File::create(kinds.join("lock")).with_context(named)?;
        let used = |directory: &Path| File::open(directory).and_then(|file| file.set_modified(SystemTime::now()));
        // What is there can be used while another one is made; having been used last, it isn't what that prunes.
        if directory.is_dir() && lock.try_lock().is_err() {
            used(&directory).with_context(named)?;
            return Ok(Entry { directory, fresh: false });
        }
        hold(&lock, &format!("makes a {kind}")).with_context(named)?;
        let fresh = !directory.is_dir();
        if fresh {
            let part = kinds.join(format!("{key}.part"));
            remove(&part)?;
            fs::create_dir(&part).with_context(named)?;
            make(&part)?;
            fs::rename(&part, &directory).with_context(named)?;
        }
        // When it was last used: what `prune` goes by.
        used(&directory).with_context(named)?;
        prune(&kinds)?;
        Ok(Entry { directory, fresh })
    }
}

/// Waits for a lock that another run may hold, which `does` something meanwhile.
///
/// # Errors
/// When we are to end before that, or the file system has no locks.
pub fn hold(lock: &File, does: &str) -> Result<()> {
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        if !said {
            progress(&format!("waiting for another run that {does}"));
            said = true;
        }
        stop::check()?;
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Removes a directory with all that is in it, if it is there.
///
/// # Errors
/// With the directory's name.
pub fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| directory.display().to_string())
        }
        _ => Ok(()),
    }
}

/// Removes all but the [`KEPT`] things that were used last, and what interrupted runs have left. The lock is held.
fn prune(kinds: &Path) -> Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(kinds)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if entry.path().extension().is_some_and(|extension| extension == "part") {
            remove(&entry.path())?;
        } else if metadata.is_dir() {
            found.push((metadata.modified()?, entry.path()));
        }
    }
    found.sort();
    let excess = found.len().saturating_sub(KEPT);
    found.iter().take(excess).try_for_each(|(_, path)| remove(path))
}

/// A key: the hash of everything that a thing is made from; the source of the code that makes it included.
#[derive(Debug, Default)]
pub struct Key(Sha256);

impl Key {
    /// Adds a named value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        // Lengths keep neighbours apart: ("ab", "c") is not ("a", "bc").
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    /// Adds a file's content.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn with_file(self, name: &str, path: &Path) -> Result<Self> {
        Ok(self.with(name, fs::read(path).with_context(|| path.display().to_string())?))
    }

    /// The key as text: 16 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        hex(&self.0.finalize()[..8])
    }
}

/// The SHA-256 of `bytes`, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_and_a_failure_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::at(home.path().join("tenuto")).unwrap();
        assert!(cache.entry("thing", "k", |_| bail!("no")).is_err());
        let make = |directory: &Path| Ok(fs::write(directory.join("f"), "x")?);
        assert!(cache.entry("thing", "k", make).unwrap().fresh);
        let found = cache.entry("thing", "k", |_| bail!("again")).unwrap();
        assert!(!found.fresh);
        assert_eq!(fs::read(found.directory.join("f")).unwrap(), b"x");
    }

    #[test]
    fn the_things_used_last_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::at(home.path().join("tenuto")).unwrap();
        for number in 0..KEPT + 3 {
            cache.entry("thing", &number.to_string(), |_| Ok(())).unwrap();
        }
        let newest = (KEPT + 2).to_string();
        assert!(!cache.directory("thing").join("0").exists());
        assert!(!cache.entry("thing", &newest, |_| bail!("gone")).unwrap().fresh);
    }

    #[test]
    fn what_is_there_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::at(home.path().join("tenuto")).unwrap();
        cache.entry("thing", "old", |_| Ok(())).unwrap();
        let found = cache.entry("thing", "new", |_| {
            assert!(!cache.entry("thing", "old", |_| bail!("again"))?.fresh);
            Ok(())
        });
        assert!(found.unwrap().fresh);
    }

    #[test]
    fn keys_tell_names_from_values() {
        assert_ne!(Key::default().with("ab", "c").text(), Key::default().with("a", "bc").text());
        assert_eq!(Key::default().with("a", "b").text(), Key::default().with("a", "b").text());
    }
}
