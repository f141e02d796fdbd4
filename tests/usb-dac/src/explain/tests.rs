use super::*;
use proptest::prelude::*;

const FRAME: usize = 8;
/// Of which 512 frames are as long as what counts as recent.
const RATE: u32 = 25_600;

/// The same, of which nothing is in a track.
fn track_of_others(frames: usize) -> Vec<u8> {
    track(frames).iter().map(|byte| byte ^ 0xa5).collect()
}

fn fault(kind: Kind, at: usize, frames: usize) -> Fault {
    Fault { kind, at, frames }
}

/// Noise, as tracks of tests are.
fn track(frames: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..frames).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 29)
    });
    words.flat_map(u64::to_le_bytes).collect()
}

/// What came: these ranges of the track one after the other, in silence of 100 frames.
fn faults(track: &[u8], ranges: &[(usize, usize)]) -> Vec<Fault> {
    let silence = vec![0; 100 * FRAME];
    let body = ranges.iter().map(|(start, end)| &track[start * FRAME..end * FRAME]);
    let came: Vec<u8> =
        [silence.as_slice()].into_iter().chain(body).chain([silence.as_slice()]).collect::<Vec<_>>().concat();
    let found = explain(&came, Wanted { bytes: track, frame: FRAME, silence: 0 }, RATE);
    assert!(found.before == 100 && found.behind == 100, "{found:?}");
    found.faults
}

#[test]
fn each_kind_of_difference_is_called_by_its_name() {
    let track = track(1000);
    assert_eq!(faults(&track, &[(0, 1000)]), []);
    assert_eq!(faults(&track, &[(0, 400), (450, 1000)]), [fault(Kind::Dropped, 400, 50)]);
    assert_eq!(faults(&track, &[(20, 990)]), [fault(Kind::Dropped, 0, 20), fault(Kind::Dropped, 990, 10)]);
    assert_eq!(faults(&track, &[(0, 400), (350, 1000)]), [fault(Kind::Repeated, 350, 50)]);
    assert_eq!(faults(&track, &[(0, 400), (450, 500), (400, 450), (500, 1000)]), [fault(Kind::Swapped, 450, 50)]);
    assert_eq!(faults(&track, &[(0, 900), (100, 200), (900, 1000)]), [fault(Kind::Stale, 100, 100)]);
    assert_eq!(faults(&track, &[(0, 1000), (300, 400)]), [fault(Kind::Stale, 300, 100)]);
}

#[test]
fn a_repeat_is_one_however_short_it_is() {
    let track = track(1000);
    for (back, frames) in [(1, 1), (7, 7), (8, 8), (20, 8), (50, 30), (500, 9), (512, 512)] {
        let found = faults(&track, &[(0, 900), (900 - back, 900 - back + frames), (900, 1000)]);
        assert_eq!(found, [fault(Kind::Repeated, 900 - back, frames)], "{frames} frames, {back} back");
    }
    assert_eq!(faults(&track, &[(0, 900), (387, 487), (900, 1000)]), [fault(Kind::Stale, 387, 100)]);
}

#[test]
fn a_stream_of_which_nothing_is_the_track_s_says_what_came() {
    let (track, other) = (track(500), track_of_others(320));
    let explain = |came: &[u8]| explain(came, Wanted { bytes: &track, frame: FRAME, silence: 0 }, RATE);
    let missing = fault(Kind::Dropped, 0, 500);
    let noise = fault(Kind::Foreign(other[..FRAME].to_vec()), 0, 320);
    assert_eq!(explain(&other).faults, [noise.clone(), missing.clone()]);
    let within_silence = explain(&[&[0; 40 * FRAME], other.as_slice(), &[0; 60 * FRAME]].concat());
    assert_eq!(within_silence.faults, [noise, missing.clone()]);
    assert_eq!((within_silence.in_order, within_silence.before), (0, 100), "no track: all lies in front of it");
    assert_eq!(explain(&[0x69; 80 * FRAME]).faults, [fault(Kind::WrongSilence(0x69), 0, 80), missing.clone()]);
    assert_eq!(explain(&[0; 80 * FRAME]).faults, std::slice::from_ref(&missing));
    assert_eq!(explain(&[]).faults, [missing]);
}

