//! The services that the renderer offers, as one static table.
//!
//! [`crate::description`] publishes it, [`crate::soap`] validates with it, [`crate::last_change`] takes from it which
//! variables an event carries. To offer another action is to add it here.
mod av_transport;
mod connection_manager;
mod rendering_control;

use crate::error::{self, Fault, UpnpError};

/// A service of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// AVTransport:1: what plays, and where in it.
    AvTransport,
    /// RenderingControl:1: volume and mute.
    RenderingControl,
    /// ConnectionManager:1: which formats are taken.
    ConnectionManager,
}

impl Service {
    /// All services, in the order of the device description.
    pub const ALL: [Self; 3] = [Self::AvTransport, Self::RenderingControl, Self::ConnectionManager];

    /// The service's table.
    pub const fn spec(self) -> &'static ServiceSpec {
        match self {
            Self::AvTransport => &av_transport::SPEC,
            Self::RenderingControl => &rendering_control::SPEC,
            Self::ConnectionManager => &connection_manager::SPEC,
        }
    }
}

/// What a service is: its names, addresses, actions and variables.
#[derive(Debug)]
pub struct ServiceSpec {
    /// `urn:schemas-upnp-org:service:AVTransport:1`: the type, and the namespace of its actions.
    pub service_type: &'static str,
    /// `urn:upnp-org:serviceId:AVTransport`.
    pub service_id: &'static str,
    /// Path of the service's SCPD on the device's HTTP server.
    pub scpd_path: &'static str,
    /// Path that takes its SOAP requests.
    pub control_path: &'static str,
    /// Path that takes its subscriptions.
    pub event_path: &'static str,
    /// Its actions, in the order of the SCPD.
    pub actions: &'static [Action],
    /// Its state variables, in the order of the SCPD.
    pub variables: &'static [&'static Variable],
}

impl ServiceSpec {
    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&'static Action> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// The state variable of that name.
    pub fn variable(&self, name: &str) -> Option<&'static Variable> {
        self.variables.iter().copied().find(|variable| variable.name == name)
    }
}

/// An action's signature.
#[derive(Debug)]
pub struct Action {
    /// The action's name.
    pub name: &'static str,
    /// Arguments that the control point gives, in order.
    pub inputs: &'static [Argument],
    /// Arguments that the response carries, in order.
    pub outputs: &'static [Argument],
}

/// An argument of an action.
#[derive(Debug)]
pub struct Argument {
    /// The argument's name.
    pub name: &'static str,
    /// The state variable that gives its type and allowed values.
    pub variable: &'static Variable,
}

const fn arg(name: &'static str, variable: &'static Variable) -> Argument {
    Argument { name, variable }
}

/// A state variable.
#[derive(Debug)]
pub struct Variable {
    /// The variable's name.
    pub name: &'static str,
    /// Its type on the wire.
    pub data_type: DataType,
    /// Which values of that type it can have.
    pub allowed: Allowed,
    /// How its changes are told.
    pub eventing: Eventing,
    /// What a request gets that asks for a value of the right type which isn't allowed.
    pub refusal: UpnpError,
}

impl Variable {
    const fn new(name: &'static str, data_type: DataType) -> Self {
        Self {
            name,
            data_type,
            allowed: Allowed::Any,
            eventing: Eventing::None,
            refusal: error::ARGUMENT_VALUE_OUT_OF_RANGE,
        }
    }

    const fn allowed(self, allowed: Allowed) -> Self {
        Self { allowed, ..self }
    }

    const fn evented(self, eventing: Eventing) -> Self {
        Self { eventing, ..self }
    }

    const fn refused_by(self, refusal: UpnpError) -> Self {
        Self { refusal, ..self }
    }

    /// Reads a value of this variable.
    ///
    /// # Errors
    /// 402 if the text isn't of the variable's type, [`Variable::refusal`] if its value isn't allowed; both without
    /// the argument's name, which the caller knows.
    pub fn parse(&self, text: &str) -> Result<Value, Fault> {
        let value = self.data_type.parse(text).ok_or(error::INVALID_ARGS)?;
        let allowed = match (&self.allowed, &value) {
            (Allowed::Any, _) => true,
            (Allowed::Values(list), Value::Text(text)) => list.contains(&text.as_str()),
            (Allowed::Range { min, max, .. }, Value::Number(number)) => (min..=max).contains(&number),
            (Allowed::Only(only), Value::Number(number)) => only == number,
            // a table that pairs a list with a number or a range with a text allows nothing; its test says so
            _ => false,
        };
        if !allowed {
            return Err(self.refusal.into());
        }
        let fits = match (self.data_type, &value) {
            (DataType::Ui2, Value::Number(number)) => u16::try_from(*number).is_ok(),
            (DataType::Ui4, Value::Number(number)) => u32::try_from(*number).is_ok(),
            (DataType::I4, Value::Number(number)) => i32::try_from(*number).is_ok(),
            _ => true,
        };
        if fits { Ok(value) } else { Err(error::INVALID_ARGS.into()) }
    }
}

/// The types of UDA table 2-2 that the services use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Text.
    String,
    /// `0` or `1`; `false`, `no`, `true` and `yes` are read too.
    Boolean,
    /// 16 bits, unsigned.
    Ui2,
    /// 32 bits, unsigned.
    Ui4,
    /// 32 bits, signed.
    I4,
}

impl DataType {
    /// The type's name in an SCPD.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Ui2 => "ui2",
            Self::Ui4 => "ui4",
            Self::I4 => "i4",
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::String => Some(Value::Text(text.to_owned())),
            Self::Boolean => match text.trim() {
                "0" | "false" | "no" => Some(Value::Boolean(false)),
                "1" | "true" | "yes" => Some(Value::Boolean(true)),
                _ => None,
            },
            Self::Ui2 | Self::Ui4 | Self::I4 => text.trim().parse().ok().map(Value::Number),
        }
    }
}

/// A value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a `string`.
    Text(String),
    /// Of an integer type; inside the variable's range and type.
    Number(i64),
    /// Of a `boolean`.
    Boolean(bool),
}

/// Which values a variable can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Everything of its type.
    Any,
    /// One of these texts.
    Values(&'static [&'static str]),
    /// Numbers from `min` to `max`; `step` is published, not enforced.
    Range {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
        /// Distance of neighbouring values; `None` where the specification publishes none.
        step: Option<i64>,
    },
    /// Just this number. The SCPD doesn't say so: the specification leaves instances and connections to the device.
    Only(i64),
}

/// How a variable's changes reach the subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Eventing {
    /// Not at all.
    None,
    /// As a property of its own (`sendEvents="yes"`).
    Property,
    /// Inside the property `LastChange`.
    LastChange,
    /// Inside `LastChange`, but without causing one: it goes with the next that another variable causes.
    LastChangeAlong,
    /// Inside `LastChange` with `channel="Master"`.
    LastChangeMaster,
}

impl Eventing {
    /// Whether the variable is part of the service's `LastChange`.
    pub const fn in_last_change(self) -> bool {
        matches!(self, Self::LastChange | Self::LastChangeAlong | Self::LastChangeMaster)
    }
}

#[cfg(test)]
mod tests;
