//! `--settings`: a blank data partition and a `tenuto.toml`, in a booted image. It is taken over, survives a restart, and a wrong
//! one changes nothing; and the power is cut while settings are saved, again and again: the old or the new ones are there.
//!
//! A power cut is QEMU stopped between two instructions, and a copy of what the disk holds then; nothing that the guest hasn't
//! written yet is in it. What a copy holds is read by the agent itself. The last cut is QEMU's end, and a boot from what is left.
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::build::{self, Built};
use crate::cache::Cache;
use crate::command::{output, progress};
use crate::disk::Copy;
use crate::machine::Sound;
use crate::session::{self, Options, Session};
use crate::shell::Shell;
use crate::stop;

/// How often the power is cut.
const CUTS: u32 = 20;
/// How long anything may take that takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Not the one that the DHCP server would give.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 20);
const SECRET: &str = "correct horse battery";
/// What changes with each save; room enough for every number that is counted up to.
const ROOM: &str = "Shelf ";

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Settings {
    /// Everything was as it has to be.
    pub kept: bool,
    /// How often the power was cut.
    pub cuts: u32,
    /// How many saves had reached the disk at each cut.
    pub saves: Vec<u64>,
    /// What was wrong.
    pub faults: Vec<String>,
}

/// Boots copies with a shell, one from what the last one has left.
///
/// # Errors
/// When a machine doesn't boot or doesn't answer.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Settings> {
    let options = Options { shell: true, sound: Sound::Plug, ..options };
    let directory = tempfile::tempdir().context("making a temporary directory")?;
    let disk = Copy::of(&built.disk, directory.path().join("kept.img"), cache.log("settings")?)?;
    let offered = directory.path().join("tenuto.toml");
    let mut found = Settings::default();

    let right = format!(
        "# The kitchen's\nname = \"Kitchen\"\nroom = \"{ROOM}0\"\n[network]\naddress = \"{ADDRESS}/24\"\n\
         [wifi]\nssid = \"Home\"\npassword = \"{SECRET}\"\n"
    );
    fs::write(&offered, &right)?;
    disk.offer(&offered)?;
    progress("first boot, with a blank data partition and a tenuto.toml");
    boot(cache, built, options, &disk, |session, shell| {
        let system = settled(session, shell)?;
        found.expect("the first boot", &system, "made");
        answers(session, shell, &mut found)
    })?;
    found.check(!holds(disk.path(), SELECTOR, SECRET)?, "the password is still on the FAT partition");
    found.check(holds(disk.path(), DATA, SECRET)?, "the password is not on the data partition");

    progress("a restart, with a wrong tenuto.toml");
    fs::write(&offered, "name = \"Hall\"\nvolume = \"loud\"\n")?;
    disk.offer(&offered)?;
    boot(cache, built, options, &disk, |session, shell| {
        let system = settled(session, shell)?;
        found.expect("a restart", &system, "kept");
        let notes = system["settings"]["notes"].to_string();
        found.check(notes.contains("tenuto.toml, line 2: "), &format!("the wrong file is not named: {notes}"));
        progress(&format!("cutting the power {CUTS} times while settings are saved"));
        let again = "n=0; while :; do n=$((n+1)); /usr/bin/agent set room \"Shelf $n\" || exit; done";
        shell.run(&format!("({again}) </dev/null >/mnt/saves 2>&1 &"), PATIENCE)?;
        for cut in 0..CUTS {
            stop::check()?;
            // Spread over the save's time, whatever that is here: no two are a multiple of each other.
            sleep(Duration::from_millis(150 + u64::from(cut * 37 % 101)));
            session.machine.pause(true)?;
            let left = directory.path().join("cut.img");
            let copied = copy_data(&session.disk, &left);
            session.machine.pause(false)?;
            copied?;
            found.cut(&left, directory.path())?;
        }
        Ok(())
    })?;
    progress("the last cut: booting from what is left");
    boot(cache, built, options, &disk, |session, shell| {
        let system = settled(session, shell)?;
        found.expect("after the power cuts", &system, "kept");
        let last = found.saves.last().copied().unwrap_or(0);
        let room = number(&system["settings"]["values"]["room"]);
        found.check(
            room.is_some_and(|room| room >= last),
            &format!("after the last cut there is {room:?}, before it {last}"),
        );
        Ok(())
    })?;
    let most = found.saves.last().copied().unwrap_or(0);
    found.check(most > 0, "nothing was saved while the power was cut");
    found.kept = found.faults.is_empty();
    Ok(found)
}

/// Boots from `disk`, and leaves there what the machine has left when its power was cut at the end of `work`.
fn boot(
    cache: &Cache,
    built: &Built,
    options: Options,
    disk: &Copy,
    work: impl FnOnce(&mut Session, &mut Shell) -> Result<()> + Send,
) -> Result<()> {
    session::boot_disk(cache, built, disk.path(), options, |mut session| {
        let mut shell = session.shell()?;
        work(&mut session, &mut shell)?;
        let left = session.disk.clone();
        drop(session);
        let mut cp = Command::new("cp");
        cp.args(["--sparse=always", "--reflink=auto"]).arg(left).arg(disk.path());
        output(&mut cp, "keeping the disk").map(drop)
    })
}

/// The agent's report, once it has read the settings and the network has the address.
fn settled(session: &mut Session, shell: &mut Shell) -> Result<Value> {
    let start = Instant::now();
    loop {
        stop::check()?;
        session.machine.check()?;
        let answer = shell.run("cat /run/tenuto/system.json", PATIENCE)?;
        let system: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        // On a busy machine the agent may begin with the defaults, and take the settings over when they have been read.
        let known = !system["settings"].is_null() && system["settings"]["keeping"] != "no_medium";
        if known && system["interfaces"].to_string().contains(&ADDRESS.to_string()) {
            return Ok(system);
        }
        if start.elapsed() > PATIENCE {
            bail!("the agent has no settings or no address: {system}; {}", session.machine.last_words());
        }
        sleep(Duration::from_millis(100));
    }
}

