//! The virtual machine: QEMU with UEFI firmware, a disk, a network card, and a sound card whose output is a file.
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command::tied;
use crate::network::{GUEST_MAC, TAP};

/// UEFI firmware of the package ovmf: code, and a template of its variables.
const FIRMWARE: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];
/// Cores of the machine; the last one is the audio thread's.
pub const CORES: u32 = 4;
/// How long QEMU may take to answer or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// What to boot.
#[derive(Debug)]
pub struct Hardware<'a> {
    /// The disk image; it is written to.
    pub disk: &'a Path,
    /// The sound card's sample rate, Hz: QEMU resamples to it whatever else is played.
    pub rate: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// A second serial port, for the test image's shell.
    pub shell: bool,
}

/// A running virtual machine. It is killed when dropped, and when the thread that started it ends.
#[derive(Debug)]
pub struct Machine {
    qemu: Child,
    scratch: PathBuf,
    started: Instant,
}

impl Machine {
    /// Starts QEMU in the calling thread's network. Sockets, logs and the sound go into `scratch`.
    ///
    /// # Errors
    /// When QEMU or the firmware is missing.
    pub fn start(hardware: &Hardware<'_>, scratch: &Path) -> Result<Self> {
        let variables = scratch.join("firmware-variables.fd");
        let missing = "run image/setup image (package ovmf)";
        fs::copy(FIRMWARE[1], &variables).with_context(|| format!("{}: {missing}", FIRMWARE[1]))?;
        let file = |name: &str| scratch.join(name).display().to_string();
        let log = fs::File::create(scratch.join("qemu.log"))?;
        let mut qemu = tied("qemu-system-x86_64");
        // Emulated, not virtualised: the same everywhere. One thread for all cores: with several, QEMU 7.2 corrupts a guest
        // that patches its own code (PREEMPT_RT's static keys) in one of twenty boots.
        qemu.args(["-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max"]);
        qemu.args(["-smp", &CORES.to_string(), "-m", &hardware.memory_mib.to_string()]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-boot", "strict=on"]);
        qemu.args(["-serial", &format!("file:{}", file("serial.log"))]);
        if hardware.shell {
            qemu.args(["-serial", &format!("unix:{},server=on,wait=off", file("shell"))]);
        }
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", file("qmp"))]);
        qemu.args(["-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", FIRMWARE[0])]);
        qemu.args(["-drive", &format!("if=pflash,format=raw,unit=1,file={}", variables.display())]);
        qemu.args(["-drive", &format!("file={},format=raw,if=none,id=disk,cache=unsafe", hardware.disk.display())]);
        qemu.args(["-device", "virtio-blk-pci,drive=disk,bootindex=0"]);
        qemu.args(["-netdev", &format!("tap,id=net,ifname={TAP},script=no,downscript=no")]);
        qemu.args(["-device", &format!("virtio-net-pci,netdev=net,romfile=,mac={GUEST_MAC}")]);
        let sound = format!(
            "wav,id=sound,path={},out.frequency={},out.channels=2,out.format=s16",
            file("sound.wav"),
            hardware.rate
        );
        qemu.args(["-audiodev", &sound, "-device", "ich9-intel-hda"]);
        // Without its own timer the codec takes data when the file does: no clock to drift against.
        qemu.args(["-device", "hda-output,audiodev=sound,use-timer=off", "-device", "virtio-rng-pci"]);
        // Ctrl-C at the terminal is ours to handle.
        qemu.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let qemu = qemu.spawn().context("starting QEMU")?;
        Ok(Self { qemu, scratch: scratch.to_path_buf(), started })
    }

    /// When QEMU was started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The socket of the second serial port.
    #[must_use]
    pub fn shell(&self) -> PathBuf {
        self.scratch.join("shell")
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

    /// Ends QEMU so that the sound file is complete; returns that file.
    ///
    /// # Errors
    /// When QEMU doesn't answer or end.
    pub fn stop(mut self) -> Result<PathBuf> {
        self.check()?;
        let stream = UnixStream::connect(self.scratch.join("qmp")).context("QEMU's control socket")?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut replies = BufReader::new(stream.try_clone()?);
        reply(&mut replies)?;
        for command in ["qmp_capabilities", "quit"] {
            writeln!(&stream, "{}", json!({ "execute": command }))?;
            while reply(&mut replies)?.get("return").is_none() {}
        }
        let deadline = Instant::now() + LIMIT;
        while self.qemu.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("QEMU has not ended {LIMIT:?} after it was told to");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.scratch.join("sound.wav"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// One message of QEMU's.
fn reply(from: &mut impl BufRead) -> Result<Value> {
    let mut line = String::new();
    if from.read_line(&mut line).context("QEMU's control socket")? == 0 {
        bail!("QEMU has closed its control socket");
    }
    serde_json::from_str(&line).with_context(|| format!("QEMU said {line:?}"))
}
