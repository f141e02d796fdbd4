//! The command line of `image/run`.
use std::ffi::OsString;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::kernel;
use crate::machine::Sound;
use crate::session;
use crate::track;

/// Also what image/run prints without building anything.
const HELP: &str = include_str!("../help");

/// What is to be done with the built image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Boot, and stay until interrupted.
    Stay,
    /// Play once and compare.
    Once,
    /// Kill each process while it plays.
    Kill,
    /// Play every format through the real ALSA.
    Formats,
    /// Play to a USB DAC, through its driver.
    Usb,
    /// Give it what goes wrong in a household.
    Trouble,
    /// Nothing: build only.
    Build,
}

/// The options that choose a mode. All but the last one end in a report, whose last line is JSON.
const MODES: [(&str, Mode); 6] = [
    ("once", Mode::Once),
    ("kill", Mode::Kill),
    ("formats", Mode::Formats),
    ("usb", Mode::Usb),
    ("trouble", Mode::Trouble),
    ("build", Mode::Build),
];

impl Mode {
    /// Whether a report is waited for that a program can read.
    #[must_use]
    pub fn reports(self) -> bool {
        !matches!(self, Self::Stay | Self::Build)
    }

    fn named(name: &str) -> Option<Self> {
        MODES.iter().find(|(option, _)| *option == name).map(|(_, mode)| *mode)
    }

    /// Whether the arguments ask for a report, even if they can't be understood otherwise.
    #[must_use]
    pub fn report_is_wanted(mut arguments: impl Iterator<Item = OsString>) -> bool {
        let mode = |argument: OsString| Self::named(argument.to_str()?.strip_prefix("--")?);
        arguments.any(|argument| mode(argument).is_some_and(Self::reports))
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// To do something.
    Do(Mode, kernel::Source, session::Options),
    /// To print a text.
    Print(&'static str),
}

/// Reads the command line.
///
/// # Errors
/// Names what can't be understood.
pub fn parse(mut parser: lexopt::Parser) -> Result<Asked> {
    let (mut mode, mut source) = (None, kernel::Source::default());
    let mut options =
        session::Options { port: 0, memory_mib: 256, shell: false, sound: Sound::Board(track::RATE), arguments: "" };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => options.port = parser.value()?.parse()?,
            Long("memory") => options.memory_mib = parser.value()?.parse()?,
            Long("shell") => options.shell = true,
            Long("kernel") => {
                let name = parser.value()?.string()?;
                source = kernel::Source::from_name(&name).context("--kernel takes pinned or stable")?;
            }
            Long("help") | Short('h') => return Ok(Asked::Print(HELP.trim_ascii_end())),
            Long("version") => return Ok(Asked::Print(concat!("tenuto ", env!("CARGO_PKG_VERSION")))),
            Long(name) if let Some(wanted) = Mode::named(name) => {
                if mode.is_some_and(|mode| mode != wanted) {
                    let names = MODES.map(|(name, _)| format!("--{name}"));
                    bail!("only one of {}", names.join(", "));
                }
                mode = Some(wanted);
            }
            other => bail!("{} (--help says what there is)", other.unexpected()),
        }
    }
    Ok(Asked::Do(mode.unwrap_or(Mode::Stay), source, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Mode, kernel::Source, session::Options)> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Asked::Do(mode, source, options) => Ok((mode, source, options)),
            Asked::Print(text) => bail!("{text}"),
        }
    }

    #[test]
    fn every_option_is_taken_and_in_the_help() {
        for (name, mode) in MODES {
            assert_eq!(parsed(&[&format!("--{name}")]).unwrap().0, mode);
            assert!(HELP.contains(&format!("--{name} ")), "{name}");
        }
        let arguments = ["--port", "8080", "--memory", "512", "--shell", "--kernel", "stable"];
        let (mode, source, options) = parsed(&arguments).unwrap();
        assert_eq!((mode, source), (Mode::Stay, kernel::Source::Stable));
        assert_eq!((options.port, options.memory_mib, options.shell), (8080, 512, true));
        assert!(arguments.iter().filter(|word| word.starts_with("--")).all(|option| HELP.contains(option)));
        assert!(parsed(&["--help"]).unwrap_err().to_string().contains("usage: image/run"));
    }

    #[test]
    fn what_contradicts_itself_or_is_unknown_is_refused() {
        for wrong in [&["--once", "--kill"][..], &["--kernel", "new"], &["--nonsense"], &["file"], &["--port", "x"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_report_is_wanted_by_its_mode_alone() {
        let wanted = |words: &[&str]| Mode::report_is_wanted(words.iter().map(OsString::from));
        assert!(wanted(&["--nonsense", "--trouble"]) && wanted(&["--once"]));
        assert!(!wanted(&["--build"]) && !wanted(&["once"]) && !wanted(&[]));
    }
}
