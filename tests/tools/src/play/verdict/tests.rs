use support::decode::{Layout, Reference};
use support::material::Shape;

use super::*;
use crate::status::{self, Fault};

const SHAPE: Shape = Shape { rate: 48_000, bits: 16, channels: 2, frames: 500, seed: 3 };

/// A directory that holds a stream: `lead` silent frames, the shape's, `tail` silent frames.
fn place(shape: &Shape, lead: u64, tail: u64) -> (tempfile::TempDir, Place) {
    let reference =
        Reference { rate: shape.rate, channels: shape.channels, bits: Some(shape.bits), samples: shape.samples() };
    let own = reference.packed(Layout::S16).expect("16 bits");
    let mut bytes = vec![0; lead as usize * 4];
    bytes.extend(own);
    bytes.resize(bytes.len() + tail as usize * 4, 0);
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("0001.raw");
    std::fs::write(&file, &bytes).expect("write");
    let end = lead + u64::from(shape.frames);
    let place = Place {
        start_of_chain: 1,
        passages: vec![Passage {
            track: 1,
            stream: 0,
            start: lead,
            start_ns: 5_500_000,
            end: Some((end, Ending::Mark)),
            xruns: 1,
            starved: 0,
        }],
        streams: vec![Stream {
            file,
            format: "S16_LE".into(),
            dop: false,
            rate: shape.rate,
            channels: 2,
            frames: Some(end + tail),
            scaled: Some(false),
        }],
        shared: Shared::default(),
    };
    (dir, place)
}

/// A track that the player has read rightly.
fn track(encoding: &str, frames: Option<u64>) -> Track {
    Track {
        id: Some(1),
        uri: "u".into(),
        codec: Some("FLAC".into()),
        source: Some(status::Source {
            rate: Some(48_000),
            bits: Some(16),
            channels: Some(2),
            encoding: Some(encoding.into()),
        }),
        frames,
        error: None,
    }
}

fn evidence(here: Option<Place>) -> Evidence {
    Evidence {
        file: "a b.flac".into(),
        outcome: Outcome::Done,
        track: track("integer", Some(500)),
        sent_ns: Some(4_000_000),
        before: None,
        here,
        fast: false,
    }
}

#[test]
fn a_whole_track_is_played() {
    let (_dir, here) = place(&SHAPE, 10, 20);
    let report = evidence(Some(here)).judge();
    assert_eq!((report.state, report.error), (State::Played, None));
    assert_eq!(report.md5, Some(SHAPE.md5()));
    assert_eq!((report.frames, report.xruns), (Some(500), Some(1)));
    assert_eq!((report.start_ms, report.gap_frames), (Some(1.5), None));
}

