//! How long to wait.

use std::time::Duration;

/// How patient a track is with its server. The defaults end a track within 20 s of the last byte (T17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the name server, and again for the connection.
    pub connect: Duration,
    /// For the next byte on a connection, before it is given up and the rest is asked for on another one.
    pub stall: Duration,
    /// For the next byte, over all connections, before the track is given up.
    pub give_up: Duration,
    /// For a server that broke off and now refuses connections or denies the resource, from the moment when all that it had
    /// sent is used up: one that only starts anew is back by then (S1), any other ends the track (T30).
    pub refused: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(7),
            give_up: Duration::from_secs(16),
            refused: Duration::from_secs(2),
        }
    }
}
