//! What the Raspberry Pi's firmware reads: `autoboot.txt` in the selector, which says which partition is booted, and in a slot
//! its configuration, the kernel's arguments, device trees, and the firmware itself where the board has none in its EEPROM.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::apt::{Apt, Archive};
use crate::board::{Board, lines};
use crate::cache::{Cache, Key};
use crate::command::{progress, read};
use crate::kernel::{Kernel, SUITES};
use crate::slot::one_line;

mod hats;

/// A slot's files that are this machine's own: an update takes them over, and the manifest doesn't list them.
pub const LOCAL: [&str; 2] = [ARGUMENTS, CHOICES];
/// The kernel's arguments.
const ARGUMENTS: &str = "cmdline.txt";
/// What the firmware is to do, the same on every machine.
const CONFIGURATION: &str = "config.txt";
/// What it is to do on this one: the HAT.
const CHOICES: &str = "local.txt";
/// Debian's package of the firmware, and its version.
const FIRMWARE: (&str, &str) = ("raspi-firmware", "1.20260408+ds-1");
/// Where it has its files.
const PLACE: &str = "usr/lib/raspi-firmware";
/// The firmware reads no more of `autoboot.txt`, which is one sector, so that it is written whole or not at all.
const SECTOR: usize = 512;

/// A slot's files beside kernel and initramfs.
#[derive(Debug)]
pub struct Files {
    /// Where each comes from, by its name in the slot.
    copied: BTreeMap<String, PathBuf>,
    /// The kernel's arguments.
    arguments: String,
    /// What the owner has chosen.
    local: String,
}

impl Files {
    /// Finds them, for a board with a HAT if one is named by its overlay.
    ///
    /// # Errors
    /// When one is missing, the firmware can't be fetched, or there is no such HAT or no such overlay.
    pub fn find(
        cache: &Cache,
        repository: &Path,
        (board, hat): (&Board, Option<&str>),
        kernel: &Kernel,
    ) -> Result<Self> {
        let file = |name| board.file(repository, name);
        // A kernel that came with firmware has that one's overlays, those of all HATs; mainline has few.
        let own = kernel.firmware.clone();
        let firmware = own.clone().map_or_else(|| firmware(cache), Ok)?;
        let table = read(&file("hats"))?;
        let hats = hats::parse(&table)?;
        let mut copied = BTreeMap::new();
        copied.insert(CONFIGURATION.to_owned(), file(CONFIGURATION));
        // Not every kernel has all of them, nor under the same name; the first one it must have.
        for (number, name) in lines(&read(&file("device-trees"))?).enumerate() {
            let from = kernel.device_trees.join(name);
            if number == 0 || from.exists() {
                copied.insert(name.to_owned(), from);
            }
        }
        if own.is_some() {
            for hat in &hats {
                copied.insert(hat.file(), firmware.join(hat.file()));
            }
        }
        for name in lines(&read(&file("firmware"))?) {
            copied.insert(name.to_owned(), firmware.join(name));
        }
        let missing: Vec<String> =
            copied.values().filter(|from| !from.exists()).map(|from| from.display().to_string()).collect();
        if !missing.is_empty() {
            bail!("the slot of {} lacks {}", board.name, missing.join(", "));
        }
        let arguments = [one_line(&read(&file("cmdline"))?), one_line(&read(&file("arguments"))?)].join(" ");
        let mut local = read(&file(CHOICES))?;
        if let Some(overlay) = hat {
            let hat = hats::named(&hats, overlay)?;
            if !copied.contains_key(&hat.file()) {
                bail!("this kernel has no overlay for {} on {} (docs/boards.md)", hat.products, board.name);
            }
            local += &hat.line();
        }
        Ok(Self { copied, arguments, local })
    }

    /// Adds them to a slot's key.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn key(&self, key: Key) -> Result<Key> {
        let key = key.with("arguments", &self.arguments).with("local", &self.local).with("code", include_str!("pi.rs"));
        self.copied.iter().try_fold(key, |key, (name, from)| key.with_file(name, from))
    }

    /// Writes them into the slot.
    ///
    /// # Errors
    /// When there is no room.
    pub fn write(&self, slot: &Path) -> Result<()> {
        for (name, from) in &self.copied {
            let to = slot.join(name);
            fs::create_dir_all(to.parent().unwrap_or(slot)).with_context(|| name.clone())?;
            fs::copy(from, to).with_context(|| from.display().to_string())?;
        }
        fs::write(slot.join(CHOICES), &self.local).context(CHOICES)?;
        fs::write(slot.join(ARGUMENTS), format!("{}\n", self.arguments)).context(ARGUMENTS)
    }
}

/// Finds or fetches the firmware; returns the directory of its files.
fn firmware(cache: &Cache) -> Result<PathBuf> {
    let (package, version) = FIRMWARE;
    let entry = cache.entry("firmware", version, |target| {
        progress(&format!("fetching {package} {version}"));
        let log = cache.log("firmware")?;
        let archive = Archive { suites: &SUITES, components: "non-free-firmware", ..Archive::default() };
        let apt = Apt::update(&cache.directory("apt-firmware"), &archive, &log)?;
        let offers = apt.offers(package)?;
        let pinned = offers.iter().find(|offer| offer.version == version).or(offers.first());
        let offer = pinned.with_context(|| format!("{package} is not on offer in Debian {}", SUITES.join(" and ")))?;
        if offer.version != version {
            progress(&format!("{package} {version} is not on offer; taking {}", offer.version));
        }
        apt.unpack(offer, target, &log)
    })?;
    Ok(entry.directory.join(PLACE))
}

/// `autoboot.txt` as it is written to the selector: the board's, padded to a whole sector.
///
/// # Errors
/// When it doesn't fit.
pub fn autoboot(text: &str) -> Result<Vec<u8>> {
    let mut bytes = lines(text).flat_map(|line| [line, "\n"]).collect::<String>().into_bytes();
    if bytes.len() > SECTOR {
        bail!("autoboot.txt takes {} bytes; the firmware reads {SECTOR}", bytes.len());
    }
    bytes.resize(SECTOR, b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autoboot_is_one_sector_of_lines_without_comments() {
        let bytes = autoboot("# why\n[all]\ntryboot_a_b=1\n").unwrap();
        assert_eq!(bytes.len(), SECTOR);
        assert!(bytes.starts_with(b"[all]\ntryboot_a_b=1\n\n"));
        assert!(bytes.iter().skip(20).all(|byte| *byte == b'\n'));
        assert!(autoboot(&"x".repeat(SECTOR)).is_err());
    }

    #[test]
    fn files_of_a_slot_are_copied_with_their_directories_and_the_arguments_are_one_line() {
        let home = tempfile::tempdir().unwrap();
        let from = home.path().join("from");
        fs::write(&from, "overlay").unwrap();
        let copied = BTreeMap::from([("overlays/hifiberry-dac.dtbo".to_owned(), from)]);
        let slot = home.path().join("slot");
        fs::create_dir(&slot).unwrap();
        Files { copied, arguments: "quiet panic=10".to_owned(), local: "dtoverlay=x\n".to_owned() }
            .write(&slot)
            .unwrap();
        assert_eq!(fs::read(slot.join("overlays/hifiberry-dac.dtbo")).unwrap(), b"overlay");
        assert_eq!(fs::read(slot.join("local.txt")).unwrap(), b"dtoverlay=x\n");
        assert_eq!(fs::read(slot.join("cmdline.txt")).unwrap(), b"quiet panic=10\n");
    }
}
