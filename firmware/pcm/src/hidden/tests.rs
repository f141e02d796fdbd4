use super::*;
use std::vec;
use std::vec::Vec;

fn dop(frames: usize) -> Vec<i32> {
    (0..frames).map(|n| i32::from_be_bytes([[0x05, 0xfa][n % 2], n as u8, (n * 7) as u8, 0])).collect()
}

/// However the blocks are cut.
fn is_dop(samples: &Samples<'_>) -> bool {
    let whole = DopDetector::default().feed(samples);
    for block in [1, 7, 100] {
        let mut detector = DopDetector::default();
        let parts = (0..samples.frames()).step_by(block).map(|start| samples.part(start, block));
        let found = parts.filter(|part| detector.feed(part)).count();
        assert!(found <= 1, "once");
        assert_eq!(found == 1, whole, "blocks of {block}");
    }
    whole
}

fn planes<'a, T>(channels: &'a [&'a [T]]) -> Planes<'a, T> {
    Planes::new(channels.iter().copied()).unwrap()
}

#[test]
fn f5_dop_is_known_by_markers_that_take_turns_in_all_channels() {
    let good = dop(32);
    assert!(is_dop(&Samples::S32(planes(&[&good, &good]))));
    assert!(is_dop(&Samples::S32(planes(&[&dop(1000)[1..]]))));
    assert!(!is_dop(&Samples::S32(planes(&[&good[..31]]))), "too short to tell");
    assert!(!is_dop(&Samples::S32(planes(&[&good, &[0; 32]]))), "one channel is PCM");
    assert!(!is_dop(&Samples::S32(planes(&[&[0x0500_0000; 64]]))), "a constant level");
    let shifted: Vec<i32> = dop(33)[1..].to_vec();
    assert!(!is_dop(&Samples::S32(planes(&[&good, &shifted]))), "the channels' markers differ");
    let mut wide = good;
    wide[20] |= 1;
    assert!(!is_dop(&Samples::S32(planes(&[&wide]))), "more than 24 bits");
    assert!(!is_dop(&Samples::S16(planes(&[&[0x05fau16 as i16; 64]]))));
}

#[test]
fn f5_dop_is_known_behind_digital_silence_however_long_it_is() {
    let behind = |silence: usize, material: &[i32]| [&vec![0; silence][..], material].concat();
    for silence in [1, 1_764, 176_000] {
        let plane = behind(silence, &dop(40));
        assert!(is_dop(&Samples::S32(planes(&[&plane, &plane]))), "{silence} frames");
    }
    let (early, late) = (behind(10, &dop(40)), behind(11, &dop(39)));
    assert!(!is_dop(&Samples::S32(planes(&[&early, &late]))), "one channel begins later");
    assert!(!is_dop(&Samples::S32(planes(&[&behind(10, &[0x1234_5600; 64])]))), "a level");
    assert!(!is_dop(&Samples::S32(planes(&[&[dop(20), vec![0; 20]].concat()]))), "silence within it");
    let mut detector = Detector::new(&source(176_400, 24)).unwrap();
    let silence = [0; 1_000];
    for _ in 0..60 * 176 {
        assert!(!detector.feed(&Samples::S32(planes(&[&silence[..]; 2]))));
        assert!(detector.is_waiting() && !detector.is_done());
    }
    assert!(detector.feed(&Samples::S32(planes(&[&dop(64)[..]; 2]))), "behind a minute");
    assert!(detector.is_done() && !detector.is_waiting() && detector.wanted() == Hidden::Dop);
}

#[test]
fn silence_at_the_end_is_counted_in_all_channels() {
    let (left, right) = ([0, 1, 0, 0], [1, 0, 0, 0]);
    assert_eq!(silent_frames_at_end(&Samples::S16(planes(&[&left, &right]))), 2);
    assert_eq!(silent_frames_at_end(&Samples::S32(planes(&[&[0; 7], &[0; 7]]))), 7);
    assert_eq!(silent_frames_at_end(&Samples::F32(planes(&[&[0.0; 7]]))), 0);
}

fn source(rate: u32, bits: u16) -> Source {
    Source { rate, bits, channels: 2, encoding: Encoding::Integer }
}

#[test]
fn f5_a_source_can_carry_one_of_them_at_most() {
    let wanted = |rate, bits| Detector::new(&source(rate, bits)).map(|detector| detector.wanted());
    for rate in [44_100, 88_200, 96_000, 176_400, 192_000, 352_800] {
        for bits in [15, 16, 23, 24, 32] {
            assert!([Hidden::Dop, Hidden::Mqa].into_iter().filter(|it| it.may_be_in(&source(rate, bits))).count() <= 1);
        }
    }
    assert_eq!((wanted(176_400, 24), wanted(44_100, 16)), (Some(Hidden::Dop), Some(Hidden::Mqa)));
    assert_eq!((wanted(176_400, 16), wanted(192_000, 15)), (None, None));
}

/// A track of noise in which the channels differ by these bits at `place`.
fn track(bits: impl Iterator<Item = bool>, place: u32) -> (Vec<i32>, Vec<i32>) {
    let mut noise = 1u32;
    bits.map(|bit| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let left = (noise & 0xffff_ff00) as i32;
        (left, left ^ i32::from(bit) << place)
    })
    .unzip()
}

