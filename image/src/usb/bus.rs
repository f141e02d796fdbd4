//! What came in the bus's own time, of which a microframe is 125 µs: how many frames a stream brought for the time that it took, and
//! how evenly. However busy the host is, that is the DAC's clock's, as the driver follows it.
use std::time::{Duration, Instant};

use usb_dac::{Model, Packet, Stream, Unfilled};

use super::moments::{Moment, moments};
use super::pace::Pace;
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
    /// Where microframes came empty, as they do where the card runs dry and nowhere else.
    pub(super) holes: Vec<String>,
    /// Where they did because the stream was stopped, which is of no fault.
    pub(super) taken_back: Vec<String>,
    /// Microframes that passed without a packet, by the times of those around them ([`Stream::unfilled`]),
    pub(super) unfilled: u64,
    /// and where they did.
    pub(super) without: Vec<String>,
    /// The longest time that the host's clock went on and the bus didn't, in the middle of a stream.
    pub(super) longest_wait: Duration,
    /// Where it did so for longer than it may beside what the host took meanwhile: by how much, and what is to be said of it.
    pub(super) stills: Vec<(Duration, String)>,
    /// Where silence began between sounds, and what the machine was at then.
    pub(super) moments: Vec<Moment>,
}

impl Seen {
    /// Looks at a DAC's streams, knowing what the host took meanwhile, when the DAC's time began, and what the card's buffer holds.
    pub(super) fn look(
        &mut self,
        model: &Model,
        streams: &[Stream],
        (watch, since): (&Watch, Option<Instant>),
        buffer: Duration,
    ) {
        for stream in streams {
            self.time += stream.bus_time();
            self.longest_wait = self.longest_wait.max(stream.longest_wait().0);
            for Unfilled { behind, microframes } in stream.unfilled() {
                self.unfilled += microframes;
                self.without.push(format!(
                    "{} Hz: {microframes} behind {behind} packets of {}",
                    stream.rate,
                    stream.packets.len()
                ));
            }
            for hole in holes(stream) {
                let Hole { at, behind } = hole;
                let text = format!("{} Hz: empty after {at} microframes, {behind} before the end", stream.rate);
                if hole.is_taken_back() { &mut self.taken_back } else { &mut self.holes }.push(text);
            }
            self.stills.extend(still(stream, watch, since));
            self.moments.extend(since.into_iter().flat_map(|since| moments(stream, watch, since, buffer)));
            self.faults.extend(fault(model, stream).map(|fault| format!("{} Hz: {fault}", stream.rate)));
        }
    }
}

/// Microframes that came empty; those within what is on its way at a time are one hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    /// The first one.
    at: usize,
    /// How many of the stream come behind that.
    behind: usize,
}

impl Hole {
    /// Whether it is of transfers that were taken back because the stream was stopped. A real bus has no such thing.
    ///
    /// snd-usb-audio takes back what is on its way one URB after the other, in another order than they are queued in (`stop_urbs` in
    /// sound/usb/endpoint.c), and xhci_hcd makes No Op TRBs of it (`td_to_noop` in drivers/usb/host/xhci-ring.c), while the ring runs on
    /// for those that are left: for one stop of a stream QEMU's trace shows up to three Stop Endpoint commands, and transfers between
    /// them. An xHC skips a No Op. QEMU's takes it for an isochronous transfer of no bytes (`xhci_xfer_create_sgl` and `xhci_submit` in
    /// hw/usb/hcd-xhci.c), which is due in frame 0, as the frame's number is gone: so hardly ever before the endpoint is taken down.
    ///
    /// What is behind it was all on its way then. Elsewhere the stream was stopped in its middle: the card ran dry.
    fn is_taken_back(self) -> bool {
        self.behind <= IN_FLIGHT
    }
}

/// Frames that came before the first transfer that was taken back: of what comes behind it some is missing.
pub(super) fn taken_back(stream: &Stream) -> Option<usize> {
    let hole = holes(stream).into_iter().find(|hole| hole.is_taken_back())?;
    let bytes: usize = stream.packets.iter().take(hole.at).map(|packet| usize::from(packet.bytes)).sum();
    Some(bytes / stream.setting.frame())
}

