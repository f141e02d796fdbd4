//! Streams on a simulated card whose time the test makes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use pcm::{Wire, WireFormat};
use proptest::prelude::*;
use ring::{Producer, RingMemory, Status, StatusWriter};

use super::super::report::News;
use super::*;
use crate::clock::{MILLISECOND, frames_in_ms};
use crate::output::sim::{Feed, SimOutput};
use crate::wake::Doorbell;

mod bounds;
mod certificates;
mod clock;
mod hostile;
mod reckoned;
mod response;
mod traps;
mod usb_card;
mod xrun;

const WIRE: Wire = Wire { format: WireFormat::S16Le, rate: 48_000, channels: 1 };
const LEVEL: i16 = 20_000;
const FADE: u64 = 960;

/// A stream, its player, and everything that came out.
struct Rig {
    session: Session,
    producer: Producer,
    /// The ring's, for a player that writes where it shouldn't.
    file: OwnedFd,
    report: Reporter,
    news: rtrb::Consumer<News>,
    status: Status,
    bytes: rtrb::Consumer<u8>,
    heard: Vec<i16>,
    events: Vec<News>,
    now: u64,
    outcome: Option<Outcome>,
}

impl Rig {
    /// At the default settings.
    fn new(pacing: Pacing, preroll_ms: u32) -> Self {
        Self::tuned(pacing, preroll_ms, [40, 100])
    }

    /// With this time between wake-ups and this much in the card's buffer, ms.
    fn tuned(pacing: Pacing, preroll_ms: u32, times: [u32; 2]) -> Self {
        Self::sized(pacing, preroll_ms, times, 48_000)
    }

    /// The same with so many frames in the ring.
    fn sized(pacing: Pacing, preroll_ms: u32, [period_ms, buffer_ms]: [u32; 2], ring_frames: u32) -> Self {
        let (feed, bytes) = rtrb::RingBuffer::new(1 << 20);
        let frames = [buffer_ms, period_ms.min(buffer_ms / 5).max(1)].map(|ms| frames_in_ms(ms, WIRE.rate));
        let output = SimOutput::new(WIRE, frames, pacing, Some(Feed::new(feed)));
        let tuning = Tuning { period_ms, preroll_ms, dsd_silence_ms: 0 };
        Self { bytes, ..Self::with_ring(Box::new(output), tuning, ring_frames) }
    }

    /// On a card that keeps to itself what it gets.
    fn on(output: Box<dyn Output>, tuning: Tuning) -> Self {
        Self::with_ring(output, tuning, 48_000)
    }

    fn with_ring(output: Box<dyn Output>, tuning: Tuning, ring_frames: u32) -> Self {
        let stream = Stream { epoch: 1, wire: WIRE, ring_frames };
        let bytes = (ring_frames as usize * WIRE.frame_bytes()).next_power_of_two().max(1 << 18);
        let (memory, file) = RingMemory::create_sized(bytes).expect("a ring");
        let mut consumer = Consumer::new(memory);
        consumer.begin(&stream);
        let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).expect("the same ring"));
        producer.begin(&stream);
        let (writer, page) = StatusWriter::create().expect("a page");
        let status = Status::from_fd(page.as_fd()).expect("the same page");
        let (news_in, news) = rtrb::RingBuffer::new(4096);
        let report = Reporter::new(Arc::new(writer), news_in, Doorbell::polled().expect("a bell"));
        let bytes = rtrb::RingBuffer::new(0).1;
        let session = Session::new(output, consumer, stream, tuning, Gain::UNITY);
        let (heard, events) = (Vec::new(), Vec::new());
        Self { session, producer, file, report, news, status, bytes, heard, events, now: 1, outcome: None }
    }

    /// Writes frames that all have the same level.
    fn write(&mut self, frames: u64) {
        let area = self.producer.write_area(frames).expect("an honest engine");
        area.as_chunks_mut::<2>().0.fill(LEVEL.to_le_bytes());
        let frames = (area.len() / 2) as u64;
        self.producer.commit(frames).expect("there is room");
    }

    /// Writes frames that say which they are; none is silent.
    fn count_up(&mut self, frames: u64) {
        let first = self.producer.written();
        let area = self.producer.write_area(frames).expect("an honest engine");
        for (n, sample) in (first..).zip(area.as_chunks_mut::<2>().0) {
            *sample = numbered(n).to_le_bytes();
        }
        self.producer.commit(frames).expect("there is room");
    }

    fn mark(&mut self, kind: MarkKind, track: u64) {
        let frame = self.producer.written();
        self.producer.mark(Mark { frame, track, kind }).expect("there is room");
    }

    /// Wakes until this much time has passed, `late` ns after each deadline.
    fn run(&mut self, ns: u64, late: u64) {
        let end = self.now + ns;
        while self.now < end && self.outcome.is_none() {
            match self.session.step(self.now, &mut self.report) {
                Step::Sleep(tick) => self.now += tick + late,
                Step::Done(outcome) => self.outcome = Some(outcome),
            }
            while let Ok(byte) = self.bytes.read_chunk(2) {
                let (first, second) = byte.as_slices();
                let bytes: Vec<u8> = first.iter().chain(second).copied().collect();
                self.heard.extend(bytes.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)));
                byte.commit_all();
            }
            while let Ok(news) = self.news.pop() {
                self.events.push(news);
            }
        }
    }

    fn frames_of(&self, kind: Kind) -> Vec<u64> {
        self.events.iter().filter(|news| news.kind == kind).map(|news| news.frame).collect()
    }
}

