//! The shared ring against rings that live in one process only: chunks of bytes go in at one end and come out at the other,
//! on one thread and on two that are bound to a core each.
//!
//! Every contestant has 1 MiB of room and copies each chunk in and out. Ours runs in one mapping, as the others do, and
//! through two mappings of the same memory, as between processes, which lie where a CPU whose first cache is looked up by virtual
//! address (AMD's are) finds in it what was written through the other one.
mod contestants;
mod padding;

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::{Line, line, turn};
use contestants::{ALL, Make};

/// Bytes of every ring.
const RING: usize = 1 << 20;
/// Bytes that go from thread to thread in a turn.
const TRANSFER: usize = 16 << 20;
/// Turns that each contestant has; the faster half of them counts. What else the machine does only ever adds.
const RUNS: usize = 61;
/// Looks at a ring that is full or empty before the other thread is given the core, should they have to share one.
const SPINS: u32 = 20_000;

/// For each chunk size and number of threads: our two against each of the others.
#[must_use]
pub fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for kibibytes in [1, 4, 16, 64] {
        let chunk = kibibytes * 1024;
        let one = |make: Make| one_thread(make, chunk);
        lines.extend(compare(&format!("ring_{kibibytes}k"), &format!("{kibibytes} KiB in and out, one thread"), one));
        let two = |make: Make| two_threads(make, chunk);
        let what = format!("{kibibytes} KiB from thread to thread, each on its core");
        lines.extend(compare(&format!("ring_{kibibytes}k_threads"), &what, two));
    }
    lines.extend(padding::line());
    lines
}

/// A contestant's turns.
type Turns = Box<dyn FnMut() -> f64>;

/// All contestants take turns; our first two are then compared with each other one.
fn compare(name: &str, what: &str, start: impl Fn(Make) -> Option<Turns>) -> Vec<Line> {
    let mut turns: Vec<_> = ALL.iter().filter_map(|&(name, make)| Some((name, start(make)?, Vec::new()))).collect();
    for _ in 0..RUNS {
        for (_, turn, figures) in &mut turns {
            figures.push(turn());
        }
    }
    for (_, _, figures) in &mut turns {
        figures.sort_by(f64::total_cmp);
        figures.truncate(RUNS.div_ceil(2));
    }
    let (ours, peers) = turns.split_at(2.min(turns.len()));
    let pairs = ours.iter().flat_map(|ours| peers.iter().map(move |peer| (ours, peer)));
    pairs
        .map(|((ours, _, figures), (peer, _, theirs))| {
            let what = format!("{what}; ours in {ours}");
            line(name, &what, "ns", figures.clone(), Some((peer, theirs.clone())))
        })
        .collect()
}

fn one_thread(make: Make, chunk: usize) -> Option<Turns> {
    let (mut push, mut pop) = make(chunk)?;
    let (mut from, mut to) = (Shifted::new(chunk), Shifted::new(chunk));
    Some(Box::new(move || {
        let (from, to) = (from.next(), to.next());
        turn(&mut || assert!(push(black_box(from)) && pop(black_box(to)), "a ring with room takes a chunk"))
    }))
}

/// Both threads for as long as the turns last; the barrier starts each.
fn two_threads(make: Make, chunk: usize) -> Option<Turns> {
    drop(make(chunk)?);
    let mut turns = 0;
    Some(Box::new(move || {
        turns += 1;
        let Some((mut push, mut pop)) = make(chunk) else { return f64::NAN };
        let count = TRANSFER / chunk;
        let start = Arc::new(Barrier::new(2));
        let ready = Arc::clone(&start);
        let writer = std::thread::spawn(move || {
            bind(0);
            let mut from = Shifted::of_turn(chunk, turns);
            let from = from.next();
            // Once through the whole ring, so that its memory is there.
            for _ in 0..RING / chunk {
                patiently(|| push(from));
            }
            ready.wait();
            for _ in 0..count {
                patiently(|| push(black_box(from)));
            }
        });
        let reader = std::thread::spawn(move || {
            bind(1);
            let mut to = Shifted::of_turn(chunk, turns);
            let to = to.next();
            for _ in 0..RING / chunk {
                patiently(|| pop(to));
            }
            start.wait();
            let begin = Instant::now();
            for _ in 0..count {
                patiently(|| pop(black_box(to)));
            }
            begin.elapsed()
        });
        let time = reader.join().unwrap_or(Duration::MAX);
        let _ = writer.join();
        time.as_secs_f64() * 1e9 / count as f64
    }))
}

/// A buffer of a chunk that begins elsewhere in its page in every turn. How fast a copy is depends on where in their pages
/// source and target begin (a load is held up by a store just before it with the same last twelve bits of the address),
/// and each ring's memory begins where its allocator happens to put it.
struct Shifted {
    bytes: Vec<u8>,
    chunk: usize,
    turns: usize,
}

impl Shifted {
    const PAGE: usize = 4096;
    const LINE: usize = 64;

    fn new(chunk: usize) -> Self {
        Self::of_turn(chunk, 0)
    }

    fn of_turn(chunk: usize, turns: usize) -> Self {
        Self { bytes: vec![7; chunk + 2 * Self::PAGE], chunk, turns }
    }

    fn next(&mut self) -> &mut [u8] {
        let page = self.bytes.as_ptr().align_offset(Self::PAGE);
        // Every line of a page has its turn, far ones after each other.
        let begin = page + self.turns * 27 % (Self::PAGE / Self::LINE) * Self::LINE;
        self.turns += 1;
        &mut self.bytes[begin..begin + self.chunk]
    }
}

/// Binds the calling thread; on a machine with one core it stays where it is.
fn bind(core: usize) {
    let mut set = CpuSet::new();
    let _ = set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
}

fn patiently(mut done: impl FnMut() -> bool) {
    let mut spins = 0;
    while !done() {
        spins += 1;
        if spins % SPINS == 0 {
            std::thread::yield_now();
        }
        std::hint::spin_loop();
    }
}
