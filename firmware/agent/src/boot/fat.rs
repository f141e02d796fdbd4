//! Where a one-sector file of a FAT lies. Only read: mounting a FAT to write one sector writes three others.
//! Source: Microsoft's FAT specification, revision 1.03 (boot sector, root directory).
//!
//! What is on the medium is not trusted: every figure has a bound, and at most a root directory of 64 KiB is read.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a sector, and of a directory entry.
const SECTOR: u64 = 512;
const ENTRY: usize = 32;
/// Entries of a root directory; tools make 512.
const MOST_ENTRIES: u64 = 2048;
/// Attributes: volume label, directory. A long name's entries have the first one, too.
const NOT_A_FILE: u8 = 0x18;

/// What of a FAT12 or FAT16 is needed to find a file's first cluster. FAT32 keeps its root directory elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fat {
    /// As in the boot sector, padded with spaces.
    pub(crate) label: [u8; 11],
    sectors_per_cluster: u64,
    root: u64,
    entries: u64,
    /// First sector of the clusters, and the one behind the last.
    data: u64,
    end: u64,
}

/// Why a file's sector isn't known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("not a FAT12 or FAT16 of 512-byte sectors")]
    NotFat,
    #[error("{0} is missing in the selector")]
    Missing(String),
    #[error("{0} in the selector is not one sector long")]
    NotOneSector(String),
    #[error("{0} in the selector lies outside of it")]
    Outside(String),
    #[error("the selector can't be read: {0}")]
    Io(#[from] io::Error),
}

impl Fat {
    /// Reads the boot sector.
    ///
    /// # Errors
    /// [`Fault::NotFat`], and what reading says.
    pub(crate) fn read(medium: &mut impl Read) -> Result<Self, Fault> {
        let mut boot = [0; SECTOR as usize];
        medium.read_exact(&mut boot)?;
        Self::parse(&boot).ok_or(Fault::NotFat)
    }

    fn parse(boot: &[u8; SECTOR as usize]) -> Option<Self> {
        let short = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let long = |at: usize| u64::from(u32::from_le_bytes([boot[at], boot[at + 1], boot[at + 2], boot[at + 3]]));
        let sectors_per_cluster = u64::from(boot[13]);
        let (reserved, fats, entries, per_fat) = (short(14), u64::from(boot[16]), short(17), short(22));
        let end = if short(19) != 0 { short(19) } else { long(32) };
        let is_fat = boot[510..] == [0x55, 0xaa]
            && short(11) == SECTOR
            && sectors_per_cluster.is_power_of_two()
            && reserved > 0
            && (1..=2).contains(&fats)
            && (1..=MOST_ENTRIES).contains(&entries)
            && per_fat > 0;
        let root = reserved + fats * per_fat;
        let data = root + (entries * ENTRY as u64).div_ceil(SECTOR);
        let mut label = [0; 11];
        label.copy_from_slice(&boot[43..54]);
        (is_fat && data < end).then_some(Self { label, sectors_per_cluster, root, entries, data, end })
    }

    /// The byte at which the sector of this file begins, from the file system's beginning.
    ///
    /// # Errors
    /// Not there, of another size, or outside the file system.
    pub(crate) fn sector_of(&self, medium: &mut (impl Read + Seek), name: &str) -> Result<u64, Fault> {
        let wanted = short_name(name).ok_or_else(|| Fault::Missing(name.to_owned()))?;
        medium.seek(SeekFrom::Start(self.root * SECTOR))?;
        for _ in 0..self.entries {
            let mut entry = [0; ENTRY];
            medium.read_exact(&mut entry)?;
            match entry {
                // Behind the last one.
                [0, ..] => break,
                _ if entry[..11] == wanted && entry[11] & NOT_A_FILE == 0 => return self.place(&entry, name),
                _ => {}
            }
        }
        Err(Fault::Missing(name.to_owned()))
    }

    fn place(&self, entry: &[u8; ENTRY], name: &str) -> Result<u64, Fault> {
        let length = u32::from_le_bytes([entry[28], entry[29], entry[30], entry[31]]);
        if u64::from(length) != SECTOR {
            return Err(Fault::NotOneSector(name.to_owned()));
        }
        let cluster = u64::from(u16::from_le_bytes([entry[26], entry[27]]));
        let outside = || Fault::Outside(name.to_owned());
        // The first two numbers are not clusters.
        let sector = self.data + cluster.checked_sub(2).ok_or_else(outside)? * self.sectors_per_cluster;
        if sector >= self.end { Err(outside()) } else { Ok(sector * SECTOR) }
    }
}

