//! Every interleaving of the protocol's small cases, without a bound on preemptions, and every value that the memory model lets a
//! load see, but for load buffering: loom's documentation names it among what isn't explored.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use ring::index::{ConsumerIndex, ProducerIndex};
use ring::seqlock::Seqlock;
use ring::{Control, Mark, MarkKind, Word};

struct LoomWord(AtomicU64);

impl Word for LoomWord {
    fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn acquire(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn release(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }
}

type Ring = Control<LoomWord, 2>;

/// Frames lie in plain cells: loom finds it if both sides could touch one at the same time.
#[test]
fn frames_are_handed_over_and_back() {
    loom::model(|| {
        let control = Arc::new(Ring::new());
        let cells = Arc::new([UnsafeCell::new(0u64), UnsafeCell::new(0)]);
        let (theirs, written) = (Arc::clone(&control), Arc::clone(&cells));
        let writer = thread::spawn(move || {
            let mut producer = ProducerIndex::new(2);
            while producer.written() < 3 {
                if producer.writable(&theirs).expect("an honest consumer") == 0 {
                    thread::yield_now();
                    continue;
                }
                let frame = producer.written();
                // The frame is this side's until it is committed.
                written[(frame % 2) as usize].with_mut(|_| {});
                producer.commit(&theirs, 1).expect("there is room");
            }
        });
        let mut consumer = ConsumerIndex::new(2);
        while consumer.read() < 3 {
            consumer.refresh(&control).expect("an honest producer");
            if consumer.readable() == 0 {
                thread::yield_now();
                continue;
            }
            cells[(consumer.read() % 2) as usize].with(|_| {});
            consumer.advance(&control, 1).expect("it is there");
        }
        writer.join().expect("it ends");
    });
}

#[test]
fn a_mark_is_seen_no_later_than_its_frame() {
    loom::model(|| {
        let control = Arc::new(Ring::new());
        let theirs = Arc::clone(&control);
        let writer = thread::spawn(move || {
            let mut producer = ProducerIndex::new(4);
            producer.mark(&theirs, Mark { frame: 0, track: 7, kind: MarkKind::Start }).expect("room");
            producer.mark(&theirs, Mark { frame: 1, track: 7, kind: MarkKind::End }).expect("room");
            producer.commit(&theirs, 1).expect("room");
        });
        let mut consumer = ConsumerIndex::new(4);
        consumer.refresh(&control).expect("an honest producer");
        if consumer.readable() == 1 {
            assert_eq!(consumer.readable_to_end(), 1, "its end is known");
            let mark = consumer.peek_mark(&control).expect("an honest producer");
            assert_eq!(mark, Some(Mark { frame: 0, track: 7, kind: MarkKind::Start }));
        }
        writer.join().expect("it ends");
    });
}

#[test]
fn a_flush_drops_what_came_before_it_and_nothing_else() {
    loom::model(|| {
        let control = Arc::new(Ring::new());
        let theirs = Arc::clone(&control);
        let writer = thread::spawn(move || {
            let mut producer = ProducerIndex::new(4);
            producer.mark(&theirs, Mark { frame: 0, track: 1, kind: MarkKind::Start }).expect("room");
            producer.commit(&theirs, 2).expect("room");
            producer.flush(&theirs);
            producer.mark(&theirs, Mark { frame: 2, track: 2, kind: MarkKind::Start }).expect("room");
            producer.commit(&theirs, 1).expect("room");
        });
        let mut consumer = ConsumerIndex::new(4);
        if let Some(flush) = consumer.pending_flush(&control).expect("an honest producer") {
            assert_eq!(flush.frame, 2);
            consumer.finish_flush(&control, flush);
            assert_eq!(consumer.read(), 2);
            if let Some(mark) = consumer.peek_mark(&control).expect("an honest producer") {
                assert_eq!(mark.track, 2);
            }
        }
        writer.join().expect("it ends");
        let flush = consumer.pending_flush(&control).expect("an honest producer");
        flush.into_iter().for_each(|flush| consumer.finish_flush(&control, flush));
        consumer.refresh(&control).expect("an honest producer");
        assert_eq!((consumer.read(), consumer.readable()), (2, 1));
    });
}

/// A mark's place is used again, for a mark that must not be mixed with the one before.
#[test]
fn a_marks_place_is_given_back_before_it_is_used_again() {
    loom::model(|| {
        let control = Arc::new(Control::<LoomWord, 1>::new());
        let theirs = Arc::clone(&control);
        let writer = thread::spawn(move || {
            let mut producer = ProducerIndex::new(1);
            for n in 1..=2 {
                while producer.mark(&theirs, Mark { frame: n, track: n, kind: MarkKind::Start }).is_err() {
                    thread::yield_now();
                }
            }
        });
        let mut consumer = ConsumerIndex::new(1);
        for n in 1..=2 {
            let mark = loop {
                match consumer.peek_mark(&control).expect("an honest producer") {
                    Some(mark) => break mark,
                    None => thread::yield_now(),
                }
            };
            assert_eq!((mark.frame, mark.track), (n, n));
            consumer.pop_mark(&control);
        }
        writer.join().expect("it ends");
    });
}

/// A producer that sees its flush done sees the room as well, and may write where the consumer was reading.
#[test]
fn a_flush_that_is_done_has_given_the_room_back() {
    loom::model(|| {
        let control = Arc::new(Ring::new());
        let cell = Arc::new(UnsafeCell::new(0u64));
        let (theirs, written) = (Arc::clone(&control), Arc::clone(&cell));
        let writer = thread::spawn(move || {
            let mut producer = ProducerIndex::new(1);
            written.with_mut(|_| {});
            producer.commit(&theirs, 1).expect("there is room");
            producer.flush(&theirs);
            if producer.flush_done(&theirs) {
                assert_eq!(producer.writable(&theirs), Ok(1));
                written.with_mut(|_| {});
            }
        });
        let mut consumer = ConsumerIndex::new(1);
        consumer.refresh(&control).expect("an honest producer");
        if consumer.readable() == 1 {
            // What a fade-out is played over.
            cell.with(|_| {});
        }
        if let Some(flush) = consumer.pending_flush(&control).expect("an honest producer") {
            consumer.finish_flush(&control, flush);
        }
        writer.join().expect("it ends");
    });
}

#[test]
fn a_seqlock_never_shows_half_a_write() {
    loom::model(|| {
        let lock = Arc::new(Seqlock::<LoomWord, 2>::new());
        let theirs = Arc::clone(&lock);
        let writer = thread::spawn(move || {
            theirs.write([1, 1]);
            theirs.write([2, 2]);
        });
        if let Some([a, b]) = lock.try_read() {
            assert_eq!(a, b);
        }
        writer.join().expect("it ends");
        assert_eq!(lock.try_read(), Some([2, 2]));
    });
}
