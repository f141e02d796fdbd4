//! The renderer: UPnP, HTTP, decoding, queue, page.
//!
//! One thread runs everything that answers somebody ([`renderer`], [`http`], [`net`]); what may wait has threads of its own
//! ([`playback`]). A part that fails is started again, and the rest goes on.
#![forbid(unsafe_code)]

mod cli;
mod counters;
mod diagnostics;
mod exposition;
mod http;
mod identity;
mod net;
mod playback;
mod renderer;
mod run;
mod transport;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("player: {error:#}\nplayer --help says what there is");
            return ExitCode::from(2);
        }
    };
    let options = match command {
        cli::Command::Run(options) => options,
        cli::Command::Print(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
    };
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    // On the appliance stderr is a pipe that doesn't wait for its reader: a line that it doesn't take is lost, and saying so there
    // would be a panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    log.log_internal_errors(false).init();
    match run::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
