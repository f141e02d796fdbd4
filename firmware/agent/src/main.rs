//! The only root process of the appliance: makes the machine ready for engine and player, and keeps it so.
//!
//! It sets what they need (host name, network, a few kernel values, device nodes, the plan for the real-time core), follows
//! the kernel's events without polling, and listens on no TCP port. `agent run` is what init starts the programs with. It feeds
//! the hardware watchdog while they answer, and commits a slot that has come up well ([`boot`]).

mod boot;
mod dac;
mod daemon;
mod dhcp;
mod identity;
mod knobs;
mod log;
mod net;
mod placement;
mod plan;
mod priorities;
mod report;
mod requests;
mod rights;
mod root;
mod service;
mod settings;
mod show;
mod sound;
mod start;
mod sys;
mod time;
mod timing;
mod topology;
mod tuner;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use lexopt::{Arg, ValueExt as _};

use crate::{boot::Slot, root::Root, show::Turn};

const HELP: &str = "\
agent: makes the appliance ready for music, and keeps it so (root)

  agent                      follow network and devices until SIGTERM; on the appliance only
  agent start                mount what the kernel offers and make /run's directories (for init)
  agent run NAME             become a service: agent, log, engine or player (for init)
  agent set KEY VALUE        change a kept setting (name, network.address, …); it counts from the next boot
  agent try SLOT [ARGUMENTS] restart into slot a or b for one boot, with these arguments of the kernel in place of this machine's
                             own; a slot that comes up well stays, after anything else the old one is back
  agent plan [--try] [--json] [--root DIR]
                             say which core is the engine's, who gets the others, why, and which kernel arguments go with that;
                             --try: restart with them, on trial (a PC's; a Raspberry Pi's are in the slot's cmdline.txt)
  agent knobs [--apply | --undo] [--json] [--root DIR]
                             say how each knob is, and what thread runs before what; --apply turns them first, --undo gives
                             every place the value that it had at boot, and leaves it so until --apply
  agent log                  keep what programs and kernel say in /run/log/ring, 256 KiB at most (for agent run log)
  agent --once --root DIR    make a copy of a machine's files ready (sys, proc, dev, run/tenuto), and print the report
  agent --help, --version

DIR is a copy of a machine's files, or a recorded machine (--sysfs says the same); / if it isn't given. Knobs and their reasons:
docs/tuning.md.

It writes /run/tenuto/identity (UUID, name), /run/tenuto/plan (the engine's core, priority and buffer) and
/run/tenuto/system.json (all that was found and set). What the owner
has set is kept on the data partition, and taken over from a tenuto.toml on the boot medium: docs/settings.md. The kernel's command line may say tenuto.buffer_ms=N,
tenuto.period_ms=N, tenuto.ring_ms=N, tenuto.preroll_ms=N and tenuto.confine=on; engine --help says what they are. For tuning it may say
tenuto.nohz_full=on (no tick on the engine's core, once agent plan --try has had its way), tenuto.huge_pages=on, tenuto.busy_poll=on
and tenuto.flow_control=off.
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Help,
    Version,
    Stay,
    Start,
    Log,
    Once { root: String },
    Run { service: String },
    Set { key: String, value: String },
    Try { slot: Slot, arguments: Option<String> },
    Plan { root: String, json: bool, restart: bool },
    Knobs { root: String, json: bool, turn: Turn },
}

fn main() -> ExitCode {
    let command = match parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("agent: {error}; see agent --help");
            return ExitCode::from(2);
        }
    };
    // No time stamps: the appliance has no clock when it starts. No colours: it is read on a serial console.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        // A line that the log's pipe doesn't take is lost; to say so on stderr would be a panic.
        .log_internal_errors(false)
        .init();
    match perform(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<()> {
    match command {
        Command::Help => print!("{HELP}"),
        Command::Version => println!("agent {}", env!("CARGO_PKG_VERSION")),
        Command::Stay => daemon::run(&Root::new("/"))?,
        Command::Start => start::run(&Root::new("/"))?,
        Command::Log => log::run(&Root::new("/"))?,
        Command::Once { root } => print!("{}", daemon::once(&Root::new(root))?),
        Command::Set { key, value } => settings::change(&Root::new("/"), &key, &value)?,
        Command::Try { slot, arguments } => boot::try_slot(&Root::new("/"), slot, arguments.as_deref())?,
        Command::Plan { root, restart: true, .. } => show::try_arguments(&Root::new(root))?,
        Command::Plan { root, json, .. } => print!("{}", show::plan(&Root::new(root), json)?),
        Command::Knobs { root, json, turn } => print!("{}", show::knobs(&Root::new(root), turn, json)?),
        Command::Run { service } => match service::run(&Root::new("/"), service::find(&service)?)? {},
    }
    Ok(())
}

fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let (mut once, mut root, mut service) = (false, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            Arg::Long("once") => once = true,
            Arg::Long("root") => root = Some(parser.value()?.string()?),
            Arg::Value(word) if word == "set" && service.is_none() && !once && root.is_none() => {
                let (key, value) = (parser.value()?.string()?, parser.value()?.string()?);
                return parser.next()?.map_or(Ok(Command::Set { key, value }), |argument| Err(argument.unexpected()));
            }
            Arg::Value(word) if word == "start" && service.is_none() && !once && root.is_none() => {
                return parser.next()?.map_or(Ok(Command::Start), |argument| Err(argument.unexpected()));
            }
            Arg::Value(word) if word == "log" && service.is_none() && !once && root.is_none() => {
                return parser.next()?.map_or(Ok(Command::Log), |argument| Err(argument.unexpected()));
            }
            Arg::Value(word) if word == "try" && service.is_none() && !once => return parse_try(parser),
            Arg::Value(word) if word == "plan" && service.is_none() && !once && root.is_none() => {
                return parse_plan(parser);
            }
            Arg::Value(word) if word == "knobs" && service.is_none() && !once && root.is_none() => {
                return parse_knobs(parser);
            }
            Arg::Value(word) if word == "run" && service.is_none() => service = Some(parser.value()?.string()?),
            argument => return Err(argument.unexpected()),
        }
    }
    match (once, root, service) {
        (false, None, None) => Ok(Command::Stay),
        (false, None, Some(service)) => Ok(Command::Run { service }),
        (true, Some(root), None) => Ok(Command::Once { root }),
        _ => Err("--once and --root belong together, and to nothing else".into()),
    }
}

