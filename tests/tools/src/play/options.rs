//! The command line of `tests/play`. Its help is the comment at the head of that script.
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the sink takes.
    pub sink: String,
    /// The highest rate that the sink takes, in ALSA's Hz.
    pub max_rate: Option<u32>,
    /// Whether the player resamples where the sink hasn't the rate.
    pub resample: bool,
    /// One queue instead of one file after the other.
    pub gapless: bool,
    /// The sink takes data as fast as it comes.
    pub fast: bool,
    /// Time for each file.
    pub timeout: Duration,
    /// What to play.
    pub files: Vec<PathBuf>,
}

/// The sinks that there are.
const SINKS: [&str; 13] = [
    "auto",
    "pcm",
    "s16",
    "s24_3",
    "s24",
    "s32",
    "dsd_u8",
    "dsd_u16_le",
    "dsd_u16_be",
    "dsd_u32_le",
    "dsd_u32_be",
    "dop_s24_3",
    "dop_s32",
];
/// More seconds than any file has; still far from what a clock can hold.
const LONGEST: f64 = 1e9;
/// Above every rate that a sink takes, Hz.
const MAX_RATE: u32 = 100_000_000;
/// Seconds for each file, unless told.
const TIMEOUT: f64 = 120.0;

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// When an option or its value is unknown, or no file is named.
    pub fn parse(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            sink: "auto".into(),
            max_rate: None,
            resample: true,
            gapless: false,
            fast: false,
            timeout: Duration::from_secs_f64(TIMEOUT),
            files: Vec::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("sink") => {
                    options.sink = parser.value()?.string()?;
                    if !SINKS.contains(&options.sink.as_str()) {
                        let known = SINKS.join(", ");
                        return Err(format!("unknown sink {}; there are: {known}", options.sink).into());
                    }
                }
                Arg::Long("max-rate") => {
                    let rate = parser.value()?.parse()?;
                    if !(1..=MAX_RATE).contains(&rate) {
                        return Err(format!("--max-rate {rate}: from 1 to {MAX_RATE} Hz").into());
                    }
                    options.max_rate = Some(rate);
                }
                Arg::Long("resample") => {
                    options.resample = match parser.value()?.string()?.as_str() {
                        "on" => true,
                        "off" => false,
                        text => return Err(format!("--resample {text}: on or off").into()),
                    };
                }
                Arg::Long("gapless") => options.gapless = true,
                Arg::Long("fast") => options.fast = true,
                Arg::Long("timeout") => {
                    let value = parser.value()?;
                    let seconds = value.parse::<f64>()?;
                    let usual = seconds > 0.0 && seconds <= LONGEST;
                    if !usual {
                        return Err(format!("--timeout {seconds}: above 0, at most {LONGEST} seconds").into());
                    }
                    options.timeout = Duration::from_secs_f64(seconds);
                }
                Arg::Value(file) => options.files.push(file.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        if options.files.is_empty() {
            return Err("no FILE".into());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, lexopt::Error> {
        Options::parse(Parser::from_args(arguments))
    }

    #[test]
    fn options_and_files_in_any_order() {
        let options = parse(&[
            "a",
            "--sink=dsd_u16_le",
            "--max-rate",
            "96000",
            "--fast",
            "--timeout",
            "2.5",
            "b",
            "--gapless",
            "a",
        ]);
        let options = options.expect("parsed");
        assert_eq!((options.sink.as_str(), options.max_rate), ("dsd_u16_le", Some(96_000)));
        assert!(options.fast && options.gapless && options.resample);
        assert!(!parse(&["--resample", "off", "a"]).expect("parsed").resample);
        assert_eq!(options.timeout, Duration::from_millis(2500));
        assert_eq!(options.files, ["a", "b", "a"].map(PathBuf::from));
        assert_eq!(parse(&["--", "--fast"]).expect("parsed").files, [PathBuf::from("--fast")]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            &[][..],
            &["--fast"],
            &["--sink", "s8", "a"],
            &["--sink"],
            &["--max-rate", "0", "a"],
            &["--max-rate", "x", "a"],
            &["--resample", "x", "a"],
            &["--timeout", "0", "a"],
            &["--timeout", "-1", "a"],
            &["--timeout", "x", "a"],
            &["--timeout", "nan", "a"],
            &["--timeout", "inf", "a"],
            &["--timeout", "1e19", "a"],
            &["--loud", "a"],
            &["-x", "a"],
            &["--fast=yes", "a"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
