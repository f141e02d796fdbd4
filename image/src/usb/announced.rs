//! What each DAC that was plugged in was found by: the kernel's announcement of it, and not a look that was due.
use anyhow::Result;

use super::bench::Bench;
use super::found::Tried;

/// What the engine's log says of a DAC that it was told of, of one that it wasn't (firmware/engine/src/control/search.rs), and of none.
const ANNOUNCED: &str = ", announced by the kernel ";
const UNANNOUNCED: &str = ", found by looking";
const NONE: &str = "no sound card (";
/// It is found so soon after its announcement, ms: 2 s, and as much again on a host that is busy.
const MOST_MS: u64 = 4000;

/// Each time that a DAC was plugged in since the machine was started it has to have been found, by the announcement, soon after it.
pub(super) fn all(bench: &Bench) -> Result<Tried> {
    let plugs = bench.dac.plugs();
    let (mut faults, ages) = judge(&bench.console(), plugs);
    if plugs == 0 {
        faults.push("none was plugged in".to_owned());
    }
    let worst = ages.iter().max().copied().unwrap_or_default();
    let note = format!("{plugs} times plugged in; found {worst} ms after the announcement at most");
    Ok(Tried { faults, note, ..Tried::default() })
}

/// What is wrong, and how long after their announcements those were found that were plugged in, ms.
fn judge(log: &str, plugs: usize) -> (Vec<String>, Vec<u64>) {
    let mut is_there = false;
    let mut found = Vec::new();
    for line in log.lines() {
        if line.contains(NONE) {
            is_there = false;
        } else if let Some((_, output)) = line.split_once(" output: ") {
            // What is found out of it later is said again.
            if !std::mem::replace(&mut is_there, true) {
                found.push(output);
            }
        }
    }
    let mut faults = Vec::new();
    // One that was there at the start may have been announced before the engine could hear it.
    let (before, after) = found.split_at(found.len().saturating_sub(plugs));
    if after.len() < plugs {
        faults.push(format!("plugged in {plugs} times, it was found {} times", after.len()));
    }
    let unannounced = before.iter().filter(|output| output.contains(UNANNOUNCED));
    let others = after.iter().filter(|output| age_ms(output).is_none());
    faults.extend(unannounced.chain(others).map(|output| format!("it was found without an announcement: {output}")));
    let ages: Vec<_> = after.iter().filter_map(|output| age_ms(output)).collect();
    let late = ages.iter().filter(|ms| **ms > MOST_MS);
    faults.extend(late.map(|ms| format!("it was found only {ms} ms after its announcement")));
    (faults, ages)
}

/// How long before an output was found it was announced, ms; None: it wasn't.
fn age_ms(output: &str) -> Option<u64> {
    output.split_once(ANNOUNCED)?.1.split_once(" ms ago")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "1970-01-01T00:00:07Z  ";

    #[test]
    fn only_what_was_announced_counts_and_each_time_needs_its_own() {
        let [there, announced, late, looked] = [
            "it was there",
            "announced by the kernel 20 ms ago",
            "announced by the kernel 4001 ms ago",
            "found by looking, unannounced",
        ]
        .map(|reason| format!("{TIME}INFO output: A DAC (hw:0,0), {reason}\n"));
        let gone = format!("{TIME}WARN no sound card (of those that --sink takes): waiting for one\n");
        let log = |parts: &[&String]| parts.iter().map(|part| part.as_str()).collect::<String>();
        let twice = log(&[&there, &gone, &announced, &gone, &announced]);
        assert_eq!(judge(&twice, 2), (Vec::new(), vec![20, 20]));
        for (parts, plugs, fault) in [
            (&[&there, &gone, &announced][..], 2, "without an announcement: A DAC (hw:0,0), it was there"),
            (&[&gone, &announced], 2, "plugged in 2 times, it was found 1 times"),
            // What is said again of the same one is no other one.
            (&[&announced, &announced], 2, "plugged in 2 times, it was found 1 times"),
            (&[&there, &gone, &looked], 1, "without an announcement: A DAC (hw:0,0), found by looking"),
            (&[&looked, &gone, &announced], 1, "without an announcement: A DAC (hw:0,0), found by looking"),
            (&[&there, &gone, &late], 1, "only 4001 ms after"),
        ] {
            let (faults, _) = judge(&log(parts), plugs);
            assert!(matches!(faults.as_slice(), [only] if only.contains(fault)), "{fault}: {faults:?}");
        }
        let again = log(&[&there, &gone, &announced, &looked]);
        assert_eq!(judge(&again, 1).0, [""; 0], "its mixer was found later");
    }
}
