//! What the DAC was sent: the bytes, and when and how many in each microframe.

use std::time::Duration;

use crate::clock::bus_time;
use crate::model::Setting;

/// The most bytes that are kept of all streams together; beyond that only packets are counted.
const MOST: usize = 512 << 20;

/// One microframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// When it came, since the DAC was switched on. (The bus has its own time: a microframe is 125 µs of it.)
    pub at: Duration,
    /// Bytes in it.
    pub bytes: u16,
}

/// What came in one go: from one choice of a setting to the next.
#[derive(Debug, Clone)]
pub struct Stream {
    /// How it came.
    pub setting: Setting,
    /// Hz; of raw data, words a second.
    pub rate: u32,
    /// Each microframe.
    pub packets: Vec<Packet>,
    /// All bytes, unless there were too many to keep.
    pub bytes: Vec<u8>,
    /// It is over.
    pub ended: bool,
}

impl Stream {
    /// Whole frames that came.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.packets.iter().map(|packet| usize::from(packet.bytes)).sum::<usize>() / self.setting.frame()
    }

    /// Whether one byte came again and again, as in silence of PCM and DSD.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        is_constant(&self.bytes)
    }

    /// Whether it is over, or nothing but silence has come for 100 ms.
    #[must_use]
    pub fn has_fallen_silent(&self) -> bool {
        let last = self.bytes.len().saturating_sub(self.rate as usize / 10 * self.setting.frame());
        self.ended || self.bytes.get(last..).is_none_or(is_constant)
    }

    /// How long it was on the bus.
    #[must_use]
    pub fn bus_time(&self) -> Duration {
        bus_time(self.packets.len() as u64)
    }

    /// Whether all that came is in [`Stream::bytes`].
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.len() == self.packets.iter().map(|packet| usize::from(packet.bytes)).sum::<usize>()
    }

    /// The byte at which so many microframes have passed.
    #[must_use]
    pub fn after_microframes(&self, count: usize) -> usize {
        self.packets.iter().take(count).map(|packet| usize::from(packet.bytes)).sum()
    }
}

fn is_constant(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|first| bytes.iter().all(|byte| byte == first))
}

/// All streams since the DAC was switched on.
#[derive(Debug, Default)]
pub struct Record {
    streams: Vec<Stream>,
    kept: usize,
}

impl Record {
    /// The streams, oldest first; the last one may not be over.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub(crate) fn forget(&mut self) {
        let current = self.current().map(|stream| (stream.setting, stream.rate));
        *self = Self::default();
        if let Some((setting, rate)) = current {
            self.begin(setting, rate);
        }
    }

    fn current(&mut self) -> Option<&mut Stream> {
        self.streams.last_mut().filter(|stream| !stream.ended)
    }

    pub(crate) fn begin(&mut self, setting: Setting, rate: u32) {
        self.streams.push(Stream { setting, rate, packets: Vec::new(), bytes: Vec::new(), ended: false });
    }

    /// The clock was set while a setting was chosen already, as the driver does. With music behind it that is another stream.
    pub(crate) fn set_rate(&mut self, rate: u32) {
        let Some(current) = self.current() else { return };
        if current.packets.is_empty() {
            current.rate = rate;
        } else if current.rate != rate {
            let setting = current.setting;
            self.end();
            self.begin(setting, rate);
        }
    }

    /// Ends the current stream; one that brought nothing was none.
    pub(crate) fn end(&mut self) {
        let Some(current) = self.current() else { return };
        if current.packets.is_empty() {
            self.streams.pop();
        } else {
            current.ended = true;
        }
    }

    /// Returns how many packets the stream has now; None: no setting is chosen.
    pub(crate) fn packet(&mut self, payload: &[u8], at: Duration) -> Option<u64> {
        let has_room = self.kept + payload.len() <= MOST;
        let current = self.streams.last_mut().filter(|stream| !stream.ended)?;
        current.packets.push(Packet { at, bytes: payload.len() as u16 });
        if has_room {
            current.bytes.extend_from_slice(payload);
            self.kept += payload.len();
        }
        Some(current.packets.len() as u64)
    }
}
