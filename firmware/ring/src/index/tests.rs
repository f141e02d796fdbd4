//! The protocol against a model, and against a peer that writes anything.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::control::Control;
use crate::mark::{Mark, MarkKind};
use crate::word::Word;

type Ring = Control<AtomicU64, 4>;

/// Fewer cases under Miri, which is some hundred times slower; and it has no files to remember failures in.
fn config() -> ProptestConfig {
    ProptestConfig { cases: if cfg!(miri) { 8 } else { 512 }, failure_persistence: None, ..ProptestConfig::default() }
}

const KINDS: &[MarkKind] = &[MarkKind::Start, MarkKind::End, MarkKind::Resume, MarkKind::Leave, MarkKind::Join];

#[derive(Clone, Debug)]
enum Step {
    Write(u64),
    Mark(MarkKind, u64),
    Flush,
    Pause(bool),
    Read(u64),
    TakeMark,
    CarryOutFlush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u64..12).prop_map(Step::Write),
        2 => (prop::sample::select(KINDS), 0u64..4).prop_map(|(kind, ahead)| Step::Mark(kind, ahead)),
        1 => Just(Step::Flush),
        1 => any::<bool>().prop_map(Step::Pause),
        4 => (0u64..12).prop_map(Step::Read),
        2 => Just(Step::TakeMark),
        1 => Just(Step::CarryOutFlush),
    ];
    prop::collection::vec(step, 1..if cfg!(miri) { 30 } else { 200 })
}

/// What both sides together should do.
#[derive(Default)]
struct Model {
    written: u64,
    read: u64,
    marks: VecDeque<Mark>,
    paused: bool,
    flush: Option<(u64, usize)>,
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn both_sides_agree_with_a_model(steps in steps(), capacity in 1u64..16) {
        let control = Ring::new();
        control.reset(1);
        let (mut producer, mut consumer) = (ProducerIndex::new(capacity), ConsumerIndex::new(capacity));
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Write(frames) => {
                    let room = capacity - (model.written - model.read);
                    prop_assert_eq!(producer.writable(&control), Ok(room));
                    if frames > room {
                        let refused = Err(Corrupt::Range { asked: frames, there: room });
                        prop_assert_eq!(producer.commit(&control, frames), refused);
                    } else {
                        prop_assert_eq!(producer.commit(&control, frames), Ok(()));
                        model.written += frames;
                    }
                }
                Step::Mark(kind, ahead) => {
                    let mark = Mark { frame: model.written + ahead, track: model.written, kind };
                    let full = model.marks.len() == 4;
                    prop_assert_eq!(producer.mark(&control, mark), if full { Err(Full) } else { Ok(()) });
                    if !full {
                        model.marks.push_back(mark);
                    }
                }
                Step::Flush => {
                    producer.flush(&control);
                    model.flush = Some((model.written, model.marks.len()));
                    prop_assert!(!producer.flush_done(&control));
                }
                Step::Pause(paused) => {
                    producer.set_paused(&control, paused);
                    model.paused = paused;
                }
                Step::Read(frames) => {
                    prop_assert_eq!(consumer.refresh(&control), Ok(()));
                    let readable = model.written - model.read;
                    prop_assert_eq!(consumer.readable(), readable);
                    prop_assert!(consumer.readable_to_end() <= readable);
                    if frames > readable {
                        let refused = Err(Corrupt::Range { asked: frames, there: readable });
                        prop_assert_eq!(consumer.advance(&control, frames), refused);
                    } else {
                        prop_assert_eq!(consumer.advance(&control, frames), Ok(()));
                        model.read += frames;
                    }
                }
                Step::TakeMark => {
                    prop_assert_eq!(consumer.peek_mark(&control), Ok(model.marks.front().copied()));
                    if model.marks.pop_front().is_some() {
                        consumer.pop_mark(&control);
                        model.flush = model.flush.map(|(frame, marks)| (frame, marks.saturating_sub(1)));
                    }
                }
                Step::CarryOutFlush => {
                    let flush = consumer.pending_flush(&control).expect("an honest producer");
                    prop_assert_eq!(flush.map(|flush| flush.frame), model.flush.map(|(frame, _)| frame));
                    if let (Some(flush), Some((frame, marks))) = (flush, model.flush.take()) {
                        consumer.finish_flush(&control, flush);
                        model.read = model.read.max(frame);
                        model.marks.drain(..marks);
                        prop_assert!(producer.flush_done(&control));
                    }
                }
            }
            prop_assert_eq!(consumer.read(), model.read);
            prop_assert_eq!(producer.written(), model.written);
            prop_assert_eq!(consumer.paused(&control), model.paused);
        }
    }

    /// Whatever the producer's words hold: no panic, and the consumer stays inside the ring.
    #[test]
    fn a_consumer_survives_any_words(words in prop::collection::vec((0usize..19, words()), 1..60), capacity in 0u64..1000) {
        let control = Ring::new();
        let mut consumer = ConsumerIndex::new(capacity);
        for (n, value) in words {
            let Control { producer: p, marks: m, .. } = &control;
            let own = [&p.written, &p.marks, &p.ended, &p.flush_frame, &p.flush_marks, &p.flush, &p.paused];
            match n.checked_sub(own.len()) {
                None => own[n].set(value),
                Some(n) => [&m[n % 4].frame, &m[n % 4].track, &m[n % 4].kind][n / 4].set(value),
            }
            let before = consumer.read();
            let _ = consumer.refresh(&control);
            prop_assert!(consumer.readable() <= capacity);
            prop_assert!(consumer.readable_to_end() <= consumer.readable());
            let _ = consumer.peek_mark(&control).map(|mark| mark.map(|_| consumer.pop_mark(&control)));
            if let Ok(Some(flush)) = consumer.pending_flush(&control) {
                consumer.finish_flush(&control, flush);
            }
            let _ = consumer.advance(&control, consumer.readable() / 2);
            prop_assert!(consumer.read() >= before && consumer.read() - before <= 2 * capacity);
            prop_assert!(consumer.readable() <= capacity);
        }
    }

    /// The same for a producer and the consumer's words.
    #[test]
    fn a_producer_survives_any_words(words in prop::collection::vec((0usize..3, words()), 1..60), capacity in 0u64..1000) {
        let control = Ring::new();
        let mut producer = ProducerIndex::new(capacity);
        for (n, value) in words {
            let c = &control.consumer;
            [&c.read, &c.marks, &c.flushed][n].set(value);
            if let Ok(room) = producer.writable(&control) {
                prop_assert!(room <= capacity);
                prop_assert_eq!(producer.commit(&control, room.div_ceil(2)), Ok(()));
            }
            let _ = producer.mark(&control, Mark { frame: 0, track: 0, kind: MarkKind::Start });
            let _ = producer.flush_done(&control);
        }
    }
}

