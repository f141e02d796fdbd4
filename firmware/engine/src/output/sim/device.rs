//! The simulated cards: `null` and `file:DIR`.

use std::path::PathBuf;

use pcm::{Caps, ChannelSet, Content, FormatSet, RateSet, Speakers, Wire, WireFormat};
use ring::message::{Refused, Volume, VolumeMode};

use super::super::Pacing;
use super::super::device::{Device, Found, Opened, Refusal};
use super::capture::Plug;
use super::{Capture, SimOutput};
use crate::clock::frames_in_ms;
use crate::rules::Card;

/// The highest rate that a simulated card takes, Hz.
const MAX_RATE: u32 = 1_536_000;
/// The same with words of DSD shorter than 32 bits: DSD1024 of the 48 kHz family in bytes.
const MAX_SHORT_RATE: u32 = 6_144_000;

/// What a simulated card takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Accept {
    /// 1 to 8 channels of S16, S24_3, S32 or DSD_U32_BE.
    #[default]
    Auto,
    /// Stereo in S16, S24_3 or S32: no DSD, and nobody says DoP.
    Pcm,
    /// Stereo in this format only. A card for DSD takes S32 beside it, and one for DoP the PCM format that carries it.
    Only(WireFormat),
}

impl Accept {
    /// The names on the command line.
    pub(crate) const NAMES: [(&str, Self); 13] = [
        ("auto", Self::Auto),
        ("pcm", Self::Pcm),
        ("s16", Self::Only(WireFormat::S16Le)),
        ("s24_3", Self::Only(WireFormat::S24_3Le)),
        ("s24", Self::Only(WireFormat::S24Le)),
        ("s32", Self::Only(WireFormat::S32Le)),
        ("dsd_u8", Self::Only(WireFormat::DsdU8)),
        ("dsd_u16_le", Self::Only(WireFormat::DsdU16Le)),
        ("dsd_u16_be", Self::Only(WireFormat::DsdU16Be)),
        ("dsd_u32_le", Self::Only(WireFormat::DsdU32Le)),
        ("dsd_u32_be", Self::Only(WireFormat::DsdU32Be)),
        ("dop_s24_3", Self::Only(WireFormat::DopS24_3Le)),
        ("dop_s32", Self::Only(WireFormat::DopS32Le)),
    ];

    /// With rates up to `max_rate` Hz.
    fn caps(self, max_rate: u32) -> Caps {
        use WireFormat::{DsdU32Be, S16Le, S24_3Le, S32Le};
        let formats: FormatSet = match self {
            Self::Auto => [S16Le, S24_3Le, S32Le, DsdU32Be].into_iter().collect(),
            Self::Pcm => [S16Le, S24_3Le, S32Le].into_iter().collect(),
            Self::Only(format) => match format.content() {
                Content::Pcm => FormatSet::EMPTY.with(format),
                Content::Dsd => FormatSet::EMPTY.with(S32Le).with(format),
                Content::Dop => FormatSet::EMPTY.with(format.carrier()).with(format),
            },
        };
        let channels = match self {
            Self::Auto => ChannelSet::ALL,
            Self::Pcm | Self::Only(_) => ChannelSet::STEREO,
        };
        let short = matches!(self, Self::Only(format) if format.content() == Content::Dsd && format.bits() < 32);
        let most = if short { MAX_SHORT_RATE } else { MAX_RATE };
        Caps::uniform(formats, RateSet::any(1, max_rate.min(most)), channels)
    }
}

/// A simulated card.
#[derive(Debug)]
pub(crate) struct SimDevice {
    /// Where its bytes go; nowhere for `null`.
    pub(crate) dir: Option<PathBuf>,
    /// What it takes.
    pub(crate) accept: Accept,
    /// The highest rate that it takes, Hz.
    pub(crate) max_rate: u32,
    /// Which loudspeakers its channels are for, where it has as many.
    pub(crate) speakers: Speakers,
    /// Clocked, or as fast as data comes.
    pub(crate) pacing: Pacing,
    /// Length of its buffer and its periods, ms.
    pub(crate) buffer_ms: [u32; 2],
    /// Streams opened so far.
    pub(crate) opened: u32,
}

impl SimDevice {
    /// Becomes the card that is plugged in; `None` if there is none.
    fn change(&mut self) -> Option<()> {
        let plug = self.dir.as_deref().map(Plug::new);
        if let Some(card) = plug.as_ref().and_then(Plug::card) {
            (_, self.accept) = Accept::NAMES.into_iter().find(|(name, _)| *name == card)?;
        }
        Some(())
    }
}

impl Device for SimDevice {
    fn scan(&mut self) -> Option<Found> {
        self.change()?;
        let name = self.dir.as_ref().map_or_else(|| "null".to_owned(), |dir| format!("file:{}", dir.display()));
        let card = Card { usb: None, name: if self.dir.is_some() { "file" } else { "null" }.to_owned() };
        let caps = self.accept.caps(self.max_rate);
        Some(Found { number: 0, name, card, caps, lock_ms: 0, fault: String::new() })
    }

    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        self.change().ok_or_else(|| Refusal { code: Refused::NoOutput, text: "the sink is unplugged".to_owned() })?;
        if !self.accept.caps(self.max_rate).takes(&wire) {
            return Err(Refusal { code: Refused::Format, text: format!("the sink doesn't take {wire}") });
        }
        let number = self.opened + 1;
        let capture = self.dir.as_ref().map(|dir| {
            Capture::create(dir, number, wire).map_err(|error| Refusal {
                code: Refused::Output,
                text: format!("can't create {number:04}.raw in {}: {error}", dir.display()),
            })
        });
        let (capture, feed) = capture.transpose()?.unzip();
        self.opened = number;
        let frames = self.buffer_ms.map(|ms| frames_in_ms(ms, wire.rate));
        let output = SimOutput::new(wire, frames, self.pacing, feed).with_speakers(self.speakers);
        Ok(Opened { output: Box::new(output), capture })
    }

    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        if volume.mode == VolumeMode::Hardware {
            return Err(Refusal { code: Refused::NoMixer, text: "the sink has no volume control".to_owned() });
        }
        Ok(())
    }
}
