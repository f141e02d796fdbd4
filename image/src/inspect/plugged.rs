//! How soon what appears has its knobs: a network card and a USB host that the kernel finds on the PCI bus, and a network card and
//! a DAC that are plugged into that host. The guest's kernel has no driver for slots of PCI Express, as no board has such a slot
//! that can be reached: what is there is taken out, and searched for.
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::machine::{Gadget, Machine, SPARE_CARD, SPARE_HOST};
use crate::shell::Shell;
use crate::stop;
use crate::usb::waits::Waits;

/// What appears has its knobs within this.
const LIMIT: Duration = Duration::from_secs(1);
/// What says how long it took rests for half of this between looks, and needs some time for each.
const LOOK: Duration = Duration::from_millis(100);
/// How long anything may take that takes a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// A device that the host has made late is taken out and plugged in again.
const ATTEMPTS: u32 = 3;

/// What the guest writes while it waits (`image/initramfs/plugged`).
const SAID: &str = "/mnt/plugged.said";

/// A device that appeared, and its knobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Plugged {
    what: &'static str,
    /// From when its files were there until its knobs were turned, by the guest's clock, ms.
    ms: u64,
    /// So much of that the host didn't let the machine run, ms at most.
    waited_ms: u64,
    /// The knobs were turned.
    turned: bool,
}

impl Plugged {
    /// Within a second of the time that the machine was let run.
    fn is_in_time(&self) -> bool {
        let own = Duration::from_millis(self.ms.saturating_sub(self.waited_ms));
        self.turned && own <= LIMIT + LOOK
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self { what, ms, waited_ms, turned } = self;
        match (turned, self.is_in_time()) {
            (false, _) => Some(format!("{what} has appeared, and not all of its knobs are turned {ms} ms later")),
            (_, false) => Some(format!(
                "{what} has its knobs {ms} ms after it has appeared, of which the host kept the machine waiting for {waited_ms}"
            )),
            _ => None,
        }
    }
}

impl Display for Plugged {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { what, ms, waited_ms, .. } = self;
        write!(f, "{what}: its knobs after {ms} ms (the host kept the machine waiting for {waited_ms})")
    }
}

/// How something appears, and goes.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It is at this place of the PCI bus.
    Pci(&'static str),
    /// It is plugged into the spare USB host.
    Usb(Gadget),
}

/// In this order: a host first, that something can be plugged into it.
const ALL: [(&str, &str, Way); 4] = [
    ("a network card on the PCI bus", "card", Way::Pci(SPARE_CARD)),
    ("a USB host", "host", Way::Pci(SPARE_HOST)),
    ("a network card on the USB", "card", Way::Usb(Gadget::Card)),
    ("a DAC on the USB", "dac", Way::Usb(Gadget::Dac)),
];

/// Takes out what is to appear later.
///
/// # Errors
/// When the shell doesn't answer.
pub(super) fn take_out(shell: &mut Shell) -> Result<()> {
    [SPARE_CARD, SPARE_HOST].iter().try_for_each(|place| remove(shell, place))
}

/// Takes it out if it is there: a search of the bus finds all that is.
fn remove(shell: &mut Shell, place: &str) -> Result<()> {
    let device = format!("/sys/bus/pci/devices/{place}");
    ask(shell, &format!("test ! -e {device} || echo 1 >{device}/remove")).map(drop)
}

/// Lets each of them appear.
///
/// # Errors
/// When one doesn't, or the machine ends.
pub(super) fn look(machine: &mut Machine, shell: &mut Shell) -> Result<Vec<Plugged>> {
    let plan = ask(shell, "agent plan --json")?;
    let plan: Value = serde_json::from_str(&plan).with_context(|| format!("agent plan --json says {plan}"))?;
    let core = |of: &str| plan["now"][of].as_u64().with_context(|| format!("the plan has no core for {of}"));
    let (network, sound) = (core("network")?, core("sound")?);
    ALL.iter()
        .map(|(what, kind, way)| {
            let wanted = match *kind {
                "card" => format!("card {network} {:x}", 1_u64 << network),
                kind => format!("{kind} {sound}"),
            };
            disappear(machine, shell, *way)?;
            let mut found = appear(machine, shell, (what, &wanted), *way)?;
            for _ in 1..ATTEMPTS {
                if found.fault().is_none() || found.waited_ms == 0 {
                    break;
                }
                disappear(machine, shell, *way)?;
                found = appear(machine, shell, (what, &wanted), *way)?;
            }
            Ok(found)
        })
        .collect()
}

