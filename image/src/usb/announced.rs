//! What each DAC that was plugged in was found by: the kernel's announcement of it, and not a look that was due.
use anyhow::Result;

use super::bench::Bench;
use super::found::Tried;

/// What the engine's log says of a DAC that it was told of (firmware/engine/src/control/search.rs),
const ANNOUNCED: &str = ", announced by the kernel ";
/// and of one that it has named before: that failed, or of which more is known now (firmware/engine/src/control.rs).
const AGAIN: &str = ", as before";
/// Half of them are found so soon after their announcement, ms: a look is 20 ms long at least, and a node has to get its group first.
const MEDIAN_MS: u64 = 500;
/// Each is, ms.
const MOST_MS: u64 = 2000;

/// Each time that a DAC was plugged in since the machine was started it has to have been found, by its announcement, soon after it.
pub(super) fn all(bench: &Bench) -> Result<Tried> {
    let plugs = bench.plugs();
    let (faults, mut ages) = judge(&bench.console(), plugs);
    ages.sort_unstable();
    let [median, worst] = [ages.get(ages.len() / 2), ages.last()].map(|age| age.copied().unwrap_or_default());
    let note = format!("{plugs} times plugged in; found {median} ms after the announcement, {worst} at most");
    Ok(Tried { faults, note, ..Tried::default() })
}

/// What is wrong, and how long after their announcements those were found that were plugged in, ms.
fn judge(log: &str, plugs: usize) -> (Vec<String>, Vec<u64>) {
    let outputs = log.lines().filter_map(|line| Some(line.trim_end().split_once(" output: ")?.1));
    let found: Vec<_> = outputs.filter(|output| !output.ends_with(AGAIN)).collect();
    let mut faults = Vec::new();
    // One that was there at the start may have been announced before the engine could hear it.
    let (before, after) = found.split_at(found.len().saturating_sub(plugs));
    if after.len() < plugs || before.len() > 1 || plugs == 0 {
        faults.push(format!("plugged in {plugs} times, it was found {} times", found.len()));
    }
    let others = after.iter().filter(|output| age_ms(output).is_none());
    faults.extend(others.map(|output| format!("it was found without an announcement: {output}")));
    let mut ages: Vec<_> = after.iter().filter_map(|output| age_ms(output)).collect();
    let late = ages.iter().filter(|ms| **ms > MOST_MS);
    faults.extend(late.map(|ms| format!("it was found only {ms} ms after its announcement")));
    ages.sort_unstable();
    if let Some(median) = ages.get(ages.len() / 2).filter(|ms| **ms > MEDIAN_MS) {
        faults.push(format!("half of the times it was found only {median} ms after its announcement"));
    }
    (faults, ages)
}

/// How long before an output was found it was announced, ms; None: it wasn't.
fn age_ms(output: &str) -> Option<u64> {
    output.split_once(ANNOUNCED)?.1.strip_suffix(" ms ago")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_needs_an_announcement_of_its_own() {
        let [there, soon, slow, late, looked, again] = [
            "it was there",
            "announced by the kernel 20 ms ago",
            "announced by the kernel 501 ms ago",
            "announced by the kernel 2001 ms ago",
            "found by looking, unannounced",
            "as before",
        ]
        .map(|reason| {
            format!("[    8.568548] engine: 1970-01-01T00:00:07Z  INFO output: A DAC (hw:0,0), {reason}\r\n")
        });
        let log = |parts: &[&String]| parts.iter().map(|part| part.as_str()).collect::<String>();
        assert_eq!(judge(&log(&[&there, &soon, &soon]), 2), (Vec::new(), vec![20, 20]));
        assert_eq!(judge(&log(&[&there, &soon, &again, &soon, &slow, &again]), 3), (Vec::new(), vec![20, 20, 501]));
        for (parts, plugs, faults) in [
            // None was there at the start.
            (&[&soon][..], 1, &[][..]),
            (&[], 0, &["plugged in 0 times"]),
            (&[&there], 0, &["plugged in 0 times"]),
            (&[&there, &soon], 2, &["without an announcement: A DAC (hw:0,0), it was there"]),
            (&[&soon], 2, &["plugged in 2 times, it was found 1 times"]),
            (&[&there, &soon, &soon], 1, &["plugged in 1 times, it was found 3 times"]),
            (&[&soon, &again], 2, &["plugged in 2 times, it was found 1 times"]),
            (&[&there, &looked], 1, &["without an announcement: A DAC (hw:0,0), found by looking"]),
            (&[&there, &soon, &soon, &late], 3, &["only 2001 ms after"]),
            (&[&there, &soon, &slow], 2, &["half of the times it was found only 501 ms"]),
        ] {
            let (found, _) = judge(&log(parts), plugs);
            let right = found.len() == faults.len() && found.iter().zip(faults).all(|(one, other)| one.contains(other));
            assert!(right, "{faults:?}: {found:?}");
        }
    }
}
