//! What the DAC was sent: the bytes, and when and how many in each microframe. Or, of a DAC that stays plugged in for days,
//! counts alone, and somebody who takes what comes as it comes.

use std::fmt::Debug;
use std::time::Duration;

use crate::clock::bus_time;
use crate::model::Setting;

/// The most memory that is taken for what is kept of all streams together, bytes; beyond that it is only counted.
const MOST: usize = 512 << 20;

/// One microframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// When it came, by the host's clock since the DAC's program began ([`Dac::now`](crate::redir::Dac::now)). The bus has its
    /// own time: a microframe is 125 µs of it, and on a busy host it stands still now and then.
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
    /// Microframes that had come since the setting was chosen before what is recorded here: where the record was cut.
    pub before: u64,
    /// Microframes that brought something, be it an empty packet.
    pub microframes: u64,
    /// Bytes in them.
    pub received: u64,
    /// Those of them that came while the DAC's clock had yet to lock: nobody heard them.
    pub unheard: u64,
    /// Each microframe, as far as they are kept.
    pub packets: Vec<Packet>,
    /// The bytes, as far as they are kept.
    pub bytes: Vec<u8>,
    /// It is over.
    pub ended: bool,
}

/// Takes what comes, as it comes: called while the DAC is locked, so it mustn't ask it anything, and while it works the bus
/// waits.
pub trait Sink: Debug + Send {
    /// Something comes.
    fn begin(&mut self, stream: &Stream);

    /// What a microframe has brought.
    fn packet(&mut self, payload: &[u8]);

    /// It is over.
    fn end(&mut self, stream: &Stream);
}

impl Stream {
    /// One that has brought nothing yet.
    #[must_use]
    pub fn new(setting: Setting, rate: u32) -> Self {
        let (packets, bytes) = (Vec::new(), Vec::new());
        let (before, microframes, received, unheard) = (0, 0, 0, 0);
        Self { setting, rate, before, microframes, received, unheard, packets, bytes, ended: false }
    }

    /// Whole frames that came.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.received as usize / self.setting.frame()
    }

    /// Whether nothing came but the silence of its format ([`Format::silence`](crate::Format::silence)).
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.is_silence(&self.bytes)
    }

    /// Whether it is over, or nothing but silence has come for 100 ms.
    #[must_use]
    pub fn has_fallen_silent(&self) -> bool {
        let last = self.bytes.len().saturating_sub(self.rate as usize / 10 * self.setting.frame());
        self.ended || self.bytes.get(last..).is_none_or(|bytes| self.is_silence(bytes))
    }

    fn is_silence(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| *byte == self.setting.format.silence())
    }

    /// When byte `place` came, as [`Packet::at`] has it; None: it didn't, or isn't kept.
    #[must_use]
    pub fn came_at(&self, place: usize) -> Option<Duration> {
        self.packets.get(self.microframe_of(place)).map(|packet| packet.at)
    }

    /// The microframe that brought byte `place`, counted from 0.
    #[must_use]
    pub fn microframe_of(&self, place: usize) -> usize {
        let mut end = 0;
        let brought = |packet: &&Packet| {
            end += usize::from(packet.bytes);
            end <= place
        };
        self.packets.iter().take_while(brought).count()
    }

    /// The longest time between two microframes, and how many bus ms had passed before it: 0 and 0 if there are no two.
    #[must_use]
    pub fn longest_wait(&self) -> (Duration, u64) {
        let waits = self.packets.windows(2).zip(1..).filter_map(|(pair, number)| {
            let [before, now] = pair else { return None };
            Some((now.at.saturating_sub(before.at), bus_time(number).as_millis() as u64))
        });
        waits.max().unwrap_or_default()
    }

    /// How long it was on the bus, by its packets: microframes that brought none aren't counted
    /// ([`unfilled`](Self::unfilled)).
    #[must_use]
    pub fn bus_time(&self) -> Duration {
        bus_time(self.microframes)
    }

    /// The byte at which so many microframes have passed.
    #[must_use]
    pub fn after_microframes(&self, count: usize) -> usize {
        self.packets.iter().take(count).map(|packet| usize::from(packet.bytes)).sum()
    }
}

/// All streams since the DAC was switched on.
#[derive(Debug)]
pub struct Record {
    streams: Vec<Stream>,
    keeps: bool,
    kept: usize,
    sink: Option<Box<dyn Sink>>,
}

impl Default for Record {
    fn default() -> Self {
        Self { streams: Vec::new(), keeps: true, kept: 0, sink: None }
    }
}

impl Record {
    /// The streams, oldest first; the last one may not be over. Where nothing is kept, there is none but that.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub(crate) fn forget(&mut self) {
        self.cut(|record| {
            record.streams.clear();
            record.kept = 0;
        });
    }

    /// What comes from now on is handed to `sink` too.
    pub(crate) fn tell(&mut self, sink: Box<dyn Sink>) {
        self.cut(|record| record.sink = Some(sink));
    }

    /// What comes behind `change` of a stream that isn't over is another one.
    fn cut(&mut self, change: impl FnOnce(&mut Self)) {
        let current = self.current().map(|stream| (stream.setting, stream.rate, stream.before + stream.microframes));
        self.end();
        change(self);
        if let Some((setting, rate, before)) = current {
            self.streams.push(Stream { before, ..Stream::new(setting, rate) });
        }
    }

    /// From now on there is nothing but counts, and only of the stream that isn't over.
    pub(crate) fn keep_nothing(&mut self) {
        (self.keeps, self.kept) = (false, 0);
        self.streams.retain(|stream| !stream.ended);
        for stream in &mut self.streams {
            (stream.packets, stream.bytes) = (Vec::new(), Vec::new());
        }
    }

    fn current(&mut self) -> Option<&mut Stream> {
        self.streams.last_mut().filter(|stream| !stream.ended)
    }

    pub(crate) fn begin(&mut self, setting: Setting, rate: u32) {
        self.streams.push(Stream::new(setting, rate));
    }

    /// The clock was set while a setting was chosen already, as the driver does. With music behind it that is another stream.
    pub(crate) fn set_rate(&mut self, rate: u32) {
        let Some(current) = self.current() else { return };
        if current.microframes == 0 {
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
        current.ended = true;
        let is_empty = current.microframes == 0;
        if let (Some(sink), Some(current), false) = (&mut self.sink, self.streams.last(), is_empty) {
            sink.end(current);
        }
        if is_empty || !self.keeps {
            self.streams.pop();
        }
    }

    /// What one microframe brought, and whether it is `heard`. None: no setting is chosen.
    pub(crate) fn packet(&mut self, payload: &[u8], at: Duration, heard: bool) -> Option<()> {
        let size = payload.len() + size_of::<Packet>();
        let has_room = self.keeps && self.kept + size <= MOST;
        let current = self.streams.last_mut().filter(|stream| !stream.ended)?;
        if let Some(sink) = &mut self.sink {
            if current.microframes == 0 {
                sink.begin(current);
            }
            sink.packet(payload);
        }
        current.microframes += 1;
        current.received += payload.len() as u64;
        if !heard {
            current.unheard += payload.len() as u64;
        }
        if has_room {
            current.packets.push(Packet { at, bytes: payload.len() as u16 });
            current.bytes.extend_from_slice(payload);
            self.kept += size;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