/// Near the interesting values as often as anywhere.
fn words() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..2000, any::<u64>(), (u64::MAX - 10)..=u64::MAX]
}

#[test]
fn an_end_that_was_marked_ahead_is_void_after_a_flush() {
    let control = Ring::new();
    let (mut producer, mut consumer) = (ProducerIndex::new(100), ConsumerIndex::new(100));
    producer.commit(&control, 10).expect("room");
    producer.mark(&control, Mark { frame: 50, track: 1, kind: MarkKind::End }).expect("room");
    consumer.refresh(&control).expect("an honest producer");
    assert_eq!(consumer.readable_to_end(), 10, "all of it belongs to a track whose end is known");
    producer.flush(&control);
    let flush = consumer.pending_flush(&control).expect("an honest producer").expect("a flush");
    consumer.finish_flush(&control, flush);
    producer.commit(&control, 30).expect("room");
    consumer.refresh(&control).expect("an honest producer");
    assert_eq!((consumer.readable(), consumer.readable_to_end()), (30, 0));
    assert_eq!(consumer.peek_mark(&control), Ok(None));
}

#[test]
fn a_new_stream_starts_from_nothing() {
    let control = Ring::new();
    let mut producer = ProducerIndex::new(100);
    producer.commit(&control, 60).expect("room");
    producer.mark(&control, Mark { frame: 60, track: 1, kind: MarkKind::End }).expect("room");
    producer.flush(&control);
    producer.set_paused(&control, true);
    control.reset(2);
    let mut consumer = ConsumerIndex::new(100);
    consumer.refresh(&control).expect("all zeros");
    assert_eq!((consumer.readable(), consumer.paused(&control)), (0, false));
    assert_eq!(consumer.pending_flush(&control), Ok(None));
    assert_eq!(consumer.peek_mark(&control), Ok(None));
    assert_eq!(ProducerIndex::new(100).writable(&control), Ok(100));
}

/// Two threads, values in relaxed cells: Miri shows stale values where the protocol's ordering is too weak.
#[test]
fn frames_and_marks_pass_between_threads_in_order() {
    const FRAMES: u64 = if cfg!(miri) { 60 } else { 20_000 };
    const CAPACITY: u64 = 7;
    let control = Arc::new(Ring::new());
    let cells: Arc<[AtomicU64; CAPACITY as usize]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let (theirs, written) = (Arc::clone(&control), Arc::clone(&cells));
    let writer = std::thread::spawn(move || {
        let mut producer = ProducerIndex::new(CAPACITY);
        while producer.written() < FRAMES {
            let frame = producer.written();
            if producer.writable(&theirs).expect("an honest consumer") == 0 {
                std::thread::yield_now();
                continue;
            }
            if frame.is_multiple_of(3) {
                while producer.mark(&theirs, Mark { frame, track: frame / 3, kind: MarkKind::Start }).is_err() {
                    std::thread::yield_now();
                }
            }
            written[(frame % CAPACITY) as usize].set(frame + 1);
            producer.commit(&theirs, 1).expect("there is room");
        }
    });
    let mut consumer = ConsumerIndex::new(CAPACITY);
    while consumer.read() < FRAMES {
        consumer.refresh(&control).expect("an honest producer");
        if consumer.readable() == 0 {
            std::thread::yield_now();
            continue;
        }
        let frame = consumer.read();
        if frame.is_multiple_of(3) {
            let mark = consumer.peek_mark(&control).expect("an honest producer").expect("the mark comes first");
            assert_eq!((mark.frame, mark.track), (frame, frame / 3));
            consumer.pop_mark(&control);
        }
        assert_eq!(cells[(frame % CAPACITY) as usize].get(), frame + 1);
        consumer.advance(&control, 1).expect("it is there");
    }
    writer.join().expect("it ends");
}
