//! What player and engine say to each other over the socket.
//!
//! Every message is one datagram of [`BYTES`] bytes: a kind (`u32`), its fields, zeros; all numbers little-endian.
//! Decoding is strict (exact length, known kinds, values in range, nothing behind the last field), so a message means the
//! same on both sides or nothing.

use pcm::{MAX_CHANNELS, Wire, WireFormat};

use crate::stream::Stream;

mod cursor;

use cursor::{Reader, Writer};

/// Length of every message.
pub const BYTES: usize = 256;
/// The longest text in a message; longer ones are cut.
pub const TEXT_BYTES: usize = 200;

/// One encoded message.
pub type Datagram = [u8; BYTES];

/// What the player asks. Each request gets exactly one [`Reply`], in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// First of all: the protocol version (see [`VERSION`](crate::VERSION)). Answer: `Welcome` with two files.
    Hello {
        /// The player's version.
        version: u32,
    },
    /// Open the output with exactly this format. What is still queued of an open stream is played out first.
    /// Answer: `Opened` or `Refused`.
    Open {
        /// Format, rate (Hz), channels.
        wire: Wire,
        /// The samples carry what scaling would destroy: the volume has no effect on the stream, mute has.
        unscaled: bool,
    },
    /// Play out what is queued and close the output. Answer: `Closed`, when that is done.
    Close,
    /// Set the volume. Answer: `VolumeSet` or `Refused`.
    Volume(Volume),
}

/// How loud, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// By what.
    pub mode: VolumeMode,
    /// 0 to 100. Software: see the engine's volume law; hardware: along the mixer's dB scale. Without effect if fixed.
    pub percent: u8,
    /// Silence, whatever `percent` says.
    pub mute: bool,
}

/// What makes the volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum VolumeMode {
    /// Nothing: the bits go out untouched. (Mute still works, in software.)
    #[default]
    Fixed = 0,
    /// The DAC's own mixer.
    Hardware = 1,
    /// The engine: 64-bit gain and dither.
    Software = 2,
}

/// What the engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `Hello`. Carries the ring's file and the status page's, in this order.
    Welcome,
    /// To `Open`: the stream is open, its indices are at 0.
    Opened(Stream),
    /// To `Close`.
    Closed,
    /// To `Volume`: what is in force now.
    VolumeSet(Volume),
    /// To anything: it was not done.
    Refused {
        /// The kind of reason.
        code: Refused,
        /// The reason for a human.
        text: String,
    },
}

/// Kinds of reasons for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Refused {
    /// Player and engine speak different versions.
    Version = 1,
    /// The message made no sense; the engine closes the connection.
    BadMessage = 2,
    /// Another player is connected.
    Busy = 3,
    /// There is no output yet, or it is gone.
    NoOutput = 4,
    /// The output doesn't take this format.
    Format = 5,
    /// The output failed to open, and is still there.
    Output = 6,
    /// The output has no volume control of its own.
    NoMixer = 7,
    /// The peer's user may not play.
    Forbidden = 8,
}

/// What the engine tells unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The caps in the status page are new (another output, or none).
    CapsChanged,
    /// The output of the open stream is gone; the stream is closed.
    OutputLost {
        /// What happened.
        text: String,
    },
    /// There is an output again.
    OutputBack,
}

/// Everything that the engine sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromEngine {
    /// The answer to the oldest unanswered request.
    Reply(Reply),
    /// News.
    Event(Event),
}

/// A datagram that is no message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Wrong length.
    #[error("a message of {0} bytes instead of {BYTES}")]
    Length(usize),
    /// Unknown kind.
    #[error("a message of unknown kind {0}")]
    Kind(u32),
    /// A field holds what it can't hold.
    #[error("a message with a bad {0}")]
    Field(&'static str),
    /// Something other than zeros behind the last field.
    #[error("a message with something behind its end")]
    Trailing,
}

impl Request {
    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Datagram {
        match self {
            Self::Hello { version } => Writer::new(1).u32(*version),
            Self::Open { wire, unscaled } => Writer::new(2).wire(*wire).u32(u32::from(*unscaled)),
            Self::Close => Writer::new(3),
            Self::Volume(volume) => Writer::new(4).volume(*volume),
        }
        .finish()
    }

