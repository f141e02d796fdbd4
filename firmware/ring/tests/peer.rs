//! The mapped ring with a peer that keeps to the protocol, against a model, and with peers that don't.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pcm::{Wire, WireFormat};
use proptest::prelude::*;
use ring::{Consumer, Full, Mark, MarkKind, Producer, RingMemory, Stream};

/// Bytes in front of the data area.
const HEADER: u64 = 65_536;
/// Where the producer's words are in the file, and how many; where the consumer's are.
const PRODUCER: (u64, u64) = (128, 7);
const CONSUMER: (u64, u64) = (256, 3);
/// Where the marks are, and words of all of them.
const MARKS: (u64, u64) = (384, 3 * ring::MARKS as u64);

const WIRE: Wire = Wire { format: WireFormat::S24_3Le, rate: 48_000, channels: 1 };

fn ring(ring_frames: u32) -> (Producer, Consumer, OwnedFd) {
    let (memory, file) = RingMemory::create_sized(rustix::param::page_size()).expect("a ring");
    let mut consumer = Consumer::new(memory);
    let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).expect("the same ring"));
    let stream = Stream { epoch: 1, wire: WIRE, ring_frames };
    consumer.begin(&stream);
    producer.begin(&stream);
    (producer, consumer, file)
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64),
    Mark(bool),
    Flush,
    Pause(bool),
    Read(u64),
    Marks,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0u64..900).prop_map(Step::Write),
        2 => any::<bool>().prop_map(Step::Mark),
        1 => Just(Step::Flush),
        1 => any::<bool>().prop_map(Step::Pause),
        5 => (0u64..900).prop_map(Step::Read),
        2 => Just(Step::Marks),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    /// Frame `n` holds `n`. Whatever both sides do in whatever order: the consumer sees what was written and not flushed, in
    /// order, and every mark in its place.
    #[test]
    fn what_is_written_and_not_flushed_is_read(steps in steps(), ring_frames in 1u32..2000) {
        let (mut producer, mut consumer, _file) = ring(ring_frames);
        let capacity = producer.capacity_frames();
        prop_assert_eq!(capacity, u64::from(ring_frames).min(rustix::param::page_size() as u64 / 3));
        let (mut read, mut written) = (0, 0);
        let mut marks = VecDeque::new();
        for step in steps {
            match step {
                Step::Write(frames) => {
                    let room = capacity - (written - read);
                    let area = producer.write_area(frames).expect("an honest consumer");
                    prop_assert_eq!(area.len() as u64, frames.min(room) * 3);
                    for (frame, bytes) in (written..).zip(area.as_chunks_mut::<3>().0) {
                        bytes.copy_from_slice(&frame.to_le_bytes()[..3]);
                    }
                    let frames = frames.min(room);
                    prop_assert_eq!(producer.commit(frames), Ok(()));
                    written += frames;
                }
                Step::Mark(end) => {
                    let kind = if end { MarkKind::End } else { MarkKind::Start };
                    let mark = Mark { frame: written, track: marks.len() as u64, kind };
                    let full = marks.len() == ring::MARKS;
                    prop_assert_eq!(producer.mark(mark), if full { Err(Full) } else { Ok(()) });
                    marks.extend((!full).then_some(mark));
                }
                Step::Flush => {
                    producer.flush();
                    let flush = consumer.pending_flush().expect("an honest producer").expect("a flush");
                    prop_assert_eq!(flush.frame, written);
                    consumer.finish_flush(flush);
                    prop_assert!(producer.flush_done());
                    marks.clear();
                    read = written;
                }
                Step::Pause(paused) => {
                    producer.set_paused(paused);
                    prop_assert_eq!(consumer.paused(), paused);
                }
                Step::Read(frames) => {
                    prop_assert_eq!(consumer.refresh(), Ok(written - read));
                    let area = consumer.read_area(frames);
                    prop_assert_eq!(area.len() as u64, frames.min(written - read) * 3);
                    for (frame, bytes) in (read..).zip(area.as_chunks::<3>().0) {
                        prop_assert_eq!(bytes, &frame.to_le_bytes()[..3]);
                    }
                    let frames = frames.min(written - read);
                    prop_assert_eq!(consumer.advance(frames), Ok(()));
                    read += frames;
                }
                Step::Marks => {
                    while let Some(mark) = consumer.next_mark().expect("an honest producer") {
                        prop_assert_eq!(Some(mark), marks.pop_front());
                        consumer.take_mark();
                    }
                    prop_assert!(marks.is_empty());
                }
            }
            prop_assert_eq!((producer.written(), consumer.read()), (written, read));
        }
    }

    /// A player's file can be written anywhere: words of either side, marks, samples.
    #[test]
    fn neither_side_leaves_the_ring_whatever_is_written_into_it(
        writes in prop::collection::vec((places(), words()), 1..80), ring_frames in 0u32..3000,
    ) {
        let (mut producer, mut consumer, file) = ring(ring_frames);
        let capacity = producer.capacity_frames();
        for (place, value) in writes {
            rustix::io::pwrite(&file, &value.to_ne_bytes(), place).expect("it can be written");
            use_consumer(&mut consumer, capacity);
            use_producer(&mut producer, capacity);
        }
    }
}

