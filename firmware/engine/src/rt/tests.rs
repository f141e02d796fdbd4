//! The thread's grid of wake-ups.

use std::os::fd::AsFd;
use std::time::Duration;

use pcm::{Wire, WireFormat};
use proptest::prelude::*;
use ring::{Consumer, RingMemory, Status, Stream};

use super::*;
use crate::clock::MILLISECOND;
use crate::output::{Fill, Output, Pacing, Trouble};

proptest! {
    #[test]
    fn the_next_deadline_is_the_first_of_the_grid_that_is_ahead(deadline in 0u64..1 << 60, tick in 1u64..1_000_000_000, late in 0u64..1 << 40) {
        let now = deadline + late;
        let Tick { deadline: next, missed_ns } = next_tick(deadline, tick, now);
        prop_assert!(next > now);
        prop_assert_eq!((next - deadline) % tick, 0);
        prop_assert!(next - deadline == tick || next - now <= tick);
        prop_assert_eq!(missed_ns, late.saturating_sub(tick), "the first point that was passed over");
    }
}

/// Held up once, then gone.
struct Slow {
    polls: u32,
}

impl Output for Slow {
    fn buffer_frames(&self) -> u32 {
        4_800
    }

    fn period_frames(&self) -> u32 {
        480
    }

    fn pacing(&self) -> Pacing {
        Pacing::Clocked
    }

    fn poll(&mut self, _now_ns: u64) -> Result<Fill, Trouble> {
        self.polls += 1;
        if self.polls > 1 {
            return Err(Trouble::Failed { call: "poll", errno: libc::ENODEV });
        }
        std::thread::sleep(Duration::from_millis(300));
        Ok(Fill::default())
    }

    fn write(&mut self, _frames: u32, _fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        Ok(0)
    }

    fn start(&mut self, _now_ns: u64) -> Result<(), Trouble> {
        Ok(())
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    fn stop(&mut self, _now_ns: u64) {}
}

#[test]
fn a_hold_up_inside_a_wake_up_is_counted() {
    let (writer, page) = StatusWriter::create().expect("a page");
    let status = Status::from_fd(page.as_fd()).expect("the same page");
    let (mut send, commands) = rtrb::RingBuffer::new(1);
    let (returned, mut back) = rtrb::RingBuffer::new(1);
    let bell = || Doorbell::polled().expect("a bell");
    let stream =
        Stream { epoch: 1, wire: Wire { format: WireFormat::S16Le, rate: 48_000, channels: 2 }, ring_frames: 4_800 };
    let (memory, _file) = RingMemory::create_sized(1 << 18).expect("a ring");
    let mut consumer = Consumer::new(memory);
    consumer.begin(&stream);
    let tuning = Tuning { period_ms: 40, preroll_ms: 0, dsd_silence_ms: 0 };
    let session = Session::new(Box::new(Slow { polls: 0 }), consumer, stream, tuning, Gain::UNITY);
    assert!(send.push(Command::Attach(Box::new(session))).is_ok());
    let report = Reporter::new(Arc::new(writer), rtrb::RingBuffer::new(1).0, bell());
    let percent = Arc::new(AtomicU8::new(100));
    let mut thread =
        Thread { commands, percent, applied: None, returned, bell: bell(), report, session: None, confine: None };
    thread.take_commands();
    thread.play();
    assert!(matches!(back.pop(), Ok((_, Outcome::Output(_)))));
    let counters = status.counters();
    assert!(counters.wakeups >= 3, "two, and those that were passed over count as one");
    assert!(counters.worst_lateness_ns >= 200 * MILLISECOND && counters.late_wakeups >= 1, "{counters:?}");
}

#[test]
fn a_stream_is_told_once_to_end_and_the_next_one_anew() {
    let (commands, mut sent) = rtrb::RingBuffer::new(COMMANDS);
    let (returned, news) = (rtrb::RingBuffer::new(1).1, rtrb::RingBuffer::new(1).1);
    let (told, percent) = (Told::default(), Arc::new(AtomicU8::new(0)));
    let bell = Doorbell::polled().expect("a bell");
    let mut rt = Handle { commands, told, percent, bell, returned, news, thread: None, confined: true };
    let session = || {
        let stream =
            Stream { epoch: 1, wire: Wire { format: WireFormat::S16Le, rate: 48_000, channels: 2 }, ring_frames: 480 };
        let (memory, _file) = RingMemory::create_sized(1 << 18).expect("a ring");
        let tuning = Tuning { period_ms: 40, preroll_ms: 0, dsd_silence_ms: 0 };
        Box::new(Session::new(Box::new(Slow { polls: 0 }), Consumer::new(memory), stream, tuning, Gain::UNITY))
    };
    for _ in 0..2 {
        assert!(rt.send(Command::Attach(session())).is_ok());
        for _ in 0..2 * COMMANDS {
            assert!(rt.send(Command::Abort).is_ok() && rt.send(Command::Drain).is_ok());
        }
    }
    for _ in 0..2 {
        assert!(matches!(sent.pop(), Ok(Command::Attach(_))));
        assert!(matches!((sent.pop(), sent.pop()), (Ok(Command::Abort), Ok(Command::Drain))));
    }
    assert!(sent.is_empty());
}
