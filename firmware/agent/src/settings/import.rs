//! Taking over a `tenuto.toml` that the owner has put on the boot medium: once, and its secrets don't stay there.
//!
//! The partition is mounted for reading only: a FAT that is mounted writable and then loses its power is a damaged one, and this
//! one boots the machine. A secret is removed by writing its sectors, wherever in the partition they are: also of a file that an
//! editor has deleted.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    file::{self, Fault, LARGEST},
    medium::{Access, FAT, Mounted, Partition},
    schema::Settings,
};
use crate::root::Root;

/// The file's names: some systems hide what they add to it.
const NAMES: [&str; 2] = ["tenuto.toml", "tenuto.toml.txt"];
/// Where it is looked for: whichever of our partitions the owner's computer has shown.
const PARTITIONS: [Partition; 3] = [Partition::Selector, Partition::SlotA, Partition::SlotB];
/// The unit that a medium writes, bytes; a FAT's clusters begin at one.
const SECTOR: usize = 512;
/// What is looked through for a secret at most, bytes.
const SEARCHED: u64 = 512 << 20;

/// A file that is there.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// The partition's device, or in a copy of a machine's files the directory.
    place: PathBuf,
    pub(crate) name: &'static str,
    bytes: Vec<u8>,
}

/// What becomes of it.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// These are the settings with it; and the file without its secrets.
    New(Box<Settings>, Vec<u8>),
    /// It was taken over before; the file without its secrets.
    Known(Vec<u8>),
    /// It changes nothing.
    Wrong(Fault),
}

impl Offer {
    /// The first file that is found.
    pub(crate) fn find(root: &Root) -> Option<Self> {
        if !root.is_machine() {
            return Self::in_directory(&root.path("boot"), &root.path("boot"));
        }
        PARTITIONS.into_iter().find_map(|partition| {
            let device = partition.find(root)?;
            let mounted = Mounted::new(root, &device, FAT, Access::Read).inspect_err(|error| {
                // A slot that nothing was written to yet is no FAT.
                if partition == Partition::Selector {
                    tracing::warn!("settings: {} can't be looked at for a file: {error}", device.display());
                }
            });
            let mounted = mounted.ok()?;
            Self::in_directory(&device, mounted.path())
        })
    }

    fn in_directory(place: &Path, directory: &Path) -> Option<Self> {
        NAMES
            .into_iter()
            .find_map(|name| Some(Self { place: place.to_owned(), name, bytes: read(&directory.join(name)).ok()? }))
    }

    /// Reads it, given what is set already.
    pub(crate) fn judge(&self, settings: &Settings) -> Verdict {
        let file = match file::parse(&self.bytes) {
            Ok(file) => file,
            Err(fault) => return Verdict::Wrong(fault),
        };
        let blanked = file::blanked(&self.bytes, &file);
        // Of the file without its secret: it stays the same when that is removed.
        let hash: String = Sha256::digest(&blanked).iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = file.wifi.as_ref().and_then(|wifi| wifi.password.as_ref()).map(toml::Spanned::get_ref);
        let same_secret = secret.is_none_or(|secret| secret.is_blank() || Some(secret) == settings.password.as_ref());
        if same_secret && settings.imported.as_deref() == Some(&hash) {
            return Verdict::Known(blanked);
        }
        let mut new = settings.clone();
        new.take(&file);
        new.imported = Some(hash);
        Verdict::New(Box::new(new), blanked)
    }

    /// Removes its secrets from where it lies, if it has any; whether it had.
    ///
    /// # Errors
    /// The medium can't be written.
    pub(crate) fn blank(&self, root: &Root, blanked: &[u8]) -> io::Result<bool> {
        if self.bytes == blanked {
            return Ok(false);
        }
        if root.is_machine() {
            let device = fs::OpenOptions::new().read(true).write(true).open(&self.place)?;
            replace_sectors(&device, &self.bytes, blanked)?;
        } else {
            fs::write(self.place.join(self.name), blanked)?;
        }
        Ok(true)
    }
}

