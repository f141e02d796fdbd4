//! UPnP AV's way of writing durations and positions.
use std::time::Duration;

/// What a string variable holds that this renderer doesn't keep (AVT section 2.2).
pub const NOT_IMPLEMENTED: &str = "NOT_IMPLEMENTED";

/// What the counter positions hold when they aren't kept: the largest `i4` (AVT sections 2.2.24 and 2.2.25).
pub const COUNTER_NOT_IMPLEMENTED: i32 = i32::MAX;

/// Writes `H:MM:SS`, rounded down.
///
/// Never with a fraction: the specification allows one, some control points fail on it, and a position that is
/// rounded up would reach the duration before the track ends.
pub fn format(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Reads `H+:MM:SS`, with a fraction as `.F+` or `.F0/F1` (AVT section 2.2.14). Minutes and seconds below 60.
///
/// A sign is allowed by the later versions of the specification; nothing here is negative. `None` for anything else,
/// [`NOT_IMPLEMENTED`] included.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let mut fields = text.strip_prefix('+').unwrap_or(text).split(':');
    let (hours, minutes, rest) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (seconds, fraction) = match rest.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction_ns(fraction)?),
        None => (rest, 0),
    };
    // 8 digits of hours are 11 000 years: no sum below can overflow
    let hours = digits(hours, 8)?;
    let (minutes, seconds) = (digits(minutes, 2)?, digits(seconds, 2)?);
    if minutes > 59 || seconds > 59 {
        return None;
    }
    Some(Duration::new(hours * 3600 + minutes * 60 + seconds, fraction))
}

/// 1 to `max` ASCII digits.
fn digits(text: &str, max: usize) -> Option<u64> {
    let sound = (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| text.parse().ok())?
}

/// The part behind the point, in nanoseconds: `F+` is decimal, `F0/F1` a fraction below one.
fn fraction_ns(text: &str) -> Option<u32> {
    if let Some((numerator, denominator)) = text.split_once('/') {
        let (numerator, denominator) = (digits(numerator, 9)?, digits(denominator, 9)?);
        if numerator >= denominator {
            return None;
        }
        return u32::try_from(numerator * 1_000_000_000 / denominator).ok();
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine = text.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn t2_no_fractions_and_rounded_down() {
        assert_eq!(format(Duration::ZERO), "0:00:00");
        assert_eq!(format(Duration::from_millis(3_599_999)), "0:59:59");
        assert_eq!(format(Duration::from_secs(36_000)), "10:00:00");
    }

    #[test]
    fn fractions_are_read() {
        assert_eq!(parse("0:00:01.5"), Some(Duration::from_millis(1500)));
        assert_eq!(parse("00:00:01.500000000001"), Some(Duration::from_millis(1500)));
        assert_eq!(parse("0:00:01.1/4"), Some(Duration::from_millis(1250)));
        assert_eq!(parse("+0:00:01"), Some(Duration::from_secs(1)));
        assert_eq!(parse(" 123:59:59 "), Some(Duration::from_secs(123 * 3600 + 3599)));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "1",
            "1:2",
            "0:60:00",
            "0:00:60",
            "-0:00:01",
            "0:00:01.",
            "0:00:01.4/4",
            "0:00:01.1/0",
            "0:0:0:0",
            "123456789:00:00",
            "++1:00:00",
            NOT_IMPLEMENTED,
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0u64..100_000_000) {
            prop_assert_eq!(parse(&format(Duration::from_secs(seconds))), Some(Duration::from_secs(seconds)));
        }

        #[test]
        fn never_panics(text in any::<String>(), like in "[0-9:./+-]{0,40}") {
            let _ = (parse(&text), parse(&like));
        }
    }
}
