//! A track that came in several streams: what is missing at their seams, and what came twice.
use usb_dac::{Fault, Kind, Stream, Wanted};

use super::around;
use super::dop::SILENCE;
use super::dry;
use super::fade::Faded;
use super::found::Tried;

/// Frames by which a passage of the track is recognised.
const KEY: usize = 64;
/// What may come twice at a seam, ms: the player goes on from the position of the engine's last wake-up, which is a period of 40 ms old
/// at most if the next one is in time, and takes 20 off that (`DOUBT` of its link): what ALSA's delay may be wrong by where a DAC is
/// unplugged, as the driver only reckons what has left. Half of the seams keep to it.
const TWICE_MS: usize = 40 + 20;
/// The most at any seam, ms: of a wake-up that is late the position is older, by another period at most.
const LATE_MS: usize = TWICE_MS + 40;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seams {
    /// Frames of the track that came as they are, in order.
    pub(super) frames: usize,
    /// At each seam: frames that came twice as they are. Those that are faded in come before them.
    pub(super) twice: Vec<usize>,
    /// How often it ran dry within a stream.
    pub(super) gaps: u64,
    /// What is wrong.
    pub(super) faults: Vec<String>,
}

/// Samples of 32 bits, as the track's, and how many of those bits the wire had.
#[derive(Debug, Clone)]
pub(super) struct Wide {
    pub(super) bytes: Vec<u8>,
    pub(super) bits: u32,
}

/// A track, and how it comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole<'a> {
    /// In frames as they come; of PCM in words of 32 bits.
    pub(super) track: &'a [u8],
    /// Bytes of a frame.
    pub(super) frame: usize,
    /// Hz.
    pub(super) rate: u32,
    /// It isn't faded in, but has its silence in front of it.
    pub(super) dsd: bool,
}

/// Compares what came in each stream with the track.
pub(super) fn join(streams: &[Wide], Whole { track, frame, rate, dsd }: Whole<'_>) -> Seams {
    let mut found = Seams::default();
    let silence = if dsd { SILENCE } else { 0 };
    let sounds = |frame: &[u8]| frame.iter().any(|byte| *byte != silence);
    for (number, Wide { bytes: stream, bits }) in streams.iter().enumerate() {
        let faded = Faded { track, frame, rate, bits: *bits };
        let fades = number > 0 && !dsd;
        let silent = stream.chunks_exact(frame).position(sounds).map_or(stream.len(), |frames| frames * frame);
        if dsd && silent < stream.len() {
            let missing = around::missing([silent / frame, usize::MAX], rate);
            found.faults.extend(missing.map(|fault| format!("stream {number}: {fault}")));
        }
        let start = silent + if fades { faded.frames() * frame } else { 0 };
        let Some(key) = stream.get(start..start + KEY * frame) else {
            found.faults.push(format!("stream {number} ended before it had begun"));
            continue;
        };
        // Nearby: it may hold the same passage elsewhere.
        let near = found.frames.saturating_sub(rate as usize);
        let place = track.chunks_exact(frame).enumerate().skip(near).map(|(n, _)| n * frame);
        let Some(at) = place.into_iter().find(|at| track.get(*at..at + key.len()) == Some(key)) else {
            found.faults.push(format!("stream {number} goes on with what isn't the track's"));
            return found;
        };
        // As early as it is the track's: the fade began in what was taken for silence.
        let back = if !fades { 0 } else { faded.back(stream, start / frame, at / frame) };
        let first = at / frame - back;
        if first > found.frames {
            let missing = first - found.frames;
            found
                .faults
                .push(format!("{missing} frames are missing before stream {number}, at frame {}", found.frames));
        } else if number > 0 {
            let twice = found.frames - first;
            found.twice.push(twice);
            if twice > rate as usize * LATE_MS / 1000 {
                found
                    .faults
                    .push(format!("{twice} frames came twice before frame {} of stream {number}", found.frames));
            }
        }
        if fades {
            let fault = faded.fault(stream, start / frame - back, first, back);
            found.faults.extend(fault.map(|fault| format!("stream {number}: {fault}")));
        }
        let rest = &track[at..];
        let mut part = usb_dac::explain(&stream[start..], Wanted { bytes: rest, frame, silence }, rate);
        // It was cut off: the end isn't missing, but in the next one.
        let total = rest.len() / frame;
        let is_end = |fault: &Fault| fault.kind == Kind::Dropped && fault.at + fault.frames == total;
        let end = part.faults.iter().find(|fault| is_end(fault)).map_or(total, |fault| fault.at);
        part.faults.retain(|fault| !is_end(fault));
        let dry = dry::explain(&part, rate);
        found.gaps += dry.gaps;
        let others = dry.others.iter().map(|fault| format!("stream {number}, from frame {}: {fault}", at / frame));
        found.faults.extend(others);
        found.frames = found.frames.max(at / frame + end);
    }
    let whole = track.len() / frame;
    if found.frames < whole {
        found.faults.push(format!("the last {} frames are missing", whole - found.frames));
    }
    found
}