#[test]
fn silence_in_between_and_other_bytes_are_told() {
    let track = track(500);
    let wanted = Wanted { bytes: &track, frame: FRAME, silence: 0x69 };
    let (head, tail) = track.split_at(200 * FRAME);
    let gap = explain(&[head, &[0x69; 30 * FRAME], tail].concat(), wanted, RATE);
    assert_eq!((gap.in_order, gap.faults), (200, vec![fault(Kind::Gap, 200, 30)]));
    let wrong = explain(&[head, &[0; 30 * FRAME], tail].concat(), wanted, RATE);
    assert_eq!((wrong.in_order, wrong.faults), (200, vec![fault(Kind::WrongSilence(0), 200, 30)]));
    let other: Vec<u8> = (0..=255).cycle().take(40 * FRAME).collect();
    let foreign = explain(&[head, &other, tail].concat(), wanted, RATE);
    let first = vec![0, 1, 2, 3, 4, 5, 6, 7];
    assert_eq!(foreign.faults, [fault(Kind::Foreign(first), 200, 40)]);
    let pop = explain(&[&[0; 50 * FRAME], track.as_slice(), &[0x69; 50 * FRAME]].concat(), wanted, RATE);
    assert_eq!(pop.faults, [fault(Kind::WrongSilence(0), 0, 50)]);
    assert_eq!(explain(&[0x69; 800], wanted, RATE).faults, [fault(Kind::Dropped, 0, 500)]);
}

#[test]
fn silence_within_the_track_is_the_track_s() {
    let mut track = track(600);
    track[200 * FRAME..300 * FRAME].fill(0);
    let wanted = Wanted { bytes: &track, frame: FRAME, silence: 0 };
    assert!(explain(&track, wanted, RATE).is_equal());
    let shorter = [&track[..250 * FRAME], &track[260 * FRAME..]].concat();
    assert!(!explain(&shorter, wanted, RATE).is_equal());
}

/// What packets of five and six frames are called that came in another order than the track's, or not, or again.
#[test]
fn a_microframe_of_five_or_six_frames_is_called_by_its_name() {
    let track = track(1000);
    for frames in [5, 6] {
        let [before, at, behind] = [600 - frames, 600, 600 + frames];
        let dropped = fault(Kind::Dropped, at, frames);
        for (what, ranges, expected) in [
            (
                "swapped",
                &[(0, at), (behind, behind + frames), (at, behind), (behind + frames, 1000)][..],
                vec![fault(Kind::Swapped, behind, frames)],
            ),
            ("dropped", &[(0, at), (behind, 1000)], vec![dropped.clone()]),
            (
                "dropped, and the next one but one",
                &[(0, at), (behind, behind + frames), (behind + 2 * frames, 1000)],
                vec![dropped.clone(), fault(Kind::Dropped, behind + frames, frames)],
            ),
            ("repeated", &[(0, at), (before, at), (at, 1000)], vec![fault(Kind::Repeated, before, frames)]),
            (
                "repeated in the place of the next one",
                &[(0, at), (before, at), (behind, 1000)],
                vec![fault(Kind::Repeated, before, frames), dropped.clone()],
            ),
            (
                "repeated, from some packets back",
                &[(0, at), (500, 500 + frames), (at, 1000)],
                vec![fault(Kind::Repeated, 500, frames)],
            ),
            ("stale", &[(0, at), (7, 7 + frames), (at, 1000)], vec![fault(Kind::Stale, 7, frames)]),
            (
                "stale in the place of the next one",
                &[(0, at), (7, 7 + frames), (behind, 1000)],
                vec![fault(Kind::Stale, 7, frames), dropped.clone()],
            ),
            (
                "swapped at the very end",
                &[(0, 1000 - 2 * frames), (1000 - frames, 1000), (1000 - 2 * frames, 1000 - frames)],
                vec![fault(Kind::Swapped, 1000 - frames, frames)],
            ),
        ] {
            assert_eq!(faults(&track, ranges), expected, "{what}, {frames} frames");
        }
        let other = track_of_others(frames);
        let came = [&track[..at * FRAME], other.as_slice(), &track[behind * FRAME..]].concat();
        let found = explain(&came, Wanted { bytes: &track, frame: FRAME, silence: 0 }, RATE);
        let foreign = fault(Kind::Foreign(other[..FRAME].to_vec()), at, frames);
        assert_eq!(found.faults, [foreign, dropped], "it is nothing of the track's");
    }
}

#[test]
fn what_is_lost_is_so_even_where_the_same_was_before() {
    let once = track(500);
    let twice = [once.as_slice(), once.as_slice()].concat();
    assert_eq!(faults(&twice, &[(0, 600), (610, 1000)]), [fault(Kind::Dropped, 600, 10)]);
}

proptest! {
    /// Whatever comes, it ends, and only what is equal is called equal.
    #[test]
    fn only_what_is_equal_is_called_so(
        cuts in prop::collection::vec((0_usize..400, 0_usize..400), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let track = track(400);
        let mut came = Vec::new();
        for (a, b) in cuts {
            came.extend_from_slice(&track[a.min(b) * FRAME..a.max(b) * FRAME]);
        }
        came.extend(noise);
        let whole = &came[..came.len() / FRAME * FRAME];
        let found = explain(&came, Wanted { bytes: &track, frame: FRAME, silence: 0 }, RATE);
        let stripped = memmem::find(whole, &track).is_some_and(|at| {
            whole[..at].iter().chain(&whole[at + track.len()..]).all(|byte| *byte == 0)
        });
        prop_assert_eq!(found.is_equal(), stripped);
    }
}
