//! The only root process of the appliance: makes the machine ready for engine and player, and keeps it so.
//!
//! It sets what they need (host name, network, a few kernel values, device nodes, the plan for the real-time core), follows
//! the kernel's events without polling, and listens on no TCP port. `agent run` is what init starts the programs with. It feeds
//! the hardware watchdog while they answer, and commits a slot that has come up well ([`boot`]).

mod boot;
mod cpu;
mod dac;
mod daemon;
mod dhcp;
mod identity;
mod knob;
mod net;
mod plan;
mod priority;
mod report;
mod root;
mod service;
mod settings;
mod sound;
mod sys;
mod time;
mod timing;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use lexopt::{Arg, ValueExt as _};

use crate::{boot::Slot, root::Root};

const HELP: &str = "\
agent: makes the appliance ready for music, and keeps it so (root)

  agent                      follow network and devices until SIGTERM; on the appliance only
  agent run NAME             become a service: agent, engine or player (for init)
  agent set KEY VALUE        change a kept setting (name, network.address, …); it counts from the next boot
  agent try SLOT [ARGUMENTS] restart into slot a or b for one boot, with these arguments of the kernel in place of this machine's
                             own; a slot that comes up well stays, after anything else the old one is back
  agent --once --root DIR    make a copy of a machine's files ready (sys, proc, dev, run/tenuto), and print the report
  agent --help, --version

It writes /run/tenuto/identity (UUID, name), /run/tenuto/plan (the engine's core, priority and buffer) and
/run/tenuto/system.json (all that was found and set). What the owner
has set is kept on the data partition, and taken over from a tenuto.toml on the boot medium: docs/settings.md. The kernel's command line may say tenuto.buffer_ms=N,
tenuto.period_ms=N, tenuto.ring_ms=N, tenuto.preroll_ms=N and tenuto.confine=on; engine --help says what they are.
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Help,
    Version,
    Stay,
    Once { root: String },
    Run { service: String },
    Set { key: String, value: String },
    Try { slot: Slot, arguments: Option<String> },
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
        Command::Once { root } => print!("{}", daemon::once(&Root::new(root))?),
        Command::Set { key, value } => settings::change(&Root::new("/"), &key, &value)?,
        Command::Try { slot, arguments } => boot::try_slot(&Root::new("/"), slot, arguments.as_deref())?,
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
            Arg::Value(word) if word == "try" && service.is_none() && !once => return parse_try(parser),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn command_lines() {
        assert_eq!(parsed(&[]), Ok(Command::Stay));
        assert_eq!(parsed(&["run", "engine"]), Ok(Command::Run { service: "engine".to_owned() }));
        assert_eq!(parsed(&["--once", "--root", "/tmp/x"]), Ok(Command::Once { root: "/tmp/x".to_owned() }));
        assert_eq!(parsed(&["run", "engine", "--help"]), Ok(Command::Help));
        let tried = |arguments: Option<&str>| Command::Try { slot: Slot::B, arguments: arguments.map(str::to_owned) };
        assert_eq!(parsed(&["try", "b"]), Ok(tried(None)));
        assert_eq!(parsed(&["try", "b", "isolcpus=3 quiet"]), Ok(tried(Some("isolcpus=3 quiet"))));
        for wrong in [&["try"][..], &["try", "c"], &["try", "a", "x", "y"], &["try", "a", "--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
        let set = Command::Set { key: "name".to_owned(), value: "Kitchen".to_owned() };
        assert_eq!(parsed(&["set", "name", "Kitchen"]), Ok(set));
        for wrong in [
            &["run"][..],
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