#[test]
fn the_line_has_the_contract_s_fields_in_its_order() {
    let (_dir, here) = place(&SHAPE, 0, 0);
    let line = serde_json::to_string(&evidence(Some(here)).judge()).expect("JSON");
    let mut at = 0;
    for field in [
        "file",
        "state",
        "error",
        "codec",
        "source",
        "rate",
        "bits",
        "channels",
        "wire",
        "format",
        "rate",
        "channels",
        "dop",
        "frames",
        "md5",
        "wire_sha256",
        "xruns",
        "start_ms",
        "gap_frames",
    ] {
        let found = line[at..].find(&format!("\"{field}\":"));
        at += found.unwrap_or_else(|| panic!("{field} behind {at} in {line}")) + 1;
    }
    assert!(line.starts_with(r#"{"file":"a b.flac","state":"played","error":null,"#), "{line}");
}

#[test]
fn a_fast_sink_has_no_underruns_to_tell() {
    let (_dir, here) = place(&SHAPE, 0, 0);
    let report = Evidence { fast: true, ..evidence(Some(here)) }.judge();
    assert_eq!(report.xruns, None);
}

#[test]
fn a_reason_and_no_frame_is_refused_a_reason_after_frames_is_failed() {
    let error = Some(Fault { kind: Some("Truncated".into()), text: Some("it ends early".into()) });
    let mut none = evidence(None);
    none.outcome = Outcome::Refused(None);
    none.track.error = error.clone();
    let report = none.judge();
    assert_eq!(report.state, State::Refused);
    assert_eq!(report.error.as_deref(), Some("it ends early"));
    assert_eq!((report.md5, report.wire, report.start_ms), (None, None, None));
    let (_dir, here) = place(&SHAPE, 0, 0);
    let mut some = evidence(Some(here));
    // In a queue the renderer may have gone on: the error stands in the track's entry only.
    some.track.error = error;
    let report = some.judge();
    assert_eq!(report.state, State::Failed);
    assert_eq!(report.error.as_deref(), Some("it ends early (after 500 frames)"));
}

#[test]
fn a_fault_s_own_words_are_the_reason_if_the_player_has_none() {
    for (words, reason) in [(Some("716"), "716"), (None, "TransportStatus ERROR_OCCURRED, without a reason")] {
        let mut refused = evidence(None);
        refused.outcome = Outcome::Refused(words.map(str::to_owned));
        let report = refused.judge();
        assert_eq!((report.state, report.error.as_deref()), (State::Refused, Some(reason)));
    }
}

#[test]
fn silence_without_a_reason_and_a_dead_process_have_failed() {
    assert_eq!(evidence(None).judge().state, State::Failed);
    let mut dead = evidence(None);
    dead.outcome = Outcome::Broken("the player ended: killed by signal 9".into());
    let report = dead.judge();
    assert_eq!(report.state, State::Failed);
    assert!(report.error.is_some_and(|error| error.contains("signal 9")));
}

/// A file without a frame is refused by the renderer; one that it says nothing of was not played.
#[test]
fn a_track_that_ends_well_without_a_frame_has_failed() {
    let mut empty = evidence(None);
    empty.track.frames = Some(0);
    let report = empty.judge();
    assert_eq!((report.state, report.frames), (State::Failed, Some(0)));
    assert_eq!((report.md5, report.wire_sha256), (None, None));
}

#[test]
fn marks_without_a_frame_between_them_are_no_start() {
    let shape = Shape { frames: 0, ..SHAPE };
    let (_dir, here) = place(&shape, 10, 20);
    let mut empty = evidence(Some(here.clone()));
    empty.track.error = Some(Fault { kind: Some("NotAudio".into()), text: Some("no audio frames".into()) });
    empty.before = Some(here);
    let report = empty.judge();
    assert_eq!((report.state, report.frames), (State::Refused, Some(0)));
    assert_eq!((report.start_ms, report.gap_frames), (None, None));
}

#[test]
fn skipped_cut_and_starved_tracks_have_failed() {
    let judge = |change: fn(&mut Evidence, &mut Place)| {
        let (_dir, mut here) = place(&SHAPE, 0, 0);
        let mut evidence = evidence(None);
        change(&mut evidence, &mut here);
        evidence.here = Some(here);
        evidence.judge()
    };
    let short = judge(|evidence, _| evidence.track.frames = Some(501));
    assert_eq!(short.error.as_deref(), Some("500 of 501 frames reached the sink"));
    for failed in [
        short,
        judge(|_, here| here.passages[0].starved = 1),
        judge(|_, here| here.passages[0].end = Some((100, Ending::Flush))),
        judge(|_, here| here.passages[0].end = Some((100, Ending::Cut))),
        judge(|_, here| here.passages[0].end = None),
        judge(|_, here| here.passages[0].end = Some((600, Ending::Mark))),
        judge(|evidence, _| evidence.track.source.as_mut().expect("there").bits = Some(12)),
    ] {
        assert_eq!(failed.state, State::Failed, "{failed:?}");
        assert!(failed.error.is_some());
    }
    let estimated = judge(|evidence, _| evidence.track = track("lossy", Some(501)));
    assert_eq!((estimated.state, estimated.md5), (State::Played, None));
    assert_eq!(estimated.source.expect("known").bits, None);
}

#[test]
fn what_is_scaled_resampled_or_float_has_no_md5() {
    let judge = |change: fn(&mut Evidence, &mut Place)| {
        let (_dir, mut here) = place(&SHAPE, 0, 0);
        let mut evidence = evidence(None);
        change(&mut evidence, &mut here);
        evidence.here = Some(here);
        evidence.judge()
    };
    // Twice the rate, and 500 frames in the sink.
    let resampled = |frames| {
        let (_dir, mut here) = place(&SHAPE, 0, 0);
        here.streams[0].rate = 96_000;
        Evidence { track: track("integer", Some(frames)), ..evidence(Some(here)) }.judge()
    };
    let short = resampled(251);
    assert_eq!((short.state, short.error.as_deref()), (State::Failed, Some("500 of 502 frames reached the sink")));
    for report in [
        judge(|_, here| here.streams[0].scaled = Some(true)),
        resampled(250),
        judge(|evidence, _| evidence.track = track("float", Some(500))),
    ] {
        assert_eq!((report.state, report.md5), (State::Played, None));
        assert!(report.wire_sha256.is_some());
    }
}

#[test]
fn the_gap_is_counted_over_streams_and_must_be_silent() {
    let (_dir, before) = place(&SHAPE, 0, 30);
    let (_other, mut here) = place(&SHAPE, 12, 0);
    here.streams.insert(0, before.streams[0].clone());
    here.passages[0].stream = 1;
    let judge = |before: Place, here: Place| {
        let mut evidence = evidence(Some(here));
        evidence.before = Some(before);
        evidence.judge()
    };
    let report = judge(before.clone(), here.clone());
    assert_eq!((report.state, report.gap_frames), (State::Played, Some(42)));
    // A track that ended ten frames before its sound did.
    let mut loud = before.clone();
    loud.passages[0].end = Some((490, Ending::Mark));
    let report = judge(loud.clone(), here.clone());
    assert_eq!((report.state, report.gap_frames), (State::Failed, Some(52)));
    loud.passages[0].end = Some((490, Ending::Flush));
    assert_eq!(judge(loud, here.clone()).state, State::Played);
    // Another start of the chain, or a stream that never was closed: nothing to count.
    let mut other = before.clone();
    other.start_of_chain = 0;
    assert_eq!(judge(other, here.clone()).gap_frames, None);
    here.streams[0].frames = None;
    assert_eq!(judge(before, here).gap_frames, None);
}

/// A track whose first 200 frames went out in a stream of their own.
fn in_two_streams() -> (tempfile::TempDir, tempfile::TempDir, Place) {
    let (dir, mut here) = place(&SHAPE, 10, 20);
    let (other, behind) = place(&SHAPE, 5, 7);
    here.passages[0].end = Some((210, Ending::Mark));
    here.passages.push(Passage { stream: 1, start: 205, start_ns: 9_000_000, xruns: 2, ..behind.passages[0].clone() });
    here.streams.extend(behind.streams);
    // What follows the first part there, and comes before the second, is silence.
    for (stream, silent) in [(0, 210..530), (1, 0..205)] {
        let file = &here.streams[stream].file;
        let mut bytes = std::fs::read(file).expect("readable");
        bytes[silent.start * 4..silent.end * 4].fill(0);
        std::fs::write(file, bytes).expect("written");
    }
    (dir, other, here)
}

#[test]
fn a_track_in_two_streams_is_all_of_its_passages() {
    let (_one, _two, here) = in_two_streams();
    let whole = evidence(Some(here.clone())).judge();
    assert_eq!((whole.state, whole.error), (State::Played, None));
    assert_eq!((whole.frames, whole.md5, whole.xruns), (Some(500), Some(SHAPE.md5()), Some(3)));
    assert_eq!(whole.start_ms, Some(1.5), "the first frame counts");
    let short = Place { passages: here.passages[..1].to_vec(), ..here.clone() };
    let short = evidence(Some(short)).judge();
    assert_eq!(short.error.as_deref(), Some("200 of 500 frames reached the sink"));
    let mut loud = here.clone();
    loud.passages[1].start = 206;
    loud.passages[0].end = Some((209, Ending::Mark));
    let loud = evidence(Some(loud)).judge();
    assert!(loud.error.is_some_and(|error| error.starts_with("498 of 500")));
    let mut open = here.clone();
    open.passages[0].end = None;
    assert_eq!(evidence(Some(open)).judge().state, State::Failed);
    let mut scaled = here;
    scaled.streams[0].scaled = Some(true);
    assert_eq!(evidence(Some(scaled)).judge().md5, None, "what was scaled there wasn't silence");
}

#[test]
fn sound_between_a_track_s_passages_is_a_fault() {
    let (_one, _two, mut here) = in_two_streams();
    let bytes = std::fs::read(&here.streams[0].file).expect("readable");
    std::fs::write(&here.streams[0].file, [&bytes[..], &[1; 4]].concat()).expect("written");
    here.streams[0].frames = Some(531);
    let report = evidence(Some(here)).judge();
    assert_eq!(report.state, State::Failed);
    assert!(report.error.is_some_and(|error| error.starts_with("sound between")));
}
