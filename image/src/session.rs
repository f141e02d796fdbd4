//! One boot of the disk image in a network of its own.
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use usb_dac::{Model, redir::Dac};

use crate::announcement::{Announcement, Ear};
use crate::board::Loader;
use crate::build::Built;
use crate::cache::{Cache, remove};
use crate::command::{progress, read};
use crate::disk::Copy;
use crate::machine::{Bus, DAC_SOCKETS, Direct, Firmware, Hardware, Machine, Platform, Sound};
use crate::shell::Shell;
use crate::slot::{INITRAMFS, KERNEL, one_line};
use crate::{build, environment, initramfs, network, proxy};

/// What an emulated appliance has beside the arguments of a new image and of its platform, and no release has: the kernel ends an engine
/// whose real-time thread makes a system call that playing doesn't take.
const ARGUMENTS: &str = "tenuto.confine=on";
/// A sound buffer that outlasts the host's other work, ms: what an emulated appliance gets if nothing else is asked for.
pub const BUFFER_MS: u16 = 500;
/// The one of a release (the engine's `--buffer-ms`), ms: nothing is said of it to the kernel.
pub const SHIPPED_BUFFER_MS: u16 = 100;
/// The USB DAC that is plugged in first, if nothing else is asked for.
pub const DAC: &str = "reference";
/// How long the guest may take from power-on to its first announcement; an idle host needs six seconds, and a minute where the
/// guest's time goes by its instructions.
pub(crate) const BOOT: Duration = Duration::from_secs(480);

/// How to boot.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The page's port on the host; 0: any free one.
    pub port: u16,
    /// Memory of the guest, MiB.
    pub memory_mib: u32,
    /// A shell on the second serial port: the one thing that is not as in a release.
    pub shell: bool,
    /// The sound card.
    pub sound: Sound,
    /// Of a USB DAC that is a program, which one ([`Model::named`]).
    pub dac: &'static str,
    /// It is plugged in while the machine boots.
    pub plugged: bool,
    /// What boots the disk.
    pub firmware: Firmware,
    /// How the disk is attached.
    pub bus: Bus,
    /// It has devices that can be taken out and come back ([`crate::machine::SPARE_HOST`]).
    pub spares: bool,
    /// The disk is pulled out while it plays ([`crate::once`]).
    pub pull: bool,
    /// What the sound card's buffer holds, ms: [`BUFFER_MS`], or as it is shipped.
    pub buffer_ms: u16,
    /// Further arguments of the kernel; the last of several that contradict each other counts.
    pub arguments: &'static str,
}

/// An appliance that has been switched on.
#[derive(Debug)]
pub struct Session {
    /// The virtual machine.
    pub machine: Machine,
    ear: Ear,
    /// Where its page answers on the host.
    pub page: String,
    /// The USB DAC, if it is a program ([`Sound::Usb`]).
    pub dac: Option<Dac>,
    /// One that lies beside another port of the same bus.
    pub other_dac: Option<Dac>,
    /// The socket of its shell, if it has one.
    pub shell: Option<PathBuf>,
    /// Its disk.
    pub disk: PathBuf,
    /// What its sound card's buffer holds, ms.
    pub buffer_ms: u16,
}

impl Session {
    /// Waits until it announces itself.
    ///
    /// # Errors
    /// When it doesn't, or the machine ends.
    pub fn announced(&mut self) -> Result<Announcement> {
        let announcement = self.ear.wait(&mut self.machine, BOOT)?;
        progress(&format!("{} after {} ms", announcement.location, announcement.after.as_millis()));
        Ok(announcement)
    }

    /// Connects to its shell as soon as that answers. It talks to one at a time.
    ///
    /// # Errors
    /// When it has none ([`Options::shell`]), or that doesn't answer.
    pub fn shell(&self) -> Result<Shell> {
        let socket = self.shell.as_ref().context("the guest has no shell")?;
        Shell::connect(socket, BOOT)
    }
}

/// Switches a copy of the image on and hands the appliance to `work`, in the guest's network. Console and sound are left in
/// the directory `log` of the cache.
///
/// # Errors
/// When it doesn't boot, and `work`'s.
pub fn boot<T: Send>(
    cache: &Cache,
    built: &Built,
    options: Options,
    work: impl FnOnce(Session) -> Result<T> + Send,
) -> Result<T> {
    boot_disk(cache, built, &built.disk, options, work)
}

/// As [`boot`], with a copy of `disk` in place of the new image.
///
/// # Errors
/// As there.
pub fn boot_disk<T: Send>(
    cache: &Cache,
    built: &Built,
    disk: &Path,
    options: Options,
    work: impl FnOnce(Session) -> Result<T> + Send,
) -> Result<T> {
    let listener = proxy::listen(options.port)?;
    with_disk(cache, built, disk, options, |scratch, disk, direct| {
        work(start(scratch, (disk.path(), direct), built.board.platform, options, listener)?)
    })
}

