//! The engine's view of the status page.
//!
//! Every value has one writing thread. The real-time thread's are marked; those calls only store to memory.

use super::*;

/// The status page, mapped for writing.
#[derive(Debug)]
pub struct StatusWriter {
    memory: StatusMemory,
}

impl StatusWriter {
    /// Creates the page; the file is for the player, who can only map it for reading.
    pub fn create() -> Result<(Self, OwnedFd), MapError> {
        let (memory, fd) = StatusMemory::create()?;
        let page = memory.page();
        page.version.set(u64::from(VERSION));
        page.magic.release(STATUS_MAGIC);
        Ok((Self { memory }, fd))
    }

    fn page(&self) -> &StatusPage {
        self.memory.page()
    }

    fn rt(&self) -> &RtLines {
        &self.memory.page().rt
    }

    /// Control: a stream was opened (or, `None`, closed).
    pub fn set_stream(&self, stream: Option<(u32, Wire)>) {
        let words = stream.map_or([0; 4], |(epoch, wire)| {
            [u64::from(epoch), u64::from(wire.format.id()), u64::from(wire.rate), u64::from(wire.channels)]
        });
        self.page().stream.write(words);
        self.rt().ring_low_water_frames.set(0);
    }

    /// Control: how much silence goes in front of the stream's first frame, frames.
    pub fn set_preroll(&self, frames: u32) {
        self.page().preroll_frames.set(frames.into());
    }

    /// Control: which loudspeakers the channels of the stream with this epoch are for.
    pub fn set_speakers(&self, epoch: u32, speakers: &Speakers) {
        self.page().speakers.write([epoch.into(), speakers.to_word()]);
    }

    /// Control: what the output takes.
    pub fn set_caps(&self, caps: &Caps) {
        let words = caps.to_words();
        self.page().caps.write(std::array::from_fn(|n| u64::from(words[2 * n]) | u64::from(words[2 * n + 1]) << 32));
    }

    /// Control: the output's name.
    pub fn set_output(&self, name: &str) {
        self.page().output.write(text::pack(name));
    }

    /// Control: what is wrong with the output; empty when nothing is.
    pub fn set_fault(&self, fault: &str) {
        self.page().fault.write(text::pack(fault));
    }

    /// Control: how the real-time thread runs.
    pub fn set_thread(&self, thread: Thread) {
        let core = thread.core.map_or(0, |core| u64::from(core) + 1);
        self.page().thread.write([thread.policy as u64 + 1, u64::from(thread.priority), core]);
    }

    /// Hashing thread: a track's certificate. It takes the place of the one [`CERTIFICATES`] numbers before.
    pub fn add_certificate(&self, certificate: &Certificate) {
        let place = certificate.number % CERTIFICATES as u64;
        self.page().certificates[place as usize].write(certificate.to_words());
    }

    /// Real-time thread: its troubles so far, as counted below.
    #[must_use]
    pub fn troubles(&self) -> Troubles {
        let rt = self.rt();
        Troubles { late_wakeups: rt.late_wakeups.get(), xruns: rt.xruns.get(), starved: rt.starved.get() }
    }

    /// Whoever holds the stream: what the engine is doing.
    pub fn set_state(&self, state: State) {
        self.page().state.release(state as u64);
    }

    /// Real-time thread: where the stream is.
    pub fn set_position(&self, position: Position) {
        let Position { epoch, taken, heard, at_ns } = position;
        self.rt().position.write([u64::from(epoch), taken, heard, at_ns]);
    }

    /// Real-time thread: a start mark was passed.
    pub fn count_start(&self, track: u64) {
        count_mark(&self.rt().started, track);
    }

    /// Real-time thread: an end mark was passed.
    pub fn count_end(&self, track: u64) {
        count_mark(&self.rt().ended, track);
    }

    /// Real-time thread: `track` began after this much silence since the end before it.
    pub fn set_gap(&self, gap: Gap) {
        self.rt().gap.write([gap.track, gap.frames.saturating_add(1)]);
    }

    /// Real-time thread: the output ran dry.
    pub fn count_xrun(&self) {
        add(&self.rt().xruns, 1);
    }

    /// Real-time thread: the ring ran dry.
    pub fn count_starved(&self) {
        add(&self.rt().starved, 1);
    }

    /// Real-time thread: a wake-up, this late.
    pub fn count_wakeup(&self, lateness_ns: u64) {
        let rt = self.rt();
        add(&rt.wakeups, 1);
        if let Some(bucket) = rt.lateness.get(lateness_bucket(lateness_ns)) {
            add(bucket, 1);
        }
        if lateness_ns >= LATE_NS {
            add(&rt.late_wakeups, 1);
        }
        if lateness_ns > rt.worst_lateness_ns.get() {
            rt.worst_lateness_ns.set(lateness_ns);
        }
    }

    /// Real-time thread: the ring holds this much while a track plays on.
    pub fn note_ring_fill(&self, frames: u64) {
        let word = &self.rt().ring_low_water_frames;
        let stored = frames.saturating_add(1);
        if word.get() == 0 || stored < word.get() {
            word.set(stored);
        }
    }

    /// Real-time thread: its calls into the allocator so far.
    pub fn set_allocations(&self, count: u64) {
        self.rt().allocations.set(count);
    }

    /// Real-time thread: its page faults (minor, major) and context switches (voluntary, involuntary) so far.
    pub fn set_usage(&self, faults: [u64; 2], switches: [u64; 2]) {
        let rt = self.rt();
        rt.minor_faults.set(faults[0]);
        rt.major_faults.set(faults[1]);
        rt.voluntary_switches.set(switches[0]);
        rt.involuntary_switches.set(switches[1]);
    }
}

/// From this lateness on a wake-up counts as late: the shortest period that can be set is 1 ms.
const LATE_NS: u64 = 1_000_000;

/// Adds to a counter that has one writer.
fn add(counter: &AtomicU64, n: u64) {
    counter.set(counter.get().wrapping_add(n));
}

fn count_mark(passed: &Seqlock<AtomicU64, 2>, track: u64) {
    let count = passed.generation().wrapping_add(1);
    passed.write([count, track]);
}
