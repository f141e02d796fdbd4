//! The boot medium's partitions: found by the identifiers that `board/*/genimage.cfg` gives them, mounted only while they are
//! used. So the medium can be pulled at any other time.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::root::Root;

/// A partition, by its place in the map: the same on every board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    /// FAT: says which slot is booted. Never mounted writable.
    Selector = 1,
    /// FAT: a bootable system.
    SlotA = 2,
    /// FAT: another one.
    SlotB = 3,
    /// ext2: what the agent keeps.
    Data = 4,
}

/// What the identifiers of all our media begin with: of a GPT its partitions', of an MBR the disk's.
const OURS: &str = "6b1f2c1e";

impl Partition {
    /// Whether this is how the kernel names it: `UUID` of a GPT, `DISK-NN` of an MBR (in hexadecimal).
    fn is_named(self, identifier: &str) -> bool {
        let number = self as u8;
        identifier.eq_ignore_ascii_case(&format!("{OURS}-0000-4000-8000-00000000001{number}"))
            || identifier.eq_ignore_ascii_case(&format!("{OURS}-{number:02x}"))
    }

    /// Its device node; None if no such medium is in. Of several the first by name counts.
    pub(crate) fn find(self, root: &Root) -> Option<PathBuf> {
        let device = root.names("sys/class/block").into_iter().find(|name| {
            let event = root.text(format!("sys/class/block/{name}/uevent")).unwrap_or_default();
            event.lines().filter_map(|line| line.strip_prefix("PARTUUID=")).any(|identifier| self.is_named(identifier))
        })?;
        Some(root.path("dev").join(device))
    }
}

/// What a mounted file system is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A file system that is mounted until this is dropped.
#[derive(Debug)]
pub(crate) struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// Mounts `device` below /run, where root alone can look.
    ///
    /// # Errors
    /// It is no such file system, damaged, read-only, or not there.
    pub(crate) fn new(root: &Root, device: &Path, kind: &str, access: Access) -> io::Result<Self> {
        let name = device.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let at = root.path("run/tenuto").join(format!("medium.{}", name.display()));
        if !at.is_dir() {
            fs::create_dir(&at)?;
        }
        fs::set_permissions(&at, fs::Permissions::from_mode(0o700))?;
        let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
        let flags = if access == Access::Read { safe | MsFlags::MS_RDONLY } else { safe };
        let options = (kind == EXT).then_some("errors=remount-ro");
        mount(Some(device), &at, Some(kind), flags, options).inspect_err(|_| drop(fs::remove_dir(&at)))?;
        Ok(Self { at })
    }

    /// Its root directory.
    pub(crate) fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        match umount2(&self.at, MntFlags::UMOUNT_NOFOLLOW) {
            // Fails only if something else lies there by now.
            Ok(()) => drop(fs::remove_dir(&self.at)),
            Err(error) => tracing::warn!("{} could not be unmounted: {error}", self.at.display()),
        }
    }
}

/// The kernel's driver of ext2 is that of ext4.
pub(crate) const EXT: &str = "ext4";
pub(crate) const FAT: &str = "vfat";

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(parts: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (name, identifier) in parts {
            fs::create_dir_all(root.path(format!("sys/class/block/{name}"))).unwrap();
            let text = format!("MAJOR=253\nDEVNAME={name}\nDEVTYPE=partition\nPARTN=1\nPARTUUID={identifier}\n");
            fs::write(root.path(format!("sys/class/block/{name}/uevent")), text).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn partitions_are_found_by_their_identifiers_alone() {
        let (_keep, pc) = machine(&[
            ("sda4", "11111111-0000-4000-8000-000000000014"),
            ("vda1", "6b1f2c1e-0000-4000-8000-000000000011"),
            ("vda4", "6b1f2c1e-0000-4000-8000-000000000014"),
        ]);
        assert_eq!(Partition::Data.find(&pc), Some(pc.path("dev/vda4")));
        assert_eq!(Partition::Selector.find(&pc), Some(pc.path("dev/vda1")));
        assert_eq!(Partition::SlotA.find(&pc), None);
        let (_keep, pi) =
            machine(&[("mmcblk0p1", "6b1f2c1e-01"), ("mmcblk0p4", "6b1f2c1e-04"), ("sda4", "6b1f2c1f-04")]);
        assert_eq!(Partition::Data.find(&pi), Some(pi.path("dev/mmcblk0p4")));
        assert_eq!(Partition::Data.find(&Root::new("/nonexistent")), None);
    }

    #[test]
    fn the_map_has_these_identifiers() {
        let map = include_str!("../../../../board/x86_64/genimage.cfg");
        let identifiers = map.lines().filter_map(|line| line.trim().strip_prefix("partition-uuid = \""));
        let identifiers: Vec<_> = identifiers.map(|rest| rest.trim_end_matches('"')).collect();
        let partitions = [Partition::Selector, Partition::SlotA, Partition::SlotB, Partition::Data];
        // Behind them in the table is what a BIOS starts.
        assert_eq!(identifiers.len(), partitions.len() + 1);
        assert!(partitions.iter().zip(identifiers).all(|(partition, identifier)| partition.is_named(identifier)));
        // Of an MBR's partitions the kernel makes identifiers of the disk's and their number.
        let map = include_str!("../../../../board/rpi/genimage.cfg");
        let disk = map.lines().find_map(|line| line.trim().strip_prefix("disk-signature = 0x")).unwrap();
        assert!((1..).zip(partitions).all(|(number, partition)| partition.is_named(&format!("{disk}-0{number}"))));
    }
}