    /// Reads a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut fields) = Reader::new(bytes)?;
        let request = match kind {
            1 => Self::Hello { version: fields.u32() },
            2 => Self::Open { wire: fields.wire()?, unscaled: fields.flag("scaling")? },
            3 => Self::Close,
            4 => Self::Volume(fields.volume()?),
            _ => return Err(DecodeError::Kind(kind)),
        };
        fields.finish().map(|()| request)
    }
}

impl FromEngine {
    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Datagram {
        match self {
            Self::Reply(Reply::Welcome) => Writer::new(101),
            Self::Reply(Reply::Opened(stream)) => {
                Writer::new(102).u32(stream.epoch).wire(stream.wire).u32(stream.ring_frames)
            }
            Self::Reply(Reply::Closed) => Writer::new(103),
            Self::Reply(Reply::VolumeSet(volume)) => Writer::new(104).volume(*volume),
            Self::Reply(Reply::Refused { code, text }) => Writer::new(105).u32(*code as u32).text(text),
            Self::Event(Event::CapsChanged) => Writer::new(201),
            Self::Event(Event::OutputLost { text }) => Writer::new(202).text(text),
            Self::Event(Event::OutputBack) => Writer::new(203),
        }
        .finish()
    }

    /// Reads a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut fields) = Reader::new(bytes)?;
        let message = match kind {
            101 => Self::Reply(Reply::Welcome),
            102 => Self::Reply(Reply::Opened(fields.stream()?)),
            103 => Self::Reply(Reply::Closed),
            104 => Self::Reply(Reply::VolumeSet(fields.volume()?)),
            105 => Self::Reply(Reply::Refused { code: fields.refused()?, text: fields.text()? }),
            201 => Self::Event(Event::CapsChanged),
            202 => Self::Event(Event::OutputLost { text: fields.text()? }),
            203 => Self::Event(Event::OutputBack),
            _ => return Err(DecodeError::Kind(kind)),
        };
        fields.finish().map(|()| message)
    }
}

impl Refused {
    const ALL: [Self; 8] = [
        Self::Version,
        Self::BadMessage,
        Self::Busy,
        Self::NoOutput,
        Self::Format,
        Self::Output,
        Self::NoMixer,
        Self::Forbidden,
    ];
}

impl Writer {
    fn wire(self, wire: Wire) -> Self {
        self.u32(wire.format.id()).u32(wire.rate).u32(u32::from(wire.channels))
    }

    fn volume(self, volume: Volume) -> Self {
        self.u32(volume.mode as u32).u32(u32::from(volume.percent)).u32(u32::from(volume.mute))
    }
}

impl Reader<'_> {
    fn wire(&mut self) -> Result<Wire, DecodeError> {
        let format = WireFormat::from_id(self.u32()).ok_or(DecodeError::Field("format"))?;
        let rate = self.u32();
        if rate == 0 {
            return Err(DecodeError::Field("rate"));
        }
        let channels = u16::try_from(self.u32()).unwrap_or(0);
        if channels == 0 || usize::from(channels) > MAX_CHANNELS {
            return Err(DecodeError::Field("channel count"));
        }
        Ok(Wire { format, rate, channels })
    }

    fn stream(&mut self) -> Result<Stream, DecodeError> {
        let epoch = self.u32();
        if epoch == 0 {
            return Err(DecodeError::Field("epoch"));
        }
        Ok(Stream { epoch, wire: self.wire()?, ring_frames: self.u32() })
    }

    fn volume(&mut self) -> Result<Volume, DecodeError> {
        let mode = match self.u32() {
            0 => VolumeMode::Fixed,
            1 => VolumeMode::Hardware,
            2 => VolumeMode::Software,
            _ => return Err(DecodeError::Field("volume mode")),
        };
        let percent = u8::try_from(self.u32()).ok().filter(|&percent| percent <= 100);
        let percent = percent.ok_or(DecodeError::Field("volume"))?;
        Ok(Volume { mode, percent, mute: self.flag("mute")? })
    }

    fn flag(&mut self, name: &'static str) -> Result<bool, DecodeError> {
        match self.u32() {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Field(name)),
        }
    }

    fn refused(&mut self) -> Result<Refused, DecodeError> {
        let id = self.u32();
        Refused::ALL.into_iter().find(|&code| code as u32 == id).ok_or(DecodeError::Field("refusal code"))
    }
}

#[cfg(test)]
mod tests;