/// `slot1.env` as a directory has it: `SLOT1   ENV`. None if it isn't a name of eight and three characters.
fn short_name(name: &str) -> Option<[u8; 11]> {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    if stem.is_empty() || stem.len() > 8 || extension.len() > 3 || !name.is_ascii() {
        return None;
    }
    let mut short = [b' '; 11];
    short[..stem.len()].copy_from_slice(stem.to_ascii_uppercase().as_bytes());
    short[8..8 + extension.len()].copy_from_slice(extension.to_ascii_uppercase().as_bytes());
    Some(short)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use super::*;

    /// A FAT16 of 40 MiB with clusters of 4 KiB, as genimage makes the selector, with these files of one sector.
    pub(crate) fn image(label: &[u8; 11], files: &[(&str, [u8; 512])]) -> Vec<u8> {
        let mut bytes = vec![0; 200 * 512];
        bytes[11..13].copy_from_slice(&512_u16.to_le_bytes());
        bytes[13] = 8;
        bytes[14..16].copy_from_slice(&8_u16.to_le_bytes());
        bytes[16] = 2;
        bytes[17..19].copy_from_slice(&512_u16.to_le_bytes());
        bytes[22..24].copy_from_slice(&40_u16.to_le_bytes());
        bytes[32..36].copy_from_slice(&200_u32.to_le_bytes());
        bytes[43..54].copy_from_slice(label);
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        let (root, data) = (88 * 512, 120 * 512);
        // The label's own entry, and a long name's.
        bytes[root..root + 12].copy_from_slice(b"SLOT1   ENV\x08");
        bytes[root + 32..root + 44].copy_from_slice(b"SLOT1   ENV\x0f");
        for (number, (name, content)) in (2_u16..).zip(files) {
            let entry = root + usize::from(number) * 32;
            bytes[entry..entry + 11].copy_from_slice(&short_name(name).unwrap());
            bytes[entry + 11] = 0x20;
            bytes[entry + 26..entry + 28].copy_from_slice(&number.to_le_bytes());
            bytes[entry + 28..entry + 32].copy_from_slice(&512_u32.to_le_bytes());
            let at = data + (usize::from(number) - 2) * 8 * 512;
            bytes[at..at + 512].copy_from_slice(content);
        }
        bytes
    }

    fn find(image: &[u8], name: &str) -> Result<u64, Fault> {
        let mut medium = Cursor::new(image);
        Fat::read(&mut medium)?.sector_of(&mut medium, name)
    }

    #[test]
    fn files_are_found_where_they_lie() {
        let image = image(b"SELECTOR   ", &[("slot1.env", [1; 512]), ("trial.env", [2; 512])]);
        assert_eq!(find(&image, "slot1.env").unwrap(), 120 * 512);
        assert_eq!(find(&image, "trial.env").unwrap(), 128 * 512);
        assert!(matches!(find(&image, "slot2.env"), Err(Fault::Missing(_))));
        assert!(matches!(find(&image, "a-long-name.env"), Err(Fault::Missing(_))));
        assert_eq!(Fat::read(&mut &image[..]).unwrap().label, *b"SELECTOR   ");
    }

    #[test]
    fn a_file_of_another_size_or_place_is_refused() {
        let good = image(b"SELECTOR   ", &[("slot1.env", [1; 512])]);
        let entry = 88 * 512 + 2 * 32;
        let changed = |at: usize, bytes: &[u8]| {
            let mut image = good.clone();
            image[entry + at..entry + at + bytes.len()].copy_from_slice(bytes);
            find(&image, "slot1.env")
        };
        assert!(matches!(changed(28, &[0, 0]), Err(Fault::NotOneSector(_))));
        assert!(matches!(changed(26, &[1, 0]), Err(Fault::Outside(_))));
        assert!(matches!(changed(26, &[12, 0]), Err(Fault::Outside(_))));
        assert!(matches!(changed(26, &[255, 255]), Err(Fault::Outside(_))));
    }

    #[test]
    fn what_is_no_fat_is_refused() {
        let good = image(b"SELECTOR   ", &[]);
        for (at, value) in [(510, 0), (12, 0), (13, 3), (13, 0), (14, 0), (16, 0), (16, 9), (18, 0xff), (22, 0)] {
            let mut image = good.clone();
            image[at] = value;
            assert!(matches!(find(&image, "slot1.env"), Err(Fault::NotFat)), "{at}");
        }
        assert!(matches!(find(&good[..100], "slot1.env"), Err(Fault::Io(_))));
        // Cut off within the root directory.
        assert!(matches!(find(&good[..88 * 512 + 16], "slot1.env"), Err(Fault::Io(_))));
    }
}
