//! The agent's part in tuning while it runs: turns the knobs at start, when a device appears or leaves, and when music begins and
//! has ended.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    knobs::{self, Held, Machine, Setting, Task},
    plan::Plan,
    priorities::{self, Thread},
    root::Root,
    time::is_idle,
};

/// So long after the last sound the knobs of playing stay: tracks follow each other.
const PAUSE: Duration = Duration::from_secs(5);
/// While it plays it is looked at now and then: a card that closes says so a moment before it has.
const AGAIN: Duration = Duration::from_secs(10);
/// While this file is there no knob is turned.
const UNDONE: &str = "run/tenuto/knobs.undone";
/// There since the knobs were turned for the first time.
const TURNED: &str = "run/tenuto/knobs.turned";
/// How long the engine waits for that at boot: an agent that doesn't come up keeps nobody from playing.
const PATIENCE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(5);

/// What is turned, and what came of it.
pub(crate) struct Tuner<'a> {
    machine: Machine<'a>,
    held: Held,
    settings: Vec<Setting>,
    threads: Vec<Thread>,
    /// When the last sound was heard, if that is over; the knobs of playing are still turned.
    silent: Option<Instant>,
    next: Option<Instant>,
    undone: bool,
}

impl<'a> Tuner<'a> {
    /// Looks at the machine; nothing is turned yet.
    pub(crate) fn new(root: &'a Root) -> Self {
        // An agent that is started again leaves the engine where it runs.
        let machine = Machine::look(root, Plan::published_core(root));
        let (held, settings, threads) = (Held::default(), Vec::new(), Vec::new());
        Self { machine, held, settings, threads, silent: None, next: None, undone: is_undone(root) }
    }

    /// Turns what is turned at start, and lets the engine start.
    ///
    /// # Errors
    /// `run/tenuto` is missing or full: the engine comes later.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        // Devices have come since.
        self.machine = Machine::look(self.machine.root, self.machine.placement.audio);
        self.turn();
        self.machine.root.publish(TURNED, "")
    }

    /// What the programs are to be started with.
    pub(crate) fn plan(&self) -> Plan {
        Plan::of(&self.machine.placement, &self.machine.root.text("proc/cmdline").unwrap_or_default())
    }

    /// As the machine was found last.
    pub(crate) fn machine(&self) -> &Machine<'a> {
        &self.machine
    }

    pub(crate) fn settings(&self) -> &[Setting] {
        &self.settings
    }

    pub(crate) fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// Turns what has to be turned since the last look; says whether anything was. `devices`: some may have come or gone.
    pub(crate) fn look(&mut self, devices: bool, now: Instant) -> bool {
        let root = self.machine.root;
        let played = self.machine.playing;
        self.listen(!is_idle(root), now);
        let undone = std::mem::replace(&mut self.undone, is_undone(root));
        let mut changed = self.machine.playing != played || self.undone != undone;
        if devices {
            let mut found = Machine::look(root, self.machine.placement.audio);
            found.playing = self.machine.playing;
            let threads = priorities::threads(root, &found.topology);
            changed |= found.topology != self.machine.topology || threads != self.threads;
            self.machine = found;
        }
        if changed {
            self.turn();
        }
        changed
    }

    /// When to look at the latest.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether something is heard, or was a moment ago.
    fn listen(&mut self, sounds: bool, now: Instant) {
        self.silent = match self.silent {
            _ if sounds => None,
            silent => silent.or(self.machine.playing.then_some(now)),
        };
        let is_over = self.silent.is_some_and(|silent| now.saturating_duration_since(silent) >= PAUSE);
        self.machine.playing = (self.machine.playing || sounds) && !is_over;
        if is_over {
            self.silent = None;
        }
        self.next = match self.silent {
            Some(silent) => Some(silent + PAUSE),
            None => self.machine.playing.then(|| now + AGAIN),
        };
    }

    fn turn(&mut self) {
        let task = if self.undone { Task::Look } else { Task::Apply };
        if self.undone {
            self.held = Held::default();
        }
        let settings = knobs::turn(&self.machine, &mut self.held, task);
        let told = |setting: &&Setting| {
            self.settings.iter().any(|before| before.name == setting.name && before.reason == setting.reason)
        };
        for setting in settings.iter().filter(|setting| setting.outcome == "refused").filter(|setting| !told(setting)) {
            tracing::info!("{} not as wanted: {}", setting.name, setting.reason.as_deref().unwrap_or_default());
        }
        tracing::info!("knobs{}: {}", if self.machine.playing { ", playing" } else { "" }, knobs::counted(&settings));
        self.settings = settings;
        self.threads = priorities::threads(self.machine.root, &self.machine.topology);
    }
}

/// Waits until the knobs were turned: the engine's thread is to find its core and its place among the others as they stay.
pub(crate) fn await_start(root: &Root) {
    let deadline = Instant::now() + PATIENCE;
    while root.is_machine() && !root.path(TURNED).exists() && Instant::now() < deadline {
        std::thread::sleep(TICK);
    }
}

