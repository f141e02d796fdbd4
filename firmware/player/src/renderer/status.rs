//! `/status.json`: everything that the page shows, for programs too.
//!
//! Fields are only ever added. Times are in seconds, rates in Hz; what isn't known is `null`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use pcm::hidden::Hidden;
use pcm::{Encoding, Source, Wire};
use ring::{Certificate, Policy};
use sandbox::player::Confined;
use serde_json::{Value, json};

use super::ledger::Entry;
use super::memory::PROGRAMS;
use super::{Mode, Renderer, sinks};
use crate::transport::State;

/// What doesn't change while the program runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) room: Option<String>,
    pub(crate) udn: String,
    /// `/proc/version`.
    pub(crate) kernel: String,
    /// `/sys/devices/system/cpu/isolated`: the cores that the scheduler leaves alone.
    pub(crate) isolated: String,
    /// What the kernel keeps this process from.
    pub(crate) confined: Confined,
}

impl Renderer {
    /// The document.
    pub(crate) fn status(&self, boot_to_ssdp: Option<Duration>) -> Value {
        let now = self.transport.values();
        let media = self.transport.current_media();
        let entry = self.transport.current_id().and_then(|track| self.ledger.get(track));
        let certificates = self.output.certificates();
        json!({
            "name": self.facts.name,
            "room": self.facts.room,
            "udn": self.facts.udn,
            "version": env!("CARGO_PKG_VERSION"),
            "transport": {
                "state": now.get("TransportState"),
                "status": now.get("TransportStatus"),
                "error": self.transport.error(),
                "waits": self.waits(),
                "actions": now.get("CurrentTransportActions"),
            },
            "track": media.map(|media| json!({
                "uri": media.uri,
                "title": media.metadata.title,
                "artist": media.metadata.artist,
                "album": media.metadata.album,
                "position": self.position().as_secs_f64(),
                "duration": self.transport.duration().map(|duration| duration.as_secs_f64()),
                "codec": entry.and_then(codec),
                "source": entry.and_then(|entry| entry.opened.as_ref()).map(|opened| source(&opened.source)),
                "wire": entry.and_then(|entry| entry.plan).map(|plan| wire(&plan.wire)),
                "changes": entry.and_then(|entry| self.changes(entry)),
                "replay_gain_db": entry.and_then(replay_gain_db),
                "inside": entry.and_then(|entry| entry.hidden).map(Hidden::name),
                "converted": entry.and_then(converted),
                "bit_perfect": entry.and_then(|entry| self.is_bit_perfect(entry)),
            })),
            "next": now.get("NextAVTransportURI"),
            "volume": {
                "mode": self.loudness.mode().name(),
                "percent": self.loudness.percent(),
                "mute": self.loudness.mute(),
                "without_effect": entry.is_some_and(|entry| entry.unscaled && self.loudness.mode() == Mode::Software),
            },
            "replay_gain": self.output.replay_gain().name(),
            "tracks": self.ledger.iter().map(|entry| track(entry, &certificates)).collect::<Vec<_>>(),
            "engine": self.engine(),
            "subscribers": self.events.subscribers(),
            "boot_to_ssdp_ms": boot_to_ssdp.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            "kernel": self.facts.kernel,
            "isolated": self.facts.isolated,
            "rss_bytes": PROGRAMS.into_iter().zip(self.memory.resident()).collect::<HashMap<_, _>>(),
        })
    }

    /// Whether what goes to the DAC is what the source holds; `None` as long as that depends on samples that are still to come: up to now
    /// it is.
    fn is_bit_perfect(&self, entry: &Entry) -> Option<bool> {
        let changes = self.changes(entry)?;
        if changes.is_empty() { entry.lossless().filter(|&lossless| lossless) } else { Some(false) }
    }

