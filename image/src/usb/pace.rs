//! Whether the host sent what the DAC's feedback asked for, microframe by microframe: all frames so far are those that were asked for so
//! far, but for what is on the way.
use usb_dac::{Model, Stream};

/// How long a feedback value is on its way until packets go by it, microframes: QEMU gathers 60 ms of them before it hands the first one
/// to the guest, and begins to drop them at twice as many (`bufpq_target_size` in hw/usb/redirect.c); the driver has 18 ms of packets
/// queued (`MAX_QUEUE` in sound/usb/card.h).
const ON_THE_WAY: f64 = 1200.0;
/// The host begins with a whole frame, and so does whoever counts.
const WHOLE: f64 = 2.0;

/// How packets and feedback went with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// How far what had come was off what had been asked for, from one extreme to the other, frames.
    pub(super) off: f64,
    /// What that may be.
    pub(super) most: f64,
}

impl Pace {
    /// Of a stream to this DAC. Empty packets are none: the card had run dry, or they were taken back; behind them the host begins anew.
    pub(super) fn of(model: &Model, stream: &Stream) -> Self {
        let frame = stream.setting.frame() as f64;
        let nominal = f64::from(stream.rate) / 8000.0;
        let (mut now, mut least, mut greatest) = (0.0_f64, 0.0_f64, 0.0_f64);
        let (mut slowest, mut fastest, mut begun) = (0.0_f64, 0.0_f64, 1.0);
        let mut was_empty = false;
        for (packet, number) in stream.packets.iter().zip(stream.before..) {
            let is_empty = packet.bytes == 0;
            begun += f64::from(u8::from(was_empty && !is_empty));
            was_empty = is_empty;
            if is_empty {
                continue;
            }
            let asked = believed(model.feedback(stream.rate, number), nominal);
            now += f64::from(packet.bytes) / frame - asked;
            (least, greatest) = (least.min(now), greatest.max(now));
            let ahead = asked / nominal - 1.0;
            (slowest, fastest) = (slowest.min(ahead), fastest.max(ahead));
        }
        Self { off: greatest - least, most: WHOLE * begun + ON_THE_WAY * nominal * (fastest - slowest) * begun }
    }

    pub(super) fn is_kept(self) -> bool {
        self.off <= self.most
    }
}

/// Frames of a microframe as the host's driver takes a value: where it isn't near the nominal rate, the point is taken to be elsewhere
/// (sound/usb/endpoint.c, `snd_usb_handle_sync_urb`).
fn believed(value: u32, nominal: f64) -> f64 {
    let mut frames = f64::from(value) / 65_536.0;
    while frames > 0.0 && frames < nominal * 0.75 {
        frames *= 2.0;
    }
    while frames > nominal * 1.5 {
        frames /= 2.0;
    }
    frames
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use usb_dac::{Format, Packet, Setting};

    use super::*;

    /// A host that goes by what the DAC said so many microframes before.
    fn stream(model: &Model, behind: u64, seconds: u64) -> Stream {
        let mut owed = 0.0;
        let packets = (0..8000 * seconds).map(|n| {
            owed += n.checked_sub(behind).map_or(6.0, |n| f64::from(model.feedback(48_000, n)) / 65_536.0);
            let frames = owed.floor();
            owed -= frames;
            Packet { at: Duration::from_micros(125 * n), bytes: 8 * frames as u16 }
        });
        Stream {
            packets: packets.collect(),
            ..Stream::new(Setting { format: Format::Pcm, bytes: 4, bits: 32 }, 48_000)
        }
    }

    #[test]
    fn packets_are_what_was_asked_for() {
        for name in ["reference", "fast-clock", "slow-clock", "drifting-clock", "starves", "stays-at-48k"] {
            let model = Model::named(name).unwrap();
            for behind in [0, 160, 700] {
                let pace = Pace::of(&model, &stream(&model, behind, 8));
                assert!(pace.is_kept(), "{name}, {behind}: {pace:?}");
            }
        }
    }

    #[test]
    fn packets_that_go_by_another_clock_are_found() {
        let reference = Model::named("reference").unwrap();
        for name in ["fast-clock", "slow-clock", "drifting-clock", "starves"] {
            let model = Model::named(name).unwrap();
            let pace = Pace::of(&model, &stream(&reference, 0, 8));
            assert!(!pace.is_kept(), "{name}: the host never listens: {pace:?}");
        }
        let drifting = Model::named("drifting-clock").unwrap();
        assert!(!Pace::of(&drifting, &stream(&drifting, 4000, 8)).is_kept(), "half a second late");
        let mut more = stream(&reference, 0, 8);
        more.packets.iter_mut().step_by(8000).for_each(|packet| packet.bytes += 8);
        assert!(!Pace::of(&reference, &more).is_kept(), "a frame a second");
    }
}
