//! GRUB for a PC's BIOS, put where the BIOS and GRUB's own first sector look for it: what `grub-bios-setup` does, without a
//! device or root.
//!
//! The BIOS runs the disk's first sector. GRUB's (`boot.img`) loads one more sector from an address that is written into it,
//! and that one (the beginning of `core.img`) loads the rest by a list that is written into it in turn.
//! Source: `grub-core/boot/i386/pc/boot.S`, `diskboot.S`; `util/setup.c`.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::run;
use crate::selector::MODULES;

/// GRUB's directory for this platform (package grub-pc-bin).
const GRUB: &str = "/usr/lib/grub/i386-pc";
/// Where `core.img` lies on the disk, in sectors: in a partition of its own at 4 MiB (`board/x86_64/genimage.cfg`).
const CORE: u64 = 8192;
/// What that partition holds, bytes.
const ROOM: usize = 4 << 20;
/// In `boot.img`: the address of the sector to load; a jump that is replaced by two NOPs, so that the BIOS's drive number is
/// checked; and what of the sector is code (the partition table follows).
const BOOT_ADDRESS: std::ops::Range<usize> = 0x5c..0x64;
const BOOT_DRIVE_CHECK: std::ops::Range<usize> = 0x66..0x68;
const CODE: usize = 440;
/// In `core.img`: the address of what follows its first sector.
const CORE_ADDRESS: std::ops::Range<usize> = 0x1f4..0x1fc;

/// Makes `boot.img` and `core.img` in `target`, with the script in `memdisk` inside.
///
/// # Errors
/// When GRUB for a BIOS is missing, or grub-mkimage fails.
pub fn build(memdisk: &Path, target: &Path, log: &Path) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("{}: run image/setup image", path.display()));
    let core = target.join("core.img");
    let mut mkimage = Command::new("grub-mkimage");
    mkimage.args(["-O", "i386-pc", "-m"]).arg(memdisk).args(["-p", "(memdisk)/g"]);
    mkimage.arg("-o").arg(&core).args(MODULES).arg("biosdisk");
    run(&mut mkimage, log, "making the boot loader for a BIOS")?;
    let (boot, placed) = place(&read(&Path::new(GRUB).join("boot.img"))?, &read(&core)?)?;
    fs::write(target.join("boot.img"), boot).context("boot.img")?;
    fs::write(&core, placed).context("core.img")
}

/// Both with the addresses that tie them together.
fn place(boot: &[u8], core: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    if boot.len() != 512 || boot[510..] != [0x55, 0xaa] {
        bail!("{GRUB}/boot.img is not a boot sector");
    }
    if !(1024..=ROOM).contains(&core.len()) {
        bail!("GRUB for a BIOS takes {} bytes; its partition holds {ROOM}", core.len());
    }
    let mut boot = boot[..CODE].to_vec();
    boot[BOOT_ADDRESS].copy_from_slice(&CORE.to_le_bytes());
    boot[BOOT_DRIVE_CHECK].fill(0x90);
    let mut core = core.to_vec();
    core[CORE_ADDRESS].copy_from_slice(&(CORE + 1).to_le_bytes());
    Ok((boot, core))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_names_where_the_next_one_lies_and_the_partition_table_is_left_alone() {
        let mut sector = vec![0xee; 512];
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let (boot, core) = place(&sector, &[0xdd; 2048]).unwrap();
        assert_eq!(boot.len(), 440);
        assert_eq!(boot[0x5c..0x64], [0, 0x20, 0, 0, 0, 0, 0, 0]);
        assert_eq!(boot[0x64..0x6a], [0xee, 0xee, 0x90, 0x90, 0xee, 0xee]);
        assert_eq!(core[0x1f4..0x1fc], [1, 0x20, 0, 0, 0, 0, 0, 0]);
        assert_eq!((core.len(), core[0x1fc]), (2048, 0xdd));
    }

    #[test]
    fn what_is_no_boot_sector_or_does_not_fit_is_refused() {
        assert!(place(&[0; 512], &[0; 2048]).is_err());
        let mut sector = vec![0; 512];
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        assert!(place(&sector, &[0; 512]).is_err() && place(&sector, &vec![0; ROOM + 1]).is_err());
    }
}
