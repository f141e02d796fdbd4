//! The virtual machines that stand for boards: which QEMU, which processor, which firmware, and how the disk is attached.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{DISK, Hardware};
use crate::command::tied;

/// UEFI firmware of the package ovmf: code, and a template of its variables.
const FIRMWARE: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];

/// A kind of virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A PC with UEFI.
    Pc,
}

impl Platform {
    /// What the kernel has to be told on this machine beside the arguments of a new image: a serial console that is kept as a
    /// log, and on a PC no checks of timers that an emulator can't keep.
    #[must_use]
    pub fn arguments(self) -> &'static str {
        match self {
            Self::Pc => "console=ttyS0,115200 no_timer_check tsc=reliable",
        }
    }

    /// QEMU with this machine's processor.
    pub(super) fn command(self) -> Command {
        match self {
            Self::Pc => {
                let mut qemu = tied("qemu-system-x86_64");
                // Emulated, not virtualised: the same everywhere. One thread for all cores: with several, QEMU 7.2 corrupts a
                // guest that patches its own code (PREEMPT_RT's static keys) in one of twenty boots.
                qemu.args(["-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max"]);
                qemu
            }
        }
    }

    /// Firmware and disk.
    pub(super) fn boot(self, qemu: &mut Command, hardware: &Hardware<'_>, scratch: &Path) -> Result<()> {
        match self {
            Self::Pc => {
                let variables = scratch.join("firmware-variables.fd");
                let missing = "run image/setup image (package ovmf)";
                fs::copy(FIRMWARE[1], &variables).with_context(|| format!("{}: {missing}", FIRMWARE[1]))?;
                qemu.args(["-boot", "strict=on"]);
                qemu.args(["-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", FIRMWARE[0])]);
                qemu.args(["-drive", &format!("if=pflash,format=raw,unit=1,file={}", variables.display())]);
            }
        }
        let disk = hardware.disk.display();
        qemu.args(["-drive", &format!("file={disk},format=raw,if=none,id={DISK},cache=unsafe")]);
        qemu.args(["-device", &format!("virtio-blk-pci,drive={DISK},bootindex=0")]);
        Ok(())
    }
}
