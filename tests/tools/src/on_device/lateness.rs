//! The engine's histogram of its wake-ups: how much after their time they came (`lateness` in `/status.json`).
use serde_json::Value;

/// Where 40 ms are: below 2^16 µs.
const PERIOD: usize = 16;

/// Wake-ups by how late they were: below 1 µs, then in steps of two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lateness(Vec<u64>);

impl Lateness {
    /// Of the engine's part of a status.
    pub(super) fn of(engine: &Value) -> Self {
        let counts = engine["lateness"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self(counts.iter().map(|count| count.as_u64().unwrap_or(0)).collect())
    }

    /// What came since; `None` if the engine has begun anew, or says nothing.
    pub(super) fn since(&self, before: &Self) -> Option<Self> {
        if self.0.is_empty() || self.0.len() != before.0.len() {
            return None;
        }
        let counts = self.0.iter().zip(&before.0).map(|(now, before)| now.checked_sub(*before));
        counts.collect::<Option<_>>().map(Self)
    }

    /// Both together.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one + other).collect())
    }

    /// So many were late by a period of 40 ms, or nearly: the step that this lies in begins at 33.
    pub(super) fn late_by_a_period(&self) -> u64 {
        self.0.iter().skip(PERIOD).sum()
    }

    /// Wake-ups in all.
    pub(super) fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The bucket that holds the wake-up which so many parts of all are not later than.
    fn bucket_of(&self, part: f64) -> Option<usize> {
        let wanted = (self.all() as f64 * part).ceil() as u64;
        let mut sum = 0;
        self.0.iter().position(|count| {
            sum += count;
            *count > 0 && sum >= wanted
        })
    }

    /// Upper bounds of median, 99.9 % and worst, in words.
    pub(super) fn summary(&self) -> String {
        let at = |part| self.bucket_of(part).map_or_else(|| "-".to_owned(), below);
        format!("{} / {} / {}", at(0.5), at(0.999), at(1.0))
    }

    /// The buckets that aren't empty: their names and counts.
    pub(super) fn rows(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        self.0.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, count)| (below(bucket), *count))
    }
}

/// A bucket's upper bound.
fn below(bucket: usize) -> String {
    let us = 1_u64 << bucket.min(63);
    match us {
        0..1000 => format!("< {us} µs"),
        1000..1_000_000 => format!("< {:.1} ms", us as f64 / 1e3),
        1_000_000.. => format!("< {:.1} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(counts: &[u64]) -> Lateness {
        Lateness::of(&json!({ "lateness": counts }))
    }

    #[test]
    fn what_came_since_is_the_difference_unless_the_engine_began_anew() {
        assert_eq!(of(&[5, 3, 1]).since(&of(&[4, 3, 0])), Some(of(&[1, 0, 1])));
        assert_eq!(of(&[1, 0, 0]).since(&of(&[4, 3, 0])), None);
        assert_eq!(Lateness::of(&Value::Null).since(&Lateness::default()), None);
    }

    #[test]
    fn bounds_are_the_buckets() {
        let found = of(&[500, 480, 0, 0, 19, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((found.all(), found.summary().as_str()), (1000, "< 1 µs / < 16 µs / < 2.0 ms"));
        assert_eq!(found.rows().last(), Some(("< 2.0 ms".to_owned(), 1)));
        assert_eq!(found.and(&found).all(), 2000);
        assert_eq!(found.late_by_a_period(), 0);
        let mut late = [0; 32];
        (late[15], late[16], late[20]) = (9, 2, 1);
        assert_eq!(of(&late).late_by_a_period(), 3);
        assert_eq!(Lateness::default().summary(), "- / - / -");
    }
}
