//! What a machine that is too slow loses: a reason to play once more, and no fault of what is tested.
use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use serde_json::Value;

/// A wake-up that comes later than this has missed more than the card's buffer holds at 768 kHz (2 MiB): the card has gone
/// round, and ALSA can't tell. The histogram's bucket 19 begins at 262 ms.
const STALLED: usize = 19;

/// What a machine that is too slow loses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Dropouts {
    /// The sound card ran dry.
    pub(crate) xruns: u64,
    /// The engine had nothing to play.
    pub(crate) starved: u64,
    /// The engine slept longer than the card's buffer lasts.
    pub(crate) stalls: u64,
    /// The recorder came too late.
    pub(crate) overruns: u64,
}

impl Dropouts {
    /// The engine's counters in a `/status.json`.
    pub(crate) fn counted(status: &Value) -> Self {
        let engine = &status["engine"];
        let of = |name: &str| engine[name].as_u64().unwrap_or(0);
        let late = engine["lateness"].as_array().map(Vec::as_slice).unwrap_or_default();
        let stalls = late.iter().skip(STALLED).filter_map(Value::as_u64).sum();
        Self { xruns: of("xruns"), starved: of("starved"), stalls, overruns: 0 }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            xruns: self.xruns.saturating_sub(before.xruns),
            starved: self.starved.saturating_sub(before.starved),
            stalls: self.stalls.saturating_sub(before.stalls),
            overruns: self.overruns,
        }
    }
}

/// Those that there were.
impl Display for Dropouts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { xruns, starved, stalls, overruns } = self;
        let all = [(xruns, "xruns"), (starved, "times starved"), (stalls, "stalls"), (overruns, "overruns")];
        let all = all.into_iter().filter(|(count, _)| **count > 0);
        let all: Vec<_> = all.map(|(count, what)| format!("{count} {what}")).collect();
        if all.is_empty() { f.write_str("no dropouts") } else { f.write_str(&all.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_a_slow_machine_loses_is_a_reason_to_repeat() {
        let mut late = vec![0; 32];
        (late[18], late[19], late[31]) = (7, 2, 1);
        let status = |xruns, late: &[u64]| json!({"engine": {"xruns": xruns, "starved": 4, "lateness": late}});
        let before = Dropouts::counted(&status(1, &[0; 32]));
        let after = Dropouts::counted(&status(3, &late)).since(before);
        assert_eq!(after, Dropouts { xruns: 2, starved: 0, stalls: 3, overruns: 0 });
        assert_eq!([after, Dropouts::default()].map(|all| all.to_string()), ["2 xruns, 3 stalls", "no dropouts"]);
        assert_eq!(Dropouts::counted(&Value::Null), Dropouts::default());
    }
}
