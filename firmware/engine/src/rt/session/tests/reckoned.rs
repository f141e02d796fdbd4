//! A card whose driver reckons what is on its way, and is wrong by turns.

use super::*;

/// The card's buffer and period, frames: 100 and 25 ms.
const FRAMES: [u32; 2] = [4800, 1200];
/// What is said to be queued beside what is, each second time: more than is played between two wake-ups.
const WRONG: u64 = 2400;

struct Reckoned {
    card: SimOutput,
    polls: u64,
}

impl Output for Reckoned {
    fn buffer_frames(&self) -> u32 {
        self.card.buffer_frames()
    }

    fn period_frames(&self) -> u32 {
        self.card.period_frames()
    }

    fn pacing(&self) -> Pacing {
        self.card.pacing()
    }

    fn poll(&mut self, now_ns: u64) -> Result<Fill, Trouble> {
        self.polls += 1;
        let Fill { writable, queued } = self.card.poll(now_ns)?;
        Ok(Fill { writable, queued: queued + self.polls % 2 * WRONG })
    }

    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        self.card.write(frames, fill)
    }

    fn start(&mut self, now_ns: u64) -> Result<(), Trouble> {
        self.card.start(now_ns)
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        self.card.prepare()
    }

    fn stop(&mut self, now_ns: u64) {
        self.card.stop(now_ns);
    }
}

#[test]
fn the_position_never_goes_back_whatever_the_driver_reckons() {
    let card = Reckoned { card: SimOutput::new(WIRE, FRAMES, Pacing::Clocked, None), polls: 0 };
    let mut rig = Rig::on(Box::new(card), Tuning { period_ms: 40, preroll_ms: 20, dsd_silence_ms: 0 });
    rig.mark(MarkKind::Start, 1);
    rig.count_up(40_000);
    let (mut last, mut stood) = (0, 0);
    for _ in 0..15 {
        rig.run(40 * MILLISECOND, 0);
        let heard = rig.status.position().expect("it is published").heard;
        assert!(heard >= last, "{heard} behind {last}");
        stood += u32::from(heard == last && heard > 0);
        last = heard;
    }
    assert!(stood > 3, "the driver was never wrong: the position stood still {stood} times");
    assert!(last > 20_000, "it got on, to {last}");
}
