//! The virtual machines that stand for boards: which QEMU, which processor, which firmware, and how disk and ports are attached.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{DISK, Hardware};
use crate::command::tied;

/// UEFI firmware of the package ovmf: code, and a template of its variables.
const FIRMWARE: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];
/// Emulated, not virtualised: the same everywhere. One thread for all cores: with several, QEMU 7.2 corrupts a guest that patches
/// its own code (PREEMPT_RT's static keys) in one of twenty boots.
const ACCELERATOR: &str = "tcg,thread=single";

/// A kind of virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A PC with UEFI.
    Pc,
    /// QEMU's own ARM board: QEMU emulates none that has a Raspberry Pi's firmware, USB 3 and PCI Express.
    Virt {
        /// QEMU's name of the board's processor.
        processor: &'static str,
    },
}

impl Platform {
    /// What the kernel has to be told on this machine beside the arguments of a new image: a serial console that is kept as a
    /// log, and on a PC no checks of timers that an emulator can't keep.
    #[must_use]
    pub fn arguments(self) -> &'static str {
        match self {
            Self::Pc => "console=ttyS0,115200 no_timer_check tsc=reliable",
            Self::Virt { .. } => "console=ttyAMA0",
        }
    }

    /// The guest's name of the port at which a test image has its shell.
    #[must_use]
    pub fn shell(self) -> &'static str {
        match self {
            Self::Pc => "ttyS1",
            Self::Virt { .. } => "hvc0",
        }
    }

    /// QEMU with this machine's processor.
    pub(super) fn command(self) -> Command {
        let mut qemu = match self {
            Self::Pc => {
                let mut qemu = tied("qemu-system-x86_64");
                qemu.args(["-machine", "q35", "-cpu", "max"]);
                qemu
            }
            Self::Virt { processor } => {
                let mut qemu = tied("qemu-system-aarch64");
                qemu.args(["-machine", "virt,gic-version=3", "-cpu", processor]);
                qemu
            }
        };
        qemu.args(["-accel", ACCELERATOR]);
        qemu
    }

    /// Firmware, or what is started in its place, and the disk.
    pub(super) fn boot(self, qemu: &mut Command, hardware: &Hardware<'_>, scratch: &Path) -> Result<()> {
        if self == Self::Pc {
            let variables = scratch.join("firmware-variables.fd");
            let missing = "run image/setup image (package ovmf)";
            fs::copy(FIRMWARE[1], &variables).with_context(|| format!("{}: {missing}", FIRMWARE[1]))?;
            qemu.args(["-boot", "strict=on"]);
            qemu.args(["-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", FIRMWARE[0])]);
            qemu.args(["-drive", &format!("if=pflash,format=raw,unit=1,file={}", variables.display())]);
        }
        if let Some(direct) = hardware.direct {
            qemu.arg("-kernel").arg(&direct.kernel).arg("-initrd").arg(&direct.initramfs);
            qemu.args(["-append", &direct.arguments]);
        }
        let disk = hardware.disk.display();
        qemu.args(["-drive", &format!("file={disk},format=raw,if=none,id={DISK},cache=unsafe")]);
        qemu.args(["-device", &format!("virtio-blk-pci,drive={DISK},bootindex=0")]);
        Ok(())
    }

    /// A port for the test image's shell, at the socket `path`.
    pub(super) fn second_port(self, qemu: &mut Command, path: &Path) {
        let socket = format!("{},server=on,wait=off", path.display());
        match self {
            Self::Pc => qemu.args(["-serial", &format!("unix:{socket}")]),
            Self::Virt { .. } => {
                qemu.args(["-chardev", &format!("socket,id=shell,path={socket}")]);
                qemu.args(["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell"])
            }
        };
    }
}
