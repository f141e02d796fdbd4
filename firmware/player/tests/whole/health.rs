//! What the player tells whoever looks after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::bench::{Bench, until};
use crate::raw::{Message, ask};

fn get(bench: &Bench, path: &str) -> Message {
    ask(bench.address(), &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"))
}

fn health(bench: &Bench) -> (u16, Value) {
    let answer = get(bench, "/healthz");
    (answer.status(), serde_json::from_str(&answer.body).expect("JSON"))
}

/// Once it is announced, which it is a moment after its ready file is there.
fn until_well(bench: &Bench) -> Value {
    until("health", || Some(health(bench)).filter(|(status, _)| *status == 200).map(|(_, health)| health))
}

/// The samples by name and labels. Checks as much of the exposition format as any line of it shows.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut types, mut family) = (BTreeMap::new(), BTreeMap::new(), "");
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split_once(' ').expect("a help text").0;
            assert!(!types.contains_key(family), "{family} twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, family);
            types.insert(name, kind);
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            let bare = name.split('{').next().expect("a name");
            let own = [family.to_owned(), format!("{family}_bucket"), format!("{family}_count")];
            assert!(own.contains(&bare.to_owned()) && bare.starts_with("tenuto_"), "{line}");
            assert_eq!(types[family] == "counter", family.ends_with("_total"), "{family}");
            let value: f64 = value.parse().expect("a number");
            assert!(samples.insert(name.to_owned(), value).is_none(), "{name} twice");
        }
    }
    samples
}

fn metrics(bench: &Bench) -> BTreeMap<String, f64> {
    let answer = get(bench, "/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    samples(&answer.body)
}

#[test]
fn it_is_well_with_engine_ssdp_and_dac_and_says_which_instructions_it_uses() {
    let bench = Bench::start();
    let health = until_well(&bench);
    assert_eq!((&health["healthy"], &health["reasons"]), (&true.into(), &Value::Array(Vec::new())));
    assert_eq!((&health["engine"], &health["dac"]), (&"connected".into(), &"present".into()));
    assert_eq!((&health["ssdp"]["addresses"], &health["ssdp"]["announced"]), (&1.into(), &1.into()));
    let sets: BTreeSet<_> = health["simd"].as_array().unwrap().iter().map(|set| set.as_str().unwrap()).collect();
    if cfg!(target_arch = "aarch64") {
        assert!(sets.contains("NEON"), "{sets:?}");
    }
    // A test's engine has no core of its own, and mostly no right to real time either.
    assert_eq!(health["fallback"], true);
    let fallbacks = health["fallbacks"].to_string();
    assert!(fallbacks.contains("bound to a core"), "{fallbacks}");
}

#[test]
fn it_is_ill_with_an_engine_that_hangs_and_well_again_when_it_goes_on() {
    let bench = Bench::start();
    until_well(&bench);
    bench.hang_engine(true);
    let ill = until("illness", || Some(health(&bench)).filter(|(status, _)| *status == 503).map(|(_, health)| health));
    assert_eq!(ill["engine"], "hung");
    assert!(ill["reasons"][0].as_str().is_some_and(|reason| reason.contains("has not answered for")), "{ill}");
    bench.hang_engine(false);
    assert_eq!(until_well(&bench)["engine"], "connected");
}

#[test]
fn every_thread_is_confined_and_health_says_so() {
    let bench = Bench::start();
    let health = until_well(&bench);
    let sandbox = &health["sandbox"];
    assert_eq!(sandbox["system_calls"], true, "{health}");
    // Where the kernel has none it is among the fallbacks.
    let fallbacks = health["fallbacks"].to_string();
    assert_eq!(sandbox["landlock"].is_null(), fallbacks.contains("Landlock"), "{health}");
    let tasks = fs::read_dir(format!("/proc/{}/task", bench.player_id())).expect("the player runs");
    let mut threads = 0;
    for task in tasks {
        // One that has ended in between is no more to be confined.
        let Ok(status) = fs::read_to_string(task.expect("a thread").path().join("status")) else { continue };
        for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
            assert!(status.contains(line), "{status}");
        }
        threads += 1;
    }
    assert!(threads >= 3, "{threads}");
}

