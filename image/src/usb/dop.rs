//! DSD over PCM as it came over the bus: the bits, with what the engine plays around them, and the zeros that the driver sends of its
//! own around that.
use usb_dac::{Explained, Markers, Stream, Wanted, explain, take_apart};

use super::around;
use super::bus;
use super::found::Tried;

/// The byte that DSD's silence is made of.
pub(super) const SILENCE: u8 = 0x69;
/// The most that the driver sends in front of our first frame, ms of the bus. While a stream is open and hasn't started it sends
/// silence, which for words of PCM is zeros (sound/usb/endpoint.c, `prepare_silent_urb`; without its low-latency mode that begins
/// with the opening). It starts when the player has brought something. The DAC is in no mode of DSD yet.
const BEFORE_MS: usize = 1000;
/// The most behind our last frame, ms: nothing, but for what was on its way already (`MAX_QUEUE` in sound/usb/card.h). The DAC has
/// left DSD in the silence before.
const BEHIND_MS: usize = 18;

/// A stream, taken apart.
#[derive(Debug)]
pub(super) struct Apart {
    /// Frames of two bytes a channel, between the driver's zeros.
    pub(super) bits: Vec<u8>,
    /// Zeros in front, frames.
    pub(super) before: usize,
    /// Zeros behind, frames.
    pub(super) behind: usize,
    /// How often there are zeros in between, as the driver sends them where it runs dry; among the bits they are DSD's silence.
    pub(super) holes: u64,
    /// Wrong markers, and more zeros than the driver sends of its own.
    pub(super) faults: Vec<String>,
}

impl Apart {
    pub(super) fn of(stream: &Stream) -> Self {
        let frame = stream.setting.frame();
        let frames = stream.bytes.chunks_exact(frame);
        let total = frames.len();
        let sounds = |frame: &[u8]| frame.iter().any(|byte| *byte != 0);
        let before = frames.clone().position(sounds).unwrap_or(total);
        let behind = total - frames.clone().rposition(sounds).map_or(before, |last| last + 1);
        let ours = stream.bytes.get(before * frame..(total - behind) * frame).unwrap_or_default();
        let (mut bits, mut faults, mut holes) = (Vec::new(), Vec::new(), 0);
        // The driver skips some of what is on its way when a stream is stopped.
        let skips = bus::taken_back(stream).map_or(usize::MAX, |frames| frames.saturating_sub(before));
        let ours: Vec<_> = ours.chunks_exact(frame).collect();
        for part in ours.chunk_by(|a, b| sounds(a) == sounds(b)) {
            if !part.first().is_some_and(|frame| sounds(frame)) {
                holes += 1;
                bits.resize(bits.len() + 4 * part.len(), SILENCE);
                continue;
            }
            // They take turns in each part.
            let (of_part, markers) = take_apart(&part.concat(), stream.setting.bytes.into());
            if markers != Markers::default() {
                let behind = bits.len() / 4;
                let wrong = markers.faults().into_iter().filter(|fault| behind + fault.at < skips);
                faults.extend(wrong.map(|fault| format!("behind frame {behind} of DoP: {fault}")));
                if markers.missing > 0 {
                    faults.push(format!("behind frame {behind} of DoP: {} frames without a marker", markers.missing));
                }
                if markers.filled > 0 {
                    let count = markers.filled;
                    faults.push(format!("behind frame {behind} of DoP: {count} frames whose lowest byte isn't 0"));
                }
            }
            bits.extend(of_part);
        }
        for (zeros, most, place) in [(before, BEFORE_MS, "before"), (behind, BEHIND_MS, "behind")] {
            let ms = zeros * 1000 / stream.rate.max(1) as usize;
            if ms > most {
                faults.push(format!("{ms} ms without markers {place} it, of which {most} may be the driver's own"));
            }
        }
        Self { bits, before, behind, holes, faults }
    }

    /// Compares it with all of a track, `DSD_U32_BE`, at so many frames a second. The differences aren't among the faults.
    pub(super) fn compare(&self, track: &[u8], rate: u32) -> (Explained, Vec<String>) {
        let bytes = &as_words_of_16(track);
        let found = explain(&self.bits, Wanted { bytes, frame: 4, silence: SILENCE }, rate);
        let missing = around::missing([found.before, found.behind], rate);
        let faults = self.faults.iter().cloned().chain(missing).collect();
        (found, faults)
    }
}

impl Tried {
    /// Holes are the driver's where it ran dry, and nowhere else.
    pub(super) fn markers(&mut self, apart: &Apart) {
        if apart.holes > 0 {
            self.torn(apart.holes, format!("{} times zeros without markers within DoP", apart.holes));
        }
    }
}

