//! AVTransport:1 as this renderer offers it (AVT sections 2.2 and 2.4).
//!
//! Left out: Record and SetRecordQualityMode (a renderer records nothing) and SetPlayMode (a queue of two tracks has no
//! order to change; offering NORMAL alone would be a button without effect).
use super::{Action, Allowed, Argument, DataType, Eventing, ServiceSpec, Variable, arg};
use crate::error::av_transport as error;

pub(super) static SPEC: ServiceSpec = ServiceSpec {
    service_type: "urn:schemas-upnp-org:service:AVTransport:1",
    service_id: "urn:upnp-org:serviceId:AVTransport",
    scpd_path: "/AVTransport/scpd.xml",
    control_path: "/AVTransport/control",
    event_path: "/AVTransport/event",
    actions: &ACTIONS,
    variables: &VARIABLES,
};

const INSTANCE: Argument = arg("InstanceID", &INSTANCE_ID);

static ACTIONS: [Action; 14] = [
    Action {
        name: "SetAVTransportURI",
        inputs: &[INSTANCE, arg("CurrentURI", &URI), arg("CurrentURIMetaData", &URI_META_DATA)],
        outputs: &[],
    },
    Action {
        name: "SetNextAVTransportURI",
        inputs: &[INSTANCE, arg("NextURI", &NEXT_URI), arg("NextURIMetaData", &NEXT_URI_META_DATA)],
        outputs: &[],
    },
    Action {
        name: "GetMediaInfo",
        inputs: &[INSTANCE],
        outputs: &[
            arg("NrTracks", &NUMBER_OF_TRACKS),
            arg("MediaDuration", &MEDIA_DURATION),
            arg("CurrentURI", &URI),
            arg("CurrentURIMetaData", &URI_META_DATA),
            arg("NextURI", &NEXT_URI),
            arg("NextURIMetaData", &NEXT_URI_META_DATA),
            arg("PlayMedium", &PLAYBACK_MEDIUM),
            arg("RecordMedium", &RECORD_MEDIUM),
            arg("WriteStatus", &WRITE_STATUS),
        ],
    },
    Action {
        name: "GetTransportInfo",
        inputs: &[INSTANCE],
        outputs: &[
            arg("CurrentTransportState", &STATE),
            arg("CurrentTransportStatus", &STATUS),
            arg("CurrentSpeed", &SPEED),
        ],
    },
    Action {
        name: "GetPositionInfo",
        inputs: &[INSTANCE],
        outputs: &[
            arg("Track", &TRACK),
            arg("TrackDuration", &TRACK_DURATION),
            arg("TrackMetaData", &TRACK_META_DATA),
            arg("TrackURI", &TRACK_URI),
            arg("RelTime", &REL_TIME),
            arg("AbsTime", &ABS_TIME),
            arg("RelCount", &REL_COUNT),
            arg("AbsCount", &ABS_COUNT),
        ],
    },
    Action {
        name: "GetDeviceCapabilities",
        inputs: &[INSTANCE],
        outputs: &[
            arg("PlayMedia", &POSSIBLE_PLAYBACK_MEDIA),
            arg("RecMedia", &POSSIBLE_RECORD_MEDIA),
            arg("RecQualityModes", &POSSIBLE_RECORD_QUALITIES),
        ],
    },
    Action {
        name: "GetTransportSettings",
        inputs: &[INSTANCE],
        outputs: &[arg("PlayMode", &PLAY_MODE), arg("RecQualityMode", &RECORD_QUALITY)],
    },
    Action { name: "Stop", inputs: &[INSTANCE], outputs: &[] },
    Action { name: "Play", inputs: &[INSTANCE, arg("Speed", &SPEED)], outputs: &[] },
    Action { name: "Pause", inputs: &[INSTANCE], outputs: &[] },
    Action { name: "Seek", inputs: &[INSTANCE, arg("Unit", &SEEK_MODE), arg("Target", &SEEK_TARGET)], outputs: &[] },
    Action { name: "Next", inputs: &[INSTANCE], outputs: &[] },
    Action { name: "Previous", inputs: &[INSTANCE], outputs: &[] },
    Action { name: "GetCurrentTransportActions", inputs: &[INSTANCE], outputs: &[arg("Actions", &TRANSPORT_ACTIONS)] },
];

