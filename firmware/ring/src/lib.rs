//! The memory that player and engine share: wire-format audio, marks, status page, and the messages between them.
//!
//! The contract:
//! - one [`Producer`] (the player) and one [`Consumer`] (the engine's real-time thread). Neither ever waits for the
//!   other, allocates, locks or makes a system call after set-up;
//! - frames are counted from 0 at each open in 64 bits, so indices never wrap;
//! - audio lies in the ring in the DAC's own format ([`pcm::Wire`]); [`Mark`]s say where tracks begin and end;
//! - the peer is untrusted, on both sides: its indices are checked ([`Corrupt`]), its files must be sealed
//!   ([`MapError`]), its messages are fixed-size and strictly parsed ([`message`]);
//! - the engine tells how it is in the [`Status`] page, which the player can only read.
//!
//! [`index`] holds the protocol proper, generic over its storage; everything unsafe is in `mapping.rs`.
//!
//! How fast that is, `tests/bench rings` measures against rtrb, which stays within one process. From thread to thread, each on
//! its core, as player and engine are, ours takes 0.95 to 1.03 of rtrb's time for chunks of 1 to 64 KiB, through two mappings
//! as through one: the bytes come from the other core's cache either way. On one thread it takes 0.70 to 1.00, in
//! two mappings as in one: they lie where a core whose first cache predicts its way by the virtual address (AMD's do) takes both
//! for the same.
#![deny(unsafe_code)]

mod consumer;
mod control;
mod geometry;
pub mod index;
pub mod link;
#[allow(unsafe_code, reason = "the file that maps memory")]
mod mapping;
mod mark;
pub mod message;
mod producer;
pub mod seqlock;
mod status;
mod stream;
mod word;

pub use consumer::{Consumer, Tap};
pub use control::{Control, MARKS, VERSION};
pub use index::{Corrupt, Flush, Full};
pub use mapping::{DATA_BYTES, HUGE_PAGES, MapError, RingMemory};
pub use mark::{Mark, MarkKind};
pub use producer::Producer;
pub use status::{
    CERTIFICATES, Certificate, Counters, Gap, LATENESS_BUCKETS, Passed, Policy, Position, State, Status, StatusWriter,
    Thread, Troubles, lateness_bucket,
};
pub use stream::Stream;
pub use word::Word;
