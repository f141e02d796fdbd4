//! A card as snd-usb-audio drives it, with the driver's traps and the test's time: frames lie in the card's memory, are
//! fetched from there into packets that are on their way for up to 18 ms, and only then leave.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::frames_in;
use crate::output::{USB_QUEUE_MS, USB_SILENCE_MS};

/// What is on its way between memory and DAC, in frames.
pub(super) const QUEUE: u64 = USB_QUEUE_MS as u64 * 48;
/// The silence that a real one asks for, in frames.
pub(super) const SILENCE: usize = USB_SILENCE_MS as usize * 48;
/// A packet: 1 ms.
const PACKET: usize = 48;

/// Which of the card's calls fails once it is unplugged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Call {
    Poll,
    Write,
    Start,
    Prepare,
}

/// What the DAC got, in the order in which it left.
pub(super) type Air = Arc<Mutex<Vec<i16>>>;

/// The card; 48 kHz, 16 bits, mono.
pub(super) struct UsbCard {
    memory: Vec<i16>,
    period_frames: u32,
    /// Its clock against the computer's, parts per million.
    pub(super) ppm: i64,
    pub(super) unplugged_at: Option<Call>,
    /// Every call fails once this is false.
    pub(super) plug: Arc<AtomicBool>,
    pub(super) least_silence: u32,
    /// Once it has run dry, it does so again at the next write, so often.
    pub(super) dry_writes: u32,
    air: Air,
    /// Frames written, fetched from memory, and played, since it was opened.
    written: u64,
    fetched: u64,
    played: u64,
    has_run_dry: bool,
    /// On their way, in the order in which they will leave.
    packets: VecDeque<i16>,
    /// While the clock runs: since when, and `played` of that moment.
    started: Option<(u64, u64)>,
}

impl UsbCard {
    pub(super) fn new([buffer_frames, period_frames]: [u32; 2]) -> (Self, Air) {
        let air = Air::default();
        let card = Self {
            memory: vec![0; buffer_frames as usize],
            period_frames,
            ppm: 0,
            unplugged_at: None,
            plug: Arc::new(AtomicBool::new(true)),
            least_silence: SILENCE as u32,
            dry_writes: 0,
            air: Arc::clone(&air),
            written: 0,
            fetched: 0,
            played: 0,
            has_run_dry: false,
            packets: VecDeque::new(),
            started: None,
        };
        (card, air)
    }

    fn answers(&self, call: Call) -> Result<(), Trouble> {
        match self.unplugged_at {
            _ if !self.plug.load(Ordering::Relaxed) => Err(Trouble::Failed { call: "test", errno: libc::ENODEV }),
            Some(at) if at == call => Err(Trouble::Failed { call: "test", errno: libc::ENODEV }),
            _ => Ok(()),
        }
    }

    /// Fills packets from memory up to this frame, whether or not it was written.
    fn fetch(&mut self, to: u64) {
        while self.fetched < to {
            let at = (self.fetched % self.memory.len() as u64) as usize;
            self.packets.push_back(self.memory[at]);
            self.fetched += 1;
        }
    }

    fn play(&mut self, to: u64) {
        let frames = to.saturating_sub(self.played).min(self.packets.len() as u64);
        self.air.lock().expect("one thread").extend(self.packets.drain(..frames as usize));
        self.played += frames;
    }

    /// The end of the period in which this frame is.
    fn period_end(&self, frame: u64) -> u64 {
        frame.next_multiple_of(self.period_frames.into())
    }
}

impl Output for UsbCard {
    fn buffer_frames(&self) -> u32 {
        self.memory.len() as u32
    }

    fn period_frames(&self) -> u32 {
        self.period_frames
    }

    fn pacing(&self) -> Pacing {
        Pacing::Clocked
    }

    fn least_silence(&self) -> u32 {
        self.least_silence
    }

    fn dropped_frames(&self) -> u32 {
        QUEUE as u32
    }

    fn poll(&mut self, now_ns: u64) -> Result<Fill, Trouble> {
        self.answers(Call::Poll)?;
        if let Some((start, base)) = self.started {
            let ns = now_ns - start;
            let clock = base + frames_in((ns as i64 + ns as i64 / 1_000_000 * self.ppm) as u64, WIRE.rate);
            // It runs dry at the end of a period, when all up to there lies in packets; those that wait are taken back.
            let last = self.period_end(self.written);
            self.fetch((clock + QUEUE).min(last));
            self.play(clock.min(last.saturating_sub(QUEUE)));
            if clock + QUEUE > last {
                self.packets.clear();
                self.started = None;
                self.has_run_dry = true;
                return Err(Trouble::Xrun);
            }
        }
        let queued = self.written.saturating_sub(self.played);
        let writable = u64::from(self.buffer_frames()) - self.written.saturating_sub(self.fetched);
        Ok(Fill { writable: writable as u32, queued })
    }

    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        self.answers(Call::Write)?;
        if self.has_run_dry && self.dry_writes > 0 {
            self.dry_writes -= 1;
            return Err(Trouble::Xrun);
        }
        let mut bytes = vec![0; frames as usize * 2];
        fill(&mut bytes);
        for sample in bytes.as_chunks::<2>().0 {
            let at = (self.written % self.memory.len() as u64) as usize;
            self.memory[at] = i16::from_le_bytes(*sample);
            self.written += 1;
        }
        Ok(frames)
    }

    /// The first packet is done before the last one is filled: the newest goes out first, and so on.
    fn start(&mut self, now_ns: u64) -> Result<(), Trouble> {
        self.answers(Call::Start)?;
        self.started = Some((now_ns, self.played));
        self.fetch((self.played + QUEUE).min(self.written));
        let packets: Vec<i16> = self.packets.drain(..).collect();
        self.packets.extend(packets.chunks(PACKET).rev().flatten());
        Ok(())
    }

    /// What lies in memory stays there.
    fn prepare(&mut self) -> Result<(), Trouble> {
        self.answers(Call::Prepare)?;
        self.packets.clear();
        // Memory begins anew, with the period.
        self.written = self.period_end(self.written.max(self.played));
        (self.fetched, self.played) = (self.written, self.written);
        Ok(())
    }

    /// It plays to the end of the period, written or not, and loses the last packet.
    fn stop(&mut self, _now_ns: u64) {
        if self.started.take().is_some() {
            let end = self.period_end(self.played);
            self.fetch(end);
            self.play(end);
        }
        let mut air = self.air.lock().expect("one thread");
        let rest = air.len().saturating_sub(PACKET);
        air.truncate(rest);
    }
}