#[test]
fn it_is_ill_without_an_engine_and_well_again_with_one() {
    let mut bench = Bench::start();
    until_well(&bench);
    bench.kill_engine();
    let ill = until("illness", || Some(health(&bench)).filter(|(status, _)| *status == 503).map(|(_, health)| health));
    assert_eq!((&ill["healthy"], &ill["engine"], &ill["dac"]), (&false.into(), &"gone".into(), &"unknown".into()));
    let reason = ill["reasons"][0].as_str().unwrap();
    assert!(reason.contains("engine"), "{reason}");
    let ill = metrics(&bench);
    assert_eq!((ill["tenuto_healthy"], ill["tenuto_engine_connected"]), (0.0, 0.0));
    assert!(!ill.contains_key("tenuto_engine_xruns_total"));
    bench.start_engine();
    until_well(&bench);
}

#[test]
fn metrics_count_what_was_played_and_what_went_wrong() {
    let bench = Bench::start();
    until_well(&bench);
    let before = metrics(&bench);
    assert_eq!((before["tenuto_tracks_opened_total"], before["tenuto_healthy"]), (0.0, 1.0));
    assert_eq!(before["tenuto_transport_state{state=\"NO_MEDIA_PRESENT\"}"], 1.0);
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("STOPPED");
    until("the certificate", || Some(metrics(&bench)).filter(|now| now["tenuto_certificates_total"] == 1.0));
    bench.set_and_play("http://127.0.0.1:9/nothing.wav");
    until("the failure", || metrics(&bench).get("tenuto_tracks_failed_total{kind=\"Unreachable\"}").copied());
    let after = metrics(&bench);
    assert_eq!(after["tenuto_tracks_opened_total"], 2.0);
    assert_eq!((after["tenuto_tracks_heard_total"], after["tenuto_tracks_finished_total"]), (1.0, 1.0));
    assert!(after["tenuto_audio_received_bytes_total"] >= 176_400.0);
    assert!(after["tenuto_source_errors_total{error=\"no_answer\"}"] >= 1.0);
    assert_eq!(after["tenuto_certificates_kept{property=\"whole\"}"], 1.0);
    assert_eq!(after["tenuto_engine_rt_allocations_total"], 0.0);
    let (count, all) = (
        after["tenuto_engine_wakeup_lateness_seconds_count"],
        "tenuto_engine_wakeup_lateness_seconds_bucket{le=\"+Inf\"}",
    );
    assert!(count > 0.0 && after[all] == count);
    assert!(after["tenuto_resident_memory_bytes{program=\"player\"}"] > 1e6);
    assert!(after["tenuto_http_requests_total"] > before["tenuto_http_requests_total"]);
    assert!(after["tenuto_ssdp_announcements_total"] >= 1.0);
}

#[test]
fn log_and_bundle_are_given_to_those_who_mean_this_machine_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    fs::write(directory.path().join("new"), "[ 1.0] player: http://me:geheim@nas/a?token=geheim\n").unwrap();
    fs::write(directory.path().join("system.json"), r#"{"hostname": "tenuto-1", "knobs": []}"#).unwrap();
    let bench = Bench::start_with(&["--run-dir", place, "--log-dir", place, "--room", "Attic"]);
    let log = get(&bench, "/log");
    assert_eq!((log.status(), log.body.as_str()), (200, "[ 1.0] player: http://nas/a?…\n"));
    bench.set("http://me:geheim@127.0.0.1:9/a.wav?token=geheim");
    let bundle = get(&bench, "/diagnostics");
    assert!(bundle.header("content-disposition").unwrap().contains("tenuto-diagnostics.json"));
    assert!(!bundle.body.contains("geheim"), "{}", bundle.body);
    let bundle: Value = serde_json::from_str(&bundle.body).unwrap();
    assert_eq!(bundle["status"]["track"]["uri"], "http://127.0.0.1:9/a.wav?…");
    assert_eq!((&bundle["system"]["hostname"], &bundle["status"]["room"]), (&"tenuto-1".into(), &"Attic".into()));
    assert_eq!(bundle["log"].as_array().unwrap().len(), 1);
    assert!(get(&bench, "/description.xml").body.contains(">Attic</tenuto:X_room>"));
    for path in ["/log", "/diagnostics"] {
        let elsewhere = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert_eq!(ask(bench.address(), &elsewhere).status(), 403, "{path}");
    }
}

#[test]
fn where_no_log_is_kept_its_place_is_named() {
    let bench = Bench::without_engine(&["--log-dir", "/nonexistent"]);
    let log = get(&bench, "/log");
    assert_eq!(log.status(), 404);
    assert!(log.body.contains("stderr"), "{}", log.body);
}