/// What the network and the programs see of the settings.
fn answers(session: &mut Session, shell: &mut Shell, found: &mut Settings) -> Result<()> {
    let start = Instant::now();
    let mut seen = String::new();
    while !seen.contains("<friendlyName>Kitchen</friendlyName>") {
        stop::check()?;
        session.machine.check()?;
        seen = description().unwrap_or(seen);
        if start.elapsed() > PATIENCE {
            bail!("at {ADDRESS} nobody of the file's name answers, but {seen:?}; {}", session.machine.last_words());
        }
        sleep(Duration::from_millis(100));
    }
    let host = shell.run("cat /proc/sys/kernel/hostname", PATIENCE)?.text;
    found.check(host.trim() == "kitchen", &format!("the host's name is {host}"));
    let clients = shell.run("pidof udhcpc", PATIENCE)?;
    found.check(clients.status != 0, "a DHCP client runs, though the address is static");
    let mounts = shell.run("cat /proc/mounts", PATIENCE)?.text;
    found.check(!mounts.contains("/run/tenuto/"), &format!("a partition is still mounted: {mounts}"));
    Ok(())
}

fn description() -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&(ADDRESS, 80).into(), Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /description.xml HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

impl Settings {
    fn check(&mut self, well: bool, fault: &str) {
        if !well {
            self.faults.push(fault.to_owned());
        }
    }

    /// What the agent's report has to say each time.
    fn expect(&mut self, when: &str, system: &Value, keeping: &str) {
        let settings = &system["settings"];
        self.check(
            settings["keeping"] == keeping,
            &format!("{when}: {}, not {keeping}: {settings}", settings["keeping"]),
        );
        self.check(system["name"] == "Kitchen", &format!("{when}: the name is {}", system["name"]));
        let interfaces = system["interfaces"].to_string();
        self.check(interfaces.contains(&format!("\"{ADDRESS}\"")), &format!("{when}: the interfaces are {interfaces}"));
        self.check(!system.to_string().contains(SECRET), &format!("{when}: the report tells the password"));
    }

    /// Judges the data partition `left` by a power cut.
    fn cut(&mut self, left: &Path, scratch: &Path) -> Result<()> {
        let root = tempfile::tempdir_in(scratch)?;
        for name in ["run/tenuto", "data"] {
            fs::create_dir_all(root.path().join(name))?;
        }
        for name in ["settings.0", "settings.1"] {
            let mut debugfs = Command::new("debugfs");
            let target = root.path().join("data").join(name);
            debugfs.arg("-R").arg(format!("dump /{name} {}", target.display())).arg(left);
            output(&mut debugfs, "reading the data partition (debugfs, package e2fsprogs)")?;
        }
        let mut agent = Command::new(build::program("agent")?);
        agent.args(["--once", "--root"]).arg(root.path());
        let system: Value = serde_json::from_str(&output(&mut agent, "having the agent read what is left")?)?;
        let settings = &system["settings"];
        self.cuts += 1;
        let cut = format!("cut {}", self.cuts);
        self.check(settings["keeping"] == "kept" && system["name"] == "Kitchen", &format!("{cut}: {settings}"));
        let room = number(&settings["values"]["room"]);
        let before = self.saves.last().copied().unwrap_or(0);
        self.check(room.is_some_and(|room| room >= before), &format!("{cut}: {settings}, and {before} before"));
        self.saves.push(room.unwrap_or(before));
        Ok(())
    }
}

/// Which save a room's name is from.
fn number(room: &Value) -> Option<u64> {
    room.as_str()?.strip_prefix(ROOM)?.parse().ok()
}

/// Where the partitions lie in the image (`board/x86_64/genimage.cfg`), MiB: from, and how many.
const SELECTOR: (u64, u64) = (8, 40);
const DATA: (u64, u64) = (176, 32);

/// A partition's bytes.
fn partition(disk: &Path, (from, length): (u64, u64)) -> Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = vec![0; usize::try_from(length << 20)?];
    let file = fs::File::open(disk).with_context(|| disk.display().to_string())?;
    file.read_exact_at(&mut bytes, from << 20).with_context(|| disk.display().to_string())?;
    Ok(bytes)
}

fn holds(disk: &Path, part: (u64, u64), text: &str) -> Result<bool> {
    Ok(partition(disk, part)?.windows(text.len()).any(|window| window == text.as_bytes()))
}

fn copy_data(disk: &Path, to: &PathBuf) -> Result<()> {
    fs::write(to, partition(disk, DATA)?).with_context(|| to.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_numbered() {
        assert_eq!(number(&Value::from("Shelf 12")), Some(12));
        assert_eq!((number(&Value::from("Shelf")), number(&Value::Null)), (None, None));
    }

    #[test]
    fn partitions_follow_each_other_as_in_the_map() {
        let map = include_str!("../../board/x86_64/genimage.cfg");
        let sizes = map.lines().filter_map(|line| line.trim().strip_prefix("size = ")?.strip_suffix('M')?.parse().ok());
        let sizes: Vec<u64> = sizes.collect();
        // Selector, a slot's file system, slot B, data, and what a BIOS needs in front of them; all begin at multiples of 4 MiB.
        let [selector, slot, other, data, bios] = sizes[..] else { panic!("{sizes:?}") };
        let begin = 4 + bios;
        assert_eq!((SELECTOR, DATA), ((begin, selector), (begin + selector + slot + other, data)));
    }
}
