//! Playing one track, and what came of it.
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use support::control_point::{ControlPoint, didl};
use support::media_server::{MediaServer, mime_of};

use super::appliance::Appliance;
use super::lateness::Lateness;
use super::track::Track;

/// Between two looks at the appliance, which cost it something.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer than it plays a track may take.
const SLACK: Duration = Duration::from_secs(45);
/// How long the certificate may come after the track's end.
const CERTIFIED: Duration = Duration::from_secs(5);
/// Clients that ask for the page without a pause.
const CLIENTS: usize = 4;
/// RFC 863: whoever listens there throws away what comes.
const DISCARD: u16 = 9;
/// Full frames, in bytes, and as many of them in a burst as are 45 Mbit/s.
const DATAGRAM: usize = 1472;
const BURST: Duration = Duration::from_millis(10);
const DATAGRAMS: usize = 45_000_000 / 8 / 100 / DATAGRAM;

/// What goes on meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    None,
    /// The page is asked for, by several at a time: what the network can make the appliance do.
    Page,
    /// The same, and datagrams at 45 Mbit/s, in bursts of 10 ms, to a port where nobody listens.
    Network,
}

impl Load {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Page => ", while four clients ask for its status without a pause",
            Self::Network => ", while four clients ask for its status and datagrams come at 45 Mbit/s",
        }
    }
}

/// What came of a track.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// What was played.
    pub(super) name: String,
    /// ALSA's format and rate, and what the appliance made of the samples on the way to that.
    pub(super) wire: String,
    /// From Play to the state PLAYING, s; in steps of looking.
    pub(super) began_s: Option<f64>,
    /// Whether what went to the DAC is the file, and how that is known.
    pub(super) verdict: String,
    /// Dropouts, and their kinds; late wake-ups.
    pub(super) counts: String,
    /// The wake-ups while it played.
    pub(super) lateness: Option<Lateness>,
    /// What is wrong.
    pub(super) faults: Vec<String>,
}

/// Has the track played; it goes on when this returns.
///
/// # Errors
/// When the appliance refuses.
pub(super) fn begin(appliance: &Appliance, server: &MediaServer, track: &Track) -> Result<String> {
    let uri = server.add(&track.file);
    let mime = mime_of(&track.file).unwrap_or("application/octet-stream");
    appliance.point().set_uri(&uri, &didl(track.kind.name, mime, &uri))?;
    appliance.point().play()?;
    Ok(uri)
}

