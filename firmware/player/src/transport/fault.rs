//! Why an AVTransport action was refused.

/// An error of AVTransport:1 (2.4) that depends on the transport's state. What depends on the request alone is refused before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 701
    TransitionNotAvailable,
    /// 711
    IllegalSeekTarget,
}