fn with_sync(before: usize) -> impl Iterator<Item = bool> {
    let sync = (0..36).rev().map(|n| MqaDetector::SYNC >> n & 1 == 1);
    (0..before).map(|n| n % 3 == 0).chain(sync).chain([true; 10])
}

#[test]
fn f5_mqa_is_known_by_its_sync_word_in_either_width_however_it_is_cut() {
    for place in [16, 17, 18] {
        let (left, right) = track(with_sync(1234), place);
        let mut detector = MqaDetector::new(44_100);
        let mut found = 0;
        for (left, right) in left.chunks(100).zip(right.chunks(100)) {
            found += usize::from(detector.feed(&Samples::S32(planes(&[left, right]))));
        }
        assert_eq!(found, 1, "once");
        assert!(detector.is_done());
        let narrow = |plane: &[i32]| -> Vec<i16> { plane.iter().map(|sample| (sample >> 16) as i16).collect() };
        let (left, right) = (narrow(&left), narrow(&right));
        assert!(MqaDetector::new(44_100).feed(&Samples::S16(planes(&[&left, &right]))));
    }
}

#[test]
fn f5_what_is_no_mqa_is_not_taken_for_it() {
    let (left, right) = track((0..200_000).map(|n| n % 5 < 2), 16);
    assert!(!MqaDetector::new(44_100).feed(&Samples::S32(planes(&[&left, &right]))));
    let (left, right) = track(with_sync(0), 15);
    assert!(!MqaDetector::new(44_100).feed(&Samples::S32(planes(&[&left, &right]))), "a bit too low");
    let (left, right) = track(with_sync(0), 16);
    let silence = [0i32; 46];
    assert!(!MqaDetector::new(44_100).feed(&Samples::S32(planes(&[&left, &right, &silence]))), "not stereo");
}

/// Looks at a track of levels, in which sync words end `before` each of these frames, at these places: the frames that it took to
/// tell, in blocks of this many.
fn frames_until_told(rate: u32, ends: &[(usize, u32)], block: usize) -> Option<usize> {
    let frames = ends.iter().map(|(end, _)| end).max().unwrap() + 100;
    let mut right = vec![1 << 8; frames];
    for &(end, place) in ends {
        for (n, sample) in right[end - 36..end].iter_mut().rev().enumerate() {
            *sample |= ((MqaDetector::SYNC >> n & 1) as i32) << place;
        }
    }
    let left = vec![1 << 8; frames];
    let mut detector = MqaDetector::new(rate);
    let told = left
        .chunks(block)
        .zip(right.chunks(block))
        .position(|(left, right)| detector.feed(&Samples::S32(planes(&[left, right]))));
    assert_eq!(told.is_some(), detector.is_done());
    told.map(|blocks| (blocks + 1) * block)
}

