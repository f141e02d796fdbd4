//! The program behind `tests/play`; the script says what it does and prints.
#![forbid(unsafe_code)]
use std::process::ExitCode;

use anyhow::Context as _;
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
            temporary.path().to_path_buf()
        }
    };
    let setting = Setting { accept: options.sink.clone(), fast: options.fast, keep, ..Setting::new(directory)? };
    let mut out = std::io::stdout().lock();
    let mut run = Run::new(options, setting, &mut out)?;
    if options.gapless { run.gapless() } else { run.one_by_one() }
}
