//! The virtual machine: QEMU with firmware and a disk as its [`Platform`] has them, a network card, and a sound card whose output
//! is a file.
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use crate::network::{GUEST_MAC, TAP};
use crate::qmp::Qmp;

mod platform;
pub use platform::{BUSES, Bus, FIRMWARES, Firmware, Platform};

/// Cores of the machine; the last one is the audio thread's.
pub const CORES: u32 = 4;
/// How long QEMU may take to answer or to end.
const LIMIT: Duration = Duration::from_secs(20);
/// How long one that refuses something may turn out to have ended.
const ENDING: Duration = Duration::from_millis(500);

/// QEMU's names for what is talked about later.
const DISK: &str = "disk";
const MEDIUM: &str = "medium";
const NET: &str = "net";
const SOUND: &str = "sound";
const SHELL: &str = "shell";
const SOUND_FILE: &str = "sound.wav";
/// Of each time that the USB sound card is plugged in: its name, its output's, and the file that takes what it plays. QEMU
/// begins a file anew each time that a card begins to use it.
const DACS: [[&str; 3]; 2] = [["dac-1", "sound-1", "sound.wav"], ["dac-2", "sound-2", "sound-2.wav"]];
/// What the USB sound card takes in before its file does, bytes: 20 s. A busy host gets behind with the file, QEMU never makes
/// up for more than 1.4 s at a time, and what doesn't fit is dropped, packet by packet.
const DAC_BUFFER: u32 = 20 * 192_000;

/// Where QEMU finds the USB DACs that are a program: a port of the bus each.
pub const DAC_SOCKETS: [&str; 2] = ["dac", "dac-2"];

/// How the machine can be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// A card on the board: stereo, 16 bits. QEMU resamples whatever is played to this rate, Hz.
    Board(u32),
    /// The same card, played to at this rate, Hz, which nobody hears: no file grows.
    Unheard(u32),
    /// No card yet, but a USB bus that one can be plugged into, twice: stereo, 16 bits, 48 kHz.
    Plug,
    /// USB DACs that are a program of ours, listening at [`DAC_SOCKETS`] in the machine's directory.
    Usb,
    /// Only in the guest itself, whose time then goes by its instructions.
    Inside,
}

/// Time goes by the guest's instructions, 2 ns each, but never faster than the host's: however busy the host is, the guest's
/// sound card waits for the guest's programs. (At 4 ns FLAC of 384 kHz and 32 bits is too much for it.)
const INSTRUCTIONS: [&str; 2] = ["-icount", "shift=1,sleep=on"];

/// Devices that nothing uses until they are taken out and come back, or have something plugged in. Where they are on the PCI bus
/// is said here, behind all that has no place of its own.
pub const SPARE_HOST: &str = "0000:00:10.0";
/// The network card among them.
pub const SPARE_CARD: &str = "0000:00:11.0";
/// A network in which nobody else is, for two cards.
const NOWHERE: [&str; 2] = ["nowhere-1", "nowhere-2"];
/// The spare USB host, and what a DAC plugged into it is heard by: nobody.
const SPARE_USB: &str = "spare-usb";
const UNHEARD: &str = "unheard";

/// What can be plugged into the spare USB host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gadget {
    /// A network card (CDC Ethernet).
    Card,
    /// A DAC: stereo, 16 bits, 48 kHz.
    Dac,
}

impl Gadget {
    /// QEMU's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Card => "spare-usb-card",
            Self::Dac => "spare-dac",
        }
    }
}

/// What was written to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Writes {
    /// Requests.
    pub operations: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// A kernel that QEMU itself starts, in place of a board's firmware.
#[derive(Debug, Clone)]
pub struct Direct {
    /// The kernel.
    pub kernel: PathBuf,
    /// Its initramfs.
    pub initramfs: PathBuf,
    /// Its arguments.
    pub arguments: String,
}