/// One byte more than may be there, so that a larger file is noticed.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes `new` over `old`, which are equally long, wherever it begins at a sector: those sectors only that differ, the first
/// one first, as a secret whose beginning is blank counts as removed.
fn replace_sectors(device: &File, old: &[u8], new: &[u8]) -> io::Result<()> {
    for (old, new) in old.chunks(SECTOR).zip(new.chunks(SECTOR)).filter(|(old, new)| old != new) {
        let mut found = false;
        let mut part = vec![0; 128 * SECTOR];
        let mut at = 0;
        while at < SEARCHED {
            let length = device.read_at(&mut part, at)?;
            for (sector, number) in part[..length].chunks(SECTOR).zip(0_u64..) {
                if sector.starts_with(old) {
                    device.write_all_at(new, at + number * SECTOR as u64)?;
                    found = true;
                }
            }
            // Whole sectors: a device ends with one.
            match length / SECTOR * SECTOR {
                0 => break,
                whole => at += whole as u64,
            }
        }
        device.sync_data()?;
        if !found {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the file's sectors are not where it was read from"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name = \"Kitchen\"\n[wifi]\nssid = \"Home\"\npassword = \"geheim123\"\n";

    fn offer(text: &str) -> Offer {
        Offer { place: PathBuf::new(), name: NAMES[0], bytes: text.into() }
    }

    fn taken(settings: &Settings, text: &str) -> (Settings, Vec<u8>) {
        match offer(text).judge(settings) {
            Verdict::New(settings, blanked) => (*settings, blanked),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_is_taken_over_once_with_its_secret_and_without_it() {
        let (settings, blanked) = taken(&Settings::default(), FILE);
        assert_eq!(settings.friendly_name(), Some("Kitchen"));
        let blank_text = String::from_utf8(blanked.clone()).unwrap();
        for known in [FILE, &blank_text] {
            assert!(matches!(offer(known).judge(&settings), Verdict::Known(again) if again == blanked), "{known:?}");
        }
        // Whatever the owner changes is new, a password alone as well.
        for changed in [FILE.replace("geheim123", "geheim124"), FILE.replace("Home", "Away"), format!("{FILE}\n")] {
            taken(&settings, &changed);
        }
        // What was set since then on the page isn't undone by a file that was there before.
        let mut since = settings.clone();
        since.set("name", "Hall".into()).unwrap();
        assert!(matches!(offer(&blank_text).judge(&since), Verdict::Known(_)));
    }

    #[test]
    fn a_removal_that_was_interrupted_leaves_nothing_new() {
        let (settings, blanked) = taken(&Settings::default(), FILE);
        let begins = FILE.find("geheim").unwrap();
        for cut in begins + 1..FILE.len() {
            let torn = [&blanked[..cut], &FILE.as_bytes()[cut..]].concat();
            let verdict = offer(std::str::from_utf8(&torn).unwrap()).judge(&settings);
            assert!(matches!(verdict, Verdict::Known(again) if again == blanked), "{cut}");
        }
    }

    #[test]
    fn a_wrong_file_changes_nothing_and_says_why() {
        let Verdict::Wrong(fault) = offer("name = \"Kitchen\"\nvolume = \"loud\"").judge(&Settings::default()) else {
            panic!("taken")
        };
        assert_eq!(fault.line, 2);
    }

    #[test]
    fn secrets_leave_every_sector_that_held_them_and_no_other_one_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fat");
        // The secret lies across two sectors, the second of which is the last one and not full.
        let text = format!("#{}\n{FILE}", "x".repeat(SECTOR - FILE.len() + 4));
        let at = text.find("geheim").unwrap();
        assert!(at < SECTOR && at + 9 > SECTOR);
        let mut before = vec![0xaa; 200 * SECTOR];
        for sector in [3, 150] {
            before[sector * SECTOR..][..text.len()].copy_from_slice(text.as_bytes());
        }
        fs::write(&path, &before).unwrap();
        let file = file::parse(text.as_bytes()).unwrap();
        let blanked = file::blanked(text.as_bytes(), &file);
        let device = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        replace_sectors(&device, text.as_bytes(), &blanked).unwrap();
        for sector in [3, 150] {
            before[sector * SECTOR..][..blanked.len()].copy_from_slice(&blanked);
        }
        assert!(fs::read(&path).unwrap() == before);
        assert!(replace_sectors(&device, text.as_bytes(), &blanked).is_err(), "it isn't there any more");
    }

    #[test]
    fn the_name_that_a_system_makes_of_it_is_found_too() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert!(Offer::find(&root).is_none());
        fs::create_dir(root.path("boot")).unwrap();
        fs::write(root.path("boot/tenuto.toml.txt"), FILE).unwrap();
        let offer = Offer::find(&root).unwrap();
        let Verdict::New(_, blanked) = offer.judge(&Settings::default()) else { panic!("not new") };
        assert!(offer.blank(&root, &blanked).unwrap());
        assert!(!root.text("boot/tenuto.toml.txt").unwrap().contains("geheim"));
        assert!(!Offer::find(&root).unwrap().blank(&root, &blanked).unwrap());
    }
}
