//! Sound cards: their device nodes are for the group `audio`. devtmpfs makes them for root alone, and no udev is there.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
    thread,
};

use anyhow::{Context as _, Result};

use crate::{root::Root, watch::Devices};

/// The group of sound devices: 29 in the appliance's /etc/group, as in Debian.
pub(crate) const AUDIO: u32 = 29;

/// Read and write for root and the group.
const MODE: u32 = 0o660;

/// Gives the nodes to the group from now on, as soon as a card comes: in a thread of its own, as music waits for it, and whoever turns
/// knobs doesn't look up meanwhile. Signals have to be blocked by then.
///
/// # Errors
/// A kernel that doesn't announce devices, or no thread.
pub(crate) fn keep_nodes(root: Root) -> Result<()> {
    let devices = Devices::new()?;
    give_nodes(&root, AUDIO);
    let keep = move || {
        loop {
            match devices.wait() {
                Ok(()) => give_nodes(&root, AUDIO),
                Err(error) => return tracing::error!("sound cards that come now stay root's: {error:#}"),
            }
        }
    };
    thread::Builder::new().name("sound".to_owned()).spawn(keep).map(drop).context("starting the thread for sound cards")
}

/// Gives every node in /dev/snd to `group`. Nodes that are right already are left alone; one that can't be changed is
/// reported, and doesn't keep the others from being.
pub(crate) fn give_nodes(root: &Root, group: u32) {
    for name in root.names("dev/snd") {
        let path = root.path("dev/snd").join(&name);
        if let Err(error) = give(&path, group) {
            // A card may be pulled out between the list and the change.
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!("sound device {name} could not be given to group {group}: {error}");
            }
        }
    }
}

fn give(path: &Path, group: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_dir() || found.is_symlink() {
        return Ok(());
    }
    if found.gid() != group {
        chown(path, None, Some(group))?;
    }
    if found.permissions().mode() & 0o7777 != MODE {
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    }
    Ok(())
}

/// The cards' short names by number: `card0 = PCH`.
pub(crate) fn cards(root: &Root) -> Vec<Card> {
    let number = |name: &str| name.strip_prefix("card").and_then(|number| number.parse().ok());
    let mut cards: Vec<Card> = root
        .names("sys/class/sound")
        .iter()
        .filter_map(|name| Some(Card { number: number(name)?, id: root.text(format!("sys/class/sound/{name}/id"))? }))
        .collect();
    cards.sort();
    cards
}

/// A sound card.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(crate) struct Card {
    number: u32,
    /// What `hw:` takes as well as the number.
    id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for path in ["dev/snd/by-path", "sys/class/sound/card10", "sys/class/sound/card2", "sys/class/sound/timer"] {
            fs::create_dir_all(root.path(path)).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn nodes_get_their_mode_and_group_and_nothing_else_does() {
        let (_keep, root) = machine();
        let node = root.path("dev/snd/pcmC0D0p");
        fs::write(&node, "").unwrap();
        fs::set_permissions(&node, fs::Permissions::from_mode(0o600)).unwrap();
        let group = fs::metadata(&node).unwrap().gid();
        let directory_mode = fs::metadata(root.path("dev/snd/by-path")).unwrap().permissions().mode();
        give_nodes(&root, group);
        assert_eq!(fs::metadata(&node).unwrap().permissions().mode() & 0o7777, 0o660);
        assert_eq!(fs::metadata(root.path("dev/snd/by-path")).unwrap().permissions().mode(), directory_mode);
    }

    #[test]
    fn cards_are_listed_by_number() {
        let (_keep, root) = machine();
        fs::write(root.path("sys/class/sound/card10/id"), "DAC\n").unwrap();
        fs::write(root.path("sys/class/sound/card2/id"), "PCH\n").unwrap();
        let card = |number, id: &str| Card { number, id: id.to_owned() };
        assert_eq!(cards(&root), [card(2, "PCH"), card(10, "DAC")]);
    }

    #[test]
    fn no_sound_at_all_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        give_nodes(&Root::new(directory.path()), AUDIO);
        assert!(cards(&Root::new(directory.path())).is_empty());
    }
}
