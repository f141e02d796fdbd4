//! Why there is no engine: said once in the log, and to everybody who asks.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use ring::link::LinkError;
use ring::message::Refused;

use crate::playback::ENGINE_PATIENCE;

/// Since when the engine isn't there, and what has been said of it.
#[derive(Debug, Default)]
pub(super) struct Absence {
    since: Option<Instant>,
    said: Option<String>,
}

impl Absence {
    /// The engine is there.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// Whether it has lasted for longer than an engine may take to come. The first question is its beginning.
    pub(super) fn lasts(&mut self, now: Instant) -> bool {
        now.duration_since(*self.since.get_or_insert(now)) >= ENGINE_PATIENCE
    }

    /// Whether `why` is news for the log: the same reason isn't given twice in a row.
    pub(super) fn is_news(&mut self, why: &str) -> bool {
        let news = self.said.as_deref() != Some(why);
        if news {
            self.said = Some(why.to_owned());
        }
        news
    }
}

/// Whether an attempt that failed like this may be all right a moment later without anybody's doing: player and engine
/// start at the same time, and one of them is quicker.
pub(super) fn may_pass(error: &LinkError) -> bool {
    matches!(error, LinkError::System(_) | LinkError::Closed)
}

/// The reason for the owner, and what to do about it.
pub(super) fn reason(socket: &Path, error: &LinkError) -> String {
    let socket = socket.display();
    match error {
        LinkError::Refused { code: Refused::Busy, .. } => format!(
            "another player is connected to the audio engine at {socket}, which serves one at a time: \
             end that player, or start another engine and give its socket with --engine"
        ),
        LinkError::Refused { text, .. } => format!("the audio engine at {socket} refuses this player: {text}"),
        LinkError::System(error) if error.kind() == ErrorKind::PermissionDenied => {
            format!("this user may not connect to the audio engine at {socket}: see --group in engine --help")
        }
        LinkError::System(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            format!("the audio engine at {socket} can't be reached: {error}")
        }
        LinkError::System(_) | LinkError::Closed => {
            format!("the audio engine isn't running: nothing answers at {socket}; start it, or see its log")
        }
        error => format!("what answers at {socket} isn't an audio engine for this player: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Refused, text: &str) -> LinkError {
        LinkError::Refused { code, text: text.to_owned() }
    }

    #[test]
    fn each_reason_is_its_own_and_names_the_socket() {
        let socket = Path::new("/run/x.sock");
        let gone = LinkError::System(ErrorKind::ConnectionRefused.into());
        let version = refused(Refused::Version, "the engine speaks version 2, the player 1");
        for (error, named) in [
            (refused(Refused::Busy, "another player is connected"), "another player is connected"),
            (version, "version 2, the player 1"),
            (refused(Refused::Forbidden, "this user may not play"), "may not play"),
            (LinkError::System(ErrorKind::PermissionDenied.into()), "--group"),
            (LinkError::System(ErrorKind::InvalidFilename.into()), "can't be reached"),
            (LinkError::Unexpected("Hello"), "isn't an audio engine"),
            (gone, "isn't running"),
        ] {
            let reason = reason(socket, &error);
            assert!(reason.contains(named) && reason.contains("/run/x.sock"), "{reason}");
            assert_eq!(reason.contains("isn't running"), named == "isn't running", "{reason}");
        }
    }

    #[test]
    fn a_reason_is_news_once_and_again_when_there_was_an_engine_between() {
        let mut absence = Absence::default();
        assert!(absence.is_news("busy"));
        assert!(!absence.is_news("busy"));
        assert!(absence.is_news("version"));
        absence.end();
        assert!(absence.is_news("version"));
    }

    #[test]
    fn an_engine_may_take_its_time_each_time() {
        let mut absence = Absence::default();
        let start = Instant::now();
        for round in [start, start + 10 * ENGINE_PATIENCE] {
            assert!(!absence.lasts(round) && !absence.lasts(round + ENGINE_PATIENCE / 2));
            assert!(absence.lasts(round + ENGINE_PATIENCE));
            absence.end();
        }
    }
}