/// The ring's frame `n` where [`Rig::count_up`] wrote it.
fn numbered(n: u64) -> i16 {
    1_000 + (n % 30_000) as i16
}

const SECOND: u64 = 1000 * MILLISECOND;

#[test]
fn a_stream_waits_without_a_clock_until_there_is_something_to_play() {
    let mut rig = Rig::new(Pacing::Clocked, 0);
    rig.run(5 * SECOND, 0);
    assert!(rig.heard.is_empty());
    rig.mark(MarkKind::Start, 1);
    rig.write(4_000);
    rig.run(SECOND / 10, 0);
    assert!(rig.heard.is_empty(), "not enough to go on playing");
    rig.write(4_000);
    rig.run(SECOND / 100, 0);
    assert_eq!(rig.frames_of(Kind::Start(1)), [0], "at once, and in front of everything");
    assert_eq!(rig.heard[0], LEVEL);
}

#[test]
fn a_very_short_track_is_padded_so_that_the_card_does_not_run_dry() {
    let mut rig = Rig::new(Pacing::Clocked, 0);
    rig.mark(MarkKind::Start, 1);
    rig.write(3);
    rig.mark(MarkKind::End, 1);
    rig.run(SECOND, 0);
    assert_eq!((rig.frames_of(Kind::Start(1)), rig.frames_of(Kind::End(1))), (vec![0], vec![3]));
    assert_eq!(rig.heard[..5], [LEVEL, LEVEL, LEVEL, 0, 0]);
    assert_eq!(rig.session.xruns(), 0);
    assert_eq!(rig.status.state(), Some(State::Silent));
}

#[test]
fn the_output_is_waited_for_no_longer_than_its_buffer_takes() {
    /// A card whose clock stands still.
    struct Stuck(SimOutput);
    impl Output for Stuck {
        fn buffer_frames(&self) -> u32 {
            self.0.buffer_frames()
        }
        fn period_frames(&self) -> u32 {
            self.0.period_frames()
        }
        fn pacing(&self) -> Pacing {
            Pacing::Clocked
        }
        fn poll(&mut self, _now_ns: u64) -> Result<Fill, Trouble> {
            self.0.poll(0)
        }
        fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
            self.0.write(frames, fill)
        }
        fn start(&mut self, _now_ns: u64) -> Result<(), Trouble> {
            self.0.start(0)
        }
        fn prepare(&mut self) -> Result<(), Trouble> {
            self.0.prepare()
        }
        fn stop(&mut self, _now_ns: u64) {}
    }
    let mut rig = Rig::new(Pacing::Clocked, 0);
    rig.session.output = Box::new(Stuck(SimOutput::new(WIRE, [4800, 960], Pacing::Clocked, None)));
    rig.write(2_000);
    rig.session.drain();
    rig.run(10 * SECOND, 0);
    assert_eq!(rig.outcome, Some(Outcome::Finished));
    assert!(rig.now < 2 * SECOND);
}

