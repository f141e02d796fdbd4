//! A card whose clock isn't the computer's, over minutes.

use super::usb_card::UsbCard;
use super::*;

/// The card's buffer and period, frames: 100 and 25 ms.
const FRAMES: [u32; 2] = [4800, 1200];
/// Of a crystal that is worse than any DAC's.
const PPM: i64 = 200;

/// Each wake-up fills the buffer up, so that what is written follows the card's clock, however long it plays.
#[test]
fn the_fill_stays_within_a_period_whatever_the_card_s_clock() {
    for ppm in [-PPM, 0, PPM] {
        let (mut card, air) = UsbCard::new(FRAMES);
        card.ppm = ppm;
        let mut rig = Rig::on(Box::new(card), Tuning { period_ms: 40, preroll_ms: 20, dsd_silence_ms: 0 });
        rig.mark(MarkKind::Start, 1);
        rig.count_up(24_000);
        rig.run(SECOND / 5, 0);
        let (mut least, mut most) = (u64::MAX, 0);
        let start = rig.now;
        for minute in 0..5 {
            while rig.now < start + (minute + 1) * 60 * SECOND {
                let there = rig.producer.written() - rig.producer.read_frames().expect("an honest engine");
                rig.count_up(24_000_u64.saturating_sub(there));
                rig.run(40 * MILLISECOND, 0);
                let queued = rig.session.output.poll(rig.now).expect("it plays").queued;
                (least, most) = (least.min(queued), most.max(queued));
            }
        }
        println!("{ppm} ppm: {least} to {most} frames queued before a wake-up");
        assert_eq!((rig.session.xruns(), rig.frames_of(Kind::Starved).len()), (0, 0), "{ppm} ppm");
        assert!(most - least <= 1200, "{ppm} ppm: {least} to {most} frames queued");
        let heard = air.lock().expect("one thread");
        let wanted = 300.0 * 48_000.0 * (1.0 + ppm as f64 / 1e6);
        assert!((heard.len() as f64 - wanted).abs() < 100_000.0, "the card went by its own clock: {}", heard.len());
    }
}
