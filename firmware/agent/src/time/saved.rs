//! The last time that was known, on the data partition: a clock that begins in 1970 is put there, so that certificates are valid
//! and logs make sense before a server has answered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::{
    sys::time::TimeSpec,
    time::{ClockId, clock_settime},
};

use crate::{root::Root, settings};

/// The copies' name.
const NAME: &str = "clock";
/// What is put on top of a saved time: it was saved before the machine was switched off.
const LATER: Duration = Duration::from_secs(60);
/// No time from here on is believed: 2100-01-01.
const LATEST: Duration = Duration::from_secs(4_102_444_800);

/// Puts the clock to the saved time, if it is behind that.
pub(crate) fn restore(root: &Root) {
    let saved = settings::load_aside(root, NAME);
    if let Some(time) = saved.and_then(|text| ahead(&text, now()))
        && root.is_machine()
    {
        match clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from(time)) {
            Ok(()) => tracing::info!("time: the clock was behind the last known time, and was put there"),
            Err(error) => tracing::warn!("time: the clock could not be set: {error}"),
        }
    }
}

/// The saved time, if `now` is behind it.
fn ahead(text: &[u8], now: Duration) -> Option<Duration> {
    let saved = Duration::from_secs(std::str::from_utf8(text).ok()?.parse().ok()?).saturating_add(LATER);
    (saved > now && saved < LATEST).then_some(saved)
}

/// Saves the time.
pub(crate) fn save(root: &Root) {
    if let Err(error) = settings::save_aside(root, NAME, now().as_secs().to_string().as_bytes()) {
        tracing::warn!("time: it could not be saved: {error}");
    }
}

/// Saves it in a thread, as a medium may take its time.
pub(crate) fn save_aside(root: &Root) {
    let root = root.clone();
    if let Err(error) = std::thread::Builder::new().name("clock".to_owned()).spawn(move || save(&root)) {
        tracing::warn!("time: no thread to save it: {error}");
    }
}

/// Whether no sound card plays: nothing is written to the medium while one does.
pub(crate) fn is_idle(root: &Root) -> bool {
    const CARDS: &str = "proc/asound";
    let below = |directory: String, begins: &'static str| {
        let names = root.names(&directory).into_iter().filter(move |name| name.starts_with(begins));
        names.map(move |name| format!("{directory}/{name}"))
    };
    let streams = below(CARDS.to_owned(), "card").flat_map(|card| below(card, "pcm")).flat_map(|pcm| below(pcm, "sub"));
    streams.into_iter().all(|sub| root.text(format!("{sub}/status")).is_none_or(|status| status == "closed"))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_clock_is_only_put_forward() {
        let now = Duration::from_secs(1_795_824_000);
        assert_eq!(ahead(b"1795824000", Duration::from_secs(5)), Some(now + LATER));
        assert_eq!(ahead(b"1795824000", now + LATER), None);
        for text in [&b""[..], b"x", b"-1", b"18446744073709551615", b"\xff"] {
            assert_eq!(ahead(text, Duration::ZERO), None);
        }
    }

    #[test]
    fn the_time_is_saved_and_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        save(&root);
        fs::create_dir_all(root.path("run/tenuto")).unwrap();
        fs::create_dir_all(root.path("data")).unwrap();
        save(&root);
        let saved = settings::load_aside(&root, NAME).unwrap();
        assert!(ahead(&saved, Duration::ZERO).is_some_and(|time| time >= now()));
        restore(&root);
    }

    #[test]
    fn a_card_that_plays_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert!(is_idle(&root));
        for (card, status) in [("card0/pcm0p/sub0", "closed\n"), ("card1/pcm0p/sub0", "state: RUNNING\n")] {
            assert!(is_idle(&root));
            fs::create_dir_all(root.path(format!("proc/asound/{card}"))).unwrap();
            fs::write(root.path(format!("proc/asound/{card}/status")), status).unwrap();
        }
        assert!(!is_idle(&root));
    }
}
