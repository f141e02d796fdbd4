//! Minutes of play under a load of the network: whether the engine was ever late by a period.
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use support::media_server::MediaServer;

use super::appliance::Appliance;
use super::lateness::Lateness;
use super::track::{LONG, LONG_SECONDS, Track};
use super::trial::{self, Load, Tried};

/// Plays for so many minutes, the same track again and again, and puts what came of it into one.
///
/// # Errors
/// When the appliance doesn't answer any more, or the track can't be made.
pub(super) fn play(appliance: &Appliance, server: &MediaServer, directory: &Path, minutes: u32) -> Result<Tried> {
    let length = Duration::from_secs(60 * u64::from(minutes));
    let track = Track::make(LONG, LONG_SECONDS.min(60 * minutes), directory)?;
    let (start, mut all) = (Instant::now(), Tried::default());
    while start.elapsed() < length && all.faults.is_empty() {
        let tried = trial::play(appliance, server, &track, Load::Network)?;
        eprintln!("  {} of {minutes} minutes", start.elapsed().as_secs() / 60);
        take(&mut all, tried);
    }
    all.name = format!("{} min of {}{}", start.elapsed().as_secs() / 60, LONG.name, Load::Network.words());
    match all.lateness.as_ref().map(Lateness::late_by_a_period) {
        Some(0) => {}
        Some(late) => all.faults.push(format!("{late} wake-ups were late by a period, or nearly")),
        None => all.faults.push("the engine has begun anew, or says nothing of its wake-ups".to_owned()),
    }
    Ok(all)
}

/// Adds a track to what came of those before it.
fn take(all: &mut Tried, tried: Tried) {
    let first = all.wire.is_empty() && all.lateness.is_none();
    all.lateness = match (all.lateness.take(), tried.lateness) {
        (Some(before), Some(now)) => Some(before.and(&now)),
        (None, now) if first => now,
        _ => None,
    };
    all.began_s = all.began_s.or(tried.began_s);
    all.faults.extend(tried.faults);
    (all.wire, all.verdict, all.counts) = (tried.wire, tried.verdict, tried.counts);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wake_ups_add_up_unless_the_engine_began_anew() {
        let tried = |counts: Option<&[u64]>| Tried {
            wire: "S32_LE".into(),
            lateness: counts.map(|counts| Lateness::of(&json!({ "lateness": counts }))),
            ..Tried::default()
        };
        let mut all = Tried::default();
        take(&mut all, tried(Some(&[3, 0])));
        take(&mut all, tried(Some(&[1, 2])));
        assert_eq!(all.lateness.as_ref().map(Lateness::all), Some(6));
        take(&mut all, tried(None));
        take(&mut all, tried(Some(&[1, 2])));
        assert_eq!(all.lateness, None);
    }
}
