//! The image's block map, in the format of bmap-tools: what of a medium has to be written, with a checksum of each range.
//!
//! bmap-tools takes a file's holes for what needn't be written. Those of an image are not that: a block of zeros can be a part of
//! a kernel, of an allocation table or of a directory, and on a medium that was used before something else would stay there. So
//! the map is made of a file whose holes are ours: free clusters, and partitions that are empty, but for their beginning.
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::run;

/// Of the map, bytes: the smallest that file systems have.
const BLOCK: usize = 4096;
/// Of partition tables and file systems, bytes.
const SECTOR: usize = 512;
/// Of an empty partition so much is written, bytes: no file system, and no slot, begins there any more.
const BEGINNING: usize = 4 << 20;

/// Writes the map of `image` to `target`.
///
/// # Errors
/// When the image has no partition table, or bmaptool fails.
pub(super) fn write(image: &Path, target: &Path, log: &Path) -> Result<()> {
    let named = || image.display().to_string();
    let disk = fs::read(image).with_context(named)?;
    ensure!(disk.len().is_multiple_of(BLOCK), "{}: not a whole number of blocks", image.display());
    let wanted = wanted(&disk).with_context(named)?;
    let directory = target.parent().context("a block map has a directory")?;
    let scratch = tempfile::tempdir_in(directory).context("making a temporary directory")?;
    let holes = scratch.path().join("holes");
    let mut file = File::create(&holes).context("the file of the block map")?;
    file.set_len(disk.len() as u64).context("the file of the block map")?;
    for (number, block) in disk.chunks(BLOCK).enumerate().filter(|(number, _)| wanted[*number]) {
        file.seek(SeekFrom::Start((number * BLOCK) as u64))
            .and_then(|_| file.write_all(block))
            .context("the file of the block map")?;
    }
    file.sync_all().context("the file of the block map")?;
    let mut bmaptool = Command::new("bmaptool");
    run(bmaptool.arg("create").arg("-o").arg(target).arg(&holes), log, "making the block map")
}

/// Which blocks have to be written.
fn wanted(disk: &[u8]) -> Result<Vec<bool>> {
    let mut wanted = vec![true; disk.len() / BLOCK];
    for partition in partitions(disk).context("no partition table")? {
        // An image ends where the last thing does that is in it; partitions behind that have no blocks here.
        let partition = partition.start.min(disk.len())..partition.end.min(disk.len());
        let content = &disk[partition.clone()];
        let needed = if content.iter().all(|byte| *byte == 0) {
            BEGINNING.min(content.len())
        } else {
            // What isn't understood is needed.
            used_of_fat(content).unwrap_or(content.len())
        };
        let free = (partition.start + needed).div_ceil(BLOCK)..partition.end / BLOCK;
        for number in free {
            wanted[number] = disk[number * BLOCK..][..BLOCK].iter().any(|byte| *byte != 0);
        }
    }
    Ok(wanted)
}

/// The partitions, bytes, which may lie beyond the end: those of the MBR, or of the GPT that a protective one stands for (UEFI 2.10, sections 5.2 and 5.3).
fn partitions(disk: &[u8]) -> Option<Vec<Range<usize>>> {
    let region = |first: usize, sectors: usize| Some(first * SECTOR..first.checked_add(sectors)? * SECTOR);
    if disk.get(510..512)? != [0x55, 0xaa] {
        return None;
    }
    let entries: Vec<&[u8]> = disk.get(446..510)?.chunks(16).filter(|entry| entry[4] != 0).collect();
    if entries.iter().all(|entry| entry[4] != 0xee) {
        return entries.iter().map(|entry| region(number(entry, 8, 4)?, number(entry, 12, 4)?)).collect();
    }
    let header = disk.get(SECTOR..2 * SECTOR).filter(|header| header.starts_with(b"EFI PART"))?;
    let (table, count, size) = (number(header, 72, 8)?, number(header, 80, 4)?, number(header, 84, 4)?);
    let entries = disk.get(table * SECTOR..)?.chunks_exact(size.max(48)).take(count);
    let used = entries.filter(|entry| entry[..16] != [0; 16]);
    used.map(|entry| {
        let (first, last) = (number(entry, 32, 8)?, number(entry, 40, 8)?);
        region(first, (last + 1).checked_sub(first)?)
    })
    .collect()
}

