//! ConnectionManager:1 as this renderer offers it (CM sections 2.2 and 2.4).
//!
//! PrepareForConnection and ConnectionComplete are left out: the one connection, 0, always exists.
use super::{Action, Allowed, DataType, Eventing, ServiceSpec, Variable, arg};
use crate::error::connection_manager as error;

pub(super) static SPEC: ServiceSpec = ServiceSpec {
    service_type: "urn:schemas-upnp-org:service:ConnectionManager:1",
    service_id: "urn:upnp-org:serviceId:ConnectionManager",
    scpd_path: "/ConnectionManager/scpd.xml",
    control_path: "/ConnectionManager/control",
    event_path: "/ConnectionManager/event",
    actions: &ACTIONS,
    variables: &VARIABLES,
};

static ACTIONS: [Action; 3] = [
    Action {
        name: "GetProtocolInfo",
        inputs: &[],
        outputs: &[arg("Source", &SOURCE_PROTOCOL_INFO), arg("Sink", &SINK_PROTOCOL_INFO)],
    },
    Action { name: "GetCurrentConnectionIDs", inputs: &[], outputs: &[arg("ConnectionIDs", &CURRENT_CONNECTION_IDS)] },
    Action {
        name: "GetCurrentConnectionInfo",
        inputs: &[arg("ConnectionID", &CONNECTION_ID)],
        outputs: &[
            arg("RcsID", &RCS_ID),
            arg("AVTransportID", &AV_TRANSPORT_ID),
            arg("ProtocolInfo", &PROTOCOL_INFO),
            arg("PeerConnectionManager", &MANAGER),
            // the peer's connection is -1 where there is none, so it has a variable's type but not connection 0's bound
            arg("PeerConnectionID", &PEER_CONNECTION_ID),
            arg("Direction", &DIRECTION),
            arg("Status", &STATUS),
        ],
    },
];

static VARIABLES: [&Variable; 10] = [
    &SOURCE_PROTOCOL_INFO,
    &SINK_PROTOCOL_INFO,
    &CURRENT_CONNECTION_IDS,
    &STATUS,
    &MANAGER,
    &DIRECTION,
    &PROTOCOL_INFO,
    &CONNECTION_ID,
    &AV_TRANSPORT_ID,
    &RCS_ID,
];

const fn property(name: &'static str) -> Variable {
    Variable::new(name, DataType::String).evented(Eventing::Property)
}

const fn connection() -> Variable {
    Variable::new("A_ARG_TYPE_ConnectionID", DataType::I4)
}

static SOURCE_PROTOCOL_INFO: Variable = property("SourceProtocolInfo");
static SINK_PROTOCOL_INFO: Variable = property("SinkProtocolInfo");
static CURRENT_CONNECTION_IDS: Variable = property("CurrentConnectionIDs");
static STATUS: Variable = Variable::new("A_ARG_TYPE_ConnectionStatus", DataType::String).allowed(Allowed::Values(&[
    "OK",
    "ContentFormatMismatch",
    "InsufficientBandwidth",
    "UnreliableChannel",
    "Unknown",
]));
static MANAGER: Variable = Variable::new("A_ARG_TYPE_ConnectionManager", DataType::String);
static DIRECTION: Variable =
    Variable::new("A_ARG_TYPE_Direction", DataType::String).allowed(Allowed::Values(&["Input", "Output"]));
static PROTOCOL_INFO: Variable = Variable::new("A_ARG_TYPE_ProtocolInfo", DataType::String);
static CONNECTION_ID: Variable = connection().allowed(Allowed::Only(0)).refused_by(error::INVALID_CONNECTION_REFERENCE);
static PEER_CONNECTION_ID: Variable = connection();
static AV_TRANSPORT_ID: Variable = Variable::new("A_ARG_TYPE_AVTransportID", DataType::I4);
static RCS_ID: Variable = Variable::new("A_ARG_TYPE_RcsID", DataType::I4);
