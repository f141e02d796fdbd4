//! The actions of AVTransport:1 and RenderingControl:1 that tests use, typed.
use super::{Answer, ControlPoint, Error, Service};

/// What GetTransportInfo says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// `CurrentTransportState`: STOPPED, PLAYING, …
    pub state: String,
    /// `CurrentTransportStatus`: OK or ERROR_OCCURRED.
    pub status: String,
}

/// What GetPositionInfo says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// `TrackURI`: what is heard now.
    pub uri: String,
    /// `TrackDuration`, H:MM:SS.
    pub duration: String,
    /// `RelTime`, H:MM:SS.
    pub rel_time: String,
    /// `TrackMetaData`.
    pub metadata: String,
}

const INSTANCE: (&str, &str) = ("InstanceID", "0");
const MASTER: (&str, &str) = ("Channel", "Master");

/// The argument `name`; an empty one may be left out of the map.
fn take(answer: &Answer, name: &str) -> String {
    answer.arguments.get(name).cloned().unwrap_or_default()
}

/// DIDL-Lite for one audio file, as a control point sends it.
#[must_use]
pub fn didl(title: &str, mime: &str, uri: &str) -> String {
    let [title, uri] = [title, uri].map(super::soap::escape);
    format!(
        "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\">\
         <item id=\"1\" parentID=\"0\" restricted=\"1\"><dc:title>{title}</dc:title>\
         <upnp:class>object.item.audioItem.musicTrack</upnp:class>\
         <res protocolInfo=\"http-get:*:{mime}:*\">{uri}</res></item></DIDL-Lite>"
    )
}

/// Each fails as [`ControlPoint::action`] does.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl ControlPoint {
    fn transport(&self, name: &str, arguments: &[(&str, &str)]) -> Result<Answer, Error> {
        let arguments: Vec<_> = [INSTANCE].iter().chain(arguments).copied().collect();
        self.action(Service::AvTransport, name, &arguments)
    }

    fn rendering(&self, name: &str, arguments: &[(&str, &str)]) -> Result<Answer, Error> {
        let arguments: Vec<_> = [INSTANCE, MASTER].iter().chain(arguments).copied().collect();
        self.action(Service::RenderingControl, name, &arguments)
    }

    /// SetAVTransportURI.
    pub fn set_uri(&self, uri: &str, metadata: &str) -> Result<Answer, Error> {
        let arguments = [("CurrentURI", uri), ("CurrentURIMetaData", metadata)];
        self.transport("SetAVTransportURI", &arguments)
    }

    /// SetNextAVTransportURI; an empty URI clears.
    pub fn set_next(&self, uri: &str, metadata: &str) -> Result<Answer, Error> {
        let arguments = [("NextURI", uri), ("NextURIMetaData", metadata)];
        self.transport("SetNextAVTransportURI", &arguments)
    }

    /// Play at speed 1.
    pub fn play(&self) -> Result<Answer, Error> {
        self.transport("Play", &[("Speed", "1")])
    }

    /// Pause.
    pub fn pause(&self) -> Result<Answer, Error> {
        self.transport("Pause", &[])
    }

    /// Stop.
    pub fn stop(&self) -> Result<Answer, Error> {
        self.transport("Stop", &[])
    }

    /// Seek, with a unit such as `REL_TIME` and its target.
    pub fn seek(&self, unit: &str, target: &str) -> Result<Answer, Error> {
        self.transport("Seek", &[("Unit", unit), ("Target", target)])
    }

    /// GetTransportInfo.
    pub fn transport_info(&self) -> Result<Transport, Error> {
        let answer = self.transport("GetTransportInfo", &[])?;
        Ok(Transport { state: take(&answer, "CurrentTransportState"), status: take(&answer, "CurrentTransportStatus") })
    }

    /// GetPositionInfo.
    pub fn position_info(&self) -> Result<Position, Error> {
        let answer = self.transport("GetPositionInfo", &[])?;
        Ok(Position {
            uri: take(&answer, "TrackURI"),
            duration: take(&answer, "TrackDuration"),
            rel_time: take(&answer, "RelTime"),
            metadata: take(&answer, "TrackMetaData"),
        })
    }

    /// GetVolume, 0 to 100.
    pub fn volume(&self) -> Result<u8, Error> {
        let answer = self.rendering("GetVolume", &[])?;
        let text = take(&answer, "CurrentVolume");
        text.parse().map_err(|_| Error::Broken("GetVolume".into(), format!("CurrentVolume is {text:?}")))
    }

    /// SetVolume, 0 to 100.
    pub fn set_volume(&self, percent: u8) -> Result<Answer, Error> {
        self.rendering("SetVolume", &[("DesiredVolume", &percent.to_string())])
    }

    /// GetMute.
    pub fn mute(&self) -> Result<bool, Error> {
        let answer = self.rendering("GetMute", &[])?;
        Ok(matches!(take(&answer, "CurrentMute").as_str(), "1" | "true" | "yes"))
    }

    /// SetMute.
    pub fn set_mute(&self, mute: bool) -> Result<Answer, Error> {
        self.rendering("SetMute", &[("DesiredMute", if mute { "1" } else { "0" })])
    }
}
