//! The program behind `tests/bench`; the script says what it does and prints.
#![forbid(unsafe_code)]
use std::io::Write as _;
use std::process::ExitCode;

use tools::bench::{Line, decimate, instructions, kernels, path, rings};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let wanted = match arguments.as_slice() {
        ["--count", kernel, set, calls] => {
            instructions::run(kernel, set, calls.parse().unwrap_or(0));
            return ExitCode::SUCCESS;
        }
        ["--instructions"] => return instructions(),
        [] => None,
        [group @ ("kernels" | "decimate" | "rings" | "path")] => Some(*group),
        _ => {
            eprintln!("tests/bench: see tests/bench --help");
            return ExitCode::from(2);
        }
    };
    let is_wanted = |group| wanted.is_none_or(|wanted| wanted == group);
    if is_wanted("kernels") {
        print(&kernels::lines());
    }
    if is_wanted("rings") {
        print(&rings::lines());
    }
    for (group, lines) in [("decimate", decimate::lines as fn() -> _), ("path", path::lines)] {
        if is_wanted(group) {
            match lines() {
                Ok(lines) => print(&lines),
                Err(error) => {
                    eprintln!("tests/bench: {error:#}");
                    return ExitCode::from(2);
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// The kernels' instructions: 1 if one takes more than 10 % more than recorded, 2 without valgrind, 77 if this CPU can run
/// nothing of what is recorded.
fn instructions() -> ExitCode {
    let (sets, missing) = instructions::sets();
    for set in missing {
        eprintln!("tests/bench: not counted, as this CPU hasn't it: {}", set.name());
    }
    if sets.is_empty() {
        return ExitCode::from(77);
    }
    let mut are_good = true;
    for set in sets {
        let Some(counted) = instructions::all(set) else {
            eprintln!("tests/bench: no valgrind that can count");
            return ExitCode::from(2);
        };
        for counted in &counted {
            println!("{counted}");
        }
        are_good &= counted.iter().all(instructions::Counted::is_good);
    }
    ExitCode::from(u8::from(!are_good))
}

fn print(lines: &[Line]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // Nobody reads on: nothing to do about it.
        let _ = serde_json::to_writer(&mut out, line).map(|()| writeln!(out));
    }
    let _ = out.flush();
}
