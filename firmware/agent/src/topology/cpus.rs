//! Sets of CPUs, as the kernel writes them: the list `0-2,5` (Documentation/admin-guide/cputopology.rst) and the mask
//! `00000001,00000027` (Documentation/core-api/irq/irq-affinity.rst).

use std::collections::BTreeSet;

/// More than the kernel's NR_CPUS on any machine; a bound for what a damaged list may make us build.
const MOST: u32 = 8192;

/// CPU numbers, which may have holes.
pub(crate) type Cpus = BTreeSet<u32>;

/// Reads a list; None if it isn't one.
pub(crate) fn parse(list: &str) -> Option<Cpus> {
    let mut cpus = Cpus::new();
    // No more parts than there are CPUs: a list that says the same again and again is none.
    for part in list.trim().split(',').filter(|part| !part.is_empty()).take(MOST as usize) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        // The kernel's lists are in order.
        if first > last || cpus.last().is_some_and(|before| *before >= first) {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// Digits only: `parse` would take a plus sign.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number < MOST)
}

/// As a list, with ranges.
pub(crate) fn list(cpus: &Cpus) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

/// As a mask: words of 32 bits, the highest first. Numbers that no machine has are left out.
pub(crate) fn mask(cpus: &Cpus) -> String {
    let mut words = vec![0_u32; 1];
    for cpu in cpus.iter().filter(|cpu| **cpu < MOST) {
        let word = (cpu / 32) as usize;
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        if let Some(word) = words.get_mut(word) {
            *word |= 1 << (cpu % 32);
        }
    }
    words.iter().rev().map(|word| format!("{word:08x}")).collect::<Vec<_>>().join(",")
}

/// Reads a mask, with or without leading zeros; None if it isn't one.
pub(crate) fn parse_mask(mask: &str) -> Option<Cpus> {
    let words: Vec<&str> = mask.trim().split(',').collect();
    if words.len() > (MOST / 32) as usize {
        return None;
    }
    let mut cpus = Cpus::new();
    for (word, base) in words.iter().rev().zip((0..).step_by(32)) {
        if word.len() > 8 || word.starts_with('+') {
            return None;
        }
        let bits = u32::from_str_radix(word, 16).ok()?;
        cpus.extend((0..32).filter(|bit| bits >> bit & 1 == 1).map(|bit| base + bit));
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sets_have_holes() {
        assert_eq!(parse("0-2,5\n"), Some(Cpus::from([0, 1, 2, 5])));
        assert_eq!(parse("3"), Some(Cpus::from([3])));
        assert_eq!(parse("\n"), Some(Cpus::new()));
    }

    #[test]
    fn what_is_no_list() {
        for text in
            ["a", "3-1", "1-", "-", "0-4294967295", "99999999999", "0-8192", "1,1", "3,1", "0-3,2", "+1", "1-2-3"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("0-8191").map(|cpus| cpus.len()), Some(8192));
        assert_eq!(parse(&"0-8191,".repeat(100_000)), None);
    }

    #[test]
    fn masks_are_words_of_32_bits() {
        assert_eq!(mask(&Cpus::from([0, 1, 2, 5])), "00000027");
        assert_eq!(mask(&Cpus::from([0, 32, 63])), "80000001,00000001");
        assert_eq!(mask(&Cpus::new()), "00000000");
        assert_eq!(parse_mask("f\n"), Some(Cpus::from([0, 1, 2, 3])));
        for text in ["", "x", "123456789", "1,,1", "+1", "-1"] {
            assert_eq!(parse_mask(text), None, "{text}");
        }
        assert_eq!(parse_mask(&"1,".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cpus in proptest::collection::btree_set(0_u32..MOST, 0..100)) {
            prop_assert_eq!(parse(&list(&cpus)), Some(cpus.clone()));
            prop_assert_eq!(parse_mask(&mask(&cpus)), Some(cpus));
        }

        #[test]
        fn no_text_is_too_odd(text in "[0-9a-f,+ \n-]{0,80}") {
            for cpus in [parse(&text), parse_mask(&text)].into_iter().flatten() {
                prop_assert!(cpus.iter().all(|cpu| *cpu < MOST));
            }
        }
    }
}
