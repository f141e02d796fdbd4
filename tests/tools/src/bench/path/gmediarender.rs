//! gmediarender, GStreamer's UPnP renderer.
use std::process::Command;
use std::time::{Duration, Instant};

use support::control_point::ControlPoint;

use super::INTERFACE;
use super::ours::LOOK;
use crate::bench::usage::Kept;

/// Where it serves its description: it takes a port from 49152 on and no other.
const PORT: u16 = 49_494;
/// How long it may take to start.
const READY: Duration = Duration::from_secs(10);
/// It serves its description before it can play, and falls over what is asked of it then.
const SETTLE: Duration = Duration::from_secs(2);

/// A running one; it ends when dropped.
pub(super) struct Gmediarender {
    process: Kept,
    point: ControlPoint,
}

impl Gmediarender {
    /// Starts one whose sink throws away what it gets, in real time: without a clock it swallows a track and ends.
    pub(super) fn start() -> anyhow::Result<Self> {
        let process = Kept::start(Command::new("gmediarender").args([
            format!("--interface-name={}", INTERFACE.0),
            format!("--port={PORT}"),
            "--gstout-audiopipe=fakesink sync=true".into(),
            "--friendly-name=peer".into(),
        ]))?;
        let location = format!("http://{}:{PORT}/description.xml", INTERFACE.1);
        let begin = Instant::now();
        let point = loop {
            match ControlPoint::from_location(&location).and_then(ControlPoint::with_own_soap) {
                Ok(point) => break point,
                Err(error) if begin.elapsed() > READY => return Err(error.into()),
                Err(_) => std::thread::sleep(LOOK),
            }
        };
        std::thread::sleep(SETTLE);
        Ok(Self { process, point })
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn play(&self, url: &str) -> anyhow::Result<()> {
        self.point.set_uri(url, "")?;
        self.point.play()?;
        Ok(())
    }

    pub(super) fn is_playing(&self) -> anyhow::Result<bool> {
        Ok(self.point.transport_info()?.state == "PLAYING")
    }
}
