use std::fs::OpenOptions;
use std::io::Write as _;

use super::*;

const OPEN: &str = r#"{"event":"open","file":"0001.raw","format":"S16_LE","rate":44100,"channels":2,"ns":5}"#;

/// A capture of a log with these lines.
fn capture(lines: &[&str]) -> (tempfile::TempDir, Capture) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut capture = Capture::new(dir.path());
    assert!(!capture.refresh().expect("no log yet"));
    std::fs::write(dir.path().join("sink.jsonl"), lines.join("\n") + "\n").expect("write");
    assert!(capture.refresh().expect("log"));
    (dir, capture)
}

fn start(track: u64, frame: u64) -> String {
    format!(r#"{{"event":"start","track":{track},"frame":{frame},"ns":{frame}}}"#)
}

fn end(track: u64, frame: u64) -> String {
    format!(r#"{{"event":"end","track":{track},"frame":{frame},"ns":{frame}}}"#)
}

#[test]
fn passages_have_their_frames_and_their_own_underruns() {
    let xrun = r#"{"event":"xrun","frame":1}"#;
    let (_dir, capture) = capture(&[
        OPEN,
        xrun,
        &start(7, 10),
        xrun,
        &end(7, 20),
        r#"{"event":"something new","x":[1]}"#,
        &start(8, 20),
        &end(8, 30),
        xrun,
        r#"{"event":"close","frames":40,"xruns":3,"scaled":false,"ns":9}"#,
    ]);
    let seen: Vec<_> =
        capture.passages().iter().map(|passage| (passage.track, passage.start, passage.end, passage.xruns)).collect();
    let mark = |frame| Some((frame, Ending::Mark));
    assert_eq!(seen, [(7, 10, mark(20), 2), (8, 20, mark(30), 0)]);
    assert_eq!(capture.streams()[0].frames, Some(40));
}

#[test]
fn a_passage_without_an_end_mark_is_told_apart() {
    let flush = r#"{"event":"flush","frame":15}"#;
    let close = r#"{"event":"close","frames":99,"xruns":0,"scaled":true,"ns":9}"#;
    let (_dir, capture) = capture(&[OPEN, &start(1, 0), flush, &start(2, 30), close, OPEN]);
    assert_eq!(capture.passages()[0].end, Some((15, Ending::Flush)));
    assert_eq!(capture.passages()[1].end, Some((99, Ending::Cut)));
    assert_eq!(capture.streams().len(), 2);
}

#[test]
fn half_a_line_waits_for_its_rest() {
    let (dir, mut capture) = capture(&[OPEN]);
    let log = dir.path().join("sink.jsonl");
    let mut log = OpenOptions::new().append(true).open(log).expect("log");
    let line = start(1, 0);
    log.write_all(&line.as_bytes()[..9]).expect("write");
    capture.refresh().expect("half a line");
    assert!(capture.passages().is_empty());
    log.write_all(&line.as_bytes()[9..]).expect("write");
    log.write_all(b"\n").expect("write");
    capture.refresh().expect("the rest");
    assert_eq!(capture.passages().len(), 1);
}

#[test]
fn a_line_that_is_no_event_is_an_error_that_shows_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    std::fs::write(dir.path().join("sink.jsonl"), "nonsense\n").expect("write");
    let error = Capture::new(dir.path()).refresh().expect_err("an error");
    assert!(error.to_string().contains("nonsense"), "{error}");
}
