//! The program behind `tests/bench`; the script says what it does and prints.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tools::bench::instructions::{self, Record, steps};
use tools::bench::{Line, against, decimate, path, peers, rings, table};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let wanted = match arguments.as_slice() {
        [how @ ("--count" | "--stepped"), kernel, set, bytes, calls] => {
            let run = if *how == "--count" { kernels::run } else { steps::run };
            return match (bytes.parse(), calls.parse()) {
                (Ok(bytes), Ok(calls)) => {
                    run(kernel, set, bytes, calls).map_or(ExitCode::from(2), |()| ExitCode::SUCCESS)
                }
                _ => ExitCode::from(2),
            };
        }
        ["--instructions", arm @ ..] => return instructions(arm.first().map(Path::new)),
        ["--record", file, arm @ ..] => {
            return match record(Path::new(file), arm.first().map(Path::new)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            };
        }
        ["--table", part @ ..] => {
            table::print(part.first().unwrap_or(&""));
            return ExitCode::SUCCESS;
        }
        ["--decode", what] => return path::decode(what).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS),
        ["--hash", bytes] => {
            path::hash(bytes.parse().unwrap_or(0));
            return ExitCode::SUCCESS;
        }
        [] => None,
        [group @ ("kernels" | "peers" | "decimate" | "rings" | "path")] => Some(*group),
        _ => {
            eprintln!("tests/bench: see tests/bench --help");
            return ExitCode::from(2);
        }
    };
    let is_wanted = |group| wanted.is_none_or(|wanted| wanted == group);
    if is_wanted("kernels") {
        print(&against::lines());
    }
    if is_wanted("peers") {
        print(&peers::lines());
    }
    if is_wanted("rings") {
        print(&rings::lines());
    }
    for (group, lines) in [("decimate", decimate::lines as fn() -> _), ("path", path::lines)] {
        if is_wanted(group) {
            match lines() {
                Ok(lines) => print(&lines),
                Err(error) => return failed(&error),
            }
        }
    }
    ExitCode::SUCCESS
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("tests/bench: {error:#}");
    ExitCode::from(2)
}

/// The kernels' instructions, for ARM those of the program `arm`: 1 if one takes more than 10 % more than recorded, 2 without
/// what counts them, 77 if nothing of what is recorded can be counted here.
fn instructions(arm: Option<&Path>) -> ExitCode {
    let mut are_good = true;
    let counted = count(arm, |counted| {
        println!("{counted}");
        are_good &= counted.is_good();
    });
    match counted {
        Ok(0) => ExitCode::from(77),
        Ok(_) => ExitCode::from(u8::from(!are_good)),
        Err(error) => failed(&error),
    }
}

/// Writes into `file` what is counted here, with this compiler; what can't be stays as it is there.
fn record(file: &Path, arm: Option<&Path>) -> Result<()> {
    let name = || file.display().to_string();
    let mut record = Record::read(&std::fs::read_to_string(file).with_context(name)?);
    count(arm, |counted| record.put(counted))?;
    std::fs::write(file, record.to_string()).with_context(name)
}

/// Counts all kernels with every set that can be counted here. Returns how many sets that are.
fn count(arm: Option<&Path>, mut each: impl FnMut(&instructions::Counted)) -> Result<usize> {
    let (sets, missing) = instructions::sets(arm);
    for set in missing {
        eprintln!("tests/bench: can't be counted here: {}", set.name());
    }
    for &set in &sets {
        let counted = instructions::all(set, arm).with_context(|| format!("nothing that counts {}", set.name()))?;
        counted.iter().for_each(&mut each);
    }
    Ok(sets.len())
}

fn print(lines: &[Line]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // Nobody reads on: nothing to do about it.
        let _ = serde_json::to_writer(&mut out, line).map(|()| writeln!(out));
    }
    let _ = out.flush();
}
