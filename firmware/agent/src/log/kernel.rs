//! The kernel's records (Documentation/ABI/testing/dev-kmsg): one a read, `priority,number,microseconds,flags;text`, and behind a
//! newline what belongs to it, which isn't kept.

use std::time::Duration;

/// What is kept of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Since the kernel's start.
    pub(super) time: Duration,
    /// With its level in front, as the programs write it.
    pub(super) text: String,
}

/// None: it isn't one.
pub(super) fn record(bytes: &[u8]) -> Option<Record> {
    let text = String::from_utf8_lossy(bytes);
    let (head, rest) = text.split_once(';')?;
    let mut fields = head.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    let microseconds: u64 = fields.nth(1)?.parse().ok()?;
    // The low three bits, as in syslog(3).
    let level = match priority & 7 {
        0..=3 => "ERROR",
        4 => " WARN",
        5 | 6 => " INFO",
        _ => "DEBUG",
    };
    let line = rest.lines().next().unwrap_or_default();
    Some(Record { time: Duration::from_micros(microseconds), text: format!("{level} {line}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_its_time_its_level_and_its_first_line() {
        let usb = record(b"4,812,5140900,-;usb 1-1: device not accepting address\n SUBSYSTEM=usb\n").unwrap();
        assert_eq!(usb.time, Duration::from_micros(5_140_900));
        assert_eq!(usb.text, " WARN usb 1-1: device not accepting address");
        // Facility 1 (user), level 3, and a field that later kernels add.
        assert_eq!(record(b"11,1,2,c,caller=T1;x").unwrap().text, "ERROR x");
        for wrong in [&b""[..], b"6,1,2,-", b"x,1,2,-;y", b"6,1;y", b"\xff;"] {
            assert_eq!(record(wrong), None);
        }
    }
}
