//! The appliance: how it is found, what it says of itself, and its volume.
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use support::control_point::ControlPoint;

/// What the description names the model.
const MODEL: &str = "Tenuto";
/// How long one is searched for.
pub(super) const SEARCH: Duration = Duration::from_secs(20);
/// How long it may take for one answer.
const LIMIT: Duration = Duration::from_secs(5);
/// The port of its page.
const PORT: u16 = 80;

/// One that was found.
#[derive(Debug)]
pub(super) struct Appliance(ControlPoint);

impl Appliance {
    /// Reads the description at `address` (`HOST`, `HOST:PORT` or a URL), or searches by SSDP.
    ///
    /// # Errors
    /// When there is none, or it is something else.
    pub(super) fn find(address: Option<&str>) -> Result<Self> {
        let point = match address {
            Some(address) => {
                let url = description(address);
                ControlPoint::from_location(&url).with_context(|| format!("no appliance at {address}"))?
            }
            None => ControlPoint::discover(SEARCH, |device| device.model_name() == MODEL).context(
                "is it in this network, and not behind a guest Wi-Fi or another VLAN? Its address can be given instead",
            )?,
        };
        ensure!(
            point.device().model_name() == MODEL,
            "{} is no Tenuto but a {}",
            point.device().url(),
            point.device().model_name()
        );
        Self::with(point)
    }

    /// The same one again, wherever it is now.
    ///
    /// # Errors
    /// When it doesn't answer within the time of a search.
    pub(super) fn again(&self) -> Result<Self> {
        let udn = self.0.device().udn().to_owned();
        if let Ok(point) = ControlPoint::from_location(&self.location()) {
            return Self::with(point);
        }
        Self::with(ControlPoint::discover(SEARCH, |device| device.udn() == udn)?)
    }

    fn with(point: ControlPoint) -> Result<Self> {
        let mut point = point.with_own_soap()?;
        point.set_limit(LIMIT);
        Ok(Self(point))
    }

    pub(super) fn point(&self) -> &ControlPoint {
        &self.0
    }

    pub(super) fn location(&self) -> String {
        self.0.device().url().to_string()
    }

    pub(super) fn name(&self) -> &str {
        self.0.device().friendly_name()
    }

    /// Where it answers.
    ///
    /// # Errors
    /// When its name isn't known here.
    pub(super) fn host(&self) -> Result<SocketAddr> {
        let url = self.0.device().url();
        let host = url.host().context("the description's URL has no host")?;
        let known = (host.trim_matches(['[', ']']), url.port_u16().unwrap_or(PORT)).to_socket_addrs();
        known.with_context(|| host.to_owned())?.next().with_context(|| format!("{host} has no address"))
    }

    /// `/status.json`.
    ///
    /// # Errors
    /// When it doesn't answer, or not in JSON.
    pub(super) fn status(&self) -> Result<Value> {
        serde_json::from_slice(&self.0.fetch("/status.json")?).context("/status.json")
    }

    /// Where the volume changes samples it is set to 100 %, so that none is changed; until the result is dropped.
    ///
    /// # Errors
    /// When the appliance doesn't answer.
    pub(super) fn untouched(&self) -> Result<Option<Volume<'_>>> {
        if self.status()?["volume"]["mode"] != "software" {
            return Ok(None);
        }
        let before = Volume { of: self, percent: self.0.volume()?, mute: self.0.mute()? };
        self.0.set_volume(100)?;
        self.0.set_mute(false)?;
        Ok(Some(before))
    }
}

/// The volume as its owner had it; it comes back when this is dropped.
pub(super) struct Volume<'a> {
    of: &'a Appliance,
    percent: u8,
    mute: bool,
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let set = self.of.point().set_volume(self.percent).and_then(|_| self.of.point().set_mute(self.mute));
        if let Err(error) = set {
            eprintln!("the volume was {} %, and can't be set to that again: {error}", self.percent);
        }
    }
}

/// The description's URL.
fn description(address: &str) -> String {
    match address.split_once("://") {
        Some((_, rest)) if rest.trim_end_matches('/').contains('/') => address.to_owned(),
        Some(_) => format!("{}/description.xml", address.trim_end_matches('/')),
        None => format!("http://{address}/description.xml"),
    }
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn an_address_may_be_a_host_a_page_or_a_description() {
        for (address, url) in [
            ("10.0.0.7", "http://10.0.0.7/description.xml"),
            ("tenuto:8200", "http://tenuto:8200/description.xml"),
            ("http://10.0.0.7/", "http://10.0.0.7/description.xml"),
            ("http://10.0.0.7:80/d.xml", "http://10.0.0.7:80/d.xml"),
        ] {
            assert_eq!(description(address), url);
        }
    }
}
