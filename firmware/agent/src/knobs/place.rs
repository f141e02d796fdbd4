//! Where a knob's value lies, and how it is read, compared and written there.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    time::Duration,
};

use nix::time::{ClockId, clock_getres};

use super::{Outcome, ethtool};
use crate::{
    placement::value_of,
    priorities::{self, class_of},
    root::Root,
    sys,
    topology::cpus,
};

/// The device that holds a latency as long as it is open (Documentation/power/pm_qos_interface.rst).
pub(super) const LATENCY: &str = "dev/cpu_dma_latency";

/// A place. Its text is its kind and its path, `words:proc/sys/kernel/panic`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A file whose words count, not the space between them.
    Words(String),
    /// A file that offers several words and has the chosen one in brackets; some have no brackets and the chosen one only.
    Choice(String),
    /// A file with a list of CPUs.
    List(String),
    /// A file with a mask of CPUs.
    Mask(String),
    /// Whether a CPU runs: 1 or 0.
    Online(u32),
    /// The kernel's largest latency of a wake-up, µs, held while the agent has it open.
    Latency,
    /// A network card's setting.
    Card(ethtool::Feature, String),
    /// A thread's scheduling class: its number and name.
    Thread(i32, String),
    /// An argument of the kernel.
    Argument(String),
    /// The kernel's tick, µs.
    Tick,
    /// How the kernel can be preempted, as it says of itself.
    Preemption,
}

/// What lasts as long as it is open.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<File>);

impl Held {
    pub(super) fn let_go(&mut self) {
        self.0 = None;
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(path) => write!(f, "words:{path}"),
            Self::Choice(path) => write!(f, "choice:{path}"),
            Self::List(path) => write!(f, "list:{path}"),
            Self::Mask(path) => write!(f, "mask:{path}"),
            Self::Online(cpu) => write!(f, "online:{cpu}"),
            Self::Latency => write!(f, "latency:{LATENCY}"),
            Self::Card(feature, name) => write!(f, "{}:{name}", feature.name()),
            Self::Thread(id, name) => write!(f, "thread:{id}:{name}"),
            Self::Argument(name) => write!(f, "argument:{name}"),
            Self::Tick => f.write_str("tick:CLOCK_MONOTONIC_COARSE"),
            Self::Preemption => f.write_str("preemption:proc/version"),
        }
    }
}