impl Tried {
    /// What is wrong at the seams and between them, of so many frames a second.
    pub(super) fn joined(&mut self, seams: &Seams, rate: u32) {
        self.faults.extend(seams.faults.iter().cloned());
        let mut twice = seams.twice.clone();
        twice.sort_unstable();
        let ms = |frames: Option<&usize>| frames.map_or(0.0, |frames| *frames as f64 * 1000.0 / f64::from(rate));
        let [median, most] = [twice.get(twice.len() / 2), twice.last()].map(ms);
        self.note += &format!("half of the times {median:.1} ms, {most:.1} at most");
        // One alone may be late.
        if twice.len() > 1 && median > TWICE_MS as f64 {
            self.faults.push(format!("half of the times {median:.1} ms came twice, and not {TWICE_MS}"));
        }
        if seams.gaps > 0 {
            self.torn(seams.gaps, format!("it ran dry on the bus {} times", seams.gaps));
        }
    }
}

/// What came as words of 32 bits, left-justified.
pub(super) fn wide(stream: &Stream) -> Wide {
    let word = usize::from(stream.setting.bytes);
    let bytes = stream.bytes.chunks_exact(word).flat_map(|sample| [&[0; 4][word..], sample].concat()).collect();
    Wide { bytes, bits: 8 * word as u32 }
}

#[cfg(test)]
mod tests {
    use super::super::fade::faded_in;
    use super::*;

    fn join(streams: &[Wide], track: &[u8]) -> Seams {
        super::join(streams, Whole { track, frame: 4, rate: 1000, dsd: false })
    }

