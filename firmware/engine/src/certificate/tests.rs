//! Both halves on one ring, in every order.

use std::os::fd::{AsFd, OwnedFd};

use pcm::{Cpu, Crc32c, WireFormat};
use proptest::prelude::*;
use ring::{Certificate, Producer, RingMemory};
use sha2::{Digest, Sha256};

use super::*;

const WIRE: Wire = Wire { format: WireFormat::S24_3Le, rate: 1000, channels: 1 };
/// Frames that the ring uses.
const RING: u64 = 1_000;

struct Rig {
    producer: Producer,
    consumer: Consumer,
    tally: Tally,
    follow: Follow,
    file: OwnedFd,
    certificates: Vec<Certificate>,
    /// Of the bytes written, over all tracks.
    next: u32,
    /// The one under way.
    track: u64,
    /// The follower looks at what isn't taken yet, too.
    curious: bool,
}

impl Rig {
    fn new() -> Self {
        Self::with(RING)
    }

    /// With a ring of so many frames in the same memory.
    fn with(ring: u64) -> Self {
        let (memory, file) = RingMemory::create_sized(16 << 10).expect("a ring");
        let stream = Stream { epoch: 9, wire: WIRE, ring_frames: ring as u32 };
        let mut consumer = Consumer::new(memory);
        consumer.begin(&stream);
        let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).expect("the same ring"));
        producer.begin(&stream);
        let (tally, follow) = begin(&consumer, &stream);
        Self { producer, consumer, tally, follow, file, certificates: Vec::new(), next: 1, track: 0, curious: false }
    }

    /// The player writes, the real-time thread takes; returns the bytes.
    fn pass(&mut self, frames: u64) -> Vec<u8> {
        let mut all = Vec::new();
        let mut left = frames;
        while left > 0 {
            let area = self.producer.write_area(left.min(RING / 2)).expect("an honest engine");
            area.fill_with(|| {
                self.next = self.next.wrapping_mul(2_654_435_761).wrapping_add(1);
                (self.next >> 24) as u8
            });
            let frames = (area.len() / 3) as u64;
            self.producer.commit(frames).expect("there is room");
            if self.curious {
                self.follow_on();
            }
            self.consumer.refresh().expect("an honest player");
            let taken = self.consumer.read_area(frames);
            all.extend_from_slice(taken);
            self.tally.take(taken, frames as u32, false);
            self.consumer.advance(frames).expect("they are there");
            left -= frames;
        }
        all
    }

    fn start(&mut self, track: u64) {
        self.track = track;
        self.tally.start(track, self.consumer.read(), Troubles::default());
    }

    fn resume(&mut self, track: u64) {
        self.track = track;
        self.tally.resume(track, self.consumer.read(), Troubles::default());
    }

    fn end(&mut self) {
        self.tally.end(self.track, self.consumer.read(), Troubles { late_wakeups: 2, xruns: 3, starved: 4 });
    }

    fn look(&mut self) {
        self.look_hearing(self.consumer.read());
    }

    /// The same while this frame is heard.
    fn look_hearing(&mut self, heard: u64) {
        self.tally.publish(self.consumer.read(), heard);
        self.follow_on();
    }

    fn follow_on(&mut self) {
        let certificates = &mut self.certificates;
        self.follow.look(&mut |certificate| certificates.push(certificate));
    }
}

fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::digest(bytes).into())
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc32c = Crc32c::new(Cpu::BASELINE);
    crc32c.update(bytes);
    crc32c.value()
}

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    Next,
    Seek {
        /// So many frames are dropped.
        dropped: u64,
        /// Into the track before.
        back: bool,
    },
    Look,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0u64..400).prop_map(Act::Pass),
        1 => Just(Act::Next),
        1 => (0u64..300, any::<bool>()).prop_map(|(dropped, back)| Act::Seek { dropped, back }),
        3 => Just(Act::Look),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    /// Whenever the follower looks: each track's hash is that of the bytes taken for it, seeks and all.
    #[test]
    fn every_track_is_hashed_as_it_was_taken(acts in acts(), curious: bool) {
        let mut rig = Rig { curious, ..Rig::new() };
        let (mut expected, mut bytes, mut whole, mut since) = (Vec::new(), Vec::new(), true, 0);
        rig.start(0);
        for act in acts.into_iter().chain([Act::Next]) {
            match act {
                Act::Pass(frames) => {
                    // The follower isn't further behind than it may be: that is the next test's.
                    if since + frames > rig.follow_limit() {
                        rig.look();
                        since = 0;
                    }
                    bytes.extend(rig.pass(frames));
                    since += frames;
                }
                Act::Next => {
                    rig.end();
                    expected.push((rig.track, std::mem::take(&mut bytes), whole));
                    whole = true;
                    rig.start(rig.track + 1);
                }
                Act::Seek { dropped, back } => {
                    let from = rig.consumer.read();
                    let area = rig.producer.write_area(dropped).expect("an honest engine");
                    area.fill(0xEE);
                    rig.producer.commit(dropped).expect("there is room");
                    if curious {
                        rig.follow_on();
                    }
                    rig.producer.flush();
                    let flush = rig.consumer.pending_flush().expect("an honest player").expect("a flush");
                    rig.consumer.finish_flush(flush);
                    rig.tally.jump(from, rig.consumer.read());
                    since += dropped;
                    whole = false;
                    if back && rig.track > 0 {
                        expected.push((rig.track, std::mem::take(&mut bytes), whole));
                        rig.track -= 1;
                    }
                    rig.resume(rig.track);
                }
                Act::Look => {
                    rig.look();
                    since = 0;
                }
            }
            if since > rig.follow_limit() {
                rig.look();
                since = 0;
            }
        }
        rig.look();
        // Of nothing there is none.
        expected.retain(|(_, bytes, whole)| *whole || !bytes.is_empty());
        prop_assert_eq!(rig.certificates.len(), expected.len());
        for (certificate, (track, bytes, whole)) in rig.certificates.iter().zip(expected) {
            prop_assert_eq!((certificate.track, certificate.epoch), (track, 9));
            prop_assert_eq!(certificate.frames, (bytes.len() / 3) as u64);
            prop_assert_eq!(certificate.crc32c, crc32c(&bytes));
            prop_assert_eq!(certificate.sha256, sha256(&bytes));
            prop_assert_eq!(certificate.whole, whole);
        }
    }
}

impl Rig {
    fn follow_limit(&self) -> u64 {
        self.consumer.tap().kept_frames() - 500
    }
}

#[test]
fn a_follower_that_is_too_far_behind_gives_the_track_up_and_hashes_the_next() {
    let mut rig = Rig::new();
    let kept = rig.consumer.tap().kept_frames();
    assert_eq!(kept, (16 << 10) / 3 - RING, "what the ring leaves of its memory");
    rig.start(1);
    let bytes = rig.pass(kept + RING + 1);
    rig.look();
    rig.end();
    rig.start(2);
    let next = rig.pass(100);
    rig.end();
    rig.look();
    let [first, second] = rig.certificates[..] else { panic!("{:?}", rig.certificates) };
    assert_eq!((first.sha256, first.crc32c, first.frames), (None, crc32c(&bytes), kept + RING + 1));
    assert_eq!(second.sha256, sha256(&next));
    assert_eq!((second.late_wakeups, second.xruns, second.starved), (2, 3, 4));
}

#[test]
fn a_hasher_that_is_waited_for_hashes_everything() {
    let mut rig = Rig::new();
    rig.start(1);
    let mut bytes = Vec::new();
    for _ in 0..20 {
        let headroom = rig.tally.headroom(rig.consumer.read());
        assert_eq!(headroom, rig.consumer.tap().kept_frames());
        bytes.extend(rig.pass(headroom));
        assert_eq!(rig.tally.headroom(rig.consumer.read()), 0);
        rig.look();
    }
    rig.end();
    rig.look();
    assert_eq!(rig.certificates[0].sha256, sha256(&bytes));
}

#[test]
fn what_the_ring_holds_is_hashed_before_it_is_taken() {
    let mut rig = Rig { curious: true, ..Rig::new() };
    rig.start(1);
    let first = rig.pass(RING / 2);
    rig.curious = false;
    // So much later that without it the first frames would be gone.
    let rest = rig.pass(rig.consumer.tap().kept_frames() + RING - 10);
    rig.end();
    rig.look();
    assert_eq!(rig.certificates[0].sha256, sha256(&[first, rest].concat()));
}

