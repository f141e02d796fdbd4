//! What the real-time thread tells: figures into the status page, events to *control*.

use std::sync::Arc;

use ring::{Gap, Position, State, StatusWriter, Troubles};

use crate::sys::{self, Usage};
use crate::wake::Doorbell;

/// An event, in frames written to the output since the stream was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// What.
    pub(crate) kind: Kind,
    /// The first frame that it applies to.
    pub(crate) frame: u64,
    /// CLOCK_MONOTONIC, ns.
    pub(crate) ns: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A track's first frame.
    Start(u64),
    /// The first frame behind a track.
    End(u64),
    /// A track goes on that left another stream: its first frame in this one.
    Join(u64),
    /// The first frame behind a track that goes on in another stream.
    Leave(u64),
    /// A flush was carried out.
    Flush,
    /// The ring ran dry.
    Starved,
    /// A pause begins.
    Pause,
    /// Frames of the ring again, after a pause, a flush or a dry ring, without a new track.
    Resume,
    /// The output ran dry.
    Xrun,
}

/// Wake-ups between two looks at the thread's page faults and context switches.
const USAGE_EVERY: u32 = 32;

/// The thread's voice.
pub(crate) struct Reporter {
    status: Arc<StatusWriter>,
    news: rtrb::Producer<News>,
    control: Doorbell,
    untold: bool,
    wakeups: u32,
    /// What the thread had cost when it was set up.
    before: Usage,
}

impl Reporter {
    /// To be made on the thread itself, when it is set up.
    pub(crate) fn new(status: Arc<StatusWriter>, news: rtrb::Producer<News>, control: Doorbell) -> Self {
        Self { status, news, control, untold: false, wakeups: 0, before: sys::thread_usage() }
    }

    /// Counts a wake-up that came this late.
    pub(super) fn wakeup(&mut self, lateness_ns: u64) {
        self.status.count_wakeup(lateness_ns);
    }

    /// What went wrong so far.
    pub(super) fn troubles(&self) -> Troubles {
        self.status.troubles()
    }

    /// Tells *control*, and counts what is counted.
    pub(super) fn event(&mut self, kind: Kind, frame: u64, ns: u64) {
        match kind {
            Kind::Start(track) => self.status.count_start(track),
            Kind::End(track) => self.status.count_end(track),
            Kind::Starved => self.status.count_starved(),
            Kind::Xrun => self.status.count_xrun(),
            Kind::Join(_) | Kind::Leave(_) | Kind::Flush | Kind::Pause | Kind::Resume => {}
        }
        // A full queue means that control has hung for seconds: the figures above are right nevertheless.
        let _ = self.news.push(News { kind, frame, ns });
        self.untold = true;
    }

    pub(super) fn gap(&mut self, track: u64, frames: u64) {
        self.status.set_gap(Gap { track, frames });
    }

    pub(super) fn state(&mut self, state: State) {
        self.status.set_state(state);
    }

    pub(super) fn position(&mut self, position: Position) {
        self.status.set_position(position);
    }

    pub(super) fn ring_fill(&mut self, frames: u64) {
        self.status.note_ring_fill(frames);
    }

    /// The end of a wake-up: figures about the thread itself, and the bell if there is news.
    pub(super) fn publish(&mut self, allocations: u64) {
        self.status.set_allocations(allocations);
        if self.wakeups.is_multiple_of(USAGE_EVERY) {
            let usage = sys::thread_usage();
            let since =
                |now: [u64; 2], before: [u64; 2]| [now[0].saturating_sub(before[0]), now[1].saturating_sub(before[1])];
            let faults = since(usage.faults, self.before.faults);
            self.status.set_usage(faults, since(usage.switches, self.before.switches));
        }
        self.wakeups = self.wakeups.wrapping_add(1);
        if self.untold {
            self.ring();
        }
    }

    pub(super) fn ring(&mut self) {
        self.untold = false;
        self.control.ring();
    }
}
