//! `agent run NAME`: what init starts. Sets user, groups and limits, waits if the program keeps dying, and becomes the
//! program, so that init is its parent.

use std::{
    ffi::{CString, OsStr},
    os::unix::process::CommandExt as _,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::{
        prctl,
        resource::{RLIM_INFINITY, Resource, rlim_t, setrlimit},
        signal::{Signal, kill},
        stat::{Mode, umask},
    },
    time::{ClockId, clock_gettime},
    unistd::{Pid, User, initgroups, setgid, setuid},
};

use crate::{
    dac,
    identity::Identity,
    log,
    plan::{Plan, is_on},
    rights::{self, Right},
    root::Root,
    settings, sound, sys,
    topology::{Cpus, cpus},
    tuner,
};

/// A program that started less than this ago, and is started again, has died early.
const EARLY: Duration = Duration::from_secs(10);
/// The first wait, doubled with each further early death; the first two restarts don't wait.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What the player may have in memory of its own, in bytes (RLIMIT_DATA: heap, stacks and other private memory that may be
/// written; not the ring and the status page, which are shared, and not what glibc only reserves for its arenas).
///
/// It meets the network, so it must not be able to take the machine down with it: beyond this it gets no memory, dies, and is
/// started again. The smallest machine has 256 MiB, of which the kernel, the root file system in RAM, the locked engine and the
/// agent need about 110. The player has 12 while it plays; at worst 16 sources that were given up hold two or three stacks of
/// 2 MiB each and what they had read, which is 90.
const PLAYER_MEMORY: rlim_t = 128 << 20;

/// Whom the kernel ends first if memory runs out all the same: the engine's locked memory makes it the larger one.
const FIRST_TO_GO: &str = "500";

/// A program that init keeps running.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    program: &'static str,
    /// Whom it runs as from its first instruction; None: root, which the engine leaves by itself once it has its
    /// scheduling class, its core and its memory locked.
    user: Option<&'static str>,
    limits: &'static [(Resource, rlim_t)],
    rights: &'static [Right],
    arguments: fn(&Root) -> Result<Vec<String>>,
    /// What must be so before it starts, done while still root.
    prepare: fn(&Root),
}

/// The programs of the appliance.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        name: "agent",
        program: "/usr/bin/agent",
        user: None,
        limits: &[],
        rights: rights::AGENT,
        arguments: |_| Ok(Vec::new()),
        prepare: |_| {},
    },
    Service {
        name: log::NAME,
        program: "/usr/bin/agent",
        user: Some(log::door::USER),
        limits: &[(Resource::RLIMIT_NOFILE, 32)],
        rights: rights::NONE,
        arguments: |_| Ok(vec![log::NAME.to_owned()]),
        prepare: |_| {},
    },
    Service {
        name: "engine",
        program: "/usr/bin/engine",
        user: None,
        // It keeps what it locked when it drops root, and starts a real-time thread afterwards.
        limits: &[(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY), (Resource::RLIMIT_RTPRIO, 99)],
        rights: rights::ENGINE,
        arguments: |root| {
            tuner::await_start(root);
            let user = ["--user", "tenuto-engine", "--group", "tenuto"].map(str::to_owned);
            let rules = dac::publish(root, |file| dac::checked("/usr/bin/engine", file));
            let rules = rules.into_iter().flat_map(|file| ["--dac-rules".to_owned(), file.display().to_string()]);
            let owners = settings::engine_arguments(&settings::current(root));
            Ok(user.into_iter().chain(Plan::current(root).arguments()).chain(rules).chain(owners).collect())
        },
        // The agent follows cards that come later; the one that is there at boot needn't wait for it.
        prepare: |root| {
            sound::give_nodes(root, sound::AUDIO);
            keep_near(root, Plan::current(root).node);
        },
    },
    Service {
        name: "player",
        program: "/usr/bin/player",
        user: Some("tenuto-player"),
        limits: &[(Resource::RLIMIT_NOFILE, 1024), (Resource::RLIMIT_DATA, PLAYER_MEMORY)],
        rights: rights::NONE,
        arguments: |root| {
            let identity = Identity::current(root).context("the appliance's identity in /run/tenuto")?;
            let owners = settings::current(root);
            let names = settings::Names::of(&owners, identity);
            let name = ["--uuid", &identity.uuid(), "--name", &names.friendly, "--state-dir", "/run/player"];
            let dop = is_on(&root.text("proc/cmdline").unwrap_or_default(), "tenuto.dop");
            let dop = dop.then_some(["--dop", "on"]).into_iter().flatten();
            let owners = settings::player_arguments(&owners);
            Ok(name.into_iter().chain(dop).map(str::to_owned).chain(owners).collect())
        },
        prepare: |root| {
            if let Err(error) = root.set("proc/self/oom_score_adj", FIRST_TO_GO) {
                tracing::warn!("player: oom_score_adj could not be set: {error}");
            }
            let plan = Plan::current(root);
            keep_on(root, &plan.decoder);
            keep_near(root, plan.node);
        },
    },
];