/// The nodes whose opening and closing tells that music begins and ends: `pcmC0D0p`.
pub(crate) fn outputs(root: &Root) -> impl Iterator<Item = PathBuf> {
    let names = root.names("dev/snd").into_iter();
    names.filter(|name| name.starts_with("pcm") && name.ends_with('p')).map(|name| root.path("dev/snd").join(name))
}

fn is_undone(root: &Root) -> bool {
    root.path(UNDONE).exists()
}

/// From now on no knob is turned, or all are again.
///
/// # Errors
/// `run/tenuto` is missing or full.
pub(crate) fn set_undone(root: &Root, undone: bool) -> io::Result<()> {
    match undone {
        true => root.publish(UNDONE, ""),
        false => match std::fs::remove_file(root.path(UNDONE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::topology::recorded::machine;

    fn status(root: &Root, text: &str) {
        let directory = root.path("proc/asound/card0/pcm0p/sub0");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("status"), text).unwrap();
    }

    fn started(root: &Root) -> Tuner<'_> {
        let mut tuner = Tuner::new(root);
        tuner.start().unwrap();
        tuner
    }

    fn latency(root: &Root) -> i32 {
        i32::from_ne_bytes(fs::read(root.path("dev/cpu_dma_latency")).unwrap().try_into().unwrap())
    }

    #[test]
    fn playing_is_from_the_first_sound_to_a_while_after_the_last() {
        let (_keep, root) = machine("pi4");
        fs::create_dir_all(root.path("run/tenuto")).unwrap();
        fs::create_dir_all(root.path("dev")).unwrap();
        fs::write(root.path("dev/cpu_dma_latency"), 2_000_000_000_i32.to_ne_bytes()).unwrap();
        let start = Instant::now();
        let mut tuner = started(&root);
        assert!(!tuner.look(true, start) && tuner.next().is_none());
        assert_eq!(latency(&root), 2_000_000_000);
        status(&root, "state: RUNNING");
        assert!(tuner.look(false, start) && tuner.next() == Some(start + AGAIN));
        assert_eq!(latency(&root), 10);
        status(&root, "closed");
        let end = start + AGAIN;
        assert!(!tuner.look(false, end) && tuner.next() == Some(end + PAUSE));
        // The next track.
        status(&root, "state: RUNNING");
        assert!(!tuner.look(false, end + PAUSE / 2));
        status(&root, "closed");
        let end = end + PAUSE;
        assert!(!tuner.look(false, end) && !tuner.look(false, end + PAUSE / 2));
        assert!(tuner.look(false, end + PAUSE) && tuner.next().is_none());
        assert!(
            tuner.settings().iter().all(|setting| setting.outcome != "applied" || setting.when != knobs::When::Play)
        );
    }

    #[test]
    fn what_is_undone_stays_so_until_it_is_asked_for_again() {
        let (_keep, root) = machine("pi4");
        for directory in ["run/tenuto", "proc/sys/kernel"] {
            fs::create_dir_all(root.path(directory)).unwrap();
        }
        fs::write(root.path("proc/sys/kernel/timer_migration"), "1\n").unwrap();
        let value = || root.text("proc/sys/kernel/timer_migration").unwrap();
        let mut tuner = started(&root);
        assert_eq!(value(), "0");
        set_undone(&root, true).unwrap();
        knobs::undo(&root, &mut Held::default());
        assert!(tuner.look(false, Instant::now()));
        assert_eq!(value(), "1");
        set_undone(&root, false).unwrap();
        set_undone(&root, false).unwrap();
        assert!(tuner.look(false, Instant::now()));
        assert_eq!(value(), "0");
    }

    #[test]
    fn a_card_that_appears_gets_its_knobs_at_the_next_look() {
        let (_keep, root) = machine("smt-off-holes");
        fs::create_dir_all(root.path("run/tenuto")).unwrap();
        let mut tuner = started(&root);
        let list = root.path("proc/irq/50");
        fs::create_dir_all(&list).unwrap();
        fs::write(list.join("smp_affinity_list"), "0,2,4,6\n").unwrap();
        let irq = root.path("sys/kernel/irq/50");
        fs::create_dir_all(&irq).unwrap();
        fs::write(irq.join("actions"), "eth1\n").unwrap();
        assert!(!tuner.look(false, Instant::now()));
        assert!(tuner.look(true, Instant::now()));
        assert_eq!(root.text("proc/irq/50/smp_affinity_list").as_deref(), Some("0,2,4"));
        assert!(!tuner.look(true, Instant::now()), "and nothing the second time");
    }

    #[test]
    fn only_outputs_tell() {
        let (_keep, root) = machine("vm-1-core");
        fs::create_dir_all(root.path("dev/snd")).unwrap();
        for name in ["controlC0", "pcmC0D0c", "pcmC0D0p", "timer"] {
            fs::write(root.path("dev/snd").join(name), "").unwrap();
        }
        assert_eq!(outputs(&root).collect::<Vec<_>>(), [root.path("dev/snd/pcmC0D0p")]);
    }
}
