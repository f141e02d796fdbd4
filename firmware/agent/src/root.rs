//! The file tree that the agent works on: `/`, or a directory that looks like it, so that tests run on recorded trees.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// What is read of a file at most, bytes; the largest that anybody reads is a library's of settings, the machine's own have a page.
const MOST: u64 = 1 << 20;

/// A directory that paths like `sys/class/net` are relative to.
#[derive(Clone, Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    /// `/` is the machine itself; anything else is a copy on which nothing but files is touched.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// Whether this is the running machine, so that interfaces, host name and processes are ours to set.
    pub(crate) fn is_machine(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// `relative` without a leading slash.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.0.join(relative)
    }

    /// A small file's text without white space at its ends; None if it can't be read or is empty.
    /// Device-tree strings end in a NUL, which is dropped too. Of a file that isn't small only the beginning counts.
    pub(crate) fn text(&self, relative: impl AsRef<Path>) -> Option<String> {
        let mut bytes = Vec::new();
        fs::File::open(self.path(relative)).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Where a link leads, below the root as well; None if it leads nowhere, or out of it.
    pub(crate) fn canonical(&self, relative: impl AsRef<Path>) -> Option<String> {
        let place = self.path(relative).canonicalize().ok()?;
        Some(place.strip_prefix(self.0.canonicalize().ok()?).ok()?.to_str()?.to_owned())
    }

    /// The names in a directory, sorted; none if it isn't there.
    pub(crate) fn names(&self, relative: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(relative)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Writes a value into a file that the kernel offers, in one write; never creates it.
    ///
    /// # Errors
    /// Not there, not writable, or the kernel refuses the value.
    pub(crate) fn set(&self, relative: impl AsRef<Path>, value: &str) -> io::Result<()> {
        fs::OpenOptions::new().write(true).truncate(true).open(self.path(relative))?.write_all(value.as_bytes())
    }

    /// Replaces a file of our own whole: a reader sees the old text or the new one. World-readable. If that fails the old one
    /// stays, and nothing beside it.
    ///
    /// # Errors
    /// The directory is missing or full.
    pub(crate) fn publish(&self, relative: impl AsRef<Path>, text: &str) -> io::Result<()> {
        let path = self.path(relative);
        let part = part_of(&path);
        write_new(&part, text)?;
        fs::rename(&part, path).inspect_err(|_| remove(&part))
    }

    /// Like [`Root::publish`] if the file isn't there yet; else leaves it. Of several callers one wins.
    ///
    /// # Errors
    /// The directory is missing or full.
    pub(crate) fn publish_first(&self, relative: impl AsRef<Path>, text: &str) -> io::Result<()> {
        let path = self.path(relative);
        let part = part_of(&path);
        write_new(&part, text)?;
        let linked = fs::hard_link(&part, path);
        fs::remove_file(part)?;
        linked.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
    }
}

/// A name beside `path` that no other process uses.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    name.into()
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
    let written =
        file.set_permissions(fs::Permissions::from_mode(0o644)).and_then(|()| file.write_all(text.as_bytes()));
    written.inspect_err(|_| remove(path))
}

/// Of what couldn't be finished; why that was is more telling than why it can't be removed.
fn remove(part: &Path) {
    let _ = fs::remove_file(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_an_empty_file_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        fs::write(root.path("serial"), b"10000000abcdef01\0").unwrap();
        fs::write(root.path("isolated"), b"\n").unwrap();
        assert_eq!(root.text("serial").as_deref(), Some("10000000abcdef01"));
        assert_eq!(root.text("isolated"), None);
        assert_eq!(root.text("absent"), None);
    }

    #[test]
    fn set_never_creates() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(root.set("absent", "1").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(root.names(".").is_empty());
    }

    #[test]
    fn publish_replaces_and_leaves_nothing_beside() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.publish("plan", "one\n").unwrap();
        root.publish("plan", "two\n").unwrap();
        assert_eq!(root.text("plan").as_deref(), Some("two"));
        assert_eq!(root.names("."), ["plan"]);
    }

    #[test]
    fn what_cannot_be_published_leaves_nothing_beside() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        fs::create_dir(directory.path().join("plan")).unwrap();
        assert!(root.publish("plan", "one\n").is_err());
        assert_eq!(root.names("."), ["plan"]);
    }

    #[test]
    fn publish_first_keeps_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.publish_first("identity", "one\n").unwrap();
        root.publish_first("identity", "two\n").unwrap();
        assert_eq!(root.text("identity").as_deref(), Some("one"));
        assert_eq!(root.names("."), ["identity"]);
    }
}