/// The entry with this name.
///
/// # Errors
/// There is none; the message names those there are.
pub(crate) fn find(name: &str) -> Result<&'static Service> {
    SERVICES.iter().find(|service| service.name == name).ok_or_else(|| {
        let names: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
        anyhow!("no such service: {name} (there are {})", names.join(", "))
    })
}

/// Becomes the service.
///
/// # Errors
/// Whatever kept it from starting; it doesn't return otherwise.
pub(crate) fn run(root: &Root, service: &Service) -> Result<std::convert::Infallible> {
    let wait = back_off(root, service.name);
    if !wait.is_zero() {
        tracing::warn!("{} keeps ending; it is started again in {} ms", service.name, wait.as_millis());
        std::thread::sleep(wait);
    }
    let arguments = (service.arguments)(root)?;
    (service.prepare)(root);
    let mut command = Command::new(service.program);
    command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
    log::door::open(root, service.name, &mut command);
    umask(Mode::from_bits_truncate(0o027));
    for &(resource, value) in [(Resource::RLIMIT_CORE, 0)].iter().chain(service.limits) {
        // A program with too low a limit still plays; it says itself what it could not have.
        if let Err(error) = setrlimit(resource, value, value) {
            tracing::warn!("{}: {resource:?} could not be set: {error}", service.name);
        }
    }
    rights::keep_only(service.rights, service.name);
    if let Some(user) = service.user {
        become_user(user)?;
    }
    // No way back through a setuid file; to drop what it has, a program needs none.
    prctl::set_no_new_privs().context("no_new_privs")?;
    Err(command.exec()).with_context(|| service.program.to_owned())
}

/// Ends a service's processes, which init then starts again, with what is known by now.
pub(crate) fn restart(root: &Root, name: &str) {
    signal(root, name, Signal::SIGTERM);
}

/// Sends a signal to a service's processes, but not to this one.
pub(crate) fn signal(root: &Root, name: &str, signal: Signal) {
    let Some(service) = SERVICES.iter().find(|service| root.is_machine() && service.name == name) else { return };
    for id in root.names("proc").into_iter().filter_map(|name| name.parse().ok()) {
        // By the name that the kernel gives it, as it needs a right to look at another user's exe.
        let comm = root.text(format!("proc/{id}/comm"));
        if comm.as_deref().map(OsStr::new) == Path::new(service.program).file_name()
            && Pid::from_raw(id) != Pid::this()
            && let Err(error) = kill(Pid::from_raw(id), signal)
        {
            tracing::warn!("{name}, process {id}, could not be sent {signal}: {error}");
        }
    }
}

/// Gives root up for good; groups first, while that is still allowed.
fn become_user(name: &str) -> Result<()> {
    let user = User::from_name(name)?.ok_or_else(|| anyhow!("no user {name} in /etc/passwd"))?;
    initgroups(&CString::new(name)?, user.gid).with_context(|| format!("{name}'s groups"))?;
    setgid(user.gid).with_context(|| format!("{name}'s group"))?;
    setuid(user.uid).with_context(|| format!("user {name}"))
}

/// Has this process, and what it becomes, run on these cores only. Where it can't be it runs anywhere.
fn keep_on(root: &Root, cores: &Cpus) {
    if cores.is_empty() || !root.is_machine() {
        return;
    }
    let mut set = CpuSet::new();
    let known = cores.iter().try_for_each(|core| set.set(*core as usize));
    if let Err(error) = known.and_then(|()| sched_setaffinity(Pid::from_raw(0), &set)) {
        tracing::warn!("not kept on cores {}: {error}", cpus::list(cores));
    }
}

/// Has it take its memory from this node only.
fn keep_near(root: &Root, node: Option<u32>) {
    if let Some(node) = node.filter(|_| root.is_machine())
        && let Err(error) = sys::bind_memory(node)
    {
        tracing::warn!("memory not bound to node {node}: {error}");
    }
}

/// Counts early deaths in /run/tenuto, where they last as long as the boot does. Where the count can't be kept every start
/// waits as if there were some.
fn back_off(root: &Root, name: &str) -> Duration {
    let file = format!("run/tenuto/starts.{name}");
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
    let starts = Starts::parse(&root.text(&file).unwrap_or_default()).next(now);
    if let Err(error) = root.publish(&file, &starts.text()) {
        tracing::debug!("{file}: {error}");
        return starts.wait().max(FIRST_WAIT);
    }
    starts.wait()
}

/// When a service was last started, and how many early deaths came before that in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Starts {
    /// Since boot, its wait included; zero: never.
    last: Duration,
    early: u32,
}

