//! Whether the engine that is connected still answers.
//!
//! An engine that hangs keeps its connection, and may have nothing to say for hours. So it is asked: it lets one player in and tells
//! everybody else that he is too late, which takes the same thread as every request. While a stream plays its real-time thread has
//! to go on waking up as well.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ring::link::Link;
use ring::{State, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::playback::Output;

/// Between two questions.
const BEAT: Duration = Duration::from_secs(3);
/// How long an answer may take.
const PATIENCE: Timespec = Timespec { tv_sec: 3, tv_nsec: 0 };

/// Starts the thread that asks.
pub(super) fn start(socket: PathBuf, output: Arc<Output>) -> io::Result<()> {
    thread::Builder::new().name("heartbeat".into()).spawn(move || keep(&socket, &output)).map(drop)
}

fn keep(socket: &Path, output: &Output) {
    let mut wakeups = 0;
    loop {
        thread::sleep(BEAT);
        let Some(status) = output.status() else { continue };
        let before = std::mem::replace(&mut wakeups, status.counters().wakeups);
        if (wakeups != before || !plays(&status)) && answers(socket).unwrap_or(false) {
            output.engine_answered();
        }
    }
}

fn plays(status: &Status) -> bool {
    status.state() == Some(State::Playing)
}

/// Whatever it says.
fn answers(socket: &Path) -> io::Result<bool> {
    let link = Link::connect(socket)?;
    if poll(&mut [PollFd::new(&link, PollFlags::IN)], Some(&PATIENCE))? == 0 {
        return Ok(false);
    }
    Ok(link.receive()?.is_some())
}