    /// What happens to the samples on the way, in words, if that is known; nothing happens to what is bit-perfect.
    fn changes(&self, entry: &Entry) -> Option<Vec<Cow<'static, str>>> {
        let plan = entry.plan?;
        let software = self.loudness.mode() == Mode::Software && self.loudness.percent() < 100;
        let encoding = entry.opened.as_ref().map_or(Encoding::Integer, |opened| opened.source.encoding);
        let (decimated, resampled) = (plan.decimation.is_some(), plan.resampled_from.is_some());
        let bits = entry.opened.as_ref().map_or(0, |opened| opened.source.bits);
        // Integers that ReplayGain scales are rounded for that, unless the wire hasn't even room for them.
        let computed = entry.attenuation.is_some() && encoding == Encoding::Integer && bits <= plan.wire.format.bits();
        // Floats aren't, up to the first that isn't a whole number.
        let rounded = !plan.lossless
            && !decimated
            && !resampled
            && !computed
            && (plan.exact_bits.is_none() || entry.lossless() == Some(false));
        let cut = resampled && encoding == Encoding::Integer && bits > plan.wire.format.bits();
        let changes = [
            ("DSD is converted to PCM: the DAC takes neither DSD nor DoP at this rate", decimated),
            ("resampled: the DAC hasn't the source's rate", resampled && !decimated),
            ("resampled: the DAC hasn't the rates that DSD is converted to", resampled && decimated),
            (rounding(encoding, bits, plan.wire.format.bits()), cut || rounded),
            (SOFTWARE_VOLUME, software && !entry.unscaled && entry.hidden.is_none()),
            (LATE, software && !entry.unscaled && entry.hidden.is_some()),
            ("muted", self.loudness.mute()),
        ];
        let changes = changes.into_iter().filter_map(|(what, so)| so.then_some(Cow::Borrowed(what)));
        let scaled = replay_gain_db(entry).map(|gain| Cow::Owned(format!("ReplayGain ({gain} dB)")));
        Some(changes.chain(scaled).collect())
    }

    /// What the music waits for, if it does.
    fn waits(&self) -> Option<String> {
        let state = self.transport.state();
        let why = self.output.lacks_dac().filter(|_| state.is_active())?;
        Some(match state {
            State::PausedPlayback => format!("{why}. When there is a DAC, Play goes on from here"),
            _ => {
                let patience = self.output.dac_patience().as_secs();
                format!("{why}. The music goes on by itself if there is a DAC within {patience} s")
            }
        })
    }

    fn engine(&self) -> Value {
        let Some(status) = self.output.status() else {
            return json!({ "state": "gone", "fault": self.output.absence() });
        };
        let counters = status.counters();
        let thread = status.thread();
        let class = thread.map(|thread| match thread.policy {
            Policy::Fifo => "FIFO",
            Policy::Other => "OTHER",
        });
        let fault = status.fault();
        json!({
            "state": status.state().map(|state| format!("{state:?}").to_lowercase()),
            "output": status.output(),
            "takes": status.caps().map(|caps| sinks::settings(&caps)),
            "mixer": status.caps().is_some_and(|caps| caps.mixer),
            "fault": (!fault.is_empty()).then_some(fault),
            "wire": status.stream().map(|(_, open)| wire(&open)),
            "preroll_frames": status.stream().map(|_| status.preroll_frames()),
            "class": class,
            "priority": thread.map(|thread| thread.priority),
            "core": thread.and_then(|thread| thread.core),
            "xruns": counters.xruns,
            "starved": counters.starved,
            "wakeups": counters.wakeups,
            "late_wakeups": counters.late_wakeups,
            "worst_lateness_ns": counters.worst_lateness_ns,
            "lateness": counters.lateness,
            "ring_low_water_frames": counters.ring_low_water_frames,
            "rt_allocations": counters.rt_allocations,
            "minor_faults": counters.minor_faults,
            "major_faults": counters.major_faults,
            "voluntary_switches": counters.voluntary_switches,
            "involuntary_switches": counters.involuntary_switches,
        })
    }
}

const SOFTWARE_VOLUME: &str = "software volume";
/// The same for what was recognised too late.
const LATE: &str = "software volume, up to the next silence, seek or track: what the PCM carries was recognised while it \
                    played, and nothing gets louder in the midst of the sound";

/// What is lost where a source's samples, of so many bits, don't go to the wire as they are.
fn rounding(encoding: Encoding, bits: u16, wire_bits: u16) -> &'static str {
    match (encoding, wire_bits) {
        (Encoding::Float, _) if bits > 32 => "floating point of 64 bits, rounded to 32 of them and to the DAC's bits",
        (Encoding::Lossy, ..24) => {
            "decoded from a lossy format, and rounded with dither to the DAC's fewer than 24 bits"
        }
        (Encoding::Lossy, 24) => "decoded from a lossy format, and rounded to 24 bits with dither",
        (Encoding::Lossy, _) => "decoded from a lossy format, and rounded",
        (Encoding::Float, ..24) => "floating point, rounded with dither to the DAC's fewer than 24 bits",
        (Encoding::Float, 24) => "floating point, rounded to 24 bits with dither",
        (Encoding::Float, _) => "floating point, rounded to the DAC's bits",
        (Encoding::Integer | Encoding::Dsd, _) => "the DAC has fewer bits than the source",
    }
}

fn track(entry: &Entry, certificates: &[Certificate]) -> Value {
    let certificate = certificates.iter().rfind(|certificate| certificate.track == entry.track.0);
    json!({
        "id": entry.track.0,
        "uri": entry.uri,
        "codec": codec(entry),
        "source": entry.opened.as_ref().map(|opened| source(&opened.source)),
        "wire": entry.plan.map(|plan| wire(&plan.wire)),
        "inside": entry.hidden.map(Hidden::name),
        "converted": converted(entry),
        "lossless": entry.lossless(),
        "frames": entry.opened.as_ref().and_then(|opened| opened.frames),
        "replay_gain_db": replay_gain_db(entry),
        "certificate": certificate.map(|certificate| certified(certificate, (entry.attenuation.is_some() || entry.was_scaled, entry.cut))),
        "error": entry.error.as_ref().map(|error| json!({ "kind": error.kind, "text": error.text })),
    })
}