/// Everything that the engine does with the ring, as far as its words let it.
fn use_consumer(consumer: &mut Consumer, capacity: u64) {
    let before = consumer.read();
    let _ = consumer.refresh();
    assert!(consumer.readable() <= capacity && consumer.readable_to_end() <= consumer.readable());
    assert!(consumer.read_area(u64::MAX).len() as u64 <= capacity * 3);
    let mut taken = 0;
    while taken < ring::MARKS && matches!(consumer.next_mark(), Ok(Some(_))) {
        consumer.take_mark();
        taken += 1;
    }
    if let Ok(Some(flush)) = consumer.pending_flush() {
        consumer.finish_flush(flush);
    }
    let _ = consumer.paused();
    let _ = consumer.advance(consumer.readable().div_ceil(2));
    assert!(consumer.read() >= before && consumer.read() - before <= 2 * capacity);
}

/// Everything that the player does.
fn use_producer(producer: &mut Producer, capacity: u64) {
    let before = producer.written();
    if let Ok(area) = producer.write_area(u64::MAX) {
        assert!(area.len() as u64 <= capacity * 3);
        area.fill(0x55);
        let frames = (area.len() / 3) as u64;
        assert_eq!(producer.commit(frames), Ok(()));
    }
    let _ = producer.mark(Mark { frame: 1, track: 2, kind: MarkKind::End });
    producer.flush();
    let _ = producer.flush_done();
    let _ = producer.read_frames();
    assert!(producer.written() - before <= capacity);
}

fn places() -> impl Strategy<Value = u64> {
    let words = |(first, count): (u64, u64)| (0..count).prop_map(move |n| first + 8 * n);
    prop_oneof![
        4 => words(PRODUCER),
        4 => words(CONSUMER),
        2 => words(MARKS),
        1 => HEADER..HEADER + 4000,
    ]
}

/// Near the interesting values as often as anywhere.
fn words() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..3000, any::<u64>(), (u64::MAX - 10)..=u64::MAX]
}

/// The words are where this file writes to.
#[test]
fn the_words_are_where_these_tests_think() {
    let (mut producer, mut consumer, file) = ring(100);
    let word = |place| {
        let mut bytes = [0; 8];
        rustix::io::pread(&file, &mut bytes, place).expect("it can be read");
        u64::from_ne_bytes(bytes)
    };
    producer.mark(Mark { frame: 11, track: 12, kind: MarkKind::End }).expect("room");
    producer.commit(13).expect("room");
    producer.set_paused(true);
    consumer.refresh().expect("an honest producer");
    consumer.advance(5).expect("they are there");
    assert_eq!([PRODUCER.0, PRODUCER.0 + 8, PRODUCER.0 + 16, PRODUCER.0 + 48].map(word), [13, 1, 11, 1]);
    assert_eq!(word(CONSUMER.0), 5);
    assert_eq!([MARKS.0, MARKS.0 + 8, MARKS.0 + 16].map(word), [11, 12, 2]);
}

/// The words change between any two looks at them: what was checked must be what is used.
#[test]
fn words_that_never_stand_still_corrupt_nothing() {
    let (mut producer, mut consumer, file) = ring(1000);
    let capacity = producer.capacity_frames();
    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let scribbler = std::thread::spawn(move || {
        let mut state = 1u64;
        let mut writes = 0u64;
        while !theirs.load(Ordering::Relaxed) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let (first, count) = [PRODUCER, CONSUMER, MARKS][(state % 3) as usize];
            let value = if state & 8 == 0 { state } else { state % 3000 };
            let place = first + 8 * ((state >> 8) % count);
            rustix::io::pwrite(&file, &value.to_ne_bytes(), place).expect("it can be written");
            writes += 1;
        }
        writes
    });
    for _ in 0..200_000 {
        use_consumer(&mut consumer, capacity);
        use_producer(&mut producer, capacity);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(scribbler.join().expect("it ends") > 0);
}
