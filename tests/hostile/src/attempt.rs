//! One attempt: what is tried, in a process of its own, and what came of it.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use libc::c_int;
use sandbox::Mode;
use sandbox::player::Policy;

use crate::call::done;
use crate::{network, rights, ways};

/// What an attempt may use.
pub(crate) struct Around {
    /// The directory that may be written.
    pub(crate) state: PathBuf,
    /// Another process, of who started this one.
    pub(crate) parent: i32,
    /// The abstract name of another process's socket.
    pub(crate) abstract_name: String,
}

/// A way out.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// The version of Landlock that closes it; 0: the list of system calls does.
    pub(crate) landlock: i32,
    /// Whether it is no way out, but what the player has to be able to.
    pub(crate) allowed: bool,
    pub(crate) attempt: fn(&Around) -> io::Result<()>,
}

/// A way that the list of system calls closes.
pub(crate) const fn by_calls(name: &'static str, attempt: fn(&Around) -> io::Result<()>) -> Way {
    Way { name, landlock: 0, allowed: false, attempt }
}

/// A way that Landlock closes from this version on.
pub(crate) const fn by_landlock(name: &'static str, landlock: i32, attempt: fn(&Around) -> io::Result<()>) -> Way {
    Way { name, landlock, allowed: false, attempt }
}

/// What has to work, or nothing is shown by what doesn't.
pub(crate) const fn allowed(name: &'static str, attempt: fn(&Around) -> io::Result<()>) -> Way {
    Way { name, landlock: 0, allowed: true, attempt }
}

/// All of them.
pub(crate) fn ways() -> impl Iterator<Item = &'static Way> {
    [ways::WAYS, rights::WAYS, network::WAYS].into_iter().flatten()
}

/// What came of it.
pub(crate) enum Found {
    /// It failed, as it should: with this error.
    Refused(io::Error),
    /// This kernel has no such thing.
    Absent(io::Error),
    /// This kernel's Landlock is too old.
    NotHere,
    /// What the player needs is there.
    Allowed,
    /// It worked, or the kernel looked at its arguments; or what has to work didn't.
    Through(String),
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Absent(error) => write!(f, "not in this kernel: {error}"),
            Self::NotHere => write!(f, "not tried: this kernel's Landlock doesn't know it"),
            Self::Allowed => write!(f, "allowed"),
            Self::Through(how) => write!(f, "THROUGH: {how}"),
        }
    }
}

/// The process's end, as its status: errors are above these.
const WORKED: u8 = 0;
const SETUP: u8 = 1;
const NOT_HERE: u8 = 2;
const OTHER: u8 = 3;

/// Runs this program again, for one attempt.
pub(crate) fn in_a_process(
    way: &Way,
    directory: &str,
    confined: bool,
    user: Option<&str>,
    abstract_name: &str,
) -> Found {
    let mut command = match std::env::current_exe() {
        Ok(program) => Command::new(program),
        Err(error) => return Found::Through(format!("this program isn't found: {error}")),
    };
    command.args((!confined).then_some("--outside"));
    command.args(user.into_iter().flat_map(|user| ["--user", user]));
    command.args([directory, "--try", way.name, &std::process::id().to_string(), abstract_name]);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Found::Through(format!("it didn't start: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let error = said.trim().rsplit(' ').next().and_then(|number| number.parse().ok());
    let error = error.map(io::Error::from_raw_os_error);
    match (output.status.code(), error) {
        (Some(status), _) if status == i32::from(NOT_HERE) => Found::NotHere,
        (Some(status), _) if status == i32::from(WORKED) && way.allowed => Found::Allowed,
        (Some(status), Some(error)) if status == i32::from(OTHER) && !way.allowed => judge(error),
        (_, error) => {
            let why = error.map(|error| format!(" ({error})")).unwrap_or_default();
            Found::Through(format!("{}{why} {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
        }
    }
}

/// An error that says no is not one that says what was wrong with the arguments.
fn judge(error: io::Error) -> Found {
    match error.raw_os_error().unwrap_or(0) {
        libc::EPERM | libc::EACCES => Found::Refused(error),
        libc::ENOSYS | libc::ENOENT | libc::EAFNOSUPPORT | libc::ENODEV | libc::ENXIO | libc::ENOTSUP => {
            Found::Absent(error)
        }
        _ => Found::Through(error.to_string()),
    }
}

/// The process that makes one attempt.
pub(crate) fn alone(name: &str, around: &Around, confined: bool, user: Option<&str>) -> ExitCode {
    let Some(way) = ways().find(|way| way.name == name) else { return ExitCode::from(SETUP) };
    if let Err(error) = user.map_or(Ok(()), become_user) {
        eprintln!("hostile: {error}");
        return ExitCode::from(SETUP);
    }
    if confined && let Err(error) = give_capabilities_up() {
        eprintln!("hostile: {error}");
        return ExitCode::from(SETUP);
    }
    if confined {
        // The player's, where it keeps its state, reads what the agent says, and finds the engine.
        let policy = Policy {
            state_dir: around.state.clone(),
            read: vec!["/run/tenuto".into(), "/run/log/ring".into()],
            sockets: vec!["/run/tenuto".into()],
            ready_file: None,
        };
        match policy.confine(Mode::Auto) {
            Ok(confined) if confined.landlock.unwrap_or(0) < way.landlock => return ExitCode::from(NOT_HERE),
            Ok(confined) if confined.calls => {}
            Ok(confined) => {
                eprintln!("hostile: {}", confined.missing.join("; "));
                return ExitCode::from(SETUP);
            }
            Err(error) => {
                eprintln!("hostile: {error}");
                return ExitCode::from(SETUP);
            }
        }
    }
    match (way.attempt)(around) {
        Ok(()) => ExitCode::from(WORKED),
        Err(error) => {
            println!("{}", error.raw_os_error().unwrap_or(0));
            ExitCode::from(OTHER)
        }
    }
}

/// `UID:GID`, without further groups.
fn become_user(user: &str) -> io::Result<()> {
    let ids = user.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    let (user, group): (usize, usize) = ids.ok_or(io::ErrorKind::InvalidInput)?;
    done(libc::SYS_setgroups, [0; 6])?;
    done(libc::SYS_setresgid, [group, group, group, 0, 0, 0])?;
    done(libc::SYS_setresuid, [user, user, user, 0, 0, 0])
}

/// As the player has none (capabilities(7)); root without any is still who owns everything.
fn give_capabilities_up() -> io::Result<()> {
    // _LINUX_CAPABILITY_VERSION_3, and this process; effective, permitted and inheritable, twice 32 bits.
    let (head, none) = ([0x2008_0522_u32, 0], [0_u32; 6]);
    done(libc::SYS_capset, [head.as_ptr() as usize, none.as_ptr() as usize, 0, 0, 0, 0])
}

/// A flag or a number as an argument.
pub(crate) fn number(value: c_int) -> usize {
    value.cast_unsigned() as usize
}
