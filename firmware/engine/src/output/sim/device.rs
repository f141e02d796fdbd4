//! The simulated cards: `null` and `file:DIR`.

use std::path::PathBuf;

use pcm::{Caps, ChannelSet, FormatSet, RateSet, Wire, WireFormat};
use ring::message::{Refused, Volume, VolumeMode};

use super::super::Pacing;
use super::super::device::{Device, Found, Opened, Refusal};
use super::{Capture, SimOutput};
use crate::clock::frames_in_ms;

/// The highest rate that a simulated card takes, Hz.
const MAX_RATE: u32 = 1_536_000;

/// What a simulated card takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Accept {
    /// 1 to 8 channels of S16, S24_3 or S32.
    #[default]
    Auto,
    /// Stereo in this format only.
    Only(WireFormat),
}

impl Accept {
    fn caps(self) -> Caps {
        let rates = RateSet::any(1, MAX_RATE);
        match self {
            Self::Auto => Caps {
                formats: [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S32Le].into_iter().collect(),
                rates,
                channels: (1..=8).fold(ChannelSet::EMPTY, ChannelSet::with),
                mixer: false,
            },
            Self::Only(format) => Caps {
                formats: FormatSet::EMPTY.with(format),
                rates,
                channels: ChannelSet::EMPTY.with(2),
                mixer: false,
            },
        }
    }
}

/// A simulated card.
#[derive(Debug)]
pub(crate) struct SimDevice {
    /// Where its bytes go; nowhere for `null`.
    pub(crate) dir: Option<PathBuf>,
    /// What it takes.
    pub(crate) accept: Accept,
    /// Clocked, or as fast as data comes.
    pub(crate) pacing: Pacing,
    /// Length of its buffer and its periods, ms.
    pub(crate) buffer_ms: [u32; 2],
    /// Streams opened so far.
    pub(crate) opened: u32,
}

impl Device for SimDevice {
    fn scan(&mut self) -> Option<Found> {
        let name = self.dir.as_ref().map_or_else(|| "null".to_owned(), |dir| format!("file:{}", dir.display()));
        Some(Found { name, caps: self.accept.caps() })
    }

    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        let caps = self.accept.caps();
        let takes = caps.formats.contains(wire.format)
            && caps.rates.contains(wire.rate)
            && caps.channels.contains(wire.channels);
        if !takes {
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
        Ok(Opened { output: Box::new(SimOutput::new(wire, frames, self.pacing, feed)), capture })
    }

    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        if volume.mode == VolumeMode::Hardware {
            return Err(Refusal { code: Refused::NoMixer, text: "the sink has no volume control".to_owned() });
        }
        Ok(())
    }
}
