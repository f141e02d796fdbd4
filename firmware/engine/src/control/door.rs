//! The socket that players knock at, and who may come in.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::link::{Link, Listener};
use rustix::fs::{Gid, chown};

use crate::{rights, sys};

/// The listening socket.
pub(crate) struct Door {
    listener: Listener,
    path: PathBuf,
    own_user: u32,
    group: Option<u32>,
}

impl Door {
    /// Creates the socket at `path`, for this user and `group`. A socket that a dead engine left behind is replaced.
    pub(crate) fn open(path: &Path, group: Option<u32>) -> Result<Self> {
        let shown = path.display();
        remove_stale(path)?;
        let listener = Listener::bind(path).with_context(|| format!("can't create the socket {shown}"))?;
        if let Some(group) = group {
            chown(path, None, Some(Gid::from_raw(group))).with_context(|| format!("can't give {shown} its group"))?;
        }
        let mode = std::fs::Permissions::from_mode(0o660);
        std::fs::set_permissions(path, mode).with_context(|| format!("can't protect {shown}"))?;
        Ok(Self { listener, path: path.to_owned(), own_user: rights::own_ids().0, group })
    }

    /// From here on this user counts as the engine's own.
    pub(crate) fn belongs_to(&mut self, user: u32) {
        self.own_user = user;
    }

    /// The next player that knocks.
    pub(crate) fn accept(&self) -> io::Result<Option<Link>> {
        self.listener.accept()
    }

    /// Whether the process behind `link` may play: root, the engine's own user, or a member of the socket's group. The
    /// file's mode says the same; this holds where somebody has changed that, or passed the socket on.
    pub(crate) fn admits(&self, link: &Link) -> bool {
        let Ok(peer) = link.peer() else { return false };
        let user = peer.uid.as_raw();
        user == 0
            || user == self.own_user
            || self.group.is_some_and(|group| peer.gid.as_raw() == group || sys::peer_has_group(link, group))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Its directory may belong to root; then the next engine replaces the file.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<()> {
    let shown = path.display();
    let kind = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.with_context(|| format!("can't look at {shown}"))?.file_type(),
    };
    if !kind.is_socket() {
        bail!("{shown} is there, and isn't a socket: move it away or choose another --socket");
    }
    match Link::connect(path) {
        Ok(_) => bail!("another engine listens on {shown}: stop it or choose another --socket"),
        Err(_) => std::fs::remove_file(path).with_context(|| format!("can't remove the old socket {shown}")),
    }
}