#[test]
fn f5_mqa_is_looked_for_up_to_the_end_and_then_takes_two_sync_words() {
    // Three seconds have 300 frames.
    let told = |ends: &[(usize, u32)]| {
        let of = |block| frames_until_told(100, ends, block);
        assert!([7, 64, 1000].iter().all(|&block| of(block).is_some() == of(1).is_some()), "{ends:?}");
        of(1)
    };
    for end in [36, 63, 64, 65, 100, 128, 300] {
        assert_eq!(told(&[(end, 17)]), Some(end), "one is enough");
    }
    assert_eq!(told(&[(301, 17)]), None, "but not later");
    assert_eq!(told(&[(10_000, 16), (10_300, 16)]), Some(10_300));
    assert_eq!(told(&[(10_000, 16), (10_036, 16)]), Some(10_036));
    assert_eq!(told(&[(10_000, 16), (10_301, 16)]), None, "too far apart");
    assert_eq!(told(&[(10_000, 16), (10_100, 17), (10_200, 18)]), None, "at other places");
    assert_eq!(told(&[(10_000, 16), (10_301, 16), (10_400, 16)]), Some(10_400), "the second one counts, too");
}

#[test]
fn f5_what_is_found_behind_the_first_seconds_of_sound_is_late() {
    let mut detector = Detector::new(&source(44_100, 24)).unwrap();
    let (silence, level) = ([0; 44_100], [1 << 8; 44_100]);
    for _ in 0..10 {
        detector.feed(&Samples::S32(planes(&[&silence[..]; 2])));
    }
    for _ in 0..3 {
        assert!(!detector.is_late());
        detector.feed(&Samples::S32(planes(&[&level[..]; 2])));
    }
    assert!(detector.is_late() && !detector.is_done());
    let mut detector = Detector::new(&source(176_400, 24)).unwrap();
    assert!(!detector.is_late());
    detector.feed(&Samples::S32(planes(&[&level[..]; 2])));
    assert!(detector.is_late() && detector.is_done(), "DoP is never late");
}

const SYNC_MASK: u64 = (1 << MqaDetector::SYNC_BITS) - 1;

/// As a detector does that takes every bit by itself.
#[test]
fn sync_words_are_found_as_by_looking_at_each_frame() {
    let mut noise = 1u64;
    for _ in 0..2000 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let shift = noise >> 58;
        // Bits of noise, most of which hold a sync word somewhere.
        let bits = u128::from(noise) << 64 | u128::from(noise.rotate_left(29));
        let bits = bits & !(u128::from(SYNC_MASK) << shift) | u128::from(MqaDetector::SYNC) << shift;
        let found = (0..64).filter(|n| (bits >> n) as u64 & SYNC_MASK == MqaDetector::SYNC);
        assert_eq!(sync_ends(bits), found.fold(0, |ends, n| ends | 1 << n));
    }
    let codes: [u8; GROUP] = core::array::from_fn(|n| (n * 37 % 251) as u8);
    for place in 0..3 {
        let bits = codes.iter().fold(0, |bits, code| bits << 1 | u64::from(code >> place & 1));
        assert_eq!(bits_at(&codes, place), bits);
    }
}

#[test]
fn f5_digital_silence_in_front_takes_nothing_of_the_time_that_mqa_is_looked_for() {
    let (left, right) = track(with_sync(1000), 16);
    let silence = [0; 44_100];
    let mut detector = Detector::new(&source(44_100, 24)).unwrap();
    for _ in 0..60 {
        assert!(!detector.feed(&Samples::S32(planes(&[&silence[..]; 2]))));
        assert!(detector.is_waiting() && !detector.is_late());
    }
    let sound = [[&silence[..10], &left].concat(), [&silence[..10], &right].concat()];
    assert!(detector.feed(&Samples::S32(planes(&[&sound[0], &sound[1]]))), "behind a minute");
    let narrow = [0i16; 1000];
    let mut detector = Detector::new(&source(44_100, 16)).unwrap();
    assert!(!detector.feed(&Samples::S16(planes(&[&narrow[..]; 2]))) && detector.is_waiting());
    assert!(!detector.feed(&Samples::S16(planes(&[&[1i16; 7][..]; 2]))) && !detector.is_waiting());
}
