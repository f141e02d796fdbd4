//! The follower's half, on a thread of its own at ordinary priority.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Thread;
use std::time::Duration;

use pcm::{Cpu, Crc32c};
use ring::{Certificate, StatusWriter, Tap, Troubles};
use sha2::{Digest, Sha256};

use super::{Entry, HURRIED_LOOK, Taken, Why};

/// Bytes that are copied and hashed at once.
const CHUNK: usize = 64 * 1024;
/// The thread's stack.
const STACK: usize = 128 * 1024;

/// The thread, as *control* has it.
pub(crate) struct Follower {
    streams: Sender<Follow>,
    thread: Thread,
}

impl Follower {
    /// Starts it. It ends when this is dropped.
    pub(crate) fn start(status: Arc<StatusWriter>) -> std::io::Result<Self> {
        let (streams, follows) = channel();
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .stack_size(STACK)
            .spawn(move || run(&follows, &status))?;
        Ok(Self { streams, thread: thread.thread().clone() })
    }

    /// This stream comes next.
    pub(crate) fn follow(&self, stream: Follow) {
        // A thread that has panicked has said so; the streams go on without certificates.
        let _ = self.streams.send(stream);
    }

    /// Look now: the stream is over, or was flushed, and what comes next into the same memory comes faster than it is played.
    pub(crate) fn hurry(&self) {
        self.thread.unpark();
    }
}

/// One stream, as the follower sees it.
pub(crate) struct Follow {
    tap: Tap,
    epoch: u32,
    entries: rtrb::Consumer<Entry>,
    /// Frames that the real-time thread has taken, and the one that is heard.
    taken: Arc<AtomicU64>,
    heard: Arc<AtomicU64>,
    /// Frames that were looked at.
    hashed: Arc<AtomicU64>,
    /// Time between two looks.
    look: Duration,
    open: Option<Hashing>,
    /// What wasn't heard to the end yet.
    unheard: VecDeque<Unheard>,
    buffer: Box<[u8]>,
}

/// A track that is over, and whose last frames may be on their way.
struct Unheard {
    /// The ring's frames that it had.
    frames: Range<u64>,
    certificate: Certificate,
}

/// The track under way.
struct Hashing {
    track: u64,
    /// Its first frame in the ring.
    first: u64,
    /// Frames that may have been lost so far.
    lost: u64,
    /// What is hashed of it, perhaps with frames that won't be taken, or are the next track's.
    reached: Sums,
    /// What was reached before, oldest first: one that holds no frame that isn't taken, and those behind it.
    before: VecDeque<Sums>,
    /// It came too late for some of it.
    given_up: bool,
}

/// The sums over a track's bytes.
#[derive(Clone)]
struct Sums {
    /// The ring's frame that comes next.
    next: u64,
    sha256: Sha256,
    crc32c: Crc32c,
}

impl Hashing {
    fn new(track: u64, frame: u64) -> Self {
        let reached = Sums { next: frame, sha256: Sha256::new(), crc32c: Crc32c::new(Cpu::detect()) };
        Self { track, first: frame, lost: 0, reached, before: VecDeque::new(), given_up: false }
    }

    /// Goes back to where nothing from `frame` on is hashed.
    fn go_back(&mut self, frame: u64) {
        while self.reached.next > frame
            && let Some(before) = self.before.pop_back()
        {
            self.reached = before;
        }
    }

    /// Frames before `taken` won't be gone back behind.
    fn settle(&mut self, taken: u64) {
        while self.before.get(1).is_some_and(|second| second.next <= taken) {
            self.before.pop_front();
        }
    }
}

/// Follows one stream after the other, until *control* hangs up.
fn run(follows: &Receiver<Follow>, status: &StatusWriter) {
    let mut number = 0;
    for mut follow in follows {
        while follow.look(&mut |certificate| {
            number += 1;
            status.add_certificate(&Certificate { number, ..certificate });
        }) {
            std::thread::park_timeout(follow.look);
        }
    }
}

