//! The error codes that an action answers with, and the fault that carries one.
//!
//! The same number means different things in different services, so there is one module a service.
use std::borrow::Cow;
use std::fmt;

/// A UPnP error: the code and its standard description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UpnpError {
    /// The number, 401 … 799.
    pub code: u16,
    /// The description that the standard gives it.
    pub description: &'static str,
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $description:literal;)*) => {
        $($(#[$doc])* pub const $name: UpnpError = UpnpError { code: $code, description: $description };)*
    };
}

// UDA section 3.2.2, table 3-3
errors! {
    /// The service has no action of that name.
    INVALID_ACTION = 401, "Invalid Action";
    /// An argument is missing or not of its type.
    INVALID_ARGS = 402, "Invalid Args";
    /// The action can't be done in the present state.
    ACTION_FAILED = 501, "Action Failed";
    /// The argument's value is not valid.
    ARGUMENT_VALUE_INVALID = 600, "Argument Value Invalid";
    /// The value is outside the allowed range or not in the list of allowed values.
    ARGUMENT_VALUE_OUT_OF_RANGE = 601, "Argument Value Out of Range";
    /// The action is optional and not implemented.
    OPTIONAL_ACTION_NOT_IMPLEMENTED = 602, "Optional Action Not Implemented";
    /// There is not enough memory.
    OUT_OF_MEMORY = 603, "Out of Memory";
    /// Somebody has to do something at the device first.
    HUMAN_INTERVENTION_REQUIRED = 604, "Human Intervention Required";
    /// A string argument is longer than the device can take.
    STRING_ARGUMENT_TOO_LONG = 605, "String Argument Too Long";
}

/// Errors of AVTransport:1 (the tables of errors in AVT section 2.4).
pub mod av_transport {
    use super::UpnpError;
    errors! {
        /// The action isn't possible from the present transport state.
        TRANSITION_NOT_AVAILABLE = 701, "Transition not available";
        /// The medium has nothing to play.
        NO_CONTENTS = 702, "No contents";
        /// The medium can't be read.
        READ_ERROR = 703, "Read error";
        /// The format can't be played.
        FORMAT_NOT_SUPPORTED = 704, "Format not supported for playback";
        /// The transport is held by somebody else.
        TRANSPORT_LOCKED = 705, "Transport is locked";
        /// The medium can't be written.
        WRITE_ERROR = 706, "Write error";
        /// The medium may not be written.
        MEDIA_PROTECTED = 707, "Media is protected or not writable";
        /// The format can't be recorded.
        RECORDING_FORMAT_NOT_SUPPORTED = 708, "Format not supported for recording";
        /// The medium has no room.
        MEDIA_FULL = 709, "Media is full";
        /// Seek knows no such unit.
        SEEK_MODE_NOT_SUPPORTED = 710, "Seek mode not supported";
        /// There is nothing at the place that was asked for.
        ILLEGAL_SEEK_TARGET = 711, "Illegal seek target";
        /// The play mode isn't offered.
        PLAY_MODE_NOT_SUPPORTED = 712, "Play mode not supported";
        /// The record quality isn't offered.
        RECORD_QUALITY_NOT_SUPPORTED = 713, "Record quality not supported";
        /// The resource's MIME type isn't supported.
        ILLEGAL_MIME_TYPE = 714, "Illegal MIME-Type";
        /// The resource is in use.
        CONTENT_BUSY = 715, "Content 'BUSY'";
        /// The resource isn't there.
        RESOURCE_NOT_FOUND = 716, "Resource not found";
        /// The speed isn't offered.
        PLAY_SPEED_NOT_SUPPORTED = 717, "Play speed not supported";
        /// There is no such instance; this renderer has instance 0 only.
        INVALID_INSTANCE_ID = 718, "Invalid InstanceID";
    }
}

/// Errors of RenderingControl:1 (the tables of errors in RCS section 2.4).
pub mod rendering_control {
    use super::UpnpError;
    errors! {
        /// There is no preset of that name.
        INVALID_NAME = 701, "Invalid Name";
        /// There is no such instance; this renderer has instance 0 only.
        INVALID_INSTANCE_ID = 702, "Invalid InstanceID";
    }
}

/// Errors of ConnectionManager:1 (the tables of errors in CM section 2.4).
pub mod connection_manager {
    use super::UpnpError;
    errors! {
        /// The connection can't be made for that protocol.
        INCOMPATIBLE_PROTOCOL_INFO = 701, "Incompatible protocol info";
        /// The connection can't go that way.
        INCOMPATIBLE_DIRECTIONS = 702, "Incompatible directions";
        /// The network can't carry it.
        INSUFFICIENT_NETWORK_RESOURCES = 703, "Insufficient network resources";
        /// The device can't carry it.
        LOCAL_RESTRICTIONS = 704, "Local restrictions";
        /// The client may not do that.
        ACCESS_DENIED = 705, "Access denied";
        /// There is no such connection; this renderer has connection 0 only.
        INVALID_CONNECTION_REFERENCE = 706, "Invalid connection reference";
        /// The managers aren't in one network.
        NOT_IN_NETWORK = 707, "Not in network";
    }
}

/// An action was refused: the error and, where it helps, the thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What the control point is told.
    pub error: UpnpError,
    /// Names the argument, address or state that caused it; empty when the description says it all.
    pub detail: Cow<'static, str>,
}

impl Fault {
    /// `error` with the name of what caused it.
    pub fn new(error: UpnpError, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { error, detail: detail.into() }
    }
}

impl From<UpnpError> for Fault {
    fn from(error: UpnpError) -> Self {
        Self { error, detail: Cow::Borrowed("") }
    }
}

impl fmt::Display for Fault {
    /// `Invalid Args: Speed is missing`: what the control point shows to its user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.description)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_what_was_wrong() {
        assert_eq!(Fault::from(ACTION_FAILED).to_string(), "Action Failed");
        assert_eq!(Fault::new(INVALID_ARGS, "Speed is missing").to_string(), "Invalid Args: Speed is missing");
    }
}
