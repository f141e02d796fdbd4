//! What it is worth that the words of producer and consumer lie in lines of their own: the same indices, handed from thread
//! to thread frame by frame, with their words one behind the other and with a pair of cache lines for each side.
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use ring::index::{ConsumerIndex, ProducerIndex};
use ring::{Control, Word};

use super::{RUNS, bind, patiently};
use crate::bench::{Line, line as bench_line};

/// Frames that go over in a turn.
const FRAMES: u64 = 200_000;
/// Frames that the ring of frames without bytes holds.
const CAPACITY: u64 = 64;
/// Words of the engine's head, of the producer's and of the consumer's line, as [`Control::new`] makes them.
const HEAD: usize = 4;
const PRODUCER: usize = 7;
/// Words in a pair of lines of 64 bytes.
const PAIR: usize = 16;

/// 128 bytes on a boundary of as many.
#[repr(align(128))]
struct Pair([AtomicU64; PAIR]);

/// Room for all words of a ring with one mark, in either arrangement.
struct Room([Pair; 4]);

static DENSE: Room = empty();
static PADDED: Room = empty();

const fn empty() -> Room {
    Room([const { Pair([const { AtomicU64::new(0) }; PAIR]) }; 4])
}

/// Which word of which arrangement is made next.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A word that lies in a [`Room`]: the same step to it in both arrangements.
struct Placed<const PADDING: bool>(&'static AtomicU64);

impl<const PADDING: bool> Placed<PADDING> {
    /// Where the `n`th word lies, counted in words.
    fn place(n: usize) -> usize {
        match n {
            _ if !PADDING => n,
            0..HEAD => n,
            _ if n < HEAD + PRODUCER => PAIR + n - HEAD,
            _ => 2 * PAIR + n - HEAD - PRODUCER,
        }
    }
}

impl<const PADDING: bool> Word for Placed<PADDING> {
    fn new(value: u64) -> Self {
        let room = if PADDING { &PADDED } else { &DENSE };
        let place = Self::place(NEXT.fetch_add(1, Ordering::Relaxed));
        let word = &room.0[place / PAIR].0[place % PAIR];
        word.store(value, Ordering::Relaxed);
        Self(word)
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

/// The line.
pub(super) fn line() -> Option<Line> {
    let (mut padded, mut dense) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        padded.push(hand_over::<true>());
        dense.push(hand_over::<false>());
    }
    let what = "a frame's indices from thread to thread, each side's words in lines of their own";
    Some(bench_line("ring_padding", what, "ns", padded, Some(("words side by side", dense))))
}

/// Nanoseconds a frame.
fn hand_over<const PADDING: bool>() -> f64 {
    NEXT.store(0, Ordering::Relaxed);
    let control = Arc::new(Control::<Placed<PADDING>, 1>::new());
    let theirs = Arc::clone(&control);
    let start = Arc::new(Barrier::new(2));
    let ready = Arc::clone(&start);
    let writer = std::thread::spawn(move || {
        bind(0);
        let mut producer = ProducerIndex::new(CAPACITY);
        ready.wait();
        for _ in 0..FRAMES {
            if producer.room() == 0 {
                patiently(|| producer.writable(&theirs).is_ok_and(|room| room > 0));
            }
            let _ = producer.commit(&theirs, 1);
        }
    });
    let reader = std::thread::spawn(move || {
        bind(1);
        let mut consumer = ConsumerIndex::new(CAPACITY);
        start.wait();
        let begin = Instant::now();
        for _ in 0..FRAMES {
            if consumer.readable() == 0 {
                patiently(|| consumer.refresh(&control).is_ok() && consumer.readable() > 0);
            }
            let _ = consumer.advance(&control, 1);
        }
        begin.elapsed()
    });
    let time = reader.join().unwrap_or(Duration::MAX);
    let _ = writer.join();
    time.as_secs_f64() * 1e9 / FRAMES as f64
}
