//! What came in the bus's own time, of which a microframe is 125 µs: how many frames a stream brought for the time that it took, and
//! how evenly. However busy the host is, that is the DAC's clock's, as the driver follows it.
use std::time::{Duration, Instant};

use usb_dac::{Model, Packet, Stream};

use super::still::still;
use super::watch::Watch;

/// How far a stream's pace may be off what the DAC asked for: a hundredth.
const NEAR: f64 = 0.01;
/// Microframes a second.
const MICROFRAMES: f64 = 8000.0;
/// What is shorter says nothing of its pace, microframes: a packet is a whole frame more or less, and the driver hears of a clock only
/// a moment after the start.
const SHORTEST: u64 = 800;

/// What the driver has on its way when the card runs dry, microframes (`MAX_QUEUE` in sound/usb/card.h is 18 ms): they come empty.
const IN_FLIGHT: usize = 160;

/// What has been seen of the bus while something was tried.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How long the streams were on it.
    pub(super) time: Duration,
    /// What is wrong with them.
    pub(super) faults: Vec<String>,
    /// How often microframes came empty with music or silence behind them, as they do where the card runs dry and nowhere else.
    pub(super) holes: u64,
    /// How many streams ended in empty microframes: those of transfers that were taken back.
    pub(super) taken_back: u64,
    /// The longest time that the host's clock went on and the bus didn't, in the middle of a stream.
    pub(super) longest_wait: Duration,
    /// Where it did so for longer than it may beside what the host took meanwhile: by how much, and what is to be said of it.
    pub(super) stills: Vec<(Duration, String)>,
}

impl Seen {
    /// Looks at a DAC's streams, knowing what the host took meanwhile, and when the DAC's time began.
    pub(super) fn look(&mut self, model: &Model, streams: &[Stream], (watch, since): (&Watch, Option<Instant>)) {
        for stream in streams {
            self.time += stream.bus_time();
            self.longest_wait = self.longest_wait.max(stream.longest_wait().0);
            self.holes += holes(stream);
            self.taken_back += u64::from(until_taken_back(stream).len() < stream.packets.len());
            self.stills.extend(still(stream, watch, since));
            self.faults.extend(fault(model, stream).map(|fault| format!("{} Hz: {fault}", stream.rate)));
        }
    }
}

/// A stream without the empty microframes that it ends with. A real bus never has them. The driver takes back what is on its way when
/// a stream is stopped, and xhci_hcd makes No Op TRBs of it (`td_to_noop` in drivers/usb/host/xhci-ring.c). An xHC skips those; QEMU's
/// takes each for an isochronous transfer of no bytes (`xhci_xfer_create_sgl`, `xhci_submit` in hw/usb/hcd-xhci.c), due in frame 0, as
/// their frame number is gone: some time in the next 2.048 s, if the endpoint isn't taken down before, as it mostly is at the end of a
/// stream. Where music or silence is behind them the stream was stopped in its middle: the card ran dry, which the engine counts.
pub(super) fn until_taken_back(stream: &Stream) -> &[Packet] {
    let end = stream.packets.iter().rposition(|packet| packet.bytes > 0).map_or(0, |last| last + 1);
    stream.packets.get(..end).unwrap_or_default()
}

/// How often microframes are empty that aren't the end; those within what is on its way at a time are one hole.
fn holes(stream: &Stream) -> u64 {
    let empty = until_taken_back(stream).iter().enumerate().filter(|(_, packet)| packet.bytes == 0).map(|(n, _)| n);
    let mut end = 0;
    empty.fold(0, |count, n| {
        let begins = n >= end;
        if begins {
            end = n + IN_FLIGHT;
        }
        count + u64::from(begins)
    })
}

