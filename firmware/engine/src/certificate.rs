//! Certificates: what went to the output, track by track, with a hash that says so.
//!
//! The real-time thread can't hash: it keeps a CRC-32C of what it takes from the ring ([`Tally`]). A thread of ordinary
//! priority reads the same bytes out of the shared memory ([`Follow`]), and makes SHA-256 and the same CRC of them. Equal CRCs
//! tie the hash to what the real-time thread took. It hashes what it finds in the ring, taken or not, and goes back to an
//! earlier sum where a track ends or is sought in.
//!
//! Nobody waits for the follower (but a simulated output without a clock, which could outrun it). What was taken stays in
//! the memory until the player has come round in it: the ring uses at most [`RING_PART`] quarters of it, so the rest lies
//! behind what was taken (46 s of a CD, 0.3 s of stereo at 768 kHz). With what the ring holds, a second and more may pass between two looks. A follower whose next frames were written
//! over gives the track up. What a broken player overwrites before that, the CRC shows.
//!
//! A track's certificate appears when the last of it was heard, or the stream is over: until then the output may run dry, and what
//! its driver drops then was taken, but not heard.

mod follow;
mod tally;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pcm::Wire;
use ring::{Consumer, DATA_BYTES, Stream, Troubles};

pub(crate) use follow::{Follow, Follower};
pub(crate) use tally::Tally;

/// The part of the ring's memory that a stream uses at most, in quarters.
const RING_PART: usize = 3;
/// Entries that may be under way at once. More come only with tracks of a few frames; some of those have no certificate.
const ENTRIES: usize = 512;
/// The longest time between two looks of the follower.
const LONGEST_LOOK: Duration = Duration::from_millis(200);
/// The time between two looks where the output has no clock, and waits for the follower.
const HURRIED_LOOK: Duration = Duration::from_millis(2);

/// The most frames that a stream of `wire` may use of the ring, if it is to be followed.
pub(crate) fn most_frames(wire: Wire) -> u32 {
    let frames = DATA_BYTES / 4 * RING_PART / wire.frame_bytes().max(1);
    u32::try_from(frames).unwrap_or(u32::MAX)
}

/// Both halves for the stream that `consumer` has begun.
pub(crate) fn begin(consumer: &Consumer, stream: &Stream) -> (Tally, Follow) {
    let (outgoing, entries) = rtrb::RingBuffer::new(ENTRIES);
    let [taken, heard, hashed] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
    let tap = consumer.tap();
    // Sixteen looks while what is kept is overwritten: after a flush the player may do that as fast as it can decode.
    let kept = Duration::from_secs(tap.kept_frames()) / stream.wire.rate.max(1);
    let look = LONGEST_LOOK.min(kept / 16).max(Duration::from_millis(1));
    let tally = Tally::new(outgoing, [&taken, &heard, &hashed].map(Arc::clone), tap.kept_frames());
    (tally, Follow::new(tap, stream.epoch, entries, [taken, heard, hashed], look))
}

/// What the real-time thread tells the follower, in frames of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// A track begins, at its first frame or another one.
    Start {
        /// The player's number for it.
        track: u64,
        /// The ring's first frame of it.
        frame: u64,
    },
    /// The track goes on elsewhere: the player sought.
    Jump {
        /// The first frame that isn't taken any more.
        from: u64,
        /// The next one that is.
        to: u64,
    },
    /// The output dropped some of these frames, which were taken but weren't heard yet.
    Lost {
        /// The first of them.
        from: u64,
        /// The one behind the last.
        to: u64,
        /// How many were dropped, at most: others lie between them where the player sought.
        most: u64,
        /// Why.
        why: Why,
    },
    /// The track is over.
    End(Taken),
}

/// Why frames that were taken weren't heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The output ran dry.
    Xrun,
    /// It was stopped before they were, as one that has failed is.
    Stopped,
}

/// What the real-time thread took of one track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Taken {
    /// The first frame that isn't the track's any more.
    end: u64,
    frames: u64,
    crc32c: u32,
    scaled: bool,
    whole: bool,
    troubles: Troubles,
}

impl Taken {
    /// Whether there is nothing to certify: of the track no frame was taken, though it has some.
    fn is_nothing(&self) -> bool {
        self.frames == 0 && !self.whole
    }
}

#[cfg(test)]
mod tests;