/// What of a FAT16 file system is used, from its beginning on, bytes (Microsoft, FAT: General Overview of On-Disk Format, 1.03).
fn used_of_fat(content: &[u8]) -> Option<usize> {
    if content.get(54..62)? != b"FAT16   " || number(content, 11, 2)? != SECTOR {
        return None;
    }
    let (sectors, reserved, tables) = (number(content, 13, 1)?, number(content, 14, 2)?, number(content, 16, 1)?);
    let (directory, table) = (number(content, 17, 2)? * 32, number(content, 22, 2)? * SECTOR);
    let entries = content.get(reserved * SECTOR..)?.get(..table)?.chunks_exact(2);
    // The first two entries are no clusters.
    let clusters = entries.skip(2).rposition(|entry| entry != [0, 0]).map_or(0, |last| last + 1);
    let data = (reserved * SECTOR + tables * table + directory).next_multiple_of(SECTOR);
    Some(data + clusters * sectors * SECTOR).filter(|end| *end <= content.len())
}

/// A little-endian number of so many bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + length)?;
    let number = bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    // No image has as many sectors as would let a sum of two, in bytes, be too large.
    usize::try_from(number).ok().filter(|number| *number < 1 << 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// A disk of 32 MiB: a FAT16 of 8 MiB at 4 MiB, an empty partition of 8 MiB behind it, and one of 4 MiB that holds something.
    fn disk() -> Vec<u8> {
        let mut disk = vec![0; 32 * MIB];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        for (entry, (from, mib, kind)) in [(4, 8, 0xc), (12, 8, 0x83), (20, 4, 0x83)].into_iter().enumerate() {
            let at = 446 + 16 * entry;
            disk[at + 4] = kind;
            disk[at + 8..at + 12].copy_from_slice(&(from * 2048_u32).to_le_bytes());
            disk[at + 12..at + 16].copy_from_slice(&(mib * 2048_u32).to_le_bytes());
        }
        let fat = &mut disk[4 * MIB..];
        fat[11..24].copy_from_slice(&[0, 2, 8, 4, 0, 2, 0, 2, 0, 0x40, 0xf8, 16, 0]);
        fat[54..62].copy_from_slice(b"FAT16   ");
        // Clusters 2 to 4, that hold nothing but zeros.
        for table in [4, 20] {
            fat[table * SECTOR..][..10].copy_from_slice(&[0xf8, 0xff, 0xff, 0xff, 3, 0, 4, 0, 0xff, 0xff]);
        }
        disk[21 * MIB] = 1;
        disk
    }

    #[test]
    fn zeros_that_are_part_of_something_are_written_and_free_room_is_not() {
        let wanted = wanted(&disk()).unwrap();
        let block = |at: usize| wanted[at / BLOCK];
        // 4 sectors, two tables of 16, a directory of 512 entries, three clusters of 8.
        let end = 4 * MIB + (4 + 32 + 32 + 24) * SECTOR;
        assert!(block(0) && block(4 * MIB) && block(end - 1));
        assert!(!block(end.next_multiple_of(BLOCK)) && !block(12 * MIB - 1));
        assert!(block(12 * MIB) && block(16 * MIB - 1) && !block(16 * MIB) && !block(20 * MIB - 1));
        // Not understood, and no partition.
        assert!(wanted[20 * MIB / BLOCK..].iter().all(|block| *block));
    }

    #[test]
    fn an_image_may_end_before_its_partitions_do() {
        let wanted = wanted(&disk()[..14 * MIB]).unwrap();
        assert!(wanted[12 * MIB / BLOCK..].iter().all(|block| *block) && !wanted[11 * MIB / BLOCK]);
    }

    #[test]
    fn what_lies_in_free_room_is_written_too() {
        let mut disk = disk();
        disk[11 * MIB] = 1;
        let wanted = wanted(&disk).unwrap();
        assert!(wanted[11 * MIB / BLOCK] && !wanted[11 * MIB / BLOCK + 1]);
    }

    #[test]
    fn the_protective_table_stands_for_the_other_one() {
        let mut disk = vec![0; 32 * MIB];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        disk[450] = 0xee;
        disk[SECTOR..][..8].copy_from_slice(b"EFI PART");
        disk[SECTOR + 72] = 2;
        disk[SECTOR + 80] = 4;
        disk[SECTOR + 84] = 128;
        let entry = &mut disk[2 * SECTOR..];
        entry[0] = 1;
        entry[32..40].copy_from_slice(&8192_u64.to_le_bytes());
        entry[40..48].copy_from_slice(&40_959_u64.to_le_bytes());
        let found = partitions(&disk).unwrap();
        assert_eq!((found.len(), found.first()), (1, Some(&(4 * MIB..20 * MIB))));
        assert!(!wanted(&disk).unwrap()[8 * MIB / BLOCK]);
        assert!(wanted(&vec![0; MIB]).is_err());
    }
}
