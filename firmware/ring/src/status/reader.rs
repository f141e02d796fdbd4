//! The player's view of the status page. Every value is checked: the engine is untrusted as well.

use super::*;

/// The status page, mapped read-only.
#[derive(Debug)]
pub struct Status {
    memory: StatusMemory,
}

impl Status {
    /// Maps the page that the engine sent.
    pub fn from_fd(fd: BorrowedFd<'_>) -> Result<Self, MapError> {
        StatusMemory::from_fd(fd).map(|memory| Self { memory })
    }

    fn page(&self) -> &StatusPage {
        self.memory.page()
    }

    /// What the engine is doing; `None` for a state that this version doesn't know.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        State::from_id(self.page().state.acquire())
    }

    /// The open stream's epoch and wire format; `None` while none is open.
    #[must_use]
    pub fn stream(&self) -> Option<(u32, Wire)> {
        let [epoch, format, rate, channels] = self.page().stream.read()?;
        let wire = Wire {
            format: WireFormat::from_id(u32::try_from(format).ok()?)?,
            rate: u32::try_from(rate).ok()?,
            channels: u16::try_from(channels).ok()?,
        };
        Some((u32::try_from(epoch).ok().filter(|&epoch| epoch != 0)?, wire))
    }

    /// How much silence went in front of the first frame of the stream that was opened last, frames.
    #[must_use]
    pub fn preroll_frames(&self) -> u64 {
        self.page().preroll_frames.get()
    }

    /// Which loudspeakers the output's channels are for in the stream with this epoch; unknown if the output doesn't say.
    #[must_use]
    pub fn speakers(&self, epoch: u32) -> Speakers {
        let words = self.page().speakers.read().filter(|&[of, _]| of == u64::from(epoch));
        words.map_or(Speakers::UNKNOWN, |[_, word]| Speakers::from_word(word))
    }

    /// Where the open stream is. Its `heard` is never beyond its `taken`.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        let [epoch, taken, heard, at_ns] = self.page().rt.position.read()?;
        Some(Position { epoch: u32::try_from(epoch).ok()?, taken, heard: heard.min(taken), at_ns })
    }

    /// The newest start mark that was passed.
    #[must_use]
    pub fn started(&self) -> Passed {
        let [count, track] = self.page().rt.started.read().unwrap_or_default();
        Passed { count, track }
    }

    /// The newest end mark that was passed.
    #[must_use]
    pub fn ended(&self) -> Passed {
        let [count, track] = self.page().rt.ended.read().unwrap_or_default();
        Passed { count, track }
    }

    /// The silence before the newest track that followed another in the same stream.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        let [track, frames] = self.page().rt.gap.read()?;
        let frames = frames.checked_sub(1)?;
        Some(Gap { track, frames })
    }

    /// The newest certificates, oldest first.
    #[must_use]
    pub fn certificates(&self) -> Vec<Certificate> {
        let places = self.page().certificates.iter();
        let mut all: Vec<_> = places.filter_map(|place| Certificate::from_words(place.read()?)).collect();
        all.sort_by_key(|certificate| certificate.number);
        all
    }

    /// What the output takes. Read it again when [`caps_generation`](Self::caps_generation) has changed.
    #[must_use]
    pub fn caps(&self) -> Option<Caps> {
        let words = self.page().caps.read()?;
        let mut halves = [0; Caps::WORDS];
        for (pair, word) in halves.chunks_mut(2).zip(words) {
            pair.copy_from_slice(&[word as u32, (word >> 32) as u32]);
        }
        Some(Caps::from_words(&halves))
    }

    /// Changes whenever [`caps`](Self::caps) may have.
    #[must_use]
    pub fn caps_generation(&self) -> u64 {
        self.page().caps.generation()
    }

    /// Name of the output; empty while there is none.
    #[must_use]
    pub fn output(&self) -> String {
        text::unpack(&self.page().output.read().unwrap_or_default())
    }

    /// What is wrong with the output; empty while nothing is.
    #[must_use]
    pub fn fault(&self) -> String {
        text::unpack(&self.page().fault.read().unwrap_or([0; text::words(FAULT_BYTES)]))
    }

    /// How the real-time thread runs; `None` before it does.
    #[must_use]
    pub fn thread(&self) -> Option<Thread> {
        let [policy, priority, core] = self.page().thread.read()?;
        let policy = match policy {
            1 => Policy::Other,
            2 => Policy::Fifo,
            _ => return None,
        };
        let core = core.checked_sub(1).and_then(|core| u32::try_from(core).ok());
        Some(Thread { policy, priority: u32::try_from(priority).ok()?, core })
    }

    /// The counters. Each is current; together they aren't one instant's.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let rt = &self.page().rt;
        Counters {
            xruns: rt.xruns.get(),
            starved: rt.starved.get(),
            wakeups: rt.wakeups.get(),
            late_wakeups: rt.late_wakeups.get(),
            worst_lateness_ns: rt.worst_lateness_ns.get(),
            lateness: std::array::from_fn(|n| rt.lateness[n].get()),
            ring_low_water_frames: rt.ring_low_water_frames.get().checked_sub(1),
            rt_allocations: rt.allocations.get(),
            minor_faults: rt.minor_faults.get(),
            major_faults: rt.major_faults.get(),
            voluntary_switches: rt.voluntary_switches.get(),
            involuntary_switches: rt.involuntary_switches.get(),
        }
    }
}