#[test]
fn late_wake_ups_that_the_buffer_covers_change_nothing() {
    let mut rig = Rig::new(Pacing::Clocked, 0);
    rig.mark(MarkKind::Start, 1);
    for _ in 0..20 {
        rig.write(9_600);
        rig.run(SECOND / 10, 15 * MILLISECOND);
    }
    assert_eq!(rig.session.xruns(), 0);
    assert!(rig.heard.iter().all(|&level| level == LEVEL));
}

#[derive(Clone, Debug)]
enum Act {
    Write(u64),
    NextTrack,
    Flush(bool),
    Pause(bool),
    Volume(u8),
    Run(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => (2_000u64..20_000).prop_map(Act::Write),
        2 => Just(Act::NextTrack),
        1 => any::<bool>().prop_map(Act::Flush),
        2 => any::<bool>().prop_map(Act::Pause),
        1 => (90u8..=100).prop_map(Act::Volume),
        5 => (1u64..400).prop_map(|ms| Act::Run(ms * MILLISECOND)),
    ];
    prop::collection::vec(act, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the player does: it ends, every frame is played or flushed, and nothing clicks but where a track begins
    /// or ends by itself, or where there was less than a fade's worth to fade over.
    #[test]
    fn nothing_clicks_and_everything_ends(acts in acts(), elastic: bool, preroll_ms in 0u32..30) {
        let pacing = if elastic { Pacing::Elastic } else { Pacing::Clocked };
        let mut rig = Rig::new(pacing, preroll_ms);
        let (mut track, mut short) = (0, false);
        rig.mark(MarkKind::Start, track);
        for act in acts {
            let there = rig.producer.written() - rig.producer.read_frames().expect("an honest engine");
            match act {
                Act::Write(frames) => rig.write(frames),
                Act::NextTrack => {
                    rig.mark(MarkKind::End, track);
                    track += 1;
                    rig.mark(MarkKind::Start, track);
                }
                Act::Flush(new_track) => {
                    short |= there < 2 * FADE;
                    rig.producer.flush();
                    if new_track {
                        track += 1;
                        rig.mark(MarkKind::Start, track);
                    }
                }
                Act::Pause(paused) => {
                    short |= there < 2 * FADE;
                    rig.producer.set_paused(paused);
                }
                Act::Volume(percent) => rig.session.set_volume(Gain::from_percent(percent)),
                Act::Run(ns) => rig.run(ns, 0),
            }
        }
        rig.producer.set_paused(false);
        rig.run(2 * SECOND, 0);
        rig.session.drain();
        rig.run(10 * SECOND, 0);

        prop_assert_eq!(rig.outcome, Some(Outcome::Finished));
        prop_assert_eq!(rig.producer.read_frames(), Ok(rig.producer.written()));
        prop_assert_eq!(rig.session.xruns(), 0);
        let position = rig.status.position().expect("it is published");
        prop_assert!(position.heard <= position.taken);
        if short {
            return Ok(());
        }
        let boundary = |frame: usize| rig.events.iter().any(|news| {
            matches!(news.kind, Kind::Start(_) | Kind::End(_)) && news.frame == frame as u64
        });
        // The end of the stream without an end mark is the player's doing.
        let last = rig.heard.iter().rposition(|&level| level != 0).unwrap_or(0);
        for (n, pair) in rig.heard.windows(2).enumerate() {
            let step = i32::from(pair[1]) - i32::from(pair[0]);
            // Over 10 ms at least; the fade before a flush or a dry ring may be that short.
            prop_assert!(step.abs() <= 45 || boundary(n + 1) || n == last, "frame {}: {} after {}", n + 1, pair[1], pair[0]);
        }
    }
}