/// What went to the DAC; the hash is over the bytes in the wire's format. `scaled`: they were before they came to the engine. `cut`:
/// some of them weren't heard, and came again in another stream.
fn certified(certificate: &Certificate, (scaled, cut): (bool, bool)) -> Value {
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({
        "frames": certificate.frames,
        "sha256": certificate.sha256.map(hex),
        "crc32c": format!("{:08x}", certificate.crc32c),
        "whole": certificate.whole && !cut,
        "scaled": certificate.scaled || scaled,
        "late_wakeups": certificate.late_wakeups,
        "xruns": certificate.xruns,
        "lost": certificate.lost,
        "starved": certificate.starved,
    })
}

/// What ReplayGain does to the track, dB, rounded to hundredths.
fn replay_gain_db(entry: &Entry) -> Option<f64> {
    entry.attenuation.map(|attenuation| (attenuation.decibels() * 100.0).round() / 100.0)
}

fn codec(entry: &Entry) -> Option<&str> {
    entry.opened.as_ref().map(|opened| opened.codec.as_str())
}

/// What its samples are turned into, if they are: `DSD64 → PCM 176.4 kHz`, `96 kHz → 48 kHz`.
pub(super) fn converted(entry: &Entry) -> Option<String> {
    let (plan, source) = (entry.plan?, entry.opened.as_ref()?.source);
    let to = kilohertz(plan.wire.rate);
    match (plan.decimation, plan.resampled_from) {
        (None, None) => None,
        (None, Some(from)) => Some(format!("{} → {to}", kilohertz(from))),
        (Some(_), None) => Some(format!("{} → PCM {to}", dsd(source.rate))),
        (Some(_), Some(middle)) => Some(format!("{} → PCM {} → {to}", dsd(source.rate), kilohertz(middle))),
    }
}

fn kilohertz(rate: u32) -> String {
    format!("{} kHz", f64::from(rate) / 1000.0)
}

/// DSD's name by its rate; that of the 48 kHz family goes by the same names.
fn dsd(rate: u32) -> String {
    match rate {
        _ if rate.is_multiple_of(44_100) => format!("DSD{}", rate / 44_100),
        _ if rate.is_multiple_of(48_000) => format!("DSD{} (of 48 kHz)", rate / 48_000),
        _ => format!("DSD at {}", kilohertz(rate)),
    }
}

fn source(source: &Source) -> Value {
    let encoding = match source.encoding {
        Encoding::Integer => "integer",
        Encoding::Float => "float",
        Encoding::Lossy => "lossy",
        Encoding::Dsd => "dsd",
    };
    json!({ "rate": source.rate, "bits": source.bits, "channels": source.channels, "encoding": encoding })
}

fn wire(wire: &Wire) -> Value {
    json!({ "format": wire.format.alsa_name(), "rate": wire.rate, "channels": wire.channels, "dop": wire.format.is_dop() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rounded_is_not_put_down_to_the_dac() {
        for (encoding, says) in [(Encoding::Lossy, "lossy"), (Encoding::Float, "floating point")] {
            for (bits, how) in [(16, "DAC's fewer than 24 bits"), (24, "to 24 bits with dither"), (32, "rounded")] {
                let text = rounding(encoding, 32, bits);
                assert!(text.contains(says) && text.contains(how), "{text}");
                assert_eq!(text.contains("fewer"), bits < 24, "{text}");
            }
        }
        assert!(rounding(Encoding::Float, 64, 24).contains("64"));
        assert_eq!(rounding(Encoding::Integer, 24, 16), "the DAC has fewer bits than the source");
    }

    #[test]
    fn conversions_are_named() {
        assert_eq!((dsd(2_822_400), dsd(6_144_000)), ("DSD64".into(), "DSD128 (of 48 kHz)".into()));
        assert_eq!((kilohertz(176_400), kilohertz(48_000)), ("176.4 kHz".into(), "48 kHz".into()));
    }

    #[test]
    fn a_certificate_is_shown_as_hex_and_a_missing_hash_as_null() {
        let certificate = Certificate {
            number: 1,
            epoch: 2,
            track: 3,
            frames: 441,
            crc32c: 0x0306_9283,
            sha256: Some(std::array::from_fn(|n| n as u8)),
            scaled: false,
            whole: true,
            late_wakeups: 4,
            xruns: 5,
            lost: 7,
            starved: 6,
        };
        let shown = certified(&certificate, (false, false));
        assert_eq!(shown["sha256"], "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        assert_eq!((&shown["crc32c"], &shown["frames"]), (&"03069283".into(), &441.into()));
        assert_eq!(["late_wakeups", "xruns", "starved", "lost"].map(|key| &shown[key]), [4, 5, 6, 7]);
        assert_eq!(certified(&Certificate { sha256: None, ..certificate }, (false, false))["sha256"], Value::Null);
        let other = certified(&certificate, (true, true));
        assert_eq!([&shown["scaled"], &other["scaled"]], [false, true]);
        assert_eq!([&shown["whole"], &other["whole"]], [true, false]);
    }
}
