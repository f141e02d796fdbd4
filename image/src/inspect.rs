//! `--inspect`: what runs in a booted image, what listens, what can be written, and how much memory that takes, against what may
//! be; whether the machine is tuned as the agent's tables of knobs and priorities say, idle, playing, undone and turned again; how
//! soon what appears has its knobs; and whether it says of itself that it is well, and has a log.
//!
//! `image/allowed` lists everything that is found, a line each; what isn't in it is a fault.
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use support::control_point::ControlPoint;

use crate::board::Loader;
use crate::build::{self, Built};
use crate::cache::Cache;
use crate::command::{progress, read};
use crate::machine::Sound;
use crate::session::{self, Options, Session};
use crate::shell::Shell;
use crate::track;
use plugged::Plugged;
use tuning::Tuning;

mod found;
mod plugged;
mod tuning;

/// How long one question to the guest may take.
const ANSWER: Duration = Duration::from_secs(120);
/// So long after its announcement the appliance is left alone before its memory is measured.
const IDLE: Duration = Duration::from_secs(15);
/// What may be in use then, MiB, the root file system in RAM included.
const MEMORY_MIB: u64 = 64;

/// Of each process: its command, and what the kernel says of its rights. Kernel threads have no program. The mark before each is
/// written in two pieces, so that the command that asks doesn't hold it.
const PROCESSES: &str = "for p in /proc/[0-9]*; do readlink $p/exe >/dev/null || continue; \
                         echo \"@\"\"@ $(tr '\\0' ' ' <$p/cmdline)\"; cat $p/status; done 2>/dev/null";
/// Who may change which file by its mode: set-id files anywhere, and what everybody may write. Symbolic links have no mode.
const SET_ID: &str = "find / -xdev -type f -perm /6000";
const FOR_ALL: &str = "find / /run /tmp /dev -xdev ! -type l -perm -2 | sort -u";

/// The appliance itself has no use for this file system.
const LOCKDOWN: &str = "mkdir /run/security; mount -t securityfs none /run/security; cat /run/security/lockdown; \
                        umount /run/security; rmdir /run/security";

/// What somebody who has taken the player over can do: a program behind its bars, as its user (tests/hostile). It needs its directory.
const HOSTILE: &str = "hostile --user 902:902 /run/player";

/// What `image/run --inspect` found.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Nothing is there that isn't allowed, and there is memory enough.
    pub safe: bool,
    /// What is not allowed.
    pub faults: Vec<String>,
    /// Everything that was found, as in `image/allowed`.
    pub found: BTreeSet<String>,
    /// Memory in use when nothing plays, bytes.
    pub memory_bytes: u64,
    /// How soon what appeared had its knobs.
    plugged: Vec<Plugged>,
}

impl Display for Inspection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tenths = (self.memory_bytes * 10) >> 20;
        writeln!(f, "{}.{} MiB of memory in use when idle, of {MEMORY_MIB}", tenths / 10, tenths % 10)?;
        writeln!(f, "{} things were found, {} faults", self.found.len(), self.faults.len())?;
        self.plugged.iter().try_for_each(|plugged| writeln!(f, "{plugged}"))?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "FAULT  {fault}"))
    }
}

/// Boots a copy with a shell, waits until nothing goes on, and looks.
///
/// # Errors
/// When the machine doesn't boot, or doesn't answer.
pub fn run(cache: &Cache, built: &Built, options: Options) -> Result<Inspection> {
    let repository = build::repository()?;
    let allowed = entries(&read(&repository.join("image/allowed"))?);
    // A Pi has no sound card that QEMU could be: its DAC is on the USB.
    let sound = if built.board.loader == Loader::Pi { Sound::Usb } else { Sound::Board(track::RATE) };
    let options = Options { shell: true, sound, spares: true, ..options };
    let Look { found, memory_bytes, mut untuned, plugged } = session::boot(cache, built, options, look)?;
    untuned.extend(plugged.iter().filter_map(Plugged::fault));
    let mut faults: Vec<String> =
        found.difference(&allowed).map(|line| format!("not in image/allowed: {line}")).collect();
    faults.extend(untuned);
    if memory_bytes > MEMORY_MIB << 20 {
        faults.push(format!("{} KiB of memory are in use when idle; {MEMORY_MIB} MiB may be", memory_bytes >> 10));
    }
    Ok(Inspection { safe: faults.is_empty(), faults, found, memory_bytes, plugged })
}

