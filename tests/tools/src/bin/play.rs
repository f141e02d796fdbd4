//! The program behind `tests/play`; the script says what it does and prints.
#![forbid(unsafe_code)]
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal};
use tools::chain::Setting;
use tools::play::Run;
use tools::play::options::Options;

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("tests/play: {error}; see tests/play --help");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tests/play: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let temporary;
    let kept = std::env::var_os("TENUTO_PLAY_DIR");
    let keep = kept.is_some();
    let directory = match kept {
        Some(directory) => directory.into(),
        None => {
            temporary = tempfile::Builder::new()
                .prefix("tenuto-play-")
                .tempdir()
                .context("no temporary directory can be made")?;
            remove_when_told_to_end(temporary.path().to_path_buf())?;
            temporary.path().to_path_buf()
        }
    };
    let setting = Setting {
        accept: options.sink.clone(),
        max_rate: options.max_rate,
        resample: options.resample,
        fast: options.fast,
        keep,
        ..Setting::new(directory)?
    };
    let mut out = std::io::stdout().lock();
    let mut run = Run::new(options, setting, &mut out)?;
    if options.gapless { run.gapless() } else { run.one_by_one() }
}

/// SIGINT, SIGTERM and SIGHUP end this program, and with it engine and player; the captures, which are large, go first. To be
/// called before other threads are started.
fn remove_when_told_to_end(directory: PathBuf) -> anyhow::Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("blocking signals")?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let Ok(signal) = signals.wait() else {
            return;
        };
        // Once more for what the engine has made while the first went through.
        for _ in 0..2 {
            let _ = std::fs::remove_dir_all(&directory);
        }
        std::process::exit(128 + signal as i32);
    })?;
    Ok(())
}