/// What stands behind `try`.
fn parse_try(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let name = parser.value()?.string()?;
    let slot = Slot::from_name(&name).ok_or_else(|| format!("there is no slot {name}: it is a or b"))?;
    let mut arguments = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(word) if arguments.is_none() => arguments = Some(word.string()?),
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Try { slot, arguments })
}

/// What stands behind `plan`.
fn parse_plan(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let (mut root, mut json, mut restart) = ("/".to_owned(), false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("root" | "sysfs") => root = parser.value()?.string()?,
            Arg::Long("json") => json = true,
            Arg::Long("try") => restart = true,
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Plan { root, json, restart })
}

/// What stands behind `knobs`.
fn parse_knobs(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let (mut root, mut json, mut turn) = ("/".to_owned(), false, Turn::Nothing);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("root" | "sysfs") => root = parser.value()?.string()?,
            Arg::Long("json") => json = true,
            Arg::Long("apply") if turn == Turn::Nothing => turn = Turn::Apply,
            Arg::Long("undo") if turn == Turn::Nothing => turn = Turn::Undo,
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Knobs { root, json, turn })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn command_lines() {
        assert_eq!(parsed(&[]), Ok(Command::Stay));
        assert_eq!(parsed(&["log"]), Ok(Command::Log));
        assert_eq!(parsed(&["start"]), Ok(Command::Start));
        assert_eq!(parsed(&["run", "engine"]), Ok(Command::Run { service: "engine".to_owned() }));
        assert_eq!(parsed(&["--once", "--root", "/tmp/x"]), Ok(Command::Once { root: "/tmp/x".to_owned() }));
        assert_eq!(parsed(&["run", "engine", "--help"]), Ok(Command::Help));
        let tried = |arguments: Option<&str>| Command::Try { slot: Slot::B, arguments: arguments.map(str::to_owned) };
        assert_eq!(parsed(&["try", "b"]), Ok(tried(None)));
        assert_eq!(parsed(&["try", "b", "isolcpus=3 quiet"]), Ok(tried(Some("isolcpus=3 quiet"))));
        for wrong in [&["try"][..], &["try", "c"], &["try", "a", "x", "y"], &["try", "a", "--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
        let plan = |root: &str, json, restart| Command::Plan { root: root.to_owned(), json, restart };
        assert_eq!(parsed(&["plan"]), Ok(plan("/", false, false)));
        assert_eq!(parsed(&["plan", "--sysfs", "x", "--json"]), Ok(plan("x", true, false)));
        assert_eq!(parsed(&["plan", "--try"]), Ok(plan("/", false, true)));
        let knobs = |root: &str, json, turn| Command::Knobs { root: root.to_owned(), json, turn };
        assert_eq!(parsed(&["knobs", "--undo"]), Ok(knobs("/", false, Turn::Undo)));
        assert_eq!(parsed(&["knobs", "--apply", "--json", "--root", "x"]), Ok(knobs("x", true, Turn::Apply)));
        for wrong in [&["knobs", "--apply", "--undo"][..], &["knobs", "all"], &["plan", "x"], &["--once", "plan"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
        let set = Command::Set { key: "name".to_owned(), value: "Kitchen".to_owned() };
        assert_eq!(parsed(&["set", "name", "Kitchen"]), Ok(set));
        for wrong in [
            &["run"][..],
            &["log", "x"],
            &["start", "x"],
            &["set", "name"],
            &["set", "name", "a", "b"],
            &["--once"],
            &["--root", "x"],
            &["walk"],
            &["--fast"],
            &["run", "a", "b"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
