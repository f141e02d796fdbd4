//! The program behind `tests/on-device`; the script says what it does and prints.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tools::on_device::{Options, run};

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("tests/on-device: {error}; see tests/on-device --help");
            return ExitCode::from(2);
        }
    };
    match tried(&options) {
        Ok(well) => ExitCode::from(u8::from(!well)),
        Err(error) => {
            eprintln!("tests/on-device: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn tried(options: &Options) -> Result<bool> {
    let report = run(options)?;
    let text = report.to_string();
    match &options.output {
        Some(file) => std::fs::write(file, text).with_context(|| file.display().to_string())?,
        None => std::io::stdout().write_all(text.as_bytes()).context("standard output")?,
    }
    Ok(report.is_well())
}
