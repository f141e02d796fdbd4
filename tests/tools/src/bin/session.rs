//! `session [--interface NAME ADDRESS] [--volume MODE] [--fast] FILE… -- COMMAND [ARGUMENT…]`
//!
//! Runs engine, player and a media server, and a command that drives them: somebody else's control point, say. The command
//! finds the player's description in `TENUTO_LOCATION`, the files' URLs in `TENUTO_URLS` (one a line) and the interface's
//! address in `TENUTO_ADDRESS`. Exit: the command's; 2 when something can't be started.
#![forbid(unsafe_code)]
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context as _;
use lexopt::{Arg, ValueExt as _};
use support::media_server::MediaServer;
use tools::chain::{Chain, Setting};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("session: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let directory = tempfile::tempdir().context("no temporary directory can be made")?;
    let mut setting = Setting::new(directory.path().to_path_buf())?;
    let mut files: Vec<PathBuf> = Vec::new();
    let own: Vec<_> = std::env::args_os().skip(1).take_while(|argument| argument != "--").collect();
    let command: Vec<_> = std::env::args_os().skip(2 + own.len()).collect();
    let mut parser = lexopt::Parser::from_args(own);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("interface") => {
                let name = parser.value()?.string()?;
                let address: Ipv4Addr = parser.value()?.parse()?;
                setting.interface = (name, address);
            }
            Arg::Long("volume") => setting.volume = parser.value()?.string()?,
            Arg::Long("fast") => setting.fast = true,
            Arg::Value(file) => files.push(file.into()),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let (program, arguments) = command.split_first().context("no COMMAND behind --")?;
    let address = setting.interface.1;
    let server = MediaServer::start((address, 0).into(), None)
        .with_context(|| format!("no media server can listen on {address}"))?;
    let urls: Vec<String> = files.iter().map(|file| server.add(file)).collect();
    let chain = Chain::start(&setting, 1)?;
    let status = Command::new(program)
        .args(arguments)
        .env("TENUTO_LOCATION", chain.location())
        .env("TENUTO_URLS", urls.join("\n"))
        .env("TENUTO_ADDRESS", address.to_string())
        .status()
        .with_context(|| format!("{} can't be started", program.display()))?;
    if !status.success() {
        for name in ["engine", "player"] {
            eprintln!("--- the {name}'s log\n{}", chain.log(name));
        }
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