impl Follow {
    pub(super) fn new(
        tap: Tap,
        epoch: u32,
        entries: rtrb::Consumer<Entry>,
        [taken, heard, hashed]: [Arc<AtomicU64>; 3],
        look: Duration,
    ) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        let unheard = VecDeque::new();
        Self { tap, epoch, entries, taken, heard, hashed, look, open: None, unheard, buffer }
    }

    /// For an output that waits.
    pub(crate) fn hurried(self) -> Self {
        Self { look: HURRIED_LOOK, ..self }
    }

    /// Hashes what there is; false when the stream is over. A certificate's number is the caller's.
    pub(crate) fn look(&mut self, publish: &mut dyn FnMut(Certificate)) -> bool {
        // In this order: all that was told before the frames were counted is in the queue, and so is all that was told
        // before the stream ended, or before the last frames were heard.
        let over = self.entries.is_abandoned();
        let heard = if over { u64::MAX } else { self.heard.load(Ordering::Acquire) };
        let taken = self.taken.load(Ordering::Acquire);
        while let Ok(entry) = self.entries.pop() {
            match entry {
                Entry::Start { track, frame } => self.open = Some(Hashing::new(track, frame)),
                Entry::Jump { from, to } => {
                    self.hash(from);
                    if let Some(open) = &mut self.open {
                        open.before.clear();
                        open.reached.next = to;
                    }
                }
                Entry::Lost { from, to, most, why } => self.lose(&(from..to), most, why),
                Entry::End(taken) => {
                    self.hash(taken.end);
                    if let Some(open) = self.open.take().filter(|_| !taken.is_nothing()) {
                        let frames = open.first..taken.end;
                        self.unheard.push_back(Unheard { frames, certificate: certificate(self.epoch, open, taken) });
                    }
                }
            }
        }
        while let Some(track) = self.unheard.pop_front_if(|track| track.frames.end <= heard) {
            publish(track.certificate);
        }
        if let Some(open) = &mut self.open {
            open.settle(taken);
        }
        // What is still to be taken is there already: so much later the next look may come.
        let written = self.tap.written().min(taken.saturating_add(self.tap.ring_frames()));
        self.hash(written.max(taken));
        self.hashed.store(taken, Ordering::Release);
        !over
    }

    /// Of these frames so many may be lost, at most: notes it with the tracks that had them. Of the one under way an xrun is counted
    /// already.
    fn lose(&mut self, frames: &Range<u64>, most: u64, why: Why) {
        let of = |first: u64, end: u64| end.min(frames.end).saturating_sub(first.max(frames.start)).min(most);
        for Unheard { frames: Range { start, end }, certificate } in &mut self.unheard {
            let lost = of(*start, *end);
            certificate.lost += lost;
            certificate.xruns += u64::from(lost > 0 && why == Why::Xrun);
        }
        if let Some(open) = &mut self.open {
            open.lost += of(open.first, u64::MAX);
        }
    }

    /// Makes the sums those of the track's frames before `end`.
    fn hash(&mut self, end: u64) {
        let Some(open) = self.open.as_mut().filter(|open| !open.given_up) else { return };
        open.go_back(end);
        let frame_bytes = self.tap.frame_bytes();
        while open.reached.next < end {
            let next = open.reached.next;
            let frames = (end - next).min((CHUNK / frame_bytes) as u64);
            let Some(bytes) = self.buffer.get_mut(..frames as usize * frame_bytes) else { return };
            self.tap.copy(next, bytes);
            // After the copy: what wasn't kept so long may have been overwritten while it was made.
            if !self.tap.keeps(next) {
                let behind = self.taken.load(Ordering::Acquire).saturating_sub(next);
                tracing::warn!("track {} is not hashed: {behind} frames behind", open.track);
                open.given_up = true;
                return;
            }
            open.before.push_back(open.reached.clone());
            open.reached.sha256.update(&*bytes);
            open.reached.crc32c.update(bytes);
            open.reached.next += frames;
        }
    }
}

fn certificate(epoch: u32, open: Hashing, taken: Taken) -> Certificate {
    let Taken { frames, crc32c, scaled, whole, troubles, .. } = taken;
    let Troubles { late_wakeups, xruns, starved } = troubles;
    let lost = open.lost;
    let Sums { sha256, crc32c: ours, .. } = open.reached;
    let same = !open.given_up && ours.value() == crc32c;
    if !same && !open.given_up {
        tracing::warn!("track {} is not hashed: its bytes changed after they were played", open.track);
    }
    Certificate {
        number: 0,
        epoch,
        track: open.track,
        frames,
        crc32c,
        sha256: same.then(|| sha256.finalize().into()),
        scaled,
        whole,
        late_wakeups,
        xruns,
        lost,
        starved,
    }
}