/// What to boot.
#[derive(Debug)]
pub struct Hardware<'a> {
    /// The machine.
    pub platform: Platform,
    /// What is started without the disk's boot loader, if it can't be.
    pub direct: Option<&'a Direct>,
    /// The disk image; it is written to.
    pub disk: &'a Path,
    /// The sound card.
    pub sound: Sound,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// A second serial port, for the test image's shell.
    pub shell: bool,
    /// Of a PC.
    pub firmware: Firmware,
    /// Of the disk.
    pub bus: Bus,
    /// It has [`SPARE_HOST`] and [`SPARE_CARD`].
    pub spares: bool,
    /// It goes on after a reset, and has a watchdog; else a reset is its end.
    pub reboots: bool,
}

/// A running virtual machine. It is killed when dropped, and when the thread that started it ends.
#[derive(Debug)]
pub struct Machine {
    qemu: Child,
    scratch: PathBuf,
    started: Instant,
    /// Its control socket, once it was needed.
    qmp: Option<Qmp>,
    /// How often a USB sound card was plugged in.
    plugged: usize,
}

impl Machine {
    /// Starts QEMU in the calling thread's network. Sockets, logs and the sound go into `scratch`.
    ///
    /// # Errors
    /// When QEMU or the firmware is missing.
    pub fn start(hardware: &Hardware<'_>, scratch: &Path) -> Result<Self> {
        let file = |name: &str| scratch.join(name).display().to_string();
        let log = fs::File::create(scratch.join("qemu.log"))?;
        let mut qemu = hardware.platform.command();
        if hardware.sound == Sound::Inside {
            qemu.args(INSTRUCTIONS);
        }
        qemu.args(["-smp", &CORES.to_string(), "-m", &hardware.memory_mib.to_string()]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none"]);
        if hardware.reboots {
            qemu.args(["-device", "i6300esb", "-action", "watchdog=reset"]);
        } else {
            qemu.arg("-no-reboot");
        }
        qemu.args(["-serial", &format!("file:{}", file("serial.log"))]);
        if hardware.shell {
            hardware.platform.second_port(&mut qemu, &scratch.join(SHELL));
        }
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", file("qmp"))]);
        hardware.platform.boot(&mut qemu, hardware, scratch)?;
        qemu.args(["-netdev", &format!("tap,id={NET},ifname={TAP},script=no,downscript=no")]);
        qemu.args(["-device", &format!("virtio-net-pci,netdev={NET},romfile=,mac={GUEST_MAC}")]);
        qemu.args(["-device", "virtio-rng-pci"]);
        if hardware.spares {
            spares(&mut qemu);
        }
        sound(&mut qemu, hardware.sound, scratch);
        // Ctrl-C at the terminal is ours to handle.
        qemu.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let qemu = qemu.spawn().context("starting QEMU")?;
        Ok(Self { qemu, scratch: scratch.to_path_buf(), started, qmp: None, plugged: 0 })
    }

    /// When QEMU was started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// QEMU's process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.qemu.id()
    }

    /// The socket of the second serial port.
    #[must_use]
    pub fn shell(&self) -> PathBuf {
        self.scratch.join(SHELL)
    }

    /// What the guest has said on its first serial port so far.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = fs::read(self.scratch.join("serial.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Fails if QEMU has ended: the guest has panicked, or QEMU could not start.
    ///
    /// # Errors
    /// With the end of QEMU's log and of the guest's console.
    pub fn check(&mut self) -> Result<()> {
        let Some(status) = self.qemu.try_wait()? else { return Ok(()) };
        let said = fs::read_to_string(self.scratch.join("qemu.log")).unwrap_or_default();
        let said = said.trim();
        if status.code() == Some(127) {
            bail!("QEMU is missing: run image/setup image ({said})");
        }
        bail!("the virtual machine has ended ({status}); {said}\n{}", self.last_words())
    }

    /// The end of the guest's console, for messages.
    #[must_use]
    pub fn last_words(&self) -> String {
        let console = self.console();
        let lines: Vec<&str> = console.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        format!("the guest's console ended with:\n{tail}")
    }