    fn track() -> Vec<u8> {
        (1..5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    /// Silence, 20 frames of this, then the track from `from` to `to`.
    fn behind(fade: &[u8], track: &[u8], from: usize, to: usize) -> Wide {
        Wide { bytes: [&[0; 400], fade, &track[from * 4..to * 4]].concat(), bits: 32 }
    }

    fn stream(track: &[u8], from: usize, to: usize, faded: bool) -> Wide {
        let fade = if faded { faded_in(&track[(from - 20) * 4..], 20) } else { Vec::new() };
        behind(&fade, track, from, to)
    }

    #[test]
    fn streams_that_overlap_are_the_track() {
        let track = track();
        let all = track.len() / 4;
        let mut last = stream(&track, 2990, all, true);
        last.bytes.extend([0; 800]);
        let streams = [stream(&track, 0, 1500, false), stream(&track, 1500, 3000, true), last];
        assert_eq!(join(&streams, &track), Seams { frames: all, twice: vec![0, 10], gaps: 0, faults: vec![] });
    }

    #[test]
    fn dsd_has_silence_in_front_of_each_stream_and_no_fade() {
        let track = track();
        let all = track.len() / 4;
        let part = |silence: usize, from: usize, to: usize| Wide {
            bytes: [&vec![SILENCE; 4 * silence], &track[from * 4..to * 4]].concat(),
            bits: 32,
        };
        let whole = Whole { track: &track, frame: 4, rate: 1000, dsd: true };
        let joined = |second| super::join(&[part(100, 0, 1500), second], whole);
        let mut well = part(100, 1490, all);
        well.bytes.extend([SILENCE; 400]);
        assert_eq!(joined(well), Seams { frames: all, twice: vec![10], gaps: 0, faults: vec![] });
        for (second, fault) in [
            (part(99, 1500, all), "stream 1: 99 frames of DSD silence before it"),
            (part(100, 1501, all), "1 frames are missing before stream 1"),
            (part(100, 1500, all - 1), "the last 1 frames"),
            (part(100, 1399, all), "101 frames came twice"),
            (stream(&track, 1500, all, true), "isn't the track's"),
        ] {
            let found = joined(second);
            assert!(found.faults.iter().any(|text| text.contains(fault)), "{fault}: {found:?}");
        }
    }

    #[test]
    fn what_is_missing_and_what_is_not_the_track_s_is_found() {
        let track = track();
        let all = track.len() / 4;
        let first = stream(&track, 0, 1500, false);
        for (second, fault) in [
            (stream(&track, 1501, all, true), "1 frames are missing before stream 1"),
            (stream(&track, 1500, all - 1, true), "the last 1 frames"),
            (Wide { bytes: vec![7; 8000], bits: 32 }, "isn't the track's"),
            (stream(&track, 1500 - 101, all, true), "101 frames came twice"),
            (stream(&track, 1500 - 990, all, true), "990 frames came twice"),
            (behind(&[0xff; 80], &track, 1500, all), "isn't faded in"),
            (behind(&[1; 80], &track, 1490, all), "isn't faded in"),
            (behind(&[], &track, 1480, all), "isn't faded in"),
        ] {
            let found = join(&[first.clone(), second], &track);
            assert!(found.faults.iter().any(|text| text.contains(fault)), "{fault}: {found:?}");
        }
        let mut changed = stream(&track, 1500, all, true);
        changed.bytes[4000] ^= 1;
        assert!(!join(&[first, changed], &track).faults.is_empty());
        // In the first one, too: frames that are lost, a hole and more than was on its way, and noise.
        let rest = stream(&track, 1500, all, true);
        for between in [vec![0; 1200], track[..1200].iter().map(|byte| byte ^ 0xa5).collect(), Vec::new()] {
            let (head, tail) = (&track[..400], &track[800..6000]);
            let broken = Wide { bytes: [&[0; 400], head, &between, tail].concat(), bits: 32 };
            let found = join(&[broken, rest.clone()], &track);
            assert!(!found.faults.is_empty() && found.gaps == 0, "{found:?}");
        }
    }

    #[test]
    fn half_of_the_seams_are_of_wake_ups_in_time() {
        let faults = |twice: &[usize]| {
            let mut tried = Tried::default();
            tried.joined(&Seams { twice: twice.to_vec(), ..Seams::default() }, 1000);
            tried.faults.len()
        };
        assert_eq!([faults(&[]), faults(&[99]), faults(&[60, 20, 99]), faults(&[61, 20, 99])], [0, 0, 0, 1]);
    }

    #[test]
    fn running_dry_within_a_stream_is_counted() {
        let track = track();
        let rest = stream(&track, 1500, track.len() / 4, true);
        // At 1000 Hz 20 frames may have been on their way.
        let dry = Wide { bytes: [&[0; 400], &track[..400], &[0; 1200], &track[480..6000]].concat(), bits: 32 };
        let found = join(&[dry, rest], &track);
        assert_eq!((found.gaps, found.frames, found.faults), (1, track.len() / 4, vec![]));
    }
}
