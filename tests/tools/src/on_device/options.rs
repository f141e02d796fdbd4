//! The command line of `tests/on-device`. Its help is the comment at the head of that script.
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

/// The seconds that a track may play: long enough to be a measurement, short enough for what is made here in memory.
const SECONDS: std::ops::RangeInclusive<u32> = 2..=60;
/// Power cycles that somebody may have the patience for.
const MOST_CYCLES: u32 = 1000;
/// A week.
const MOST_MINUTES: u32 = 7 * 24 * 60;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The appliance's address or its description's URL; it is searched for if there is none.
    pub address: Option<String>,
    /// How long each track plays, s.
    pub seconds: u32,
    /// Whether somebody is there to pull plugs.
    pub questions: bool,
    /// How often the power is to be cut.
    pub power_cycles: u32,
    /// How long it plays under load, minutes; 0: not at all.
    pub minutes: u32,
    /// The TCP port at which the appliance fetches its tracks from here; 0: any free one.
    pub port: u16,
    /// Where the report goes, if not to standard output.
    pub output: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// When an option or its value is unknown, or there are two addresses.
    pub fn parse(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut options =
            Self { address: None, seconds: 15, questions: true, power_cycles: 3, minutes: 2, port: 0, output: None };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("seconds") => {
                    options.seconds = parser.value()?.parse()?;
                    if !SECONDS.contains(&options.seconds) {
                        let (from, to) = (SECONDS.start(), SECONDS.end());
                        return Err(format!("--seconds {}: from {from} to {to}", options.seconds).into());
                    }
                }
                Arg::Long("no-questions") => options.questions = false,
                Arg::Long("power-cycles") => {
                    options.power_cycles = parser.value()?.parse()?;
                    if options.power_cycles > MOST_CYCLES {
                        return Err(format!("--power-cycles {}: at most {MOST_CYCLES}", options.power_cycles).into());
                    }
                }
                Arg::Long("minutes") => {
                    options.minutes = parser.value()?.parse()?;
                    if options.minutes > MOST_MINUTES {
                        return Err(format!("--minutes {}: at most {MOST_MINUTES}", options.minutes).into());
                    }
                }
                Arg::Long("port") => options.port = parser.value()?.parse()?,
                Arg::Long("output") => options.output = Some(parser.value()?.into()),
                Arg::Value(address) if options.address.is_none() => options.address = Some(address.string()?),
                _ => return Err(argument.unexpected()),
            }
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
    fn everything_may_be_left_out() {
        let options = parse(&[]).expect("parsed");
        assert!(options.questions && options.address.is_none() && options.power_cycles > 0);
        let options = parse(&["10.0.0.7", "--no-questions", "--seconds=5", "--port", "8300", "--output", "r.md"]);
        let options = options.expect("parsed");
        assert_eq!((options.address.as_deref(), options.seconds, options.port), (Some("10.0.0.7"), 5, 8300));
        assert!(!options.questions && options.output == Some("r.md".into()));
        assert_eq!(parse(&["--minutes", "60"]).expect("parsed").minutes, 60);
        assert_eq!(parse(&["--power-cycles", "100"]).expect("parsed").power_cycles, 100);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            &["a", "b"][..],
            &["--seconds", "1"],
            &["--seconds", "61"],
            &["--power-cycles", "1001"],
            &["--minutes", "10081"],
            &["--port", "70000"],
            &["--loud"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
