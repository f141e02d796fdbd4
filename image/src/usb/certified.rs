//! What a track's certificate has to say, of what came over the bus.
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::bench::Bench;
use super::found::{Excuse, Tried};
use crate::cache::sha256;
use crate::tracks::Track;

/// A certificate's hash is given up when more than the ring was overwritten before its thread, of ordinary priority, came to it: 0.3 s
/// of what is fastest ([`certificate`](../../../firmware/engine/src/certificate.rs)).
const HASHING: Duration = Duration::from_millis(300);

/// CRC-32C, bit by bit: nothing of what is tested.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

impl Tried {
    /// The certificate of the track that was played last has to say what came over the bus.
    pub(super) fn certified(&mut self, bench: &mut Bench, bytes: &[u8], frame: usize) -> Result<()> {
        let certificate = bench.certificate()?;
        self.certifies(&certificate, bytes, frame);
        Ok(())
    }

    /// Tracks that were played one after the other have each to have a certificate that says what came of them.
    pub(super) fn all_certified(&mut self, bench: &mut Bench, tracks: &[&Track]) -> Result<()> {
        let all: Vec<_> = tracks.iter().map(|track| (track.packed.as_slice(), track.frame())).collect();
        self.each_certified(bench, &all)
    }

    /// The same of bytes that came of each, and how many make a frame.
    pub(super) fn each_certified(&mut self, bench: &mut Bench, tracks: &[(&[u8], usize)]) -> Result<()> {
        let certificates = bench.certificates(tracks.len())?;
        for ((bytes, frame), certificate) in tracks.iter().zip(&certificates) {
            self.certifies(certificate, bytes, *frame);
        }
        Ok(())
    }

    fn certifies(&mut self, certificate: &Value, bytes: &[u8], frame: usize) {
        let differs = |wanted: &Value| {
            wanted.as_object().is_some_and(|all| all.iter().any(|(name, value)| certificate[name] != *value))
        };
        let (frames, crc) = (bytes.len() / frame, format!("{:08x}", crc32c(bytes)));
        let digest = sha256(bytes);
        let mut taken = json!({ "frames": frames, "crc32c": crc });
        if certificate["sha256"].is_null() {
            // It gives up where it can't follow what is played.
            self.doubt(Excuse::Held(HASHING), "its certificate has no SHA-256");
        } else {
            taken["sha256"] = digest.into();
        }
        if differs(&taken) {
            self.faults.push(format!("its certificate is {certificate}, not {taken}"));
        }
        let heard = json!({ "whole": true, "scaled": false, "xruns": 0, "starved": 0, "lost": 0 });
        if differs(&heard) {
            let text = format!("its certificate is {certificate}, not {heard}");
            // Only what ran dry is faded, and loses what was on its way.
            match ["xruns", "starved"].iter().filter_map(|name| certificate[name].as_u64()).sum() {
                0 => self.faults.push(text),
                times => self.doubt(Excuse::Dry(times), text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::moments::Moment;
    use super::super::proved::Proved;
    use super::*;
    use crate::dropouts::Dropouts;

    #[test]
    fn the_check_sum_is_castagnoli_s() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_certificate_says_what_was_taken_and_what_became_of_it() {
        let bytes = [7; 80];
        let right = json!({
            "frames": 20, "crc32c": format!("{:08x}", crc32c(&bytes)), "sha256": sha256(&bytes),
            "whole": true, "scaled": false, "xruns": 0, "starved": 0, "lost": 0,
        });
        let tried = |certificate: &Value| {
            let mut tried = Tried::default();
            tried.certifies(certificate, &bytes, 4);
            tried
        };
        assert_eq!(tried(&right).judged().faults, [""; 0]);
        let with = |name: &str, value: Value| {
            let mut certificate = right.clone();
            certificate[name] = value;
            tried(&certificate)
        };
        let mut lateness = vec![0; 32];
        lateness[20] = 1;
        let dropouts = Dropouts { xruns: 1, ..Dropouts::default() };
        let moments = vec![Moment { held: Duration::from_millis(250), busy: 0.0 }; 2];
        let dry = Proved { dropouts, lateness, moments, buffer: Duration::from_millis(500), ..Proved::default() };
        let waited = Proved { held: HASHING, ..Proved::default() };
        for (name, value, [idle, ran_dry, busy]) in [
            ("frames", json!(19), [false; 3]),
            ("crc32c", json!("00000000"), [false; 3]),
            ("sha256", json!("00"), [false; 3]),
            ("sha256", Value::Null, [false, false, true]),
            ("whole", json!(false), [false; 3]),
            ("scaled", json!(true), [false; 3]),
            ("lost", json!(7), [false; 3]),
            ("xruns", json!(1), [false, true, false]),
            ("xruns", json!(2), [false; 3]),
        ] {
            let tried = with(name, value);
            let excused = [&Proved::default(), &dry, &waited].map(|proved| tried.is_excused(proved));
            assert_eq!((excused, tried.judged().faults.len()), ([idle, ran_dry, busy], 1), "{name}");
        }
    }
}
