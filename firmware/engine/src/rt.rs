//! The real-time thread: wakes on an absolute grid, moves frames, goes back to sleep.
//!
//! From [`watch`](crate::guard::watch) on nothing here allocates, frees, locks, logs or panics, and no loop is unbounded.
//! System calls: `clock_nanosleep`, the output's own (`ioctl` on a real card), an eventfd write when there is news,
//! `getrusage` about once a second, and an eventfd read while no stream is open. `--confine` has the kernel enforce it.

mod report;
#[cfg(all(test, feature = "rtsan"))]
mod sanitized;
mod session;
mod timeline;

use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ring::StatusWriter;

pub(crate) use report::Kind;
pub(crate) use session::{MARGIN_MS, Outcome, Session, Tuning};

use crate::clock::{SECOND, now_ns, sleep_until};
use sandbox::Filter;

use crate::confine::Bells;
use crate::wake::Doorbell;
use crate::{confine, guard, sanitizer, sys};
use pcm::gain::Gain;
use report::{News, Reporter};
use session::Step;

/// What *control* tells the thread, besides the [volume](Handle::set_volume).
pub(crate) enum Command {
    /// Take this stream and play it. Only while there is none.
    Attach(Box<Session>),
    /// Play out what is queued, then hand the stream back.
    Drain,
    /// Fade out, then hand the stream back.
    Abort,
    /// End. Only while there is no stream.
    Exit,
}

/// Commands that may be under way at once. No more than six ever are: to drain and to abort a stream that the thread has handed
/// back meanwhile, to attach, drain and abort the next, and to end. (Another one is attached only when that one came back.)
const COMMANDS: usize = 8;
/// News that may be under way at once: with marks in every period still several seconds.
const NEWS: usize = 4096;
/// What of the stack is touched beforehand; the deepest path takes a fraction of it.
const STACK_TOUCHED: usize = 128 * 1024;
/// The thread's stack.
const STACK: usize = 512 * 1024;

/// *Control*'s end of the real-time thread.
pub(crate) struct Handle {
    commands: rtrb::Producer<Command>,
    /// What was sent to the newest stream and isn't sent to it again.
    told: Told,
    /// The volume in force, as [`Gain::from_percent`] takes it. It may change any number of times between two wake-ups, and only
    /// the newest one matters.
    percent: Arc<AtomicU8>,
    bell: Doorbell,
    returned: rtrb::Consumer<(Box<Session>, Outcome)>,
    news: rtrb::Consumer<News>,
    thread: Option<std::thread::JoinHandle<()>>,
    confined: bool,
}

/// Commands that end a stream: each has no effect the second time.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    drain: bool,
    abort: bool,
}

/// The thread's scheduling as wanted, and what is told when it is set.
pub(crate) struct Start {
    /// SCHED_FIFO priority.
    pub(crate) priority: u8,
    /// Core to be bound to.
    pub(crate) core: Option<u32>,
    /// Whether system calls that playing doesn't take are to end the process.
    pub(crate) confine: bool,
    /// Rung when the thread has news or hands a stream back.
    pub(crate) control: Doorbell,
}

impl Handle {
    /// Starts the thread. Returns it with what it was refused, if anything.
    pub(crate) fn spawn(start: Start, status: Arc<StatusWriter>) -> std::io::Result<(Self, Vec<String>)> {
        let (commands, incoming) = rtrb::RingBuffer::new(COMMANDS);
        let (outgoing, returned) = rtrb::RingBuffer::new(2);
        let (news_out, news) = rtrb::RingBuffer::new(NEWS);
        let bell = Doorbell::waited_for()?;
        let (ready, setup) = std::sync::mpsc::sync_channel(1);
        // The first look at the clock finds out where the kernel keeps it: that allocates, and may panic.
        now_ns();
        let thread_bell = bell.clone();
        let percent = Arc::new(AtomicU8::new(100));
        let thread_percent = Arc::clone(&percent);
        let confined = start.confine;
        let [own, control] = [&thread_bell, &start.control].map(|bell| bell.as_fd().as_raw_fd());
        let filter = confined.then(|| confine::filter(Bells { own, control })).transpose();
        // For good: the thread frees nothing.
        let confine = filter.map_err(std::io::Error::other)?.map(|filter| &*Box::leak(Box::new(filter)));
        let thread = std::thread::Builder::new().name("rt".into()).stack_size(STACK).spawn(move || {
            let refused = sys::become_realtime(start.priority, start.core);
            status.set_thread(sys::thread_setup());
            touch_stack();
            let report = Reporter::new(status, news_out, start.control);
            // The receiver waits for this; it can't be gone.
            let _ = ready.send(refused);
            drop(ready);
            let abort = AbortOnUnwind;
            guard::watch();
            let mut thread = Thread {
                commands: incoming,
                percent: thread_percent,
                applied: None,
                returned: outgoing,
                bell: thread_bell,
                report,
                session: None,
                confine,
            };
            sanitizer::watched(|| thread.run());
            mem::forget(abort);
        })?;
        let refused = setup.recv().unwrap_or_default();
        let told = Told::default();
        Ok((Self { commands, told, percent, bell, returned, news, thread: Some(thread), confined }, refused))
    }

    /// Changes the volume, of the stream that plays at its next wake-up: 100 % is unity, 0 % is silence.
    pub(crate) fn set_volume(&self, percent: u8) {
        // It says nothing about other memory.
        self.percent.store(percent, Ordering::Relaxed);
    }

