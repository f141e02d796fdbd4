//! `/healthz`: whether the renderer can do what it is for, now, and whether it has to make do with less than it was made for.

use std::time::Duration;

use pcm::{Cpu, Feature, FormatSet};
use ring::{Policy, State, Status};
use sandbox::player::Confined;
use serde_json::{Value, json};

use super::Renderer;
use super::status::converted;
use crate::net::Presence;

/// How long an engine may not answer. It is asked every three seconds and has three to answer; a machine that is busy for a moment
/// isn't ill.
const SILENCE: Duration = Duration::from_secs(12);

/// What `/healthz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// Why it isn't well; empty: it is.
    pub(crate) reasons: Vec<String>,
    /// What it makes do with. It is well all the same.
    pub(crate) fallbacks: Vec<String>,
    engine: &'static str,
    dac: Dac,
    ssdp: Presence,
    confined: Confined,
}

/// Whether there is a DAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dac {
    Present,
    /// The engine has looked, and there is none: nothing is wrong with that.
    Absent,
    Faulty,
    /// Without the engine.
    Unknown,
}

impl Health {
    pub(crate) fn is_well(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The document.
    pub(crate) fn document(&self) -> Value {
        let dac = match self.dac {
            Dac::Present => "present",
            Dac::Absent => "absent",
            Dac::Faulty => "faulty",
            Dac::Unknown => "unknown",
        };
        json!({
            "healthy": self.is_well(),
            "reasons": self.reasons,
            "engine": self.engine,
            "dac": dac,
            "ssdp": { "addresses": self.ssdp.stations, "announced": self.ssdp.well },
            "sandbox": { "system_calls": self.confined.calls, "landlock": self.confined.landlock },
            "simd": instruction_sets(Cpu::detect()),
            "fallback": !self.fallbacks.is_empty(),
            "fallbacks": self.fallbacks,
        })
    }
}

impl Renderer {
    /// How it is.
    pub(crate) fn health(&self, ssdp: Presence) -> Health {
        let status = self.output.status();
        let status = status.as_deref();
        let mut reasons = Vec::new();
        let mut fallbacks = Vec::new();
        let dac = match status {
            Some(status) => dac(status, &mut reasons),
            None => {
                reasons.extend(self.output.absence());
                Dac::Unknown
            }
        };
        match ssdp {
            Presence { stations: 0, .. } => reasons.push("SSDP: no network interface has an IPv4 address".to_owned()),
            Presence { well: 0, .. } => reasons.push("SSDP: no announcement could be sent".to_owned()),
            Presence { stations, well, .. } if well < stations => {
                fallbacks.push(format!("announced on {well} of {stations} addresses"));
            }
            _ => {}
        }
        if ssdp.polled {
            fallbacks.push("the kernel doesn't tell of address changes: they are looked for every 2 s".to_owned());
        }
        let confined = self.facts.confined.clone();
        fallbacks.extend(confined.missing.iter().cloned());
        if let Some(thread) = status.and_then(Status::thread) {
            if thread.policy != Policy::Fifo {
                fallbacks.push("the engine's thread is an ordinary one: it may not be one of SCHED_FIFO".to_owned());
            }
            if thread.core.is_none() {
                fallbacks.push("the engine's thread isn't bound to a core".to_owned());
            }
        }
        if instruction_sets(Cpu::detect()).is_empty() {
            fallbacks.push(
                "samples are packed by scalar code: the CPU has no instructions that there is other for".to_owned(),
            );
        }
        let entry = self.transport.current_id().and_then(|track| self.ledger.get(track));
        let converts = entry.and_then(converted).filter(|_| self.transport.state().is_active());
        fallbacks.extend(converts.map(|what| format!("converted, as the DAC doesn't take it as it is: {what}")));
        let silence = self.output.engine_silence();
        let engine = match silence {
            None => "gone",
            Some(silence) if silence > SILENCE => {
                let seconds = silence.as_secs();
                reasons.push(format!("the audio engine is connected, but has not answered for {seconds} s: it hangs"));
                "hung"
            }
            Some(_) => "connected",
        };
        Health { reasons, fallbacks, engine, dac, ssdp, confined }
    }
}

fn dac(status: &Status, reasons: &mut Vec<String>) -> Dac {
    let caps = status.caps().filter(|caps| caps.formats() != FormatSet::EMPTY);
    let (name, fault) = (status.output(), status.fault());
    if caps.is_none() && name.is_empty() {
        return Dac::Absent;
    }
    let faulty = status.state() == Some(State::Fault) || !fault.is_empty() || caps.is_none();
    if !faulty {
        return Dac::Present;
    }
    let why = if fault.is_empty() { "it takes no format that could be played" } else { &fault };
    reasons.push(format!("the DAC {name}: {why}"));
    Dac::Faulty
}

/// What kernels are chosen by, of what this CPU has, in the usual spelling.
pub(super) fn instruction_sets(cpu: Cpu) -> Vec<&'static str> {
    let name = |feature| match feature {
        Feature::Sse41 => "SSE4.1",
        Feature::Sse42 => "SSE4.2",
        Feature::Avx2 => "AVX2",
        Feature::Avx512 => "AVX-512",
        Feature::Neon => "NEON",
        Feature::Crc => "CRC",
        Feature::Gfni => "GFNI",
    };
    Feature::ALL.into_iter().filter(|&feature| cpu.has(feature)).map(name).collect()
}