/// Makes a copy of `disk` as an emulator needs it and hands it to `work`, in the guest's network, with a directory that has
/// room for what comes up, and what is started in a firmware's place. What [`boot`] leaves is left of this, too.
///
/// # Errors
/// When the copy can't be made, and `work`'s.
pub fn with_disk<T: Send>(
    cache: &Cache,
    built: &Built,
    disk: &Path,
    options: Options,
    work: impl FnOnce(&Path, &Copy, Option<&Direct>) -> Result<T> + Send,
) -> Result<T> {
    let (scratch, _lock) = scratch(cache)?;
    environment::need_space(scratch.path(), 400, "a copy of the disk image")?;
    let log = cache.log("boot")?;
    let disk = Copy::of(disk, scratch.path().join("disk.img"), log.clone())?;
    let repository = build::repository()?;
    let platform = built.board.platform;
    let own = one_line(&read(&built.board.file(&repository, "arguments"))?);
    let buffer = match options.buffer_ms {
        SHIPPED_BUFFER_MS => String::new(),
        other => format!("tenuto.buffer_ms={other} "),
    };
    let arguments = format!("{own} {} {buffer}{ARGUMENTS} {}", platform.arguments(), options.arguments);
    let arguments = arguments.trim_end();
    let mut initramfs = built.slot.directory.join(INITRAMFS);
    if options.shell {
        let recorder = beside(cache, built, "recorder")?;
        let hostile = build::cargo(cache, &repository, &built.base, &["-p", "hostile"])?.join("hostile");
        let both = scratch.path().join(INITRAMFS);
        initramfs::with_shell(&repository, (platform.shell(), [&recorder, &hostile]), &initramfs, &both, &log)?;
        initramfs = both;
    }
    let direct = match built.board.loader {
        Loader::Grub => {
            disk.set_arguments(arguments)?;
            if options.shell {
                disk.set_initramfs(&initramfs)?;
            }
            None
        }
        // QEMU has no such firmware: it is given what that would have read from the disk.
        Loader::Pi => {
            let slot = one_line(&read(&built.board.file(&repository, "cmdline"))?);
            let arguments = format!("{slot} {arguments}");
            Some(Direct { kernel: built.slot.directory.join(KERNEL), initramfs, arguments })
        }
    };
    let result = network::inside(scratch.path(), || work(scratch.path(), &disk, direct.as_ref()));
    if let Err(error) = keep(cache, scratch.path()) {
        progress(&format!("the logs of this boot are not kept: {error:#}"));
    }
    result
}

fn start(
    scratch: &Path,
    (disk, direct): (&Path, Option<&Direct>),
    platform: Platform,
    options: Options,
    listener: TcpListener,
) -> Result<Session> {
    let ear = Ear::open()?;
    let page = format!("http://{}/", listener.local_addr()?);
    proxy::serve(listener)?;
    progress("booting the image in QEMU");
    let Options { memory_mib, shell, sound, dac, plugged, firmware, bus, spares, .. } = options;
    let model = Model::named(dac)?;
    let [dac, other_dac] = DAC_SOCKETS.map(|name| {
        let listen = || Dac::listen(model.clone(), &scratch.join(name), plugged && name == DAC_SOCKETS[0]);
        (sound == Sound::Usb).then(listen).transpose().context("switching the USB DAC on")
    });
    let (dac, other_dac) = (dac?, other_dac?);
    let hardware = Hardware { platform, disk, direct, sound, memory_mib, shell, firmware, bus, spares, reboots: false };
    let machine = Machine::start(&hardware, scratch)?;
    let shell = shell.then(|| machine.shell());
    let buffer_ms = options.buffer_ms;
    Ok(Session { machine, ear, page, dac, other_dac, shell, disk: disk.to_path_buf(), buffer_ms })
}

/// A program of this crate for the guest. It was built with this one, unless the guest's processor is another.
///
/// # Errors
/// When it isn't there, or can't be built.
pub(crate) fn beside(cache: &Cache, built: &Built, name: &str) -> Result<PathBuf> {
    if built.base.sysroot().is_some() {
        let programs = build::cargo(cache, &build::repository()?, &built.base, &["-p", "image", "--bin", name])?;
        return Ok(programs.join(name));
    }
    let own = std::env::current_exe().context("where this program is")?;
    let path = own.with_file_name(name);
    if !path.exists() {
        bail!("{} is missing: build this tool again (image/run does)", path.display());
    }
    Ok(path)
}

/// A directory for one boot, with a lock that is held while it runs. What runs that were killed have left is removed.
fn scratch(cache: &Cache) -> Result<(tempfile::TempDir, File)> {
    let all = cache.directory("boot");
    let named = || all.display().to_string();
    fs::create_dir_all(&all).with_context(named)?;
    for entry in fs::read_dir(&all).with_context(named)? {
        let left = entry?.path();
        if File::open(left.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
            remove(&left)?;
        }
    }
    let scratch = tempfile::Builder::new().prefix("boot-").tempdir_in(&all).with_context(named)?;
    let lock = File::create(scratch.path().join("lock")).with_context(named)?;
    lock.lock().with_context(named)?;
    Ok((scratch, lock))
}

/// Keeps what a person wants to look at afterwards.
fn keep(cache: &Cache, scratch: &Path) -> Result<()> {
    for name in ["serial.log", "qemu.log", "udhcpd.log", "sound.wav", "sound-2.wav"] {
        let from = scratch.join(name);
        if from.exists() {
            let to: PathBuf = cache.directory("log").join(name);
            fs::copy(&from, &to).with_context(|| to.display().to_string())?;
        }
    }
    Ok(())
}