/// What is wrong with a stream to this DAC, but for microframes that are empty.
fn fault(model: &Model, stream: &Stream) -> Option<String> {
    // They are kept in the order in which they came.
    if !stream.packets.is_sorted_by_key(|packet| packet.at) {
        return Some("its microframes aren't in the order of their times".to_owned());
    }
    let frame = stream.setting.frame();
    let nominal = f64::from(stream.rate) / MICROFRAMES;
    // Each microframe brings the next whole number of frames, below or above.
    let most_asked = model.starves.map_or(0.0, |hunger| hunger.ppm.max(0.0) / 1e6);
    let bounds = (nominal * (1.0 - NEAR)).floor()..=(nominal * (1.0 + NEAR + most_asked)).ceil();
    let is_odd = |packet: &Packet| {
        let bytes = usize::from(packet.bytes);
        bytes > 0 && (bytes % frame != 0 || !bounds.contains(&((bytes / frame) as f64)))
    };
    let odd: Vec<_> = stream.packets.iter().enumerate().filter(|(_, packet)| is_odd(packet)).collect();
    if let [(number, first), ..] = odd.as_slice() {
        let at = *number as f64 / MICROFRAMES * 1000.0;
        return Some(format!(
            "{} microframes of {} brought not {nominal:.1} frames of {frame} bytes, the first one, after {at:.1} ms of the bus, {} bytes",
            odd.len(),
            stream.microframes,
            first.bytes
        ));
    }
    if stream.microframes < SHORTEST {
        return None;
    }
    let empty = stream.packets.iter().filter(|packet| packet.bytes == 0).count() as f64;
    let pace = stream.frames() as f64 / nominal / (stream.microframes as f64 - empty);
    let asked = model.pace(stream.microframes);
    let near = (pace / asked - 1.0).abs() <= NEAR;
    (!near).then(|| {
        let ms = stream.bus_time().as_millis();
        format!("{} frames in {ms} ms of the bus are {pace:.4} of the rate, and not {asked:.4}", stream.frames())
    })
}

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Setting};

    use super::*;

    /// A stream of packets of so many frames of 8 bytes, at 48 kHz: six frames a microframe.
    fn stream(frames: impl IntoIterator<Item = u16>) -> Stream {
        let packets: Vec<Packet> = (0..)
            .zip(frames)
            .map(|(n, frames)| Packet { at: Duration::from_micros(125 * n), bytes: 8 * frames })
            .collect();
        Stream {
            setting: Setting { format: Format::Pcm, bytes: 4, bits: 32 },
            rate: 48_000,
            microframes: packets.len() as u64,
            received: packets.iter().map(|packet| u64::from(packet.bytes)).sum(),
            unheard: 0,
            packets,
            bytes: Vec::new(),
            ended: true,
        }
    }

    fn says(name: &str, stream: &Stream) -> String {
        fault(&Model::named(name).unwrap(), stream).unwrap_or_default()
    }

    #[test]
    fn a_stream_goes_at_the_pace_that_is_asked_for() {
        let even = || vec![6; 8000];
        assert_eq!(says("reference", &stream(even())), "");
        assert_eq!(says("fast-clock", &stream(even())), "");
        let each = |n: usize| (0..8000).map(move |at| if at % n == 0 { 7 } else { 6 });
        assert_eq!(says("reference", &stream(each(20))), "", "0.8 %");
        assert!(says("reference", &stream(each(12))).contains("are 1.0139 of the rate"), "1.4 %");
        assert!(says("starves", &stream(even())).contains("and not 1.06"), "it never got what it asked for");
    }

    #[test]
    fn a_hole_a_burst_and_half_a_frame_are_found() {
        for odd in [1, 3, 8, 100] {
            let mut frames = vec![6; 8000];
            frames[4000] = odd;
            let found = says("reference", &stream(frames));
            assert!(found.contains("the first one, after 500.0 ms of the bus"), "{odd}: {found}");
        }
        let mut broken = stream(vec![6; 8000]);
        broken.packets[7].bytes -= 1;
        assert!(says("reference", &broken).starts_with("1 microframes"));
        broken.packets.swap(100, 4000);
        assert!(says("reference", &broken).contains("order"));
    }

    #[test]
    fn empty_microframes_are_counted_as_holes() {
        let with = |empty: &[(usize, usize)]| {
            let mut frames = vec![6; 8000];
            empty.iter().for_each(|(from, to)| frames[*from..*to].fill(0));
            let stream = stream(frames);
            assert_eq!(says("reference", &stream), "");
            holes(&stream)
        };
        assert_eq!([with(&[]), with(&[(7, 8)]), with(&[(4000, 4066)])], [0, 1, 1]);
        assert_eq!(with(&[(100, 130), (135, 140), (4000, 4066)]), 2, "in pieces");
        assert_eq!(with(&[(4000, 4070), (4160, 4163)]), 2, "longer than what is on its way");
        assert_eq!(with(&[(7900, 8000)]), 0, "behind the end there is nothing that could be missing");
        assert_eq!(with(&[(7800, 7999)]), 1, "but there is");
        assert_eq!(with(&[(0, 8000)]), 0, "what goes on behind another look");
    }

    #[test]
    fn streams_that_end_in_transfers_that_were_taken_back_are_told() {
        let ends = |empty: usize| {
            let mut seen = Seen::default();
            let ended = stream([vec![6; 800], vec![0; empty]].concat());
            seen.look(&Model::named("reference").unwrap(), &[ended], (&Watch::new(0), None));
            (seen.taken_back, seen.holes)
        };
        assert_eq!([ends(0), ends(96)], [(0, 0), (1, 0)]);
    }

    #[test]
    fn the_time_of_all_streams_is_counted() {
        let mut seen = Seen::default();
        let mut late = stream(vec![6; 800]);
        late.packets.iter_mut().skip(400).for_each(|packet| packet.at += Duration::from_millis(70));
        seen.look(&Model::named("reference").unwrap(), &[stream(vec![6; 8000]), late], (&Watch::new(0), None));
        assert_eq!((seen.time.as_millis(), seen.longest_wait.as_micros(), seen.faults.len()), (1100, 70_125, 0));
        assert!(matches!(seen.stills.as_slice(), [(own, _)] if own.as_micros() == 70_125), "{:?}", seen.stills);
    }
}