    /// Queues a command and wakes the thread if it waits. The queue can't be full (see [`COMMANDS`]): what a stream was told
    /// already isn't queued again.
    pub(crate) fn send(&mut self, command: Command) -> Result<(), Box<Command>> {
        let again = match command {
            Command::Attach(_) => {
                self.told = Told::default();
                false
            }
            Command::Drain => mem::replace(&mut self.told.drain, true),
            Command::Abort => mem::replace(&mut self.told.abort, true),
            Command::Exit => false,
        };
        if again {
            return Ok(());
        }
        self.commands.push(command).map_err(|rtrb::PushError::Full(command)| Box::new(command))?;
        self.bell.ring();
        Ok(())
    }

    /// A stream that the thread has handed back.
    pub(crate) fn returned(&mut self) -> Option<(Box<Session>, Outcome)> {
        self.returned.pop().ok()
    }

    /// The thread's oldest news.
    pub(crate) fn news(&mut self) -> Option<News> {
        self.news.pop().ok()
    }

    /// Ends the thread, which must have no stream any more.
    pub(crate) fn exit(mut self) {
        // Ending takes system calls that playing doesn't: a confined thread ends with the process.
        if !self.confined
            && self.send(Command::Exit).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic would have ended the process.
            let _ = thread.join();
        }
    }
}

/// A panic on the real-time thread is a bug; a half-dead engine would be silent for ever, a dead one is respawned.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Makes the kernel give the stack its pages now.
#[inline(never)]
fn touch_stack() {
    let mut pages = [0u8; STACK_TOUCHED];
    std::hint::black_box(&mut pages);
}

struct Thread {
    commands: rtrb::Consumer<Command>,
    percent: Arc<AtomicU8>,
    /// The volume that the stream was told, %.
    applied: Option<u8>,
    returned: rtrb::Producer<(Box<Session>, Outcome)>,
    bell: Doorbell,
    report: Reporter,
    session: Option<Box<Session>>,
    /// To be confined to this before it plays. Not earlier: for the process to give up root, each of its threads has to.
    confine: Option<&'static Filter>,
}

impl Thread {
    // A symbol of its own: tests/no_panic.rs follows its calls.
    #[inline(never)]
    fn run(&mut self) {
        loop {
            self.bell.answer();
            if self.take_commands() {
                return;
            }
            if self.session.is_some() {
                if self.confine.take().is_some_and(|filter| confine::confine(filter).is_err()) {
                    // A test that wanted it must not pass without.
                    std::process::abort();
                }
                self.play();
            }
        }
    }

    /// Plays until the stream is over.
    fn play(&mut self) {
        let mut deadline = now_ns();
        while let Some(session) = &mut self.session {
            let now = now_ns();
            self.report.wakeup(now.saturating_sub(deadline));
            let percent = self.percent.load(Ordering::Relaxed);
            if self.applied.replace(percent) != Some(percent) {
                session.set_volume(Gain::from_percent(percent));
            }
            let step = session.step(now, &mut self.report);
            match step {
                Step::Sleep(tick_ns) => {
                    self.report.publish(guard::calls());
                    let after = now_ns();
                    let tick = next_tick(deadline, tick_ns, after);
                    if tick.missed_ns > 0 {
                        // Held up in between: what would have been a wake-up came so late.
                        self.report.wakeup(tick.missed_ns);
                    }
                    deadline = tick.deadline;
                    sleep_until(deadline);
                    self.take_commands();
                }
                Step::Done(outcome) => self.hand_back(outcome),
            }
        }
    }

    fn hand_back(&mut self, outcome: Outcome) {
        if let Some(session) = self.session.take()
            && let Err(rtrb::PushError::Full(pair)) = self.returned.push((session, outcome))
        {
            // There is one stream at a time, so the queue has room. Rather leak it than free it here.
            mem::forget(pair);
        }
        self.report.publish(guard::calls());
        self.report.ring();
    }

    /// Carries out what was sent; true if the thread is to end.
    fn take_commands(&mut self) -> bool {
        for _ in 0..COMMANDS {
            let Ok(command) = self.commands.pop() else { return false };
            match (command, &mut self.session) {
                (Command::Attach(session), None) => (self.session, self.applied) = (Some(session), None),
                // Control has one stream at a time. Rather leak a second one than free it here.
                (Command::Attach(session), Some(_)) => mem::forget(session),
                (Command::Drain, Some(session)) => session.drain(),
                (Command::Abort, Some(session)) => session.abort(),
                (Command::Drain | Command::Abort, None) => {}
                (Command::Exit, _) => return true,
            }
        }
        false
    }
}

/// The next wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tick {
    /// The next point of the grid that lies in the future: one tick on, or as many as it takes.
    deadline: u64,
    /// How long ago the first point was that is passed over, ns; 0 if none is.
    missed_ns: u64,
}

fn next_tick(deadline: u64, tick_ns: u64, now: u64) -> Tick {
    let tick = tick_ns.clamp(1, SECOND);
    let next = deadline.saturating_add(tick);
    if next > now {
        return Tick { deadline: next, missed_ns: 0 };
    }
    let missed_ns = now.saturating_sub(next);
    let deadline = next.saturating_add((missed_ns / tick).saturating_add(1).saturating_mul(tick));
    Tick { deadline, missed_ns }
}

#[cfg(test)]
mod tests;
