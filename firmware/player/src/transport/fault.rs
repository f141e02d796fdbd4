//! Why an AVTransport action was refused.

use std::fmt;

/// An error of AVTransport:1, 2.4 (table of each action).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 701
    TransitionNotAvailable,
    /// 710
    SeekModeNotSupported,
    /// 711
    IllegalSeekTarget,
    /// 717
    PlaySpeedNotSupported,
}

impl Fault {
    /// UPnPError's errorCode.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::TransitionNotAvailable => 701,
            Self::SeekModeNotSupported => 710,
            Self::IllegalSeekTarget => 711,
            Self::PlaySpeedNotSupported => 717,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TransitionNotAvailable => "Transition not available",
            Self::SeekModeNotSupported => "Seek mode not supported",
            Self::IllegalSeekTarget => "Illegal seek target",
            Self::PlaySpeedNotSupported => "Play speed not supported",
        })
    }
}
