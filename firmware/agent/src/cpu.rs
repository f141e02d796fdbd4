//! Sets of CPUs, as the kernel writes them: `0-2,5` (Documentation/admin-guide/cputopology.rst).

use std::collections::BTreeSet;

use crate::root::Root;

/// More than the kernel's NR_CPUS on any machine; a bound for what a damaged list may make us build.
const MOST: u32 = 8192;

/// CPU numbers, which may have holes.
pub(crate) type Cpus = BTreeSet<u32>;

/// Reads a list; None if it isn't one.
pub(crate) fn parse(list: &str) -> Option<Cpus> {
    let mut cpus = Cpus::new();
    for part in list.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// The CPUs that run: `online`.
pub(crate) fn online(root: &Root) -> Cpus {
    list(root, "online")
}

/// The CPUs that the scheduler leaves alone (`isolcpus=domain`).
pub(crate) fn isolated(root: &Root) -> Cpus {
    list(root, "isolated")
}

fn list(root: &Root, name: &str) -> Cpus {
    root.text(format!("sys/devices/system/cpu/{name}")).and_then(|text| parse(&text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f9_sets_have_holes() {
        assert_eq!(parse("0-2,5\n"), Some(Cpus::from([0, 1, 2, 5])));
        assert_eq!(parse("3"), Some(Cpus::from([3])));
        assert_eq!(parse("\n"), Some(Cpus::new()));
    }

    #[test]
    fn what_is_no_list() {
        for text in ["a", "3-1", "1-", "-", "0-4294967295", "99999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