impl Starts {
    /// Anything damaged counts as never started.
    fn parse(text: &str) -> Self {
        let mut numbers = text.split_whitespace().map(str::parse::<u64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(last)), Some(Ok(early))) => {
                Self { last: Duration::from_millis(last), early: u32::try_from(early).unwrap_or(u32::MAX) }
            }
            _ => Self::default(),
        }
    }

    fn text(self) -> String {
        format!("{} {}\n", self.last.as_millis(), self.early)
    }

    fn next(self, now: Duration) -> Self {
        let died_early = !self.last.is_zero() && now.saturating_sub(self.last) < EARLY;
        let next = Self { last: now, early: if died_early { self.early.saturating_add(1) } else { 0 } };
        Self { last: now + next.wait(), ..next }
    }

    fn wait(self) -> Duration {
        match self.early {
            0..=2 => Duration::ZERO,
            early => (FIRST_WAIT * 2_u32.saturating_pow(early - 3).min(1 << 16)).min(LONGEST_WAIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits of a program that dies at once, start by start.
    fn waits(starts: usize) -> Vec<u128> {
        let mut now = Duration::from_secs(5);
        let mut state = Starts::default();
        (0..starts)
            .map(|_| {
                state = Starts::parse(&state.text()).next(now);
                now += state.wait() + Duration::from_millis(10);
                state.wait().as_millis()
            })
            .collect()
    }

    #[test]
    fn a_program_that_keeps_dying_waits_longer_and_longer() {
        assert_eq!(waits(11), [0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }

    #[test]
    fn a_program_that_ran_for_a_while_is_back_at_once() {
        let state = Starts { last: Duration::from_secs(100), early: 7 };
        assert_eq!(state.next(Duration::from_secs(111)).wait(), Duration::ZERO);
    }

    #[test]
    fn counts_stay_in_range() {
        let state = Starts { last: Duration::from_secs(100), early: u32::MAX };
        assert_eq!(state.next(Duration::from_secs(101)).wait(), LONGEST_WAIT);
    }

    #[test]
    fn a_damaged_count_is_no_count() {
        for text in ["", "x", "1", "1 x", "-1 2"] {
            assert_eq!(Starts::parse(text), Starts::default(), "{text}");
        }
    }

    #[test]
    fn services_are_found_by_name() {
        assert_eq!(find("engine").unwrap().program, "/usr/bin/engine");
        let message = find("shell").err().unwrap().to_string();
        assert_eq!(message, "no such service: shell (there are agent, log, engine, player)");
    }

    #[test]
    fn only_the_player_meets_the_network_and_it_is_not_root() {
        let player = find("player").unwrap();
        assert_eq!((player.user, player.rights), (Some("tenuto-player"), rights::NONE));
    }

    #[test]
    fn the_log_has_a_user_of_its_own() {
        let log = find("log").unwrap();
        assert_eq!(log.user, Some("tenuto-log"));
        assert_eq!((log.arguments)(&Root::new("/nowhere")).unwrap(), ["log"]);
    }

    #[test]
    fn the_player_cannot_use_up_the_machines_memory() {
        let player = find("player").unwrap();
        let limit = |resource| player.limits.iter().find(|(limited, _)| *limited == resource).map(|&(_, value)| value);
        assert_eq!(limit(Resource::RLIMIT_DATA), Some(128 << 20));
        // The engine locks its memory; a limit could only keep it from starting.
        assert!(find("engine").unwrap().limits.iter().all(|(resource, _)| *resource != Resource::RLIMIT_DATA));
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::fs::create_dir_all(root.path("proc/self")).unwrap();
        std::fs::write(root.path("proc/self/oom_score_adj"), "0").unwrap();
        (player.prepare)(&root);
        assert_eq!(root.text("proc/self/oom_score_adj").as_deref(), Some("500"));
    }

    #[test]
    fn programs_get_what_the_machine_suggests() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::fs::create_dir_all(root.path("run/tenuto")).unwrap();
        std::fs::create_dir_all(root.path("sys/devices/system/cpu")).unwrap();
        std::fs::write(root.path("sys/devices/system/cpu/online"), "0-3").unwrap();
        std::fs::write(root.path("sys/devices/system/cpu/isolated"), "2").unwrap();
        let engine = (find("engine").unwrap().arguments)(&root).unwrap();
        assert_eq!(engine.join(" "), "--user tenuto-engine --group tenuto --core 2 --priority 70");
        let player = (find("player").unwrap().arguments)(&root).unwrap();
        assert_eq!(player[4..], ["--state-dir", "/run/player"]);
        assert_eq!(player, (find("player").unwrap().arguments)(&root).unwrap());
        std::fs::create_dir_all(root.path("proc")).unwrap();
        std::fs::write(root.path("proc/cmdline"), "quiet tenuto.dop=on tenuto.huge_pages=on").unwrap();
        let player = (find("player").unwrap().arguments)(&root).unwrap();
        assert_eq!(player[6..], ["--dop", "on"]);
        let engine = (find("engine").unwrap().arguments)(&root).unwrap();
        assert_eq!(engine.last().map(String::as_str), Some("--huge-pages"));
    }
}