impl Place {
    /// What [`fmt::Display`] has written. Only places that keep a value are read back.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        // Kept below the root, whatever a damaged file says.
        let path = || (!rest.starts_with('/') && !rest.split('/').any(|part| part == "..")).then(|| rest.to_owned());
        Some(match kind {
            "words" => Self::Words(path()?),
            "choice" => Self::Choice(path()?),
            "list" => Self::List(path()?),
            "mask" => Self::Mask(path()?),
            "online" => Self::Online(rest.parse().ok()?),
            "thread" => {
                let (id, name) = rest.split_once(':')?;
                Self::Thread(id.parse().ok()?, name.to_owned())
            }
            kind => Self::Card(ethtool::Feature::from_name(kind)?, rest.to_owned()),
        })
    }

    /// The value, in the form in which it is written; None if there is no such thing here.
    ///
    /// # Errors
    /// It is there, and can't be read.
    fn read(&self, root: &Root) -> io::Result<Option<String>> {
        Ok(match self {
            Self::Words(path) | Self::List(path) | Self::Mask(path) => text(root, path)?,
            Self::Choice(path) => text(root, path)?.map(|text| chosen(&text).to_owned()),
            Self::Online(cpu) => text(root, &online(*cpu))?,
            Self::Latency => latency(root)?.map(|latency| latency.to_string()),
            Self::Card(feature, name) if root.is_machine() => feature.read(name)?,
            Self::Card(..) => None,
            Self::Thread(id, name) => {
                let is_it = root.text(format!("proc/{id}/comm")).is_some_and(|found| found == *name);
                is_it.then(|| class_of(root, *id)).flatten().map(priorities::text)
            }
            Self::Argument(name) => {
                let line = root.text("proc/cmdline").unwrap_or_default();
                Some(value_of(&line, name).unwrap_or("absent").to_owned())
            }
            Self::Tick if root.is_machine() => {
                let tick = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)?;
                Some(Duration::from(tick).as_micros().to_string())
            }
            Self::Tick => None,
            Self::Preemption => {
                let version = root.text("proc/version");
                version.map(|text| {
                    text.split_whitespace().find(|word| word.starts_with("PREEMPT")).unwrap_or("none").to_owned()
                })
            }
        })
    }

    fn write(&self, root: &Root, held: &mut Held, value: &str) -> io::Result<()> {
        match self {
            Self::Words(path) | Self::Choice(path) | Self::List(path) | Self::Mask(path) => {
                root.set(path, &format!("{value}\n"))
            }
            Self::Online(cpu) => root.set(online(*cpu), &format!("{value}\n")),
            Self::Latency => {
                let latency: i32 = value.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
                let mut device = OpenOptions::new().write(true).open(root.path(LATENCY))?;
                device.write_all(&latency.to_ne_bytes())?;
                held.0 = Some(device);
                Ok(())
            }
            Self::Card(feature, name) => feature.write(name, value),
            Self::Thread(id, _) if root.is_machine() => {
                sys::set_class(*id, priorities::parse(value).ok_or(io::ErrorKind::InvalidInput)?)
            }
            Self::Thread(..) => Err(io::Error::other("not the machine itself")),
            Self::Argument(_) | Self::Tick | Self::Preemption => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// Whether two values are the same here.
    fn same(&self, one: &str, other: &str) -> bool {
        match self {
            Self::List(_) => cpus::parse(one).is_some_and(|set| cpus::parse(other) == Some(set)),
            Self::Mask(_) => cpus::parse_mask(one).is_some_and(|set| cpus::parse_mask(other) == Some(set)),
            // The strictest one that anybody asks for is in force.
            Self::Latency => one.parse::<i32>().is_ok_and(|one| other.parse::<i32>().is_ok_and(|other| one <= other)),
            _ => one == other,
        }
    }

    /// Whether the wanted value is there. What isn't is told as a refusal that says what is.
    pub(super) fn compare(&self, root: &Root, want: &str) -> Outcome {
        match self.read(root) {
            Ok(None) => Outcome::NotSupported,
            Ok(Some(found)) if self.same(&found, want) => Outcome::Already,
            Ok(Some(found)) => Outcome::Refused { reason: format!("is {found}") },
            Err(error) => refused(&error),
        }
    }

    /// Reads, writes if that is needed, and reads back.
    pub(super) fn set(&self, root: &Root, held: &mut Held, want: &str) -> Outcome {
        let was = match self.read(root) {
            Ok(None) => return Outcome::NotSupported,
            Ok(Some(found)) if self.same(&found, want) && self.is_ours(root, held) => return Outcome::Already,
            Ok(Some(found)) => found,
            Err(error) => return refused(&error),
        };
        if let Err(error) = self.write(root, held, want) {
            return refused(&error);
        }
        match self.read(root) {
            Ok(Some(now)) if self.same(&now, want) => Outcome::Applied { was },
            Ok(now) => {
                Outcome::Refused { reason: format!("reads {} after writing", now.as_deref().unwrap_or("nothing")) }
            }
            Err(error) => refused(&error),
        }
    }

    /// Somebody else's latency may go at any time: it is only as it should be if it is held by us.
    fn is_ours(&self, root: &Root, held: &Held) -> bool {
        *self != Self::Latency || held.0.is_some() || !root.is_machine()
    }
}

/// What a driver or the kernel says against it. That it has no such thing is no refusal.
fn refused(error: &io::Error) -> Outcome {
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENODEV) => Outcome::NotSupported,
        Some(libc::EIO) => Outcome::Refused { reason: "the kernel keeps this one where it is".to_owned() },
        _ => Outcome::Refused { reason: error.to_string() },
    }
}

/// None if there is no such file, or nothing in it.
fn text(root: &Root, path: &str) -> io::Result<Option<String>> {
    let mut text = String::new();
    match File::open(root.path(path)).and_then(|file| file.take(4096).read_to_string(&mut text)) {
        // sysfs says so of an attribute that makes no sense on this device.
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::EINVAL | libc::ENODEV)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(_) => {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Ok(if words.is_empty() { None } else { Some(words) })
        }
    }
}

/// The word in brackets; without brackets, all of it.
fn chosen(text: &str) -> &str {
    text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or(text, |(chosen, _)| chosen)
}

fn online(cpu: u32) -> String {
    format!("sys/devices/system/cpu/cpu{cpu}/online")
}

/// The latency in force, µs.
fn latency(root: &Root) -> io::Result<Option<i32>> {
    let mut bytes = [0; 4];
    match File::open(root.path(LATENCY)).and_then(|mut device| device.read_exact(&mut bytes)) {
        Ok(()) => Ok(Some(i32::from_ne_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