/// The lines of a list without comments.
fn entries(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// What was found in the guest.
struct Look {
    found: BTreeSet<String>,
    memory_bytes: u64,
    /// What has to be in force and isn't.
    untuned: Vec<String>,
    plugged: Vec<Plugged>,
}

fn look(mut session: Session) -> Result<Look> {
    let renderer = ControlPoint::from_location(&session.announced()?.location)?;
    let mut shell = session.shell()?;
    plugged::take_out(&mut shell)?;
    std::thread::sleep(IDLE);
    progress("looking at what runs, listens and can be written");
    let mut ask = |command: &str| answer(&mut shell, command);
    let memory_bytes = found::memory(&ask("cat /proc/meminfo")?, &ask("cat /proc/zoneinfo")?)?;
    let mut lines = found::processes(&ask(PROCESSES)?)?;
    for protocol in ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6"] {
        lines.extend(found::sockets(protocol, &ask(&format!("cat /proc/net/{protocol} 2>/dev/null || true"))?));
    }
    lines.extend(found::mounts(&ask("cat /proc/mounts")?));
    lines.extend(found::paths("set-id", &ask(SET_ID)?));
    lines.extend(found::paths("for-all", &ask(FOR_ALL)?));
    lines.extend(found::lockdown(&ask(LOCKDOWN)?));
    lines.extend(ask("test ! -e /proc/modules || echo can-load-modules")?.lines().map(str::to_owned));
    progress("trying the ways out of the player's sandbox");
    lines.extend(found::ways_out(&ask(HOSTILE)?));
    lines.extend(found::unheard(&String::from_utf8_lossy(&renderer.fetch("/log")?)));
    lines.extend(renderer.fetch("/healthz").err().map(|error| format!("ill {error}")));
    let untuned = tuned(&mut lines, &mut ask)?;
    progress("taking devices out and plugging them in");
    if let Some(dac) = session.dac.take() {
        // The host that appears is to be a DAC's, as far as anybody knows.
        dac.unplug()?;
        std::thread::sleep(IDLE);
    }
    let plugged = plugged::look(&mut session.machine, &mut shell)?;
    let found = lines.into_iter().filter(|line| !line.is_empty()).collect();
    Ok(Look { found, memory_bytes, untuned, plugged })
}

/// Asks for the knobs and the threads' priorities as they are now, with a sound card open, undone, and turned again. What isn't
/// as the tables say goes to the lines; returns what has to be in force and isn't.
fn tuned(lines: &mut BTreeSet<String>, ask: &mut impl FnMut(&str) -> Result<String>) -> Result<Vec<String>> {
    progress("looking at knobs and priorities");
    let mut faults = Vec::new();
    for (command, playing) in [(tuning::LOOK, false), (tuning::PLAY, true)] {
        let found = Tuning::parse(&ask(command)?)?;
        lines.extend(found.misplaced());
        faults.extend(found.missing(playing));
    }
    progress("undoing the knobs, and turning them again");
    faults.extend(Tuning::parse(&ask(tuning::UNDO)?)?.not_undone());
    // The card was open a moment ago.
    std::thread::sleep(IDLE);
    let again = Tuning::parse(&ask(tuning::APPLY)?)?;
    lines.extend(again.refused());
    lines.extend(again.misplaced());
    faults.extend(
        again.missing(false).into_iter().map(|fault| format!("after knobs were undone and turned again: {fault}")),
    );
    Ok(faults)
}

fn answer(shell: &mut Shell, command: &str) -> Result<String> {
    Ok(shell.run(command, ANSWER)?.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_entries() {
        let found = entries("# all\n\nlisten tcp 80 # the page\n  mount / squashfs ro\n");
        assert_eq!(found, ["listen tcp 80", "mount / squashfs ro"].map(str::to_owned).into());
    }
}
