//! Plays tracks to the booted appliance, as any control point and media server would.
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use support::control_point::{ControlPoint, didl};
use support::media_server::{MediaServer, mime_of};

use crate::machine::Machine;
use crate::network::{GUEST, HOST};
use crate::stop;

/// How long the renderer may take to answer an SSDP search; an idle one takes a second at most.
const SEARCH: Duration = Duration::from_secs(30);
/// How much longer than it plays a track may take on a loaded machine.
const SLACK: Duration = Duration::from_secs(90);
/// How long the engine may take to find the sound card.
const CARD: Duration = Duration::from_secs(30);
/// How long after Play the renderer may still be stopped.
const BEGIN: Duration = Duration::from_secs(15);
/// After the last track so much silence is recorded: what comes after it is looked at too, and QEMU loses the last bit.
const TAIL: Duration = Duration::from_millis(1500);

/// What the renderer said of itself while it played and after it had.
#[derive(Debug)]
pub struct Played {
    /// `/status.json`, about the middle of the track.
    pub during: Value,
    /// The same after its end.
    pub after: Value,
    /// What the renderer reported instead of playing to the end.
    pub fault: Option<String>,
}

/// Waits for the silence that ends a recording.
pub fn tail() {
    std::thread::sleep(TAIL);
}

/// A control point that has found the renderer, and a media server.
#[derive(Debug)]
pub struct Player {
    renderer: ControlPoint,
    server: MediaServer,
}

impl Player {
    /// Starts the media server and searches for the renderer.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub fn find(machine: &Machine) -> Result<Self> {
        let server = MediaServer::start(SocketAddr::from((HOST, 0)), None).context("starting the media server")?;
        let guest = GUEST.to_string();
        let found = ControlPoint::discover(SEARCH, |device| device.url().host() == Some(&guest));
        let renderer = found.with_context(|| format!("looking for the renderer; {}", machine.last_words()))?;
        Ok(Self { renderer, server })
    }

    /// The same, with a control point that is told a refusal's reason.
    ///
    /// # Errors
    /// When the renderer doesn't answer.
    pub fn that_hears_faults(self) -> Result<Self> {
        Ok(Self { renderer: self.renderer.with_own_soap()?, ..self })
    }

    /// The control point.
    #[must_use]
    pub fn renderer(&self) -> &ControlPoint {
        &self.renderer
    }

    /// Serves a file; returns its URL.
    #[must_use]
    pub fn serve(&self, file: &Path) -> String {
        self.server.add(file)
    }

    /// Waits until the renderer shows a sound card: it announces itself before it has one.
    ///
    /// # Errors
    /// When it shows none in time.
    pub fn card(&self, machine: &Machine) -> Result<()> {
        let start = Instant::now();
        while self.status()?["engine"]["output"].as_str().is_none_or(str::is_empty) {
            stop::check()?;
            if start.elapsed() > CARD {
                bail!("the renderer has found no sound card within {} s; {}", CARD.as_secs(), machine.last_words());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Begins to play a file, at full volume, as soon as there is a sound card.
    ///
    /// # Errors
    /// When there is none, or the renderer refuses.
    pub fn start(&self, machine: &Machine, file: &Path) -> Result<()> {
        self.card(machine)?;
        // The hardware's mixer comes up muted; at 100 % it changes nothing.
        self.renderer.set_volume(100)?;
        self.renderer.set_mute(false)?;
        let uri = self.serve(file);
        self.renderer.set_uri(&uri, &didl("Tenuto's track", mime_of(file).unwrap_or("audio/flac"), &uri))?;
        self.renderer.play()?;
        Ok(())
    }

    /// Waits until a track of this length is over.
    ///
    /// # Errors
    /// When the renderer doesn't answer, or the machine ends.
    pub fn to_the_end(&self, machine: &mut Machine, length: Duration) -> Result<Played> {
        let start = Instant::now();
        let (mut during, mut has_played) = (Value::Null, false);
        let fault = loop {
            std::thread::sleep(Duration::from_millis(250));
            stop::check()?;
            machine.check()?;
            let transport = self.renderer.transport_info()?;
            if transport.status != "OK" {
                break Some(format!("the renderer reports {}; {}", transport.status, machine.last_words()));
            }
            match transport.state.as_str() {
                "PLAYING" => has_played = true,
                "STOPPED" if has_played || start.elapsed() > BEGIN => break None,
                _ => {}
            }
            if has_played && during.is_null() && start.elapsed() > length / 2 {
                during = self.status()?;
            }
            let limit = length + SLACK;
            if start.elapsed() > limit {
                break Some(format!("{} for {} s, and the track is not over", transport.state, limit.as_secs()));
            }
        };
        Ok(Played { during, after: self.status()?, fault })
    }

    /// What helps to find a fault: the agent's report is in it.
    ///
    /// # Errors
    /// When it doesn't answer, or not in JSON.
    pub fn diagnostics(&self) -> Result<Value> {
        serde_json::from_slice(&self.renderer.fetch("/diagnostics")?).context("/diagnostics")
    }

    /// What the renderer says of itself.
    ///
    /// # Errors
    /// When it doesn't answer, or not in JSON.
    pub fn status(&self) -> Result<Value> {
        serde_json::from_slice(&self.renderer.fetch("/status.json")?).context("/status.json")
    }
}