    /// QEMU's control socket.
    fn qmp(&mut self) -> Result<&mut Qmp> {
        let deadline = Instant::now() + LIMIT;
        while self.qmp.is_none() {
            self.check()?;
            // QEMU makes the socket only when it has begun.
            match Qmp::connect(&self.scratch.join("qmp"), LIMIT) {
                Ok(qmp) => self.qmp = Some(qmp),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        self.qmp.as_mut().context("QEMU's control socket")
    }

    /// Has QEMU do something. One that has ended says why it can't.
    fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let answer = self.qmp()?.execute(command, arguments);
        let Err(error) = answer else { return answer };
        // Its control socket closes a moment before it is gone.
        let deadline = Instant::now() + ENDING;
        while Instant::now() < deadline {
            self.check().with_context(|| format!("{error:#}"))?;
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(error)
    }

    /// Pulls the network cable, or puts it back.
    ///
    /// # Errors
    /// When QEMU doesn't answer.
    pub fn set_link(&mut self, up: bool) -> Result<()> {
        self.ask("set_link", &json!({ "name": NET, "up": up })).map(drop)
    }

    /// Pulls the disk out. It takes the guest a moment to notice.
    ///
    /// # Errors
    /// When its bus doesn't let it go.
    pub fn pull_disk(&mut self) -> Result<()> {
        self.ask("device_del", &json!({ "id": MEDIUM })).map(drop)
    }

    /// Whether the machine has a disk: one that was pulled out stays until the guest has let it go.
    ///
    /// # Errors
    /// When QEMU doesn't answer.
    pub fn has_disk(&mut self) -> Result<bool> {
        let disks = self.ask("query-block", &json!({}))?;
        let disks = disks.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(disks
            .iter()
            .any(|disk| disk["device"] == DISK && disk["qdev"].as_str().is_some_and(|name| !name.is_empty())))
    }

    /// Plugs a USB sound card in; returns the file that takes what it plays, complete when the machine has stopped.
    ///
    /// # Errors
    /// When the machine was started without [`Sound::Plug`], or this was done twice already.
    pub fn plug_dac(&mut self) -> Result<PathBuf> {
        let [name, output, file] = DACS.get(self.plugged).context("no file is left for another sound card")?;
        let device = json!({
            "driver": "usb-audio", "id": name, "bus": "usb.0", "audiodev": output, "buffer": DAC_BUFFER,
        });
        self.ask("device_add", &device)?;
        self.plugged += 1;
        Ok(self.scratch.join(file))
    }

    /// Pulls the USB sound card out.
    ///
    /// # Errors
    /// When there is none.
    pub fn unplug_dac(&mut self) -> Result<()> {
        let [name, ..] = self.plugged.checked_sub(1).and_then(|last| DACS.get(last)).context("no sound card is in")?;
        self.ask("device_del", &json!({ "id": name })).map(drop)
    }

    /// Plugs something into the spare USB host, which has to be there.
    ///
    /// # Errors
    /// When the machine was started without spares, or has that already.
    pub fn plug_into_spare(&mut self, gadget: Gadget) -> Result<()> {
        let bus = format!("{SPARE_USB}.0");
        let device = match gadget {
            Gadget::Card => json!({ "driver": "usb-net", "id": gadget.name(), "bus": bus, "netdev": NOWHERE[1] }),
            Gadget::Dac => json!({ "driver": "usb-audio", "id": gadget.name(), "bus": bus, "audiodev": UNHEARD }),
        };
        self.ask("device_add", &device).map(drop)
    }

    /// Whether it is plugged in.
    ///
    /// # Errors
    /// When QEMU doesn't answer.
    pub fn is_plugged(&mut self, gadget: Gadget) -> Result<bool> {
        let there = self.ask("qom-list", &json!({ "path": "/machine/peripheral" }))?;
        let there = there.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(there.iter().any(|device| device["name"] == gadget.name()))
    }

    /// Pulls it out again.
    ///
    /// # Errors
    /// When it isn't plugged in.
    pub fn pull_from_spare(&mut self, gadget: Gadget) -> Result<()> {
        self.ask("device_del", &json!({ "id": gadget.name() })).map(drop)
    }

    /// What was written to the disk since the start.
    ///
    /// # Errors
    /// When QEMU doesn't answer.
    pub fn writes(&mut self) -> Result<Writes> {
        let disks = self.ask("query-blockstats", &json!({}))?;
        let disks = disks.as_array().map(Vec::as_slice).unwrap_or_default();
        let disk = disks.iter().find(|disk| disk["device"] == DISK).context("QEMU counts no writes of the disk")?;
        let of = |name: &str| disk["stats"][name].as_u64().with_context(|| format!("QEMU counts no {name}"));
        Ok(Writes { operations: of("wr_operations")?, bytes: of("wr_bytes")? })
    }

    /// Stops the guest between two instructions, with all in its disk that it has written; or lets it go on.
    ///
    /// # Errors
    /// When QEMU doesn't answer.
    pub fn pause(&mut self, paused: bool) -> Result<()> {
        self.qmp()?.execute(if paused { "stop" } else { "cont" }, &json!({})).map(drop)
    }

    /// Ends QEMU so that the sound file is complete; returns the file of a card on the board.
    ///
    /// # Errors
    /// When QEMU doesn't answer or end.
    pub fn stop(mut self) -> Result<PathBuf> {
        self.check()?;
        self.ask("quit", &json!({}))?;
        let deadline = Instant::now() + LIMIT;
        while self.qemu.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("QEMU has not ended {LIMIT:?} after it was told to");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.scratch.join(SOUND_FILE))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// A USB host and a network card that are nobody's, and what is needed to plug something into that host.
fn spares(qemu: &mut Command) {
    let slot = |place: &str| format!("addr=0x{}", place.trim_start_matches("0000:00:").trim_end_matches(".0"));
    for name in NOWHERE {
        qemu.args(["-netdev", &format!("hubport,id={name},hubid=1")]);
    }
    qemu.args(["-device", &format!("qemu-xhci,id={SPARE_USB},{}", slot(SPARE_HOST))]);
    qemu.args(["-device", &format!("virtio-net-pci,netdev={},romfile=,{}", NOWHERE[0], slot(SPARE_CARD))]);
    qemu.args(["-audiodev", &format!("none,id={UNHEARD}")]);
}

/// The sound card, and the file that takes what it plays.
fn sound(qemu: &mut Command, sound: Sound, scratch: &Path) {
    let backend = |id: &str, file: &str| format!("wav,id={id},path={}", scratch.join(file).display());
    match sound {
        Sound::Board(rate) => board_card(qemu, &backend(SOUND, SOUND_FILE), rate),
        Sound::Unheard(rate) => board_card(qemu, &format!("none,id={SOUND}"), rate),
        Sound::Plug => {
            // QEMU's mixer takes the card's 0 dB for 0.5 dB less than full scale: do without it. Each time that QEMU's timer
            // comes round the file takes at most 1024 frames: on a busy host it comes late, and has to come often.
            for [_, output, file] in DACS {
                let backend = backend(output, file);
                let often = "timer-period=1000";
                qemu.args(["-audiodev", &format!("{backend},{often},out.mixing-engine=off,out.fixed-settings=off")]);
            }
            qemu.args(["-device", "qemu-xhci,id=usb"]);
        }
        Sound::Usb => {
            qemu.args(["-device", "qemu-xhci"]);
            for (port, name) in (1..).zip(DAC_SOCKETS) {
                qemu.args(["-chardev", &format!("socket,id={name},path={}", scratch.join(name).display())]);
                qemu.args(["-device", &format!("usb-redir,chardev={name},port={port}")]);
            }
        }
        Sound::Inside => {}
    }
}

/// A card on the board, and what takes its sound.
fn board_card(qemu: &mut Command, backend: &str, rate: u32) {
    qemu.args(["-audiodev", &format!("{backend},out.frequency={rate},out.channels=2,out.format=s16")]);
    // Without its own timer the codec takes data when the backend does: no clock to drift against.
    let codec = format!("hda-output,audiodev={SOUND},use-timer=off");
    qemu.args(["-device", "ich9-intel-hda", "-device", &codec]);
}