static VARIABLES: [&Variable; 30] = [
    &STATE,
    &STATUS,
    &PLAYBACK_MEDIUM,
    &RECORD_MEDIUM,
    &POSSIBLE_PLAYBACK_MEDIA,
    &POSSIBLE_RECORD_MEDIA,
    &PLAY_MODE,
    &SPEED,
    &WRITE_STATUS,
    &RECORD_QUALITY,
    &POSSIBLE_RECORD_QUALITIES,
    &NUMBER_OF_TRACKS,
    &TRACK,
    &TRACK_DURATION,
    &MEDIA_DURATION,
    &TRACK_META_DATA,
    &TRACK_URI,
    &URI,
    &URI_META_DATA,
    &NEXT_URI,
    &NEXT_URI_META_DATA,
    &REL_TIME,
    &ABS_TIME,
    &REL_COUNT,
    &ABS_COUNT,
    &TRANSPORT_ACTIONS,
    &LAST_CHANGE,
    &SEEK_MODE,
    &SEEK_TARGET,
    &INSTANCE_ID,
];

const fn text(name: &'static str) -> Variable {
    Variable::new(name, DataType::String).evented(Eventing::LastChange)
}

const fn one_of(name: &'static str, values: &'static [&'static str]) -> Variable {
    text(name).allowed(Allowed::Values(values))
}

static STATE: Variable =
    one_of("TransportState", &["STOPPED", "PLAYING", "TRANSITIONING", "PAUSED_PLAYBACK", "NO_MEDIA_PRESENT"]);
static STATUS: Variable = one_of("TransportStatus", &["OK", "ERROR_OCCURRED"]);
static PLAYBACK_MEDIUM: Variable = one_of("PlaybackStorageMedium", &["NONE", "NETWORK"]);
static RECORD_MEDIUM: Variable = one_of("RecordStorageMedium", &["NOT_IMPLEMENTED"]);
static POSSIBLE_PLAYBACK_MEDIA: Variable = text("PossiblePlaybackStorageMedia");
static POSSIBLE_RECORD_MEDIA: Variable = text("PossibleRecordStorageMedia");
static PLAY_MODE: Variable = one_of("CurrentPlayMode", &["NORMAL"]).refused_by(error::PLAY_MODE_NOT_SUPPORTED);
static SPEED: Variable = one_of("TransportPlaySpeed", &["1"]).refused_by(error::PLAY_SPEED_NOT_SUPPORTED);
static WRITE_STATUS: Variable = one_of("RecordMediumWriteStatus", &["NOT_IMPLEMENTED"]);
static RECORD_QUALITY: Variable = one_of("CurrentRecordQualityMode", &["NOT_IMPLEMENTED"]);
static POSSIBLE_RECORD_QUALITIES: Variable = text("PossibleRecordQualityModes");
static NUMBER_OF_TRACKS: Variable = tracks("NumberOfTracks", None);
static TRACK: Variable = tracks("CurrentTrack", Some(1));
static TRACK_DURATION: Variable = text("CurrentTrackDuration");
static MEDIA_DURATION: Variable = text("CurrentMediaDuration");
static TRACK_META_DATA: Variable = text("CurrentTrackMetaData");
static TRACK_URI: Variable = text("CurrentTrackURI");
static URI: Variable = text("AVTransportURI");
static URI_META_DATA: Variable = text("AVTransportURIMetaData");
// a control point that hears of the next track at once believes that it plays (catalogue row T4)
static NEXT_URI: Variable = text("NextAVTransportURI").evented(Eventing::LastChangeAlong);
static NEXT_URI_META_DATA: Variable = text("NextAVTransportURIMetaData").evented(Eventing::LastChangeAlong);
// the four positions change all the time and are polled, never evented (AVT section 2.3.1)
static REL_TIME: Variable = text("RelativeTimePosition").evented(Eventing::None);
static ABS_TIME: Variable = text("AbsoluteTimePosition").evented(Eventing::None);
static REL_COUNT: Variable = Variable::new("RelativeCounterPosition", DataType::I4);
static ABS_COUNT: Variable = Variable::new("AbsoluteCounterPosition", DataType::I4);
static TRANSPORT_ACTIONS: Variable = text("CurrentTransportActions");
static LAST_CHANGE: Variable = text("LastChange").evented(Eventing::Property);
static SEEK_MODE: Variable = one_of("A_ARG_TYPE_SeekMode", &["TRACK_NR", "ABS_TIME", "REL_TIME"])
    .evented(Eventing::None)
    .refused_by(error::SEEK_MODE_NOT_SUPPORTED);
static SEEK_TARGET: Variable = text("A_ARG_TYPE_SeekTarget").evented(Eventing::None);
static INSTANCE_ID: Variable = Variable::new("A_ARG_TYPE_InstanceID", DataType::Ui4)
    .allowed(Allowed::Only(0))
    .refused_by(error::INVALID_INSTANCE_ID);

const fn tracks(name: &'static str, step: Option<i64>) -> Variable {
    Variable::new(name, DataType::Ui4)
        .allowed(Allowed::Range { min: 0, max: u32::MAX as i64, step })
        .evented(Eventing::LastChange)
}