#[test]
fn frames_that_a_flush_drops_do_not_count_as_played() {
    for (written_behind, hashed) in [(500, true), (1_500, false)] {
        let mut rig = Rig::with(4_500);
        assert_eq!(rig.consumer.tap().kept_frames(), 961);
        rig.start(1);
        let bytes = rig.pass(500);
        let from = rig.consumer.read();
        rig.producer.write_area(4_400).expect("an honest engine").fill(0xEE);
        rig.producer.commit(4_400).expect("there is room");
        rig.producer.flush();
        let flush = rig.consumer.pending_flush().expect("an honest player").expect("a flush");
        rig.consumer.finish_flush(flush);
        rig.tally.jump(from, rig.consumer.read());
        // Skipped, and the next track comes at once.
        rig.start(2);
        rig.producer.write_area(written_behind).expect("an honest engine").fill(0xDD);
        rig.producer.commit(written_behind).expect("there is room");
        rig.look();
        let [first] = rig.certificates[..] else { panic!("{:?}", rig.certificates) };
        assert_eq!(first.frames, 500);
        assert_eq!(first.sha256, sha256(&bytes).filter(|_| hashed), "{written_behind} frames written since");
    }
}

#[test]
fn bytes_that_change_after_they_were_taken_are_not_hashed() {
    let mut rig = Rig::new();
    rig.start(1);
    rig.pass(100);
    rustix::io::pwrite(&rig.file, &[0xA5; 5], 65_536 + 150).expect("it can be written");
    rig.end();
    rig.look();
    assert_eq!(rig.certificates[0].sha256, None);
    assert_eq!(rig.certificates[0].frames, 100);
}

#[test]
fn a_track_without_an_end_and_one_that_was_scaled_say_so() {
    let mut rig = Rig::new();
    rig.start(1);
    let bytes = rig.pass(10);
    rig.start(2);
    rig.pass(10);
    rig.tally.take(&[], 0, true);
    rig.tally.cut(rig.consumer.read(), Troubles::default());
    rig.look();
    let [first, second] = rig.certificates[..] else { panic!("{:?}", rig.certificates) };
    assert_eq!((first.whole, first.scaled, first.sha256), (false, false, sha256(&bytes)));
    assert_eq!((second.whole, second.scaled), (false, true));
}

#[test]
fn the_end_of_another_track_is_none_of_this_one() {
    let mut rig = Rig::new();
    rig.start(1);
    rig.pass(10);
    rig.tally.end(2, rig.consumer.read(), Troubles::default());
    rig.look();
    let [first] = rig.certificates[..] else { panic!("{:?}", rig.certificates) };
    assert_eq!((first.track, first.frames, first.whole), (1, 10, false));
}

#[test]
fn what_was_lost_is_told_of_each_track_that_it_may_be_of_even_if_that_is_over() {
    let mut rig = Rig::new();
    rig.start(1);
    rig.pass(100);
    rig.end();
    rig.start(2);
    rig.pass(20);
    rig.look_hearing(99);
    assert_eq!(rig.certificates, [], "the last frame is on its way");
    // Twenty of the second track, and ten of the first.
    rig.tally.lose(90, 120, 30, Why::Xrun);
    rig.look_hearing(120);
    rig.pass(100);
    rig.tally.lose(170, 220, 25, Why::Xrun);
    rig.end();
    rig.look();
    rig.start(3);
    rig.pass(10);
    rig.end();
    rig.look();
    let lost = rig.certificates.iter().map(|certificate| (certificate.track, certificate.xruns, certificate.lost));
    // Of the tracks under way xruns are counted elsewhere, which says three here.
    assert_eq!(lost.collect::<Vec<_>>(), [(1, 4, 10), (2, 3, 20 + 25), (3, 3, 0)]);
}

#[test]
fn when_the_stream_is_over_every_certificate_is_there() {
    let mut rig = Rig::new();
    rig.start(1);
    rig.pass(100);
    rig.end();
    rig.look_hearing(50);
    assert_eq!(rig.certificates, []);
    let Rig { tally, mut follow, mut certificates, .. } = rig;
    drop(tally);
    assert!(!follow.look(&mut |certificate| certificates.push(certificate)));
    assert_eq!(certificates.len(), 1);
}

#[test]
fn the_rings_part_leaves_a_quarter_and_holds_a_second_of_what_is_fastest() {
    let wire = |rate, channels| Wire { format: WireFormat::S32Le, rate, channels };
    assert!(most_frames(wire(768_000, 2)) >= 768_000);
    assert_eq!(most_frames(wire(48_000, 8)) as usize * 32, DATA_BYTES / 4 * 3);
}
