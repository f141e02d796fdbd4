//! `image/run`: builds the appliance's image, boots it in QEMU and plays to it.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result};
use image::build;
use image::cache::Cache;
use image::options::{self, Asked, Mode};
use image::sizes::Sizes;
use image::{
    assemble, boot_time, environment, formats, inspect, measure, network, once, proxy, release, settings, slots, stay,
    stop, survival, track, trouble, usb,
};
use serde::Serialize;

/// What temporary files take at most: the tracks of `--formats`, with what they are encoded from.
const TEMPORARY_MIB: u64 = 100;

fn main() -> ExitCode {
    let done = match options::parse(lexopt::Parser::from_env()) {
        Ok(Asked::Print(text)) => say(text).map(|()| true),
        Ok(Asked::Do(wanted)) => run(*wanted),
        Err(error) => Err(error),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => failed(&error),
    }
}

/// Says why; as JSON too where a program waits for that.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("image/run: {error:#}");
    if Mode::report_is_wanted(std::env::args_os()) {
        // Standard output may be what failed.
        let _ = say(&serde_json::json!({ "equal": null, "error": format!("{error:#}") }).to_string());
    }
    ExitCode::from(2)
}

/// Prints to standard output.
fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output")
}

/// Prints a report: for people, and in one line for programs.
fn report(text: &str, json: &impl Serialize) -> Result<()> {
    say(&format!("{text}{}", serde_json::to_string(json)?))
}

/// Does it; whether all was well.
fn run(wanted: options::Wanted) -> Result<bool> {
    let options::Wanted { mode, board, hat, release: published, images, boots, only, length, source, options, stay } =
        wanted;
    stop::catch()?;
    if mode == Mode::Assemble {
        let image = assemble::run(&build::repository()?, board, hat.as_deref(), &images)?;
        return say(&image.display().to_string()).map(|()| true);
    }
    // Before the work, not after it.
    if mode.boots() {
        proxy::listen(options.port)?;
    }
    // Programs that can't write what they find out fail in ways that say nothing, or not at all.
    environment::need_space(&std::env::temp_dir(), TEMPORARY_MIB, "temporary files")?;
    let cache = Cache::open()?;
    let listener = stay.prepare(&cache)?;
    let repository = build::repository()?;
    let key = published.sign.as_deref().map(|file| release::SigningKey::at(file, &repository)).transpose()?;
    let publish = |disk: &release::Disk<'_>| {
        let image = release::write(&cache, &repository, disk, (&published, key.as_ref()))?;
        say(&image.display().to_string()).map(|()| true)
    };
    if mode == Mode::Pack {
        return publish(&release::Disk::at(board, &images)?);
    }
    let built = build::all(&cache, &repository, board, hat.as_deref(), source)?;
    match mode {
        Mode::Build => return say(&built.disk.display().to_string()).map(|()| true),
        Mode::Release => return publish(&release::Disk::of(&built)),
        Mode::Sizes => {
            let found = Sizes::of(&cache, &built, &repository)?;
            report(&found.to_string(), &found)?;
            return Ok(found.well);
        }
        _ => {}
    }
    // It changes the process, and wants it to have one thread.
    network::become_root_of_a_namespace()?;
    match mode {
        Mode::Once => {
            let found = once::run(&cache, &built, &track::make(&cache)?, options)?;
            report(&found.to_string(), &found)?;
            Ok(found.equal)
        }
        Mode::Kill => {
            let found = survival::run(&cache, &built, &track::make(&cache)?, options)?;
            report(&lines(&found.faults), &found)?;
            Ok(found.survived)
        }
        Mode::Formats => {
            let found = formats::run(&cache, &built, options)?;
            report(&found.to_string(), &found)?;
            Ok(found.equal)
        }
        Mode::Usb => {
            let found = usb::run(&cache, &built, options, &only)?;
            report(&found.to_string(), &found)?;
            Ok(found.equal)
        }
        Mode::Trouble => {
            let found = trouble::run(&cache, &built, options)?;
            report(&found.to_string(), &found)?;
            Ok(found.usable)
        }
        Mode::Settings => {
            let found = settings::run(&cache, &built, options)?;
            report(&lines(&found.faults), &found)?;
            Ok(found.kept)
        }
        Mode::Slots => {
            let found = slots::run(&cache, &built, options)?;
            report(&found.to_string(), &found)?;
            Ok(found.well)
        }
        Mode::Inspect => {
            let found = inspect::run(&cache, &built, options)?;
            report(&found.to_string(), &found)?;
            Ok(found.safe)
        }
        Mode::Measure => {
            let found = measure::run(&cache, &built, options, length)?;
            report(&found.to_string(), &found)?;
            Ok(found.well)
        }
        Mode::BootTime => {
            let found = boot_time::run(&cache, &built, options, boots)?;
            found.lines().iter().try_for_each(|line| say(&serde_json::to_string(line)?)).map(|()| true)
        }
        _ => stay::run(&cache, &built, options, (stay, listener), say),
    }
}

fn lines(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}
