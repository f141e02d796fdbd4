//! SNTP's packets (RFC 4330; version 4 of the protocol in RFC 5905): one question, one answer.

use std::time::Duration;

/// Bytes of a packet without extensions.
pub(crate) const PACKET: usize = 48;
/// From NTP's epoch, 1900, to Unix's, s.
const EPOCH: i128 = 2_208_988_800;
const NANOS: i128 = 1_000_000_000;
/// No time before this version was written, or after this century, is believed: 2026-01-01 and 2100-01-01, s since 1970.
const PLAUSIBLE: std::ops::Range<i128> = 1_767_225_600..4_102_444_800;
/// An answer that took longer is too uncertain.
const LONGEST: i128 = 4 * NANOS;

/// The question. Its transmit timestamp is a random number rather than our time, which is nobody's business and comes back as
/// proof that the answer is to this question (RFC 9109's reasoning, and draft-ietf-ntp-data-minimization).
pub(crate) fn question(nonce: u64) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    // No warning, version 4, mode 3: client.
    packet[0] = 0b00_100_011;
    packet[40..].copy_from_slice(&nonce.to_be_bytes());
    packet
}

/// How much our clock has to be put forward, ns; negative: back.
///
/// `sent` and `received` are by our clock, since 1970.
///
/// # Errors
/// Why the answer is not believed.
pub(crate) fn offset(packet: &[u8], nonce: u64, sent: Duration, received: Duration) -> Result<i128, &'static str> {
    let Some(packet) = packet.first_chunk::<PACKET>() else { return Err("the answer is too short") };
    let (leap, version, mode) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7);
    let long = |at: usize| packet[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    if mode != 4 || !(3..=4).contains(&version) {
        return Err("it is no server's answer");
    }
    if long(24) != nonce {
        return Err("it is no answer to our question");
    }
    match packet[1] {
        0 => return Err("the server asks to be left alone"),
        1..=15 if leap != 3 => {}
        _ => return Err("the server doesn't know the time"),
    }
    let (arrived, left) = (unix(long(32)), unix(long(40)));
    let (sent, received) = (nanos(sent), nanos(received));
    let delay = (received - sent) - (left - arrived);
    if !(0..=LONGEST).contains(&(received - sent)) || left < arrived || delay < 0 {
        return Err("its times contradict ours");
    }
    if !PLAUSIBLE.contains(&(left / NANOS)) {
        return Err("its time is not plausible");
    }
    Ok(((arrived - sent) + (left - received)) / 2)
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX / 4)
}

/// A timestamp as ns since 1970. Its seconds wrap in 2036 (RFC 4330, section 3).
fn unix(timestamp: u64) -> i128 {
    let (seconds, fraction) = (i128::from(timestamp >> 32), i128::from(timestamp & 0xffff_ffff));
    let era = if seconds >= 1 << 31 { 0 } else { 1 << 32 };
    (seconds + era - EPOCH) * NANOS + ((fraction * NANOS) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u64 = 0x0123_4567_89ab_cdef;
    /// 2026-11-28 00:00:00, s since 1970 and since 1900.
    const NOW: u64 = 1_795_824_000;
    const NOW_NTP: u64 = NOW + 2_208_988_800;

    fn answer(arrived: u64, left: u64) -> [u8; PACKET] {
        let mut packet = question(0);
        (packet[0], packet[1]) = (0b00_100_100, 2);
        packet[24..32].copy_from_slice(&NONCE.to_be_bytes());
        packet[32..40].copy_from_slice(&arrived.to_be_bytes());
        packet[40..].copy_from_slice(&left.to_be_bytes());
        packet
    }

    fn read(packet: &[u8], ours: Duration) -> Result<i128, &'static str> {
        offset(packet, NONCE, ours, ours + Duration::from_millis(20))
    }

    #[test]
    fn the_offset_is_what_lies_between_the_middles() {
        let packet = answer(NOW_NTP << 32, (NOW_NTP << 32) + (1 << 31));
        // The server took 0.5 s, but only 20 ms went by here.
        assert_eq!(read(&packet, Duration::from_secs(NOW)), Err("its times contradict ours"));
        let packet = answer(NOW_NTP << 32, NOW_NTP << 32);
        assert_eq!(read(&packet, Duration::from_secs(NOW)), Ok(-10_000_000));
        assert_eq!(read(&packet, Duration::ZERO), Ok(i128::from(NOW) * NANOS - 10_000_000), "a clock in 1970");
    }

    #[test]
    fn seconds_wrap_in_2036() {
        assert_eq!(unix(0x8000_0000 << 32) / NANOS, (1 << 31) - EPOCH);
        assert_eq!(unix(0), 2_085_978_496 * NANOS, "2036-02-07 06:28:16");
        assert_eq!(unix(1 << 31) - unix(0), NANOS / 2);
    }

    #[test]
    fn what_is_no_answer_is_not_believed() {
        let good = answer(NOW_NTP << 32, NOW_NTP << 32);
        let with = |at: usize, byte: u8| {
            let mut packet = good;
            packet[at] = byte;
            read(&packet, Duration::from_secs(NOW))
        };
        assert_eq!(read(&good[..47], Duration::from_secs(NOW)), Err("the answer is too short"));
        assert_eq!(with(0, 0b00_100_011), Err("it is no server's answer"));
        assert_eq!(with(0, 0b00_001_100), Err("it is no server's answer"));
        assert_eq!(with(0, 0b11_100_100), Err("the server doesn't know the time"));
        assert_eq!(with(1, 0), Err("the server asks to be left alone"));
        assert_eq!(with(1, 16), Err("the server doesn't know the time"));
        assert_eq!(with(31, 0), Err("it is no answer to our question"));
        let old = answer(0x9000_0000 << 32, 0x9000_0000 << 32);
        assert_eq!(read(&old, Duration::from_secs(NOW)), Err("its time is not plausible"));
    }
}
