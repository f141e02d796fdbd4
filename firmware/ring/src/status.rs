//! The status page: what the engine tells about itself, written by the engine alone and mapped read-only by the player.
//!
//! Single figures are atomics of their own; what belongs together is under a [`Seqlock`]. A reader gets `None` from a
//! seqlocked value only if the engine died in the middle of writing it.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;

use pcm::{Caps, Speakers, Wire, WireFormat};

use crate::control::VERSION;
use crate::mapping::{MapError, StatusMemory};
use crate::seqlock::Seqlock;
use crate::word::Word;

mod certificate;
mod reader;
mod text;
mod writer;

pub use certificate::{CERTIFICATES, Certificate};
pub use reader::Status;
pub use writer::StatusWriter;

/// Identifies the status page ("TenutoSt").
pub(crate) const STATUS_MAGIC: u64 = u64::from_le_bytes(*b"TenutoSt");

/// Number of buckets in the histogram of late wake-ups.
pub const LATENESS_BUCKETS: usize = 32;

/// The histogram's bucket for a wake-up that came `ns` after its deadline.
///
/// Bucket 0 holds everything below 1 µs, bucket `n` from 2^(n-1) µs up to, not including, 2^n µs; the last one holds
/// everything above, too.
#[must_use]
pub const fn lateness_bucket(ns: u64) -> usize {
    let bucket = (u64::BITS - (ns / 1000).leading_zeros()) as usize;
    if bucket < LATENESS_BUCKETS { bucket } else { LATENESS_BUCKETS - 1 }
}

/// The page's layout.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct StatusPage {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU64,
    state: AtomicU64,
    stream: Seqlock<AtomicU64, 4>,
    /// The stream's epoch, and its loudspeakers.
    speakers: Seqlock<AtomicU64, 2>,
    caps: Seqlock<AtomicU64, { Caps::WORDS / 2 }>,
    output: Seqlock<AtomicU64, { text::words(OUTPUT_BYTES) }>,
    fault: Seqlock<AtomicU64, { text::words(FAULT_BYTES) }>,
    thread: Seqlock<AtomicU64, 3>,
    preroll_frames: AtomicU64,
    /// Written by the hashing thread; each at its number's place.
    certificates: [Seqlock<AtomicU64, { certificate::WORDS }>; CERTIFICATES],
    rt: RtLines,
}

/// Bytes of the output's name.
const OUTPUT_BYTES: usize = 64;
/// Bytes of a fault's text.
const FAULT_BYTES: usize = 200;

/// What the real-time thread writes at each wake-up, apart from what *control* writes.
#[derive(Debug, Default)]
#[repr(C, align(128))]
struct RtLines {
    position: Seqlock<AtomicU64, 4>,
    started: Seqlock<AtomicU64, 2>,
    ended: Seqlock<AtomicU64, 2>,
    gap: Seqlock<AtomicU64, 2>,
    xruns: AtomicU64,
    starved: AtomicU64,
    wakeups: AtomicU64,
    late_wakeups: AtomicU64,
    worst_lateness_ns: AtomicU64,
    ring_low_water_frames: AtomicU64,
    allocations: AtomicU64,
    minor_faults: AtomicU64,
    major_faults: AtomicU64,
    voluntary_switches: AtomicU64,
    involuntary_switches: AtomicU64,
    lateness: [AtomicU64; LATENESS_BUCKETS],
}

/// What the engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum State {
    /// No stream is open.
    Closed = 0,
    /// A stream is open; the ring has nothing (or not enough) to play.
    Silent = 1,
    /// Frames go from the ring to the output.
    Playing = 2,
    /// The player asked for a pause.
    Paused = 3,
    /// What is queued is played out before the stream closes.
    Draining = 4,
    /// The output failed; [`Status::fault`] says how.
    Fault = 5,
}

impl State {
    /// The state with this number.
    #[must_use]
    pub const fn from_id(id: u64) -> Option<Self> {
        match id {
            0 => Some(Self::Closed),
            1 => Some(Self::Silent),
            2 => Some(Self::Playing),
            3 => Some(Self::Paused),
            4 => Some(Self::Draining),
            5 => Some(Self::Fault),
            _ => None,
        }
    }
}

/// Where the stream is, in frames of the ring since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The stream that this is about.
    pub epoch: u32,
    /// Frames that the engine has taken from the ring.
    pub taken: u64,
    /// The frame that the DAC plays at `at_ns`, as far as the driver knows its own delay.
    pub heard: u64,
    /// CLOCK_MONOTONIC, ns.
    pub at_ns: u64,
}

/// How many start (or end) marks the engine has passed, and the newest one's track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Marks passed since the engine started.
    pub count: u64,
    /// Track of the newest one.
    pub track: u64,
}

/// Silence between two tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// The track that began after it.
    pub track: u64,
    /// Frames of silence between the end before and its start; 0 is gapless.
    pub frames: u64,
}

/// Scheduling class of the real-time thread, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Policy {
    /// SCHED_OTHER: the engine had no right to better.
    Other = 0,
    /// SCHED_FIFO.
    Fifo = 1,
}

/// How the real-time thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Scheduling class.
    pub policy: Policy,
    /// Real-time priority, 1 to 99; 0 for [`Policy::Other`].
    pub priority: u32,
    /// The one core that it is bound to, if it is.
    pub core: Option<u32>,
}

/// What a track's certificate counts, since the engine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Wake-ups that came 1 ms or more after their deadline.
    pub late_wakeups: u64,
    /// Times that the output ran dry.
    pub xruns: u64,
    /// Times that the ring ran dry without an end mark.
    pub starved: u64,
}

impl Troubles {
    /// What was added since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            late_wakeups: self.late_wakeups.saturating_sub(before.late_wakeups),
            xruns: self.xruns.saturating_sub(before.xruns),
            starved: self.starved.saturating_sub(before.starved),
        }
    }
}

/// The real-time thread's counters, since the engine started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times that the output ran dry.
    pub xruns: u64,
    /// Times that the ring ran dry without an end mark.
    pub starved: u64,
    /// Wake-ups while a stream was open.
    pub wakeups: u64,
    /// Of them, those that came 1 ms or more after their deadline.
    pub late_wakeups: u64,
    /// The worst one.
    pub worst_lateness_ns: u64,
    /// Lateness of all of them, see [`lateness_bucket`].
    pub lateness: [u64; LATENESS_BUCKETS],
    /// The least the ring held while a track played on, in this stream; `None` before that happened.
    pub ring_low_water_frames: Option<u64>,
    /// Calls into the allocator by the real-time thread; must be 0.
    pub rt_allocations: u64,
    /// Page faults of the real-time thread that needed no I/O, since it was set up.
    pub minor_faults: u64,
    /// Page faults that did.
    pub major_faults: u64,
    /// Times it slept.
    pub voluntary_switches: u64,
    /// Times something else took its core.
    pub involuntary_switches: u64,
}
