//! The follower's half, on a thread of its own at ordinary priority.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Thread;
use std::time::Duration;

use pcm::{Cpu, Crc32c};
use ring::{Certificate, StatusWriter, Tap, Troubles};
use sha2::{Digest, Sha256};

use super::{Entry, HURRIED_LOOK, Taken};

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
    /// Frames that the real-time thread has taken.
    taken: Arc<AtomicU64>,
    /// Frames that were looked at.
    hashed: Arc<AtomicU64>,
    /// Time between two looks.
    look: Duration,
    open: Option<Hashing>,
    buffer: Box<[u8]>,
}

/// The track under way.
struct Hashing {
    track: u64,
    /// The ring's frame that comes next.
    next: u64,
    sha256: Sha256,
    crc32c: Crc32c,
    /// It came too late for some of it.
    given_up: bool,
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
        [taken, hashed]: [Arc<AtomicU64>; 2],
        look: Duration,
    ) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        Self { tap, epoch, entries, taken, hashed, look, open: None, buffer }
    }

    /// For an output that waits.
    pub(crate) fn hurried(self) -> Self {
        Self { look: HURRIED_LOOK, ..self }
    }

    /// Hashes what there is; false when the stream is over. A certificate's number is the caller's.
    pub(super) fn look(&mut self, publish: &mut dyn FnMut(Certificate)) -> bool {
        // In this order: all that was told before the frames were counted is in the queue, and so is all that was told
        // before the stream ended.
        let over = self.entries.is_abandoned();
        let taken = self.taken.load(Ordering::Acquire);
        while let Ok(entry) = self.entries.pop() {
            match entry {
                Entry::Start { track, frame } => {
                    let (sha256, crc32c) = (Sha256::new(), Crc32c::new(Cpu::detect()));
                    self.open = Some(Hashing { track, next: frame, sha256, crc32c, given_up: false });
                }
                Entry::Jump { from, to } => {
                    self.hash(from);
                    if let Some(open) = &mut self.open {
                        open.next = to;
                    }
                }
                Entry::End(taken) => {
                    self.hash(taken.end);
                    if let Some(open) = self.open.take() {
                        publish(certificate(self.epoch, open, taken));
                    }
                }
            }
        }
        self.hash(taken);
        self.hashed.store(taken, Ordering::Release);
        !over
    }

    /// Hashes the track's frames before `end`.
    fn hash(&mut self, end: u64) {
        let Some(open) = self.open.as_mut().filter(|open| !open.given_up) else { return };
        let frame_bytes = self.tap.frame_bytes();
        while open.next < end {
            let frames = (end - open.next).min((CHUNK / frame_bytes) as u64);
            let Some(bytes) = self.buffer.get_mut(..frames as usize * frame_bytes) else { return };
            self.tap.copy(open.next, bytes);
            // After the copy: what wasn't kept so long may have been overwritten while it was made.
            if !self.tap.keeps(open.next) {
                let behind = self.taken.load(Ordering::Acquire).saturating_sub(open.next);
                tracing::warn!("track {} is not hashed: {behind} frames behind", open.track);
                open.given_up = true;
                return;
            }
            open.sha256.update(&*bytes);
            open.crc32c.update(bytes);
            open.next += frames;
        }
    }
}

fn certificate(epoch: u32, open: Hashing, taken: Taken) -> Certificate {
    let Taken { frames, crc32c, scaled, whole, troubles, .. } = taken;
    let Troubles { late_wakeups, xruns, starved } = troubles;
    let same = !open.given_up && open.crc32c.value() == crc32c;
    if !same && !open.given_up {
        tracing::warn!("track {} is not hashed: its bytes changed after they were played", open.track);
    }
    Certificate {
        number: 0,
        epoch,
        track: open.track,
        frames,
        crc32c,
        sha256: same.then(|| open.sha256.finalize().into()),
        scaled,
        whole,
        late_wakeups,
        xruns,
        starved,
    }
}
