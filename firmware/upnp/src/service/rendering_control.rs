//! RenderingControl:1 as this renderer offers it (RCS sections 2.2 and 2.4).
//!
//! Left out: everything of pictures, Loudness, and VolumeDB: what a volume step means in decibels is the DAC's secret
//! as often as not.
use super::{Action, Allowed, Argument, DataType, Eventing, ServiceSpec, Variable, arg};
use crate::error::rendering_control as error;

pub(super) static SPEC: ServiceSpec = ServiceSpec {
    service_type: "urn:schemas-upnp-org:service:RenderingControl:1",
    service_id: "urn:upnp-org:serviceId:RenderingControl",
    scpd_path: "/RenderingControl/scpd.xml",
    control_path: "/RenderingControl/control",
    event_path: "/RenderingControl/event",
    actions: &ACTIONS,
    variables: &VARIABLES,
};

const INSTANCE: Argument = arg("InstanceID", &INSTANCE_ID);
const CHANNEL: Argument = arg("Channel", &CHANNEL_NAME);

static ACTIONS: [Action; 6] = [
    Action { name: "ListPresets", inputs: &[INSTANCE], outputs: &[arg("CurrentPresetNameList", &PRESET_NAME_LIST)] },
    Action { name: "SelectPreset", inputs: &[INSTANCE, arg("PresetName", &PRESET_NAME)], outputs: &[] },
    Action { name: "GetMute", inputs: &[INSTANCE, CHANNEL], outputs: &[arg("CurrentMute", &MUTE)] },
    Action { name: "SetMute", inputs: &[INSTANCE, CHANNEL, arg("DesiredMute", &MUTE)], outputs: &[] },
    Action { name: "GetVolume", inputs: &[INSTANCE, CHANNEL], outputs: &[arg("CurrentVolume", &VOLUME)] },
    Action { name: "SetVolume", inputs: &[INSTANCE, CHANNEL, arg("DesiredVolume", &VOLUME)], outputs: &[] },
];

static VARIABLES: [&Variable; 7] =
    [&LAST_CHANGE, &PRESET_NAME_LIST, &MUTE, &VOLUME, &CHANNEL_NAME, &INSTANCE_ID, &PRESET_NAME];

static LAST_CHANGE: Variable = Variable::new("LastChange", DataType::String).evented(Eventing::Property);
static PRESET_NAME_LIST: Variable = Variable::new("PresetNameList", DataType::String).evented(Eventing::LastChange);
static MUTE: Variable = Variable::new("Mute", DataType::Boolean).evented(Eventing::LastChangeMaster);
static VOLUME: Variable = Variable::new("Volume", DataType::Ui2)
    .allowed(Allowed::Range { min: 0, max: 100, step: Some(1) })
    .evented(Eventing::LastChangeMaster);
static CHANNEL_NAME: Variable =
    Variable::new("A_ARG_TYPE_Channel", DataType::String).allowed(Allowed::Values(&["Master"]));
static INSTANCE_ID: Variable = Variable::new("A_ARG_TYPE_InstanceID", DataType::Ui4)
    .allowed(Allowed::Only(0))
    .refused_by(error::INVALID_INSTANCE_ID);
static PRESET_NAME: Variable = Variable::new("A_ARG_TYPE_PresetName", DataType::String)
    .allowed(Allowed::Values(&["FactoryDefaults"]))
    .refused_by(error::INVALID_NAME);
