//! The actions of the three services.

use std::net::IpAddr;
use std::time::Duration;

use upnp::error::{self, Fault, UpnpError, av_transport};
use upnp::gena::{self, Refusal, Subscribe};
use upnp::service::Service;
use upnp::soap::{Request, Values};
use upnp::time::{self, COUNTER_NOT_IMPLEMENTED};

use super::Renderer;
use super::events::Subscriber;
use crate::transport::{self, Action, Media, SeekTarget, track_position};

impl Renderer {
    /// Carries out a request that was found valid; what it answers.
    pub(crate) fn control(&mut self, request: &Request) -> Result<Values, Fault> {
        match request.service() {
            Service::AvTransport => self.av_transport(request),
            Service::RenderingControl => self.rendering_control(request),
            Service::ConnectionManager => self.connection_manager(request),
        }
    }

    fn av_transport(&mut self, request: &Request) -> Result<Values, Fault> {
        let action = match request.name() {
            "SetAVTransportURI" => {
                Action::SetCurrent(Media::new(request.text("CurrentURI"), request.text("CurrentURIMetaData")))
            }
            "SetNextAVTransportURI" => {
                Action::SetNext(Media::new(request.text("NextURI"), request.text("NextURIMetaData")))
            }
            "Play" => Action::Play,
            "Pause" => Action::Pause,
            "Stop" => Action::Stop,
            "Next" => Action::Next,
            "Previous" => Action::Previous,
            "Seek" => Action::Seek(seek_target(request)?),
            query => {
                self.follow_position();
                return self.av_query(query);
            }
        };
        self.act(action).map_err(fault)?;
        Ok(Values::new())
    }

    fn av_query(&self, name: &str) -> Result<Values, Fault> {
        let now = self.transport.values();
        let get = |name: &str| now.get(name).to_owned();
        Ok(match name {
            "GetTransportInfo" => Values::new()
                .with("CurrentTransportState", get("TransportState"))
                .with("CurrentTransportStatus", get("TransportStatus"))
                .with("CurrentSpeed", get("TransportPlaySpeed")),
            "GetPositionInfo" => {
                let position = track_position(self.position(), self.transport.duration());
                Values::new()
                    .with("Track", get("CurrentTrack"))
                    .with("TrackDuration", get("CurrentTrackDuration"))
                    .with("TrackMetaData", get("CurrentTrackMetaData"))
                    .with("TrackURI", get("CurrentTrackURI"))
                    .with("RelTime", &position)
                    .with("AbsTime", &position)
                    .with("RelCount", COUNTER_NOT_IMPLEMENTED)
                    .with("AbsCount", COUNTER_NOT_IMPLEMENTED)
            }
            "GetMediaInfo" => Values::new()
                .with("NrTracks", get("NumberOfTracks"))
                .with("MediaDuration", get("CurrentMediaDuration"))
                .with("CurrentURI", get("AVTransportURI"))
                .with("CurrentURIMetaData", get("AVTransportURIMetaData"))
                .with("NextURI", get("NextAVTransportURI"))
                .with("NextURIMetaData", get("NextAVTransportURIMetaData"))
                .with("PlayMedium", get("PlaybackStorageMedium"))
                .with("RecordMedium", get("RecordStorageMedium"))
                .with("WriteStatus", get("RecordMediumWriteStatus")),
            "GetDeviceCapabilities" => Values::new()
                .with("PlayMedia", get("PossiblePlaybackStorageMedia"))
                .with("RecMedia", get("PossibleRecordStorageMedia"))
                .with("RecQualityModes", get("PossibleRecordQualityModes")),
            "GetTransportSettings" => Values::new()
                .with("PlayMode", get("CurrentPlayMode"))
                .with("RecQualityMode", get("CurrentRecordQualityMode")),
            "GetCurrentTransportActions" => Values::new().with("Actions", get("CurrentTransportActions")),
            _ => return Err(error::INVALID_ACTION.into()),
        })
    }

