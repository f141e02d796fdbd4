//! Which frames go into whose certificate where the player seeks.

use ring::Certificate;
use sha2::{Digest, Sha256};

use super::*;
use crate::certificate::{self, Follow};

fn rig() -> (Rig, Follow) {
    let mut rig = Rig::new(Pacing::Clocked, 0);
    let (tally, follow) = certificate::begin(&rig.session.consumer, &rig.session.stream);
    rig.session.set_tally(tally);
    (rig, follow)
}

/// A track's last frames, counted up.
fn write_to_end(rig: &mut Rig, track: u64, frames: u64) {
    rig.count_up(frames);
    rig.mark(MarkKind::End, track);
}

/// Plays everything out.
fn certificates(mut rig: Rig, mut follow: Follow) -> Vec<Certificate> {
    rig.session.drain();
    rig.run(10 * SECOND, 0);
    assert_eq!(rig.outcome, Some(Outcome::Finished));
    drop(rig);
    let mut certificates = Vec::new();
    follow.look(&mut |certificate| certificates.push(certificate));
    certificates
}

/// Of the ring's frames from one on, as they were counted up.
fn sha256(first: u64, frames: u64) -> Option<[u8; 32]> {
    let bytes: Vec<u8> = (first..first + frames).flat_map(|n| numbered(n).to_le_bytes()).collect();
    Some(Sha256::digest(bytes).into())
}

#[test]
fn a_track_that_begins_inside_has_one() {
    let (mut rig, follow) = rig();
    rig.mark(MarkKind::Resume, 1);
    write_to_end(&mut rig, 1, 20_000);
    rig.mark(MarkKind::Start, 2);
    write_to_end(&mut rig, 2, 10_000);
    let [inside, next] = certificates(rig, follow)[..] else { panic!("two tracks") };
    assert_eq!((inside.track, inside.frames, inside.sha256), (1, 20_000, sha256(0, 20_000)));
    assert!(!inside.whole && inside.scaled, "it was faded in");
    assert_eq!((next.track, next.frames, next.sha256), (2, 10_000, sha256(20_000, 10_000)));
    assert!(next.whole && !next.scaled);
}

/// The second track was begun, and isn't heard yet, when the player seeks back in the first, which is.
#[test]
fn a_seek_back_over_a_boundary_gives_each_track_its_own_frames() {
    let (mut rig, follow) = rig();
    rig.mark(MarkKind::Start, 1);
    write_to_end(&mut rig, 1, 20_000);
    rig.mark(MarkKind::Start, 2);
    rig.count_up(20_000);
    while rig.frames_of(Kind::Start(2)).is_empty() {
        rig.run(1, 0);
    }
    assert!(rig.status.position().expect("it is published").heard < 20_000, "the first is heard");
    rig.producer.flush();
    rig.mark(MarkKind::Resume, 1);
    rig.run(SECOND, 0);
    let sought = rig.producer.written();
    write_to_end(&mut rig, 1, 15_000);
    rig.mark(MarkKind::Start, 2);
    write_to_end(&mut rig, 2, 10_000);
    let [first, begun, again, second] = certificates(rig, follow)[..] else { panic!("each track twice") };
    assert_eq!((first.track, first.frames, first.sha256), (1, 20_000, sha256(0, 20_000)));
    assert!(first.whole && !first.scaled, "it was played to its end before");
    assert_eq!((begun.track, begun.sha256), (2, sha256(20_000, begun.frames)));
    assert!(!begun.whole && begun.frames < 10_000, "{begun:?}");
    assert_eq!((again.track, again.frames, again.sha256), (1, 15_000, sha256(sought, 15_000)));
    assert!(!again.whole);
    assert_eq!((second.track, second.frames, second.sha256), (2, 10_000, sha256(sought + 15_000, 10_000)));
    assert!(second.whole && !second.scaled);
}

/// No frame of the first one is played, and the next begins as it would anywhere.
#[test]
fn a_seek_to_the_very_end_leaves_the_next_track_whole() {
    let (mut rig, follow) = rig();
    rig.mark(MarkKind::Resume, 1);
    rig.mark(MarkKind::End, 1);
    rig.mark(MarkKind::Start, 2);
    write_to_end(&mut rig, 2, 20_000);
    rig.run(SECOND, 0);
    assert_eq!((rig.frames_of(Kind::End(1)), rig.frames_of(Kind::Start(2))), (vec![0], vec![0]));
    assert_eq!(rig.heard[0], numbered(0), "it isn't faded in");
    let [next] = certificates(rig, follow)[..] else { panic!("one track") };
    assert_eq!((next.track, next.sha256), (2, sha256(0, 20_000)));
    assert!(next.whole && !next.scaled);
}

/// Each stream has a part of it, and neither is called whole; the second isn't faded in.
#[test]
fn a_track_that_goes_on_in_another_stream_is_whole_in_neither() {
    let (mut before, follow) = rig();
    before.mark(MarkKind::Start, 1);
    before.count_up(20_000);
    before.mark(MarkKind::Leave, 1);
    before.run(SECOND, 0);
    let told = [Kind::Start(1), Kind::Leave(1), Kind::End(1), Kind::Starved].map(|kind| before.frames_of(kind));
    assert_eq!(told, [vec![0], vec![20_000], vec![], vec![]]);
    let [first] = certificates(before, follow)[..] else { panic!("one part") };
    assert_eq!((first.track, first.frames, first.sha256), (1, 20_000, sha256(0, 20_000)));
    assert!(!first.whole && !first.scaled);

    let (mut behind, follow) = rig();
    behind.mark(MarkKind::Join, 1);
    write_to_end(&mut behind, 1, 10_000);
    behind.run(SECOND, 0);
    let told = [Kind::Join(1), Kind::Start(1), Kind::Resume, Kind::End(1)].map(|kind| behind.frames_of(kind));
    assert_eq!(told, [vec![0], vec![], vec![], vec![10_000]]);
    assert_eq!((behind.status.started().count, behind.status.ended().track), (0, 1));
    let [rest] = certificates(behind, follow)[..] else { panic!("one part") };
    assert_eq!((rest.track, rest.frames, rest.sha256), (1, 10_000, sha256(0, 10_000)));
    assert!(!rest.whole && !rest.scaled);
}
