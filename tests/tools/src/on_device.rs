//! What `tests/on-device` does: plays to an appliance that somebody has flashed, over the network, and reports what that says of itself.
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use anyhow::{Context as _, Result};
use support::media_server::MediaServer;

mod appliance;
mod lateness;
mod minutes;
mod options;
mod owner;
mod report;
mod track;
mod trial;

pub use options::Options;
pub use report::Report;

use appliance::Appliance;
use owner::Owner;
use track::{Kind, Track};
use trial::{Load, Tried};

/// Does all of it, telling on standard error how far it is.
///
/// # Errors
/// When there is no appliance, a track can't be made, or nothing can be served from here.
pub fn run(options: &Options) -> Result<Report> {
    let owner = Owner { asked: options.questions };
    let appliance = Appliance::find(options.address.as_deref())?;
    eprintln!("{} at {}", appliance.name(), appliance.location());
    let own = own_address(appliance.host()?)?;
    let server = MediaServer::start((own, options.port).into(), None)
        .with_context(|| format!("the appliance is to fetch its tracks from {own}:{}", options.port))?;
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let mut report = Report::about(&appliance)?;
    let quiet =
        "What is played is tones and noise at FULL level. Switch the amplifier off, or take the headphones off.";
    if !owner.agrees(quiet) {
        eprintln!("{quiet}");
    }
    let _volume = appliance.untouched()?;
    let play = |kind: Kind, load: Load| -> Result<Tried> {
        eprintln!("playing {}{}: {} s", kind.name, load.words(), options.seconds);
        let track = Track::make(kind, options.seconds, directory.path())?;
        trial::play(&appliance, &server, &track, load)
    };
    for kind in track::KINDS {
        report.tried.push(play(kind, Load::None)?);
    }
    report.tried.push(play(track::LOADED, Load::Page)?);
    if options.minutes > 0 {
        eprintln!("playing {} minutes{}", options.minutes, Load::Network.words());
        report.tried.push(minutes::play(&appliance, &server, directory.path(), options.minutes)?);
    }
    if options.questions {
        report.hot_plug = Some(hot_plug(&appliance, &server, directory.path(), owner)?);
        report.power_cycles = Some(owner.power_cycles(&appliance, options.power_cycles));
    }
    Ok(report)
}

fn hot_plug(appliance: &Appliance, server: &MediaServer, directory: &Path, owner: Owner) -> Result<owner::Outcome> {
    let track = Track::make(track::LONG, track::LONG_SECONDS, directory)?;
    trial::begin(appliance, server, &track)?;
    let outcome = owner.hot_plug(appliance);
    appliance.point().stop()?;
    Ok(outcome)
}

/// The address of this machine that the appliance can reach.
fn own_address(appliance: SocketAddr) -> Result<IpAddr> {
    let any: SocketAddr = if appliance.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).context("which of this machine's addresses the appliance can reach")?;
    // Nothing is sent: the routing table alone answers.
    socket.connect(appliance).with_context(|| format!("no way to {appliance}"))?;
    Ok(socket.local_addr()?.ip())
}
