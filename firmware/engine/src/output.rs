//! Where frames go: what the real-time thread needs of a DAC, real or simulated.

pub(crate) mod alsa;
pub(crate) mod device;
pub(crate) mod sim;

use std::fmt;

use ::pcm::Speakers;

/// What snd-usb-audio has on its way to the DAC at most, ms (MAX_QUEUE in the kernel's sound/usb/card.h). When a card runs dry that
/// is dropped: the kernel takes it for played when it lies in a packet, and the packets that wait for the bus are taken back.
pub(crate) const USB_QUEUE_MS: u32 = 18;

/// Silence around a stream on USB, ms: what the driver has on its way, and as much again. While it fills its packets for the first
/// time the bus goes on, and on a busy machine a packet of the 21st ms was seen to leave too late.
pub(crate) const USB_SILENCE_MS: u32 = 40;

/// How an output takes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// By its own clock: it wants frames at all times, and silence where there are none.
    Clocked,
    /// As they come: it waits for frames and wants no silence.
    Elastic,
}

/// How full an output's buffer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fill {
    /// Frames that can be written now.
    pub(crate) writable: u32,
    /// Frames written and not yet heard.
    pub(crate) queued: u64,
}

/// What can go wrong with an output while it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Everything written was heard, but for [`Output::dropped_frames`], and the output has stopped for want of more.
    /// [`Output::prepare`] mends it.
    Xrun,
    /// The output can't go on.
    Failed {
        /// The call that failed.
        call: &'static str,
        /// Its error number.
        errno: i32,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Xrun => f.write_str("the output ran dry"),
            Self::Failed { errno: libc::ENODEV, .. } => f.write_str("the output was unplugged"),
            Self::Failed { call, errno } => {
                write!(f, "the output failed: {call}: {}", std::io::Error::from_raw_os_error(errno))
            }
        }
    }
}

/// An opened output with its format set, as the real-time thread holds it.
///
/// No method allocates, locks, logs, panics or waits. Opening and dropping one may; they belong to the device thread.
pub(crate) trait Output: Send {
    /// Frames that the buffer holds.
    fn buffer_frames(&self) -> u32;

    /// The least that the hardware takes at once, in frames.
    fn period_frames(&self) -> u32;

    /// Silence that has to stand in front of a stream and behind it, whatever the owner has set: frames of the output's own
    /// that may leave in another order at the start, and not at all at the end.
    fn least_silence(&self) -> u32 {
        0
    }

    /// The most frames that are dropped unheard when it runs dry, of the last ones written.
    fn dropped_frames(&self) -> u32 {
        0
    }

    /// Which loudspeakers its channels are for, if it says so.
    fn speakers(&self) -> Speakers {
        Speakers::UNKNOWN
    }

    /// How it takes frames.
    fn pacing(&self) -> Pacing;

    /// Looks at how far the hardware has got.
    fn poll(&mut self, now_ns: u64) -> Result<Fill, Trouble>;

    /// Writes at most `frames` frames: `fill` is given room for them, or for fewer (the rest wants another call), and
    /// fills all of it. Returns how many were written.
    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble>;

    /// Starts the hardware's clock, once something was written.
    fn start(&mut self, now_ns: u64) -> Result<(), Trouble>;

    /// Makes the output ready to be written and started again after [`Trouble::Xrun`].
    fn prepare(&mut self) -> Result<(), Trouble>;

    /// Stops at once and drops what wasn't heard.
    fn stop(&mut self, now_ns: u64);
}
