//! One of those who say something: bytes become lines, of bounded length and number.

use std::time::{Duration, Instant};

/// Bytes of a line that are kept.
const LONGEST: usize = 1000;

/// How much one may say: so many lines at once, and one more after each of these times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    burst: u32,
    every: Duration,
}

/// A start takes a few dozen lines, a track three.
pub(super) const PROGRAM: Rate = Rate { burst: 400, every: Duration::from_millis(100) };
/// A start takes some hundreds.
pub(super) const KERNEL: Rate = Rate { burst: 1500, every: Duration::from_millis(100) };

pub(super) struct Source {
    pub(super) name: &'static str,
    rate: Rate,
    /// Lines that may still come at once, and since when that is so.
    left: u32,
    since: Option<Instant>,
    left_out: u64,
    /// The beginning of a line whose end hasn't come.
    part: Vec<u8>,
}

impl Source {
    pub(super) fn new(name: &'static str, rate: Rate) -> Self {
        Self { name, rate, left: rate.burst, since: None, left_out: 0, part: Vec::new() }
    }

    /// Takes what was said, and gives the lines that are to be kept.
    pub(super) fn take(&mut self, bytes: &[u8], now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.append(&rest[..end]);
            let line = clean(&std::mem::take(&mut self.part));
            lines.extend(self.admit(&line, now));
            rest = &rest[end + 1..];
        }
        self.append(rest);
        lines.extend(self.note(now));
        lines
    }

    /// The line, if there may be one more; in front of it how many there mightn't before.
    pub(super) fn admit(&mut self, line: &str, now: Instant) -> Vec<String> {
        let mut lines: Vec<String> = self.note(now).into_iter().collect();
        if self.may(now) {
            lines.push(line.to_owned());
        } else {
            self.left_out += 1;
        }
        lines
    }

    pub(super) fn has_left_out(&self) -> bool {
        self.left_out > 0
    }

    fn note(&mut self, now: Instant) -> Option<String> {
        (self.left_out > 0 && self.may(now))
            .then(|| format!(" WARN {} lines left out: too many at once", std::mem::take(&mut self.left_out)))
    }

    fn may(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let more = now.saturating_duration_since(since).as_millis() / self.rate.every.as_millis();
        if more > 0 {
            self.left = self.left.saturating_add(u32::try_from(more).unwrap_or(u32::MAX)).min(self.rate.burst);
            self.since = Some(now);
        }
        self.left.checked_sub(1).map(|left| self.left = left).is_some()
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.part.len());
        self.part.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }
}

/// A line's text: no control character, so that it can't do anything to the terminal of whoever reads it.
fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end().chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut source = Source::new("player", PROGRAM);
        let now = Instant::now();
        assert!(source.take(b"one, ", now).is_empty());
        assert_eq!(source.take(b"and\n\x1b[31mtwo\xff\r\nth", now), ["one, and", " [31mtwo\u{fffd}"]);
        assert_eq!(source.take(b"ree\n", now), ["three"]);
        let long = source.take(&[b'x'; 5000], now);
        assert!(long.is_empty());
        assert_eq!(source.take(b"y\nz\n", now), ["x".repeat(LONGEST), "z".to_owned()]);
    }

    #[test]
    fn too_many_lines_are_counted_and_the_others_come() {
        let mut source = Source::new("player", Rate { burst: 10, every: Duration::from_millis(100) });
        let now = Instant::now();
        assert_eq!(source.take(&b"x\n".repeat(50), now).len(), 10);
        assert!(source.has_left_out());
        assert!(source.take(b"", now + Duration::from_millis(50)).is_empty());
        let later = source.take(b"", now + Duration::from_millis(100));
        assert_eq!(later, [" WARN 40 lines left out: too many at once"]);
        assert!(!source.has_left_out());
        // After a while it is as at first.
        assert_eq!(source.take(&b"x\n".repeat(50), now + Duration::from_secs(60)).len(), 10);
    }
}
