//! What a DAC that was plugged in was found by: the kernel's announcement, and not a look that was due.
use anyhow::Result;

use super::bench::Bench;
use super::found::Tried;

/// What the engine's log says of a DAC that it was told of, and of one that it wasn't (firmware/engine/src/control/search.rs).
const ANNOUNCED: &str = ", announced by the kernel ";
const UNANNOUNCED: &str = ", found by looking";

/// How often a DAC was plugged in at least once [`plug`](super::plug)'s are through.
pub(super) const REPLUGGED: usize = 13;

/// So many times at least a DAC has to have been found since the machine was started, each time by the announcement.
pub(super) fn all(bench: &Bench, least: usize) -> Result<Tried> {
    let (faults, announced) = judge(&bench.console(), least);
    Ok(Tried { faults, note: format!("{announced} times"), ..Tried::default() })
}

/// What is wrong, and how often it was announced.
fn judge(log: &str, least: usize) -> (Vec<String>, usize) {
    let said = |what: &str| log.lines().filter(|line| line.contains(" output: ") && line.contains(what)).count();
    let (announced, unannounced) = (said(ANNOUNCED), said(UNANNOUNCED));
    let mut faults = Vec::new();
    if announced < least {
        faults.push(format!("it was found {announced} times by the kernel's announcement, not {least}"));
    }
    if unannounced > 0 {
        faults.push(format!("it was found {unannounced} times without an announcement"));
    }
    (faults, announced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_announced_counts() {
        let [there, announced, looked] =
            ["it was there", "announced by the kernel 20 ms ago", "found by looking, unannounced"]
                .map(|reason| format!("1970-01-01T00:00:07Z  INFO output: A DAC (hw:0,0), {reason}\n"));
        let twice = format!("{there}{announced} INFO the DAC is A DAC\n{announced}");
        assert_eq!(judge(&twice, 2), (Vec::new(), 2));
        assert_eq!(judge(&twice, 3).0.len(), 1);
        assert_eq!(judge(&format!("{twice}{looked}"), 2).0, ["it was found 1 times without an announcement"]);
    }
}