/// Plays the track to its end.
///
/// # Errors
/// When the appliance doesn't answer any more.
pub(super) fn play(appliance: &Appliance, server: &MediaServer, track: &Track, load: Load) -> Result<Tried> {
    let mut tried = Tried { name: format!("{}{}", track.kind.name, load.words()), ..Tried::default() };
    let before = Lateness::of(&appliance.status()?["engine"]);
    let asked = Instant::now();
    let uri = match begin(appliance, server, track) {
        Ok(uri) => uri,
        Err(error) => {
            tried.faults.push(format!("refused: {error:#}"));
            return Ok(tried);
        }
    };
    loaded(load, appliance, || to_the_end(appliance, track, asked, &mut tried))?;
    let ended = Instant::now();
    loop {
        let status = appliance.status()?;
        let entries = status["tracks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let entry = entries.iter().rfind(|entry| entry["uri"] == uri.as_str()).unwrap_or(&Value::Null);
        if entry["certificate"].is_null() && entry["error"].is_null() && ended.elapsed() < CERTIFIED {
            std::thread::sleep(LOOK);
            continue;
        }
        tried.lateness = Lateness::of(&status["engine"]).since(&before);
        judge(&mut tried, track, entry);
        return Ok(tried);
    }
}

/// Waits for the track's end; one that takes too long is stopped.
fn to_the_end(appliance: &Appliance, track: &Track, asked: Instant, tried: &mut Tried) -> Result<()> {
    let limit = Duration::from_secs(track.seconds.into()) + SLACK;
    loop {
        std::thread::sleep(LOOK);
        let transport = appliance.point().transport_info().context("while it plays")?;
        match transport.state.as_str() {
            "PLAYING" if tried.began_s.is_none() => tried.began_s = Some(asked.elapsed().as_secs_f64()),
            "STOPPED" | "NO_MEDIA_PRESENT" => return Ok(()),
            _ => {}
        }
        if asked.elapsed() > limit {
            tried.faults.push(format!("{} after {} s, and not at its end", transport.state, limit.as_secs()));
            appliance.point().stop()?;
            return Ok(());
        }
    }
}

/// Runs `work` with that going on beside it.
fn loaded<T>(load: Load, appliance: &Appliance, work: impl FnOnce() -> T) -> T {
    if load == Load::None {
        return work();
    }
    let (over, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let location = &appliance.location();
    std::thread::scope(|scope| {
        if load == Load::Network
            && let Ok(host) = appliance.host()
        {
            let (to, over) = (SocketAddr::new(host.ip(), DISCARD), &over);
            scope.spawn(move || send(to, over));
        }
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                // One that isn't let in is no load; the count says how much there was.
                let Ok(client) = ControlPoint::from_location(location) else { return };
                while !over.load(Ordering::Relaxed) {
                    if client.fetch("/status.json").is_ok() {
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let done = work();
        over.store(true, Ordering::Relaxed);
        eprintln!("  {} answers meanwhile", answers.load(Ordering::Relaxed));
        done
    })
}

/// Sends datagrams until it is over. That nobody takes them is meant.
fn send(to: SocketAddr, over: &AtomicBool) {
    let any: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let Ok(socket) = UdpSocket::bind(any) else { return };
    let (start, mut burst) = (Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        for _ in 0..DATAGRAMS {
            let _ = socket.send_to(&[0; DATAGRAM], to);
        }
        burst += 1;
        std::thread::sleep((start + BURST * burst).saturating_duration_since(Instant::now()));
    }
}

/// Compares what the appliance says that it has played with what the file holds.
fn judge(tried: &mut Tried, track: &Track, entry: &Value) {
    let wire = &entry["wire"];
    if let Some(error) = entry["error"]["text"].as_str() {
        tried.faults.push(error.to_owned());
    }
    if let (Some(format), Some(rate)) = (wire["format"].as_str(), wire["rate"].as_u64()) {
        let dop = if wire["dop"] == true { ", DoP" } else { "" };
        tried.wire = format!("{format} {} kHz{dop}", rate as f64 / 1e3);
    }
    let certificate = &entry["certificate"];
    if certificate.is_null() {
        tried.faults.push("no certificate of it".to_owned());
        return;
    }
    let number = |key: &str| certificate[key].as_u64().unwrap_or(0);
    tried.counts = ["xruns", "starved", "lost", "late_wakeups"].map(|key| number(key).to_string()).join(" / ");
    for key in ["xruns", "starved", "lost"] {
        if number(key) > 0 {
            tried.faults.push(format!("{key}: {}", number(key)));
        }
    }
    if certificate["whole"] != true {
        tried.faults.push(format!("not whole: {} frames", number("frames")));
    }
    let (sha256, crc32c) = (certificate["sha256"].as_str(), certificate["crc32c"].as_str());
    tried.verdict = match (entry["converted"].as_str(), track.on_wire(wire)) {
        (Some(converted), _) => format!("converted for this DAC: {converted}"),
        (None, None) => "not compared: another format than the file's".to_owned(),
        (None, Some(bytes)) if sha256 == Some(&hex(&bytes)) => "bit for bit (SHA-256)".to_owned(),
        // An engine that has no time for that keeps to the other one.
        (None, Some(bytes)) if sha256.is_none() && crc32c == Some(&crc(&bytes)) => {
            "bit for bit (CRC-32C: it had no time for SHA-256)".to_owned()
        }
        _ => {
            tried.faults.push("what went to the DAC is not what the file holds".to_owned());
            "NOT the file's bits".to_owned()
        }
    };
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn crc(bytes: &[u8]) -> String {
    let mut crc = pcm::Crc32c::new(pcm::Cpu::BASELINE);
    crc.update(bytes);
    format!("{:08x}", crc.value())
}

#[cfg(test)]
mod tests {
    use super::super::track::KINDS;
    use super::*;
    use serde_json::json;

    fn judged(change: impl FnOnce(&mut Value, &[u8])) -> Tried {
        let directory = tempfile::tempdir().expect("a directory");
        let track = Track::make(KINDS[0], 1, directory.path()).expect("flac");
        let wire = json!({ "format": "S32_LE", "rate": 44_100, "channels": 2, "dop": false });
        let bytes = track.on_wire(&wire).expect("on the wire");
        let mut entry = json!({
            "wire": wire, "converted": null, "error": null,
            "certificate": { "frames": 44_100, "sha256": hex(&bytes), "whole": true, "xruns": 0, "starved": 0, "lost": 0, "late_wakeups": 2 },
        });
        change(&mut entry, &bytes);
        let mut tried = Tried::default();
        judge(&mut tried, &track, &entry);
        tried
    }

    fn wire_of_the_track() -> Vec<u8> {
        let mut found = Vec::new();
        judged(|_, bytes| found = bytes.to_vec());
        found
    }

    #[test]
    fn the_file_s_own_bits_are_well_and_others_are_not() {
        let well = judged(|_, _| {});
        assert!(well.faults.is_empty() && well.verdict.starts_with("bit for bit"), "{well:?}");
        assert_eq!((well.wire.as_str(), well.counts.as_str()), ("S32_LE 44.1 kHz", "0 / 0 / 0 / 2"));
        let other = judged(|entry, bytes| entry["certificate"]["sha256"] = hex(&bytes[1..]).into());
        assert!(!other.faults.is_empty() && other.verdict.starts_with("NOT"), "{other:?}");
        let busy = |of: &[u8]| {
            let of = crc(of);
            judged(|entry, _| {
                entry["certificate"]["sha256"] = Value::Null;
                entry["certificate"]["crc32c"] = of.into();
            })
        };
        let bytes = wire_of_the_track();
        assert!(busy(&bytes).faults.is_empty() && !busy(&bytes[1..]).faults.is_empty());
    }

    #[test]
    fn what_was_converted_is_named_and_dropouts_are_faults() {
        let converted = judged(|entry, _| entry["converted"] = "44.1 kHz → 48 kHz".into());
        assert!(converted.faults.is_empty() && converted.verdict.contains("48 kHz"), "{converted:?}");
        let dry = judged(|entry, _| entry["certificate"]["xruns"] = 3.into());
        assert_eq!(dry.faults, ["xruns: 3"]);
        let cut = judged(|entry, _| entry["certificate"]["whole"] = false.into());
        assert!(cut.faults[0].starts_with("not whole"), "{cut:?}");
        let none = judged(|entry, _| entry["certificate"] = Value::Null);
        assert_eq!(none.faults, ["no certificate of it"]);
    }
}
