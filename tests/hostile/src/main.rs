//! A program behind the player's own bars that tries the ways out, each in a process of its own.
//!
//! It does what somebody would who has taken the player over. Nothing that it tries does harm where it is let through: arguments are
//! such that the kernel would look at them and find them wanting, and signals are number 0.
#![deny(unsafe_code)]

mod attempt;
#[allow(unsafe_code, reason = "makes system calls that no library offers")]
mod call;
mod network;
mod rights;
mod ways;

use std::path::PathBuf;
use std::process::ExitCode;

use attempt::{Around, Found};

const HELP: &str = "\
hostile: tries the ways out of the player's sandbox

  hostile [--outside] [--user UID:GID] STATE-DIR
      a line for each attempt. Ends with 0 if every one was refused, else with 1.
      --outside   without the sandbox: what this machine lets such a program do
      --user      as this user, which takes root
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (confined, rest) = match &words[..] {
        ["--outside", rest @ ..] => (false, rest),
        rest => (true, rest),
    };
    let (user, rest) = match rest {
        ["--user", user, rest @ ..] => (Some(*user), rest),
        rest => (None, rest),
    };
    match rest {
        [directory, "--try", name, parent, abstract_name] => {
            let around = Around {
                state: PathBuf::from(directory),
                parent: parent.parse().unwrap_or(1),
                abstract_name: (*abstract_name).to_owned(),
            };
            attempt::alone(name, &around, confined, user)
        }
        [directory] if !directory.starts_with('-') => all(directory, confined, user),
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn all(directory: &str, confined: bool, user: Option<&str>) -> ExitCode {
    let mut through = 0;
    let neighbour = match network::Neighbour::new() {
        Ok(neighbour) => neighbour,
        Err(error) => {
            eprintln!("hostile: no socket to be kept from: {error}");
            return ExitCode::from(2);
        }
    };
    for way in attempt::ways() {
        let found = attempt::in_a_process(way, directory, confined, user, &neighbour.name);
        println!("{:<44} {found}", way.name);
        through += u32::from(matches!(found, Found::Through(_)));
    }
    println!("{through} of {} got through", attempt::ways().count());
    ExitCode::from(u8::from(through > 0))
}