fn appear(machine: &mut Machine, shell: &mut Shell, (what, wanted): (&'static str, &str), way: Way) -> Result<Plugged> {
    ask(shell, &format!("rm -f {SAID}; plugged {wanted} >{SAID} 2>&1 & echo $! >{SAID}.pid"))?;
    wait(machine, shell, "ready")?;
    let before = Waits::now(machine.process());
    match way {
        Way::Pci(_) => drop(ask(shell, "echo 1 >/sys/bus/pci/rescan")?),
        Way::Usb(gadget) => machine.plug_into_spare(gadget)?,
    }
    let seen = wait(machine, shell, "seen")?.with_context(|| format!("{what} does not appear"))?;
    let turned = wait(machine, shell, "turned")?;
    let waited = Waits::now(machine.process()).since(&before);
    if turned.is_none() {
        ask(shell, &format!("kill $(cat {SAID}.pid)"))?;
    }
    let ms = turned.map_or(PATIENCE, |turned| turned.saturating_sub(seen)).as_millis();
    Ok(Plugged {
        what,
        ms: u64::try_from(ms)?,
        waited_ms: u64::try_from(waited.as_millis())?,
        turned: turned.is_some(),
    })
}

fn disappear(machine: &mut Machine, shell: &mut Shell, way: Way) -> Result<()> {
    match way {
        Way::Pci(place) => remove(shell, place)?,
        Way::Usb(gadget) if machine.is_plugged(gadget)? => machine.pull_from_spare(gadget)?,
        Way::Usb(_) => {}
    }
    // The kernel and the agent are done with it.
    std::thread::sleep(Duration::from_secs(3));
    Ok(())
}

/// Waits until the guest has said this; returns the time that it gives. `None`: it doesn't say it.
fn wait(machine: &mut Machine, shell: &mut Shell, word: &str) -> Result<Option<Duration>> {
    let start = Instant::now();
    loop {
        let text = ask(shell, &format!("cat {SAID}"))?;
        if let Some(said) = said(&text, word) {
            return Ok(Some(said));
        }
        stop::check()?;
        machine.check()?;
        if start.elapsed() > PATIENCE {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The time behind a word; of one without it, zero.
fn said(text: &str, word: &str) -> Option<Duration> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(word))?;
    Some(line.trim().parse().map(Duration::from_secs_f64).unwrap_or_default())
}

/// Runs a command, which has to succeed.
fn ask(shell: &mut Shell, command: &str) -> Result<String> {
    let answer = shell.run(command, super::ANSWER)?;
    if answer.status != 0 {
        bail!("in the guest, {command}: {}", answer.text.trim());
    }
    Ok(answer.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_times_are_read() {
        let text = "ready\nseen 43.12\nturned 43.62\n";
        assert_eq!(said(text, "ready"), Some(Duration::ZERO));
        assert_eq!(said(text, "turned"), Some(Duration::from_millis(43_620)));
        assert_eq!(said("ready\n", "seen"), None);
    }

    #[test]
    fn a_second_is_kept_or_the_host_is_known_to_have_kept_the_machine() {
        let plugged = |ms, waited_ms, turned| Plugged { what: "a card", ms, waited_ms, turned }.fault();
        assert_eq!(plugged(1000, 0, true), None);
        assert_eq!(plugged(1800, 800, true), None);
        assert!(plugged(1800, 300, true).unwrap().contains("1800 ms after"));
        assert!(plugged(60_000, 59_500, false).unwrap().contains("not all"));
    }
}
