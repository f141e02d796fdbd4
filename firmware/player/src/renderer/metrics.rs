//! `/metrics`: the same figures as `/status.json`, and counts since the start, for Prometheus. docs/health.md lists them.

use ring::{Certificate, LATENESS_BUCKETS, Status};

use super::Renderer;
use super::memory::PROGRAMS;
use crate::exposition::{Exposition, Kind::Counter, Kind::Gauge};
use crate::transport::State;

/// All states, by what AVTransport calls them.
const STATES: [(State, &str); 5] = [
    (State::NoMediaPresent, "NO_MEDIA_PRESENT"),
    (State::Stopped, "STOPPED"),
    (State::Transitioning, "TRANSITIONING"),
    (State::Playing, "PLAYING"),
    (State::PausedPlayback, "PAUSED_PLAYBACK"),
];

impl Renderer {
    /// Writes what the renderer, its playback and the engine know.
    pub(crate) fn metrics(&self, text: &mut Exposition) {
        text.family(Gauge, "tenuto_transport_state", "1 for the state that AVTransport is in.");
        for (state, name) in STATES {
            let is_it = u8::from(self.transport.state() == state);
            text.sample("tenuto_transport_state", &[("state", name)], is_it);
        }
        self.tracks(text);
        let traffic = media::traffic();
        text.one(Counter, "tenuto_audio_received_bytes_total", "Audio bytes received by HTTP.", traffic.bytes);
        text.one(Gauge, "tenuto_event_subscriptions", "Subscriptions to events.", self.events.subscribers());
        let errors = "Audio sources' errors: broken off in the midst, or no answer to a request.";
        text.family(Counter, "tenuto_source_errors_total", errors);
        text.sample("tenuto_source_errors_total", &[("error", "broken_off")], traffic.broken);
        text.sample("tenuto_source_errors_total", &[("error", "no_answer")], traffic.refused);
        text.family(Gauge, "tenuto_resident_memory_bytes", "Resident memory of a program.");
        for (program, bytes) in PROGRAMS.into_iter().zip(self.memory.resident()) {
            if let Some(bytes) = bytes {
                text.sample("tenuto_resident_memory_bytes", &[("program", program)], bytes);
            }
        }
        let status = self.output.status();
        text.one(Gauge, "tenuto_engine_connected", "1 while the audio engine is there.", u8::from(status.is_some()));
        if let Some(status) = status {
            engine(&status, text);
            certificates(&status.certificates(), text);
        }
    }

    fn tracks(&self, text: &mut Exposition) {
        let tally = &self.tally;
        text.one(Counter, "tenuto_tracks_opened_total", "Tracks whose opening was tried.", tally.opened);
        text.one(Counter, "tenuto_tracks_heard_total", "Tracks of which the DAC has played a frame.", tally.heard);
        text.one(Counter, "tenuto_tracks_finished_total", "Tracks played to their end.", tally.finished);
        let failed = "Tracks that gave no sound or ended early, by the error's kind.";
        text.family(Counter, "tenuto_tracks_failed_total", failed);
        for (kind, count) in &tally.failed {
            text.sample("tenuto_tracks_failed_total", &[("kind", kind)], count);
        }
        let dry = "Times that a track fell silent before its end, as its source was late.";
        text.one(Counter, "tenuto_tracks_ran_dry_total", dry, tally.ran_dry);
        let lost = "Times that DAC or engine went while there was something to play.";
        text.one(Counter, "tenuto_output_lost_total", lost, tally.output_lost);
    }
}

fn engine(status: &Status, text: &mut Exposition) {
    let counters = status.counters();
    for (name, help, count) in [
        ("tenuto_engine_xruns_total", "Times that the DAC's buffer ran dry.", counters.xruns),
        ("tenuto_engine_starved_total", "Times that the ring ran dry inside a track.", counters.starved),
        ("tenuto_engine_wakeups_total", "Wake-ups of the real-time thread.", counters.wakeups),
        ("tenuto_engine_late_wakeups_total", "Of them, those that were 1 ms or more late.", counters.late_wakeups),
        (
            "tenuto_engine_rt_allocations_total",
            "Allocations of the real-time thread; must be 0.",
            counters.rt_allocations,
        ),
        ("tenuto_engine_minor_faults_total", "Page faults of it without I/O.", counters.minor_faults),
        ("tenuto_engine_major_faults_total", "Page faults of it with I/O.", counters.major_faults),
        ("tenuto_engine_preemptions_total", "Times that something took its core.", counters.involuntary_switches),
    ] {
        text.one(Counter, name, help, count);
    }
    let worst = counters.worst_lateness_ns as f64 / 1e9;
    text.one(Gauge, "tenuto_engine_worst_lateness_seconds", "The latest wake-up since the engine's start.", worst);
    // Bucket n ends at 2^n µs; the last one has no end.
    let (last, others) = counters.lateness.split_last().unwrap_or((&0, &[]));
    let ends = (0..LATENESS_BUCKETS).map(|n| (1_u64 << n) as f64 / 1e6);
    let help = "How late the real-time thread's wake-ups came.";
    text.histogram("tenuto_engine_wakeup_lateness_seconds", help, ends.zip(others.iter().copied()), *last);
    let low = counters.ring_low_water_frames;
    let help = "The least that the ring has held while a track played on, in this stream.";
    text.maybe(Gauge, "tenuto_engine_ring_low_water_frames", help, low);
    let rate = status.stream().map(|(_, wire)| wire.rate);
    let seconds = low.zip(rate).map(|(frames, rate)| frames as f64 / f64::from(rate));
    text.maybe(Gauge, "tenuto_engine_ring_low_water_seconds", "The same, as time.", seconds);
    text.maybe(Gauge, "tenuto_engine_stream_rate_hertz", "Frames a second of the open stream.", rate);
}

fn certificates(kept: &[Certificate], text: &mut Exposition) {
    let all = kept.iter().map(|certificate| certificate.number).max().unwrap_or(0);
    text.one(Counter, "tenuto_certificates_total", "Tracks that the engine has certified.", all);
    let name = "tenuto_certificates_kept";
    text.family(
        Gauge,
        name,
        "Of the last ones, those with a property; clean: whole, hashed, and neither scaled nor disturbed.",
    );
    let hashed = |one: &Certificate| one.sha256.is_some();
    let disturbed = |one: &Certificate| one.xruns + one.starved + one.lost > 0;
    let clean = |one: &Certificate| one.whole && hashed(one) && !one.scaled && !disturbed(one);
    let count = |is: &dyn Fn(&Certificate) -> bool| kept.iter().filter(|one| is(one)).count();
    text.sample(name, &[("property", "any")], kept.len());
    text.sample(name, &[("property", "whole")], count(&|one| one.whole));
    text.sample(name, &[("property", "hashed")], count(&hashed));
    text.sample(name, &[("property", "scaled")], count(&|one| one.scaled));
    text.sample(name, &[("property", "disturbed")], count(&disturbed));
    text.sample(name, &[("property", "clean")], count(&clean));
}