    /// Where the current track is.
    pub(super) fn position(&self) -> Duration {
        let current = self.transport.current_id();
        let playing = self.deck.position().filter(|(track, _)| Some(*track) == current);
        playing.map_or_else(|| self.transport.start_at(), |(_, position)| position)
    }

    fn rendering_control(&mut self, request: &Request) -> Result<Values, Fault> {
        // A DAC that has come this moment: what is asked for now is meant for it.
        if self.output.status().and_then(|status| status.caps()).is_some_and(|caps| !self.loudness.fits(&caps)) {
            self.on_caps();
        }
        let volume = match request.name() {
            "GetVolume" => return Ok(Values::new().with("CurrentVolume", self.loudness.percent())),
            "GetMute" => return Ok(Values::new().with_boolean("CurrentMute", self.loudness.mute())),
            "ListPresets" => return Ok(Values::new().with("CurrentPresetNameList", "FactoryDefaults")),
            "SetVolume" => {
                let percent = u8::try_from(request.number("DesiredVolume")).unwrap_or(u8::MAX);
                let no_volume =
                    "the DAC has no volume control; start the player with --volume software to have one in software";
                self.loudness.set_percent(percent).map_err(|_| Fault::new(error::ACTION_FAILED, no_volume))?
            }
            "SetMute" => self.loudness.set_mute(request.boolean("DesiredMute")),
            "SelectPreset" => self.loudness.reset(),
            _ => return Err(error::INVALID_ACTION.into()),
        };
        self.output.set_volume(volume);
        self.publish_volume();
        Ok(Values::new())
    }

    fn connection_manager(&self, request: &Request) -> Result<Values, Fault> {
        Ok(match request.name() {
            "GetProtocolInfo" => Values::new().with("Source", "").with("Sink", &self.sink_protocol_info),
            "GetCurrentConnectionIDs" => Values::new().with("ConnectionIDs", 0),
            "GetCurrentConnectionInfo" => Values::new()
                .with("RcsID", 0)
                .with("AVTransportID", 0)
                .with("ProtocolInfo", "")
                .with("PeerConnectionManager", "")
                .with("PeerConnectionID", -1)
                .with("Direction", "Input")
                .with("Status", "OK"),
            _ => return Err(error::INVALID_ACTION.into()),
        })
    }

    /// Makes or renews a subscription. A new one comes with what its task needs.
    pub(crate) fn subscribe(
        &mut self,
        service: Service,
        peer: IpAddr,
        subscribe: Subscribe,
    ) -> Result<(String, Duration, Option<Subscriber>), Refusal> {
        match subscribe {
            Subscribe::New { callbacks, timeout } => {
                let subscriber = self.events.subscribe(service, peer, callbacks, timeout, &self.sink_protocol_info);
                let subscriber = subscriber.map_err(|gena::Full| Refusal::TooMany)?;
                Ok((subscriber.sid.clone(), timeout, Some(subscriber)))
            }
            Subscribe::Renew { sid, timeout } => {
                self.events.renew(&sid, service, timeout).map_err(|gena::UnknownSid| Refusal::BadSid)?;
                Ok((sid, timeout, None))
            }
        }
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, service: Service, sid: &str) -> Result<(), Refusal> {
        self.events.unsubscribe(sid, service).map_err(|gena::UnknownSid| Refusal::BadSid)
    }
}

fn seek_target(request: &Request) -> Result<SeekTarget, Fault> {
    let target = request.text("Target").trim();
    match request.text("Unit") {
        "REL_TIME" | "ABS_TIME" => time::parse(target).map(SeekTarget::Time),
        "TRACK_NR" => target.parse().ok().map(SeekTarget::Track),
        _ => return Err(av_transport::SEEK_MODE_NOT_SUPPORTED.into()),
    }
    .ok_or_else(|| av_transport::ILLEGAL_SEEK_TARGET.into())
}

fn fault(fault: transport::Fault) -> Fault {
    let error: UpnpError = match fault {
        transport::Fault::TransitionNotAvailable => av_transport::TRANSITION_NOT_AVAILABLE,
        transport::Fault::IllegalSeekTarget => av_transport::ILLEGAL_SEEK_TARGET,
    };
    error.into()
}