fn holes(stream: &Stream) -> Vec<Hole> {
    let empty = stream.packets.iter().enumerate().filter(|(_, packet)| packet.bytes == 0).map(|(n, _)| n);
    let mut holes = Vec::<Hole>::new();
    for at in empty {
        if holes.last().is_none_or(|last| at >= last.at + IN_FLIGHT) {
            holes.push(Hole { at, behind: stream.packets.len() - at });
        }
    }
    holes
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
    let kept = Pace::of(model, stream);
    if !kept.is_kept() {
        let Pace { off, most } = kept;
        return Some(format!(
            "its packets are {off:.1} frames off what the DAC's feedback asked for, not {most:.1} at most"
        ));
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
        let setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };
        Stream {
            microframes: packets.len() as u64,
            received: packets.iter().map(|packet| u64::from(packet.bytes)).sum(),
            packets,
            ..Stream::new(setting, 48_000)
        }
    }

    fn says(name: &str, stream: &Stream) -> String {
        fault(&Model::named(name).unwrap(), stream).unwrap_or_default()
    }

    #[test]
    fn a_stream_goes_at_the_pace_that_is_asked_for() {
        let even = || vec![6; 8000];
        assert_eq!(says("reference", &stream(even())), "");
        assert!(says("fast-clock", &stream(even())).contains("9.6 frames off"), "200 ppm, and nobody follows");
        let each = |n: usize| (0..8000).map(move |at| if at % n == 0 { 7 } else { 6 });
        assert!(says("reference", &stream(each(2000))).contains("4.0 frames off"), "four frames a second");
        assert!(says("reference", &stream(each(12))).contains("frames off what"), "1.4 %");
        let never = stream(vec![6; 16_000]);
        assert!(says("starves", &never).contains("frames off what"), "it never got what it asked for");
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
            holes(&stream).into_iter().filter(|hole| !hole.is_taken_back()).count()
        };
        assert_eq!([with(&[]), with(&[(7, 8)]), with(&[(4000, 4066)])], [0, 1, 1]);
        assert_eq!(with(&[(100, 130), (135, 140), (4000, 4066)]), 2, "in pieces");
        assert_eq!(with(&[(4000, 4070), (4160, 4163)]), 2, "longer than what is on its way");
        assert_eq!(with(&[(7840, 8000)]), 0, "all of it was on its way");
        assert_eq!(with(&[(7840, 7900)]), 0, "and not all of that was taken back");
        assert_eq!(with(&[(7839, 7900)]), 1, "more was on its way than can be");
        assert_eq!(with(&[(7000, 8000)]), 6, "a stream goes on empty");
    }

    #[test]
    fn what_was_taken_back_is_told_and_is_no_hole() {
        let mut seen = Seen::default();
        let stopped = stream([vec![6; 800], vec![0; 30], vec![6; 8]].concat());
        let dry = stream([vec![6; 800], vec![0; 30], vec![6; 800]].concat());
        seen.look(&Model::named("reference").unwrap(), &[stopped, dry], (&Watch::new(0), None), Duration::ZERO);
        assert_eq!(seen.taken_back, ["48000 Hz: empty after 800 microframes, 38 before the end"]);
        assert_eq!(seen.holes, ["48000 Hz: empty after 800 microframes, 830 before the end"]);
    }

    #[test]
    fn the_time_of_all_streams_is_counted() {
        let mut seen = Seen::default();
        let mut late = stream(vec![6; 800]);
        late.packets.iter_mut().skip(400).for_each(|packet| packet.at += Duration::from_millis(70));
        seen.look(
            &Model::named("reference").unwrap(),
            &[stream(vec![6; 8000]), late],
            (&Watch::new(0), None),
            Duration::ZERO,
        );
        assert_eq!((seen.time.as_millis(), seen.longest_wait.as_micros(), seen.faults.len()), (1100, 70_125, 0));
        assert!(matches!(seen.stills.as_slice(), [(own, _)] if own.as_micros() == 70_125), "{:?}", seen.stills);
    }
}