/// Words of 32 bits to words of 16, each channel's halves one after the other.
pub(super) fn as_words_of_16(packed: &[u8]) -> Vec<u8> {
    let (words, _) = packed.as_chunks::<8>();
    words.iter().flat_map(|[a, b, c, d, e, f, g, h]| [*a, *b, *e, *f, *c, *d, *g, *h]).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use usb_dac::{Format, Packet, Setting};

    use super::*;

    const RATE: u32 = 176_400;
    const MS: usize = RATE as usize / 1000;

    /// 4000 frames of 32 bits a channel, no two alike: 8000 of 16.
    fn track() -> Vec<u8> {
        (1..=8000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
    }

    /// Words of two bytes a channel as DoP in three, the marker taking turns.
    fn dop(bits: &[u8]) -> Vec<u8> {
        let frames = bits.as_chunks::<4>().0.iter().enumerate();
        let marked = frames.map(|(n, [a, b, c, d])| (if n % 2 == 0 { 0x05 } else { 0xfa }, [a, b, c, d]));
        marked.flat_map(|(marker, [a, b, c, d])| [*b, *a, marker, *d, *c, marker]).collect()
    }

    fn stream(parts: &[Vec<u8>]) -> Stream {
        let bytes = parts.concat();
        let setting = Setting { format: Format::Pcm, bytes: 3, bits: 24 };
        Stream { received: bytes.len() as u64, bytes, ..Stream::new(setting, RATE) }
    }

    fn zeros(ms: usize) -> Vec<u8> {
        vec![0; 6 * MS * ms]
    }

    /// The track within so much DSD silence, ms.
    fn music(before: usize, behind: usize, silence: u8) -> Vec<u8> {
        let silent = |ms: usize| vec![silence; 4 * (MS + 1) * ms];
        dop(&[silent(before), as_words_of_16(&track()), silent(behind)].concat())
    }

    /// What is wrong, and how often it would have to have run dry to be excused of all of it.
    fn tried(parts: &[Vec<u8>]) -> Tried {
        let apart = Apart::of(&stream(parts));
        let (found, faults) = apart.compare(&track(), RATE);
        let mut tried = Tried { faults, ..Tried::default() };
        tried.differs(&found, RATE);
        tried.markers(&apart);
        tried
    }

    fn faults(parts: &[Vec<u8>]) -> Vec<String> {
        tried(parts).judged().faults
    }

    #[test]
    fn markers_are_wrong_unless_the_driver_s_zeros_are_in_between() {
        let well = music(100, 100, 0x69);
        let (head, tail) = well.split_at(6 * (100 * (MS + 1) + 3000));
        assert_eq!(tried(std::slice::from_ref(&well)).gaps, 0);
        let dry = tried(&[head.to_vec(), zeros(20), tail.to_vec()]);
        assert!(dry.faults.is_empty() && dry.gaps == 1, "{dry:?}");
        assert!(!dry.judged().faults.is_empty());
        for (what, parts) in [
            ("one frame less", vec![head.to_vec(), tail[6..].to_vec()]),
            ("one frame twice", vec![head.to_vec(), well[head.len() - 6..].to_vec()]),
            ("other markers behind a hole", {
                let mut wrong = tail.to_vec();
                wrong[6 * 40 + 2] ^= 0xff;
                vec![head.to_vec(), zeros(20), wrong]
            }),
        ] {
            assert!(!tried(&parts).faults.is_empty(), "{what}");
        }
    }

    /// In packets of 22 frames, of which the one with this number came empty.
    fn in_packets(bytes: Vec<u8>, empty: usize) -> Stream {
        let packet =
            |(n, bytes): (u64, &[u8])| Packet { at: Duration::from_micros(125 * n), bytes: bytes.len() as u16 };
        let mut packets: Vec<_> = (0..).zip(bytes.chunks(6 * 22)).map(packet).collect();
        packets.insert(empty, Packet { at: packets[empty].at, bytes: 0 });
        Stream { packets, ..stream(&[bytes]) }
    }

    #[test]
    fn where_a_transfer_was_taken_back_some_of_the_silence_is_missing() {
        let mut bytes = music(100, 100, 0x69);
        let packets = bytes.len() / (6 * 22);
        let [late, early] = [60, 200].map(|before_the_end| packets - before_the_end);
        bytes.drain(6 * 22 * late..6 * (22 * late + 1));
        let wrong = |empty: usize| Apart::of(&in_packets(bytes.clone(), empty)).faults;
        assert_eq!(wrong(late), [""; 0]);
        assert!(!wrong(late + 2).is_empty(), "it is missing before");
        assert!(!wrong(early).is_empty(), "the stream wasn't stopped there");
    }

    #[test]
    fn what_the_driver_sends_around_ours_is_let_pass() {
        let well = stream(&[zeros(300), music(100, 90, 0x69), zeros(10)]);
        let apart = Apart::of(&well);
        assert_eq!((apart.before, apart.behind), (300 * MS, 10 * MS));
        let (found, wrong) = apart.compare(&track(), RATE);
        assert_eq!((found.in_order, wrong), (8000, vec![]));
        assert_eq!(faults(&[music(100, 100, 0x69)]), [""; 0], "nothing of the driver's");
    }

    #[test]
    fn silence_that_is_no_dsd_is_found() {
        let well = music(100, 100, 0x69);
        let (head, tail) = well.split_at(6 * 5000);
        for (what, parts) in [
            ("zeros instead of DSD silence before", vec![zeros(100), music(0, 100, 0x69)]),
            ("zeros instead of DSD silence behind", vec![music(100, 0, 0x69), zeros(15)]),
            ("zeros on both sides", vec![zeros(27), music(0, 0, 0x69), zeros(27)]),
            ("too many behind", vec![well.clone(), zeros(27)]),
            ("too many before", vec![zeros(1100), well.clone()]),
            ("zeros in the middle", vec![head.to_vec(), zeros(1), tail.to_vec()]),
            ("another silence within markers", vec![music(100, 100, 0)]),
            ("nothing at all", vec![zeros(10)]),
        ] {
            assert!(!faults(&parts).is_empty(), "{what}");
        }
    }
}
