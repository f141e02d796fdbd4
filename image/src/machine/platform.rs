//! The virtual machines that stand for boards: which QEMU, which processor, which firmware, and how disk and ports are attached.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{DISK, Hardware, MEDIUM};
use crate::command::tied;

/// UEFI firmware of the package ovmf: code, and a template of its variables.
const FIRMWARE: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];
/// Emulated, not virtualised: the same everywhere. One thread for all cores: with several, QEMU 7.2 corrupts a guest that patches
/// its own code (PREEMPT_RT's static keys) in one of twenty boots.
const ACCELERATOR: &str = "tcg,thread=single";

/// What of a PC boots the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Firmware {
    /// UEFI.
    #[default]
    Uefi,
    /// A BIOS.
    Bios,
}

/// How the disk is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bus {
    /// A virtual machine's own.
    #[default]
    Virtio,
    /// A stick: mass storage on USB 3.
    Usb,
    /// SATA.
    Ahci,
    /// NVM Express.
    Nvme,
}

/// By their names on the command line.
pub const FIRMWARES: [(&str, Firmware); 2] = [("uefi", Firmware::Uefi), ("bios", Firmware::Bios)];
/// By their names on the command line.
pub const BUSES: [(&str, Bus); 4] =
    [("virtio", Bus::Virtio), ("usb", Bus::Usb), ("ahci", Bus::Ahci), ("nvme", Bus::Nvme)];

impl Bus {
    /// Whether the disk can be pulled out while the machine runs.
    #[must_use]
    pub fn unplugs(self) -> bool {
        self != Self::Ahci
    }

    /// QEMU's options for it. The port of PCI Express is what lets a card be pulled out.
    fn attach(self, qemu: &mut Command) {
        let port = ["-device", "pcie-root-port,id=disk-port,chassis=1,slot=1"];
        let card = |driver: &str| format!("{driver},drive={DISK},id={MEDIUM},bus=disk-port,bootindex=0");
        match self {
            Self::Virtio => qemu.args(port).args(["-device", &card("virtio-blk-pci")]),
            Self::Nvme => qemu.args(port).args(["-device", &card("nvme,serial=tenuto")]),
            Self::Ahci => qemu.args(["-device", &format!("ide-hd,drive={DISK},id={MEDIUM},bus=ide.0,bootindex=0")]),
            // A controller of its own: the DAC's bus stays as it is.
            Self::Usb => qemu
                .args(["-device", "qemu-xhci,id=disk-usb", "-device"])
                .arg(format!("usb-storage,drive={DISK},id={MEDIUM},bus=disk-usb.0,removable=on,bootindex=0")),
        };
    }
}

/// A kind of virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A PC.
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
        match self {
            Self::Pc if hardware.firmware == Firmware::Bios => {
                // It shows its text, and GRUB's, on a screen; without one GRUB waits for what never comes.
                qemu.args(["-boot", "strict=on", "-vga", "std"]);
            }
            Self::Pc => {
                let variables = scratch.join("firmware-variables.fd");
                let missing = "run image/setup image (package ovmf)";
                fs::copy(FIRMWARE[1], &variables).with_context(|| format!("{}: {missing}", FIRMWARE[1]))?;
                qemu.args(["-boot", "strict=on"]);
                qemu.args(["-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", FIRMWARE[0])]);
                qemu.args(["-drive", &format!("if=pflash,format=raw,unit=1,file={}", variables.display())]);
            }
            Self::Virt { .. } => {}
        }
        if let Some(direct) = hardware.direct {
            qemu.arg("-kernel").arg(&direct.kernel).arg("-initrd").arg(&direct.initramfs);
            qemu.args(["-append", &direct.arguments]);
        }
        let disk = hardware.disk.display();
        qemu.args(["-drive", &format!("file={disk},format=raw,if=none,id={DISK},cache=unsafe")]);
        hardware.bus.attach(qemu);
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
