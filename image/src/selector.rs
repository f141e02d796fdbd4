//! The selector: GRUB with its script inside itself, for UEFI and for a BIOS ([`bios`]), and three environment files of one sector each that say which slot
//! to boot, with which arguments of this machine.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bios;
use crate::command::run;

/// One sector: so a file is written whole or not at all.
pub(crate) const SECTOR: usize = 512;
/// GRUB's modules: what the script calls, and what reads the slots. The screen needs `efi_gop`; the module for a TPM is left
/// out on purpose (it makes firmware measure, slowly).
pub(crate) const MODULES: [&str; 12] =
    ["normal", "part_gpt", "fat", "loadenv", "linux", "regexp", "test", "echo", "sleep", "reboot", "tar", "memdisk"];

/// A GRUB environment block of one sector.
///
/// # Errors
/// When a value doesn't fit, or holds characters that don't survive GRUB's quoting.
pub fn block(values: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut text = String::from("# GRUB Environment Block\n");
    for (name, value) in values {
        let safe = |c: char| c.is_ascii_alphanumeric() || " _.,:=/@+-".contains(c);
        if let Some(bad) = value.chars().find(|c| !safe(*c)) {
            bail!("{name}={value}: GRUB does not take {bad:?} in an argument");
        }
        text.extend([name, "=", value, "\n"]);
    }
    let mut block = text.into_bytes();
    // GRUB wants the padding's last byte to be there.
    if block.len() >= SECTOR {
        bail!("the boot arguments take {} bytes; one sector holds {SECTOR}", block.len());
    }
    block.resize(SECTOR, b'#');
    Ok(block)
}

/// Writes `BOOTX64.EFI`, a BIOS's `boot.img` and `core.img`, and the three environment files into `target`. `script` is GRUB's, `arguments` are this machine's.
///
/// # Errors
/// When grub-mkimage fails, or the arguments don't fit.
pub fn build(script: &Path, arguments: &str, target: &Path, log: &Path) -> Result<()> {
    let scratch = tempfile::tempdir().context("making a temporary directory")?;
    let inside = scratch.path().join("g");
    fs::create_dir(&inside)?;
    fs::copy(script, inside.join("grub.cfg")).with_context(|| script.display().to_string())?;
    let memdisk = scratch.path().join("memdisk.tar");
    let mut tar = Command::new("tar");
    tar.args([
        "--format=ustar",
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--mode=u=rwX,go=rX",
    ]);
    tar.arg("-C").arg(scratch.path()).arg("-cf").arg(&memdisk).arg("g");
    run(&mut tar, log, "packing the boot script")?;
    let mut mkimage = Command::new("grub-mkimage");
    // -m sets a prefix of its own: ours comes after it.
    mkimage.args(["-O", "x86_64-efi", "-m"]).arg(&memdisk).args(["-p", "(memdisk)/g"]);
    mkimage.arg("-o").arg(target.join("BOOTX64.EFI")).args(MODULES).arg("efi_gop");
    run(&mut mkimage, log, "making the boot loader")?;
    bios::build(&memdisk, target, log)?;
    write_state(arguments, target)
}

/// Writes the selector's state: slot A is committed (in two copies), and no trial is armed.
///
/// # Errors
/// As [`block`].
pub fn write_state(arguments: &str, target: &Path) -> Result<()> {
    let committed = block(&[("slot", "a"), ("args", arguments), ("ok", "1")])?;
    let trial = block(&[("trial", ""), ("trial_args", "")])?;
    for (name, content) in [("slot1.env", &committed), ("slot2.env", &committed), ("trial.env", &trial)] {
        let path = target.join(name);
        fs::write(&path, content).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_one_sector_and_ends_in_padding() {
        let block = block(&[("slot", "a"), ("args", "isolcpus=managed_irq,domain,3")]).unwrap();
        assert_eq!(block.len(), SECTOR);
        assert_eq!(block.last(), Some(&b'#'));
        assert!(block.starts_with(b"# GRUB Environment Block\nslot=a\nargs=isolcpus=managed_irq,domain,3\n#"));
    }

    #[test]
    fn what_grub_would_not_give_back_is_refused() {
        assert!(block(&[("args", "a=\"b\"")]).is_err());
        assert!(block(&[("args", "a\\b")]).is_err());
        assert!(block(&[("args", "a\nslot=b")]).is_err());
        assert!(block(&[("args", &"x".repeat(SECTOR))]).is_err());
    }
}
