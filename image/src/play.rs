//! Plays a track to the booted appliance, as any control point and media server would.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use support::control_point::{ControlPoint, didl};
use support::media_server::MediaServer;

use crate::machine::Machine;
use crate::network::{GUEST, HOST};
use crate::stop;
use crate::track::{SECONDS, Track};

/// How long the renderer may take to answer an SSDP search; an idle one takes a second at most.
const SEARCH: Duration = Duration::from_secs(30);
/// How long the track may take on a loaded machine.
const LIMIT: Duration = Duration::from_secs(SECONDS as u64 + 90);
/// How long the engine may take to find the sound card.
const CARD: Duration = Duration::from_secs(30);
/// How long after Play the renderer may still be stopped.
const BEGIN: Duration = Duration::from_secs(15);
/// After the end so much silence is recorded: what comes after the track is looked at too, and QEMU loses the last bit.
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

/// A control point that has found the renderer, and a media server with the track.
#[derive(Debug)]
pub struct Player {
    renderer: ControlPoint,
    uri: String,
    _server: MediaServer,
}

impl Player {
    /// Starts the media server and searches for the renderer.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub fn find(machine: &Machine, track: &Track) -> Result<Self> {
        let server = MediaServer::start(SocketAddr::from((HOST, 0)), None).context("starting the media server")?;
        let uri = server.add(&track.file);
        let guest = GUEST.to_string();
        let found = ControlPoint::discover(SEARCH, |device| device.url().host() == Some(&guest));
        let renderer = found.with_context(|| format!("looking for the renderer; {}", machine.last_words()))?;
        Ok(Self { renderer, uri, _server: server })
    }

    /// Begins to play, at full volume, as soon as the renderer shows a sound card: it announces itself before it has one.
    ///
    /// # Errors
    /// When there is no sound card, or the renderer refuses.
    pub fn start(&self, machine: &Machine) -> Result<()> {
        let start = Instant::now();
        while self.status()?["engine"]["output"].as_str().is_none_or(str::is_empty) {
            if start.elapsed() > CARD {
                bail!("the renderer has found no sound card within {} s; {}", CARD.as_secs(), machine.last_words());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // The hardware's mixer comes up muted; at 100 % it changes nothing.
        self.renderer.set_volume(100)?;
        self.renderer.set_mute(false)?;
        self.renderer.set_uri(&self.uri, &didl("Tenuto's first track", "audio/flac", &self.uri))?;
        self.renderer.play()?;
        Ok(())
    }

    /// Waits until the track is over, and a little longer.
    ///
    /// # Errors
    /// When the renderer doesn't answer, or the machine ends.
    pub fn to_the_end(&self, machine: &mut Machine) -> Result<Played> {
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
            if has_played && during.is_null() && start.elapsed() > Duration::from_secs(u64::from(SECONDS) / 2) {
                during = self.status()?;
            }
            if start.elapsed() > LIMIT {
                break Some(format!("{} for {} s, and the track is not over", transport.state, LIMIT.as_secs()));
            }
        };
        let after = self.status()?;
        std::thread::sleep(TAIL);
        Ok(Played { during, after, fault })
    }

    /// What the renderer says of itself.
    ///
    /// # Errors
    /// When it doesn't answer, or not in JSON.
    pub fn status(&self) -> Result<Value> {
        serde_json::from_slice(&self.renderer.fetch("/status.json")?).context("/status.json")
    }
}
